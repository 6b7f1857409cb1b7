//! The line by which a generated file is known: who made it, and the digest of what was made.
//!
//! It stands at the top, below what must come first (`# syntax=` and the other directives of a Dockerfile). The digest is
//! that of the file without the line, with Unix line ends, so that a checkout that changes line ends is no edit.

use crossdock_oci::Digest;

/// What the line begins with, after the comment's sign.
const MARK: &str = "Made by `crossdock init` ";
/// Before the digest's 64 hexadecimal digits.
const DIGEST: &str = " sha256:";
/// So many lines may stand above: a Dockerfile has three directives.
const ABOVE: usize = 4;

/// A text with the line.
pub(crate) fn stamp(body: &str, version: &str) -> String {
    let digest = Digest::of(body.as_bytes()).hex();
    let line = format!("# {MARK}{version}{DIGEST}{digest}");
    let above: usize = body.split_inclusive('\n').take_while(|line| is_directive(line)).map(str::len).sum();
    format!("{}{line}\n{}", &body[..above], &body[above..])
}

/// Whether crossdock made a file and nobody has changed it since; none when crossdock did not make it.
pub(crate) fn is_unedited(text: &str) -> Option<bool> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let line = text.split_inclusive('\n').take(ABOVE).find(|line| line.contains(MARK))?;
    let (_, said) = line.split_once(MARK)?;
    let (_, digest) = said.split_once(DIGEST)?;
    let digest: String = digest.chars().take_while(char::is_ascii_hexdigit).collect();
    Some(Digest::of(text.replacen(line, "", 1).as_bytes()).hex() == digest)
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
        let text = stamp("# syntax=docker/dockerfile:1\n# words\nFROM scratch\n", "1.2.3");
        assert!(
            text.starts_with("# syntax=docker/dockerfile:1\n# Made by "),
            "directives stay first: {text}"
        );
        assert_eq!(is_unedited(&text), Some(true));
        assert_eq!(is_unedited(&text.replace('\n', "\r\n")), Some(true), "line ends are no edit");
        assert_eq!(is_unedited(&text.replace("words", "other words")), Some(false));
        assert_eq!(is_unedited("FROM scratch\n"), None);
        assert_eq!(is_unedited(""), None);
    }
}
