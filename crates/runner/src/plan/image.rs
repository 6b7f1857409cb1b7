//! The images of a plan: their platforms, programs, configuration, and the files that are made of them.

use std::collections::BTreeMap;
use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_dockerfile::render::Health;
use crossdock_oci::{Digest, media_type};
use crossdock_platform::Platform;
use serde::Serialize;

use super::base::BasePlatform;
use super::cluster::{ClusterLoad, NodeLoad};
use super::step::Artifact;
use super::target::Target;
use crate::engine::commands::{EngineBase, EngineCall, EngineResult, TextFile};
use crossdock_project::Builder;
use crossdock_project::config::{Base, Port, Source, base_environment};
use crossdock_system::process::Command;

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ImagePlan {
    /// The name of the image.
    pub name: String,
    /// The source of the request for the image.
    pub source: Source,
    /// The program that the image is built from. Its layout remembers it, so that no other project's image is taken for this
    /// one.
    pub project: ProjectId,
    /// The OCI image layout that is written.
    pub layout: Utf8PathBuf,
    /// The platforms in the order of the index; empty if only release archives are made.
    pub platforms: Vec<PlatformPlan>,
    /// The document that the image's tags name.
    #[serde(skip_serializing_if = "ImageShape::is_index")]
    pub shape: ImageShape,
    /// Platforms that run no containers, built only for release archives.
    pub others: Vec<PlatformPlan>,
    /// The release archives, if they are made.
    pub release: Option<ReleasePlan>,
    /// The nodes for which the image is verified.
    pub targets: Vec<Target>,
    /// The base below the programs.
    pub base: Base,
    /// The digest of the base's index, or of its manifest if it has no index; `None` if it is built in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_digest: Option<Digest>,
    /// Sentences about settings of the base that those of the image replace.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<String>,
    /// Whether the base has time-zone data.
    pub timezones: bool,
    /// The container's configuration.
    pub container: Container,
    /// Files in addition to the programs.
    pub files: Vec<FilePlan>,
    /// OCI annotations of the index and its manifests.
    pub annotations: BTreeMap<String, String>,
    /// The image's date in seconds since the Unix epoch. Files in the image are dated 1970, so that an unchanged program
    /// keeps its layer from commit to commit.
    pub created: i64,
    /// The repository: `registry.example/team/name`, or only the image's name.
    pub repository: String,
    /// The tags.
    pub tags: Vec<String>,
    /// Tag templates without a value here.
    pub skipped_tags: Vec<SkippedTag>,
    /// The archive that is written, if one is.
    pub archive: Option<Utf8PathBuf>,
    /// The platform for engines that load only one platform of an archive.
    pub single: Platform,
    /// The engine into which the image is loaded, if it is.
    pub load: Option<Load>,
    /// The nodes of a cluster into which the image is loaded, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterLoad>,
    /// The build by a container engine; `None` if crossdock builds the image itself.
    pub engine: Option<EnginePlan>,
}

/// The document that an image's tags name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ImageShape {
    /// An index of the manifests of all platforms.
    #[default]
    Index,
    /// The manifest of the only platform, for services that take no index.
    Manifest,
}

impl ImageShape {
    /// Returns whether it is an index.
    pub fn is_index(&self) -> bool {
        *self == Self::Index
    }

    /// Returns the media type of the document.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Index => media_type::INDEX,
            Self::Manifest => media_type::MANIFEST,
        }
    }
}

/// The source of an image: one program of one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProjectId {
    /// The directory of the workspace or module. Absolute.
    pub directory: Utf8PathBuf,
    /// The Cargo package, or the Go import path, of the entry point.
    pub package: String,
    /// The entry point.
    pub program: String,
}

/// One platform of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlatformPlan {
    /// The platform.
    pub platform: Platform,
    /// The reason why it is built.
    pub reason: String,
    /// The programs; the first is the entry point.
    pub programs: Vec<ProgramPlan>,
    /// The image of the base for this platform; `None` if the base is built in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Box<BasePlatform>>,
}

/// A program of an image. All fields but `why`, and for Go older than 1.24 the version of `build_info`, are the same on every
/// machine, even on one that cannot build the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProgramPlan {
    /// The name of the program.
    pub name: String,
    /// Its absolute path in the image.
    pub path: String,
    /// The compiled program.
    pub artifact: Artifact,
    /// Properties that verification expects of the compiled program.
    pub expected: Expected,
    /// The version and the commit that a Go program reports; `None` for another program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_info: Option<BuildInfo>,
    /// The reason for this toolchain, triple and linker, or why this machine cannot build it.
    pub why: String,
}

/// Properties that verification expects of a compiled program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "language")]
#[non_exhaustive]
pub enum Expected {
    /// A Rust program.
    Rust {
        /// Whether it must need no loader.
        r#static: bool,
        /// The processor that it is compiled for, as rustc's `target-cpu`; `None` for the triple's baseline.
        cpu: Option<String>,
        /// The user's flags that enable instructions: features of rustc, and flags of C compilers if it has C code.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        compiler_flags: Vec<CompilerFlag>,
    },
    /// A Go program.
    Go {
        /// Settings that its build information must have, as `GOOS`, `GOARCH`, `GOAMD64`, `CGO_ENABLED`.
        settings: BTreeMap<String, String>,
        /// The version that it must report for its main module; `None` for any.
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// The user's flags that enable instructions of C code, with cgo: of variables and of `#cgo` lines.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        compiler_flags: Vec<CompilerFlag>,
    },
}

