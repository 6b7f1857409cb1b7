//! Manifests on disk and from streams.

use std::io::{Read, Write as _};

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::{AtomicFile, TEXT_LIMIT, read_text};

use super::Resolved;
use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output};

/// A file to resolve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesManifest {
    /// Its name in messages; its end tells kustomizations and Helm values.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Whether directories below a directory are read, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recursion {
    /// They are not, as with `kubectl apply -f`.
    #[default]
    None,
    /// They are.
    All,
}

/// The ends of files that `kubectl apply -f DIRECTORY` reads.
const ENDS: [&str; 3] = ["yaml", "yml", "json"];
/// The depth of directories that is followed.
const DEPTH: usize = 32;

/// Reads a file, or the `.yaml`, `.yml` and `.json` files of a directory in the order of their names.
///
/// # Errors
/// A file cannot be read, is longer than 16 MiB, or is not UTF-8; or a directory has no such file.
pub fn manifests(
    context: &Context,
    path: &Utf8Path,
    recursion: Recursion,
) -> Result<Vec<KubernetesManifest>, Error> {
    let whole = context.directory().join(path);
    let mut files = Vec::new();
    if whole.is_dir() {
        list(&whole, path, recursion, DEPTH, &mut files)?;
        if files.is_empty() {
            let message = format!("{path} has no `.yaml`, `.yml` or `.json` file");
            let error = Error::from_message(ErrorKind::Usage, message);
            return Err(match recursion {
                Recursion::None => error.hint("pass `--recursive` to read the directories below it"),
                Recursion::All => error,
            });
        }
    } else {
        files.push(path.to_owned());
    }
    let read = |path: Utf8PathBuf| {
        let whole = context.directory().join(&path);
        // A shell's `<(…)` is a pipe.
        if whole.metadata().is_ok_and(|found| !found.is_file()) {
            let file = std::fs::File::open(&whole).map_err(|error| refused(path.as_str(), &error))?;
            return manifest_from(path.as_str(), file);
        }
        let text = read_text(whole.as_std_path()).map_err(input_output)?;
        Ok(KubernetesManifest { name: path.into_string(), text })
    };
    files.into_iter().map(read).collect()
}

fn refused(name: &str, why: &dyn std::fmt::Display) -> Error {
    Error::from_message(ErrorKind::Usage, format!("{name} cannot be read: {why}"))
}

/// Reads a manifest from a stream.
///
/// # Errors
/// Reading fails, or the text is longer than 16 MiB or is not UTF-8.
pub fn manifest_from(name: &str, from: impl Read) -> Result<KubernetesManifest, Error> {
    let mut bytes = Vec::new();
    let read = from.take(TEXT_LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|error| refused(name, &error))?;
    if bytes.len() as u64 > TEXT_LIMIT {
        return Err(refused(name, &format!("it is larger than {} MiB", TEXT_LIMIT >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|error| refused(name, &error.utf8_error()))?;
    Ok(KubernetesManifest { name: name.to_owned(), text })
}

/// Rewrites the files that a resolution changed. Links are followed, and each file keeps its mode and owner. All new texts are
/// on disk before the first file is replaced.
///
/// # Errors
/// A file is read-only, or a directory cannot be written. The error names the files that were replaced before it.
pub fn write_manifests(context: &Context, resolved: &Resolved) -> Result<(), Error> {
    let mut staged = Vec::new();
    for file in resolved.files.iter().filter(|file| file.changed) {
        let failed = |error: std::io::Error| {
            let message = format!("{} cannot be rewritten: {error}", file.file);
            Error::from_message(ErrorKind::InputOutput, message)
        };
        let path = context.directory().join(&file.file).canonicalize_utf8().map_err(failed)?;
        let old = path.metadata().map_err(failed)?;
        if old.permissions().readonly() {
            let message = format!("{} cannot be rewritten: it is read-only", file.file);
            return Err(Error::from_message(ErrorKind::InputOutput, message));
        }
        let directory = path.parent().unwrap_or(&path);
        let mut new = AtomicFile::create_in(directory.as_std_path()).map_err(input_output)?;
        new.write_all(file.text.as_bytes()).map_err(failed)?;
        keep_owner(new.as_file(), &old).map_err(failed)?;
        new.as_file().set_permissions(old.permissions()).map_err(failed)?;
        staged.push((file, path, new));
    }
    let mut replaced = Vec::new();
    for (file, path, new) in staged {
        new.commit(path.as_std_path()).map_err(|error| match &replaced[..] {
            [] => input_output(error),
            names => input_output(error).line(&format!("rewritten before: {}", names.join(", "))),
        })?;
        replaced.push(file.file.as_str());
    }
    Ok(())
}

#[cfg(unix)]
fn keep_owner(file: &std::fs::File, old: &std::fs::Metadata) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let new = file.metadata()?;
    if (new.uid(), new.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    fchown(file, Some(old.uid()), Some(old.gid()))
}

#[cfg(not(unix))]
fn keep_owner(_file: &std::fs::File, _old: &std::fs::Metadata) -> std::io::Result<()> {
    Ok(())
}

/// Files of a Helm chart that have no images.
const CHART: [&str; 2] = ["Chart.yaml", "values.schema.json"];

/// Lists the files of a directory by name.
fn list(
    directory: &Utf8Path,
    shown: &Utf8Path,
    recursion: Recursion,
    depth: usize,
    files: &mut Vec<Utf8PathBuf>,
) -> Result<(), Error> {
    let failed = |error: std::io::Error| {
        Error::from_message(ErrorKind::InputOutput, format!("{shown} cannot be read: {error}"))
    };
    let mut entries =
        directory.read_dir_utf8().and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(failed)?;
    entries.sort_by(|one, other| one.file_name().cmp(other.file_name()));
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        let is_manifest = path.extension().is_some_and(|end| ENDS.contains(&end)) && !CHART.contains(&name);
        // Nothing else may be opened: reading a named pipe waits for a writer.
        let is_special = path.metadata().is_ok_and(|found| !found.is_file());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if recursion == Recursion::All && depth > 0 && !name.starts_with('.') {
                list(path, &shown.join(name), recursion, depth - 1, files)?;
            }
        } else if (is_manifest || name == "Kustomization") && !is_special {
            files.push(shown.join(name));
        }
    }
    Ok(())
}
