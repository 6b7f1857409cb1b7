//! Byte positions of characters.

/// The byte positions of characters of a text: the parser counts characters, the editor bytes.
pub(super) struct Offsets<'t> {
    text: &'t str,
    /// The byte position of every 64th character; empty for ASCII, where both are equal.
    known: Vec<usize>,
}

const STEP: usize = 64;

impl<'t> Offsets<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let known = match text.is_ascii() {
            true => Vec::new(),
            false => text.char_indices().step_by(STEP).map(|(at, _)| at).collect(),
        };
        Self { text, known }
    }

    /// Returns the byte position of a character, or the length of the text if it has fewer.
    pub(super) fn byte(&self, character: usize) -> usize {
        if self.known.is_empty() {
            return character.min(self.text.len());
        }
        let Some(&near) = self.known.get(character / STEP) else { return self.text.len() };
        let within = self.text[near..].char_indices().nth(character % STEP);
        within.map_or(self.text.len(), |(at, _)| near + at)
    }
}
