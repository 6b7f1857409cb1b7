//! What a description of a platform or machine means for both languages: the answers of `crossdock target`, as values.

mod answer;
mod host;
mod matching;
mod text;

pub use answer::{Answer, Candidate, Outcome, RustAnswer, answer};
pub use host::{Emulation, HostAnswer, HostFacts, ServerAnswer, classify};
pub use matching::{MatchAnswer, MatchError, Rejected, match_platforms};
pub use text::describe_answer;

use crossdock_platform::PlatformFacts;

/// Why a description is ambiguous, with what to do about it where `--as VOCABULARY` can be said.
pub(crate) fn ambiguity(candidates: &[PlatformFacts], why: &str) -> String {
    let first = candidates.first().map(|one| one.vocabulary);
    let alone = |one: &PlatformFacts| Some(one.vocabulary) == first && one.also.is_empty();
    if candidates.iter().all(alone) {
        // Another vocabulary would not have the name.
        return why.to_owned();
    }
    format!("{why}: say which one is meant with --as VOCABULARY, or name the platform")
}

/// The version of this module's JSON.
pub const SCHEMA: u32 = 1;
