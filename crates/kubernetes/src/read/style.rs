//! Where new entries of mappings and lists go, and how the text around is written.

use crate::pod::{Lines, Slot, Spot, Style};
use crate::yaml::Id;

use super::Reader;

/// The surroundings of a pod specification.
pub(super) struct Around {
    /// The document.
    pub(super) root: Id,
    /// The key that the specification is the value of.
    pub(super) key: Id,
    pub(super) spec: Id,
}

impl Reader<'_> {
    /// Returns the place before the first entry of a mapping or list.
    pub(super) fn entries_of(&self, at: Id, path: &'static [&'static str], around: &Around) -> Spot {
        let node = self.tree.node(at);
        let (line, column) = (node.line, node.column + 1);
        let first = self.tree.entries(at).first().map(|(key, _)| *key);
        let first = first.or_else(|| self.tree.items(at).first().copied());
        // The position of a list that is not indented is that of its first item.
        let bracket = if self.tree.is_sequence(at) { '[' } else { '{' };
        let (place, style) = match self.text[node.start..].starts_with(bracket) {
            true => self.in_brackets(node.start + 1, first, around),
            false if self.tree.is_sequence(at) => self.in_lines(self.dash(node.start), around),
            false => self.in_lines(node.start, around),
        };
        Spot { range: place..place, line, column, path, slot: Slot::Entries, style }
    }

    /// Returns the dash of the first item of a list. The parser's position is that of the item if the list is not indented.
    fn dash(&self, start: usize) -> usize {
        let line = self.line_start(start);
        let dash = line + self.indentation(start).len();
        if self.text[dash..start].starts_with('-') { dash } else { start }
    }

    /// Returns the style of a value on one line.
    pub(super) fn flow_style(&self, around: &Around) -> Style {
        let first = self.tree.entries(around.root).first().map(|(key, _)| *key);
        let root = self.text[self.tree.node(around.root).start..].starts_with('{');
        let end = first.and_then(|key| Some(self.tree.scalar(key)?.end)).unwrap_or_default();
        let json = root && self.text[..end].ends_with('"');
        let spaced = !root || !self.text[end..].trim_start().starts_with(':') || {
            let value = self.text[end..].trim_start().trim_start_matches(':');
            value.starts_with(char::is_whitespace)
        };
        Style::Flow { json, spaced, others: false, lines: None }
    }

    /// Returns the place after a bracket: before the first entry, on its line.
    fn in_brackets(&self, open: usize, first: Option<Id>, around: &Around) -> (usize, Style) {
        let mut style = self.flow_style(around);
        let Some(first) = first.map(|id| self.tree.node(id).start) else { return (open, style) };
        // The value of an alias is written before it.
        let between = self.text.get(open..first).unwrap_or("*");
        let is_blank = between.chars().all(char::is_whitespace);
        if let Style::Flow { others, lines, .. } = &mut style {
            *others = true;
            if let Some(line) = between.rfind('\n').filter(|_| is_blank) {
                let indent = between[line + 1..].to_owned();
                let outer = self.indentation(open);
                let step = indent.strip_prefix(outer).unwrap_or("  ").to_owned();
                let line_break = self.line_break(open);
                *lines = Some(Lines { indent, step, list: 0, line_break, at_line_start: false });
            }
        }
        (if is_blank { first } else { open }, style)
    }

    /// Returns the place before the first entry of a mapping or list in block style, and before the comments that precede it.
    fn in_lines(&self, first: usize, around: &Around) -> (usize, Style) {
        let mut line = self.line_start(first);
        let is_alone = self.text[line..first].chars().all(|c| c == ' ');
        let mut at_line_start = false;
        while is_alone && line > 0 {
            let line_break = if self.text[..line].ends_with("\r\n") { 2 } else { 1 };
            let above = self.line_start(line - line_break);
            if !self.text[above..line].trim_start().starts_with('#') {
                break;
            }
            (line, at_line_start) = (above, true);
        }
        let indent = " ".repeat(self.text[self.line_start(first)..first].chars().count());
        let step = " ".repeat(self.step(around));
        let (list, line_break) = (self.list_indentation(around.spec), self.line_break(first));
        let place = if at_line_start { line } else { first };
        (place, Style::Block(Lines { indent, step, list, line_break, at_line_start }))
    }

    /// Returns the number of spaces that the specification is indented by below its key.
    fn step(&self, around: &Around) -> usize {
        let (key, spec) = (self.tree.node(around.key), self.tree.node(around.spec));
        let step = spec.column.checked_sub(key.column).filter(|_| spec.line > key.line);
        step.filter(|step| (1..=8).contains(step)).unwrap_or(2)
    }

    /// Returns the number of spaces that lists are indented by below their keys: that of the containers.
    fn list_indentation(&self, spec: Id) -> usize {
        let Some((key, list)) = self.tree.entry(spec, "containers") else { return 0 };
        let (key, list) = (self.tree.node(key), self.tree.node(list));
        let is_block = list.line > key.line && self.text[list.start..].starts_with('-');
        list.column.checked_sub(key.column).filter(|_| is_block).unwrap_or_default()
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1)
    }

    /// Returns the blanks at the start of a line.
    fn indentation(&self, at: usize) -> &str {
        let line = &self.text[self.line_start(at)..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// Returns the line break at or before a byte, else the first one of the text.
    pub(super) fn line_break(&self, at: usize) -> &'static str {
        let before = self.text[..at].rfind(['\n', '\r']);
        let Some(end) = before.or_else(|| self.text.find(['\n', '\r'])) else { return "\n" };
        match &self.text.as_bytes()[end.saturating_sub(1)..=end] {
            [b'\r', b'\n'] => "\r\n",
            [.., b'\r'] if self.text[end..].starts_with("\r\n") => "\r\n",
            [.., b'\r'] => "\r",
            _ => "\n",
        }
    }
}
