//! Copies of files that a person made, before crossdock replaces them.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use camino::{Utf8Path, Utf8PathBuf};

/// The names that a copy may have, in order: `NAME.orig`, `NAME.orig.1`, `NAME.orig.2`, and so on.
fn names(path: &Utf8Path) -> impl Iterator<Item = Utf8PathBuf> {
    let first = std::iter::once(format!("{path}.orig"));
    let path = path.to_owned();
    first.chain((1_u32..).map(move |number| format!("{path}.orig.{number}"))).map(Utf8PathBuf::from)
}

/// The name that a copy would get now.
pub fn name(path: &Utf8Path) -> Utf8PathBuf {
    let is_free = |name: &Utf8PathBuf| name.symlink_metadata().is_err();
    names(path).find(is_free).unwrap_or_else(|| format!("{path}.orig").into())
}

/// Copies a file to the first of these names that nothing has, and returns it. The copy is on the disk when this returns.
pub fn keep(path: &Utf8Path) -> std::io::Result<Utf8PathBuf> {
    let content = std::fs::read(path)?;
    for name in names(path) {
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Ok(mut file) => {
                file.write_all(&content)?;
                file.sync_all()?;
                return Ok(name);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_replaces_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().join("Dockerfile");
        for (text, copy) in
            [("one", "Dockerfile.orig"), ("two", "Dockerfile.orig.1"), ("three", "Dockerfile.orig.2")]
        {
            crossdock_fs::write_atomically(&path, text.as_bytes()).unwrap();
            assert_eq!(name(&path).file_name(), Some(copy));
            let kept = keep(&path).unwrap();
            assert_eq!(kept.file_name(), Some(copy));
            assert_eq!(std::fs::read_to_string(kept).unwrap(), text);
        }
        assert_eq!(std::fs::read_to_string(format!("{path}.orig")).unwrap(), "one");
    }
}
