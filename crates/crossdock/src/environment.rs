//! The environment variables of a cross build, for any other build system.

use std::collections::BTreeMap;

use camino::Utf8Path;
use crossdock_platform::{
    BuildTarget, Interpretation, Libc, Os, OsSource, Platform, PlatformFacts, Unsupported, Vocabulary,
};
use crossdock_project::NativeCode;
use crossdock_project::config::{Source, Sourced};
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_toolchain::choice::{GoRequest, RustChoice, RustRequest, Wrapper, choose_go, choose_rust};
use crossdock_toolchain::host::{Host, Needs, Probe, detect};

pub use crossdock_platform::Linkage;
pub use crossdock_project::Language;

use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output, missing};
use crate::interpret::ambiguity;

/// Choices of [`environment`](environment()).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EnvironmentOptions {
    /// The language that is compiled.
    pub language: Language,
    /// How programs are linked. If `None`, Go programs are static, and Rust programs are static if the platform has
    /// static programs.
    pub linkage: Option<Linkage>,
    /// The vocabulary of the description, for a name that several vocabularies contain.
    pub vocabulary: Option<Vocabulary>,
}

impl EnvironmentOptions {
    /// Returns the options for a language.
    #[must_use]
    pub fn new(language: Language) -> Self {
        Self { language, linkage: None, vocabulary: None }
    }

    /// Chooses how programs are linked.
    #[must_use]
    pub fn linkage(self, linkage: Linkage) -> Self {
        Self { linkage: Some(linkage), ..self }
    }

    /// Chooses the vocabulary of the description.
    #[must_use]
    pub fn vocabulary(self, vocabulary: Vocabulary) -> Self {
        Self { vocabulary: Some(vocabulary), ..self }
    }
}

/// Returns the environment variables, by name, with which `go build` or `cargo build` compiles for a description, e.g.
/// `GOARCH` or `CARGO_BUILD_TARGET`. Writes the linker scripts that they refer to into the cache.
///
/// ```
/// use crossdock::environment::{EnvironmentOptions, Language, environment};
///
/// # let (_directory, context) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/example.rs"))?;
/// let variables = environment(&context, "m7g.large", &EnvironmentOptions::new(Language::Go))?;
/// assert_eq!(variables["GOARCH"], "arm64");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The description is unknown or ambiguous ([`ErrorKind::Rejected`]), or the host has no toolchain for it
/// ([`ErrorKind::Missing`]).
pub fn environment(
    context: &Context,
    description: &str,
    options: &EnvironmentOptions,
) -> Result<BTreeMap<String, String>, Error> {
    context.unless_cancelled(|| {
        let facts = match crossdock_platform::interpret(description, options.vocabulary) {
            Interpretation::Exact(facts) => facts,
            Interpretation::Ambiguous { candidates, why } => {
                return Err(ambiguous(description, &candidates, &ambiguity(&candidates, &why)));
            }
            Interpretation::Unknown(unknown) => return Err(rejected(unknown.to_string())),
        };
        let Some((_, source)) = facts.platform_or_linux() else {
            let message = format!("{description} names no architecture that Go or Rust builds for");
            return Err(rejected(message).hint("specify a platform, e.g. linux/arm64"));
        };
        if source == OsSource::Assumed {
            context.note(&format!("{description} names no operating system: linux is assumed"));
        }
        match options.language {
            Language::Go => go(context, options, &facts),
            Language::Rust => rust(context, options, &facts),
        }
    })
}

fn rejected(message: impl Into<String>) -> Error {
    Error::from_message(ErrorKind::Rejected, message)
}

fn not_buildable(error: Unsupported) -> Error {
    Error::new(ErrorKind::Rejected, &error)
}

type Variables = BTreeMap<String, String>;

fn ambiguous(text: &str, candidates: &[PlatformFacts], why: &str) -> Error {
    let meaning = |one: &PlatformFacts| {
        let (platform, _) = one.platform_or_linux()?;
        Some(format!("{platform} ({})", one.vocabulary))
    };
    let meanings: Vec<String> = candidates.iter().filter_map(meaning).collect();
    rejected(format!("{text} is ambiguous: {why}")).hint(format!("it may mean {}", meanings.join(", ")))
}

fn configured(linkage: Linkage) -> Sourced<Linkage> {
    Sourced::new(linkage, Source::CommandLine("--linkage".to_owned()))
}

/// Returns the C library that the description names, as a setting of the toolchain.
fn configured_libc(description: &PlatformFacts) -> Option<Sourced<Libc>> {
    let libc = match description.libc? {
        Libc::Musl => Libc::Musl,
        // A setting of the toolchain has no version: the target's own tools decide it.
        Libc::Gnu { .. } => Libc::GNU,
        _ => return None,
    };
    Some(Sourced::new(libc, Source::CommandLine("DESCRIPTION".to_owned())))
}

