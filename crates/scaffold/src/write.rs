//! Writes a scaffold, and keeps a backup of each file of a person that it replaces.

use std::collections::BTreeSet;
use std::fs::{Metadata, OpenOptions};
use std::io::ErrorKind;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{Access, access};

use super::Scaffold;
use super::error::ScaffoldError;
use super::file_state::{Action, PlannedFile};
use super::xtask::cargo_update;
use crossdock_project::Network;
use crossdock_system::process::Processes;

/// The side effects of writing a scaffold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteReport {
    /// Each replaced file with the backup of its old content; both relative to the project's root.
    pub backups: Vec<(Utf8PathBuf, Utf8PathBuf)>,
    /// Why cargo could not add the `xtask` crate to `Cargo.lock`; `None` if it did or had nothing to add.
    pub lock_error: Option<String>,
}

impl Scaffold {
    /// Writes the files in order, each of them atomically, and lets cargo add the `xtask` crate to `Cargo.lock`.
    ///
    /// # Errors
    /// Fails with [`ScaffoldError::Unwritable`] before anything is written if one of the files cannot be; and with
    /// [`ScaffoldError::Write`], which names the files already written, if a write fails all the same.
    pub fn write(&self, network: Network, processes: &Processes) -> Result<WriteReport, ScaffoldError> {
        let written: Vec<&PlannedFile> = self.files.iter().filter(|file| file.will_be_written()).collect();
        written.iter().try_for_each(|file| check_writable(&self.root, file))?;
        remove_abandoned_files(&self.files);
        let mut report = WriteReport::default();
        for (at, file) in written.iter().enumerate() {
            let backup = write_file(file).map_err(|source| ScaffoldError::Write {
                path: file.resolved_path.clone(),
                written: written_before(&written[..at]),
                source,
            })?;
            let relative =
                |path: Utf8PathBuf| path.strip_prefix(&self.root).map(Utf8Path::to_owned).unwrap_or(path);
            report.backups.extend(backup.map(|backup| (file.path.clone(), relative(backup))));
        }
        let has_crate = self.files.iter().any(|file| file.path == "xtask/Cargo.toml");
        let changes_lock = has_crate && written.iter().any(|file| file.path.ends_with("Cargo.toml"));
        if changes_lock && let Err(error) = processes.stdout(&cargo_update(&self.root, network)) {
            report.lock_error = Some(error.to_string());
        }
        Ok(report)
    }
}

/// Lists the files that were written before one failed.
fn written_before(written: &[&PlannedFile]) -> String {
    match written {
        [] => "nothing was written".to_owned(),
        some => {
            let names = some.iter().map(|file| file.path.as_str());
            format!("written before it: {}", crossdock_platform::listed(names))
        }
    }
}

/// Checks whether a file can be written, as far as that is known in advance. A half-written scaffold is worse than none.
fn check_writable(root: &Utf8Path, file: &PlannedFile) -> Result<(), ScaffoldError> {
    let refused = |path: &Utf8Path, reason: &str| {
        Err(ScaffoldError::Unwritable { path: path.to_owned(), reason: reason.to_owned() })
    };
    if file.resolved_path.metadata().is_ok_and(|metadata| metadata.permissions().readonly()) {
        return refused(
            &file.resolved_path,
            "is read-only: make it writable, or leave its part out with `--without`",
        );
    }
    let mut directories = file.resolved_path.ancestors().skip(1);
    let Some(directory) = directories.find(|directory| directory.symlink_metadata().is_ok()) else {
        return Ok(());
    };
    if !directory.is_dir() {
        return refused(directory, "is not a directory, but files must be written into it");
    }
    let readonly = directory.metadata().is_ok_and(|metadata| metadata.permissions().readonly());
    if readonly || access(directory.as_std_path(), Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return refused(if directory.starts_with(root) { directory } else { root }, "cannot be written to");
    }
    Ok(())
}

/// Writes a file and keeps its permissions. Returns the path of the backup if a person's file was replaced.
fn write_file(file: &PlannedFile) -> Result<Option<Utf8PathBuf>, Box<dyn std::error::Error + Send + Sync>> {
    if let Some(directory) = file.resolved_path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let backup = match file.action {
        Action::Replace => Some(create_backup(&file.resolved_path)?),
        _ => None,
    };
    let permissions = file.resolved_path.metadata().ok().map(|metadata| metadata.permissions());
    crossdock_fs::write_atomically(&file.resolved_path, file.desired_text.as_bytes())?;
    if let Some(permissions) = permissions {
        std::fs::set_permissions(&file.resolved_path, permissions)?;
    }
    Ok(backup)
}

