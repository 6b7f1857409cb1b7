//! The two output streams: standard output for the answer only, standard error for messages to a person.
//!
//! Text for a person is written only here and by [`Progress`](crate::ui::Progress), and both make foreign control
//! characters visible.

use std::io::{IsTerminal, Write};
use std::sync::LazyLock;

use anstream::{AutoStream, ColorChoice};
use terminal_size::{Height, Width, terminal_size_of};

use crate::error::{CommandError, Exit};
use crate::ui::live::{INTERVAL, Live, Output, Show, USUAL_SIZE};
use crate::ui::style::{BAD, WARN, paint};
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

/// Writes an answer that another program reads as [`data`] does, without adding a line break at its end.
///
/// # Errors
/// As of [`answer`].
pub(crate) fn data_as_is(text: &str) -> Result<(), CommandError> {
    if std::io::stdout().is_terminal() {
        return answer(text);
    }
    // Without anstream, which removes control characters.
    let mut out = std::io::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
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
    written(write!(out, "{text}{end}").and_then(|()| out.flush()))
}

fn written(result: std::io::Result<()>) -> Result<(), CommandError> {
    match result {
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
    live().write(&shown(line));
}

/// Returns the standard error of this process, which shows no running work until a session decides how.
pub(crate) fn live() -> &'static Live {
    static LIVE: LazyLock<Live> = LazyLock::new(|| Live::new(Box::new(Stderr), Show::Nothing, INTERVAL));
    &LIVE
}

struct Stderr;

impl Output for Stderr {
    fn text(&mut self, text: &str) {
        // If standard error is closed, the work goes on without messages.
        let _closed = write!(anstream::stderr(), "{text}");
    }

    fn raw(&mut self, text: &str) {
        let _closed = std::io::stderr().write_all(text.as_bytes());
    }

    fn has_styles(&self) -> bool {
        AutoStream::choice(&std::io::stderr()) != ColorChoice::Never
    }

    fn size(&self) -> Option<(usize, usize)> {
        let stderr = std::io::stderr();
        size(&stderr, terminal_size_of(&stderr))
    }
}

/// Returns the number of columns that a line of the answer may fill; no limit if standard output is not a terminal.
pub(crate) fn answer_columns() -> usize {
    let stdout = std::io::stdout();
    size(&stdout, terminal_size_of(&stdout)).map_or(usize::MAX, |(columns, _)| columns)
}

/// Returns whether a terminal shows the answer.
pub(crate) fn answers_person() -> bool {
    std::io::stdout().is_terminal()
}

/// Returns the columns and rows of a stream, which some terminals do not tell; `None` if it is not a terminal.
fn size(stream: &impl IsTerminal, told: Option<(Width, Height)>) -> Option<(usize, usize)> {
    let told = told.map(|(columns, rows)| (columns.0.into(), rows.0.into()));
    stream.is_terminal().then(|| told.unwrap_or(USUAL_SIZE))
}

/// Prints an error for the person. A [`CommandError`] indents its further lines; other text has one line.
pub(crate) fn error(text: impl std::fmt::Display) {
    say(&format!("{} {text}", paint(BAD, "error:")));
}

/// Prints a warning for the person.
pub(crate) fn warning(line: &str) {
    say(&format!("{} {}", paint(WARN, "warning:"), message(line)));
}

/// Prints something that a person may want to know, with the word `note:`.
pub(crate) fn note(line: &str) {
    say(&format!("note: {}", message(line)));
}
