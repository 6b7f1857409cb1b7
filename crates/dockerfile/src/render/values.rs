//! Validation of values that end up in a Dockerfile: each must be valid at its place, or it could add instructions.

use super::error::RenderError;
use super::request::{Private, Request};

/// A predicate on one value.
type Check = fn(&str) -> bool;

/// Refuses the first value that is not valid at its place.
pub(super) fn check(request: &Request) -> Result<(), RenderError> {
    const NAME: &str =
        "it must consist of letters, digits, `.`, `_` and `-`, and begin with a letter or digit";
    const PACKAGE: &str = "it must consist of letters, digits and `.+-_/~:@=`, and not begin with `-`";
    each("version of the compiler", [&request.toolchain], is_name, NAME)?;
    each("version of Alpine", [&request.alpine], is_name, NAME)?;
    each("name of a program", request.programs.iter().map(|program| &program.name), is_name, NAME)?;
    each(
        "package of a program",
        request.programs.iter().map(|program| &program.package),
        is_package,
        PACKAGE,
    )?;
    each("feature", &request.build.features, is_package, PACKAGE)?;
    each("profile", &request.build.profile, is_name, NAME)?;
    each("package of the builder", &request.build.packages, is_package, PACKAGE)?;
    each("package of the base", &request.build.runtime_packages, is_package, PACKAGE)?;
    each("linker flag", &request.build.ldflags, is_line, "it must be one line")?;
    each("frontend", &request.syntax, is_package, PACKAGE)?;
    each(
        "source directory",
        &request.sources,
        is_relative,
        "it must be a path below the project's root without `?[]\\$`, spaces at its ends and `..`",
    )?;
    each(
        "pattern of the build's files",
        &request.context,
        is_pattern,
        "it must be one line that begins with neither `!` nor `#`",
    )?;
    let files = || request.files.iter();
    each(
        "file of the image",
        files().map(|file| &file.from),
        is_copied,
        "it must be a path below the project's root without `*?[]\\$`, spaces at its ends and `..`",
    )?;
    each(
        "path of a file in the image",
        files().map(|file| &file.to),
        is_copied_to,
        "it must be an absolute path without `$` and `\\`",
    )?;
    let modules = &request.modules;
    let directories = modules.directories.iter().chain(&modules.workspace).chain([&modules.directory]);
    each(
        "module directory",
        directories.filter(|directory| !directory.is_empty()),
        is_copied,
        "it must be a path below the project's root",
    )?;
    each("digest", request.digests.values(), is_digest, "it must be `sha256:` and 64 hexadecimal digits")?;
    for private in &request.private {
        match private {
            Private::Netrc(hosts) | Private::Ssh(hosts) => each("host", hosts, is_name, NAME)?,
            Private::CargoRegistry(name) => each("name of a registry", [name], is_name, NAME)?,
        }
    }
    container(request)
}

fn container(request: &Request) -> Result<(), RenderError> {
    const LINE: &str = "it must be one line without control characters";
    let container = &request.container;
    let words = container.entrypoint.iter().flatten().chain(&container.cmd);
    let health = container.health.iter().flat_map(|health| &health.command);
    each("argument", words.chain(health), is_line, LINE)?;
    each("variable", container.env.keys(), is_variable, "it must consist of letters, digits and `_`")?;
    each(
        "label",
        container.labels.keys(),
        is_label,
        "it must consist of letters, digits, `.`, `_`, `-` and `/`",
    )?;
    each("value", container.env.values().chain(container.labels.values()), is_line, LINE)?;
    each(
        "working directory",
        &container.workdir,
        is_path,
        "it must be an absolute path of letters, digits and `._-/`",
    )?;
    each(
        "port",
        &container.expose,
        is_port,
        "it must be 1 to 65535, optionally with `/tcp`, `/udp` or `/sctp`",
    )?;
    each("stop signal", &container.stop_signal, is_signal, "it must be a number or a name such as SIGINT")?;
    if container.user.0 == 0 {
        return Err(refused("user", "0", "it is root: choose another number, such as 65532"));
    }
    Ok(())
}

/// Returns the error for a value, which it shortens and whose control characters it escapes.
pub(super) fn refused(field: &'static str, value: &str, why: &'static str) -> RenderError {
    let value = value.chars().take(60).flat_map(char::escape_debug).collect();
    RenderError::Value { field, value, why }
}

fn each<'a>(
    field: &'static str,
    values: impl IntoIterator<Item = &'a String>,
    check: Check,
    why: &'static str,
) -> Result<(), RenderError> {
    let wrong = values.into_iter().find(|value| !check(value));
    wrong.map_or(Ok(()), |value| Err(refused(field, value, why)))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn is_package(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-_/~:@=".contains(&byte))
}

fn is_line(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

fn is_pattern(text: &str) -> bool {
    !text.trim().is_empty() && is_line(text) && !text.starts_with(['!', '#'])
}

/// Returns whether `.dockerignore` reads a text as a path in which `*` matches part of a name.
fn is_relative(text: &str) -> bool {
    let plain = is_pattern(text) && text.trim() == text && !text.contains(['?', '[', ']', '\\', '$']);
    plain && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Returns whether both `COPY` and `.dockerignore` take a text literally: both read patterns, and `COPY` expands
/// variables.
fn is_copied(text: &str) -> bool {
    let literal = is_line(text) && !text.contains(['*', '?', '[', ']', '\\', '$']);
    literal && text.trim() == text && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn is_copied_to(text: &str) -> bool {
    text.starts_with('/') && is_line(text) && !text.contains(['\\', '$'])
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

fn is_variable(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_label(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte))
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte))
}

fn is_port(text: &str) -> bool {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    digits && number.parse::<u16>().is_ok_and(|port| port > 0) && matches!(protocol, "tcp" | "udp" | "sctp")
}

fn is_signal(text: &str) -> bool {
    let number = text.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number));
    let name = text.strip_prefix("SIG").is_some_and(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"+-".contains(&byte))
    });
    number || name
}
