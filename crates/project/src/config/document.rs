//! The text of a configuration file, which turns byte offsets into places.

use std::ops::Range;

use camino::Utf8PathBuf;

use super::Source;
use super::problem::{Problem, explain, printable};

/// The text of a configuration file.
///
/// Every value of a file asks for its place, so that finding one must not cost the length of the text: a file may hold
/// hundreds of thousands of values, all on one line.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) path: Utf8PathBuf,
    pub(super) text: String,
    /// The offset of each line.
    lines: Vec<usize>,
    /// The number of characters before each block of [`BLOCK`] bytes.
    characters: Vec<usize>,
}

const BLOCK: usize = 256;

/// The number of characters of a long line that a message shows.
const SHOWN: usize = 200;

impl Document {
    pub(super) fn new(path: Utf8PathBuf, text: String) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        let mut characters = vec![0];
        for block in text.as_bytes().chunks(BLOCK) {
            let before = characters.last().copied().unwrap_or_default();
            characters.push(before + block.iter().filter(|byte| is_first(**byte)).count());
        }
        Self { path, text, lines, characters }
    }

    /// Returns the place of a span as the source of a value.
    pub(super) fn source(&self, span: &Range<usize>) -> Source {
        let (line, column) = self.position(span.start);
        Source::File { path: self.path.clone(), line, column }
    }

    /// Creates a problem at a span.
    pub(super) fn problem(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        let (line, column) = self.position(span.start);
        let (shown, before) = excerpt(self.line(line), span.start.saturating_sub(self.lines[line - 1]));
        let snippet = printable(&shown);
        let marked = self.text.get(span.clone()).and_then(|text| text.lines().next()).unwrap_or_default();
        // A value over several lines, or one that is shown in part, is underlined up to the end.
        let room = snippet.chars().count().saturating_sub(before);
        let width = marked.chars().take(room).count().max(1);
        Problem {
            path: self.path.clone(),
            line,
            column,
            message: printable(&message.into()),
            help: printable(&help.into()),
            snippet,
            before,
            width,
        }
    }

    /// Turns an error of the TOML parser into a problem.
    pub(super) fn toml_problem(&self, error: &toml::de::Error) -> Problem {
        let span = error.span().unwrap_or(0..0);
        let (message, help) = explain(error.message());
        self.problem(&span, message, help)
    }

    /// Returns a line, from 1, without its end.
    fn line(&self, line: usize) -> &str {
        let start = self.lines.get(line - 1).copied().unwrap_or(self.text.len());
        let end = self.lines.get(line).map_or(self.text.len(), |next| next - 1);
        self.text.get(start..end).unwrap_or_default().trim_end_matches('\r')
    }

    /// Returns line and column of a byte offset, both from 1.
    fn position(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines[line - 1];
        (line, self.characters_before(offset) - self.characters_before(start) + 1)
    }

    fn characters_before(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        let rest = &self.text.as_bytes()[block * BLOCK..offset];
        self.characters[block] + rest.iter().filter(|byte| is_first(**byte)).count()
    }
}

/// Whether a byte is the first one of a character in UTF-8.
fn is_first(byte: u8) -> bool {
    byte & 0b1100_0000 != 0b1000_0000
}

/// Returns the part of a line around a byte offset, and the number of characters before that one in it. A line may hold a
/// whole file, so that only the part itself is looked at.
fn excerpt(line: &str, at: usize) -> (String, usize) {
    let at = (0..=at.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or_default();
    if line.len() <= SHOWN {
        return (line.to_owned(), line[..at].chars().count());
    }
    let first = line[..at].char_indices().rev().take(SHOWN / 4).last().map_or(at, |(first, _)| first);
    let end = line[first..].char_indices().nth(SHOWN).map_or(line.len(), |(length, _)| first + length);
    let before = if first > 0 { "…" } else { "" };
    let after = if end < line.len() { "…" } else { "" };
    (
        format!("{before}{}{after}", &line[first..end]),
        before.chars().count() + line[first..at].chars().count(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::new("/p/crossdock.toml".into(), text.to_owned())
    }

    #[test]
    fn positions_count_characters() {
        let text = format!("a = 1\r\n{}ö = 2\n\nb", "ü".repeat(3 * BLOCK));
        let document = document(&text);
        for (offset, _) in text.char_indices().chain([(text.len(), ' '), (text.len() + 9, ' ')]) {
            let before = &text[..offset.min(text.len())];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
            assert_eq!(document.position(offset), (line, column), "{offset}");
        }
        assert_eq!((document.line(1), document.line(3), document.line(4)), ("a = 1", "", "b"));
    }

    #[test]
    fn a_long_line_is_shown_around_the_problem() {
        let text = format!("x = [{}]", "\"word\", ".repeat(10_000));
        let at = text.len() / 2;
        let problem = document(&text).problem(&(at..at + 4), "no", "").to_string();
        let lines: Vec<&str> = problem.lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() < SHOWN + 20), "{problem}");
        let marked = lines[3].split('^').next().unwrap().chars().count();
        let shown: String = lines[2].chars().skip(marked).take(4).collect();
        assert_eq!(shown, text[at..at + 4]);
    }
}
