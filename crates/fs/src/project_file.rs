//! Files that come with a project, which may be a stranger's clone.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::FileError;
use crate::regular::open_regular;

/// The size limit of a text file of a project, in bytes: manifests, configurations and templates are far below it.
pub const TEXT_LIMIT: u64 = 16 << 20;

/// Opens a file that a project brings, for reading.
///
/// Symbolic links are followed within the directory `project`. One that leads out of it, or into git's own directory, is
/// refused: the content would be shown, packed or taken for configuration, although it is the machine's and not the
/// project's. `/proc/self/environ` and `.git/config` may hold credentials. A path that is not below `project` belongs to the
/// machine itself, and its links are followed.
///
/// # Errors
/// If the file leads out of the project, is not a regular file, or cannot be opened.
pub fn open_project_file(path: &Path, project: &Path) -> Result<File, FileError> {
    let target = project_path(path, project)?;
    open_regular(&target).map_err(FileError::on("read", path))
}

/// Returns the target of a project's file or directory, with all links followed, by the rule of [`open_project_file`].
///
/// # Errors
/// If it does not exist, or leads out of the project or into git's own directory.
pub fn project_path(path: &Path, project: &Path) -> Result<PathBuf, FileError> {
    let target = path.canonicalize().map_err(FileError::on("read", path))?;
    if !path.starts_with(project) {
        return Ok(target);
    }
    let refuse =
        |why: String| Err(FileError::on("read", path)(io::Error::new(io::ErrorKind::InvalidInput, why)));
    let root = project.canonicalize().map_err(FileError::on("read", project))?;
    match target.strip_prefix(&root) {
        Ok(below) if has_git_directory(below) => refuse(format!(
            "it leads to `{}`; files of git may hold credentials, and crossdock does not use them",
            target.display()
        )),
        Ok(_) => Ok(target),
        Err(_) => refuse(format!(
            "it leads to `{}`, outside of `{}`; replace the symbolic link with a copy",
            target.display(),
            root.display()
        )),
    }
}

/// Returns whether a path has a component `.git`, in any case: file systems that ignore case hold one directory for all.
pub fn has_git_directory(path: &Path) -> bool {
    path.iter().any(|part| part.eq_ignore_ascii_case(OsStr::new(".git")))
}

/// Reads a text file that a project brings; see [`open_project_file`].
///
/// # Errors
/// As [`open_project_file`], and if the file is longer than [`TEXT_LIMIT`] or is not UTF-8.
pub fn read_project_text(path: &Path, project: &Path) -> Result<String, FileError> {
    read_text_of(open_project_file(path, project)?, path)
}

/// Reads a text file of the machine or one that a person names. Links are followed.
///
/// # Errors
/// If the file is not a regular one, is longer than [`TEXT_LIMIT`], is not UTF-8 or cannot be read.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    read_text_of(open_regular(path).map_err(FileError::on("read", path))?, path)
}

fn read_text_of(file: File, path: &Path) -> Result<String, FileError> {
    let mut bytes = Vec::new();
    let read = file.take(TEXT_LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(FileError::on("read", path))?;
    text_of(bytes).map_err(FileError::on("read", path))
}

fn text_of(bytes: Vec<u8>) -> io::Result<String> {
    if bytes.len() as u64 > TEXT_LIMIT {
        let why = format!("it is larger than {} MiB, the limit for text files", TEXT_LIMIT >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_within_the_project_only() {
        let directory = tempfile::tempdir().unwrap();
        let project = directory.path().join("project");
        for (name, text) in [("project/a", "a"), ("project/.git/config", "token"), ("outside", "secret")] {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            crate::write_atomically(path, text.as_bytes()).unwrap();
        }
        let link = |name: &str, target: &str| {
            symlink(target, project.join(name)).unwrap();
            read_project_text(&project.join(name), &project)
        };
        assert_eq!(link("inside", "a").unwrap(), "a");
        for (name, target) in [
            ("up", "../outside"),
            ("environment", "/proc/self/environ"),
            ("git", ".git/config"),
            ("indirect", "up"),
        ] {
            let error = link(name, target).unwrap_err();
            assert_eq!(error.source.kind(), io::ErrorKind::InvalidInput, "{error:?}");
            assert!(error.source.to_string().starts_with("it leads to `"), "{error:?}");
        }
        symlink("..", project.join("directory")).unwrap();
        assert!(read_project_text(&project.join("directory/outside"), &project).is_err());
        assert!(link("dangling", "nowhere").unwrap_err().is_not_found());
        // A file of the machine, such as `~/.cargo/config.toml`, may be a link to anywhere.
        symlink("outside", directory.path().join("machine")).unwrap();
        assert_eq!(read_project_text(&directory.path().join("machine"), &project).unwrap(), "secret");
    }

    #[test]
    fn only_regular_texts_of_a_limited_size_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let why = |path: &Path| read_text(path).unwrap_err().source.to_string();
        for special in ["/dev/zero", "/dev/tty"] {
            assert!(why(Path::new(special)).contains("not a regular file"), "{special}");
        }
        crate::write_atomically(&path, &[b'a', 0xff]).unwrap();
        assert_eq!(why(&path), "it is not UTF-8");
        File::create(&path).unwrap().set_len(TEXT_LIMIT + 1).unwrap();
        assert_eq!(why(&path), "it is larger than 16 MiB, the limit for text files");
        File::create(&path).unwrap().set_len(TEXT_LIMIT).unwrap();
        assert_eq!(read_text(&path).unwrap().len() as u64, TEXT_LIMIT);
    }
}
