//! The meaning of a description of a platform or machine, for Go, Rust and other tools.

mod answer;
mod host;
mod matching;
mod text;

pub use answer::{Answer, Candidate, Outcome, RustAnswer};
pub use host::{Emulation, HostAnswer, HostFacts, ServerAnswer, classify, observe_host};
pub use matching::{MatchAnswer, MatchError, Rejected, match_platforms};
pub use text::describe_answer;

use crossdock_platform::{PlatformFacts, Vocabulary};

/// Interprets a description in any known vocabulary: a platform, a compiler's triple, a machine type, a `uname`. For an
/// unknown or ambiguous description [`Answer::result`] tells so.
///
/// ```
/// use crossdock::interpret::{Outcome, interpret};
///
/// let answer = interpret("m7g.large", None);
/// assert_eq!((answer.architecture, answer.os), (Some("arm64"), None));
/// assert_eq!(answer.rust.unwrap().r#static, Some("aarch64-unknown-linux-musl"));
/// assert_eq!(interpret("linux/arm46", None).result, Outcome::Unknown);
/// ```
#[must_use]
pub fn interpret(description: &str, vocabulary: Option<Vocabulary>) -> Answer {
    answer::answer(description, vocabulary)
}

/// Explains why a description is ambiguous, with the remedy `--as VOCABULARY` if it applies.
pub(crate) fn ambiguity(candidates: &[PlatformFacts], why: &str) -> String {
    let first = candidates.first().map(|one| one.vocabulary);
    let is_only_there = |one: &PlatformFacts| Some(one.vocabulary) == first && one.also.is_empty();
    if candidates.iter().all(is_only_there) {
        // No other vocabulary contains the name.
        return why.to_owned();
    }
    format!("{why}: choose one with --as VOCABULARY, or specify the platform")
}

/// The version of this module's JSON.
pub const SCHEMA: u32 = 1;
