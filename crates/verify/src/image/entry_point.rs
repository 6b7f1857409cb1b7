//! Checks that the runtime finds the program that the image starts, and that the user may execute it.

use crate::image::ImageFacts;
use crate::program::container::{Container, not_executable, on_search_path};
use crate::root::{EntryKind, ResolveError, Resolved, resolve};
use crate::{Finding, Target, codes};

/// Returns the program that the image starts, with links resolved; `None` if there is none, which a finding reports.
pub(crate) fn find(
    image: &ImageFacts,
    target: &Target,
    container: Container<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Resolved> {
    let Some(word) = image.command().next() else {
        let message =
            "The image has neither an entry point nor a command: a runtime shows `no command specified`.";
        findings.push(Finding::new(codes::NO_ENTRY_POINT, target.name(), "", message));
        return None;
    };
    // Only a word without a slash is searched on PATH (`exec.LookPath`).
    let found = match word.contains('/') {
        true => by_path(image, target, word, container, findings),
        false => by_name(target, word, container, findings),
    }?;
    if let Some(finding) = not_executable(target, word, &found, container.user) {
        findings.push(finding);
    }
    (found.entry.kind == EntryKind::File).then_some(found)
}

fn by_path(
    image: &ImageFacts,
    target: &Target,
    word: &str,
    container: Container<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Resolved> {
    let absolute = container.seen_from_working_directory(word);
    match resolve(container.root, &absolute) {
        Ok(found) => Some(found),
        Err(ResolveError::Unreadable(error)) => {
            findings.push(Finding::new(codes::UNREADABLE, target.name(), word, format!("{error}.")));
            None
        }
        Err(error) => {
            findings.push(missing(image, target, word, &absolute, &error, container));
            None
        }
    }
}

fn missing(
    image: &ImageFacts,
    target: &Target,
    word: &str,
    absolute: &str,
    error: &ResolveError,
    container: Container<'_>,
) -> Finding {
    let shown =
        format!("a runtime shows `exec: \"{word}\": stat {word}: no such file or directory`, exit 127");
    let first = word.split_whitespace().next().unwrap_or(word);
    // A Dockerfile's shell form that was copied into exec form: the first word of the line is a program.
    let first_is_there = first != word && container.resolve(first).is_ok();
    if first_is_there {
        let message =
            format!("The entry point is the single word {word:?}, and no file has that name: {shown}.");
        let words: Vec<String> = word.split_whitespace().map(|word| format!("\"{word}\"")).collect();
        let help = format!("Split the words: `[{}]`.", words.join(", "));
        return Finding::new(codes::ENTRY_POINT_COMMAND_LINE, target.name(), word, message).with_help(help);
    }
    if image.is_shell_form() {
        let message = format!("The image starts its program through {word}, and {error}: {shown}.");
        return Finding::new(codes::SHELL_MISSING, target.name(), word, message);
    }
    let from = if word.starts_with('/') {
        String::new()
    } else {
        format!(
            ", looked up from the working directory {} as {}",
            image.working_directory(),
            crate::root::normalize(absolute)
        )
    };
    let message = format!("The image starts {word}{from}, and {error}: {shown}.");
    Finding::new(codes::ENTRY_POINT_MISSING, target.name(), word, message)
}

fn by_name(
    target: &Target,
    word: &str,
    container: Container<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Resolved> {
    if let Some(found) = on_search_path(container, word) {
        return Some(found);
    }
    let first = word.split_whitespace().next().unwrap_or(word);
    let is_line = first != word && on_search_path(container, first).is_some();
    let shown = format!("a runtime shows `exec: \"{word}\": executable file not found in $PATH`, exit 127");
    let path = container.search_path().join(":");
    let (code, message) = match is_line {
        true => (
            codes::ENTRY_POINT_COMMAND_LINE,
            format!("The entry point is the single word {word:?}, and no file has that name: {shown}."),
        ),
        false => (
            codes::ENTRY_POINT_NOT_ON_PATH,
            format!(
                "The image starts {word:?}, and no directory of PATH ({path}) has it for the configured user: {shown}."
            ),
        ),
    };
    findings.push(Finding::new(code, target.name(), word, message).with_evidence("PATH", path));
    None
}
