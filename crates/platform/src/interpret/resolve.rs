//! From a single name to its interpretation.

use super::{explain, lookup, merge};
use crate::excerpt::Excerpt;
use crate::interpretation::{Interpretation, UnknownDescription};
use crate::vocabulary::Vocabulary;

/// The greatest length of a description in bytes. It bounds the work for hostile input; real names have fewer than 100.
const LONGEST: usize = 256;

/// Interprets a well-formed name.
pub(super) fn resolve(name: &str, vocabulary: Option<Vocabulary>) -> Interpretation {
    merge::merged(lookup::found(name, vocabulary))
        .unwrap_or_else(|| Interpretation::Unknown(explain::explain(name, vocabulary)))
}

/// Returns what is wrong with text that cannot be a description at all. `reinterpret` interprets the text without the
/// blanks around it, which decides what to suggest.
pub(super) fn malformed(
    text: &str,
    reinterpret: impl FnOnce(&str) -> Interpretation,
) -> Option<UnknownDescription> {
    let found = |why: String| Some(UnknownDescription::new(&why, Vec::new()));
    let trimmed = text.trim();
    if trimmed.is_empty() {
        let why =
            "the description is empty: name a platform such as linux/amd64 or a machine such as m7g.large";
        return found(why.to_owned());
    }
    if text.len() > LONGEST {
        let (given, length) = (Excerpt::new(text), text.len());
        return found(format!("{given} has {length} bytes: a description has at most {LONGEST}"));
    }
    if trimmed.len() != text.len() {
        let nearest = match reinterpret(trimmed) {
            Interpretation::Unknown(unknown) => unknown.nearest,
            Interpretation::Exact(_) | Interpretation::Ambiguous { .. } => vec![trimmed.to_owned()],
        };
        return Some(UnknownDescription::new(
            &format!("{} has blanks around it", Excerpt::new(text)),
            nearest,
        ));
    }
    let control = text.chars().find(|character| character.is_control())?;
    found(format!("{} has the control character {control:?}", Excerpt::new(text)))
}
