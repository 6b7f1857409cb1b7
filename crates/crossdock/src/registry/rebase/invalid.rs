//! Signatures, SBOMs and the like: what is about an image is not about the same image on another base.

use std::collections::{BTreeMap, BTreeSet};

use crossdock_oci::{Descriptor, Digest};
use crossdock_registry::{Registry, manifests_of, read_document};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::Value;

use super::source::Image;
use crate::error::Error;
use crate::subject::{Opened, failed};

/// Manifests of one kind about an image, which are not valid for another digest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidReferrers {
    /// `signature`, `SBOM`, `provenance` or `attestation`, else the artifact type.
    pub kind: String,
    /// Their digests.
    pub digests: Vec<Digest>,
}

/// With their number.
impl Serialize for InvalidReferrers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("InvalidReferrers", 3)?;
        fields.serialize_field("kind", &self.kind)?;
        fields.serialize_field("count", &self.digests.len())?;
        fields.serialize_field("digests", &self.digests)?;
        fields.end()
    }
}

/// The number of manifests that are read for their kinds.
const READ: usize = 1000;

/// The kind of a manifest that is not read, or that does not tell.
const UNKNOWN: &str = "unknown kind";

/// Returns what is about an image in its registry, by its kind.
pub(super) fn invalid(
    registry: &Registry,
    opened: &Opened<'_>,
    image: &Image,
) -> Result<Vec<InvalidReferrers>, Error> {
    let Some(repository) = opened.repository() else { return Ok(Vec::new()) };
    let subjects = manifests_of(opened.content(), &opened.image).map_err(failed)?;
    let about = registry.all_about(repository, &subjects).map_err(failed)?;
    let read = |descriptor: &Descriptor| -> Result<String, Error> {
        Ok(kind(&read_document(opened.content(), descriptor).map_err(failed)?))
    };
    let mut kinds = BTreeMap::new();
    let listed = about.found.iter().map(|about| &about.descriptor).chain(&image.dropped);
    for (place, descriptor) in listed.enumerate() {
        let mut kind = if place < READ { read(descriptor)? } else { UNKNOWN.to_owned() };
        if kind == UNKNOWN && is_attestation(descriptor) {
            "attestation".clone_into(&mut kind);
        }
        kinds.insert(descriptor.digest, kind);
    }
    for (_, manifest) in &about.tagged {
        kinds.insert(manifest.descriptor.digest, kind(&manifest.bytes));
    }
    for (digest, _) in about.beyond {
        kinds.entry(digest).or_insert_with(|| UNKNOWN.to_owned());
    }
    let mut by_kind = BTreeMap::<String, Vec<Digest>>::new();
    for (digest, kind) in kinds {
        by_kind.entry(kind).or_default().push(digest);
    }
    Ok(by_kind.into_iter().map(|(kind, digests)| InvalidReferrers { kind, digests }).collect())
}

/// Returns whether an entry of an index is an attestation of BuildKit, by the annotation that says so.
fn is_attestation(entry: &Descriptor) -> bool {
    entry.annotations.get("vnd.docker.reference.type").is_some_and(|kind| kind == "attestation-manifest")
}

/// Annotations with the type of a statement: of BuildKit, of cosign, and of bundles of Sigstore.
const PREDICATES: [&str; 3] =
    ["in-toto.io/predicate-type", "predicateType", "dev.sigstore.bundle.predicateType"];

/// Parts of predicate types and media types, with what such a manifest is called.
const KINDS: [(&str, &str); 11] = [
    ("slsa.dev/provenance", "provenance"),
    ("spdx", "SBOM"),
    ("cyclonedx", "SBOM"),
    ("syft", "SBOM"),
    ("sbom", "SBOM"),
    ("in-toto", "attestation"),
    ("dsse", "attestation"),
    ("simplesigning", "signature"),
    ("cosign.artifact.sig", "signature"),
    ("notary.signature", "signature"),
    ("sigstore.bundle", "signature"),
];

