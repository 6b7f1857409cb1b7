//! Extracts the text for people from a source file.

/// A line of prose.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number in the file, from 1.
    pub(super) number: usize,
    /// The words, without comment signs.
    pub(super) text: String,
    /// True for a comment that has its line for itself, false for a string, a trailing comment, and Markdown.
    pub(super) comment: bool,
}

/// Returns every line of a Markdown file.
pub(super) fn of_markdown(text: &str) -> Vec<Line> {
    let line =
        |(index, text): (usize, &str)| Line { number: index + 1, text: text.to_owned(), comment: false };
    text.lines().enumerate().map(line).collect()
}

/// Returns the comments and string literals of a Rust file. Raw strings and nested block comments are read as the language
/// reference defines them, so that a quotation mark in one does not swap code and text in the rest of the file.
pub(super) fn of_rust(source: &str) -> Vec<Line> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = source[at..].chars().next() {
        let rest = &source[at..];
        if rest.starts_with("//") {
            let length = rest.find('\n').unwrap_or(rest.len());
            let is_first = source[..at].rsplit('\n').next().is_some_and(|before| before.trim().is_empty());
            let text = rest[..length].trim_start_matches(['/', '!']);
            found.push(Line { number: line_number(source, at), text: text.to_owned(), comment: is_first });
            at += length;
        } else if rest.starts_with("/*") {
            let length = block_comment(rest);
            add_lines(&mut found, source, at, length);
            at += length;
        } else if next == '"' {
            let length = string(rest);
            add_lines(&mut found, source, at, length);
            at += length;
        } else if let Some((start, length)) = raw_string(rest).filter(|_| !ends_in_word(&source[..at])) {
            add_lines(&mut found, source, at + start, length - start);
            at += length;
        } else if next == '\'' {
            at += character(rest);
        } else {
            at += next.len_utf8();
        }
    }
    found
}

fn add_lines(found: &mut Vec<Line>, source: &str, at: usize, length: usize) {
    let first = line_number(source, at);
    for (index, text) in source[at..at + length].lines().enumerate() {
        found.push(Line { number: first + index, text: text.to_owned(), comment: false });
    }
}

fn line_number(source: &str, at: usize) -> usize {
    source[..at].matches('\n').count() + 1
}

/// Whether a letter here would continue an identifier: `for"` does not begin a raw string.
fn ends_in_word(before: &str) -> bool {
    before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// Returns the length of a block comment. Block comments nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let step = &rest[at..];
        if step.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if step.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += step.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// Returns the length of a string literal with its quotation marks.
fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !escaped => return index + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    rest.len()
}

/// Returns the offset of a raw string's text, and the literal's length; `None` for anything else.
fn raw_string(rest: &str) -> Option<(usize, usize)> {
    let letters = ["br", "cr", "r"].into_iter().find(|letters| rest.starts_with(letters))?;
    let signs = rest[letters.len()..].len() - rest[letters.len()..].trim_start_matches('#').len();
    let start = letters.len() + signs;
    let text = rest[start..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(signs));
    Some((start, start + 1 + text.find(&end).map_or(text.len(), |found| found + end.len())))
}

/// Returns the length of a character literal, or 1 for the apostrophe of a lifetime.
fn character(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    match characters.next() {
        // The character after the backslash may itself be a quotation mark.
        Some((_, '\\')) => rest[3.min(rest.len())..].find('\'').map_or(1, |end| end + 4),
        Some(_) => characters.next().filter(|(_, c)| *c == '\'').map_or(1, |(end, _)| end + 1),
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        of_rust(source).into_iter().map(|line| line.text.trim().to_owned()).collect()
    }

    #[test]
    fn comments_and_strings_are_extracted() {
        let source = "//! One.\nfn a<'a>() { b(\"two \\\" // 2\", '\"', '\\'', '\\u{22}'); } // three\n/* four /* 4 */ */\n";
        assert_eq!(texts(source), ["One.", "\"two \\\" // 2\"", "three", "/* four /* 4 */ */"]);
    }

    #[test]
    fn raw_strings_end_at_their_own_delimiter() {
        assert_eq!(
            texts("let a = r#\"one \" two\"#; let b = br\"x\\\"; // end"),
            ["\"one \" two\"#", "\"x\\\"", "end"]
        );
    }

    #[test]
    fn every_line_of_a_long_string_has_its_number() {
        let numbers: Vec<usize> = of_rust("a\n\"b\nc\"\n// d\n").iter().map(|line| line.number).collect();
        assert_eq!(numbers, [2, 3, 4]);
    }

    #[test]
    fn only_a_comment_on_its_own_line_is_a_comment() {
        let comments: Vec<bool> =
            of_rust("    /// a\nb // c\n\"d\"\n").iter().map(|line| line.comment).collect();
        assert_eq!(comments, [true, false, false]);
    }
}
