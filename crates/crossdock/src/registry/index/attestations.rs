//! Attestations of BuildKit, which lists them in the index of an image, as referrers of the image.

use std::io::Read;

use crossdock_oci::{BlobStore, Descriptor, ImageManifest, Layout, media_type};
use crossdock_registry::MANIFEST_LIMIT;
use serde_json::{Value, json};

use crate::error::{Error, input_output};
use crate::index::leg::{Candidate, Leg};

/// An attestation with its subject.
pub(super) struct Attestation {
    /// The manifest of the image that it is about.
    pub(super) subject: Descriptor,
    /// Its manifest.
    pub(super) descriptor: Descriptor,
}

/// The kind of the manifest that BuildKit writes with `oci-artifact=true`
/// (<https://docs.docker.com/build/metadata/attestations/attestation-storage/>).
const KIND: &str = "application/vnd.docker.attestation.manifest.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Writes the attestations of the chosen images into a layout as referrers. Also returns a warning for each artifact of a leg
/// that is none.
pub(super) fn of(
    legs: &[Leg],
    chosen: &[Candidate<'_>],
    layout: &Layout,
) -> Result<(Vec<Attestation>, Vec<String>), Error> {
    let (mut attestations, mut left): (Vec<Attestation>, Vec<String>) = Default::default();
    for leg in legs {
        for entry in &leg.image.skipped {
            match attestation(leg, entry, chosen, layout)? {
                Some(new)
                    if attestations.iter().any(|one| one.descriptor.digest == new.descriptor.digest) => {}
                Some(new) => attestations.push(new),
                None => left.push(leg.left_out(entry)),
            }
        }
    }
    Ok((attestations, left))
}

/// Returns the attestation of an entry; `None` if it is something else, is about another image, or is not there.
fn attestation(
    leg: &Leg,
    entry: &Descriptor,
    chosen: &[Candidate<'_>],
    layout: &Layout,
) -> Result<Option<Attestation>, Error> {
    let annotation = |name: &str| entry.annotations.get(name).map(String::as_str);
    if annotation("vnd.docker.reference.type") != Some("attestation-manifest") {
        return Ok(None);
    }
    let is_about = |candidate: &&Candidate<'_>| {
        Some(candidate.image.descriptor.digest.to_string().as_str())
            == annotation("vnd.docker.reference.digest")
    };
    let Some(image) = chosen.iter().find(is_about) else { return Ok(None) };
    let Some(bytes) = read(leg, entry) else { return Ok(None) };
    let (Ok(manifest), Ok(Value::Object(mut document))) =
        (serde_json::from_slice::<ImageManifest>(&bytes), serde_json::from_slice::<Value>(&bytes))
    else {
        return Ok(None);
    };
    for layer in &manifest.layers {
        if !copied(layout.blobs(), leg, layer) {
            return Ok(None);
        }
    }
    let of_image = &image.image.descriptor;
    let subject = Descriptor::new(&of_image.media_type, of_image.blob());
    let config = layout.blobs().put(b"{}").map_err(input_output)?;
    document.insert("mediaType".to_owned(), media_type::MANIFEST.into());
    document.insert("artifactType".to_owned(), KIND.into());
    document.insert(
        "config".to_owned(),
        json!({ "mediaType": EMPTY, "digest": config.digest, "size": config.size }),
    );
    document.insert("subject".to_owned(), json!(subject));
    let blob = layout.blobs().put(Value::Object(document).to_string().as_bytes()).map_err(input_output)?;
    Ok(Some(Attestation { subject, descriptor: Descriptor::new(media_type::MANIFEST, blob) }))
}

fn read(leg: &Leg, entry: &Descriptor) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    leg.source.blob(&entry.digest).ok()?.take(MANIFEST_LIMIT + 1).read_to_end(&mut bytes).ok()?;
    let is_it = entry.digest.is_of(&bytes) && bytes.len() as u64 <= MANIFEST_LIMIT;
    is_it.then_some(bytes)
}

/// Copies a blob of a leg; returns whether it is in the store now.
fn copied(store: &BlobStore, leg: &Leg, layer: &Descriptor) -> bool {
    if store.has(&layer.blob()) && store.verify(&layer.digest).is_ok() {
        return true;
    }
    let copy = || -> Option<()> {
        let mut reader = leg.source.blob(&layer.digest).ok()?.take(layer.size.saturating_add(1));
        let mut writer = store.writer_of(layer.digest.algorithm()).ok()?;
        std::io::copy(&mut reader, &mut writer).ok()?;
        writer.complete_as(layer.digest).ok().map(drop)
    };
    copy().is_some()
}
