//! What to build and where it will run: `crossdock.toml`, the environment and the command line, resolved.
//!
//! # `crossdock.toml`
//!
#![doc = include_str!("config/keys.md")]
//!
//! The command line stands over the environment ([`Overrides`]), the environment over the file, the file over the
//! default; each value remembers its [`Source`].

/// The keys of `crossdock.toml`, as Markdown.
pub const KEYS_MARKDOWN: &str = include_str!("config/keys.md");

mod builder;
mod contradictions;
mod describe;
mod dockerfile_inputs;
pub mod grammar;
mod image;
mod load;
mod node;
mod overrides;
mod problem;
mod raw;
mod resolver;
mod sourced;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use crossdock_dockerfile::render::{self, Caching, Debian, Health};
use serde::{Deserialize, Serialize};

pub use builder::{Builder, UnknownBuilder};
pub use crossdock_platform::{Libc, Linkage};
pub use describe::describe;
pub use dockerfile_inputs::{DockerfileInputError, DockerfileInputs, LOCK_FILE};
pub use load::FILE_NAME;
pub use node::NodeDescription;
pub use overrides::parse_jobs;
pub use overrides::{Overrides, VARIABLES};
pub use problem::{ConfigError, Problem};
pub use sourced::{Source, Sourced};

use crate::language::Language;

/// A configuration that is complete and free of contradictions.
#[derive(Debug, Clone, Serialize)]
pub struct Config {
    /// The project's root: the directory of `crossdock.toml`, else of `Cargo.toml` or `go.mod`. Absolute.
    pub root: Utf8PathBuf,
    /// The configuration files read, the root's first, then the included ones. Empty without configuration.
    pub files: Vec<Utf8PathBuf>,
    /// Who builds, where the root's file says it.
    pub builder: Option<Sourced<Builder>>,
    /// Where images run, by name.
    pub deploys: BTreeMap<String, Deploy>,
    /// The images that the files declare, in their order. Empty means: one image per binary of the project.
    pub images: Vec<ImageConfig>,
    /// What the root's file says of every image, also of those that no file declares.
    pub defaults: Defaults,
    /// The directory of the user's own templates of Dockerfiles.
    pub templates: Option<Sourced<Utf8PathBuf>>,
}

/// Keys that stand above all images of a file.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Defaults {
    /// Toolchain routes beyond the project's own, in order of preference.
    pub toolchain: Vec<Sourced<Route>>,
    /// Tag templates.
    pub tags: Option<Sourced<Vec<String>>>,
    /// Environment variables that tag templates may read.
    pub tag_env: Vec<String>,
}

/// `[deploy.NAME]`: nodes that run images.
#[derive(Debug, Clone, Serialize)]
pub struct Deploy {
    /// Its name.
    pub name: String,
    /// Descriptions that `crossdock target` knows, as `m7g.large`, at least one.
    pub nodes: Vec<Sourced<NodeDescription>>,
}

