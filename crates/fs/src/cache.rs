use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::atomic::{is_temporary, write_atomically};
use crate::error::FileError;
use crate::links::{create_directory_no_follow, open_regular_no_follow};

/// The name of the mark, by which backup tools skip a directory (<https://bford.info/cachedir/>).
const TAG: &str = "CACHEDIR.TAG";

/// The start of the mark: the signature of the specification, then a line that tells crossdock's cache from others. It is
/// compared byte for byte with marks that earlier versions wrote, so its wording cannot change.
const MARK: &str =
    "Signature: 8a477f597d28d172789f06886806bc55\n# This directory is the cache of crossdock.\n";

/// The directories of a cache. Versions before the mark made them, and some are made before the cache is first opened.
const DIRECTORIES: [&str; 6] = ["build", "cargo", "host", "init", "layers", "toolchain"];

/// The number of digits of the hash that ends the name of a module's programs, below `build`.
const HASH_DIGITS: usize = 12;

/// Opens the cache directory at `path`, which is created if missing, for its owner only, with a mark that tells it from a
/// user's own directory.
///
/// Programs in the cache are packed into images without being compiled again, and pruning deletes files, so a directory
/// is used only if nobody else may write it and it is crossdock's. Without the mark it is crossdock's if it is empty or
/// holds only the directories of a cache. A symbolic link at `path` is followed: the user names the cache, and may keep
/// it on another disk.
///
/// # Errors
/// If the directory cannot be created or written, belongs to or can be written by another user, or has other content.
pub fn open_cache(path: &Path) -> Result<(), FileError> {
    create(path)?;
    // The owner comes first: a stranger who owns the directory can forge the mark and change the mode.
    check_owner(path)?;
    let is_marked = is_marked(path)?;
    if let Some(found) = if is_marked { None } else { foreign_content(path)? } {
        let why = format!(
            "it is not a cache of crossdock: it contains `{found}`; set CROSSDOCK_CACHE_DIR to a new or empty directory"
        );
        return Err(refused(path, io::ErrorKind::InvalidInput, why));
    }
    // The mode comes last: it may be changed, which is right only for a directory that is crossdock's.
    check_mode(path)?;
    if is_marked {
        return Ok(());
    }
    let text = "# Its files are made again when needed. For information see https://bford.info/cachedir/\n";
    write_atomically(path.join(TAG), format!("{MARK}{text}").as_bytes())
}

fn is_marked(path: &Path) -> Result<bool, FileError> {
    let tag = path.join(TAG);
    let mut start = Vec::new();
    let read =
        open_regular_no_follow(&tag).and_then(|file| file.take(MARK.len() as u64).read_to_end(&mut start));
    match read {
        Ok(_) => Ok(start == MARK.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::on("read", &tag)(error)),
    }
}

