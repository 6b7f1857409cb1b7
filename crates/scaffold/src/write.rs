//! Makes a scaffold so.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{Access, access};

use super::entry::{Action, Entry};
use super::error::ScaffoldError;
use super::{Scaffold, lock};
use crossdock_project::Network;
use crossdock_system::process::Processes;

/// What was written beside the files themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Files that were replaced, and where the old ones are now, below the project's root.
    pub backups: Vec<(Utf8PathBuf, Utf8PathBuf)>,
    /// Why `Cargo.lock` does not know the new member yet.
    pub lock: Option<String>,
}

impl Scaffold {
    /// Writes the files, each in one step, those last that make the others count, and has cargo bring the new member into
    /// `Cargo.lock`.
    ///
    /// # Errors
    /// A place where nothing may be written, which is looked for before anything is; and what fails all the same, with
    /// what was written before it.
    pub fn write(&self, network: Network, processes: &Processes) -> Result<Written, ScaffoldError> {
        let written: Vec<&Entry> = self.files.iter().filter(|entry| entry.is_written()).collect();
        written.iter().try_for_each(|entry| allowed(&self.root, entry))?;
        sweep(&self.files);
        let mut result = Written::default();
        for (at, entry) in written.iter().enumerate() {
            let backup = one(entry).map_err(|source| ScaffoldError::Write {
                path: entry.real.clone(),
                written: before(&written[..at]),
                source,
            })?;
            let near =
                |path: Utf8PathBuf| path.strip_prefix(&self.root).map(Utf8Path::to_owned).unwrap_or(path);
            result.backups.extend(backup.map(|backup| (entry.path.clone(), near(backup))));
        }
        let has_crate = self.files.iter().any(|entry| entry.path == "xtask/Cargo.toml");
        let joined = has_crate && written.iter().any(|entry| entry.path.ends_with("Cargo.toml"));
        if joined && let Err(error) = processes.stdout(&lock::update(&self.root, network)) {
            result.lock = Some(error.to_string());
        }
        Ok(result)
    }
}

fn before(written: &[&Entry]) -> String {
    match written {
        [] => "nothing was written".to_owned(),
        some => {
            let names = some.iter().map(|entry| entry.path.as_str());
            format!("written before it: {}", crossdock_platform::listed(names))
        }
    }
}

/// Whether a file can be written, as far as that can be told: nothing is written when one of them cannot.
fn allowed(root: &Utf8Path, entry: &Entry) -> Result<(), ScaffoldError> {
    let refused = |path: &Utf8Path, reason: &str| {
        Err(ScaffoldError::Place { path: path.to_owned(), reason: reason.to_owned() })
    };
    if entry.real.metadata().is_ok_and(|metadata| metadata.permissions().readonly()) {
        return refused(&entry.real, "is read-only: make it writable, or leave its part out with --without");
    }
    let mut folders = entry.real.ancestors().skip(1);
    let Some(folder) = folders.find(|folder| folder.symlink_metadata().is_ok()) else { return Ok(()) };
    if !folder.is_dir() {
        return refused(folder, "is not a folder, and files belong into it");
    }
    let readonly = folder.metadata().is_ok_and(|metadata| metadata.permissions().readonly());
    if readonly || access(folder.as_std_path(), Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return refused(if folder.starts_with(root) { folder } else { root }, "cannot be written to");
    }
    Ok(())
}

/// Writes one file; gives where the old one is kept when a person's is replaced.
fn one(entry: &Entry) -> Result<Option<Utf8PathBuf>, Box<dyn std::error::Error + Send + Sync>> {
    if let Some(folder) = entry.real.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let backup = match entry.action {
        Action::Replace => Some(crate::backup::keep(&entry.real)?),
        _ => None,
    };
    let permissions = entry.real.metadata().ok().map(|metadata| metadata.permissions());
    crossdock_fs::write_atomically(&entry.real, entry.new.as_bytes())?;
    if let Some(permissions) = permissions {
        std::fs::set_permissions(&entry.real, permissions)?;
    }
    Ok(backup)
}

/// A write lasts less: what is older was left by a call that was killed.
const ABANDONED: Duration = Duration::from_secs(600);

/// Removes half-written files that a killed call left beside the scaffold's own. That one stays is no reason to fail.
fn sweep(files: &[Entry]) {
    let folders: BTreeSet<&Utf8Path> = files.iter().filter_map(|entry| entry.real.parent()).collect();
    let entries = folders.into_iter().filter_map(|folder| folder.read_dir_utf8().ok()).flatten().flatten();
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

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::Part;

    #[test]
    fn what_a_killed_call_left_goes_and_what_another_writes_stays() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        let old = std::time::SystemTime::now() - 2 * ABANDONED;
        for name in [".crossdock-tmp-old", ".crossdock-tmp-new", "other"] {
            let file = File::create(root.join(name)).unwrap();
            if name != ".crossdock-tmp-new" {
                file.set_modified(old).unwrap();
            }
        }
        sweep(&[Entry::new(Part::Config, root, "crossdock.toml".into(), String::new())]);
        let left = [".crossdock-tmp-old", ".crossdock-tmp-new", "other"].map(|name| root.join(name).exists());
        assert_eq!(left, [false, true, true]);
    }
}
