//! Where a scalar ends (YAML 1.2.2 §7.3 and §8.1).

use saphyr_parser::ScalarStyle;

use super::Scalar;

/// Returns the first byte of a node after its tag and anchor, where the parser's position is.
pub(super) fn skip_properties(text: &str, start: usize) -> usize {
    let mut at = start;
    while text[at..].starts_with(['&', '!']) {
        at += text[at..].find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len() - at);
        loop {
            let rest = text[at..].trim_start_matches([' ', '\t', '\r', '\n']);
            at = text.len() - rest.len();
            if !rest.starts_with('#') {
                break;
            }
            at += rest.find('\n').unwrap_or(rest.len());
        }
    }
    // The parser's position is that of the content only where nothing precedes the indicator.
    if at > start && text[at..].starts_with(['|', '>']) {
        let rest = text[at..].split_once('\n').map_or("", |(_, rest)| rest);
        at = text.len() - rest.trim_start_matches([' ', '\r', '\n']).len();
    }
    at
}

/// Finds the end of a scalar that starts at a byte.
pub(super) fn locate(text: &str, start: usize, value: String, style: ScalarStyle) -> Scalar {
    let rest = &text[start..];
    let written = |value: &str| rest.starts_with(value).then(|| start + value.len());
    let (value_end, end) = match style {
        ScalarStyle::Plain => (written(&value), start + value.len()),
        ScalarStyle::SingleQuoted => quoted(rest, '\'', start),
        ScalarStyle::DoubleQuoted => quoted(rest, '"', start),
        // The parser gives the first character of the content, after the indentation.
        ScalarStyle::Literal | ScalarStyle::Folded => {
            let end = written(value.trim_end_matches('\n'));
            (end, end.unwrap_or(start))
        }
    };
    Scalar { value, style, value_end, end }
}

/// Returns the byte after the last character of the value, and the one after the closing quote.
fn quoted(rest: &str, quote: char, start: usize) -> (Option<usize>, usize) {
    let mut characters = rest.char_indices().skip(1).peekable();
    let mut value_end = 1;
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' if quote == '"' => {
                let Some((escaped, next)) = characters.next() else { break };
                // An escaped line break means nothing, and neither does the indentation after it.
                if matches!(next, '\n' | '\r') {
                    while characters.next_if(|(_, c)| matches!(c, '\n' | '\r' | ' ' | '\t')).is_some() {}
                } else {
                    value_end = escaped + next.len_utf8();
                }
            }
            _ if character == quote => {
                // Two single quotes are one.
                if quote == '\'' && characters.next_if(|(_, next)| *next == quote).is_some() {
                    value_end = at + 2;
                    continue;
                }
                return (Some(start + value_end), start + at + 1);
            }
            _ => value_end = at + character.len_utf8(),
        }
    }
    (None, start + rest.len())
}