/// Returns the name of an entry that an unmarked cache does not have.
fn foreign_content(path: &Path) -> Result<Option<String>, FileError> {
    let list = |error| FileError::on("list", path)(error);
    for entry in fs::read_dir(path).map_err(list)? {
        let entry = entry.map_err(list)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_directory = entry.file_type().map_err(list)?.is_dir();
        // Another process may be writing the mark.
        let is_known = is_directory && DIRECTORIES.contains(&name.as_str())
            || is_temporary(&name)
            || name == TAG && is_marked(path)?;
        if !is_known {
            return Ok(Some(name));
        }
        // Many projects have a directory `build`; a cache's holds only directories that crossdock names.
        if name == "build" && !holds_programs(&entry.path())? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Returns whether every entry is a directory whose name ends in `-` and a hash, as that of a module's programs does. A
/// person who runs a printed command by hand creates one before anything else is in the cache.
fn holds_programs(path: &Path) -> Result<bool, FileError> {
    let list = |error| FileError::on("list", path)(error);
    for entry in fs::read_dir(path).map_err(list)? {
        let entry = entry.map_err(list)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let hash = name.rsplit_once('-').map_or("", |(_, hash)| hash);
        let is_hash = hash.len() == HASH_DIGITS && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !is_hash || !entry.file_type().map_err(list)?.is_dir() {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(unix)]
fn create(path: &Path) -> Result<(), FileError> {
    use std::os::unix::fs::DirBuilderExt;
    // Missing parents too: the XDG Base Directory Specification wants 0700 for directories that a program makes for its
    // files. The mode is given to mkdir(2), since a directory that is made private afterwards could be written in between.
    let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    created.map_err(FileError::on("create", path))
}

#[cfg(not(unix))]
fn create(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(FileError::on("create", path))
}

/// Refuses a directory that belongs to another user, who may change everything in it.
#[cfg(unix)]
fn check_owner(path: &Path) -> Result<(), FileError> {
    use std::os::unix::fs::MetadataExt;
    let owner = fs::metadata(path).map_err(FileError::on("read", path))?.uid();
    let own = rustix::process::geteuid().as_raw();
    if owner == own {
        return Ok(());
    }
    let why = format!(
        "it belongs to the user with ID {owner}, who can replace programs in it, and crossdock runs as {own}; set \
         CROSSDOCK_CACHE_DIR to a directory of your own"
    );
    Err(refused(path, io::ErrorKind::PermissionDenied, why))
}

#[cfg(not(unix))]
fn check_owner(_: &Path) -> Result<(), FileError> {
    Ok(())
}

/// Refuses a directory that others may write, and makes one that others may only read private.
#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), FileError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).map_err(FileError::on("read", path))?.permissions().mode() & 0o777;
    if mode & 0o022 != 0 {
        let why = format!(
            "other users may write it (mode {mode:03o}) and may have replaced programs in it; set CROSSDOCK_CACHE_DIR \
             to another directory, or remove this one"
        );
        return Err(refused(path, io::ErrorKind::PermissionDenied, why));
    }
    // On a read-only file system this fails, and nobody can write.
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).ok();
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &Path) -> Result<(), FileError> {
    Ok(())
}

fn refused(path: &Path, kind: io::ErrorKind, why: String) -> FileError {
    FileError::on("use the cache", path)(io::Error::new(kind, why))
}

/// Opens a directory of the cache at `path`, which is created if missing, as [`open_cache`] does, and returns the path of
/// its subdirectory `name`, which is created too.
///
/// # Errors
/// As [`open_cache`], and if the subdirectory is a symbolic link or cannot be created.
pub fn open_cache_directory(path: &Path, name: &str) -> Result<std::path::PathBuf, FileError> {
    open_cache(path)?;
    let directory = path.join(name);
    create_directory_no_follow(&directory)?;
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_cache_is_marked_and_opened_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/cache");
        for _ in 0..2 {
            open_cache(&path).unwrap();
        }
        assert!(fs::read_to_string(path.join("CACHEDIR.TAG")).unwrap().starts_with(MARK));
        write_atomically(path.join("note"), b"a marked cache may hold anything").unwrap();
        open_cache(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            for made in [&path, &directory.path().join("a")] {
                assert_eq!(fs::metadata(made).unwrap().permissions().mode() & 0o777, 0o700, "{made:?}");
            }
        }
    }

    #[test]
    fn a_foreign_directory_is_refused_and_untouched() {
        for name in ["letter.txt", "CACHEDIR.TAG", "layers", "build/app/linux/letter"] {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            write_atomically(&file, b"Signature: 8a477f597d28d172789f06886806bc55\n").unwrap();
            let error = open_cache(directory.path()).unwrap_err();
            let found = name.split('/').next().unwrap();
            assert!(error.source.to_string().contains(&format!("it contains `{found}`")), "{error:?}");
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_cache_of_an_earlier_version_is_adopted() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["build/app-0123456789ab", "cargo", "host", "layers/blobs/sha256"] {
            fs::create_dir_all(directory.path().join(name)).unwrap();
        }
        open_cache(directory.path()).unwrap();
        assert!(is_marked(directory.path()).unwrap());
    }

    #[test]
    fn a_program_compiled_by_hand_makes_no_foreign_directory() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("build/app-0123456789ab/linux-arm64-0123456789ab")).unwrap();
        open_cache(directory.path()).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_cache_that_others_may_write_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let mode = |mode| fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
        for marked in [false, true] {
            for writable in [0o777, 0o770, 0o702] {
                mode(writable);
                let error = open_cache(directory.path()).unwrap_err();
                assert_eq!(error.source.kind(), io::ErrorKind::PermissionDenied, "{marked} {error:?}");
            }
            mode(0o755);
            open_cache(directory.path()).unwrap();
            assert_eq!(fs::metadata(directory.path()).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_cache_of_another_user_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let mut path = Path::new("/");
        if rustix::process::geteuid().is_root() {
            open_cache(directory.path()).unwrap();
            path = directory.path();
            std::os::unix::fs::chown(path, Some(12_345), None).unwrap();
        }
        let error = open_cache(path).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.source.to_string().contains("it belongs to the user with ID"), "{error:?}");
    }

    #[cfg(unix)]
    #[test]
    fn links_in_a_cache_are_refused_and_the_cache_may_be_one() {
        let directory = tempfile::tempdir().unwrap();
        let (cache, link) = (directory.path().join("cache"), directory.path().join("link"));
        open_cache(&cache).unwrap();
        std::os::unix::fs::symlink(&cache, &link).unwrap();
        open_cache_directory(&link, "layers").unwrap();
        std::os::unix::fs::symlink(directory.path(), cache.join("build")).unwrap();
        assert!(open_cache_directory(&cache, "build").is_err());
    }
}