/// Returns the build target with the description's float ABI. Without a C library in the description the toolchain
/// chooses one.
fn target(description: &PlatformFacts, name: Linkage) -> Result<BuildTarget, Error> {
    description
        .target(name)
        .ok_or_else(|| rejected("the description names no architecture that Go or Rust builds for"))
}

fn unavailable(tool: &Unavailable) -> Error {
    let error = Error::from_message(ErrorKind::Missing, tool.why.clone());
    tool.remedies.iter().fold(error, |error, remedy| error.hint(remedy.to_string()))
}

/// Returns Go's variables. Without cgo Go needs no tools for the target; a dynamic program is one with cgo.
fn go(
    context: &Context,
    options: &EnvironmentOptions,
    description: &PlatformFacts,
) -> Result<Variables, Error> {
    let name = options.linkage.unwrap_or(Linkage::Static);
    let target = target(description, name)?;
    let mut variables = target.go().map_err(not_buildable)?.env();
    variables.insert("CGO_ENABLED".to_owned(), "0".to_owned());
    if name == Linkage::Static {
        return Ok(variables);
    }
    let directory = &context.environment.directory;
    let needs = Needs::default().with_go([directory.clone()]).with_probes([Probe::CCompiler]);
    let host = detect(&context.processes, &needs).map_err(missing)?;
    let cgo = Sourced::new(true, Source::CommandLine("--linkage".to_owned()));
    let linkage = configured(name);
    let request = GoRequest::new(directory, target.platform(), &linkage)
        .with_cgo(Some(&cgo))
        .with_float(description.float);
    match choose_go(&request, &host, context.cache_directory()?) {
        Availability::Available(choice) => {
            write(&choice.wrappers)?;
            Ok(choice.environment)
        }
        Availability::Unavailable(tool) => Err(unavailable(&tool)),
    }
}

/// Returns Cargo's variables, chosen as the planner does: the directory's toolchain, its linker, and a C compiler if one
/// is found.
fn rust(
    context: &Context,
    options: &EnvironmentOptions,
    description: &PlatformFacts,
) -> Result<Variables, Error> {
    // Reject a platform that no rustc supports before the host is queried, which takes longer.
    let wanted = target(description, options.linkage.unwrap_or(Linkage::Dynamic))?;
    let bare = BuildTarget::new(wanted.platform().clone(), wanted.linkage());
    bare.rust().map_err(not_buildable)?;
    if let (Some(_), Ok(rust)) = (wanted.apple(), wanted.rust()) {
        return Err(needs_xcode(rust.triple));
    }
    let directory = &context.environment.directory;
    let needs = Needs::default().with_rust([directory.clone()]).with_probes([Probe::CCompiler]);
    let host = detect(&context.processes, &needs).map_err(missing)?;
    let name = rust_linkage(context, options, description, &host)?;
    let target = target(description, name)?;
    if description.libc == Some(Libc::Msvc) && host.platform.os() != Os::Windows {
        return Err(needs_windows(target.platform()));
    }
    let (libc, linkage) = (configured_libc(description), configured(name));
    let cache = context.cache_directory()?;
    let choose = |native_code: &NativeCode| {
        let request = rust_request(directory, &target, description, native_code, (&linkage, libc.as_ref()));
        choose_rust(&request, &host, cache).into_iter().next()
    };
    let with_c = choose(&NativeCode::everywhere(vec![vec!["any crate that compiles C".to_owned()]]));
    let choice = match with_c {
        Some(Availability::Available(choice)) => choice,
        _ => {
            match choose(&NativeCode::default()) {
                Some(Availability::Available(choice)) => {
                    context.warn("no C compiler for the target was found: crates that contain C code will fail to build");
                    choice
                }
                Some(Availability::Unavailable(tool)) => return Err(unavailable(&tool)),
                None => return Err(Error::from_message(ErrorKind::Missing, "no Rust toolchain was found")),
            }
        }
    };
    write(&choice.wrappers)?;
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        if context.environment.get(name).is_some() {
            context
                .warn(&format!("{name} is set, which makes cargo ignore the flags of the target; unset it"));
        }
    }
    Ok(variables_of(choice))
}

/// Returns the request to the toolchains. A platform has no float ABI, so the description's is passed next to it.
fn rust_request<'a>(
    directory: &'a Utf8Path,
    target: &'a BuildTarget,
    description: &PlatformFacts,
    native_code: &'a NativeCode,
    (linkage, libc): (&'a Sourced<Linkage>, Option<&'a Sourced<Libc>>),
) -> RustRequest<'a> {
    let platforms = std::slice::from_ref(target.platform());
    RustRequest::new(directory, platforms, linkage)
        .with_libc(libc)
        .with_float(description.float)
        .with_native_code(native_code)
}

