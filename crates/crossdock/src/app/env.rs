//! `crossdock env`: the variables with which any other build system builds what `crossdock dist` would build.

mod refused;

use std::collections::{BTreeMap, BTreeSet};

use crossdock_platform::{
    BuildTarget, Interpretation, Libc, Linkage, Os, OsSource, Platform, PlatformFacts, Unsupported, interpret,
};

use camino::Utf8Path;

use super::arguments::{EnvArguments, Language, LinkageName, ShellName};
use super::error::{CommandError, Exit};
use super::interpret::{utf8, vocabulary};
use super::output;
use super::session::Session;
use super::shell::{assignments, failure};
use crate::interpret::ambiguity;
use crossdock_project::config::{self, Source, Sourced};
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_toolchain::choice::{GoRequest, RustChoice, RustRequest, Wrapper, choose_go, choose_rust};
use crossdock_toolchain::host::{Also, Host, Needs, detect};
pub(super) use refused::refused;

/// Prints the variables, for the shell that `--json` or `--shell` names. On every error standard output makes the
/// shell's evaluation fail.
pub(super) fn run(
    session: Result<Session, CommandError>,
    arguments: &EnvArguments,
    json: Option<ShellName>,
) -> Result<Exit, CommandError> {
    let shell = arguments.shell.or(json).unwrap_or(ShellName::Sh);
    let variables = match json {
        Some(json) if shell != json => Err(contradiction()),
        _ => session.and_then(|session| variables(&session, arguments)),
    };
    match variables {
        Ok(variables) => {
            output::answer(&assignments(shell, &variables))?;
            Ok(Exit::Done)
        }
        Err(error) => {
            output::answer(failure(shell))?;
            Err(error)
        }
    }
}

fn contradiction() -> CommandError {
    CommandError::message(Exit::Usage, "--json asks for JSON, and --shell for something else")
        .hint("leave one of them out: --json is --shell json")
}

type Variables = BTreeMap<String, String>;

fn variables(session: &Session, arguments: &EnvArguments) -> Result<Variables, CommandError> {
    let text = utf8(&arguments.description).map_err(|why| CommandError::message(Exit::No, why))?;
    let vocabulary = arguments.vocabulary.as_deref().map(vocabulary).transpose()?;
    let description = match interpret(text, vocabulary) {
        Interpretation::Exact(description) => description,
        Interpretation::Ambiguous { candidates, why } => {
            return Err(ambiguous(text, &candidates, &ambiguity(&candidates, &why)));
        }
        Interpretation::Unknown(unknown) => return Err(CommandError::message(Exit::No, unknown.to_string())),
    };
    let Some((_, source)) = description.platform_or_linux() else {
        let message = format!("{text} names no architecture that Go or Rust builds for");
        return Err(CommandError::message(Exit::No, message).hint("name a platform, as linux/arm64"));
    };
    if source == OsSource::Assumed && !session.quiet() {
        output::note(&format!("{text} names no operating system: linux is assumed"));
    }
    match arguments.lang {
        Language::Go => go(session, arguments, &description),
        Language::Rust => rust(session, arguments, &description),
    }
}

fn ambiguous(text: &str, candidates: &[PlatformFacts], why: &str) -> CommandError {
    let meaning = |one: &PlatformFacts| {
        let (platform, _) = one.platform_or_linux()?;
        Some(format!("{platform} ({})", one.vocabulary))
    };
    let meanings: Vec<String> = candidates.iter().filter_map(meaning).collect();
    CommandError::message(Exit::No, format!("{text} is ambiguous: {why}"))
        .hint(format!("it may mean {}", meanings.join(", ")))
}

fn linkage(name: LinkageName) -> Linkage {
    match name {
        LinkageName::Static => Linkage::Static,
        LinkageName::Dynamic => Linkage::Dynamic,
    }
}

fn configured(name: LinkageName) -> Sourced<config::Linkage> {
    let linkage = match name {
        LinkageName::Static => config::Linkage::Static,
        LinkageName::Dynamic => config::Linkage::Dynamic,
    };
    Sourced::new(linkage, Source::CommandLine("--linkage".to_owned()))
}

/// The C library that the description names.
fn configured_libc(description: &PlatformFacts) -> Option<Sourced<config::Libc>> {
    let libc = match description.libc? {
        Libc::Musl => config::Libc::Musl,
        Libc::Gnu { .. } => config::Libc::Gnu,
        _ => return None,
    };
    Some(Sourced::new(libc, Source::CommandLine("DESCRIPTION".to_owned())))
}

/// What is built for, with the description's float ABI. Its C library is the toolchains' to choose where it names none.
fn target(description: &PlatformFacts, name: LinkageName) -> Result<BuildTarget, CommandError> {
    description.target(linkage(name)).ok_or_else(|| {
        CommandError::message(Exit::No, "the description names no architecture that Go or Rust builds for")
    })
}

fn unavailable(missing: &Unavailable) -> CommandError {
    let error = CommandError::message(Exit::Missing, missing.why.clone());
    missing.remedies.iter().fold(error, |error, remedy| error.hint(remedy.to_string()))
}

