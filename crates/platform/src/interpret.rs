//! Interpreting any description of a platform, a toolchain's target or a machine.

mod assignments;
mod explain;
mod lookup;
mod merge;
mod processors;
mod resolve;
mod suggest;

use crate::interpretation::Interpretation;
use crate::vocabulary::Vocabulary;

/// Interprets a description in one vocabulary or, with `None`, in all of them.
///
/// ```
/// use crossdock_platform::{Interpretation, interpret};
///
/// let Interpretation::Exact(graviton) = interpret("m7g.large", None) else { panic!("one meaning") };
/// assert_eq!(graviton.architecture.map(|name| name.as_str()), Some("arm64"));
/// assert_eq!(graviton.os, None);
/// assert!(matches!(interpret("armhf", None), Interpretation::Ambiguous { .. }));
/// ```
#[must_use]
pub fn interpret(text: &str, vocabulary: Option<Vocabulary>) -> Interpretation {
    if let Some(malformed) = resolve::malformed(text, |trimmed| interpret(trimmed, vocabulary)) {
        return Interpretation::Unknown(malformed);
    }
    let assigned = if vocabulary.is_none() { assignments::interpret(text) } else { None };
    assigned.unwrap_or_else(|| resolve::resolve(text, vocabulary))
}
