//! Files that crossdock writes into a project: never over somebody's own work.

use camino::{Utf8Path, Utf8PathBuf};

use crossdock_scaffold::EditedFiles;
use crossdock_scaffold::{is_unedited, stamp_header};

pub use crossdock_fs::write_atomically;
pub use crossdock_scaffold::CommentStyle;

use crate::error::{Error, ErrorKind, input_output};

/// A file to be written.
#[derive(Debug, Clone)]
pub struct GeneratedFile {
    /// The path. Absolute.
    pub path: Utf8PathBuf,
    /// The text without the header line by which crossdock recognises its own files.
    pub body: String,
    /// The syntax of comments, which the header is written in.
    pub comment: CommentStyle,
}

/// Writes all files, or none if one would replace a file that a person wrote or edited and `existing` says to keep such.
/// Returns the backups of those that were replaced.
///
/// # Errors
/// A file that a person wrote is in the way ([`ErrorKind::Usage`]), or one cannot be read or written.
pub fn write_generated(files: &[GeneratedFile], existing: EditedFiles) -> Result<Vec<Utf8PathBuf>, Error> {
    let looked = |file: &GeneratedFile| {
        let text = stamp_header(&file.body, file.comment, env!("CARGO_PKG_VERSION"));
        state(file, &text).map(|state| (state, text))
    };
    let stamped = files.iter().map(looked).collect::<Result<Vec<_>, _>>()?;
    for (file, (state, _)) in files.iter().zip(&stamped) {
        if let (State::Foreign(why), EditedFiles::Keep) = (state, existing) {
            let message = format!("{} {why}, and is left as it is", file.path);
            return Err(Error::from_message(ErrorKind::Usage, message).hint(format!(
                "--force replaces it and keeps a copy as {}; or write to another place",
                crossdock_scaffold::backup_path(&file.path)
            )));
        }
    }
    let mut copies = Vec::new();
    for (file, (state, text)) in files.iter().zip(stamped) {
        match state {
            State::Same => continue,
            State::Foreign(_) => {
                let copy = crossdock_scaffold::create_backup(&file.path);
                copies.push(
                    copy.map_err(|error| failed(&crossdock_scaffold::backup_path(&file.path), &error))?,
                );
            }
            State::Absent | State::Ours => {}
        }
        crossdock_fs::write_atomically(&file.path, text.as_bytes()).map_err(input_output)?;
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
fn state(file: &GeneratedFile, text: &str) -> Result<State, Error> {
    let bytes = match std::fs::read(&file.path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(State::Absent),
        Err(error) => return Err(failed(&file.path, &error)),
    };
    if bytes == text.as_bytes() {
        return Ok(State::Same);
    }
    let old = String::from_utf8_lossy(&bytes);
    Ok(match is_unedited(&old) {
        Some(true) => State::Ours,
        Some(false) => State::Foreign("was changed since crossdock made it"),
        None if old.trim().is_empty() => State::Ours,
        None => State::Foreign("was not made by crossdock"),
    })
}

fn failed(path: &Utf8Path, error: &std::io::Error) -> Error {
    Error::from_message(ErrorKind::InputOutput, format!("{path}: {error}"))
}
