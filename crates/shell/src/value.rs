//! Words whose text may be known only in part.

use std::fmt;
use std::sync::Arc;

/// One piece of a [`Value`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Text that is known.
    Text(String),
    /// One or more decimal digits that are not known, such as a process id.
    Number,
    /// Any text, which may be empty.
    Unknown,
}

/// How many words a [`Value`] is once the shell has expanded it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Count {
    One,
    Any,
}

/// A word as far as it is known: known text, unknown text, or known text around an unknown part.
///
/// One value is usually one word. `"$@"` with unknown arguments and an unquoted variable without a known value are
/// zero or more words, see [`Value::is_many`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value {
    /// Shared by its copies: the words of an image's command are arguments of its script, of each state that the script
    /// reaches, and of the program that it starts.
    parts: Arc<Vec<Part>>,
    count: Count,
}

impl Value {
    /// Returns one word with unknown text.
    pub fn unknown() -> Self {
        Self::of(vec![Part::Unknown])
    }

    /// Returns zero or more unknown words.
    pub fn many() -> Self {
        Self::unknown().into_many()
    }

    /// Returns one word of decimal digits.
    pub(crate) fn number() -> Self {
        Self::of(vec![Part::Number])
    }

    fn of(parts: Vec<Part>) -> Self {
        Self { parts: Arc::new(parts), count: Count::One }
    }

    /// Joins parts into one word.
    pub(crate) fn from_parts(parts: impl IntoIterator<Item = Part>) -> Self {
        let mut joined = Self::of(Vec::new());
        parts.into_iter().for_each(|part| joined.push(part));
        joined
    }

    /// Returns this value as zero or more words that together hold its text.
    pub(crate) fn into_many(self) -> Self {
        Self { count: Count::Any, ..self }
    }

    /// Returns this value as one word.
    pub(crate) fn into_one(self) -> Self {
        Self { count: Count::One, ..self }
    }

    /// Returns the word if all of its text is known.
    pub fn text(&self) -> Option<&str> {
        match (self.count, self.parts.as_slice()) {
            (Count::One, []) => Some(""),
            (Count::One, [Part::Text(text)]) => Some(text),
            _ => None,
        }
    }

    /// Returns the known text with which the word begins, which may be empty.
    pub(crate) fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// Returns the known text with which the word ends, which may be empty.
    pub(crate) fn suffix(&self) -> &str {
        match self.parts.last() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// Returns the pieces of the word. Two pieces of text never follow each other.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether the shell may expand this value to no word or to several.
    pub fn is_many(&self) -> bool {
        self.count == Count::Any
    }

    /// Whether the text is empty: `None` if unknown.
    pub(crate) fn is_empty(&self) -> Option<bool> {
        match self.parts.as_slice() {
            [] => Some(true),
            parts if parts.iter().any(|part| *part != Part::Unknown) => Some(false),
            _ => None,
        }
    }

    /// The number of bytes and unknown parts, a measure of what copying the value costs.
    pub(crate) fn size(&self) -> usize {
        self.parts.iter().map(|part| if let Part::Text(text) = part { text.len() } else { 1 }).sum()
    }

    /// Appends the text of another value.
    pub(crate) fn append(&mut self, other: &Self) {
        other.parts.iter().cloned().for_each(|part| self.push(part));
    }

    /// Appends a part, and joins text to text.
    pub(crate) fn push(&mut self, part: Part) {
        let parts = Arc::make_mut(&mut self.parts);
        match (parts.last_mut(), part) {
            (_, Part::Text(text)) if text.is_empty() => {}
            (Some(Part::Text(end)), Part::Text(text)) => end.push_str(&text),
            (Some(Part::Unknown), Part::Unknown) => {}
            (None, part) => *parts = vec![part],
            (_, part) => parts.push(part),
        }
    }

    /// Whether the two values may be the same text: `None` if unknown.
    pub(crate) fn same_text(&self, other: &Self) -> Option<bool> {
        if let (Some(left), Some(right)) = (self.text(), other.text()) {
            return Some(left == right);
        }
        let apart = differ(self.prefix().bytes(), other.prefix().bytes())
            || differ(self.suffix().bytes().rev(), other.suffix().bytes().rev())
            || self.excludes(other)
            || other.excludes(self);
        apart.then_some(false)
    }

    /// Whether this value has a part that is never empty while `other` is empty.
    fn excludes(&self, other: &Self) -> bool {
        other.is_empty() == Some(true) && self.is_empty() == Some(false)
    }
}

/// Whether two sequences differ before one of them ends.
fn differ(left: impl Iterator<Item = u8>, right: impl Iterator<Item = u8>) -> bool {
    left.zip(right).any(|(left, right)| left != right)
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::from_parts([Part::Text(text)])
    }
}

/// Writes unknown text as `…` and unknown digits as `#`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.parts.iter() {
            match part {
                Part::Text(text) => f.write_str(text)?,
                Part::Number => f.write_str("#")?,
                Part::Unknown => f.write_str("…")?,
            }
        }
        Ok(())
    }
}
