//! Validation of values that end up in a Dockerfile: each must be valid at its place, or it could add instructions.

use super::error::RenderError;
use super::request::{Private, Request};

/// A rule for one value: a predicate, and what to say of a value that violates it.
struct Rule {
    holds: fn(&str) -> bool,
    why: &'static str,
}

const NAME: Rule = Rule {
    holds: is_name,
    why: "it must consist of letters, digits, `.`, `_` and `-`, and begin with a letter or digit",
};
const PACKAGE: Rule = Rule {
    holds: is_package,
    why: "it must consist of letters, digits and `.+-_/~:@=`, and not begin with `-`",
};
const FLAG: Rule = Rule { holds: is_line, why: "it must be one line" };
const WORD: Rule = Rule { holds: is_word, why: "it must be one word" };
const SOURCE: Rule = Rule {
    holds: is_relative,
    why: "it must be a path below the project's root without `?[]\\$`, spaces at its ends and `..`",
};
const PATTERN: Rule =
    Rule { holds: is_pattern, why: "it must be one line that begins with neither `!` nor `#`" };
const COPIED: Rule = Rule {
    holds: is_copied,
    why: "it must be a path below the project's root without `*?[]\\$`, spaces at its ends and `..`",
};
const COPIED_TO: Rule = Rule { holds: is_copied_to, why: "it must be an absolute path without `$` and `\\`" };
const MODULE: Rule = Rule { holds: is_copied, why: "it must be a path below the project's root" };
const DIGEST: Rule = Rule { holds: is_digest, why: "it must be `sha256:` and 64 hexadecimal digits" };
const LINE: Rule = Rule { holds: is_line, why: "it must be one line without control characters" };
const VARIABLE: Rule = Rule { holds: is_variable, why: "it must consist of letters, digits and `_`" };
const LABEL: Rule =
    Rule { holds: is_label, why: "it must consist of letters, digits, `.`, `_`, `-` and `/`" };
const PATH: Rule = Rule { holds: is_path, why: "it must be an absolute path of letters, digits and `._-/`" };
const PORT: Rule =
    Rule { holds: is_port, why: "it must be 1 to 65535, optionally with `/tcp`, `/udp` or `/sctp`" };
const SIGNAL: Rule = Rule { holds: is_signal, why: "it must be a number or a name such as SIGINT" };

/// Refuses the first value that is not valid at its place.
pub(super) fn check(request: &Request) -> Result<(), RenderError> {
    compiler(request)?;
    paths(request)?;
    each("digest", request.digests.values(), &DIGEST)?;
    for private in &request.private {
        match private {
            Private::Netrc(hosts) | Private::Ssh(hosts) => each("host", hosts, &NAME)?,
            Private::CargoRegistry(name) => each("name of a registry", [name], &NAME)?,
        }
    }
    container(request)
}

fn compiler(request: &Request) -> Result<(), RenderError> {
    let (programs, build) = (&request.programs, &request.build);
    each("version of the compiler", [&request.toolchain], &NAME)?;
    each("version of Alpine", [&request.alpine], &NAME)?;
    each("base image", &request.base_reference, &PACKAGE)?;
    each("name of a program", programs.iter().map(|program| &program.name), &NAME)?;
    each("package of a program", programs.iter().map(|program| &program.package), &PACKAGE)?;
    each("feature", &build.features, &PACKAGE)?;
    each("profile", &build.profile, &NAME)?;
    each("package of the builder", &build.packages, &PACKAGE)?;
    each("package of the base", &build.runtime_packages, &PACKAGE)?;
    each("linker flag", &build.ldflags, &FLAG)?;
    each("variable", build.variables.keys(), &VARIABLE)?;
    each("value of a variable", build.variables.values(), &FLAG)?;
    each("flag of rustc", build.rustflags.values().flatten(), &WORD)?;
    each("frontend", &request.syntax, &PACKAGE)
}

fn paths(request: &Request) -> Result<(), RenderError> {
    let modules = &request.modules;
    let directories = modules.directories.iter().chain(&modules.workspace).chain([&modules.directory]);
    each("source directory", &request.sources, &SOURCE)?;
    each("pattern of the build's files", &request.context, &PATTERN)?;
    each("file of the image", request.files.iter().map(|file| &file.from), &COPIED)?;
    each("path of a file in the image", request.files.iter().map(|file| &file.to), &COPIED_TO)?;
    // The empty text is the project's root.
    each("module directory", directories.filter(|directory| !directory.is_empty()), &MODULE)
}

fn container(request: &Request) -> Result<(), RenderError> {
    let container = &request.container;
    let words = container.entrypoint.iter().flatten().chain(&container.cmd);
    let health = container.health.iter().flat_map(|health| &health.command);
    each("argument", words.chain(health), &LINE)?;
    each("variable", container.env.keys(), &VARIABLE)?;
    each("label", container.labels.keys(), &LABEL)?;
    each("value", container.env.values().chain(container.labels.values()), &LINE)?;
    each("working directory", &container.workdir, &PATH)?;
    each("port", &container.expose, &PORT)?;
    each("stop signal", &container.stop_signal, &SIGNAL)?;
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
    rule: &Rule,
) -> Result<(), RenderError> {
    let wrong = values.into_iter().find(|value| !(rule.holds)(value));
    wrong.map_or(Ok(()), |value| Err(refused(field, value, rule.why)))
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

fn is_word(text: &str) -> bool {
    !text.is_empty() && is_line(text) && !text.contains(char::is_whitespace)
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
