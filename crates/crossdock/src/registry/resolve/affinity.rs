//! Node affinity for the platforms that the images of pods have.

use std::collections::{BTreeMap, BTreeSet};

use crossdock_kubernetes::{Edit, ManifestError, ManifestFile, NodePlatform, Pod, Problem};
use crossdock_oci::{RegistryReference, Repository};
use crossdock_platform::Platform;
use serde::Serialize;

use super::lookup::LookUps;
use super::{KubernetesManifest, OWN, Others, ResolveOptions, ResolvedImage, Untouched, refused};
use crate::error::{Error, ErrorKind};
use crate::plan::ImagePlan;

/// Whether pods are restricted to nodes of the platforms that their images have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Affinity {
    /// They stay as they are.
    #[default]
    Keep,
    /// They get node affinity.
    Add,
}

/// A pod specification that selects nodes of the platforms that all of its images have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResolvedPod {
    /// The file.
    pub file: String,
    /// The line of the specification, from 1.
    pub line: usize,
    /// The platforms as nodes are labelled, without variants: `linux/arm64`.
    pub platforms: Vec<String>,
    /// Whether node affinity was inserted; a specification may select these nodes already.
    pub changed: bool,
    /// The lines of terms of its node affinity that select none of these nodes, while others do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub terms_without_nodes: Vec<usize>,
}

/// The node affinity of a file.
#[derive(Default)]
pub(super) struct FileAffinity {
    pub(super) edits: Vec<Edit>,
    pub(super) pods: Vec<ResolvedPod>,
    pub(super) left: Vec<Untouched>,
    pub(super) failures: Vec<Error>,
    /// The platforms of each pod of the file; `None` if it stays as it is.
    decided: Vec<Option<BTreeSet<NodePlatform>>>,
}

/// Returns the node affinity that the pods of a file need, after its images were resolved. The platforms of an image that this
/// run did not push are unknown if no registry may be asked.
pub(super) fn of_file(
    file: &KubernetesManifest,
    found: &ManifestFile,
    resolved: &[ResolvedImage],
    options: &ResolveOptions,
    lookups: &mut LookUps<'_>,
) -> FileAffinity {
    let is_known = |image: &&ResolvedImage| {
        options.others == Others::LookUp || options.own.iter().any(|own| own.reference == image.pinned)
    };
    let pinned: BTreeMap<&str, &str> = resolved
        .iter()
        .filter(|image| image.file == file.name)
        .filter(is_known)
        .map(|image| (image.reference.as_str(), image.pinned.as_str()))
        .collect();
    let platforms = &mut |reference: &str| {
        let named = pinned.get(reference).and_then(|pinned| pinned.parse::<RegistryReference>().ok());
        named.map(|named| lookups.platforms(&named)).transpose()
    };
    FileAffinity::new(file, found, platforms)
}

/// Returns the node affinity of the pods whose images are all of this project, by the platforms that the plan builds. Such an
/// image is named as `crossdock://NAME`, or by the repository to which it is pushed.
pub(super) fn of_plan(
    file: &KubernetesManifest,
    found: &ManifestFile,
    planned: &[ImagePlan],
) -> FileAffinity {
    let platforms = &mut |reference: &str| {
        let named = planned.iter().find(|image| is_named(image, reference));
        Ok(named.map(|image| image.platforms.iter().filter_map(|built| label(&built.platform)).collect()))
    };
    FileAffinity::new(file, found, platforms)
}

/// Returns whether a reference without a digest names an image that will be pushed.
fn is_named(image: &ImagePlan, reference: &str) -> bool {
    if let Some(name) = reference.strip_prefix(OWN) {
        return image.name == name;
    }
    let named = reference.parse::<RegistryReference>().ok().filter(|named| named.digest.is_none());
    let own = image.repository.parse::<Repository>();
    named.zip(own.ok()).is_some_and(|(named, own)| named.repository.full_name() == own.full_name())
}

/// Returns a platform as nodes are labelled.
fn label(platform: &Platform) -> Option<NodePlatform> {
    let text = platform.to_string();
    let mut parts = text.split('/').map(str::to_owned);
    Some(NodePlatform { os: parts.next()?, architecture: parts.next()? })
}

/// Returns the platforms of a reference as a file has it; `None` if they are unknown.
type PlatformsOf<'a> = dyn FnMut(&str) -> Result<Option<BTreeSet<NodePlatform>>, Error> + 'a;

impl FileAffinity {
    fn new(file: &KubernetesManifest, found: &ManifestFile, platforms: &mut PlatformsOf<'_>) -> Self {
        let mut affinity = Self::default();
        for pod in &found.pods {
            let decided = affinity.decide(file, pod, platforms);
            affinity.decided.push(decided);
        }
        affinity
    }

