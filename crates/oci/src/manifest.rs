use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::blob::Blob;
use crate::digest::Digest;
use crate::media_type;

/// Points at a blob: its type, digest and length (image-spec, descriptor.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the blob is, see [`media_type`](crate::media_type).
    #[serde(default)]
    pub media_type: String,
    /// Its name.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Where the image behind it runs; in an index only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Further facts about it, such as `org.opencontainers.image.ref.name`.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// A descriptor of `blob` without platform and annotations.
    pub fn new(media_type: &str, blob: Blob) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: blob.digest,
            size: blob.size,
            platform: None,
            annotations: BTreeMap::new(),
        }
    }

    /// The blob it points at.
    pub fn blob(&self) -> Blob {
        Blob { digest: self.digest, size: self.size }
    }
}

/// Where an image runs (image-spec, image-index.md § `platform`), in Go's spelling.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// A GOARCH: `amd64`, `arm64`.
    pub architecture: String,
    /// A GOOS: `linux`.
    pub os: String,
    /// For Windows, the build of the system.
    #[serde(rename = "os.version", default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// For Windows, what the system must offer.
    #[serde(
        rename = "os.features",
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub os_features: Vec<String>,
    /// The architecture's level: `v7`, `v8`, `v2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// A platform without variant.
    pub fn new(os: &str, architecture: &str) -> Self {
        Self { architecture: architecture.to_owned(), os: os.to_owned(), ..Self::default() }
    }

    /// Whether this is `unknown/unknown`, under which BuildKit files attestations that are no images.
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.os)?;
        if let Some(version) = &self.os_version {
            write!(f, "({version})")?;
        }
        write!(f, "/{}", self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

/// One platform's image: its configuration and layers (image-spec, manifest.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    /// Always 2.
    pub schema_version: u32,
    /// [`media_type::MANIFEST`], or Docker's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The [`ImageConfig`](crate::ImageConfig).
    pub config: Descriptor,
    /// The layers, lowest first.
    #[serde(deserialize_with = "null_as_default")]
    pub layers: Vec<Descriptor>,
    /// Further facts about the image.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl ImageManifest {
    /// An OCI manifest.
    pub fn new(config: Descriptor, layers: Vec<Descriptor>, annotations: BTreeMap<String, String>) -> Self {
        let media_type = Some(media_type::MANIFEST.to_owned());
        Self { schema_version: 2, media_type, config, layers, annotations }
    }
}

/// A list of images or further indices, one for each platform (image-spec, image-index.md).
///
/// It is also the form of a layout's `index.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// [`media_type::INDEX`], or Docker's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What it lists, in order of preference.
    #[serde(deserialize_with = "null_as_default")]
    pub manifests: Vec<Descriptor>,
    /// Further facts about the whole.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Index {
    /// An OCI index.
    pub fn new(manifests: Vec<Descriptor>, annotations: BTreeMap<String, String>) -> Self {
        Self { schema_version: 2, media_type: Some(media_type::INDEX.to_owned()), manifests, annotations }
    }
}

/// Docker writes `null` for what is empty.
pub(crate) fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The bytes of a value as crossdock writes it: compact JSON, fields in a fixed order, maps sorted by key.
pub(crate) fn canonical_bytes(value: &impl Serialize) -> Vec<u8> {
    // Only maps with keys that are no strings, or a failing writer, make this fail; there is neither.
    serde_json::to_vec(value).unwrap_or_default()
}

/// A manifest, index or configuration that was read, together with its exact bytes.
///
/// Only the raw bytes have the digest under which others know the document: parsing drops fields that this
/// crate does not know. Who passes a document on passes on the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<T> {
    /// The parsed form.
    pub value: T,
    /// The bytes as they were stored.
    pub raw: Vec<u8>,
}

/// The longest manifest, index or configuration that is read, in bytes: containerd's and most registries' limit.
pub(crate) const DOCUMENT_LIMIT: u64 = 8 * 1024 * 1024;

impl<T: Serialize> Document<T> {
    /// A document of our own, in its canonical bytes.
    pub fn new(value: T) -> Self {
        let raw = canonical_bytes(&value);
        Self { value, raw }
    }
}

impl<T> Document<T> {
    /// The digest of the raw bytes.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.raw)
    }
}

impl<T: DeserializeOwned> Document<T> {
    /// Parses a document; `what` says in an error what it should have been, such as "image manifest".
    ///
    /// # Errors
    /// When the bytes are not JSON of this form, with line and column; when the schema version is not 2; and when
    /// the document is both an image and an index, as CVE-2021-41190 used to give one digest two meanings.
    pub fn parse(raw: Vec<u8>, what: &'static str) -> Result<Self, DocumentError> {
        let value = serde_json::from_slice(&raw).map_err(|source| DocumentError::Json { what, source })?;
        let shape: Shape =
            serde_json::from_slice(&raw).map_err(|source| DocumentError::Json { what, source })?;
        if shape.manifests && (shape.layers || shape.config) {
            return Err(DocumentError::Ambiguous);
        }
        match shape.schema_version {
            Some(2) | None => Ok(Self { value, raw }),
            Some(version) => Err(DocumentError::SchemaVersion { what, version }),
        }
    }
}

/// Which of the telling fields a document has.
#[derive(Deserialize)]
struct Shape {
    #[serde(rename = "schemaVersion", default)]
    schema_version: Option<u64>,
    #[serde(default, deserialize_with = "is_present")]
    manifests: bool,
    #[serde(default, deserialize_with = "is_present")]
    layers: bool,
    #[serde(default, deserialize_with = "is_present")]
    config: bool,
}

fn is_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// Bytes that are not the document they should be.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not JSON, or a field is missing or of a wrong type.
    #[error("this is not an {what}")]
    Json {
        /// What it should have been.
        what: &'static str,
        /// Where and why not.
        source: serde_json::Error,
    },
    /// Docker's schema 1, or something newer than this crate.
    #[error(
        "this {what} has schema version {version}; only version 2 is known, build or convert the image anew"
    )]
    SchemaVersion {
        /// What it should have been.
        what: &'static str,
        /// The version it has.
        version: u64,
    },
    /// Both an index and a manifest.
    #[error(
        "this document is both an index and an image manifest, so that its digest has two meanings; refuse it"
    )]
    Ambiguous,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor() -> Descriptor {
        Descriptor::new(media_type::CONFIG, Blob { digest: Digest::of(b"x"), size: 1 })
    }

    #[test]
    fn canonical_form() {
        let mut entry = descriptor();
        entry.platform = Some(Platform { variant: Some("v8".into()), ..Platform::new("linux", "arm64") });
        entry.annotations.insert("b".into(), "2".into());
        entry.annotations.insert("a".into(), "1".into());
        let document = Document::new(Index::new(vec![entry], BTreeMap::new()));
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
    fn unknown_fields_survive_in_the_raw_bytes() {
        let raw = br#"{"schemaVersion":2, "manifests": null, "annotations": null, "new": 1}"#.to_vec();
        let document = Document::<Index>::parse(raw.clone(), "image index").unwrap();
        assert_eq!(document.digest(), Digest::of(&raw));
        assert!(document.value.manifests.is_empty());
    }

    #[test]
    fn refuses_ambiguous_and_old_documents() {
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

    #[test]
    fn platform_display() {
        let platform = Platform { os_version: Some("10.0.1".into()), ..Platform::new("windows", "amd64") };
        assert_eq!(platform.to_string(), "windows(10.0.1)/amd64");
        let arm = Platform { variant: Some("v7".into()), ..Platform::new("linux", "arm") };
        assert_eq!(arm.to_string(), "linux/arm/v7");
    }
}
