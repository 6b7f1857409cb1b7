//! The request: a typed description of the Dockerfile.

use std::collections::BTreeMap;

use crossdock_platform::Platform;
use serde::{Deserialize, Serialize};

use super::combination::{Base, Debian, Linking};
use super::error::RenderError;

/// A Dockerfile to be rendered. [`Request::new`] chooses the usual values.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The language of the programs, and how they are linked.
    pub linking: Linking,
    /// The version of the compiler, as in the tag of its image: `1.26`, `1.95.0`.
    pub toolchain: String,
    /// The programs of the image. The first one is the default entry point.
    pub programs: Vec<Program>,
    /// How the programs are compiled.
    pub build: Build,
    /// The platforms, and whether one file serves all of them.
    pub mode: Mode,
    /// The builder that will read the file.
    pub engine: Engine,
    /// The base image.
    pub base: Base,
    /// The reference of another base image, such as `alpine:3.22@sha256:…`, of which nothing else is known; `base` is then
    /// [`Base::Scratch`].
    pub base_reference: Option<String>,
    /// The Debian release of the builder, and of a base made from Debian.
    pub debian: Debian,
    /// The Debian release of the builder, if it differs. It must not be newer for programs that are linked to glibc.
    pub builder_debian: Option<Debian>,
    /// The version of Alpine, for an Alpine base.
    pub alpine: String,
    /// How dependencies are kept from build to build.
    pub caching: Caching,
    /// How private dependencies are fetched.
    pub private: Vec<Private>,
    /// Files of the project that are copied into the image.
    pub files: Vec<File>,
    /// The container's configuration.
    pub container: Container,
    /// The image of the Dockerfile frontend, such as `docker/dockerfile:1`. `None` uses the engine's built-in one,
    /// which needs no network.
    pub syntax: Option<String>,
    /// Digests of base images by name and tag, from a lock file.
    pub digests: BTreeMap<String, String>,
    /// The directories and files that hold sources, from the project's root: `cmd`, `internal`, `*.go`, `crates`. If
    /// empty, `.dockerignore` includes sources by extension, a pattern that only BuildKit applies inside excluded
    /// directories: buildah and the classic builder would leave the sources out.
    pub sources: Vec<String>,
    /// The Go modules that the build reads.
    pub modules: Modules,
    /// Files that the build reads besides sources and manifests, such as embedded assets, as `.dockerignore` patterns.
    pub context: Vec<String>,
    /// The user's own templates by name. `Dockerfile` and `dockerignore` replace the built-in ones, which they may
    /// extend.
    pub templates: BTreeMap<String, String>,
}

/// A program of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Program {
    /// Its file name in `/usr/local/bin`.
    pub name: String,
    /// Go: the main package, such as `./cmd/server`. Rust: the package that has a binary of that name.
    pub package: String,
}

/// The Go modules of a project, as directories relative to the project's root; an empty text is the root itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Modules {
    /// The directory in which `go` runs.
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
    /// Permission bits; `None` keeps those of the project.
    pub mode: Option<u32>,
}

/// How the programs are compiled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Build {
    /// Cargo features, or Go build tags.
    pub features: Vec<String>,
    /// Whether all cargo features are enabled.
    pub all_features: bool,
    /// Whether cargo's default features are disabled.
    pub no_default_features: bool,
    /// The cargo profile; `None` is `release`.
    pub profile: Option<String>,
    /// Flags for Go's linker besides those that make builds reproducible.
    pub ldflags: Vec<String>,
    /// Whether a Rust program has C code that a C compiler must build.
    pub c_code: bool,
    /// Whether jemalloc must support the page sizes of every node, which the project does not set itself.
    pub jemalloc_pages: bool,
    /// Variables with flags for compilers and build scripts, such as `CFLAGS` and `GOFLAGS`.
    pub variables: BTreeMap<String, String>,
    /// Flags for rustc, for each platform that has some. Cargo then reads no others
    /// (The Cargo Book, "Configuration", `build.rustflags`).
    pub rustflags: BTreeMap<Platform, Vec<String>>,
    /// Packages of the builder's distribution that C code needs.
    pub packages: Vec<String>,
    /// Packages of the base's distribution that the program needs at run time.
    pub runtime_packages: Vec<String>,
}

/// The platforms of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// One file for all platforms: the builder runs on the build machine's platform and cross-compiles for the
    /// requested one.
    Cross(Vec<Platform>),
    /// One platform, written into the file. It must also be passed to the engine.
    Fixed(Platform),
}

/// The builder that reads the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// BuildKit, or buildah, which has the same features.
    BuildKit,
    /// Docker's classic builder on a machine of this platform: no cache mounts, no secrets, no `BUILDPLATFORM`.
    Classic(Platform),
}

/// How dependencies are kept from build to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Caching {
    /// In cache mounts, for a builder that persists.
    Mounts,
    /// In a layer, which a registry cache carries between ephemeral builders.
    Layer,
}

/// How private dependencies are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Private {
    /// From these hosts over HTTPS, with a `.netrc` file as the secret `netrc`.
    Netrc(Vec<String>),
    /// From these hosts over SSH, with the agent of the person who builds and the secret `known_hosts`.
    Ssh(Vec<String>),
    /// From a cargo registry of this name, with its token as the secret `cargo-registry-NAME`.
    CargoRegistry(String),
}

/// The container's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Container {
    /// The entry point with its arguments; `None` is the first program.
    pub entrypoint: Option<Vec<String>>,
    /// Default arguments, which `docker run` replaces.
    pub cmd: Vec<String>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// The working directory; `None` is the base's.
    pub workdir: Option<String>,
    /// The numeric user and group. Kubernetes can check `runAsNonRoot` for numbers only; 0 is refused.
    pub user: (u32, u32),
    /// Ports, such as `2222` or `53/udp`.
    pub expose: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The health check.
    pub health: Option<Health>,
    /// The signal that stops the program; `None` is SIGTERM.
    pub stop_signal: Option<String>,
    /// Whether the image has time-zone data.
    pub timezones: bool,
}

/// A health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Health {
    /// The command, run without a shell.
    pub command: Vec<String>,
    /// Seconds between two checks.
    pub interval: u32,
    /// Seconds that one check may take.
    pub timeout: u32,
    /// Seconds after the start in which failures do not count.
    pub start_period: u32,
    /// Consecutive failures that make the container unhealthy.
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
    /// Creates the usual request: BuildKit, cache mounts, Debian 13, and the smallest base on which the program starts.
    pub fn new(linking: Linking, toolchain: impl Into<String>, programs: Vec<Program>, mode: Mode) -> Self {
        Self {
            linking,
            toolchain: toolchain.into(),
            programs,
            build: Build::default(),
            mode,
            engine: Engine::BuildKit,
            base: super::combination::nearest_base(linking),
            base_reference: None,
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

    /// Returns the first program, the default entry point.
    pub(super) fn main_program(&self) -> Result<&Program, RenderError> {
        self.programs.first().ok_or(RenderError::NoProgram)
    }

    /// Returns the platforms, normalized and without duplicates.
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
