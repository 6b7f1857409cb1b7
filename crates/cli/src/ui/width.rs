//! The width of text on a terminal, and lines that fit into it.

use unicode_width::UnicodeWidthChar;

use super::style::is_mark;

/// Returns the number of columns that painted text fills. Marks of styles fill none.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(c: char) -> usize {
    if is_mark(c) { 0 } else { c.width().unwrap_or(0) }
}

/// Returns text that fills at most `limit` columns, with an ellipsis in place of what does not fit. The text has no styles.
pub(super) fn cut(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let mut left = limit.saturating_sub(1);
    let fits = text.chars().take_while(|c| match left.checked_sub(columns(*c)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    });
    let kept: String = fits.collect();
    if limit == 0 { kept } else { kept + "…" }
}

/// Joins parts by two spaces, in lines of at most `limit` columns. Each line but the first begins with `indent` spaces. A
/// part that does not fit into a line of its own is divided at its spaces; a longer word stays whole, so that it can be
/// copied from the terminal.
pub(crate) fn fold<'a>(parts: impl IntoIterator<Item = &'a str>, limit: usize, indent: usize) -> String {
    let mut lines = Lines { text: String::new(), filled: 0, is_empty: true, limit, indent };
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        if indent + width(part) <= limit {
            lines.add(part, 2);
            continue;
        }
        let words = part.trim_start();
        let is_indented = words.len() < part.len();
        if is_indented {
            lines.add(&part[..part.len() - words.len()], 2);
        }
        let first_gap = if is_indented { 0 } else { 2 };
        for (place, word) in words.split(' ').enumerate() {
            lines.add(word, if place > 0 { 1 } else { first_gap });
        }
    }
    lines.text
}

/// Lines that are being filled.
struct Lines {
    text: String,
    /// The columns of the last line.
    filled: usize,
    /// Whether the last line has nothing but its indentation.
    is_empty: bool,
    limit: usize,
    indent: usize,
}

impl Lines {
    /// Adds a piece to the last line, after a gap, or to a new one if it does not fit.
    fn add(&mut self, piece: &str, gap: usize) {
        let gap = if self.is_empty { 0 } else { gap };
        if !self.is_empty && self.filled + gap + width(piece) > self.limit {
            self.text.push('\n');
            self.text.push_str(&" ".repeat(self.indent));
            (self.filled, self.is_empty) = (self.indent, true);
        } else {
            self.text.push_str(&" ".repeat(gap));
            self.filled += gap;
        }
        self.text.push_str(piece);
        self.filled += width(piece);
        self.is_empty &= piece.is_empty();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::style::{GOOD, paint};

    #[test]
    fn a_style_has_no_width_and_a_wide_character_has_two_columns() {
        assert_eq!([width("abc"), width(&paint(GOOD, "ok")), width("→ 漢字")], [3, 2, 6]);
    }

    #[test]
    fn text_is_cut_to_its_columns() {
        let cut_to = [6, 5, 4, 1, 0].map(|limit| cut("abcde", limit));
        assert_eq!(cut_to, ["abcde", "abcde", "abc…", "…", ""]);
        assert_eq!(cut("漢字漢字", 4), "漢…");
    }

    #[test]
    fn parts_move_to_the_next_line_whole() {
        let parts = ["  ok  pack app", "5.0 MB", "0.1s"];
        assert_eq!(fold(parts, 80, 6), "  ok  pack app  5.0 MB  0.1s");
        assert_eq!(fold(parts, 24, 6), "  ok  pack app  5.0 MB\n      0.1s");
        assert_eq!(fold(["a", "", "b"], 80, 0), "a  b");
    }

    #[test]
    fn a_long_part_is_divided_at_its_spaces_only() {
        assert_eq!(fold(["tag app", "1.0.0, 1.0, latest"], 14, 2), "tag app\n  1.0.0, 1.0,\n  latest");
        assert_eq!(fold(["  ok  tag app", "x"], 10, 2), "  ok  tag\n  app  x");
        assert_eq!(fold(["a", "sha256:0123456789", "b"], 10, 2), "a\n  sha256:0123456789\n  b");
    }
}
