//! Checks of files before a registry is asked.

use std::collections::BTreeSet;

use camino::Utf8Path;
use crossdock_kubernetes::{FileKind, ManifestFile, ReadOptions, link_kustomizations, read};

use super::affinity::Affinity;
use super::{KubernetesManifest, OWN, ResolveOptions, refuse, refused};
use crate::context::Context;
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
    context: &Context,
    files: &[KubernetesManifest],
    options: &ResolveOptions,
    planned: &[ImagePlan],
) -> Result<Vec<CheckedManifest>, Error> {
    let read = read_all(context, files, options)?;
    let names: Vec<&str> = planned.iter().map(|image| image.name.as_str()).collect();
    for (file, found) in files.iter().zip(&read) {
        for image in &found.images {
            match image.reference.strip_prefix(OWN) {
                Some(name) if !names.contains(&name) => {
                    return Err(not_pushed(name, &names).at(super::place(file, image)));
                }
                _ => {}
            }
        }
    }
    if options.affinity == Affinity::Add {
        let affinity = files.iter().zip(&read);
        let affinity = affinity.map(|(file, found)| super::affinity::of_plan(file, found, planned));
        refuse(affinity.flat_map(|affinity| affinity.failures).collect())?;
    }
    let checked =
        |found: &ManifestFile| CheckedManifest { kind: found.kind, ends_in_value: found.ends_in_value };
    Ok(read.iter().map(checked).collect())
}

/// Returns the error for a name of the project that is not pushed.
pub(super) fn not_pushed(name: &str, pushed: &[&str]) -> Error {
    if name.is_empty() {
        let message = format!("`{OWN}` names no image");
        return Error::from_message(ErrorKind::Usage, message)
            .hint(format!("write `{OWN}NAME`, with the name of an image of the project"));
    }
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

/// Reads files, and finds what their kustomizations replace.
pub(super) fn read_all(
    context: &Context,
    files: &[KubernetesManifest],
    options: &ResolveOptions,
) -> Result<Vec<ManifestFile>, Error> {
    let settings = ReadOptions { paths: options.paths.clone() };
    let results: Vec<_> = files.iter().map(|file| read(&file.name, &file.text, &settings)).collect();
    let paths: Vec<String> = files.iter().map(|file| place(context, &file.name)).collect();
    let kustomizations = results.iter().zip(&paths).filter_map(|(found, path)| {
        Some((found.as_ref().ok()?.kustomization.as_ref()?, Utf8Path::new(path).parent()?))
    });
    let data: BTreeSet<String> = kustomizations
        .flat_map(|(found, directory)| {
            found.data.iter().map(|name| place(context, directory.join(name).as_str()))
        })
        .collect();
    let read = results.into_iter().zip(&paths).map(|(found, path)| match found {
        // kustomize does not read it as an object.
        Err(_) if data.contains(path) => Ok(ManifestFile::empty(FileKind::KustomizeInput)),
        found => found.map_err(|error| refused(ErrorKind::Usage, error)),
    });
    let mut read = read.collect::<Result<Vec<_>, _>>()?;
    link_kustomizations(&mut read, &paths, &|path| place(context, path));
    Ok(read)
}

/// Returns the one path of a file or directory, which links may lead to.
fn place(context: &Context, path: &str) -> String {
    let path = context.directory().join(path);
    path.canonicalize_utf8().unwrap_or(path).into_string()
}
