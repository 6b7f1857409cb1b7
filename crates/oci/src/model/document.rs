use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::digest::Digest;

/// Deserializes `null` as the default: Docker encodes empty Go slices and maps as `null`.
pub(crate) fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Returns the bytes of a value as crossdock writes it: compact JSON, fields in a fixed order, maps sorted by key.
pub(crate) fn canonical_bytes(value: &impl Serialize) -> Result<Vec<u8>, EncodeError> {
    serde_json::to_vec(value).map_err(EncodeError)
}

/// A manifest, index or configuration together with its exact bytes.
///
/// Only the raw bytes have the document's digest: parsing drops fields that this crate does not know. Copy a document
/// by its bytes, never by serializing the value again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<T> {
    /// The parsed form.
    pub value: T,
    /// The stored bytes.
    pub raw: Vec<u8>,
}

/// The largest manifest, index or configuration that is read, in bytes: twice the 4 MiB that registries are expected to
/// accept (distribution-spec § Pushing Manifests).
pub(crate) const DOCUMENT_LIMIT: u64 = 8 * 1024 * 1024;

/// The number of values in one document. Parsed, a value of three bytes such as `{},` takes a hundred.
pub(crate) const VALUES_LIMIT: usize = 100_000;

/// Returns the number of values in a JSON text, roughly: those of lists and objects count, and an object's keys do not.
pub(crate) fn count_values(json: &[u8]) -> usize {
    let (mut count, mut at) = (0, 0);
    while let Some(byte) = json.get(at) {
        match byte {
            b',' | b'[' | b'{' => count += 1,
            b'"' => at = end_of_string(json, at),
            _ => {}
        }
        at += 1;
    }
    count
}

/// Returns the place of the quotation mark that ends the string from `start` on, or the end of the text.
fn end_of_string(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        match json.get(at) {
            None | Some(b'"') => return at,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

impl<T: Serialize> Document<T> {
    /// Creates a document from a value, in its canonical bytes.
    ///
    /// # Errors
    /// If the value has no JSON form. None of this crate's types causes this.
    pub fn new(value: T) -> Result<Self, EncodeError> {
        let raw = canonical_bytes(&value)?;
        Ok(Self { value, raw })
    }
}

impl<T> Document<T> {
    /// Returns the digest of the raw bytes.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.raw)
    }
}

impl<T: DeserializeOwned> Document<T> {
    /// Parses a document. `expected` names the expected form in errors: `image manifest`.
    ///
    /// # Errors
    /// If the bytes are not JSON of this form or have more than 100,000 values, if the schema version is not 2, or if the document is both a manifest
    /// and an index: readers that disagree about which one it is run different content under one digest
    /// (CVE-2021-41190).
    pub fn parse(raw: Vec<u8>, expected: &'static str) -> Result<Self, DocumentError> {
        if count_values(&raw) > VALUES_LIMIT {
            return Err(DocumentError::TooMany { expected });
        }
        let value =
            serde_json::from_slice(&raw).map_err(|source| DocumentError::Json { expected, source })?;
        // A second time, for fields that `T` does not have.
        let shape: Shape =
            serde_json::from_slice(&raw).map_err(|source| DocumentError::Json { expected, source })?;
        if shape.manifests && (shape.layers || shape.config) {
            return Err(DocumentError::Ambiguous);
        }
        match shape.schema_version {
            // A configuration has no version (image-spec, config.md), so none is demanded here.
            Some(2) | None => Ok(Self { value, raw }),
            Some(version) => Err(DocumentError::SchemaVersion { expected, version }),
        }
    }
}

/// The fields that distinguish a manifest from an index.
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

/// A document that has no JSON form: a bug in the code that made it, since every field of an image has one.
#[derive(Debug, thiserror::Error)]
#[error("internal error: a document of the image cannot be encoded as JSON; please report it")]
pub struct EncodeError(#[source] serde_json::Error);

/// An error of parsing a document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The bytes are not JSON, or a field is missing or has a wrong type.
    #[error("the document is not an {expected}")]
    Json {
        /// The expected form.
        expected: &'static str,
        /// The cause, with line and column.
        source: serde_json::Error,
    },
    /// The document has Docker's schema 1, or a version newer than this crate.
    #[error(
        "the {expected} has schema version {version}, but only version 2 is supported; rebuild the image"
    )]
    SchemaVersion {
        /// The expected form.
        expected: &'static str,
        /// The version found.
        version: u64,
    },
    /// The document has more values than any real one.
    #[error("the {expected} has more than {VALUES_LIMIT} values; it may be meant to exhaust memory")]
    TooMany {
        /// The expected form.
        expected: &'static str,
    },
    /// The document is both an index and a manifest.
    #[error("the document is both an index and an image manifest, so its digest is ambiguous; do not use it")]
    Ambiguous,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// An empty document in its place would have a valid digest and lose the image's content.
    #[test]
    fn a_value_without_a_json_form_is_an_error() {
        let keys_are_not_strings = BTreeMap::from([(vec![1_u8], "value")]);
        let error = Document::new(keys_are_not_strings).unwrap_err();
        assert!(error.to_string().starts_with("internal error: "), "{error}");
    }

    #[test]
    fn values_are_counted_outside_of_strings() {
        for (json, count) in [
            ("", 0),
            (r#"{"a":[1,2,{}],"b":"[,{"}"#, 6),
            (r#"["\"[[[","\\",3]"#, 3),
            (r#"["unterminated,,,"#, 1),
            (r#"["\"#, 1),
        ] {
            assert_eq!(count_values(json.as_bytes()), count, "{json}");
        }
    }

    #[test]
    fn a_document_of_countless_values_is_rejected() {
        let document = |values: usize| {
            let history = vec!["{}"; values].join(",");
            let json = format!(r#"{{"rootfs":{{"type":"layers","diff_ids":[]}},"history":[{history}]}}"#);
            Document::<crate::ImageConfig>::parse(json.into_bytes(), "image configuration")
        };
        assert!(document(VALUES_LIMIT / 2 - 10).is_ok());
        assert!(matches!(document(VALUES_LIMIT), Err(DocumentError::TooMany { .. })));
    }
}
