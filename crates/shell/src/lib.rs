//! Reads simple shell scripts as the shell does, and says which programs they run.
//!
//! [`follow`] takes a script, its arguments, its environment and facts about the file system, and returns the programs that
//! the script may run, in order, and the ways in which it ends: the program that replaces the shell, the last one that it
//! waits for, a status, or a failure. Values may be known, unknown, or known in part ([`Value`]). A known condition decides;
//! an unknown one is followed on both sides. What cannot be followed is listed with its place and never guessed.
//! [`check`] only reads.
//!
//! The crate runs nothing and touches no file: the caller answers questions about files through [`Files`].
//!
//! ```
//! use crossdock_shell::{EndKind, NoFiles, Start, follow};
//!
//! let text = "set -e\nif [ \"${1#-}\" != \"$1\" ]; then set -- server \"$@\"; fi\nexec \"$@\"\n";
//! let start = Start { arguments: vec!["--port".into(), "80".into()], ..Start::new(text) };
//! let outcome = follow(&start, &NoFiles);
//!
//! assert_eq!(outcome.ends[0].kind, EndKind::Exec(0));
//! assert_eq!(outcome.programs[0].words[0].text(), Some("server"));
//! ```
//!
//! # Limits
//!
//! Scripts are hostile input. A text of more than 1 MiB, nesting deeper than 60 levels while reading or 70 while running,
//! and work beyond 100,000 steps are not followed: [`Cause::TooLarge`], [`Cause::TooDeep`]. Scripts that run each other share
//! a [`Budget`]. At most 8 states are followed
//! side by side; more are joined, and what they disagree about counts as unknown. Time and stack are thereby bounded for
//! every text.
//!
//! # Why an own parser
//!
//! Libraries were weighed in November 2026. yash-syntax is under the GPL. conch-parser has had no release for years. It and
//! brush-parser overflow the stack on nested parentheses, brush-parser at 1,000 of them, which ends the process.
//! brush-parser also brings more than 100 crates, and refuses a script as a whole, whereas a shell runs all lines before the
//! one with the error. None knows how dash and BusyBox differ from bash.

mod arguments;
mod budget;
mod evaluate;
mod outcome;
mod pattern;
mod start;
mod syntax;
mod tail;
mod touched;
mod value;

pub use arguments::{ScriptSource, ShellCall, read_shell_arguments};
pub use budget::Budget;
pub use evaluate::{follow, follow_within};
pub use outcome::{
    Asked, Cause, End, EndKind, Exit, Failure, Found, How, Outcome, Place, Position, Program, Reason,
    StandardInput, SyntaxError, Trouble, Unfollowed,
};
pub use start::{Dialect, Entry, Environment, Executable, Files, NoFiles, Options, Start};
pub use tail::replacing_commands;
pub use touched::Changes;
pub use value::Value;

/// Reads a script as the shell does, without running anything.
///
/// # Errors
///
/// The first syntax error.
pub fn check(text: &[u8], dialect: Dialect) -> Result<(), SyntaxError> {
    let text = String::from_utf8_lossy(text);
    match syntax::Lines::new(&text, dialect, Position::FIRST).finish() {
        Some(error) => Err(error.clone()),
        None => Ok(()),
    }
}
