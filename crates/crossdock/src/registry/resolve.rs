//! Digests for the images of Kubernetes manifests.

mod affinity;
mod check;
mod files;
mod lookup;

pub use crossdock_kubernetes::FileKind;
use crossdock_kubernetes::{Image, ManifestError, ManifestFile, ReadOptions, apply, read};
pub use crossdock_kubernetes::{Path as ImagePath, Pinning};
use crossdock_oci::{Digest, ReferenceError, RegistryReference};
use crossdock_registry::Registry;
use serde::Serialize;

pub use affinity::{Affinity, ResolvedPod};
pub use check::{CheckedManifest, check_manifests};
pub use files::{KubernetesManifest, Recursion, manifest_from, manifests, write_manifests};

use super::PushedImage;
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use affinity::FileAffinity;
use check::{not_pushed, read_all};
use lookup::LookUps;

/// Options of [`resolve`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ResolveOptions {
    /// Fields of custom resources that hold images, besides those of pods.
    pub paths: Vec<ImagePath>,
    /// The treatment of tags.
    pub pinning: Pinning,
    /// The images that this run pushed. A reference to the repository of one gets its digest, whatever its tag, and
    /// `crossdock://NAME` names one.
    pub own: Vec<PushedImage>,
    /// The treatment of images of other repositories.
    pub others: Others,
    /// Whether pods get node affinity.
    pub affinity: Affinity,
}

/// The treatment of images that this run did not push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Others {
    /// Their registries are asked for their digests.
    #[default]
    LookUp,
    /// They stay as they are.
    Leave,
}

/// The version of the JSON form of [`Resolved`].
pub const RESOLUTION_SCHEMA: &str = "crossdock.resolution/1";

/// Files with digests.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Resolved {
    /// [`RESOLUTION_SCHEMA`].
    pub schema: &'static str,
    /// The files, in the order of the call.
    pub files: Vec<ResolvedFile>,
    /// The images of all files, in their order.
    pub images: Vec<ResolvedImage>,
    /// A text that looks like an image and was not touched.
    pub untouched: Vec<Untouched>,
    /// The pods that select nodes of the platforms of their images, if [`ResolveOptions::affinity`] asks for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<ResolvedPod>,
    /// The paths of [`ResolveOptions::paths`] that led to nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmatched_paths: Vec<String>,
}

/// A file with digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResolvedFile {
    /// Its name.
    pub file: String,
    /// Its new text: the old one with digests inserted.
    pub text: String,
    /// Whether it differs from the old one.
    pub changed: bool,
    /// Whether `kubectl apply` reads it: kustomizations are for kustomize, and values for Helm.
    pub is_for_kubectl: bool,
    /// Whether a line break after its last byte would change a value, so that no other file can follow it in a stream.
    #[serde(skip)]
    pub ends_in_value: bool,
}

/// An image that a file names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResolvedImage {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The reference as the file had it.
    pub reference: String,
    /// `repository@digest`, which nodes pull.
    pub pinned: String,
    /// A remark for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A text that looks like an image and was not touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Untouched {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The value; empty if it is within a text.
    pub value: String,
    /// Its place, or the reason why it stays.
    pub why: String,
}

impl Resolved {
    /// Returns the texts of all files as one stream of documents for kubectl, as [`crossdock_kubernetes::stream`].
    pub fn stream(&self) -> String {
        let texts: Vec<&str> = self.files.iter().map(|file| file.text.as_str()).collect();
        crossdock_kubernetes::stream(&texts)
    }
}

