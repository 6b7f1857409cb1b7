//! A generated file: the template it is rendered from, its text, and the header by which it is recognised.
//!
//! The header is one comment line that names crossdock and the digest of the file. It follows what must come first (the
//! directives of a Dockerfile such as `# syntax=`, the bracket of JSON). The digest covers the file without that line and
//! with Unix line ends, so that a checkout that converts line ends does not count as an edit.

use camino::Utf8PathBuf;
use crossdock_oci::Digest;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use serde::Serialize;

use super::error::ScaffoldError;
use super::options::{Part, toml_string};

/// A file as it should be.
#[derive(Debug, Clone)]
pub(super) struct DesiredFile {
    /// To what it belongs.
    pub(super) part: Part,
    /// Its path below the project's root.
    pub(super) path: Utf8PathBuf,
    /// Its text without the header.
    pub(super) body: String,
    /// How it writes comments.
    pub(super) comment: CommentStyle,
    /// Who goes on with it.
    pub(super) owner: Owner,
}

impl DesiredFile {
    /// A file that follows the configuration, of a kind whose comments begin with `#`.
    pub(super) fn generated(part: Part, path: impl Into<Utf8PathBuf>, body: String) -> Self {
        Self { part, path: path.into(), body, comment: CommentStyle::Hash, owner: Owner::Crossdock }
    }
}

/// Who goes on with a file once it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// It follows the configuration, so that an edit is a drift.
    Crossdock,
    /// It is where a person begins, so that an edit is what it is for.
    User,
}

/// How a kind of file writes a comment on one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommentStyle {
    /// `# …`
    Hash,
    /// `// …`
    Slashes,
    /// `<!-- … -->`
    Angles,
    /// A first property `"//"`, which is a comment to HCL's JSON and so to `docker buildx bake`.
    Json,
}

impl CommentStyle {
    fn wrap(self, text: &str) -> String {
        match self {
            Self::Hash => format!("# {text}"),
            Self::Slashes => format!("// {text}"),
            Self::Angles => format!("<!-- {text} -->"),
            Self::Json => format!("  \"//\": \"{text}\","),
        }
    }

    /// How many bytes of a text stand above the line.
    fn header_offset(self, body: &str) -> usize {
        let mut lines = body.split_inclusive('\n');
        match self {
            Self::Json => lines.next().map_or(0, str::len),
            _ => lines.take_while(|line| is_directive(line)).map(str::len).sum(),
        }
    }
}

/// What the line begins with, after the comment's sign.
const HEADER_MARK: &str = "GeneratedText by crossdock ";
/// Before the digest's 64 hexadecimal digits.
const HEADER_DIGEST: &str = " sha256:";
/// So many lines may stand above: a Dockerfile has three directives.
const HEADER_LINES_SEARCHED: usize = 4;

/// A file that was made here, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GeneratedText {
    /// The file without the line, with Unix line ends.
    pub(crate) body: String,
    /// Whether nobody has changed it since.
    pub(crate) unedited: bool,
}

/// A text with the line.
pub fn stamp_header(body: &str, comment: CommentStyle, version: &str) -> String {
    let digest = Digest::of(body.as_bytes()).hex();
    let line = comment.wrap(&format!("{HEADER_MARK}{version}{HEADER_DIGEST}{digest}"));
    let (above, below) = body.split_at(comment.header_offset(body));
    format!("{above}{line}\n{below}")
}

/// A text with Unix line ends and without a byte order mark.
pub(crate) fn normalize(text: &str) -> String {
    text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n")
}

/// What a file says of itself; none when crossdock did not make it.
pub(crate) fn parse_generated(text: &str) -> Option<GeneratedText> {
    let text = normalize(text);
    let line =
        text.split_inclusive('\n').take(HEADER_LINES_SEARCHED).find(|line| line.contains(HEADER_MARK))?;
    let (_, said) = line.split_once(HEADER_MARK)?;
    let (_, digest) = said.split_once(HEADER_DIGEST)?;
    let digest: String = digest.chars().take_while(char::is_ascii_hexdigit).collect();
    let body = text.replacen(line, "", 1);
    let unedited = Digest::of(body.as_bytes()).hex() == digest;
    Some(GeneratedText { body, unedited })
}

