//! Base images in plans.

use crossdock_oci::{Descriptor, Digest, ImageConfig};
use crossdock_platform::Platform;
use crossdock_project::config::BaseImage;
use serde::{Serialize, Serializer};

/// A base image as found in its registry or layout: an input of the planner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedBase {
    /// The base as configured.
    pub base: BaseImage,
    /// The digest of its index, or of its manifest if it has no index.
    pub digest: Digest,
    /// All platforms that it has.
    pub offers: Vec<Platform>,
    /// The images for those platforms that the project builds for.
    pub platforms: Vec<BasePlatform>,
}

/// The image of a base for one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BasePlatform {
    /// The platform as the base names it.
    pub platform: Platform,
    /// The digest of the manifest.
    pub manifest: Digest,
    /// The layers, lowest first.
    pub layers: Vec<BaseLayer>,
    /// The configuration.
    pub config: ImageConfig,
}

/// A layer of a base image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaseLayer {
    /// The descriptor of the blob, with the OCI media type of a layer.
    pub descriptor: Descriptor,
    /// The digest of the uncompressed tar.
    pub diff_id: Digest,
}

/// The fetching of the layers of a base image that the cache lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BaseFetch {
    /// The base image.
    #[serde(serialize_with = "as_text")]
    pub base: BaseImage,
    /// The digest of its index, or of its manifest if it has no index.
    pub digest: Digest,
    /// The layers, each once.
    pub layers: Vec<Descriptor>,
}

fn as_text<S: Serializer>(base: &BaseImage, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(base)
}

impl BasePlatform {
    /// Returns the environment variables, in order. One without `=` is left out, as engines do.
    pub fn env(&self) -> impl Iterator<Item = (&str, &str)> {
        self.config.config.env.iter().filter_map(|variable| variable.split_once('='))
    }
}
