//! Shell text in `RUN`: one line each, every value quoted as a shell wants it.

use std::collections::BTreeMap;

use crossdock_platform::{Architecture, Platform};
use minijinja::{Error, Value};

/// What a platform of the image means to the compiler.
pub(super) struct Arm {
    pub(super) platform: Platform,
    pub(super) exports: BTreeMap<String, String>,
}

/// The lines that set the compiler's variables for the platform that the engine asks for.
pub(super) fn case(arms: &[Arm]) -> Vec<String> {
    let mut lines = vec![
        ": \"${TARGETARCH:?is empty: the classic builder does not set it, build with BuildKit}\";".to_owned(),
        "case \"$TARGETOS/$TARGETARCH${TARGETVARIANT:+/$TARGETVARIANT}\" in".to_owned(),
    ];
    for arm in arms {
        let exports: Vec<String> =
            arm.exports.iter().map(|(name, value)| format!("{name}={}", word(value))).collect();
        lines.push(format!("  {}) export {} ;;", spellings(&arm.platform).join(" | "), exports.join(" ")));
    }
    let known: Vec<String> = arms.iter().map(|arm| arm.platform.to_string()).collect();
    lines.push(format!("  *) echo \"this file builds for {}\" >&2; exit 1 ;;", known.join(", ")));
    lines.push("esac;".to_owned());
    lines
}

/// How engines spell a platform: BuildKit normalizes it, buildah keeps what the host calls itself.
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

/// A value as one word of a shell.
pub(super) fn word(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Whether neither a shell nor a Dockerfile's `ENV` and `LABEL` read anything but one word.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=,+@%".contains(&byte);
    !text.is_empty() && text.bytes().all(plain)
}

/// The line that dates files 1970, so that equal files make equal layers.
pub(super) fn undated(folder: &str) -> String {
    format!("find {folder} -exec touch -ch -d @0 {{}} +")
}

/// A JSON array: the exec form.
pub(super) fn exec(words: Vec<String>) -> String {
    let words: Vec<String> =
        words.iter().map(|word| serde_json::Value::from(word.as_str()).to_string()).collect();
    format!("[{}]", words.join(", "))
}

/// `NAME="value"` pairs, one on each line, in which nothing is replaced.
pub(super) fn assignments(pairs: &Value) -> Result<String, Error> {
    let pair = |name: Value| {
        let value = pairs.get_item(&name)?;
        Ok(format!("{name}={}", quoted(value.as_str().unwrap_or_default())))
    };
    Ok(pairs.try_iter()?.map(pair).collect::<Result<Vec<_>, Error>>()?.join(" \\\n    "))
}

fn quoted(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    // Nothing is special between single quotes, so that the value stays readable.
    if text.contains(['\\', '"', '$']) && !text.contains('\'') {
        return format!("'{text}'");
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_when_a_shell_would_read_them() {
        for (text, quoted) in [("a-b/c", "a-b/c"), ("", "''"), ("a b", "'a b'"), ("it's $x", "'it'\\''s $x'")]
        {
            assert_eq!(word(text), quoted);
        }
    }
}
