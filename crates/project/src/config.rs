//! The configuration: `crossdock.toml`, the environment and the command line, resolved.
//!
//! # `crossdock.toml`
//!
#![doc = include_str!("config/keys.md")]
//!
//! The command line takes precedence over the environment ([`Overrides`]), the environment over the file, and the file
//! over the default. Each value remembers its [`Source`], so that a message can point at it.

/// The keys of `crossdock.toml`, as Markdown.
pub const KEYS_MARKDOWN: &str = include_str!("config/keys.md");

mod base;
mod builder;
mod buildvcs;
mod contradictions;
mod describe;
mod dockerfile_inputs;
mod document;
mod env;
pub mod grammar;
mod image;
mod load;
mod lock;
mod node;
mod overrides;
mod problem;
mod raw;
mod rendered;
mod resolver;
mod sourced;
mod substitution;
mod templated;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use crossdock_dockerfile::render::{self, Caching, Debian, Health};
use serde::{Deserialize, Serialize};

pub use base::{Base, BaseImage};
pub use builder::{Builder, UnknownBuilder};
pub use buildvcs::BuildVcs;
pub use crossdock_platform::{Libc, Linkage};
pub use describe::describe;
pub use dockerfile_inputs::{DockerfileInputError, DockerfileInputs};
pub use env::base_environment;
pub use load::FILE_NAME;
pub use lock::{BaseLock, LOCK_FILE, LockFileError};
pub use node::NodeDescription;
pub use overrides::parse_jobs;
pub use overrides::{Overrides, VARIABLES};
pub use problem::{ConfigError, Problem, ValueProblem};
pub use rendered::RenderedConfig;
pub use sourced::{Source, Sourced};

use crate::git::VersionTag;
use crate::language::Language;

/// A complete configuration without contradictions.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Config {
    /// The root of the project: the directory of `crossdock.toml`, else of `Cargo.toml` or `go.mod`. Absolute.
    pub root: Utf8PathBuf,
    /// The configuration files that were read: the root's first, then the included ones. Empty without configuration.
    pub files: Vec<Utf8PathBuf>,
    /// The builder; `None` if the root's file does not name one.
    pub builder: Option<Sourced<Builder>>,
    /// The deploy targets, by name.
    pub deploys: BTreeMap<String, Deploy>,
    /// The declared images, in the order of the files. If empty, each program of the project becomes an image.
    pub images: Vec<ImageConfig>,
    /// The values of the root's file that apply to every image, undeclared ones included.
    pub defaults: Defaults,
    /// The directory of the user's own Dockerfile templates. Absolute.
    pub templates: Option<Sourced<Utf8PathBuf>>,
}

/// Keys at the top of a file, which apply to each of its images that does not set them.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Defaults {
    /// Toolchain routes besides the project's own toolchain, in order of preference.
    pub toolchain: Vec<Sourced<Route>>,
    /// Tag templates.
    pub tags: Option<Sourced<Vec<String>>>,
    /// Environment variables that tag templates may read.
    pub tag_env: Vec<String>,
    /// The git tags that give the version.
    pub version_tag: Option<Sourced<VersionTag>>,
}

/// A deploy target, `[deploy.NAME]`: the nodes that run images.
#[derive(Debug, Clone, Serialize)]
pub struct Deploy {
    /// The name.
    pub name: String,
    /// The nodes; at least one. If several files declare the target, they are at their place in the first of them.
    pub nodes: Vec<Sourced<NodeDescription>>,
    /// The same nodes at their place in each further file that declares the target.
    #[serde(skip)]
    pub repeated: Vec<Vec<Sourced<NodeDescription>>>,
}