/// Whether nobody has changed a file since crossdock made it; none when crossdock did not make it.
pub fn is_unedited(text: &str) -> Option<bool> {
    parse_generated(text).map(|made| made.unedited)
}

/// <https://docs.docker.com/reference/dockerfile/#parser-directives>: they count above every comment alone.
fn is_directive(line: &str) -> bool {
    let name = line.trim_start_matches('#').split('=').next().unwrap_or_default().trim();
    line.starts_with('#') && line.contains('=') && ["syntax", "escape", "check"].contains(&name)
}

/// Fills in one of our templates.
///
/// # Errors
/// A template that does not fit its values, which would be a fault of crossdock.
pub(super) fn render_template(name: &'static str, values: &impl Serialize) -> Result<String, ScaffoldError> {
    let text = template_environment().and_then(|environment| {
        let template = environment.get_template(name)?;
        template.render(Value::from(Serde(values)))
    });
    text.map_err(|source| ScaffoldError::Template { name, source })
}

fn template_environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_syntax(
        SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?,
    );
    environment.add_filter("quoted", |text: String| toml_string(&text));
    environment.add_filter("key", |text: String| toml_key(&text));
    environment.add_filter("list", |words: Vec<String>| {
        let words: Vec<String> = words.iter().map(|word| toml_string(word)).collect();
        format!("[{}]", words.join(", "))
    });
    for (name, text) in crossdock_templates::SCAFFOLD {
        environment.add_template(name, text)?;
    }
    Ok(environment)
}

/// A key of TOML, quoted where it must be (TOML 1.0, "Keys").
fn toml_key(text: &str) -> String {
    let is_bare = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if is_bare { text.to_owned() } else { toml_string(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stamped_is_known_again() {
        for comment in [CommentStyle::Hash, CommentStyle::Slashes, CommentStyle::Angles, CommentStyle::Json] {
            let text = stamp_header("one\ntwo\n", comment, "1.2.3");
            assert_eq!(text.lines().count(), 3, "{text}");
            let made = parse_generated(&text).unwrap();
            assert_eq!((made.body.as_str(), made.unedited), ("one\ntwo\n", true));
            assert!(parse_generated(&text.replace('\n', "\r\n")).unwrap().unedited, "line ends are no edit");
            assert!(!parse_generated(&text.replace("two", "three")).unwrap().unedited);
            assert!(!parse_generated(&text.replace("1.2.3 sha256:", "1.2.3 sha256:0")).unwrap().unedited);
        }
        assert_eq!(parse_generated("one\ntwo\n"), None);
        assert_eq!(parse_generated(""), None);
    }

    #[test]
    fn directives_stay_first() {
        let text = stamp_header(
            "# syntax=docker/dockerfile:1\n# check=skip=x\n# words\nFROM scratch\n",
            CommentStyle::Hash,
            "1",
        );
        assert_eq!(text.lines().position(|line| line.contains(HEADER_MARK)), Some(2), "{text}");
        assert!(parse_generated(&text).unwrap().unedited);
    }

    #[test]
    fn every_template_is_one() {
        let environment = template_environment().unwrap();
        for (name, _) in crossdock_templates::SCAFFOLD {
            assert!(environment.get_template(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn strings_are_escaped() {
        #[derive(Serialize)]
        struct Values {
            dependency: &'static str,
        }
        let text = render_template("xtask.Cargo.toml", &Values { dependency: "\"1\"" }).unwrap();
        assert!(text.ends_with("crossdock = \"1\"\n"), "{text}");
        assert!(
            render_template("xtask.Cargo.toml", &()).unwrap_err().to_string().contains("xtask.Cargo.toml")
        );
    }
}
