//! What a description of a platform or machine means for both languages: the answers of `crossdock target`, as values.

mod answer;
mod host;
mod matching;
mod text;

pub use answer::{Answer, Candidate, Outcome, RustAnswer, answer};
pub use host::{Emulation, HostAnswer, HostFacts, ServerAnswer, classify};
pub use matching::{MatchAnswer, MatchError, Rejected, match_platforms};
pub use text::describe_answer;

/// The version of this module's JSON.
pub const SCHEMA: u32 = 1;
