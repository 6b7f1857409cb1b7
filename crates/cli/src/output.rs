//! The two output streams: standard output for the answer only, standard error for messages to a person.
//!
//! Text for a person is written only here and by [`Progress`](crate::ui::Progress), and both make foreign control
//! characters visible.

use std::io::{IsTerminal, Write};

use crate::error::{CommandError, Exit};
use crate::ui::style::{WARN, paint};
use crate::ui::text::{json_shown, message, shown};

/// Writes the answer for a person.
///
/// # Errors
/// Standard output cannot be written. A closed pipe is not an error, as with `| head`.
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
    // anstream removes escape sequences unless `--color` or the terminal allows them.
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

/// Returns a value as indented JSON.
pub(crate) fn json_text(value: &impl serde::Serialize) -> Result<String, CommandError> {
    serde_json::to_string_pretty(value).map_err(|error| CommandError::new(Exit::InputOutput, &error))
}

/// Prints a line for the person.
pub(crate) fn say(line: &str) {
    // If standard error is closed, the work goes on without messages.
    let _closed = writeln!(anstream::stderr(), "{}", shown(line));
}

/// Prints a warning for the person.
pub(crate) fn note(line: &str) {
    say(&format!("{} {}", paint(WARN, "warning:"), message(line)));
}
