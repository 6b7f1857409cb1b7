//! The line by which a generated file is known: who made it, and the digest of what was made.
//!
//! It stands at the top, below what must come first (`# syntax=` and the other directives of a Dockerfile, the bracket of
//! JSON). The digest is that of the file without the line, with Unix line ends, so that a checkout that changes line ends is no edit.

use crossdock_oci::Digest;

/// How a kind of file writes a comment on one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comment {
    /// `# …`
    Hash,
    /// `// …`
    Slashes,
    /// `<!-- … -->`
    Angles,
    /// A first property `"//"`, which is a comment to HCL's JSON and so to `docker buildx bake`.
    Json,
}

impl Comment {
    fn wrap(self, text: &str) -> String {
        match self {
            Self::Hash => format!("# {text}"),
            Self::Slashes => format!("// {text}"),
            Self::Angles => format!("<!-- {text} -->"),
            Self::Json => format!("  \"//\": \"{text}\","),
        }
    }

    /// How many bytes of a text stand above the line.
    fn above(self, body: &str) -> usize {
        let mut lines = body.split_inclusive('\n');
        match self {
            Self::Json => lines.next().map_or(0, str::len),
            _ => lines.take_while(|line| is_directive(line)).map(str::len).sum(),
        }
    }
}

/// What the line begins with, after the comment's sign.
const MARK: &str = "Made by crossdock ";
/// Before the digest's 64 hexadecimal digits.
const DIGEST: &str = " sha256:";
/// So many lines may stand above: a Dockerfile has three directives.
const ABOVE: usize = 4;

/// A file that was made here, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// The file without the line, with Unix line ends.
    pub(crate) body: String,
    /// Whether nobody has changed it since.
    pub(crate) unedited: bool,
}

/// A text with the line.
pub fn stamp(body: &str, comment: Comment, version: &str) -> String {
    let digest = Digest::of(body.as_bytes()).hex();
    let line = comment.wrap(&format!("{MARK}{version}{DIGEST}{digest}"));
    let (above, below) = body.split_at(comment.above(body));
    format!("{above}{line}\n{below}")
}

/// A text with Unix line ends and without a byte order mark.
pub(crate) fn plain(text: &str) -> String {
    text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n")
}

/// What a file says of itself; none when crossdock did not make it.
pub(crate) fn read(text: &str) -> Option<Made> {
    let text = plain(text);
    let line = text.split_inclusive('\n').take(ABOVE).find(|line| line.contains(MARK))?;
    let (_, said) = line.split_once(MARK)?;
    let (_, digest) = said.split_once(DIGEST)?;
    let digest: String = digest.chars().take_while(char::is_ascii_hexdigit).collect();
    let body = text.replacen(line, "", 1);
    let unedited = Digest::of(body.as_bytes()).hex() == digest;
    Some(Made { body, unedited })
}

/// Whether nobody has changed a file since crossdock made it; none when crossdock did not make it.
pub fn is_unedited(text: &str) -> Option<bool> {
    read(text).map(|made| made.unedited)
}

/// <https://docs.docker.com/reference/dockerfile/#parser-directives>: they count above every comment alone.
fn is_directive(line: &str) -> bool {
    let name = line.trim_start_matches('#').split('=').next().unwrap_or_default().trim();
    line.starts_with('#') && line.contains('=') && ["syntax", "escape", "check"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stamped_is_known_again() {
        for comment in [Comment::Hash, Comment::Slashes, Comment::Angles, Comment::Json] {
            let text = stamp("one\ntwo\n", comment, "1.2.3");
            assert_eq!(text.lines().count(), 3, "{text}");
            let made = read(&text).unwrap();
            assert_eq!((made.body.as_str(), made.unedited), ("one\ntwo\n", true));
            assert!(read(&text.replace('\n', "\r\n")).unwrap().unedited, "line ends are no edit");
            assert!(!read(&text.replace("two", "three")).unwrap().unedited);
            assert!(!read(&text.replace("1.2.3 sha256:", "1.2.3 sha256:0")).unwrap().unedited);
        }
        assert_eq!(read("one\ntwo\n"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn directives_stay_first() {
        let text = stamp(
            "# syntax=docker/dockerfile:1\n# check=skip=x\n# words\nFROM scratch\n",
            Comment::Hash,
            "1",
        );
        assert_eq!(text.lines().position(|line| line.contains(MARK)), Some(2), "{text}");
        assert!(read(&text).unwrap().unedited);
    }
}