/// Without cgo Go needs no tool of the target; a dynamic program is one with cgo.
fn go(
    session: &Session,
    arguments: &EnvArguments,
    description: &PlatformFacts,
) -> Result<Variables, CommandError> {
    let name = arguments.linkage.unwrap_or(LinkageName::Static);
    let target = target(description, name)?;
    let mut variables = target.go().map_err(|error| CommandError::new(Exit::No, &error))?.env();
    variables.insert("CGO_ENABLED".to_owned(), "0".to_owned());
    if name == LinkageName::Static {
        return Ok(variables);
    }
    let folder = &session.environment.directory;
    let needs = Needs {
        go: BTreeSet::from([folder.clone()]),
        also: BTreeSet::from([Also::CCompiler]),
        ..Needs::default()
    };
    let host =
        detect(&session.processes, &needs).map_err(|error| CommandError::new(Exit::Missing, &error))?;
    let cgo = Sourced::new(true, Source::CommandLine("--linkage".to_owned()));
    let request = GoRequest {
        folder,
        platform: target.platform(),
        cgo: Some(&cgo),
        cgo_packages: &[],
        linkage: &configured(name),
        libc: None,
        float: description.float,
    };
    match choose_go(&request, &host, &session.cache) {
        Availability::Available(choice) => {
            write(&choice.wrappers)?;
            Ok(choice.environment)
        }
        Availability::Unavailable(missing) => Err(unavailable(&missing)),
    }
}

/// As the planner chooses: the folder's toolchain, its linker, and a C compiler where there is one.
fn rust(
    session: &Session,
    arguments: &EnvArguments,
    description: &PlatformFacts,
) -> Result<Variables, CommandError> {
    // What no rustc builds needs no look at this host.
    let asked = target(description, arguments.linkage.unwrap_or(LinkageName::Dynamic))?;
    let bare = BuildTarget::new(asked.platform().clone(), asked.linkage());
    bare.rust().map_err(|error| CommandError::new(Exit::No, &error))?;
    if let (Some(_), Ok(rust)) = (asked.apple(), asked.rust()) {
        return Err(of_xcode(rust.triple));
    }
    let folder = &session.environment.directory;
    let needs = Needs {
        rust: BTreeSet::from([folder.clone()]),
        also: BTreeSet::from([Also::CCompiler]),
        ..Needs::default()
    };
    let host =
        detect(&session.processes, &needs).map_err(|error| CommandError::new(Exit::Missing, &error))?;
    let name = rust_linkage(session, arguments, description, &host)?;
    let target = target(description, name)?;
    if description.libc == Some(Libc::Msvc) && host.platform.os() != Os::Windows {
        return Err(microsoft(target.platform()));
    }
    let (libc, linkage) = (configured_libc(description), configured(name));
    let choose = |native_code: &[Vec<String>]| {
        let request = rust_request(folder, &target, description, native_code, (&linkage, libc.as_ref()));
        choose_rust(&request, &host, &session.cache).into_iter().next()
    };
    let with_c = choose(&[vec!["any crate that compiles C".to_owned()]]);
    let choice = match with_c {
        Some(Availability::Available(choice)) => choice,
        _ => match choose(&[]) {
            Some(Availability::Available(choice)) => {
                output::note("no C compiler for the target was found: crates that compile C will fail");
                choice
            }
            Some(Availability::Unavailable(missing)) => return Err(unavailable(&missing)),
            None => return Err(CommandError::message(Exit::Missing, "no Rust toolchain was found")),
        },
    };
    write(&choice.wrappers)?;
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        if session.environment.get(name).is_some() {
            output::note(&format!("{name} is set: cargo then ignores the flags of the target, so unset it"));
        }
    }
    Ok(variables_of(choice))
}

/// What is asked of the toolchains: the description's float ABI is no platform's, so it stands beside the platform.
fn rust_request<'a>(
    folder: &'a Utf8Path,
    target: &'a BuildTarget,
    description: &PlatformFacts,
    native_code: &'a [Vec<String>],
    (linkage, libc): (&'a Sourced<config::Linkage>, Option<&'a Sourced<config::Libc>>),
) -> RustRequest<'a> {
    let platforms = std::slice::from_ref(target.platform());
    RustRequest { folder, platforms, linkage, libc, float: description.float, native_code, routes: &[] }
}

/// The linkage that was asked for, else static where the platform has static programs.
fn rust_linkage(
    session: &Session,
    arguments: &EnvArguments,
    description: &PlatformFacts,
    host: &Host,
) -> Result<LinkageName, CommandError> {
    let no = |error: Unsupported| CommandError::new(Exit::No, &error);
    let builds = |name| Ok(rust_builds(&target(description, name)?, host).map_err(no));
    if let Some(name) = arguments.linkage {
        return builds(name)?.map(|()| name);
    }
    if builds(LinkageName::Static)?.is_ok() {
        return Ok(LinkageName::Static);
    }
    builds(LinkageName::Dynamic)??;
    if !session.quiet() {
        let platform = target(description, LinkageName::Dynamic)?.platform().clone();
        output::note(&format!("Rust has no static programs for {platform}: --linkage dynamic is assumed"));
    }
    Ok(LinkageName::Dynamic)
}