impl ResolveOptions {
    /// Returns the options that choose nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// Adds digests to the images of Kubernetes manifests, kustomizations and Helm values, so that what runs is what was
/// verified. Only digests are inserted; every other byte stays, and a second call changes nothing. Each reference is looked up
/// once, and gets the digest of its index, never that of one platform.
///
/// ```no_run
/// // Needs a registry: the tests of crossdock run such calls against servers of their own.
/// use crossdock::registry::{RegistryOptions, ResolveOptions, Recursion, manifests, registry, resolve};
///
/// let context = crossdock::Context::of_process()?;
/// let registry = registry(&context, &RegistryOptions::new())?;
/// let files = manifests(&context, "k8s".into(), Recursion::None)?;
/// let resolved = resolve(&context, &registry, &files, &ResolveOptions::new())?;
/// resolved.images.iter().for_each(|image| println!("{} is {}", image.reference, image.pinned));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A file is not what it should be (see [`crossdock_kubernetes::read`]), a reference is malformed, or a registry does not
/// answer or does not have an image. Every image is looked at before the error is returned, which names them all.
pub fn resolve(
    context: &Context,
    registry: &Registry,
    files: &[KubernetesManifest],
    options: &ResolveOptions,
) -> Result<Resolved, Error> {
    context.unless_cancelled(|| {
        let read = read_all(context, files, options)?;
        let lookups = LookUps::new(context, registry);
        let mut run = Run {
            options,
            lookups,
            resolved: Vec::new(),
            left: Vec::new(),
            failures: Vec::new(),
            unmatched: Vec::new(),
            pods: Vec::new(),
        };
        let mut changed = Vec::new();
        for (file, found) in files.iter().zip(&read) {
            let left = found.untouched.iter().map(|left| Untouched {
                file: file.name.clone(),
                line: left.line,
                value: left.value.clone(),
                why: left.place.clone(),
            });
            run.left.extend(left);
            // Lookups of open images tell more about those that have a digest already.
            let (pinned, open): (Vec<_>, Vec<_>) = found.images.iter().partition(|image| image.is_pinned());
            let images = open.into_iter().chain(pinned);
            let mut edits: Vec<_> = images.filter_map(|image| run.image(file, found.kind, image)).collect();
            let affinity = run.affinity(file, found);
            edits.extend(affinity.iter().flat_map(|affinity| affinity.edits.iter().cloned()));
            changed.push(Change { file, found, edits, affinity });
        }
        let matched: Vec<&ImagePath> = read.iter().flat_map(|file| &file.matched).collect();
        let unmatched = options.paths.iter().filter(|path| !matched.contains(path));
        run.unmatched = unmatched.map(ToString::to_string).collect();
        run.finish(changed)
    })
}

/// Returns an error that names every failure, if there are any.
fn refuse(failures: Vec<Error>) -> Result<(), Error> {
    let mut failures = failures.into_iter();
    match failures.next() {
        Some(first) => Err(failures.fold(first, |error, next| error.line(next.message()))),
        None => Ok(()),
    }
}

fn refused(kind: ErrorKind, error: ManifestError) -> Error {
    let help = error.problem.help();
    let error = Error::new(kind, &error);
    help.into_iter().fold(error, |error, help| error.hint(help))
}

/// A resolution under way.
struct Run<'a> {
    options: &'a ResolveOptions,
    lookups: LookUps<'a>,
    resolved: Vec<ResolvedImage>,
    left: Vec<Untouched>,
    failures: Vec<Error>,
    unmatched: Vec<String>,
    pods: Vec<ResolvedPod>,
}

/// The decisions about a file.
struct Change<'a> {
    file: &'a KubernetesManifest,
    found: &'a ManifestFile,
    edits: Vec<crossdock_kubernetes::Edit>,
    /// `None` if no affinity is added.
    affinity: Option<FileAffinity>,
}

/// The scheme that names an image of the project by its name in the configuration.
const OWN: &str = "crossdock://";

