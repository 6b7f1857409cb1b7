//! Reads projects from their manifests and sources, for a machine without cargo or go. A container engine brings the
//! tools, but the plan has to know the programs before.
//!
//! Cargo and go know more: conditions on files and features, and the content of dependencies. If they are installed,
//! [`discover`](super::discover) asks them.

mod cargo;
mod go;

use camino::{Utf8Path, Utf8PathBuf};

use super::error::ProjectError;
use super::{DiscoverOptions, Project};
use crate::language::Language;
use crossdock_system::environment::Environment;

/// Reads the project in a directory from its manifests, without running cargo or go.
///
/// # Errors
/// A directory without a project or without a program, and a manifest that cannot be read.
pub fn read_manifests(
    directory: &Utf8Path,
    options: &DiscoverOptions,
    environment: &Environment,
) -> Result<Project, ProjectError> {
    match Language::detect(directory, options.language)? {
        Language::Rust => cargo::workspace(directory, options, environment).map(Project::Rust),
        Language::Go => go::module(directory, environment).map(Project::Go),
    }
}

fn text(path: &Utf8Path) -> Result<String, ProjectError> {
    std::fs::read_to_string(path).map_err(|error| wrong(path, error.to_string()))
}

fn wrong(path: &Utf8Path, reason: impl Into<String>) -> ProjectError {
    ProjectError::File { path: path.to_owned(), reason: reason.into() }
}

/// One entry of a directory.
struct Entry {
    name: String,
    path: Utf8PathBuf,
    kind: Kind,
}

/// Lists a directory, sorted. A symbolic link is a file here, so that no link leads out of the project.
fn entries(directory: &Utf8Path) -> Result<Vec<Entry>, ProjectError> {
    let failed = |error: std::io::Error| wrong(directory, error.to_string());
    let mut entries = Vec::new();
    for entry in directory.read_dir_utf8().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let kind = if kind.is_dir() { Kind::Directory } else { Kind::File };
        entries.push(Entry { name: entry.file_name().to_owned(), path: entry.into_path(), kind });
    }
    entries.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(entries)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Directory,
}

#[cfg(test)]
mod tests;
