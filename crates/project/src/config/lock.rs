//! The lock file of base images: the digest of each tag that a build uses.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::{FileError, project_path, read_project_text, write_atomically};
use crossdock_oci::Digest;
use serde::Deserialize;
use toml_edit::{DocumentMut, Item, Table, Value};

use crate::boundary::project_boundary;

/// The name of the lock file of base images. It is in the same directory as the root's configuration:
///
/// ```toml
/// [images]
/// "golang:1.26-trixie" = "sha256:…"
/// ```
pub const LOCK_FILE: &str = "crossdock.lock";

/// The first lines of a new lock file.
const HEADER: &str = "# The base images of this project by digest, which `crossdock update` looks up again. Keep it in version control.\n[images]\n";

/// The lock file of a project: digests of indexes, or of images without an index, by reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseLock {
    path: Utf8PathBuf,
    text: String,
    images: BTreeMap<String, Digest>,
}

/// The error for a lock file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockFileError {
    /// The file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: Utf8PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is malformed.
    #[error("{path} is not a lock file of base images: {reason}")]
    Malformed {
        /// The file.
        path: Utf8PathBuf,
        /// The place and the reason.
        reason: String,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] FileError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(default)]
    images: BTreeMap<String, String>,
}

impl BaseLock {
    /// Reads the lock file of the project whose root configuration is in a directory. A project without one has an empty
    /// one.
    ///
    /// # Errors
    /// The file cannot be read, or is malformed.
    pub fn read(root: &Utf8Path) -> Result<Self, LockFileError> {
        let path = root.join(LOCK_FILE);
        let is_absent =
            path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        if is_absent {
            return Ok(Self { path, text: HEADER.to_owned(), images: BTreeMap::new() });
        }
        let text = read_project_text(path.as_std_path(), project_boundary(root).as_std_path());
        let text = text.map_err(|error| LockFileError::Read { path: path.clone(), source: error.source })?;
        let images =
            parse(&text).map_err(|reason| LockFileError::Malformed { path: path.clone(), reason })?;
        Ok(Self { path, text, images })
    }

    /// Returns the path of the file. Absolute.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Returns the digest of a reference.
    pub fn get(&self, name: &str) -> Option<Digest> {
        self.images.get(name).copied()
    }

    /// Returns all references with their digests.
    pub fn images(&self) -> impl Iterator<Item = (&str, Digest)> {
        self.images.iter().map(|(name, digest)| (name.as_str(), *digest))
    }

    /// Sets digests and writes the file, whose other lines and comments are kept. What another process has written since
    /// is kept, too.
    ///
    /// # Errors
    /// The file is malformed by now, or cannot be written.
    pub fn update(&mut self, digests: &BTreeMap<String, Digest>) -> Result<(), LockFileError> {
        let root = self.path.parent().unwrap_or(Utf8Path::new("."));
        let mut now = Self::read(root)?;
        let malformed = |error: toml_edit::TomlError| LockFileError::Malformed {
            path: self.path.clone(),
            reason: error.to_string(),
        };
        let mut document: DocumentMut = now.text.parse().map_err(malformed)?;
        let images = document.entry("images").or_insert_with(|| Item::Table(Table::new()));
        for (name, digest) in digests {
            let mut new = Value::from(digest.to_string());
            if let Some(old) = images.get(name).and_then(Item::as_value) {
                // The comment at the end of the line.
                *new.decor_mut() = old.decor().clone();
            }
            images[name.as_str()] = Item::Value(new);
        }
        now.text = with_line_ends_of(&now.text, document.to_string());
        now.images.extend(digests.iter().map(|(name, digest)| (name.clone(), *digest)));
        // A link stays one: its target is replaced.
        let target = match project_path(self.path.as_std_path(), project_boundary(root).as_std_path()) {
            Ok(target) => target,
            Err(error) if error.is_not_found() => self.path.as_std_path().to_owned(),
            Err(error) => return Err(error.into()),
        };
        write_atomically(target, now.text.as_bytes())?;
        *self = now;
        Ok(())
    }
}

/// Returns a text with the line ends of an older one: toml_edit ends the lines that it writes with LF.
fn with_line_ends_of(old: &str, new: String) -> String {
    let is_windows = old.lines().next().is_some_and(|first| old[first.len()..].starts_with("\r\n"));
    if is_windows { new.replace("\r\n", "\n").replace('\n', "\r\n") } else { new }
}

fn parse(text: &str) -> Result<BTreeMap<String, Digest>, String> {
    let content: Content = toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())?;
    let digest = |(name, digest): (String, String)| match digest.parse() {
        Ok(digest) => Ok((name, digest)),
        Err(_) => {
            Err(format!("`{digest}` of `{name}` is not a digest: write `sha256:` and 64 hexadecimal digits"))
        }
    };
    content.images.into_iter().map(digest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_keeps_what_a_person_or_another_process_wrote() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let mut lock = BaseLock::read(root).unwrap();
        let mut other = BaseLock::read(root).unwrap();
        lock.update(&[("alpine:3.22".to_owned(), one)].into()).unwrap();
        let written = std::fs::read_to_string(lock.path()).unwrap();
        assert_eq!(written, format!("{HEADER}\"alpine:3.22\" = \"{one}\"\n"));
        crossdock_fs::write_atomically(
            lock.path(),
            format!("{written}# mine\n\"b:1\" = \"{one}\" # why\n").as_bytes(),
        )
        .unwrap();
        other.update(&[("alpine:3.22".to_owned(), two)].into()).unwrap();
        let written = std::fs::read_to_string(lock.path()).unwrap();
        assert_eq!(
            written,
            format!("{HEADER}\"alpine:3.22\" = \"{two}\"\n# mine\n\"b:1\" = \"{one}\" # why\n")
        );
        let mut last = BaseLock::read(root).unwrap();
        last.update(&[("b:1".to_owned(), two)].into()).unwrap();
        let written = std::fs::read_to_string(lock.path()).unwrap();
        assert!(written.ends_with(&format!("\"b:1\" = \"{two}\" # why\n")), "{written}");
        assert_eq!((other.get("b:1"), other.get("alpine:3.22")), (Some(one), Some(two)));
        assert_eq!(BaseLock::read(root).unwrap(), last);
    }

    #[test]
    fn an_update_keeps_the_line_ends_of_windows() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let text = format!("# mine\r\n[images]\r\n\"a:1\" = \"{one}\" # why\r\n");
        crossdock_fs::write_atomically(root.join(LOCK_FILE), text.as_bytes()).unwrap();
        let mut lock = BaseLock::read(root).unwrap();
        lock.update(&[("a:1".to_owned(), two), ("b:1".to_owned(), one)].into()).unwrap();
        let written = std::fs::read_to_string(lock.path()).unwrap();
        let expected = format!("{}\"b:1\" = \"{one}\"\r\n", text.replace(&one.to_string(), &two.to_string()));
        assert_eq!(written, expected);
    }

    #[test]
    fn malformed_files_name_the_fault() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        for (text, part) in [
            ("[images]\na = 1\n", "line 2"),
            ("[images]\n\"a:1\" = \"sha256:0\"\n", "`sha256:0` of `a:1` is not a digest"),
            ("[bases]\n", "unknown field `bases`"),
        ] {
            crossdock_fs::write_atomically(root.join(LOCK_FILE), text.as_bytes()).unwrap();
            let error = BaseLock::read(root).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
