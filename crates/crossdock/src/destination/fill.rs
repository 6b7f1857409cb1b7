//! Filling a layout, or leaving its directory as it was.

use std::fs;

use camino::Utf8Path;
use crossdock_oci::Layout;

use super::check;
use crate::error::{Error, input_output};

/// Fills the layout in a directory, which is created if missing. If that fails, the directory is as empty as it was before,
/// unless another run fills it. The caller holds a [clean-up](crossdock_system::process::Cancel::clean_up), so that an
/// interrupted process waits for this.
///
/// # Errors
/// Those of `fill`, and the directory cannot be a layout.
pub(crate) fn fill<T>(
    directory: &Utf8Path,
    fill: impl FnOnce(&Layout) -> Result<T, Error>,
) -> Result<T, Error> {
    check(directory)?;
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent).map_err(|error| input_output(error).at(parent))?;
    }
    // Unlike a look whether it is there, this tells which of two runs created it.
    let before = match fs::create_dir(directory) {
        Ok(()) => Before::Absent,
        Err(_) if is_empty(directory) => Before::Empty,
        Err(_) => Before::Used,
    };
    let created = Layout::create(directory.as_std_path()).map_err(input_output);
    created.and_then(|layout| fill(&layout)).inspect_err(|_| match before {
        Before::Absent => remove_unused(directory, Keep::Nothing),
        Before::Empty => remove_unused(directory, Keep::Directory),
        Before::Used => {}
    })
}

/// A directory before a layout was created in it.
enum Before {
    Absent,
    Empty,
    Used,
}

#[derive(PartialEq, Eq)]
enum Keep {
    Nothing,
    Directory,
}

fn is_empty(directory: &Utf8Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none())
}

/// Removes a layout that lists no image, unless another run has locked it. A failure to remove something must not hide the error
/// that led here.
fn remove_unused(directory: &Utf8Path, keep: Keep) {
    // On a full disk the creation of a layout ends early: only empty directories are there then.
    let Ok(layout) = Layout::open(directory.as_std_path()) else {
        let _left = fs::remove_file(directory.join(".gitignore"));
        for part in ["blobs/sha256", "blobs/sha512", "blobs"] {
            let _left = fs::remove_dir(directory.join(part));
        }
        if keep == Keep::Nothing {
            let _left = fs::remove_dir(directory);
        }
        return;
    };
    let Ok(Ok(_lock)) = layout.try_lock() else { return };
    if !layout.index().is_ok_and(|index| index.manifests.is_empty()) {
        return;
    }
    let _left = match keep {
        Keep::Nothing => fs::remove_dir_all(directory),
        Keep::Directory => remove_content(directory),
    };
}

fn remove_content(directory: &Utf8Path) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;
    use crossdock_oci::{Descriptor, Pruning, media_type};

    use super::*;
    use crate::error::ErrorKind;

    fn fail(_: &Layout) -> Result<(), Error> {
        Err(Error::from_message(ErrorKind::InputOutput, "no"))
    }

    fn names(directory: &Utf8Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_failure_leaves_a_directory_as_it_was() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(temporary.path().to_owned()).unwrap();
        let (absent, empty) = (root.join("absent"), root.join("empty"));
        fill(&absent, fail).unwrap_err();
        assert!(!absent.exists());
        fs::create_dir(&empty).unwrap();
        fill(&empty, fail).unwrap_err();
        assert_eq!(names(&empty), Vec::<String>::new());
    }

    #[test]
    fn a_failure_keeps_the_images_of_a_layout() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = Utf8PathBuf::from_path_buf(temporary.path().join("layout")).unwrap();
        let image = |layout: &Layout| {
            let lock = layout.lock().map_err(input_output)?;
            let blob = layout.blobs().put(b"{}").map_err(input_output)?;
            let image = Descriptor::new(media_type::MANIFEST, blob);
            layout.publish(&lock, &image, &[], Pruning::KeepOthers).map_err(input_output)
        };
        fill(&directory, image).unwrap();
        fill(&directory, fail).unwrap_err();
        assert_eq!(Layout::open(directory.as_std_path()).unwrap().index().unwrap().manifests.len(), 1);
    }

    /// As on a full disk, where the creation ends early.
    #[test]
    fn a_layout_that_cannot_be_created_leaves_nothing() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(temporary.path().to_owned()).unwrap();
        let directory = root.join("layout");
        let blobs = directory.join("blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        remove_unused(&directory, Keep::Nothing);
        assert!(!directory.exists());
    }
}
