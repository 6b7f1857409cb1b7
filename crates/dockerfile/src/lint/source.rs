//! The file's lines, and corrections of them.

/// The lines of a file.
pub(super) struct Source<'a>(Vec<&'a str>);

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text.lines().collect())
    }

    /// A line, counted from 1.
    pub(super) fn line(&self, number: usize) -> &'a str {
        self.0.get(number.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// A line with the first `old` in it replaced; where it is not there as such, `otherwise`.
    pub(super) fn replaced(&self, number: usize, old: &str, new: &str, otherwise: &str) -> String {
        let line = self.line(number);
        match line.contains(old) && !old.is_empty() {
            true => line.replacen(old, new, 1),
            false => otherwise.to_owned(),
        }
    }
}
