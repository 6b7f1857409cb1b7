//! What is asked of the renderer.

use std::collections::BTreeMap;

use crossdock_platform::Platform;
use serde::{Deserialize, Serialize};

use super::combination::{Base, Debian, Linking};

/// A Dockerfile to be rendered. [`Request::new`] chooses the usual values.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The language, and how its programs are linked.
    pub linking: Linking,
    /// The version of the compiler, as its image's tag has it: `1.26`, `1.95.0`.
    pub toolchain: String,
    /// The programs of the image; the first one starts.
    pub programs: Vec<Program>,
    /// How the programs are compiled.
    pub build: Build,
    /// For which platforms, and whether the file serves them all.
    pub mode: Mode,
    /// Which builder will read the file.
    pub engine: Engine,
    /// What lies below the programs.
    pub base: Base,
    /// The release of Debian of the builder, and of a base that is Debian's.
    pub debian: Debian,
    /// Another release for the builder alone. Programs that are linked to glibc need one that is not newer.
    pub builder_debian: Option<Debian>,
    /// The version of Alpine, where it is used.
    pub alpine: String,
    /// How dependencies are kept from build to build.
    pub caching: Caching,
    /// How private dependencies are fetched.
    pub private: Vec<Private>,
    /// Files of the project that lie in the image beside the programs.
    pub files: Vec<File>,
    /// The container's configuration.
    pub container: Container,
    /// The image of the Dockerfile frontend, `docker/dockerfile:1`; none leaves it to the engine, also without network.
    pub syntax: Option<String>,
    /// Digests of base images by name and tag, from a lock file.
    pub digests: BTreeMap<String, String>,
    /// The folders and files of the project that hold sources, from its root: `cmd`, `internal`, `*.go`, `crates`.
    /// Without them `.dockerignore` lets sources in by their extension, which only BuildKit follows into folders:
    /// buildah and the classic builder would leave them out.
    pub sources: Vec<String>,
    /// Go: where the modules lie that the build reads.
    pub modules: Modules,
    /// Files that the build reads beside sources and manifests (embedded assets), as `.dockerignore` patterns.
    pub context: Vec<String>,
    /// The user's own templates by name: `Dockerfile` and `dockerignore` replace ours and may extend them.
    pub templates: BTreeMap<String, String>,
}

/// A program of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Program {
    /// Its file name in `/usr/local/bin`.
    pub name: String,
    /// Go: the main package, `./cmd/server`. Rust: the package that has a binary of that name.
    pub package: String,
}

/// Where Go's modules lie, as folders below the project's root; an empty text is the root itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Modules {
    /// The directory that Go is started in.
    pub directory: String,
    /// Directories with a `go.mod`; empty means only `directory`.
    pub directories: Vec<String>,
    /// The directory with the `go.work`.
    pub workspace: Option<String>,
    /// Whether `directory` has a `vendor` directory, which holds everything that would be downloaded.
    pub vendored: bool,
}

/// A file or directory of the project that is copied into the image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct File {
    /// Its path below the project's root.
    pub from: String,
    /// Its absolute path in the image.
    pub to: String,
    /// Permission bits; none keeps those that it has in the project.
    pub mode: Option<u32>,
}

/// How the programs are compiled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Build {
    /// Cargo features, or Go build tags.
    pub features: Vec<String>,
    /// Whether all of cargo's features are on.
    pub all_features: bool,
    /// Whether cargo's default features are off.
    pub no_default_features: bool,
    /// The cargo profile; none is `release`.
    pub profile: Option<String>,
    /// Flags for Go's linker beside those that make builds reproducible.
    pub ldflags: Vec<String>,
    /// Whether the program has C code that a C compiler must build, cgo apart.
    pub c_code: bool,
    /// Packages of the builder's distribution that C code needs.
    pub packages: Vec<String>,
    /// Packages of the base's distribution that the program needs when it runs.
    pub runtime_packages: Vec<String>,
}

/// For which platforms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// One file for all: compiled on the build machine's own platform for whichever the engine is asked for.
    Cross(Vec<Platform>),
    /// One platform, written into the file and to be passed to the engine.
    Fixed(Platform),
}

/// Which builder reads the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// BuildKit, or buildah, which knows the same.
    BuildKit,
    /// Docker's classic builder on a machine of a platform: no cache mounts, no secrets, no `BUILDPLATFORM`.
    Classic(Platform),
}

