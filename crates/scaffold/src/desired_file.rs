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

/// A generated file as it should be on disk.
#[derive(Debug, Clone)]
pub(super) struct DesiredFile {
    /// The part to which the file belongs.
    pub(super) part: Part,
    /// The path relative to the project's root.
    pub(super) path: Utf8PathBuf,
    /// The text without the header.
    pub(super) body: String,
    /// The comment syntax of the header.
    pub(super) comment: CommentStyle,
    /// Whether edits are allowed.
    pub(super) owner: Owner,
}

impl DesiredFile {
    /// A file that crossdock maintains and whose comments begin with `#`.
    pub(super) fn generated(part: Part, path: impl Into<Utf8PathBuf>, body: String) -> Self {
        Self { part, path: path.into(), body, comment: CommentStyle::Hash, owner: Owner::Crossdock }
    }
}

/// The maintainer of a file after it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// crossdock: the file follows the configuration, and an edit counts as drift.
    Crossdock,
    /// The user: the file is a starting point, and an edit does not count as drift.
    User,
}

/// How a file format writes a comment on one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommentStyle {
    /// `# …`
    Hash,
    /// `// …`
    Slashes,
    /// `<!-- … -->`
    Angles,
    /// A first property `"//"`. JSON has no comments; HCL's JSON syntax, which `docker buildx bake` reads, ignores this one.
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

    /// Returns the offset in bytes at which the header is inserted: after lines that must come first.
    fn header_offset(self, body: &str) -> usize {
        let mut lines = body.split_inclusive('\n');
        match self {
            Self::Json => lines.next().map_or(0, str::len),
            _ => lines.take_while(|line| is_directive(line)).map(str::len).sum(),
        }
    }
}

/// The first words of the header. Never change them, nor `HEADER_DIGEST`: files of earlier versions are recognised by both.
const HEADER_MARK: &str = "Made by crossdock ";
/// Precedes the 64 hexadecimal digits of the digest.
const HEADER_DIGEST: &str = " sha256:";
/// The number of lines searched for a header: it follows at most three directives of a Dockerfile.
const HEADER_LINES_SEARCHED: usize = 4;

/// A file with a header, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GeneratedText {
    /// The file without the header, with Unix line ends.
    pub(crate) body: String,
    /// Whether the digest in the header matches the body.
    pub(crate) unedited: bool,
}

/// Returns a text with a header that names the version of crossdock and the digest of `body`.
///
/// ```
/// use crossdock_scaffold::{CommentStyle, is_unedited, stamp_header};
///
/// let text = stamp_header("FROM scratch\n", CommentStyle::Hash, "0.1.0");
/// assert!(text.starts_with("# Made by crossdock 0.1.0 sha256:"));
/// assert_eq!(is_unedited(&text), Some(true));
/// assert_eq!(is_unedited(&text.replace("scratch", "alpine")), Some(false));
/// assert_eq!(is_unedited("FROM scratch\n"), None);
/// ```
pub fn stamp_header(body: &str, comment: CommentStyle, version: &str) -> String {
    let digest = Digest::of(body.as_bytes()).hex();
    let line = comment.wrap(&format!("{HEADER_MARK}{version}{HEADER_DIGEST}{digest}"));
    let (above, below) = body.split_at(comment.header_offset(body));
    format!("{above}{line}\n{below}")
}

/// Returns a text with Unix line ends and without a byte order mark.
pub(crate) fn normalize(text: &str) -> String {
    text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n")
}

/// Parses a file by its header; `None` if it has none.
pub(crate) fn parse_generated(text: &str) -> Option<GeneratedText> {
    let text = normalize(text);
    let line =
        text.split_inclusive('\n').take(HEADER_LINES_SEARCHED).find(|line| line.contains(HEADER_MARK))?;
    let (_, rest) = line.split_once(HEADER_MARK)?;
    let (_, digest) = rest.split_once(HEADER_DIGEST)?;
    let digest: String = digest.chars().take_while(char::is_ascii_hexdigit).collect();
    let body = text.replacen(line, "", 1);
    let unedited = Digest::of(body.as_bytes()).hex() == digest;
    Some(GeneratedText { body, unedited })
}

/// Returns whether a generated file is unchanged since it was written; `None` if it has no header.
pub fn is_unedited(text: &str) -> Option<bool> {
    parse_generated(text).map(|generated| generated.unedited)
}

/// Returns whether a line is a parser directive of a Dockerfile. Docker ignores a directive below any other comment
/// (<https://docs.docker.com/reference/dockerfile/#parser-directives>).
fn is_directive(line: &str) -> bool {
    let Some((name, _)) = line.split_once('=') else { return false };
    let name = name.trim_start_matches('#').trim();
    line.starts_with('#') && ["syntax", "escape", "check"].contains(&name)
}

/// Renders a template of the crate `crossdock-templates`.
///
/// # Errors
/// Fails if the template does not fit its values, which is a bug in crossdock.
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
    // The names that the templates use.
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

/// Quotes a key if it is not a bare key (TOML 1.0, "Keys").
fn toml_key(text: &str) -> String {
    let is_bare = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if is_bare { text.to_owned() } else { toml_string(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamped_files_are_recognised() {
        for comment in [CommentStyle::Hash, CommentStyle::Slashes, CommentStyle::Angles, CommentStyle::Json] {
            let text = stamp_header("one\ntwo\n", comment, "1.2.3");
            assert_eq!(text.lines().count(), 3, "{text}");
            let generated = parse_generated(&text).unwrap();
            assert_eq!((generated.body.as_str(), generated.unedited), ("one\ntwo\n", true));
            assert!(
                parse_generated(&text.replace('\n', "\r\n")).unwrap().unedited,
                "converted line ends do not count as an edit"
            );
            assert!(!parse_generated(&text.replace("two", "three")).unwrap().unedited);
            assert!(!parse_generated(&text.replace("1.2.3 sha256:", "1.2.3 sha256:0")).unwrap().unedited);
        }
        assert_eq!(parse_generated("one\ntwo\n"), None);
        assert_eq!(parse_generated(""), None);
    }

    #[test]
    fn files_of_the_first_version_are_recognised() {
        let text = "# Made by crossdock 0.1.0 sha256:c3f9c8c283a2b1f2f1896f27a01cbe3cddc0c9d93f752e4639035a0f5b36f6e8\none\ntwo\n";
        assert_eq!(is_unedited(text), Some(true));
    }

    #[test]
    fn the_header_follows_the_directives() {
        let text = stamp_header(
            "# syntax=docker/dockerfile:1\n# check=skip=x\n# words\nFROM scratch\n",
            CommentStyle::Hash,
            "1",
        );
        assert_eq!(text.lines().position(|line| line.contains(HEADER_MARK)), Some(2), "{text}");
        assert!(parse_generated(&text).unwrap().unedited);
    }

    #[test]
    fn every_template_compiles() {
        let environment = template_environment().unwrap();
        for (name, _) in crossdock_templates::SCAFFOLD {
            assert!(environment.get_template(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn template_values_are_inserted_verbatim() {
        #[derive(Serialize)]
        struct Values {
            dependency: &'static str,
        }
        let text = render_template("xtask.Cargo.toml", &Values { dependency: "\"1\"" }).unwrap();
        assert!(text.ends_with("crossdock-cli = \"1\"\n"), "{text}");
        assert!(
            render_template("xtask.Cargo.toml", &()).unwrap_err().to_string().contains("xtask.Cargo.toml")
        );
    }
}
