//! The two streams: standard output carries the answer and nothing else, standard error carries words for a person.
//!
//! Text for a person is written here and by [`Progress`](crate::ui::Progress) only, and both make foreign control characters
//! visible.

use std::io::{IsTerminal, Write};

use crate::error::{CommandError, Exit};
use crate::ui::style::{WARN, paint};
use crate::ui::text::{json_shown, shown};

/// Writes the answer for a person.
///
/// # Errors
/// When standard output cannot be written; a closed pipe is none, as with `| head`.
pub(crate) fn answer(text: &str) -> Result<(), CommandError> {
    write(&shown(text))
}

/// Writes an answer that another program reads: a file's content, a script. It is written as it is, but for a terminal like
/// every other text.
///
/// # Errors
/// As of [`answer`].
pub(crate) fn data(text: &str) -> Result<(), CommandError> {
    if std::io::stdout().is_terminal() { answer(text) } else { write(text) }
}

/// Writes lines of JSON.
///
/// # Errors
/// As of [`answer`].
pub(crate) fn json_lines(text: &str) -> Result<(), CommandError> {
    if std::io::stdout().is_terminal() { write(&json_shown(text)) } else { write(text) }
}

fn write(text: &str) -> Result<(), CommandError> {
    let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    let mut out = anstream::stdout().lock();
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CommandError::message(
            Exit::InputOutput,
            format!("standard output cannot be written: {error}"),
        )),
        _ => Ok(()),
    }
}

/// Writes the answer as one JSON value.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<(), CommandError> {
    json_lines(&json_text(value)?)
}

/// A value as indented JSON.
pub(crate) fn json_text(value: &impl serde::Serialize) -> Result<String, CommandError> {
    serde_json::to_string_pretty(value).map_err(|error| CommandError::new(Exit::InputOutput, &error))
}

/// Says something to the person.
pub(crate) fn say(line: &str) {
    // Standard error may be closed: then nobody reads, and the work goes on.
    let _nobody_reads = writeln!(anstream::stderr(), "{}", shown(line));
}

/// Says something that deserves attention.
pub(crate) fn note(line: &str) {
    say(&format!("{} {line}", paint(WARN, "warning:")));
}
