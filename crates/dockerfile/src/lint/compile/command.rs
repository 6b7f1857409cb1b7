//! Which commands compile.

use super::LineOf;
use super::variables::{Local, Variables};
use crate::lint::images::Language;
use crate::lint::shell::assignment;

/// Programs that run a project's own recipes, which call the compiler.
const RUNNERS: &[&str] = &["make", "gmake", "just", "task", "mage", "ninja"];

/// The language of a compile step, with the variables that the compiler sees. Tools that a step installs for itself
/// (`go install tool@version`) are none. What a recipe or a script calls is not read: it compiles when the step sets
/// the compiler's target for it.
pub(super) fn compiler<'a>(
    words: &[&str],
    variables: &Variables<'a>,
    line: &LineOf<'_>,
) -> Option<(Language, Variables<'a>)> {
    if let Some(language) = direct(words) {
        return Some((language, variables.clone()));
    }
    if !is_runner(words) {
        return None;
    }
    // `make GOARCH=arm64` hands the assignment on to what it calls.
    let handed = words.iter().filter_map(|word| assignment(word));
    let own =
        variables.with(handed.map(|(name, value)| Local::new(&(name.to_owned(), value.to_owned()), line)));
    let has = |name: &str| own.get(name).is_some_and(|value| !value.is_empty());
    let language = match () {
        () if has("GOARCH") => Language::Go,
        () if has("CARGO_BUILD_TARGET") => Language::Rust,
        () => return None,
    };
    Some((language, own))
}

fn is_runner(words: &[&str]) -> bool {
    let name = |word: &&str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let first = words.first().map(name).unwrap_or_default();
    let script = |word: &str| word.ends_with(".sh");
    RUNNERS.contains(&first.as_str())
        || script(&first)
        || (matches!(first.as_str(), "sh" | "bash")
            && words.iter().skip(1).find(|word| !word.starts_with('-')).is_some_and(|word| script(word)))
}

fn direct(words: &[&str]) -> Option<Language> {
    let (first, rest) = words.split_first()?;
    let mut rest = rest.iter().skip_while(|word| word.starts_with(['+', '-'])).copied();
    let subcommand = rest.next()?;
    match first.rsplit('/').next()? {
        "go" if subcommand == "build" => Some(Language::Go),
        "go" if subcommand == "install" => {
            (!words.iter().any(|word| word.contains('@'))).then_some(Language::Go)
        }
        "cargo" if matches!(subcommand, "build" | "b" | "rustc" | "zigbuild") => Some(Language::Rust),
        "cargo" if subcommand == "auditable" => (rest.next() == Some("build")).then_some(Language::Rust),
        "cargo" if subcommand == "install" => {
            words.iter().any(|word| word.starts_with("--path")).then_some(Language::Rust)
        }
        _ => None,
    }
}
