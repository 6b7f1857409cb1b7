//! For which platform a step compiles.

use crossdock_platform::{BuildTarget, Libc, Linkage, Os, Platform, known_platforms};

use super::variables::Variables;
use super::{LineOf, TARGET_VARIABLES, asks_for_the_platform, option};
use crate::lint::images::Language;

/// For what a step compiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lint) enum CompileTarget {
    /// The platform of the stage.
    Native,
    /// Another system than Linux: the program is taken somewhere else, and no node starts it.
    Foreign,
    /// Always the same platform, as the value of a variable or of an option says it in a line.
    Constant { platform: Platform, name: String, value: String, line: usize },
    /// The platform of the image.
    Image,
    /// The platform that the step runs on, by a variable or a command that says which that is.
    Builder { name: String, value: String, line: usize },
    /// The variable of the image's platform, which the stage does not declare.
    Undeclared { name: String },
    /// A Rust triple made from the image's architecture.
    Composed { name: String, value: String, line: usize },
    /// The file does not tell.
    Unknown,
}

pub(super) fn target(
    language: Language,
    words: &[&str],
    variables: &Variables<'_>,
    script: &str,
    line: &LineOf<'_>,
) -> CompileTarget {
    if is_foreign(language, words, variables) {
        return CompileTarget::Foreign;
    }
    let given = option(words, "--target").filter(|_| language == Language::Rust);
    let (name, value) = match (language, given) {
        (Language::Go, _) => ("GOARCH", variables.get("GOARCH")),
        (Language::Rust, Some(value)) => ("--target", Some(value)),
        (Language::Rust, None) => ("CARGO_BUILD_TARGET", variables.get("CARGO_BUILD_TARGET")),
    };
    // Scripts that look at the image's platform in a way that is not understood here are given credit.
    let mentions = asks_for_the_platform(script);
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        let unsure = mentions || variables.wild || variables.is_open(name);
        return if unsure { CompileTarget::Unknown } else { CompileTarget::Native };
    };
    if variables.is_conditional(name) && mentions {
        return CompileTarget::Unknown;
    }
    let line = variables.definition(name).unwrap_or_else(|| line(&value));
    let used = crate::read::variables(&value);
    if let Some((_, target)) = used.iter().find(|(_, name)| TARGET_VARIABLES.contains(name)) {
        return of_the_image(language, (name, value.clone(), line), target, variables);
    }
    if asks_for_the_builder(&value) {
        return CompileTarget::Builder { name: name.to_owned(), value, line };
    }
    match (used.as_slice(), platform(language, &value, variables)) {
        ([], Some(platform)) => CompileTarget::Constant { platform, name: name.to_owned(), line, value },
        ([(_, name)], _) => indirect(language, name, variables, line),
        _ => CompileTarget::Unknown,
    }
}

/// A target whose value has a variable of the image's platform.
fn of_the_image(
    language: Language,
    (name, value, line): (&str, String, usize),
    target: &str,
    variables: &Variables<'_>,
) -> CompileTarget {
    match variables.known.scope.get(target) {
        None => CompileTarget::Undeclared { name: target.to_owned() },
        // A default hides what the engine sets, which a rule of its own says.
        Some(Some(_)) => CompileTarget::Unknown,
        // What a command in the value makes of the variable is not known here.
        Some(None) if value.contains("$(") || value.contains('`') => CompileTarget::Unknown,
        Some(None) if language == Language::Rust => {
            CompileTarget::Composed { name: name.to_owned(), value, line }
        }
        Some(None) => CompileTarget::Image,
    }
}

/// Whether a value is the architecture of the machine that builds, or of the stage.
fn asks_for_the_builder(value: &str) -> bool {
    const ASKING: [&str; 4] = ["$(uname ", "$(arch)", "$(dpkg --print-architecture", "$(go env GOHOSTARCH"];
    ["$BUILDARCH", "${BUILDARCH}"].contains(&value) || ASKING.iter().any(|asking| value.starts_with(asking))
}

fn is_foreign(language: Language, words: &[&str], variables: &Variables<'_>) -> bool {
    let triple = option(words, "--target").or_else(|| variables.get("CARGO_BUILD_TARGET"));
    let known = |value: &String| !value.is_empty() && !value.contains('$');
    match language {
        Language::Go => variables.get("GOOS").filter(known).is_some_and(|os| os != "linux"),
        Language::Rust => triple.filter(known).is_some_and(|triple| {
            ["-windows-", "-darwin", "-apple-", "wasm", "-none", "-freebsd"]
                .iter()
                .any(|part| triple.contains(part))
        }),
    }
}

/// A target through one variable of the file: `ARG ARCH=amd64`, then `GOARCH=$ARCH`.
fn indirect(language: Language, name: &str, variables: &Variables<'_>, line: usize) -> CompileTarget {
    // What the script itself made of it is not followed.
    let of_the_file = variables.local.iter().all(|local| local.name() != name);
    let value = variables.known.scope.get(name).cloned().flatten().filter(|_| of_the_file);
    let line = variables.definition(name).unwrap_or(line);
    match value.and_then(|value| Some((platform(language, &value, variables)?, value))) {
        Some((platform, value)) => CompileTarget::Constant { platform, name: name.to_owned(), value, line },
        None => CompileTarget::Unknown,
    }
}

fn platform(language: Language, value: &str, variables: &Variables<'_>) -> Option<Platform> {
    match language {
        Language::Go => {
            let os = variables.get("GOOS").unwrap_or_else(|| "linux".to_owned());
            let level = variables
                .get("GOARM")
                .map(|level| format!("/v{}", level.chars().take(1).collect::<String>()));
            let variant = level.filter(|_| value == "arm").unwrap_or_default();
            Platform::parse(&format!("{os}/{value}{variant}")).ok().map(|platform| platform.normalized())
        }
        Language::Rust => triples().find(|(triple, _)| *triple == value).map(|(_, platform)| platform),
    }
}

/// The Rust target of a platform with the C library of another target.
pub(in crate::lint) fn triple_like(platform: &Platform, like: &str) -> Option<&'static str> {
    let musl = |triple: &str| triple.contains("-musl");
    let same = |other: &Platform| {
        (other.os(), other.architecture()) == (platform.os(), platform.architecture())
            && (platform.variant().is_none() || other.variant() == platform.variant())
    };
    triples().find(|(triple, other)| same(other) && musl(triple) == musl(like)).map(|(triple, _)| triple)
}

/// The Rust targets of Linux platforms.
fn triples() -> impl Iterator<Item = (&'static str, Platform)> {
    known_platforms().filter(|platform| platform.os() == Os::Linux).flat_map(|platform| {
        [(Linkage::Static, Libc::Musl), (Linkage::Dynamic, Libc::GNU)].into_iter().filter_map(
            move |(linkage, libc)| {
                let target = BuildTarget::new(platform.clone(), linkage).with_libc(libc);
                Some((target.rust().ok()?.triple, platform.clone()))
            },
        )
    })
}
