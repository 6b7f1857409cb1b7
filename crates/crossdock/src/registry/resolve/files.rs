//! Manifests on disk and from streams.

use std::io::Read;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::{TEXT_LIMIT, read_text};

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
        let text = read_text(context.directory().join(&path).as_std_path()).map_err(input_output)?;
        Ok(KubernetesManifest { name: path.into_string(), text })
    };
    files.into_iter().map(read).collect()
}

/// Reads a manifest from a stream.
///
/// # Errors
/// Reading fails, or the text is longer than 16 MiB or is not UTF-8.
pub fn manifest_from(name: &str, from: impl Read) -> Result<KubernetesManifest, Error> {
    let refused =
        |why: String| Error::from_message(ErrorKind::Usage, format!("{name} cannot be read: {why}"));
    let mut bytes = Vec::new();
    let read = from.take(TEXT_LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|error| refused(error.to_string()))?;
    if bytes.len() as u64 > TEXT_LIMIT {
        return Err(refused(format!("it is larger than {} MiB", TEXT_LIMIT >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|error| refused(error.utf8_error().to_string()))?;
    Ok(KubernetesManifest { name: name.to_owned(), text })
}

/// Lists the files of a directory by name. The file that describes a Helm chart has no images.
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
        let is_manifest = path.extension().is_some_and(|end| ENDS.contains(&end)) && name != "Chart.yaml";
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if recursion == Recursion::All && depth > 0 && !name.starts_with('.') {
                list(path, &shown.join(name), recursion, depth - 1, files)?;
            }
        } else if is_manifest || name == "Kustomization" {
            files.push(shown.join(name));
        }
    }
    Ok(())
}
