//! The two streams: standard output carries the answer and nothing else, standard error carries words for a person.

use std::io::Write;

use crate::error::{CommandError, Exit};
use crate::ui::style::{WARN, paint};

/// Writes the answer.
///
/// # Errors
/// When standard output cannot be written; a closed pipe is none, as with `| head`.
pub(crate) fn answer(text: &str) -> Result<(), CommandError> {
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
    answer(&json_text(value)?)
}

/// A value as indented JSON.
pub(crate) fn json_text(value: &impl serde::Serialize) -> Result<String, CommandError> {
    serde_json::to_string_pretty(value).map_err(|error| CommandError::new(Exit::InputOutput, &error))
}

/// Says something to the person.
pub(crate) fn say(line: &str) {
    // Standard error may be closed: then nobody reads, and the work goes on.
    let _nobody_reads = writeln!(anstream::stderr(), "{line}");
}

/// Says something that deserves attention.
pub(crate) fn note(line: &str) {
    say(&format!("{} {line}", paint(WARN, "warning:")));
}
