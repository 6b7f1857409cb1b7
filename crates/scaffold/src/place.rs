//! Where a file would be written, and what lies there. Nothing is ever written through a symbolic link that leaves the
//! project.

use std::io::ErrorKind;

use camino::{Utf8Path, Utf8PathBuf};

use super::error::ScaffoldError;

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing.
    Absent,
    /// A file.
    File {
        /// Where it lies when all links are followed.
        real: Utf8PathBuf,
        /// Its content; what is not UTF-8 is replaced, because such a file is only looked at.
        text: String,
        /// Its size.
        bytes: u64,
    },
    /// Something that is no file of this project, in words that follow its path.
    Blocked(String),
}

/// What lies at `path` below `root`.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn look(root: &Utf8Path, path: &Utf8Path) -> Result<Place, ScaffoldError> {
    let mut whole = root.to_owned();
    let parts: Vec<_> = path.components().collect();
    for (at, part) in parts.iter().enumerate() {
        whole.push(part);
        let metadata = match whole.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Place::Absent),
            Err(source) => return Err(ScaffoldError::Read { path: whole, source }),
        };
        if metadata.is_symlink()
            && let Some(why) = leaves(root, &whole)
        {
            return Ok(Place::Blocked(why));
        }
        let is_last = at + 1 == parts.len();
        if is_last != whole.is_file() {
            let why = if is_last { "is a folder, where a file belongs" } else { "lies below a file" };
            return Ok(Place::Blocked(why.to_owned()));
        }
    }
    read(whole)
}

/// Why a link must not be followed; none when it stays in the project.
fn leaves(root: &Utf8Path, link: &Utf8Path) -> Option<String> {
    let target = match link.canonicalize_utf8() {
        Ok(target) => target,
        Err(error) => return Some(format!("is a symbolic link to nothing ({error})")),
    };
    match root.canonicalize_utf8() {
        Ok(root) if target.starts_with(&root) => None,
        _ => Some(format!("is a symbolic link to {target}, outside of the project")),
    }
}

fn read(path: Utf8PathBuf) -> Result<Place, ScaffoldError> {
    let failed = |source| ScaffoldError::Read { path: path.clone(), source };
    let bytes = std::fs::read(&path).map_err(failed)?;
    let real = path.canonicalize_utf8().map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Place::File { real, text, bytes: bytes.len() as u64 })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_within_the_project_alone() {
        let folder = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(folder.path()).unwrap();
        let root = &base.join("project");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        for file in ["outside", "project/sub/file"] {
            std::fs::File::create(base.join(file)).unwrap();
        }
        symlink("sub/file", root.join("inside")).unwrap();
        symlink("../outside", root.join("leaves")).unwrap();
        symlink("..", root.join("above")).unwrap();
        symlink("nothing", root.join("dangling")).unwrap();
        let blocked = |path: &str| match look(root, path.into()).unwrap() {
            Place::Blocked(why) => why,
            other => panic!("{path}: {other:?}"),
        };
        assert!(
            matches!(look(root, "inside".into()), Ok(Place::File { real, .. }) if real.ends_with("sub/file"))
        );
        assert_eq!(look(root, "sub/new/file".into()).unwrap(), Place::Absent);
        assert!(blocked("leaves").contains("outside of the project"));
        assert!(blocked("above/file").contains("outside of the project"));
        assert!(blocked("dangling").contains("nothing"));
        assert!(blocked("sub").contains("is a folder"));
        assert!(blocked("sub/file/x").contains("below a file"));
    }
}
