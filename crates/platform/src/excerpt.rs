//! Parts of the input that error messages quote.

use std::fmt;

/// A part of the input that is safe to show: at most 60 characters, in quotes, with control characters escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    const LONGEST: usize = 60;

    pub(crate) fn new(text: &str) -> Self {
        let mut short: String = text.chars().take(Self::LONGEST).collect();
        if short.len() < text.len() {
            short.push('…');
        }
        Self(short)
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