/// `[image.NAME]`: one image. An `Option` that is `None` was not configured.
#[derive(Debug, Clone, Serialize)]
pub struct ImageConfig {
    /// Its name: a path component of the distribution specification's repository grammar.
    pub name: Sourced<String>,
    /// The project's directory. Absolute.
    pub path: Sourced<Utf8PathBuf>,
    /// The language, where a directory holds projects of both.
    pub language: Option<Sourced<Language>>,
    /// The Cargo package, by name, or the Go package, by import path or `./directory`.
    pub package: Option<Sourced<String>>,
    /// The binaries that go into the image; the first is the entry point.
    pub binaries: Option<Sourced<Vec<String>>>,
    /// Names of `[deploy.NAME]`.
    pub deploy: Vec<Sourced<String>>,
    /// What lies below the program.
    pub base: Sourced<Base>,
    /// Static or dynamic linking.
    pub linkage: Sourced<Linkage>,
    /// The C library.
    pub libc: Option<Sourced<Libc>>,
    /// Cargo features.
    pub features: Features,
    /// Where the features are named, if they are.
    pub features_at: Option<Source>,
    /// The cargo profile; `release` when not configured.
    pub profile: Sourced<String>,
    /// Go linker flags that follow crossdock's own.
    pub ldflags: Option<Sourced<String>>,
    /// Whether Go programs are built with cgo.
    pub cgo: Option<Sourced<bool>>,
    /// The container's environment.
    pub env: BTreeMap<String, String>,
    /// The entry point; by default the first binary.
    pub entrypoint: Option<Sourced<Vec<String>>>,
    /// Default arguments.
    pub cmd: Option<Sourced<Vec<String>>>,
    /// The working directory.
    pub workdir: Option<Sourced<String>>,
    /// `uid`, `uid:gid` or a name; by default the base's non-root user.
    pub user: Option<Sourced<String>>,
    /// Ports that the program listens on.
    pub expose: Vec<Sourced<Port>>,
    /// OCI image configuration labels.
    pub labels: BTreeMap<String, String>,
    /// OCI annotations of index and manifests, over those that crossdock finds out.
    pub annotations: BTreeMap<String, String>,
    /// Extra files.
    pub files: Vec<Sourced<ExtraFile>>,
    /// Whether the built-in base carries time-zone data.
    pub timezones: Sourced<bool>,
    /// Toolchain routes beyond the project's own, in order of preference.
    pub toolchain: Vec<Sourced<Route>>,
    /// The repository, as `registry.example/team/name`; without one, references carry the image's name alone.
    pub repository: Option<Sourced<String>>,
    /// Tag templates; crossdock's own choice when not configured.
    pub tags: Option<Sourced<Vec<String>>>,
    /// Environment variables that tag templates may read.
    pub tag_env: Vec<String>,
    /// The signal that stops the program; SIGTERM when not configured.
    pub stop_signal: Option<Sourced<String>>,
    /// The health check, which docker and podman heed and Kubernetes does not.
    pub health: Option<Sourced<Health>>,
    /// How its Dockerfile is rendered.
    pub dockerfile: DockerfileConfig,
}

/// What lies below the program in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// CA certificates, passwd and group with a numeric non-root user, /tmp.
    Static,
    /// Nothing.
    Scratch,
}

/// Cargo features, as `cargo build` takes them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Features {
    /// `--features`.
    pub names: Vec<String>,
    /// `--all-features`.
    pub all: bool,
    /// `--no-default-features`.
    pub no_default: bool,
}

/// A port and its protocol, as `2222` or `53/udp`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Port {
    /// 1 to 65535.
    pub number: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

/// `files = [{ from, to, mode }]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExtraFile {
    /// A file or directory. Absolute; below the project's directory.
    pub from: Utf8PathBuf,
    /// An absolute path in the image.
    pub to: String,
    /// Permission bits; by default 0644, 0755 for what is executable.
    pub mode: Option<u32>,
    /// What `from` is, symbolic links followed.
    pub kind: FileKind,
}

/// What an extra file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// One file, which lies at `to`.
    File,
    /// A directory, whose content lies below `to`.
    Directory,
}

/// A toolchain route that a project must name before it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// The system's own packages.
    Distribution,
    /// `cargo -Zbuild-std` with the standard library's source.
    BuildStd,
}

/// How an image's Dockerfile is rendered. What is not configured follows from the image.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DockerfileConfig {
    /// One file for all platforms, or one pinned to each.
    pub mode: Option<Sourced<DockerfileMode>>,
    /// What lies below the programs, beyond the bases that crossdock has built in.
    pub base: Option<Sourced<render::Base>>,
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
    /// Files and directories that the build reads beside the sources, as `.dockerignore` patterns.
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

impl ImageConfig {
    /// An image of which nothing is said but its name and its project's absolute directory.
    pub fn new(name: Sourced<String>, path: Sourced<Utf8PathBuf>, defaults: &Defaults) -> Self {
        Self {
            name,
            path,
            language: None,
            package: None,
            binaries: None,
            deploy: Vec::new(),
            base: Sourced::default_because(Base::Static, "certificates and a non-root user, built in"),
            linkage: Sourced::default_because(Linkage::Static, "the program then needs nothing of the image"),
            libc: None,
            features: Features::default(),
            features_at: None,
            profile: Sourced::default_because("release".to_owned(), "what is deployed is optimised"),
            ldflags: None,
            cgo: None,
            env: BTreeMap::new(),
            entrypoint: None,
            cmd: None,
            workdir: None,
            user: None,
            expose: Vec::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            files: Vec::new(),
            timezones: Sourced::default_because(false, "few programs need time-zone data"),
            toolchain: defaults.toolchain.clone(),
            repository: None,
            tags: defaults.tags.clone(),
            tag_env: defaults.tag_env.clone(),
            stop_signal: None,
            health: None,
            dockerfile: DockerfileConfig::default(),
        }
    }
}
