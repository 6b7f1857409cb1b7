//! Files that crossdock writes into a project: never over somebody's own work.

use camino::{Utf8Path, Utf8PathBuf};

use super::error::{CommandError, Exit};
use crossdock_scaffold::header::{self, Comment};

/// A file to be written.
pub(super) struct Generated {
    pub(super) path: Utf8PathBuf,
    /// Its text, without the line by which it is known again.
    pub(super) body: String,
    pub(super) comment: Comment,
}

/// What happens to a file that crossdock did not make, or that was changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// It stays, and nothing is written.
    Keep,
    /// It is replaced, and a copy of it kept.
    Replace,
}

/// Writes all files or, where one would replace somebody's own work, none. Returns the copies that were kept.
pub(super) fn write(files: &[Generated], others: Others) -> Result<Vec<Utf8PathBuf>, CommandError> {
    let looked = |file: &Generated| {
        let text = header::stamp(&file.body, file.comment, env!("CARGO_PKG_VERSION"));
        state(file, &text).map(|state| (state, text))
    };
    let stamped = files.iter().map(looked).collect::<Result<Vec<_>, _>>()?;
    for (file, (state, _)) in files.iter().zip(&stamped) {
        if let (State::Foreign(why), Others::Keep) = (state, others) {
            let message = format!("{} {why}, and is left as it is", file.path);
            return Err(CommandError::message(Exit::Usage, message).hint(format!(
                "--force replaces it and keeps a copy as {}; or write to another place",
                crossdock_scaffold::backup::name(&file.path)
            )));
        }
    }
    let mut copies = Vec::new();
    for (file, (state, text)) in files.iter().zip(stamped) {
        match state {
            State::Same => continue,
            State::Foreign(_) => {
                let copy = crossdock_scaffold::backup::keep(&file.path);
                copies.push(
                    copy.map_err(|error| failed(&crossdock_scaffold::backup::name(&file.path), &error))?,
                );
            }
            State::Absent | State::Ours => {}
        }
        crossdock_fs::write_atomically(&file.path, text.as_bytes())
            .map_err(|error| CommandError::new(Exit::InputOutput, &error))?;
    }
    Ok(copies)
}

enum State {
    Absent,
    /// It says already what would be written.
    Same,
    /// crossdock made it and nobody has changed it.
    Ours,
    /// Why it is not.
    Foreign(&'static str),
}

/// What lies where a file belongs that shall have a text.
fn state(file: &Generated, text: &str) -> Result<State, CommandError> {
    let bytes = match std::fs::read(&file.path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(State::Absent),
        Err(error) => return Err(failed(&file.path, &error)),
    };
    if bytes == text.as_bytes() {
        return Ok(State::Same);
    }
    let old = String::from_utf8_lossy(&bytes);
    Ok(match header::is_unedited(&old) {
        Some(true) => State::Ours,
        Some(false) => State::Foreign("was changed since crossdock made it"),
        None if old.trim().is_empty() => State::Ours,
        None => State::Foreign("was not made by crossdock"),
    })
}

fn failed(path: &Utf8Path, error: &std::io::Error) -> CommandError {
    CommandError::message(Exit::InputOutput, format!("{path}: {error}"))
}
