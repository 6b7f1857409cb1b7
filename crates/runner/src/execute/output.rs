//! The files and directories that a run writes: how they are made, replaced, removed, and locked.

use std::collections::BTreeMap;
use std::io::{BufWriter, ErrorKind, Write};
use std::thread;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::FileLock;
use crossdock_oci::{Layout, LayoutLock, is_own_archive};
use crossdock_system::process::Cancel;

use super::error::{InternalError, file_error, image_error, other_file_error};
use super::observer::{Event, Observer};
use super::{ExecuteError, IN_USE_LOCK, StepContext, lock, owner};
use crate::plan::{Action, ImagePlan, Plan};

/// Creates a directory that only crossdock writes. A symbolic link in its place is refused: a cloned repository may bring
/// one that leads to the user's own files.
pub(super) fn create_directory(path: &Utf8Path) -> Result<(), ExecuteError> {
    crossdock_fs::create_directory_no_follow(path.as_std_path())
        .map_err(|error| file_error(path)(error.source))
}

/// How a user chooses another directory for layouts and what is next to them.
const ANOTHER_OUTPUT: &str = "pass another --output";

/// Creates a directory for output, with a mark that keeps its content out of version control. A directory with content may
/// be the user's, so that nothing is added to it. A link that `--output` names is followed; the links of a clone were
/// refused before ([`refuse_links`](super::links::refuse_links)). `elsewhere` tells the user how to choose another directory.
pub(super) fn create_output_directory(path: &Utf8Path, elsewhere: &str) -> Result<(), ExecuteError> {
    if let Some(other) = path.ancestors().find(|above| above.symlink_metadata().is_ok())
        && !other.is_dir()
    {
        let why = format!(
            "it is not a directory, and output must be written into it; move it away, or {elsewhere}"
        );
        return Err(file_error(other)(std::io::Error::new(ErrorKind::NotADirectory, why)));
    }
    if !is_absent_or_empty(path)? {
        return Ok(());
    }
    std::fs::create_dir_all(path).map_err(file_error(path))?;
    crossdock_fs::mark_output(path.as_std_path()).map_err(other_file_error(path))
}

/// Creates a directory below one for output. It gets a mark of its own if that one has none, which may be the user's.
pub(super) fn create_marked_directory(path: &Utf8Path) -> Result<(), ExecuteError> {
    let output = path.parent().unwrap_or(path);
    create_output_directory(output, ANOTHER_OUTPUT)?;
    create_directory(path)?;
    if crossdock_fs::is_marked_output(output.as_std_path()).map_err(other_file_error(output))? {
        return Ok(());
    }
    crossdock_fs::mark_output(path.as_std_path()).map_err(other_file_error(path))
}

/// Returns whether a directory does not exist, or holds nothing.
pub(super) fn is_absent_or_empty(path: &Utf8Path) -> Result<bool, ExecuteError> {
    match path.read_dir_utf8() {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(file_error(path)(error)),
    }
}

/// Removes a file, if it exists. Podman does not overwrite an archive, and the archive of an earlier run must not be taken
/// for this run's.
pub(super) fn remove_file(path: &Utf8Path) -> Result<(), ExecuteError> {
    unless_absent(path, std::fs::remove_file(path))
}

/// Removes a directory with its content, if it exists.
pub(super) fn remove_directory(path: &Utf8Path) -> Result<(), ExecuteError> {
    unless_absent(path, std::fs::remove_dir_all(path))
}

fn unless_absent(path: &Utf8Path, removed: std::io::Result<()>) -> Result<(), ExecuteError> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other.map_err(file_error(path)),
    }
}

/// Writes a file next to its final path and moves it there once it is complete, so that a run that is killed leaves no
/// half of an archive.
pub(super) fn replace(
    path: &Utf8Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), ExecuteError>,
) -> Result<(), ExecuteError> {
    let directory = path.parent().unwrap_or(Utf8Path::new("."));
    let temporary =
        tempfile::Builder::new().prefix(".crossdock-").tempfile_in(directory).map_err(file_error(path))?;
    let mut file = BufWriter::with_capacity(1 << 20, temporary);
    write(&mut file)?;
    let temporary = file.into_inner().map_err(|error| file_error(path)(error.into_error()))?;
    make_readable(temporary.as_file()).map_err(file_error(path))?;
    temporary.persist(path).map_err(|error| file_error(path)(error.error))?;
    Ok(())
}

/// Makes a temporary file, which only its owner can read, readable for engines that run as another user.
#[cfg(unix)]
fn make_readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}

