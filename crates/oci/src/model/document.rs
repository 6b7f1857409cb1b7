use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::digest::Digest;

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
