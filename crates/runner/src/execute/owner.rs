//! The project that a layout belongs to. Projects may share a directory for output, and two of them may have an image of
//! the same name: without a record, `tag` in one of them would tag what the other one built.

use std::io::ErrorKind;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::read_regular_no_follow;
use crossdock_project::config::grammar::{normalized_path, relative_path};
use crossdock_project::is_project;
use serde::{Deserialize, Serialize};

use super::ExecuteError;
use super::error::{file_error, image_error};
use crate::plan::{ImagePlan, ProjectId};

/// The file in a layout with its [`Record`]. The OCI image layout specification permits further files.
const FILE: &str = ".crossdock.json";

/// The size limit of the file, which holds a path and two names.
const LIMIT: u64 = 64 << 10;

/// The project and program from which the image of a layout was built.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// The project's directory relative to the layout, so that both can be moved together.
    project: Utf8PathBuf,
    package: String,
    program: String,
}

/// The project that a layout belongs to, seen from another or the same project.
#[derive(Debug, PartialEq, Eq)]
enum Owner {
    /// It has no record: another program or an earlier version of crossdock wrote it.
    Unknown,
    /// It belongs to this project, or to one whose directory is gone, such as this one before it was moved.
    This(Record),
    /// It belongs to a project in this directory.
    Other(Utf8PathBuf, Record),
}

/// Records that a layout belongs to an image's project, before anything is written to it.
///
/// # Errors
/// [`ExecuteError::ForeignLayout`] if it belongs to another project.
pub(super) fn claim(image: &ImagePlan) -> Result<(), ExecuteError> {
    let layout = real(&image.layout)?;
    let record = Record {
        project: relative_path(&layout, &real(&image.project.directory)?),
        package: image.project.package.clone(),
        program: image.project.program.clone(),
    };
    match owner(&layout, image)? {
        Owner::Other(directory, found) => return Err(foreign(image, directory, found)),
        Owner::This(found) if found == record => return Ok(()),
        Owner::This(_) | Owner::Unknown => {}
    }
    let text = serde_json::to_vec(&record).map_err(image_error(image))?;
    crossdock_fs::write_atomically(layout.join(FILE), &text).map_err(image_error(image))
}

/// Refuses a layout whose image was built from another program than the plan's.
///
/// # Errors
/// [`ExecuteError::ForeignLayout`] if it was.
pub(super) fn check(image: &ImagePlan) -> Result<(), ExecuteError> {
    let layout = real(&image.layout)?;
    match owner(&layout, image)? {
        Owner::Unknown => Ok(()),
        Owner::This(found) if found.is_of(&image.project) => Ok(()),
        Owner::This(found) => {
            let directory = normalized_path(layout.join(&found.project));
            Err(foreign(image, directory, found))
        }
        Owner::Other(directory, found) => Err(foreign(image, directory, found)),
    }
}

fn owner(layout: &Utf8Path, image: &ImagePlan) -> Result<Owner, ExecuteError> {
    let path = layout.join(FILE);
    let bytes = match read_regular_no_follow(path.as_std_path(), LIMIT) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Owner::Unknown),
        Err(error) => return Err(file_error(&path)(error)),
    };
    // crossdock replaces the file in one step, so that a file that is not a record was changed by another program.
    let Ok(record) = serde_json::from_slice::<Record>(&bytes) else { return Ok(Owner::Unknown) };
    let own = real(&image.project.directory)?;
    Ok(match layout.join(&record.project).canonicalize_utf8() {
        Ok(directory) if directory != own && is_project(&directory) => Owner::Other(directory, record),
        _ => Owner::This(record),
    })
}

fn real(path: &Utf8Path) -> Result<Utf8PathBuf, ExecuteError> {
    path.canonicalize_utf8().map_err(file_error(path))
}

impl Record {
    fn is_of(&self, project: &ProjectId) -> bool {
        self.package == project.package && self.program == project.program
    }
}

fn foreign(
    image: &ImagePlan,
    directory: Utf8PathBuf,
    Record { package, program, .. }: Record,
) -> ExecuteError {
    ExecuteError::ForeignLayout {
        image: image.name.clone(),
        layout: image.layout.clone(),
        found: ProjectId { directory, package, program }.to_string(),
        wanted: image.project.to_string(),
    }
}