impl Deploy {
    /// Returns the nodes as the file of an image that names the target declares them; as the first file does if the name
    /// is from elsewhere, such as `--for deploy:NAME`.
    pub fn nodes_for(&self, name: &Source) -> &[Sourced<NodeDescription>] {
        let in_same_file = |node: &Sourced<NodeDescription>| match (&node.source, name) {
            (Source::File { path: one, .. }, Source::File { path: other, .. }) => one == other,
            _ => false,
        };
        let repeated = self.repeated.iter().find(|nodes| nodes.first().is_some_and(in_same_file));
        repeated.unwrap_or(&self.nodes)
    }
}

/// An image, `[image.NAME]`. An `Option` is `None` if its key is not set.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ImageConfig {
    /// The name: one path component of a repository (distribution-spec, `<name>`).
    pub name: Sourced<String>,
    /// The directory of the project. Absolute.
    pub path: Sourced<Utf8PathBuf>,
    /// The language, for a directory with projects of both.
    pub language: Option<Sourced<Language>>,
    /// The Cargo package, by name, or the Go package, by import path or as `./directory`.
    pub package: Option<Sourced<String>>,
    /// The programs of the image; the first one is the entry point.
    pub binaries: Option<Sourced<Vec<String>>>,
    /// The names of its deploy targets.
    pub deploy: Vec<Sourced<String>>,
    /// The base image.
    pub base: Sourced<Base>,
    /// Whether the programs are linked statically or dynamically.
    pub linkage: Sourced<Linkage>,
    /// The C library. `None` leaves the choice to the toolchain.
    pub libc: Option<Sourced<Libc>>,
    /// The Cargo features.
    pub features: Features,
    /// The place of the key `features`; `None` if unspecified.
    pub features_at: Option<Source>,
    /// The cargo profile, `release` by default.
    pub profile: Sourced<String>,
    /// Linker flags of Go. They follow those that crossdock passes itself.
    pub ldflags: Option<Sourced<String>>,
    /// Whether Go programs are built with cgo. `None` is an error for a program that loses a part of itself without.
    pub cgo: Option<Sourced<bool>>,
    /// Whether go stamps the programs with their commit and version. `None` is `"auto"`.
    pub buildvcs: Option<Sourced<BuildVcs>>,
    /// The environment of the container.
    pub env: BTreeMap<String, String>,
    /// The entry point; by default the first program.
    pub entrypoint: Option<Sourced<Vec<String>>>,
    /// The default arguments.
    pub cmd: Option<Sourced<Vec<String>>>,
    /// The working directory, an absolute path in the image.
    pub workdir: Option<Sourced<String>>,
    /// The user as `uid`, `uid:gid` or a name; by default the non-root user of the base.
    pub user: Option<Sourced<String>>,
    /// The ports that the program listens on.
    pub expose: Vec<Sourced<Port>>,
    /// The labels of the image configuration (OCI image-spec, config).
    pub labels: BTreeMap<String, String>,
    /// OCI annotations of the index and the manifests. They replace those that crossdock derives from the project.
    pub annotations: BTreeMap<String, String>,
    /// Extra files.
    pub files: Vec<Sourced<ExtraFile>>,
    /// Whether the built-in base contains time-zone data.
    pub timezones: Sourced<bool>,
    /// Toolchain routes besides the project's own toolchain, in order of preference.
    pub toolchain: Vec<Sourced<Route>>,
    /// The repository, such as `registry.example/team/name`. Without one, references have only the image's name.
    pub repository: Option<Sourced<String>>,
    /// Tag templates. `None` leaves the choice to crossdock: the version, if there is one, and `latest`.
    pub tags: Option<Sourced<Vec<String>>>,
    /// Environment variables that tag templates may read.
    pub tag_env: Vec<String>,
    /// The git tags that give the version. `None` leaves the choice to the project: the manifest of a Cargo package, for
    /// a Go module the tags of its directory.
    pub version_tag: Option<Sourced<VersionTag>>,
    /// The signal that stops the program; SIGTERM by default.
    pub stop_signal: Option<Sourced<String>>,
    /// The health check. Docker and Podman run it, Kubernetes ignores it.
    pub health: Option<Sourced<Health>>,
    /// The settings of its Dockerfile.
    pub dockerfile: DockerfileConfig,
    /// The place of each value that may be a template, by its key: `ldflags`, `labels.team`, `cmd[1]`.
    #[serde(skip)]
    pub places: BTreeMap<String, Source>,
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

