//! The annotations of an index that is made of several.

use std::collections::{BTreeMap, BTreeSet};

use super::leg::Candidate;
use crate::error::{Error, ErrorKind, input_output};

/// The prefix of annotations with a meaning that the specification defines (image-spec, annotations.md).
const PREFIX: &str = "org.opencontainers.image.";

/// Annotations in which images of one index must agree: an index of two commits is a mistake of the pipeline.
const IDENTIFYING: [&str; 3] = ["revision", "source", "version"];

/// The annotations of an index, and warnings about those that it does not have.
pub(super) struct Merged {
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) warnings: Vec<String>,
}

/// Merges the annotations of the images' sources: those in which all agree, replaced by those that are given.
///
/// # Errors
/// If the sources are of different commits, versions or repositories.
pub(super) fn merged(chosen: &[Candidate<'_>], given: &BTreeMap<String, String>) -> Result<Merged, Error> {
    let each = chosen.iter().map(of_image).collect::<Result<Vec<_>, _>>()?;
    let keys: BTreeSet<&String> = each.iter().flat_map(BTreeMap::keys).collect();
    let (mut annotations, mut warnings) = (given.clone(), Vec::new());
    for key in keys.into_iter().filter(|key| !given.contains_key(*key)) {
        let values: BTreeSet<Option<&String>> = each.iter().map(|image| image.get(key)).collect();
        let values: Vec<Option<&String>> = values.into_iter().collect();
        match values[..] {
            [Some(only)] => {
                annotations.insert(key.clone(), only.clone());
            }
            [Some(_), Some(_), ..] if is_identifying(key) => return Err(differ(chosen, &each, key)),
            _ => warnings.push(format!("not in the index: annotation `{key}`, in which the sources differ")),
        }
    }
    Ok(Merged { annotations, warnings })
}

/// Returns the annotations of an image's index, else of its manifest, else the labels that other tools write instead.
fn of_image(candidate: &Candidate<'_>) -> Result<BTreeMap<String, String>, Error> {
    let Candidate { leg, image, .. } = candidate;
    let of_index = leg.source.annotations(&leg.image).map_err(input_output)?;
    if !of_index.is_empty() {
        return Ok(of_index);
    }
    let of_manifest = &image.manifest.value.annotations;
    if !of_manifest.is_empty() {
        return Ok(of_manifest.clone());
    }
    let labels = image.config.value.config.labels.iter();
    let labels = labels.filter(|(key, _)| key.starts_with(PREFIX));
    Ok(labels.map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn is_identifying(key: &str) -> bool {
    key.strip_prefix(PREFIX).is_some_and(|name| IDENTIFYING.contains(&name))
}

fn differ(chosen: &[Candidate<'_>], each: &[BTreeMap<String, String>], key: &str) -> Error {
    let values = chosen.iter().zip(each).map(|(candidate, image)| {
        let value = image.get(key).map_or("none", String::as_str);
        format!("`{}` has {value}", candidate.leg.name)
    });
    let message = format!("the sources differ in `{key}`: {}", values.collect::<Vec<_>>().join(", "));
    let hint = format!("build all of them from one commit, or choose with `--annotation {key}=VALUE`");
    Error::from_message(ErrorKind::Rejected, message).hint(hint)
}