/// Returns what a manifest is called: by the statements that it carries, else by its types.
fn kind(manifest: &[u8]) -> String {
    let manifest: Value = serde_json::from_slice(manifest).unwrap_or_default();
    let layers = manifest["layers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let carriers = || layers.iter().chain([&manifest]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let predicates: Vec<String> = carriers()
        .flat_map(|carrier| PREDICATES.map(|name| text(&carrier["annotations"][name])))
        .filter(|predicate| !predicate.is_empty())
        .collect();
    let types = || [&manifest["artifactType"], &manifest["config"]["mediaType"]].map(text);
    if !predicates.is_empty() {
        let names: BTreeSet<&str> =
            predicates.iter().map(|predicate| known(predicate).unwrap_or("attestation")).collect();
        return names.into_iter().collect::<Vec<_>>().join(" and ");
    }
    let of_layers = layers.iter().map(|layer| text(&layer["mediaType"]));
    let named = types().into_iter().chain(of_layers).find_map(|name| known(&name).map(str::to_owned));
    // The configuration of an image, or an empty one, tells nothing.
    let says_something = |name: &String| {
        !name.is_empty() && !name.contains("vnd.oci.image.config") && !name.contains("vnd.oci.empty")
    };
    named.or_else(|| types().into_iter().find(says_something)).unwrap_or_else(|| UNKNOWN.to_owned())
}

fn known(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    KINDS.iter().find(|(part, _)| name.contains(part)).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_of_buildkit_says_that_it_is_an_attestation() {
        let entry = |kind: &str| {
            let mut entry = Descriptor::new("", crossdock_oci::Blob { digest: Digest::of(b""), size: 0 });
            entry.annotations.insert("vnd.docker.reference.type".to_owned(), kind.to_owned());
            entry
        };
        assert!(is_attestation(&entry("attestation-manifest")));
        assert!(!is_attestation(&entry("other")));
    }

    #[test]
    fn manifests_are_called_by_their_statements_and_types() {
        let image_config = "application/vnd.oci.image.config.v1+json";
        let layer = |media_type: &str, predicate: Option<(&str, &str)>| {
            let annotations: BTreeMap<_, _> = predicate.into_iter().collect();
            json!({ "config": { "mediaType": image_config }, "layers": [{ "mediaType": media_type, "annotations": annotations }] })
        };
        let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
        let statement = |predicate: &str| json!({ "artifactType": bundle, "annotations": { "dev.sigstore.bundle.predicateType": predicate } });
        let buildkit = json!({ "config": { "mediaType": image_config }, "layers": [
            { "annotations": { "in-toto.io/predicate-type": "https://spdx.dev/Document" } },
            { "annotations": { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2" } },
        ] });
        let dsse = "application/vnd.dsse.envelope.v1+json";
        for (manifest, expected) in [
            (json!({ "artifactType": "application/spdx+json" }), "SBOM"),
            (json!({ "artifactType": "application/vnd.cyclonedx+json" }), "SBOM"),
            (json!({ "artifactType": "application/vnd.cncf.notary.signature" }), "signature"),
            (json!({ "artifactType": bundle }), "signature"),
            (statement("https://slsa.dev/provenance/v1"), "provenance"),
            (statement("https://cyclonedx.org/bom"), "SBOM"),
            (statement("https://example.com/tests"), "attestation"),
            (layer("application/vnd.dev.cosign.simplesigning.v1+json", None), "signature"),
            (layer(dsse, Some(("predicateType", "https://spdx.dev/Document"))), "SBOM"),
            (layer(dsse, None), "attestation"),
            (layer("text/spdx", None), "SBOM"),
            (buildkit, "SBOM and provenance"),
            (json!({ "artifactType": "application/vnd.example.report" }), "application/vnd.example.report"),
            (
                json!({ "config": { "mediaType": "application/vnd.example.report" } }),
                "application/vnd.example.report",
            ),
            (layer("application/octet-stream", None), "unknown kind"),
            (json!([]), "unknown kind"),
        ] {
            assert_eq!(kind(manifest.to_string().as_bytes()), expected, "{manifest}");
        }
    }
}
