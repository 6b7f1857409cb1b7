//! `[image.NAME.dockerfile]`: how an image's Dockerfile is rendered.

use crossdock_dockerfile::render::{Base, Caching, Debian};
use serde::{Deserialize, Serialize};

use super::Sourced;

/// How an image's Dockerfile is rendered. What is not configured follows from the image.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DockerfileConfig {
    /// One file for all platforms, or one pinned to each.
    pub mode: Option<Sourced<DockerfileMode>>,
    /// What lies below the programs, beyond the bases that crossdock has built in.
    pub base: Option<Sourced<Base>>,
    /// The release of Debian of the builder and of bases made from it.
    pub debian: Option<Sourced<Debian>>,
    /// The version of Alpine.
    pub alpine: Option<Sourced<String>>,
    /// The version of the compiler's image, as its tag has it.
    pub toolchain: Option<Sourced<String>>,
    /// How dependencies are kept from build to build.
    pub caching: Option<Sourced<Caching>>,
    /// Packages that the builder installs for C code.
    pub packages: Vec<String>,
    /// Packages that the base installs for the program.
    pub runtime_packages: Vec<String>,
    /// Files and folders that the build reads beside the sources, as `.dockerignore` patterns.
    pub context: Vec<String>,
    /// How private dependencies are fetched.
    pub private: PrivateConfig,
    /// The image of the Dockerfile frontend.
    pub syntax: Option<Sourced<String>>,
}

/// Where private dependencies come from.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PrivateConfig {
    /// Hosts that are asked over https, with a `.netrc` as a secret.
    pub netrc: Vec<String>,
    /// Hosts that are asked over ssh, with the agent of whoever builds.
    pub ssh: Vec<String>,
    /// Cargo registries, each with its token as a secret.
    pub registries: Vec<String>,
}

/// For which platforms a Dockerfile is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DockerfileMode {
    /// All of the image: compiled on the build machine's own platform.
    Cross,
    /// One, written into the file.
    Fixed,
}
