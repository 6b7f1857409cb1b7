use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::descriptor::Descriptor;
use super::document::null_as_default;
use super::media_type;

/// The manifest of an image for one platform: its configuration and layers (image-spec, manifest.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    /// Always 2.
    pub schema_version: u32,
    /// [`media_type::MANIFEST`] or [`media_type::DOCKER_MANIFEST`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The descriptor of the [`ImageConfig`](crate::ImageConfig).
    pub config: Descriptor,
    /// The layers, lowest first.
    #[serde(deserialize_with = "null_as_default")]
    pub layers: Vec<Descriptor>,
    /// The manifest that this one is about: a signature, an attestation or an SBOM has one, an image has none.
    // A subject that cannot be read, such as one with a SHA-512 digest, must not make the image unreadable.
    #[serde(default, deserialize_with = "readable", skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Annotations of the image.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl ImageManifest {
    /// Creates an OCI manifest.
    pub fn new(config: Descriptor, layers: Vec<Descriptor>, annotations: BTreeMap<String, String>) -> Self {
        let media_type = Some(media_type::MANIFEST.to_owned());
        Self { schema_version: 2, media_type, config, layers, subject: None, annotations }
    }
}

fn readable<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Descriptor>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// A list of manifests, usually one for each platform, or of further indexes (image-spec, image-index.md).
///
/// A layout's `index.json` has the same form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// [`media_type::INDEX`] or [`media_type::DOCKER_INDEX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The descriptors listed, the preferred first.
    #[serde(deserialize_with = "null_as_default")]
    pub manifests: Vec<Descriptor>,
    /// Annotations of the index.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Index {
    /// Creates an OCI index.
    pub fn new(manifests: Vec<Descriptor>, annotations: BTreeMap<String, String>) -> Self {
        Self { schema_version: 2, media_type: Some(media_type::INDEX.to_owned()), manifests, annotations }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Blob, Digest, Document, DocumentError, PlatformObject};

    fn descriptor() -> Descriptor {
        Descriptor::new(media_type::CONFIG, Blob { digest: Digest::of(b"x"), size: 1 })
    }

    #[test]
    fn an_index_has_one_canonical_form() {
        let mut entry = descriptor();
        entry.platform =
            Some(PlatformObject { variant: Some("v8".into()), ..PlatformObject::new("linux", "arm64") });
        entry.annotations.insert("b".into(), "2".into());
        entry.annotations.insert("a".into(), "1".into());
        let document = Document::new(Index::new(vec![entry], BTreeMap::new())).unwrap();
        let text = String::from_utf8(document.raw.clone()).unwrap();
        let digest = Digest::of(b"x");
        assert_eq!(
            text,
            format!(
                r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{}","digest":"{digest}","size":1,"platform":{{"architecture":"arm64","os":"linux","variant":"v8"}},"annotations":{{"a":"1","b":"2"}}}}]}}"#,
                media_type::INDEX,
                media_type::CONFIG
            )
        );
        assert_eq!(Document::<Index>::parse(document.raw.clone(), "image index").unwrap(), document);
    }

    #[test]
    fn raw_bytes_keep_unknown_fields() {
        let raw = br#"{"schemaVersion":2, "manifests": null, "annotations": null, "new": 1}"#.to_vec();
        let document = Document::<Index>::parse(raw.clone(), "image index").unwrap();
        assert_eq!(document.digest(), Digest::of(&raw));
        assert!(document.value.manifests.is_empty());
    }

    #[test]
    fn ambiguous_and_old_documents_are_rejected() {
        let parse =
            |text: &str| Document::<Index>::parse(text.as_bytes().to_vec(), "image index").unwrap_err();
        assert!(matches!(
            parse(r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#),
            DocumentError::Ambiguous
        ));
        assert!(matches!(
            parse(r#"{"schemaVersion":1,"manifests":[]}"#),
            DocumentError::SchemaVersion { version: 1, .. }
        ));
        assert!(matches!(parse("[1"), DocumentError::Json { .. }));
    }
}
