//! The directory that a project's files do not lead out of.

use camino::Utf8Path;
use crossdock_fs::{FileError, read_project_text};

use crate::git::checkout_root;

/// The manifests that make a directory a project.
const MANIFESTS: [&str; 3] = ["Cargo.toml", "go.mod", "go.work"];

/// Returns the root of the git checkout that a directory is in, or outside of a checkout the topmost directory of a project.
/// A file above it belongs to something else.
pub fn project_boundary(directory: &Utf8Path) -> &Utf8Path {
    let topmost = || directory.ancestors().filter(|ancestor| is_project(ancestor)).last();
    checkout_root(directory).or_else(topmost).unwrap_or(directory)
}

/// Returns whether a directory has the manifest of a Cargo package or a Go module or workspace.
pub fn is_project(directory: &Utf8Path) -> bool {
    MANIFESTS.iter().any(|name| directory.join(name).is_file())
}

/// Reads a text file of the project in a directory; see [`read_project_text`].
pub(crate) fn project_text(path: &Utf8Path, directory: &Utf8Path) -> Result<String, FileError> {
    read_project_text(path.as_std_path(), project_boundary(directory).as_std_path())
}
