//! Checks of files before a registry is asked.

use crossdock_kubernetes::{FileKind, ManifestFile, ReadOptions, read};

use super::affinity::Affinity;
use super::{KubernetesManifest, OWN, ResolveOptions, place, refuse, refused};
use crate::error::{Error, ErrorKind};
use crate::plan::ImagePlan;

/// A file that can be resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckedManifest {
    /// The purpose of the file.
    pub kind: FileKind,
    /// Whether a line break after its last byte would change a value; see [`ResolvedFile`](super::ResolvedFile::ends_in_value).
    pub ends_in_value: bool,
}

/// Checks that files can be resolved, without asking a registry, for a run that builds first. `planned` are the images of the
/// project that will be pushed.
///
/// # Errors
/// As of [`resolve`](super::resolve()), for what the files themselves tell.
pub fn check_manifests(
    files: &[KubernetesManifest],
    options: &ResolveOptions,
    planned: &[ImagePlan],
) -> Result<Vec<CheckedManifest>, Error> {
    let read = read_all(files, options)?;
    let names: Vec<&str> = planned.iter().map(|image| image.name.as_str()).collect();
    for (file, found) in files.iter().zip(&read) {
        for image in &found.images {
            match image.reference.strip_prefix(OWN) {
                Some(name) if !names.contains(&name) => {
                    return Err(not_pushed(name, &names).at(place(file, image)));
                }
                _ => {}
            }
        }
    }
    if options.affinity == Affinity::Add {
        let governed = read.iter().flat_map(|file| file.governed.iter().cloned()).collect();
        let affinity = files.iter().zip(&read);
        let affinity =
            affinity.map(|(file, found)| super::affinity::of_plan(file, found, &governed, planned));
        refuse(affinity.flat_map(|affinity| affinity.failures).collect())?;
    }
    let checked =
        |found: &ManifestFile| CheckedManifest { kind: found.kind, ends_in_value: found.ends_in_value };
    Ok(read.iter().map(checked).collect())
}

/// Returns the error for a name of the project that is not pushed.
pub(super) fn not_pushed(name: &str, pushed: &[&str]) -> Error {
    let message = match pushed {
        [] => format!("`{OWN}{name}` names an image of this project, and nothing is pushed in this run"),
        pushed => format!("`{OWN}{name}` names no image that this run pushes: {}", pushed.join(", ")),
    };
    let error = Error::from_message(ErrorKind::Usage, message);
    match pushed {
        [] => error.hint("build and push it: `crossdock dist --push --resolve …`"),
        _ => error.hint("write one of these names, or select the image with `--image`"),
    }
}

pub(super) fn read_all(
    files: &[KubernetesManifest],
    options: &ResolveOptions,
) -> Result<Vec<crossdock_kubernetes::ManifestFile>, Error> {
    let settings = ReadOptions { paths: options.paths.clone() };
    files
        .iter()
        .map(|file| read(&file.name, &file.text, &settings).map_err(|error| refused(ErrorKind::Usage, error)))
        .collect()
}