/// The age from which a temporary file counts as abandoned by a killed call: no write takes as long.
const ABANDONED: Duration = Duration::from_secs(600);

/// Removes temporary files that a killed call left next to the scaffold's files. One that cannot be removed does no harm.
fn remove_abandoned_files(files: &[PlannedFile]) {
    let directories: BTreeSet<&Utf8Path> =
        files.iter().filter_map(|file| file.resolved_path.parent()).collect();
    let entries =
        directories.into_iter().filter_map(|directory| directory.read_dir_utf8().ok()).flatten().flatten();
    for entry in entries.filter(|entry| crossdock_fs::is_temporary(entry.file_name())) {
        let is_old = |metadata: Metadata| {
            let age = metadata.modified().ok().and_then(|written| written.elapsed().ok());
            metadata.is_file() && age.is_some_and(|age| age > ABANDONED)
        };
        if entry.metadata().is_ok_and(is_old) {
            std::fs::remove_file(entry.path()).ok();
        }
    }
}

/// The names of backups in order: `NAME.orig`, `NAME.orig.1`, `NAME.orig.2`, and so on.
fn backup_names(path: &Utf8Path) -> impl Iterator<Item = Utf8PathBuf> {
    let first = std::iter::once(format!("{path}.orig"));
    let path = path.to_owned();
    first.chain((1_u32..).map(move |number| format!("{path}.orig.{number}"))).map(Utf8PathBuf::from)
}

/// Returns the path that [`create_backup`] would use now: `PATH.orig`, or the first of `PATH.orig.1`, `PATH.orig.2` and so
/// on that is free.
pub fn backup_path(path: &Utf8Path) -> Utf8PathBuf {
    let is_free = |name: &Utf8PathBuf| name.symlink_metadata().is_err();
    backup_names(path).find(is_free).unwrap_or_else(|| format!("{path}.orig").into())
}

/// Copies a file to the first free path of [`backup_path`] and returns that path. The copy is synced to disk, and no file is
/// overwritten even if another process creates one at the same time.
///
/// # Errors
/// Fails if the file cannot be read or the copy cannot be written.
pub fn create_backup(path: &Utf8Path) -> std::io::Result<Utf8PathBuf> {
    let mut content = crossdock_fs::open_regular(path.as_std_path())?;
    for name in backup_names(path) {
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Ok(mut file) => {
                std::io::copy(&mut content, &mut file)?;
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
    use std::fs::File;

    use super::*;
    use crate::Part;

    #[test]
    fn abandoned_temporary_files_are_removed_and_recent_ones_kept() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let old = std::time::SystemTime::now() - 2 * ABANDONED;
        for name in [".crossdock-tmp-old", ".crossdock-tmp-new", "other"] {
            let file = File::create(root.join(name)).unwrap();
            if name != ".crossdock-tmp-new" {
                file.set_modified(old).unwrap();
            }
        }
        remove_abandoned_files(&[PlannedFile::new(
            Part::Config,
            root,
            "crossdock.toml".into(),
            String::new(),
        )]);
        let left = [".crossdock-tmp-old", ".crossdock-tmp-new", "other"].map(|name| root.join(name).exists());
        assert_eq!(left, [false, true, true]);
    }

    #[test]
    fn a_backup_overwrites_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap().join("Dockerfile");
        for (text, copy) in
            [("one", "Dockerfile.orig"), ("two", "Dockerfile.orig.1"), ("three", "Dockerfile.orig.2")]
        {
            crossdock_fs::write_atomically(&path, text.as_bytes()).unwrap();
            assert_eq!(backup_path(&path).file_name(), Some(copy));
            let kept = create_backup(&path).unwrap();
            assert_eq!(kept.file_name(), Some(copy));
            assert_eq!(std::fs::read_to_string(kept).unwrap(), text);
        }
        assert_eq!(std::fs::read_to_string(format!("{path}.orig")).unwrap(), "one");
    }
}
