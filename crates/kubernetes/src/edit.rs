//! Changes of a text by byte positions.

/// A change of a text: bytes that are replaced.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Edit {
    /// The first byte that is replaced.
    pub start: usize,
    /// The byte after the last one that is replaced; `start` if the edit only inserts.
    pub end: usize,
    /// The new text.
    pub text: String,
}

/// The treatment of a tag whose digest is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pinning {
    /// `name:tag@digest`: the tag says to people what the digest is.
    #[default]
    KeepTag,
    /// `name@digest`.
    DropTag,
}

/// Returns a text with edits made. The order of the edits does not matter, and equal ones count once.
///
/// # Panics
/// Two edits overlap, or one is not on a boundary of characters of this text.
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let mut edits = edits.to_vec();
    edits.sort();
    edits.dedup();
    let mut changed =
        String::with_capacity(text.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut kept = 0;
    for edit in edits {
        changed.push_str(&text[kept..edit.start]);
        changed.push_str(&edit.text);
        kept = edit.end;
    }
    changed.push_str(&text[kept..]);
    changed
}