    /// Returns the platforms that a pod is restricted to; `None` if it stays as it is.
    fn decide(
        &mut self,
        file: &KubernetesManifest,
        pod: &Pod,
        platforms: &mut PlatformsOf<'_>,
    ) -> Option<BTreeSet<NodePlatform>> {
        let place = format!("{}:{}:{}", file.name, pod.line, pod.column);
        let images = match images_of(pod, platforms) {
            Ok(Ok(images)) => images,
            Ok(Err(why)) => {
                let (file, line, value) = (file.name.clone(), pod.line, String::new());
                let why = format!("no node affinity is added to this pod: {why}");
                self.left.push(Untouched { file, line, value, why });
                return None;
            }
            Err(error) => {
                self.failures.push(error.at(place));
                return None;
            }
        };
        let common = common(&images);
        if common.is_empty() {
            let (file, line, column) = (file.name.clone(), pod.line, pod.column);
            let error = ManifestError { file, line, column, problem: nothing_in_common(&images) };
            self.failures.push(refused(ErrorKind::Rejected, error));
            return None;
        }
        match pod.require(&common) {
            Ok(edits) => {
                let (file, line) = (file.name.clone(), pod.line);
                let platforms = common.iter().map(ToString::to_string).collect();
                let (changed, terms_without_nodes) = (!edits.is_empty(), pod.terms_without_nodes(&common));
                self.pods.push(ResolvedPod { file, line, platforms, changed, terms_without_nodes });
                self.edits.extend(edits);
                Some(common)
            }
            Err(error) => {
                let is_finding = error.problem.code().is_some();
                let kind = if is_finding { ErrorKind::Rejected } else { ErrorKind::Usage };
                self.failures.push(refused(kind, error));
                None
            }
        }
    }

    /// Returns whether the pods of the changed file select what was decided, and the others what they selected before: an
    /// alias may make a field that of several pods.
    pub(super) fn holds(&self, before: &ManifestFile, after: &ManifestFile) -> bool {
        let places = |edit: &Edit| (edit.start, edit.end);
        let mut texts: BTreeMap<_, &str> = BTreeMap::new();
        let agree = self
            .edits
            .iter()
            .all(|edit| *texts.entry(places(edit)).or_insert(edit.text.as_str()) == edit.text);
        let pods = before.pods.iter().zip(&after.pods).zip(&self.decided);
        agree
            && before.pods.len() == after.pods.len()
            && pods.into_iter().all(|((before, after), decided)| match decided {
                Some(platforms) => after.require(platforms).is_ok_and(|edits| edits.is_empty()),
                None => before.selects_like(after),
            })
    }
}

/// The platforms of an image of a pod.
struct ImagePlatforms {
    reference: String,
    platforms: BTreeSet<NodePlatform>,
}

/// Returns the images of a pod with their platforms, or the reason why those of one are unknown.
fn images_of(
    pod: &Pod,
    platforms: &mut PlatformsOf<'_>,
) -> Result<Result<Vec<ImagePlatforms>, String>, Error> {
    if !pod.is_template() {
        return Ok(Err("it is in a field that may not be a pod template".to_owned()));
    }
    if pod.is_patched {
        let why = "a kustomization may change its containers or nodes; render it first: \
                   `kustomize build DIRECTORY | crossdock resolve --affinity -f -`";
        return Ok(Err(why.to_owned()));
    }
    let mut images = Vec::new();
    for (reference, replaced) in pod.images.iter().zip(&pod.replaced) {
        let Some(reference) = reference else {
            return Ok(Err("a container has no image here".to_owned()));
        };
        let known = if *replaced { None } else { platforms(reference)? };
        match known.filter(|platforms| !platforms.is_empty()) {
            Some(platforms) => images.push(ImagePlatforms { reference: reference.clone(), platforms }),
            None => return Ok(Err(format!("the platforms of `{reference}` are unknown"))),
        }
    }
    Ok(Ok(images))
}

/// Returns the platforms that all images have.
fn common(images: &[ImagePlatforms]) -> BTreeSet<NodePlatform> {
    let mut sets = images.iter().map(|image| &image.platforms);
    let first = sets.next().cloned().unwrap_or_default();
    sets.fold(first, |common, set| &common & set)
}

fn nothing_in_common(images: &[ImagePlatforms]) -> Problem {
    let listed = |image: &ImagePlatforms| {
        let platforms: Vec<String> = image.platforms.iter().map(ToString::to_string).collect();
        format!("`{}` has {}", image.reference, platforms.join(", "))
    };
    let images: Vec<String> = images.iter().map(listed).collect();
    Problem::NothingInCommon(images.join("; "))
}
