//! Writes a scaffold, and keeps a backup of each file of the user that it replaces.

use std::collections::BTreeSet;
use std::fs::{Metadata, OpenOptions};
use std::io::{ErrorKind, Write};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{Access, access};

use super::Scaffold;
use super::error::ScaffoldError;
use super::file_state::{Action, PlannedFile};
use super::xtask::cargo_update;
use crossdock_project::Network;
use crossdock_system::process::Processes;

/// What was written beside the files themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteReport {
    /// Files that were replaced, and where the old ones are now, below the project's root.
    pub backups: Vec<(Utf8PathBuf, Utf8PathBuf)>,
    /// Why `Cargo.lock` does not know the new member yet.
    pub lock_error: Option<String>,
}

impl Scaffold {
    /// Writes the files, each in one step, those last that make the others count, and has cargo bring the new member into
    /// `Cargo.lock`.
    ///
    /// # Errors
    /// A place where nothing may be written, which is looked for before anything is; and what fails all the same, with
    /// what was written before it.
    pub fn write(&self, network: Network, processes: &Processes) -> Result<WriteReport, ScaffoldError> {
        let written: Vec<&PlannedFile> = self.files.iter().filter(|entry| entry.will_be_written()).collect();
        written.iter().try_for_each(|entry| check_writable(&self.root, entry))?;
        remove_abandoned_files(&self.files);
        let mut result = WriteReport::default();
        for (at, entry) in written.iter().enumerate() {
            let backup = write_file(entry).map_err(|source| ScaffoldError::Write {
                path: entry.resolved_path.clone(),
                written: written_before(&written[..at]),
                source,
            })?;
            let near =
                |path: Utf8PathBuf| path.strip_prefix(&self.root).map(Utf8Path::to_owned).unwrap_or(path);
            result.backups.extend(backup.map(|backup| (entry.path.clone(), near(backup))));
        }
        let has_crate = self.files.iter().any(|entry| entry.path == "xtask/Cargo.toml");
        let joined = has_crate && written.iter().any(|entry| entry.path.ends_with("Cargo.toml"));
        if joined && let Err(error) = processes.stdout(&cargo_update(&self.root, network)) {
            result.lock_error = Some(error.to_string());
        }
        Ok(result)
    }
}

fn written_before(written: &[&PlannedFile]) -> String {
    match written {
        [] => "nothing was written".to_owned(),
        some => {
            let names = some.iter().map(|entry| entry.path.as_str());
            format!("written before it: {}", crossdock_platform::listed(names))
        }
    }
}

/// Whether a file can be written, as far as that can be told: nothing is written when one of them cannot.
fn check_writable(root: &Utf8Path, entry: &PlannedFile) -> Result<(), ScaffoldError> {
    let refused = |path: &Utf8Path, reason: &str| {
        Err(ScaffoldError::Unwritable { path: path.to_owned(), reason: reason.to_owned() })
    };
    if entry.resolved_path.metadata().is_ok_and(|metadata| metadata.permissions().readonly()) {
        return refused(
            &entry.resolved_path,
            "is read-only: make it writable, or leave its part out with --without",
        );
    }
    let mut directories = entry.resolved_path.ancestors().skip(1);
    let Some(directory) = directories.find(|directory| directory.symlink_metadata().is_ok()) else {
        return Ok(());
    };
    if !directory.is_dir() {
        return refused(directory, "is not a directory, and files belong into it");
    }
    let readonly = directory.metadata().is_ok_and(|metadata| metadata.permissions().readonly());
    if readonly || access(directory.as_std_path(), Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return refused(if directory.starts_with(root) { directory } else { root }, "cannot be written to");
    }
    Ok(())
}

/// Writes one file; gives where the old one is kept when a person's is replaced.
fn write_file(entry: &PlannedFile) -> Result<Option<Utf8PathBuf>, Box<dyn std::error::Error + Send + Sync>> {
    if let Some(directory) = entry.resolved_path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let backup = match entry.action {
        Action::Replace => Some(create_backup(&entry.resolved_path)?),
        _ => None,
    };
    let permissions = entry.resolved_path.metadata().ok().map(|metadata| metadata.permissions());
    crossdock_fs::write_atomically(&entry.resolved_path, entry.desired_text.as_bytes())?;
    if let Some(permissions) = permissions {
        std::fs::set_permissions(&entry.resolved_path, permissions)?;
    }
    Ok(backup)
}

/// A write lasts less: what is older was left by a call that was killed.
const ABANDONED: Duration = Duration::from_secs(600);

/// Removes half-written files that a killed call left beside the scaffold's own. That one stays is no reason to fail.
fn remove_abandoned_files(files: &[PlannedFile]) {
    let directories: BTreeSet<&Utf8Path> =
        files.iter().filter_map(|entry| entry.resolved_path.parent()).collect();
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

/// The names that a copy may have, in order: `NAME.orig`, `NAME.orig.1`, `NAME.orig.2`, and so on.
fn backup_names(path: &Utf8Path) -> impl Iterator<Item = Utf8PathBuf> {
    let first = std::iter::once(format!("{path}.orig"));
    let path = path.to_owned();
    first.chain((1_u32..).map(move |number| format!("{path}.orig.{number}"))).map(Utf8PathBuf::from)
}

/// The name that a copy would get now.
pub fn backup_path(path: &Utf8Path) -> Utf8PathBuf {
    let is_free = |name: &Utf8PathBuf| name.symlink_metadata().is_err();
    backup_names(path).find(is_free).unwrap_or_else(|| format!("{path}.orig").into())
}

/// Copies a file to the first of these names that nothing has, and returns it. The copy is on the disk when this returns.
pub fn create_backup(path: &Utf8Path) -> std::io::Result<Utf8PathBuf> {
    let content = std::fs::read(path)?;
    for name in backup_names(path) {
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
    use std::fs::File;

    use super::*;
    use crate::Part;

    #[test]
    fn what_a_killed_call_left_goes_and_what_another_writes_stays() {
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
    fn a_copy_replaces_none() {
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