/// How dependencies are kept from build to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Caching {
    /// In cache mounts of a builder that lives on.
    Mounts,
    /// In a layer, which a registry cache carries to builders that are thrown away.
    Layer,
}

/// How private dependencies are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Private {
    /// From these hosts over https, with a `.netrc` file as the secret `netrc`.
    Netrc(Vec<String>),
    /// From these hosts over ssh, with the agent of whoever builds and the secret `known_hosts`.
    Ssh(Vec<String>),
    /// From a cargo registry of this name, with its token as the secret `cargo-registry-NAME`.
    CargoRegistry(String),
}

/// The container's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Container {
    /// What starts, with its arguments; none is the first program alone.
    pub entrypoint: Option<Vec<String>>,
    /// Default arguments, which whoever starts the container replaces.
    pub cmd: Vec<String>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// The working directory; none is the base's.
    pub workdir: Option<String>,
    /// The user and group as numbers, which Kubernetes' `runAsNonRoot` can check. Not root.
    pub user: (u32, u32),
    /// Ports with their protocol, `2222` or `53/udp`.
    pub expose: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The health check.
    pub health: Option<Health>,
    /// The signal that stops the program; none is SIGTERM.
    pub stop_signal: Option<String>,
    /// Whether the image has time-zone data.
    pub timezones: bool,
}

/// A health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Health {
    /// What is started, without a shell.
    pub command: Vec<String>,
    /// Seconds between two.
    pub interval: u32,
    /// Seconds that one may take.
    pub timeout: u32,
    /// Seconds in which failures do not count.
    pub start_period: u32,
    /// Failures in a row that make the container unhealthy.
    pub retries: u32,
}

impl Program {
    /// Creates a program of that name from a package.
    pub fn new(name: impl Into<String>, package: impl Into<String>) -> Self {
        Self { name: name.into(), package: package.into() }
    }
}

impl File {
    /// Creates a copy that keeps the permission bits that the file has in the project.
    pub fn new(from: impl Into<String>, to: impl Into<String>) -> Self {
        Self { from: from.into(), to: to.into(), mode: None }
    }

    /// Sets the permission bits; `None` keeps those of the project.
    #[must_use]
    pub fn with_mode(self, mode: Option<u32>) -> Self {
        Self { mode, ..self }
    }
}

impl Health {
    /// Creates a health check with Docker's own intervals: every 30 seconds, of which it may take all, without a start
    /// period, unhealthy after 3 failures (Dockerfile reference, HEALTHCHECK).
    pub fn new(command: Vec<String>) -> Self {
        Self { command, interval: 30, timeout: 30, start_period: 0, retries: 3 }
    }
}

impl Default for Container {
    fn default() -> Self {
        Self {
            entrypoint: None,
            cmd: Vec::new(),
            env: BTreeMap::new(),
            workdir: None,
            user: (65532, 65532),
            expose: Vec::new(),
            labels: BTreeMap::new(),
            health: None,
            stop_signal: None,
            timezones: false,
        }
    }
}

impl Request {
    /// The usual Dockerfile of a program: BuildKit, cache mounts, Debian 13, a base in which it starts.
    pub fn new(linking: Linking, toolchain: impl Into<String>, programs: Vec<Program>, mode: Mode) -> Self {
        Self {
            linking,
            toolchain: toolchain.into(),
            programs,
            build: Build::default(),
            mode,
            engine: Engine::BuildKit,
            base: super::combination::nearest_base(linking),
            debian: Debian::Trixie,
            builder_debian: None,
            alpine: "3.23".to_owned(),
            caching: Caching::Mounts,
            private: Vec::new(),
            files: Vec::new(),
            container: Container::default(),
            syntax: None,
            digests: BTreeMap::new(),
            sources: Vec::new(),
            modules: Modules::default(),
            context: Vec::new(),
            templates: BTreeMap::new(),
        }
    }

    /// The platforms, normalized and each once.
    pub(super) fn platforms(&self) -> Vec<Platform> {
        let mut platforms: Vec<Platform> = match &self.mode {
            Mode::Cross(platforms) => platforms.iter().map(Platform::normalized).collect(),
            Mode::Fixed(platform) => vec![platform.normalized()],
        };
        let mut seen = Vec::new();
        platforms.retain(|platform| {
            !seen.contains(platform) && {
                seen.push(platform.clone());
                true
            }
        });
        platforms
    }
}
