//! Reads projects from their manifests and sources, for a machine without cargo or go. A container engine brings the
//! tools, but the plan has to know the programs before.
//!
//! Cargo and go know more: conditions on files and features, and the content of dependencies. If they are installed,
//! [`discover`](super::discover) asks them.

mod cargo;
mod go;

use std::io::Read;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::{TEXT_LIMIT, open_project_file};

use super::error::ProjectError;
use super::{DiscoverOptions, Project};
use crate::boundary::{project_boundary, project_text};
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
        Language::Go => go::module(directory, options, environment).map(Project::Go),
    }
}

fn text(path: &Utf8Path) -> Result<String, ProjectError> {
    project_text(path, path.parent().unwrap_or(path)).map_err(|error| wrong(path, error.source.to_string()))
}

/// Reads the first [`TEXT_LIMIT`] bytes of a source file. Generated sources may be longer, and carry data at their end.
fn source_text(path: &Utf8Path) -> Result<String, ProjectError> {
    let mut bytes = Vec::new();
    let file =
        open_project_file(path.as_std_path(), project_boundary(path.parent().unwrap_or(path)).as_std_path());
    let file = file.map_err(|error| wrong(path, error.source.to_string()))?;
    let read = file.take(TEXT_LIMIT).read_to_end(&mut bytes);
    read.map_err(|error| wrong(path, error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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