/// Returns the requested linkage, else static if the platform has static programs.
fn rust_linkage(
    context: &Context,
    options: &EnvironmentOptions,
    description: &PlatformFacts,
    host: &Host,
) -> Result<Linkage, Error> {
    let builds = |name| Ok(rust_builds(&target(description, name)?, host).map_err(not_buildable));
    if let Some(name) = options.linkage {
        return builds(name)?.map(|()| name);
    }
    if builds(Linkage::Static)?.is_ok() {
        return Ok(Linkage::Static);
    }
    builds(Linkage::Dynamic)??;
    let platform = target(description, Linkage::Dynamic)?.platform().clone();
    context.note(&format!("Rust has no static programs for {platform}: --linkage dynamic is assumed"));
    Ok(Linkage::Dynamic)
}

/// Checks that rustc has such a target with a C library that this host can link.
fn rust_builds(target: &BuildTarget, host: &Host) -> Result<(), Unsupported> {
    // Microsoft's C library can be linked on Windows only; MinGW's everywhere.
    let elsewhere = target.platform().os() == Os::Windows && host.platform.os() != Os::Windows;
    let target = if elsewhere { target.clone().with_libc(Libc::Mingw) } else { target.clone() };
    target.rust().map(drop)
}

/// Returns the error for Apple's simulator and Mac Catalyst, whose programs only Xcode can link, on a Mac.
fn needs_xcode(triple: &str) -> Error {
    rejected(format!("the libraries of {triple} are part of Xcode, which crossdock does not set up"))
        .hint(format!("on a Mac with Xcode: cargo build --target {triple}"))
}

fn needs_windows(platform: &Platform) -> Error {
    let why = "Microsoft's C library can be linked on Windows only";
    rejected(why).hint(format!("specify {platform}, which is built with MinGW's C library"))
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

/// Writes the scripts that the variables refer to.
fn write(wrappers: &[Wrapper]) -> Result<(), Error> {
    for wrapper in wrappers {
        if let Some(directory) = wrapper.path.parent() {
            crossdock_fs::create_directory_no_follow(directory.as_std_path()).map_err(input_output)?;
        }
        crossdock_fs::write_executable(wrapper.path.as_std_path(), wrapper.content.as_bytes())
            .map_err(input_output)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crossdock_platform::{Vocabulary, known_names};

    use super::*;
    use crate::interpret::interpret;
    use crossdock_toolchain::choice::{go_settings, possible_targets};

    /// Every known name that implies an architecture, with its facts and the answer of `interpret`.
    fn examples() -> Vec<(String, PlatformFacts, crate::interpret::Answer)> {
        let names = Vocabulary::ALL
            .iter()
            .flat_map(|vocabulary| known_names(*vocabulary).into_iter().map(move |name| (*vocabulary, name)));
        let levels =
            ["GOARM=7,softfloat", "linux_arm_7,softfloat", "GOMIPS=softfloat", "linux_386_softfloat"];
        let more = levels.into_iter().map(|name| (None, name.to_owned()));
        let named = names.map(|(vocabulary, name)| (Some(vocabulary), name)).chain(more);
        let read = named.filter_map(|(vocabulary, name)| {
            let Interpretation::Exact(description) = crossdock_platform::interpret(&name, vocabulary) else {
                return None;
            };
            description.architecture?;
            let answer = interpret(&name, vocabulary);
            Some((name, description, answer))
        });
        read.collect()
    }

    #[test]
    fn go_gets_the_settings_of_interpret_for_every_name() {
        let mut count = 0;
        for (name, description, answer) in examples() {
            let target = target(&description, Linkage::Static).unwrap();
            let linkage = configured(Linkage::Static);
            let request = GoRequest::new(Utf8Path::new("/project"), target.platform(), &linkage)
                .with_float(description.float);
            let mut with_cgo = go_settings(&request).ok();
            if let Some(settings) = &mut with_cgo {
                settings.remove("CGO_ENABLED");
            }
            let without_cgo = target.go().ok().map(|go| go.env());
            assert_eq!(
                (&without_cgo, &with_cgo),
                (&answer.go, &answer.go),
                "{} {name}",
                description.vocabulary
            );
            count += usize::from(without_cgo.is_some());
        }
        assert!(count > 900, "{count}");
    }

    #[test]
    fn rust_gets_the_target_of_interpret_for_every_name() {
        let (directory, host) = (Utf8Path::new("/project"), Host::hypothetical(&Platform::LINUX_AMD64));
        let mut count = 0;
        for (name, description, answer) in examples() {
            let Some(rust) = answer.rust else { continue };
            for (linkage, triple) in [(Linkage::Static, rust.r#static), (Linkage::Dynamic, rust.dynamic)] {
                let target = target(&description, linkage).unwrap();
                let (linkage, libc) = (configured(linkage), configured_libc(&description));
                let none = NativeCode::default();
                let request =
                    rust_request(directory, &target, &description, &none, (&linkage, libc.as_ref()));
                let first = possible_targets(&request, &host, target.platform()).into_iter().next();
                // `environment` keeps the C library that the description names, and considers what the host can link.
                if libc.is_some() || target.platform().os() != Os::Linux {
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
