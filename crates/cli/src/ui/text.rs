//! Foreign text on a terminal: names, values and messages of projects, images and tools.
//!
//! A control character can move the cursor, hide what was written or change the terminal itself, and a bidirectional one
//! changes the order in which a line is read (CVE-2021-42574).

use super::style::sequence;

/// Returns text for a person: crossdock's own styles as escape sequences, and every other control character visible as
/// `\u{1b}`. Line breaks and tabs stay.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    // A carriage return before a line break belongs to it, as in the messages of tools on Windows.
    for c in text.replace("\r\n", "\n").chars() {
        match sequence(c) {
            Some(style) => shown.push_str(&style),
            None if is_hidden(c) && c != '\n' && c != '\t' => shown.extend(c.escape_default()),
            None => shown.push(c),
        }
    }
    shown
}

/// Returns a value for one line: it cannot begin another one.
pub(crate) fn one_line(value: &str) -> String {
    value.replace('\r', "\\r").replace('\n', "\\n")
}

/// Returns a message under the line that it begins in: further lines are indented more deeply than any line that crossdock
/// begins itself, so that a line break in a foreign value cannot forge an `error:` or a `help:`.
pub(crate) fn message(text: &str) -> String {
    let mut lines = text.trim_end().lines();
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |message, line| match line {
        "" => message + "\n",
        line => message + "\n    " + line,
    })
}

/// Returns a JSON text in which a terminal shows every character. It is the same value: these characters are in strings
/// only.
pub(crate) fn json_shown(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        match is_hidden(c) && c != '\n' {
            // All of them are in the Basic Multilingual Plane.
            true => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => shown.push(c),
        }
    }
    shown
}

/// Returns a line of a tool's output with its colours (SGR, ECMA-48 section 8.3.117) and without any other control sequence.
pub(crate) fn tool_line(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    let mut colored = false;
    while let Some(place) = rest.find(['\u{1b}', '\u{9b}']) {
        kept.push_str(&shown(&rest[..place]));
        let (sequence, after) = rest[place..].split_at(sequence_length(&rest[place..]));
        let parameters = sequence.strip_prefix("\u{1b}[").and_then(|sequence| sequence.strip_suffix('m'));
        // The concealing 8 would hide text.
        if parameters.is_some_and(|all| {
            all.chars().all(|c| c.is_ascii_digit() || c == ';' || c == ':')
                && all.split(';').all(|one| one != "8")
        }) {
            kept.push_str(sequence);
            colored = true;
        }
        rest = after;
    }
    kept.push_str(&shown(rest));
    if colored && !kept.ends_with("\u{1b}[0m") {
        kept.push_str("\u{1b}[0m");
    }
    kept
}

/// Returns a line of a tool's output as plain text, without indentation.
pub(crate) fn plain(line: &str) -> String {
    anstream::adapter::strip_str(line).to_string().trim().to_owned()
}

/// Returns the length of the control sequence or control string at the beginning of a text (ECMA-48 sections 5.4 and 5.6).
fn sequence_length(text: &str) -> usize {
    let ended = |from: usize, end: fn(char) -> bool| {
        text[from..]
            .char_indices()
            .find(|(_, c)| end(*c))
            .map_or(text.len(), |(place, c)| from + place + c.len_utf8())
    };
    let is_final = |c: char| ('@'..='~').contains(&c);
    let after_introducer = text.chars().take(2).map(char::len_utf8).sum();
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some('\u{9b}'), _) => ended('\u{9b}'.len_utf8(), is_final),
        (_, Some('[')) => ended(after_introducer, is_final),
        // An operating system command and its kin, up to BEL or ST.
        (_, Some(']' | 'P' | 'X' | '^' | '_')) => {
            let bell = text.find('\u{7}').map(|place| place + 1);
            let string_end = text.find("\u{1b}\\").map(|place| place + 2);
            bell.into_iter().chain(string_end).min().unwrap_or(text.len())
        }
        (_, Some(' '..='/')) => ended(after_introducer, |c| !(' '..='/').contains(&c)),
        _ => after_introducer,
    }
}

/// Whether a terminal acts on a character instead of showing it: C0, DEL, C1, bidirectional controls, and Unicode's own line
/// breaks.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::style::{DIM, GOOD, paint};

    #[test]
    fn foreign_control_characters_are_visible_and_own_styles_stay() {
        let foreign = "a\u{1b}[2J\u{9b}1mb\u{7f}\u{202e}\u{2066}\u{200f}\u{61c}\u{8}\rc\td\r\ne";
        assert_eq!(
            shown(foreign),
            "a\\u{1b}[2J\\u{9b}1mb\\u{7f}\\u{202e}\\u{2066}\\u{200f}\\u{61c}\\u{8}\\rc\td\ne"
        );
        assert_eq!(shown(&paint(GOOD, "ok")), "\u{1b}[1m\u{1b}[32mok\u{1b}[0m");
        assert_eq!(shown(&paint(DIM, "\u{1b}[8mx")), "\u{1b}[2m\\u{1b}[8mx\u{1b}[0m");
        assert_eq!(shown("größe → \u{1f980}"), "größe → \u{1f980}");
        assert_eq!(one_line("a\nb\r"), "a\\nb\\r");
        assert_eq!(message("a\nerror: b\n\n  help: c\n"), "a\n    error: b\n\n      help: c");
    }

    #[test]
    fn json_keeps_its_value() {
        let value = "a\u{202e}b\u{9b}c\u{7f}\n";
        let text = serde_json::to_string_pretty(&[value]).unwrap();
        let shown = json_shown(&text);
        assert!(!shown.contains(|c: char| is_hidden(c) && c != '\n'), "{shown}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), [value]);
    }

    #[test]
    fn a_tool_keeps_its_colours_and_nothing_else() {
        for (line, expected) in [
            ("\u{1b}[1;38;5;9merror\u{1b}[0m: x", "\u{1b}[1;38;5;9merror\u{1b}[0m: x\u{1b}[0m"),
            ("\u{1b}[31mred", "\u{1b}[31mred\u{1b}[0m"),
            ("a\u{1b}[2Jb\u{1b}[1;1Hc\u{1b}[?25ld", "abcd"),
            ("a\u{1b}]0;title\u{7}b\u{1b}]8;;x\u{1b}\\c\u{1b}Pq\u{1b}\\d", "abcd"),
            ("a\u{9b}2Jb\u{1b}cc\u{1b}(0d", "abcd"),
            ("a\u{1b}[8mb", "ab"),
            ("a\u{7}b\u{202e}\tc", "a\\u{7}b\\u{202e}\tc"),
            ("a\u{1b}", "a"),
            ("a\u{1b}]never ended", "a"),
            ("plain", "plain"),
        ] {
            assert_eq!(tool_line(line), expected, "{line:?}");
        }
    }
}