impl Run<'_> {
    /// Resolves an image; returns the edit that pins it, or `None` if it stays as it is.
    fn image(
        &mut self,
        file: &KubernetesManifest,
        kind: FileKind,
        image: &Image,
    ) -> Option<crossdock_kubernetes::Edit> {
        match self.resolve(image) {
            Ok(Outcome::Pin(..)) if self.options.pinning == Pinning::DropTag && kind != FileKind::Objects => {
                let message = format!(
                    "{}: the tag is a field of its own, which `--drop-tag` does not remove",
                    place(file, image)
                );
                let error = Error::from_message(ErrorKind::Usage, message);
                self.failures.push(
                    error.hint("omit `--drop-tag` for this file, or remove the field once it has a digest"),
                );
                None
            }
            Ok(Outcome::Pin(reference, digest, note)) => {
                self.add(file, image, format!("{}@{digest}", reference.repository), note);
                Some(image.pin(&digest.to_string(), self.options.pinning))
            }
            Ok(Outcome::Replace(whole)) => {
                self.add(file, image, whole.clone(), None);
                image.replace(&whole).or_else(|| {
                    let message =
                        format!("{}: `{}` must be on one line", place(file, image), image.reference);
                    self.failures.push(Error::from_message(ErrorKind::Usage, message));
                    None
                })
            }
            Ok(Outcome::Pinned(pinned, note)) => {
                self.add(file, image, pinned, note);
                None
            }
            Ok(Outcome::Left(why)) => {
                let (file, value) = (file.name.clone(), image.reference.clone());
                self.left.push(Untouched { file, line: image.line, value, why });
                None
            }
            Err(error) => {
                self.failures.push(error.at(place(file, image)));
                None
            }
        }
    }

    fn add(&mut self, file: &KubernetesManifest, image: &Image, pinned: String, note: Option<String>) {
        let (file, reference) = (file.name.clone(), image.reference.clone());
        self.resolved.push(ResolvedImage { file, line: image.line, reference, pinned, note });
    }

    fn resolve(&mut self, image: &Image) -> Result<Outcome, Error> {
        if let Some(why) = image.replaced {
            return Ok(Outcome::Left(why.to_owned()));
        }
        if let Some(name) = image.reference.strip_prefix(OWN) {
            return self.own_name(name);
        }
        let reference: RegistryReference =
            image.reference.parse().map_err(|error| malformed(image, &error))?;
        let own = self.options.own.iter().find(|pushed| is_of(pushed, &reference));
        match (own, reference.digest) {
            (own, Some(digest)) => self.pinned(&reference, digest, own.map(|pushed| pushed.digest)),
            (Some(pushed), None) => Ok(Outcome::Pin(reference, pushed.digest, None)),
            (None, None) if self.options.others == Others::Leave => {
                Ok(Outcome::Left("this run did not push it".to_owned()))
            }
            (None, None) => {
                let digest = self.lookups.digest(&reference)?;
                let note = reference.tag.is_none().then(|| {
                    "it had no tag, so that nodes pulled it whenever a pod started; with a digest they pull it once".to_owned()
                });
                Ok(Outcome::Pin(reference, digest, note))
            }
        }
    }

    /// Returns what `crossdock://NAME` is.
    fn own_name(&self, name: &str) -> Result<Outcome, Error> {
        if let Some(pushed) = self.options.own.iter().find(|pushed| pushed.image == name) {
            let named = pushed.tags.first().map(|tag| format!("{tag}@{}", pushed.digest));
            return Ok(Outcome::Replace(named.unwrap_or_else(|| pushed.reference.clone())));
        }
        let pushed: Vec<&str> = self.options.own.iter().map(|pushed| pushed.image.as_str()).collect();
        Err(not_pushed(name, &pushed))
    }

    /// Returns what is to know about an image that has a digest already, which stays.
    fn pinned(
        &mut self,
        reference: &RegistryReference,
        digest: Digest,
        own: Option<Digest>,
    ) -> Result<Outcome, Error> {
        let now = match (own, &reference.tag) {
            (Some(own), _) => Some(own),
            (None, Some(_)) if self.options.others == Others::LookUp => {
                match self.lookups.digest(&RegistryReference { digest: None, ..reference.clone() }) {
                    Ok(now) => Some(now),
                    // The image has a digest: it can be pulled without its tag.
                    Err(error) => {
                        let note = format!("its tag could not be looked up: {}", error.message());
                        return Ok(Outcome::Pinned(format!("{}@{digest}", reference.repository), Some(note)));
                    }
                }
            }
            (None, _) => None,
        };
        let child = self.lookups.child(&reference.repository, &digest);
        let is_known = child.is_some() || own.or(now) == Some(digest);
        let missing = match self.options.others {
            Others::LookUp if !is_known => self.lookups.missing(&reference.repository, digest),
            _ => None,
        };
        let name = || RegistryReference { digest: None, ..reference.clone() };
        let note = match (child, now) {
            (Some((platform, index)), _) => Some(format!("it is only {platform} of {index}")),
            (None, Some(now)) if now != digest => Some(format!("{} is now {now}", name())),
            (None, _) => None,
        };
        let note = match (missing, note) {
            (Some(missing), Some(note)) => Some(format!("{missing}; {note}")),
            (missing, note) => missing.or(note),
        };
        Ok(Outcome::Pinned(format!("{}@{digest}", reference.repository), note))
    }

    /// Returns the node affinity of a file; `None` if none is added.
    fn affinity(&mut self, file: &KubernetesManifest, found: &ManifestFile) -> Option<FileAffinity> {
        if self.options.affinity == Affinity::Keep || !self.failures.is_empty() {
            return None;
        }
        let mut affinity = affinity::of_file(file, found, &self.resolved, self.options, &mut self.lookups);
        self.left.append(&mut affinity.left);
        self.failures.append(&mut affinity.failures);
        self.pods.append(&mut affinity.pods);
        Some(affinity)
    }

    /// Returns the result, or an error that names every failure.
    fn finish(mut self, changes: Vec<Change<'_>>) -> Result<Resolved, Error> {
        refuse(std::mem::take(&mut self.failures))?;
        let mut resolved = Vec::with_capacity(changes.len());
        for change in &changes {
            let text = apply(&change.file.text, &change.edits);
            if !change.edits.is_empty() {
                self.check(change, &text)?;
            }
            let (changed, is_for_kubectl) =
                (text != change.file.text, change.found.kind == FileKind::Objects);
            let (file, ends_in_value) = (change.file.name.clone(), change.found.ends_in_value);
            resolved.push(ResolvedFile { file, text, changed, is_for_kubectl, ends_in_value });
        }
        Ok(Resolved {
            schema: RESOLUTION_SCHEMA,
            files: resolved,
            images: self.resolved,
            untouched: self.left,
            pods: self.pods,
            unmatched_paths: self.unmatched,
        })
    }

    /// Reads a changed text again: it must have the images, digests and node affinity that were decided.
    fn check(&self, change: &Change<'_>, text: &str) -> Result<(), Error> {
        let name = &change.file.name;
        let again = read(name, text, &ReadOptions { paths: self.options.paths.clone() });
        let holds =
            |affinity: &FileAffinity| again.as_ref().is_ok_and(|again| affinity.holds(change.found, again));
        if !change.affinity.as_ref().is_none_or(holds) {
            return Err(meaning(name, "node affinity")
                .hint("write `affinity` in each pod specification, without aliases and `? ` keys"));
        }
        let digest = |reference: &str| reference.split_once('@').map(|(_, digest)| digest.to_owned());
        let decided = self.resolved.iter().filter(|image| image.file == *name);
        let kept = change.found.images.iter().filter(|image| image.replaced.is_some());
        let kept = kept.filter_map(|image| digest(&image.reference));
        let mut decided: Vec<_> = decided.filter_map(|image| digest(&image.pinned)).chain(kept).collect();
        let images = again.map(|again| again.images).unwrap_or_default();
        let mut written: Vec<_> = images.iter().filter_map(|image| digest(&image.reference)).collect();
        decided.sort();
        written.sort();
        match decided == written {
            true => Ok(()),
            false => Err(meaning(name, "a digest")
                .hint("write each image on one line of its own, without aliases and `? ` keys")),
        }
    }
}

fn meaning(file: &str, what: &str) -> Error {
    let message = format!("{file}: {what} cannot be inserted without changing the meaning of other text");
    Error::from_message(ErrorKind::Usage, message)
}

fn malformed(image: &Image, error: &ReferenceError) -> Error {
    let error = Error::new(ErrorKind::Usage, error);
    // A password may precede `@`.
    match image.reference.contains('@') {
        true => error,
        false => error.at(format!("`{}` is not an image", image.reference)),
    }
}

/// The decision about an image.
enum Outcome {
    /// It gets a digest.
    Pin(RegistryReference, Digest, Option<String>),
    /// It gets another text.
    Replace(String),
    /// It has a digest, and stays.
    Pinned(String, Option<String>),
    /// It stays without a digest.
    Left(String),
}

fn place(file: &KubernetesManifest, image: &Image) -> String {
    format!("{}:{}:{}", file.name, image.line, image.column)
}

/// Returns whether an image was pushed to the repository of a reference.
fn is_of(pushed: &PushedImage, reference: &RegistryReference) -> bool {
    let own: Result<RegistryReference, _> = pushed.reference.parse();
    own.is_ok_and(|own| own.repository.full_name() == reference.repository.full_name())
}