/// Refuses a plan that would write an archive over a file that crossdock did not write.
pub(super) fn check_archives(plan: &Plan) -> Result<(), ExecuteError> {
    for step in &plan.steps {
        let archives: Vec<&Utf8PathBuf> = match (&step.action, step.image().and_then(|name| plan.image(name)))
        {
            (Action::Archive { .. }, Some(image)) => image.archive.iter().collect(),
            (Action::Load { .. }, Some(image)) => {
                image.node_archives().into_values().map(|load| &load.archive).collect()
            }
            _ => continue,
        };
        for path in archives {
            // A link that leads nowhere is somebody's too, and `exists` would not see it.
            if path.symlink_metadata().is_ok() && !is_own_archive(path.as_std_path()) {
                let image = step.image().unwrap_or_default().to_owned();
                return Err(ExecuteError::ForeignArchive { image, path: path.clone() });
            }
        }
    }
    Ok(())
}

/// Locks every layout that the plan writes, by the name of its image. A layout that another run has locked is waited for.
///
/// All runs lock in the order of the layouts' paths, so that two runs never wait for each other.
pub(super) fn lock_layouts(
    plan: &Plan,
    observer: &mut dyn Observer,
    cancel: &Cancel,
) -> Result<BTreeMap<String, LayoutLock>, ExecuteError> {
    let mut written: Vec<&ImagePlan> =
        plan.images.iter().filter(|image| writes_layout(plan, image)).collect();
    written.sort_by(|left, right| left.layout.cmp(&right.layout));
    written
        .into_iter()
        .map(|image| Ok((image.name.clone(), lock_layout(plan, image, observer, cancel)?)))
        .collect()
}

fn writes_layout(plan: &Plan, image: &ImagePlan) -> bool {
    plan.steps.iter().any(|step| match &step.action {
        Action::Layers { image: name, .. } | Action::Import { image: name } | Action::Tag { image: name } => {
            *name == image.name
        }
        _ => false,
    })
}

fn lock_layout(
    plan: &Plan,
    image: &ImagePlan,
    observer: &mut dyn Observer,
    cancel: &Cancel,
) -> Result<LayoutLock, ExecuteError> {
    if let Some(output) = image.layout.parent() {
        create_output_directory(output, ANOTHER_OUTPUT)?;
    }
    let layout = Layout::create(image.layout.as_std_path()).map_err(image_error(image))?;
    let builds = plan.steps.iter().any(|step| step.is_packing() && step.image() == Some(&image.name));
    let mut was_reported = false;
    let held = wait_for(cancel, Duration::from_millis(50), || {
        let owner = match layout.try_lock().map_err(image_error(image))? {
            Ok(held) => return Ok(Some(held)),
            Err(owner) => owner,
        };
        if !was_reported {
            observer.event(Event::Warning(&format!("{} is locked by {owner}; waiting for it", image.layout)));
            was_reported = true;
        }
        Ok(None)
    })?;
    if builds {
        owner::claim(image)?;
    }
    Ok(held)
}

/// Attempts to take a lock again and again, because a blocking lock could not be cancelled. `None` means that another process
/// has it.
pub(super) fn wait_for<T>(
    cancel: &Cancel,
    pause: Duration,
    mut attempt: impl FnMut() -> Result<Option<T>, ExecuteError>,
) -> Result<T, ExecuteError> {
    loop {
        if let Some(held) = attempt()? {
            return Ok(held);
        }
        if cancel.is_cancelled() {
            return Err(ExecuteError::Cancelled);
        }
        thread::sleep(pause);
    }
}

impl StepContext<'_> {
    /// Keeps the programs of a module in the cache from being pruned until the run ends: they are packed, and copied into
    /// release archives, long after they are compiled. `output` is the directory of the programs for one platform.
    pub(super) fn protect_programs(&self, output: &Utf8Path) -> Result<(), ExecuteError> {
        output.parent().map_or(Ok(()), |module| self.keep_from_pruning(module))
    }

    /// Keeps a directory of the cache from being pruned until the run ends.
    pub(super) fn keep_from_pruning(&self, directory: &Utf8Path) -> Result<(), ExecuteError> {
        let path = directory.join(IN_USE_LOCK);
        // Only pruning holds it exclusively, while it removes a few files.
        let held = wait_for(self.cancel, Duration::from_millis(20), || {
            let shared = FileLock::try_share(path.as_std_path());
            Ok(shared.map_err(|error| file_error(&path)(error.source))?.ok())
        })?;
        lock(&self.state).cache_locks.push(held);
        Ok(())
    }

    /// Returns the lock of an image's layout, which the run took before its first step.
    pub(super) fn layout_lock(&self, image: &ImagePlan) -> Result<&LayoutLock, InternalError> {
        self.locks.get(&image.name).ok_or_else(|| InternalError::NotLocked { layout: image.layout.clone() })
    }
}
