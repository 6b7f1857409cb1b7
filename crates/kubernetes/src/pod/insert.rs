//! New fields in the style of the text around them.

use std::ops::Range;

use crate::edit::Edit;

/// A value to write. Its texts are names of fields, operators and values of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Sequence(Vec<Value>),
    Mapping(Vec<(&'static str, Value)>),
}

/// Where a list goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The bytes that are replaced: none, or those of a `null`.
    pub(crate) range: Range<usize>,
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// The fields from there to the list; empty if it goes into a list.
    pub(crate) path: &'static [&'static str],
    pub(crate) slot: Slot,
    pub(crate) style: Style,
}

/// The form of an inserted list, or of the mapping that leads to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The first entries of a mapping or list.
    Entries,
    /// A value, after a text.
    Value(&'static str),
}

/// How the text around is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Style {
    Block(Lines),
    Flow {
        /// Names have quotes.
        json: bool,
        /// A space follows colons and commas.
        spaced: bool,
        /// Other entries follow.
        others: bool,
        /// Entries have lines of their own.
        lines: Option<Lines>,
    },
}

/// How lines are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lines {
    /// The characters before each entry on its line.
    pub(crate) indent: String,
    /// The characters that a level adds.
    pub(crate) step: String,
    /// The number of spaces that a list is indented by below its key.
    pub(crate) list: usize,
    pub(crate) line_break: &'static str,
    /// Whether the place is the start of a line, instead of after its indentation.
    pub(crate) at_line_start: bool,
}

impl Spot {
    /// Returns the edit that inserts a list.
    pub(crate) fn insert(&self, items: Vec<Value>) -> Edit {
        let list = Value::Sequence(items);
        let value = self.path.iter().rev().fold(list, |value, key| Value::Mapping(vec![(*key, value)]));
        let text = match (&self.slot, &self.style) {
            (Slot::Value(before), style) => format!("{before}{}", flow(&value, style)),
            (Slot::Entries, Style::Block(lines)) => {
                let text = format!("{}{}", block(&value, lines), lines.line_break);
                match lines.at_line_start {
                    true => format!("{}{text}", lines.indent),
                    false => format!("{text}{}", lines.indent),
                }
            }
            (Slot::Entries, style @ Style::Flow { spaced, others, lines, .. }) => {
                let entries = flow_entries(&value, style);
                match (others, lines) {
                    (false, _) => entries,
                    (true, Some(lines)) => format!("{entries},{}{}", lines.line_break, lines.indent),
                    (true, None) => format!("{entries}{}", if *spaced { ", " } else { "," }),
                }
            }
        };
        Edit { start: self.range.start, end: self.range.end, text }
    }
}

/// Writes a mapping or list in lines, of which the first one is indented already.
fn block(value: &Value, lines: &Lines) -> String {
    let line_break = format!("{}{}", lines.line_break, lines.indent);
    let deeper = |indent: String| Lines { indent, ..lines.clone() };
    let entries: Vec<String> = match value {
        Value::Text(text) => return text_of(text, false),
        Value::Sequence(items) => {
            let below = deeper(format!("{}  ", lines.indent));
            items.iter().map(|item| format!("- {}", block(item, &below))).collect()
        }
        Value::Mapping(entries) => entries
            .iter()
            .map(|(key, value)| {
                let indent = match value {
                    Value::Text(text) => return format!("{key}: {}", text_of(text, false)),
                    Value::Sequence(_) => " ".repeat(lines.list),
                    Value::Mapping(_) => lines.step.clone(),
                };
                let below = deeper(format!("{}{indent}", lines.indent));
                format!("{key}:{}{}{}", lines.line_break, below.indent, block(value, &below))
            })
            .collect(),
    };
    entries.join(&line_break)
}

/// Writes a value in brackets.
fn flow(value: &Value, style: &Style) -> String {
    let (open, close) = match value {
        Value::Text(text) => return text_of(text, is_json(style)),
        Value::Sequence(_) => ('[', ']'),
        Value::Mapping(_) => ('{', '}'),
    };
    match style {
        Style::Flow { json: true, lines: Some(lines), .. } => {
            let below = format!("{}{}{}", lines.line_break, lines.indent, lines.step);
            format!(
                "{open}{below}{}{}{}{close}",
                flow_entries(value, &deeper(style)),
                lines.line_break,
                lines.indent
            )
        }
        _ => format!("{open}{}{close}", flow_entries(value, style)),
    }
}

/// Writes the entries of a mapping or list without its brackets.
fn flow_entries(value: &Value, style: &Style) -> String {
    let (json, spaced) = match style {
        Style::Flow { json, spaced, .. } => (*json, *spaced),
        Style::Block(_) => (false, true),
    };
    let separator = match style {
        Style::Flow { json: true, lines: Some(lines), .. } => {
            format!(",{}{}", lines.line_break, lines.indent)
        }
        _ => if spaced { ", " } else { "," }.to_owned(),
    };
    let entries: Vec<String> = match value {
        Value::Text(text) => vec![text_of(text, json)],
        Value::Sequence(items) => items.iter().map(|item| flow(item, style)).collect(),
        Value::Mapping(entries) => {
            let colon = if spaced { ": " } else { ":" };
            let entry =
                |(key, value): &(&str, Value)| format!("{}{colon}{}", text_of(key, json), flow(value, style));
            entries.iter().map(entry).collect()
        }
    };
    entries.join(&separator)
}

fn is_json(style: &Style) -> bool {
    matches!(style, Style::Flow { json: true, .. })
}

fn deeper(style: &Style) -> Style {
    let mut style = style.clone();
    if let Style::Flow { lines: Some(lines), .. } = &mut style {
        lines.indent.push_str(&lines.step);
    }
    style
}

/// Writes a text, in quotes where YAML would read something else.
fn text_of(text: &str, json: bool) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&&*text.to_lowercase());
    match json || !is_word {
        true => format!("\"{text}\""),
        false => text.to_owned(),
    }
}
