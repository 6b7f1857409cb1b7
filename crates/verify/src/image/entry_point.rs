//! Checks that the runtime finds the program that the image starts, and that the user may execute it.

use crate::image::ImageFacts;
use crate::program::busybox;
use crate::program::container::{
    Container, MAX_SEARCHED, has_too_many_parts, not_executable, searched, shown_path,
};
use crate::root::{ENGINE_FILES, EntryKind, ResolveError, Resolved, normalize};
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
    if image.has_empty_entrypoint() {
        findings.push(empty_entrypoint(target, word));
    }
    // Only a word without a slash is searched on PATH (`exec.LookPath`).
    let found = match word.contains('/') {
        true => by_path(image, target, word, container, findings),
        false => by_name(target, word, container, findings),
    }?;
    findings.extend(not_executable(target, word, &found, container.user));
    findings.extend(engine_mount(target, &found.path));
    if found.entry.kind != EntryKind::File {
        return None;
    }
    let words: Vec<&str> = image.command().collect();
    findings.extend(busybox::check(container.root, target, &found, &words));
    Some(found)
}

fn empty_entrypoint(target: &Target, word: &str) -> Finding {
    let message = format!(
        "The entry point is the empty word: Docker, podman and Kubernetes start the command {word:?}, and `ctr run` shows `exec: \"\": \
         executable file not found in $PATH`."
    );
    Finding::new(codes::REFUSED_BY_ONE_ENGINE, target.name(), "", message).with_help("Remove `Entrypoint`.")
}

/// Returns the finding about a program at a path over which some engines mount something.
fn engine_mount(target: &Target, path: &str) -> Option<Finding> {
    let (code, message) = if ENGINE_FILES.contains(&path) {
        let message = format!(
            "{path} of the image is hidden: Docker, podman and the kubelet mount a file of their own there, and only `ctr run` starts it."
        );
        (codes::ENGINES_DIFFER, message)
    } else if path.starts_with("/run/") {
        let message = format!(
            "{path} is below /run, over which `ctr run` mounts its own file system: it shows `no such file or directory`."
        );
        (codes::REFUSED_BY_ONE_ENGINE, message)
    } else {
        return None;
    };
    Some(
        Finding::new(code, target.name(), path, message).with_help("Put the program into another directory."),
    )
}

fn by_path(
    image: &ImageFacts,
    target: &Target,
    word: &str,
    container: Container<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Resolved> {
    let absolute = container.seen_from_working_directory(word);
    match container.resolve(word) {
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
    let (what, exit) = match error {
        ResolveError::NotDirectory { .. } => ("not a directory", 125),
        _ => ("no such file or directory", 127),
    };
    let shown = format!("a runtime shows `exec: \"{word}\": stat {word}: {what}`, exit {exit}");
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
            normalize(absolute)
        )
    };
    let message = format!("The image starts {word}{from}, and {error}: {shown}.");
    Finding::new(codes::ENTRY_POINT_MISSING, target.name(), word, message)
}

/// Returns the first file of this name that the user may execute, and the part of PATH that has it. Runtimes search as
/// Go's `exec.LookPath`, for which an empty PATH has no parts.
fn look_path<'a>(container: Container<'a>, name: &str) -> Option<(&'a str, Resolved)> {
    if container.variable("PATH") == Some("") {
        return None;
    }
    searched(container.search_path()).find_map(|part| {
        let found = container.resolve(&joined(part, name)).ok()?;
        container.user.may_start(&found).then_some((part, found))
    })
}

/// Joins a part of PATH and a name as Go does (`filepath.Join`): `..` removes the directory before it, also if the image
/// lacks that. An empty part is the working directory.
fn joined(part: &str, name: &str) -> String {
    match part {
        "" => format!("./{name}"),
        _ if part.starts_with('/') => normalize(&format!("{part}/{name}")),
        _ => format!("{part}/{name}"),
    }
}

/// Returns the finding about a program that is only found if `..` in a part of PATH is not looked up.
fn lexical_directory(
    target: &Target,
    word: &str,
    directory: &str,
    found: &Resolved,
    container: Container<'_>,
) -> Option<Finding> {
    let of_kernel = container.resolve(&format!("{directory}/{word}"));
    if !directory.starts_with('/') || of_kernel.is_ok_and(|other| other.path == found.path) {
        return None;
    }
    let message = format!(
        "The image starts {word:?}, which PATH has in {directory:?} if `..` only removes the part before it: runc takes it so, and crun \
         looks the directories up and shows `executable file not found in $PATH`."
    );
    let finding = Finding::new(codes::ENGINES_DIFFER, target.name(), word, message);
    Some(finding.with_help("Write the directory in PATH without `..`."))
}

/// Returns the finding about a program in a part of PATH that is relative or empty.
fn relative_directory(target: &Target, word: &str, directory: &str) -> Option<Finding> {
    if directory.starts_with('/') {
        return None;
    }
    // runc since it is built with Go 1.19 (`exec.ErrDot`); crun's `find_executable` takes it.
    let message = format!(
        "The image starts {word:?}, which PATH has in {directory:?}, relative to the working directory: runc shows `exec: \"{word}\": \
         cannot run executable found relative to current directory`, and only crun starts it."
    );
    let finding = Finding::new(codes::ENGINES_DIFFER, target.name(), word, message);
    Some(
        finding
            .with_help("Give the entry point as an absolute path, or put only absolute directories on PATH."),
    )
}

/// Returns the finding about a program that the searched parts of PATH do not have.
fn not_searched(target: &Target, word: &str) -> Finding {
    let message = format!(
        "The image starts {word:?}, which is in none of the first {MAX_SEARCHED} directories of PATH, and the others were not searched."
    );
    Finding::new(codes::LAUNCH_UNKNOWN, target.name(), word, message)
        .with_help("Remove directories from PATH.")
}

fn by_name(
    target: &Target,
    word: &str,
    container: Container<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Resolved> {
    if let Some((directory, found)) = look_path(container, word) {
        findings.extend(relative_directory(target, word, directory));
        findings.extend(lexical_directory(target, word, directory, &found, container));
        return Some(found);
    }
    let parts = container.search_path();
    if has_too_many_parts(&parts) {
        findings.push(not_searched(target, word));
        return None;
    }
    let first = word.split_whitespace().next().unwrap_or(word);
    let is_line = first != word && look_path(container, first).is_some();
    let shown = format!("a runtime shows `exec: \"{word}\": executable file not found in $PATH`, exit 127");
    let path = shown_path(&parts.join(":"));
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
