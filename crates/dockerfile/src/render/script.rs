//! Shell lines for `RUN`, and the quoting of values in shell lines, exec forms, `ENV` and `LABEL`.

use std::collections::BTreeMap;

use crossdock_platform::{Architecture, Platform};
use minijinja::{Error, ErrorKind, Value};

/// A branch of the `case` over platforms: the variables that the compiler needs for one of them.
pub(super) struct Arm {
    pub(super) platform: Platform,
    pub(super) exports: BTreeMap<String, String>,
}

/// Returns the lines that set the compiler's variables for the platform that the engine requests.
pub(super) fn case(arms: &[Arm]) -> Vec<String> {
    let mut lines = vec![
        ": \"${TARGETARCH:?is empty: the classic builder does not set it, build with BuildKit}\";".to_owned(),
        "case \"$TARGETOS/$TARGETARCH${TARGETVARIANT:+/$TARGETVARIANT}\" in".to_owned(),
    ];
    for arm in arms {
        let export = export(&arm.exports).unwrap_or_default();
        lines.push(format!("  {}) {export} ;;", spellings(&arm.platform).join(" | ")));
    }
    let known: Vec<String> = arms.iter().map(|arm| arm.platform.to_string()).collect();
    lines.push(format!("  *) echo \"this file builds for {}\" >&2; exit 1 ;;", known.join(", ")));
    lines.push("esac;".to_owned());
    lines
}

/// Returns the command that sets variables; `None` if there are none.
pub(super) fn export(variables: &BTreeMap<String, String>) -> Option<String> {
    let words: Vec<String> =
        variables.iter().map(|(name, value)| format!("{name}={}", word(value))).collect();
    (!words.is_empty()).then(|| format!("export {}", words.join(" ")))
}

/// Returns the spellings that engines set in TARGETPLATFORM's parts: BuildKit normalizes a platform, buildah passes on
/// what the host calls itself.
fn spellings(platform: &Platform) -> Vec<String> {
    let mut spellings = vec![platform.to_string()];
    match (platform.architecture(), platform.variant()) {
        (Architecture::Arm64, None) => spellings.push(format!("{platform}/v8")),
        (Architecture::Arm, Some("v7")) => {
            spellings.push(Platform::new(platform.os(), Architecture::Arm).to_string())
        }
        _ => {}
    }
    spellings
}

/// Quotes a value as one word of a shell.
pub(super) fn word(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Returns whether a shell and a Dockerfile's `ENV` and `LABEL` all read a text as one word without quotes.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=,+@%".contains(&byte);
    !text.is_empty() && text.bytes().all(plain)
}

/// Returns the line that dates files 1970, so that equal files make equal layers.
pub(super) fn reset_times(directory: &str) -> String {
    format!("find {directory} -exec touch -ch -d @0 {{}} +")
}

/// Formats words as a JSON array, the exec form.
pub(super) fn exec(words: Vec<String>) -> String {
    let words: Vec<String> =
        words.iter().map(|word| serde_json::Value::from(word.as_str()).to_string()).collect();
    format!("[{}]", words.join(", "))
}

/// Formats `NAME="value"` pairs, one on each line, quoted so that no variable is expanded.
pub(super) fn assignments(pairs: &Value) -> Result<String, Error> {
    let pair = |name: Value| {
        let value = pairs.get_item(&name)?;
        let text = value.as_str().ok_or_else(|| {
            let message = format!("the value of `{name}` is not a string: quote it");
            Error::new(ErrorKind::InvalidOperation, message)
        })?;
        Ok(format!("{name}={}", quoted(text)))
    };
    Ok(pairs.try_iter()?.map(pair).collect::<Result<Vec<_>, Error>>()?.join(" \\\n    "))
}

fn quoted(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    // BuildKit reads nothing specially between single quotes, so that the value stays readable.
    if text.contains(['\\', '"', '$']) && !text.contains('\'') {
        return format!("'{text}'");
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_if_a_shell_would_interpret_them() {
        for (text, quoted) in [("a-b/c", "a-b/c"), ("", "''"), ("a b", "'a b'"), ("it's $x", "'it'\\''s $x'")]
        {
            assert_eq!(word(text), quoted);
        }
    }
}