/// Whether rustc has such a target, and a C library that this host can link.
fn rust_builds(target: &BuildTarget, host: &Host) -> Result<(), Unsupported> {
    let elsewhere = target.platform().os() == Os::Windows && host.platform.os() != Os::Windows;
    let target = if elsewhere { target.clone().with_libc(Libc::Mingw) } else { target.clone() };
    target.rust().map(drop)
}

/// What Apple's simulator and Mac Catalyst run is linked by Xcode alone, on a Mac.
fn of_xcode(triple: &str) -> CommandError {
    CommandError::message(
        Exit::No,
        format!("what {triple} links to is in Xcode, and crossdock does not set it up"),
    )
    .hint(format!("on a Mac with Xcode: cargo build --target {triple}"))
}

fn microsoft(platform: &Platform) -> CommandError {
    let why = "Microsoft's C library is on Windows alone, so its targets are not built from here";
    CommandError::message(Exit::No, why).hint(format!("{platform} builds with MinGW's"))
}

fn variables_of(choice: RustChoice) -> Variables {
    let mut variables = choice.environment;
    let upper = crossdock_platform::cargo_env_triple(&choice.triple);
    variables.insert("CARGO_BUILD_TARGET".to_owned(), choice.triple);
    if !choice.rustflags.is_empty() {
        variables.insert(format!("CARGO_TARGET_{upper}_RUSTFLAGS"), choice.rustflags.join(" "));
    }
    variables
}

/// Writes the scripts that the variables name.
fn write(wrappers: &[Wrapper]) -> Result<(), CommandError> {
    let failed = |error: &dyn std::error::Error| CommandError::new(Exit::InputOutput, error);
    for wrapper in wrappers {
        if let Some(folder) = wrapper.path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        }
        crossdock_fs::write_atomically(&wrapper.path, wrapper.content.as_bytes())
            .and_then(|()| crossdock_fs::make_executable(&wrapper.path))
            .map_err(|error| failed(&error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crossdock_platform::{Vocabulary, known_names};

    use super::*;
    use crate::interpret::answer;
    use crossdock_toolchain::choice::{go_settings, possible};

    /// Every name of our own tables that names an architecture, with what `target` says of it.
    fn examples() -> Vec<(String, PlatformFacts, crate::interpret::Answer)> {
        let names = Vocabulary::ALL
            .iter()
            .flat_map(|vocabulary| known_names(*vocabulary).into_iter().map(move |name| (*vocabulary, name)));
        let levels =
            ["GOARM=7,softfloat", "linux_arm_7,softfloat", "GOMIPS=softfloat", "linux_386_softfloat"];
        let more = levels.into_iter().map(|name| (None, name.to_owned()));
        let named = names.map(|(vocabulary, name)| (Some(vocabulary), name)).chain(more);
        let read = named.filter_map(|(vocabulary, name)| {
            let Interpretation::Exact(description) = interpret(&name, vocabulary) else { return None };
            description.architecture?;
            let said = answer(&name, vocabulary);
            Some((name, description, said))
        });
        read.collect()
    }

    #[test]
    fn go_is_told_what_target_says_of_every_name() {
        let mut count = 0;
        for (name, description, said) in examples() {
            let told = target(&description, LinkageName::Static).unwrap();
            let request = GoRequest {
                folder: Utf8Path::new("/project"),
                platform: told.platform(),
                cgo: None,
                cgo_packages: &[],
                linkage: &configured(LinkageName::Static),
                libc: None,
                float: description.float,
            };
            let mut with_cgo = go_settings(&request).ok();
            if let Some(settings) = &mut with_cgo {
                settings.remove("CGO_ENABLED");
            }
            let alone = told.go().ok().map(|go| go.env());
            assert_eq!((&alone, &with_cgo), (&said.go, &said.go), "{} {name}", description.vocabulary);
            count += usize::from(alone.is_some());
        }
        assert!(count > 900, "{count}");
    }

    #[test]
    fn rust_is_told_what_target_says_of_every_name() {
        let (folder, host) = (Utf8Path::new("/project"), Host::hypothetical(&Platform::LINUX_AMD64));
        let mut count = 0;
        for (name, description, said) in examples() {
            let Some(rust) = said.rust else { continue };
            for (linkage, triple) in
                [(LinkageName::Static, rust.r#static), (LinkageName::Dynamic, rust.dynamic)]
            {
                let told = target(&description, linkage).unwrap();
                let (linkage, libc) = (configured(linkage), configured_libc(&description));
                let request = rust_request(folder, &told, &description, &[], (&linkage, libc.as_ref()));
                let first = possible(&request, &host, told.platform()).into_iter().next();
                // `env` keeps the C library that the description names, and knows what this host cannot link.
                if libc.is_some() || told.platform().os() != Os::Linux {
                    continue;
                }
                if let Some(triple) = triple {
                    assert_eq!(first.map(|first| first.triple).as_deref(), Some(triple), "{name}");
                    count += 1;
                }
            }
        }
        assert!(count > 1000, "{count}");
    }
}
