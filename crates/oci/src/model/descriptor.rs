use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::document::null_as_default;

/// A blob in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob {
    /// The digest of the blob's bytes, which is also its name.
    pub digest: Digest,
    /// The blob's length in bytes.
    pub size: u64,
}

/// A pointer to a blob: media type, digest and length (image-spec, descriptor.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The blob's [media type](crate::media_type).
    // Tolerated when absent, though the specification requires it: readers skip blobs of unknown types.
    #[serde(default)]
    pub media_type: String,
    /// The blob's digest.
    pub digest: Digest,
    /// The blob's length in bytes.
    pub size: u64,
    /// The platform of the image; only descriptors in an index have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<PlatformObject>,
    /// Annotations, such as `org.opencontainers.image.ref.name` (image-spec, annotations.md).
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// Creates a descriptor of `blob` without platform and annotations.
    pub fn new(media_type: &str, blob: Blob) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: blob.digest,
            size: blob.size,
            platform: None,
            annotations: BTreeMap::new(),
        }
    }

    /// Returns the blob that the descriptor points at.
    pub fn blob(&self) -> Blob {
        Blob { digest: self.digest, size: self.size }
    }
}

/// The `platform` object of an index, also part of a configuration (image-spec, image-index.md § `platform`).
///
/// This is the wire form: it holds what was written, names that crossdock does not know included, so that an image of
/// any origin can be listed and copied. Operating systems and architectures are spelled as Go spells them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlatformObject {
    /// The architecture, a GOARCH value: `amd64`, `arm64`; empty if absent, which engines accept.
    #[serde(default)]
    pub architecture: String,
    /// The operating system, a GOOS value: `linux`; empty if absent, which engines accept.
    #[serde(default)]
    pub os: String,
    /// The version of the operating system; for Windows its build, `10.0.20348.2227`.
    #[serde(rename = "os.version", default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Features that the operating system must have; for Windows `win32k`.
    #[serde(
        rename = "os.features",
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub os_features: Vec<String>,
    /// The variant of the architecture: `v7`, `v8`, `v2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl PlatformObject {
    /// Creates a platform without variant, version and features.
    pub fn new(os: &str, architecture: &str) -> Self {
        Self { architecture: architecture.to_owned(), os: os.to_owned(), ..Self::default() }
    }

    /// Returns whether neither a system nor an architecture is named.
    pub fn is_empty(&self) -> bool {
        self.os.is_empty() && self.architecture.is_empty()
    }

    /// Returns whether this is `unknown/unknown`, which BuildKit gives to attestation manifests so that no engine runs
    /// them (BuildKit, docs/attestations/attestation-storage.md).
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }
}

impl fmt::Display for PlatformObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.os)?;
        if let Some(version) = &self.os_version {
            write!(f, "({version})")?;
        }
        write!(f, "/{}", self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_displays_version_and_variant() {
        let platform =
            PlatformObject { os_version: Some("10.0.1".into()), ..PlatformObject::new("windows", "amd64") };
        assert_eq!(platform.to_string(), "windows(10.0.1)/amd64");
        let arm = PlatformObject { variant: Some("v7".into()), ..PlatformObject::new("linux", "arm") };
        assert_eq!(arm.to_string(), "linux/arm/v7");
    }
}