/// A port with its protocol, such as `2222` or `53/udp`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Port {
    /// The number, 1 to 65535.
    pub number: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

/// An entry of `files = [{ from, to, mode }]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExtraFile {
    /// The file or directory to copy. Absolute, and below the project's directory.
    pub from: Utf8PathBuf,
    /// The path in the image. Absolute.
    pub to: String,
    /// The permission bits; `None` is 0644, or 0755 for an executable file.
    pub mode: Option<u32>,
    /// The kind of `from`, with symbolic links followed.
    pub kind: FileKind,
    /// The paths as written, if one of them is a template whose value is not known yet.
    #[serde(skip)]
    pub template: Option<FileTemplate>,
}

/// The paths of an extra file as written, of which at least one is a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileTemplate {
    /// The directory that `from` is relative to. Absolute.
    pub directory: Utf8PathBuf,
    /// The file or directory to copy.
    pub from: String,
    /// The path in the image.
    pub to: String,
}

/// The kind of an extra file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A file; it is copied to `to`.
    File,
    /// A directory; its entries are copied to below `to`. The schema `crossdock.config/1` calls it a folder.
    #[serde(rename = "folder")]
    Directory,
    /// Not known before the templates of its paths have values.
    Unknown,
}

/// A toolchain route that is used only if the project names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// The packages of the host's distribution.
    Distribution,
    /// `cargo -Zbuild-std` with the source of the standard library.
    BuildStd,
}

/// The settings of an image's Dockerfile. An unset one follows from the image.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DockerfileConfig {
    /// Whether there is one file for all platforms or one for each.
    pub mode: Option<Sourced<DockerfileMode>>,
    /// The base image; it may be one that crossdock does not build in.
    pub base: Option<Sourced<render::Base>>,
    /// The Debian release of the builder and of bases made from it.
    pub debian: Option<Sourced<Debian>>,
    /// The Alpine version.
    pub alpine: Option<Sourced<String>>,
    /// The version of the compiler's image, as in its tag.
    pub toolchain: Option<Sourced<String>>,
    /// How dependencies are cached between builds.
    pub caching: Option<Sourced<Caching>>,
    /// Packages that the builder stage installs for C code.
    pub packages: Vec<String>,
    /// Packages that the base installs for the program at run time.
    pub runtime_packages: Vec<String>,
    /// Files and directories that the build reads besides the sources, as `.dockerignore` patterns.
    pub context: Vec<String>,
    /// Access to private dependencies.
    pub private: PrivateConfig,
    /// The image of the Dockerfile frontend, for the `syntax` directive.
    pub syntax: Option<Sourced<String>>,
}

/// The places of private dependencies.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PrivateConfig {
    /// Hosts reached over HTTPS, with a `.netrc` file as a build secret.
    pub netrc: Vec<String>,
    /// Hosts reached over SSH, with the SSH agent of the builder.
    pub ssh: Vec<String>,
    /// Cargo registries, each with its token as a build secret.
    pub registries: Vec<String>,
}

/// The platforms that one Dockerfile is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DockerfileMode {
    /// All platforms of the image; programs are cross-compiled on the build machine's platform.
    Cross,
    /// One platform, which is written into the file.
    Fixed,
}

impl ImageConfig {
    /// Creates an image with only a name and the absolute directory of its project.
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
            profile: Sourced::default_because("release".to_owned(), "deployed programs are optimised"),
            ldflags: None,
            cgo: None,
            buildvcs: None,
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
            version_tag: defaults.version_tag.clone(),
            stop_signal: None,
            health: None,
            dockerfile: DockerfileConfig::default(),
            places: BTreeMap::new(),
        }
    }
}
