//! `crossdock env`: the variables with which any other build system builds what `crossdock dist` would build.

mod refused;

use std::collections::{BTreeMap, BTreeSet};

use crossdock_platform::{
    BuildTarget, Description, Libc, Linkage, Os, OsSource, Platform, Reading, Unsupported, describe,
};

use super::arguments::{EnvArguments, Language, LinkageName};
use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;
use super::shell::{assignments, failure};
use super::target::{utf8, vocabulary};
use crate::availability::{Availability, Unavailable};
use crate::config::{self, Source, Sourced};
use crate::host::{Also, Host, Needs, detect};
use crate::toolchain::{GoRequest, RustChoice, RustRequest, Wrapper, choose_go, choose_rust};
pub(super) use refused::refused;

/// Prints the variables. On every error standard output makes the shell's evaluation fail.
pub(super) fn run(
    session: Result<Session, CommandError>,
    arguments: &EnvArguments,
) -> Result<Exit, CommandError> {
    let variables = session.and_then(|session| variables(&session, arguments));
    match variables {
        Ok(variables) => {
            output::answer(&assignments(arguments.shell, &variables))?;
            Ok(Exit::Done)
        }
        Err(error) => {
            output::answer(failure(arguments.shell))?;
            Err(error)
        }
    }
}

type Variables = BTreeMap<String, String>;

fn variables(session: &Session, arguments: &EnvArguments) -> Result<Variables, CommandError> {
    let text = utf8(&arguments.description).map_err(|why| CommandError::message(Exit::No, why))?;
    let vocabulary = arguments.vocabulary.as_deref().map(vocabulary).transpose()?;
    let description = match describe(text, vocabulary) {
        Reading::Exact(description) => description,
        Reading::Ambiguous { candidates, why } => return Err(ambiguous(text, &candidates, &why)),
        Reading::Unknown(unknown) => return Err(CommandError::message(Exit::No, unknown.to_string())),
    };
    let Some((platform, source)) = description.platform_or_linux() else {
        let message = format!("{text} names no architecture that Go or Rust builds for");
        return Err(CommandError::message(Exit::No, message).hint("name a platform, as linux/arm64"));
    };
    if source == OsSource::Assumed && !session.quiet() {
        output::note(&format!("{text} names no operating system: linux is assumed"));
    }
    match arguments.lang {
        Language::Go => go(session, arguments, &platform),
        Language::Rust => rust(session, arguments, &description, &platform),
    }
}

fn ambiguous(text: &str, candidates: &[Description], why: &str) -> CommandError {
    let meaning = |one: &Description| {
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

fn unavailable(missing: &Unavailable) -> CommandError {
    let error = CommandError::message(Exit::Missing, missing.why.clone());
    missing.remedies.iter().fold(error, |error, remedy| error.hint(remedy.to_string()))
}

/// Without cgo Go needs no tool of the target; a dynamic program is one with cgo.
fn go(session: &Session, arguments: &EnvArguments, platform: &Platform) -> Result<Variables, CommandError> {
    let name = arguments.linkage.unwrap_or(LinkageName::Static);
    let target = BuildTarget::new(platform.clone(), linkage(name));
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
    let linkage = configured(name);
    let request =
        GoRequest { folder, platform, cgo: Some(&cgo), cgo_packages: &[], linkage: &linkage, libc: None };
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
    description: &Description,
    platform: &Platform,
) -> Result<Variables, CommandError> {
    let asked = linkage(arguments.linkage.unwrap_or(LinkageName::Dynamic));
    let bare = BuildTarget::new(platform.clone(), asked);
    bare.rust().map_err(|error| CommandError::new(Exit::No, &error))?;
    let folder = &session.environment.directory;
    let needs = Needs {
        rust: BTreeSet::from([folder.clone()]),
        also: BTreeSet::from([Also::CCompiler]),
        ..Needs::default()
    };
    let host =
        detect(&session.processes, &needs).map_err(|error| CommandError::new(Exit::Missing, &error))?;
    let name = rust_linkage(session, arguments, platform, &host)?;
    let libc = match description.libc {
        Some(Libc::Musl) => Some(config::Libc::Musl),
        Some(Libc::Gnu { .. }) => Some(config::Libc::Gnu),
        Some(Libc::Msvc) if host.platform.os() != Os::Windows => return Err(microsoft(platform)),
        _ => None,
    };
    let libc = libc.map(|libc| Sourced::new(libc, Source::CommandLine("DESCRIPTION".to_owned())));
    let linkage = configured(name);
    let choose = |native_code: &[Vec<String>]| {
        let platforms = std::slice::from_ref(platform);
        let libc = libc.as_ref();
        let request = RustRequest { folder, platforms, linkage: &linkage, libc, native_code, routes: &[] };
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

/// The linkage that was asked for, else static where the platform has static programs.
fn rust_linkage(
    session: &Session,
    arguments: &EnvArguments,
    platform: &Platform,
    host: &Host,
) -> Result<LinkageName, CommandError> {
    let no = |error: Unsupported| CommandError::new(Exit::No, &error);
    if let Some(name) = arguments.linkage {
        return rust_builds(platform, name, host).map(|()| name).map_err(no);
    }
    if rust_builds(platform, LinkageName::Static, host).is_ok() {
        return Ok(LinkageName::Static);
    }
    rust_builds(platform, LinkageName::Dynamic, host).map_err(no)?;
    if !session.quiet() {
        output::note(&format!("Rust has no static programs for {platform}: --linkage dynamic is assumed"));
    }
    Ok(LinkageName::Dynamic)
}

/// Whether rustc has a target for the platform with this linkage, and a C library that this host can link.
fn rust_builds(platform: &Platform, name: LinkageName, host: &Host) -> Result<(), Unsupported> {
    let target = BuildTarget::new(platform.clone(), linkage(name));
    let elsewhere = platform.os() == Os::Windows && host.platform.os() != Os::Windows;
    let target = if elsewhere { target.with_libc(Libc::Mingw) } else { target };
    target.rust().map(drop)
}

fn microsoft(platform: &Platform) -> CommandError {
    let why = "Microsoft's C library is on Windows alone, so its targets are not built from here";
    CommandError::message(Exit::No, why).hint(format!("{platform} builds with MinGW's"))
}

fn variables_of(choice: RustChoice) -> Variables {
    let mut variables = choice.environment;
    let upper = choice.triple.replace(['-', '.'], "_").to_ascii_uppercase();
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
        crossdock_oci::write_atomically(&wrapper.path, wrapper.content.as_bytes())
            .map_err(|error| failed(&error))?;
        make_executable(&wrapper.path).map_err(|error| failed(&error))?;
    }
    Ok(())
}

#[cfg(unix)]
fn make_executable(path: &camino::Utf8Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &camino::Utf8Path) -> std::io::Result<()> {
    Ok(())
}