/// The source of a Go program, as the program reports it (`debug.ReadBuildInfo`, `go version -m`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BuildInfo {
    /// The version of the main module: that of a tag, such as `v1.4.4`, a pseudo-version, or `(devel)`.
    pub version: String,
    /// The commit that go stamps; `None` if it stamps none.
    pub commit: Option<StampedCommit>,
    /// The reason for this version.
    pub why: String,
}

/// The commit in a Go program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StampedCommit {
    /// The full commit id, `vcs.revision`.
    pub revision: String,
    /// The date of the commit as RFC 3339 in UTC, `vcs.time`.
    pub time: String,
    /// Whether files differ from the commit, `vcs.modified`.
    pub modified: bool,
}

/// A flag that decides which instructions a compiler uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CompilerFlag {
    /// The flag, such as `-march=x86-64-v3`, `-mavx2` or `-Ctarget-feature=+avx2`.
    pub flag: String,
    /// The variable or file that sets the flag, such as `CFLAGS`.
    pub place: String,
}

/// The runtime part of an OCI image configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Container {
    /// The program that starts, with its first arguments.
    pub entrypoint: Vec<String>,
    /// Default arguments of the entry point.
    pub cmd: Vec<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// The working directory.
    pub workdir: String,
    /// The user, as `UID:GID`.
    pub user: String,
    /// Exposed ports.
    pub expose: Vec<Port>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The signal that stops the container; `None` for the engine's default, SIGTERM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// The health check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// A file or directory that is copied into an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FilePlan {
    /// The entry of the configuration.
    pub source: Source,
    /// The path on the host.
    pub from: Utf8PathBuf,
    /// The path in the image.
    pub to: String,
    /// The permission bits, if configured.
    pub mode: Option<u32>,
}

/// A tag template without a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SkippedTag {
    /// The template.
    pub template: String,
    /// The reason why it has no value.
    pub why: String,
}

/// The release archives of an image's programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReleasePlan {
    /// The directory of the archives and their SHA256SUMS.
    pub folder: Utf8PathBuf,
    /// One archive for each platform.
    pub archives: Vec<ReleaseArchive>,
    /// README and licence files that go into each archive.
    pub documents: Vec<Utf8PathBuf>,
}

/// A release archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReleaseArchive {
    /// The platform.
    pub platform: Platform,
    /// The file name without `.tar.gz`, which is also the only directory in it: `crossdock-0.1.0-linux-arm64`.
    pub name: String,
}

/// A load of an image into an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Load {
    /// The engine.
    pub engine: LoadEngine,
    /// The platform that is loaded.
    pub platform: Platform,
    /// The command that loads the archive.
    pub command: Command,
}

/// A container engine into which images are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadEngine {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
}

/// The build of an image by a container engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EnginePlan {
    /// The builder.
    pub builder: Builder,
    /// The build context. Absolute.
    pub context: Utf8PathBuf,
    /// The directory of everything that is written for the engine and by it. Never a directory of the user's.
    pub folder: Utf8PathBuf,
    /// Files that are written before the build.
    pub files: Vec<TextFile>,
    /// A copy of the sources, for the classic builder, which reads only the `.dockerignore` at the root of the context.
    pub copied: Option<CopiedContext>,
    /// Base images, each as an archive that the engine loads.
    pub bases: Vec<EngineBase>,
    /// The commands, in the order in which they run.
    pub calls: Vec<EngineCall>,
    /// The archives that the engine writes.
    pub results: Vec<EngineResult>,
}

/// A copy of the sources that a build needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CopiedContext {
    /// The directory of the copy, made anew for each build.
    pub to: Utf8PathBuf,
    /// The patterns of the `.dockerignore` in their order. The last one that matches a path decides; `!` includes it.
    pub rules: Vec<String>,
}

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { directory, package, program } = self;
        write!(f, "`{program}` of the package `{package}` in {directory}")
    }
}

impl Container {
    /// Returns the environment variables that differ from those of a base image.
    pub fn env_besides(&self, base: &Base) -> impl Iterator<Item = (&String, &String)> {
        let of_base = base_environment(base);
        self.env.iter().filter(move |(name, value)| of_base.get(*name) != Some(*value))
    }
}

impl ImagePlan {
    /// Returns `repository:tag` for each tag.
    pub fn references(&self) -> impl Iterator<Item = String> {
        self.tags.iter().map(|tag| format!("{}:{tag}", self.repository))
    }

    /// Returns the files and directories that are made of the image: layout, archive, release archives, an engine's files.
    pub fn outputs(&self) -> impl Iterator<Item = &Utf8Path> {
        let release = self.release.as_ref().map(|release| &release.folder);
        let engine = self.engine.as_ref().map(|engine| &engine.folder);
        let paths = [Some(&self.layout), self.archive.as_ref(), release, engine];
        let paths = paths.into_iter().flatten().map(Utf8PathBuf::as_path);
        paths.chain(self.node_archives().into_values().map(|load| load.archive.as_path()))
    }

    /// Returns the archives for nodes of a cluster by their platforms, each with one of its nodes.
    pub fn node_archives(&self) -> BTreeMap<&Platform, &NodeLoad> {
        let nodes = self.cluster.iter().flat_map(|cluster| &cluster.nodes);
        nodes.map(|load| (&load.platform, load)).collect()
    }
}

impl LoadEngine {
    /// Returns the name of the engine's program.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}
