//! The plan is data: everything that will happen, as one comparable value. `crossdock plan` prints it, `dist` executes
//! exactly it, and nothing else decides anything.

mod bases;
mod cargo;
mod engine;
mod engine_calls;
mod error;
mod go;
mod image;
mod make;
mod make_engine;
mod make_go;
mod make_rust;
mod places;
mod platforms;
pub mod recipe;
mod request;
mod select;
mod step;
mod steps;
mod target;
#[cfg(test)]
mod testing;
mod user_flags;

use std::collections::BTreeMap;
use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_dockerfile::render::Health;
use crossdock_platform::Platform;
use serde::Serialize;

use crossdock_project::config::{Base, Port, Source};
use crossdock_system::availability::Unavailable;
use crossdock_system::process::Command;
use crossdock_toolchain::doctor::Requirement;

pub use bases::EngineBase;
pub use cargo::slug;
pub use crossdock_verify::Node;
pub use engine::{CopiedContext, EngineCall, EnginePlan, EngineResult, Purpose, TextFile};
pub use error::PlanError;
pub use image::rfc3339;
pub use make::plan;
pub use platforms::named_targets;
pub use request::{Archive, EngineRequest, Goal, Pack, Projects, Request};
pub use select::programs;
pub use step::{Action, CargoBuild, CargoProgram, GoBuild, Step, StepId};
pub use target::Target;

/// The version of the JSON form of a [`Plan`].
pub const SCHEMA: &str = "crossdock.plan/1";

/// Everything that will happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The version of crossdock that made the plan.
    pub crossdock: &'static str,
    /// The project's root.
    pub root: Utf8PathBuf,
    /// The machine that builds.
    pub host: Platform,
    /// What results.
    pub images: Vec<ImagePlan>,
    /// What runs, in an order that respects every `after`.
    pub steps: Vec<Step>,
    /// Tools of the host that the steps use, and which image and platform needs each.
    pub uses: Vec<(String, Requirement)>,
    /// What the steps need and the host has not. A plan with anything missing is not executed.
    pub missing: Vec<Missing>,
    /// What deserves attention; nothing here stops the plan.
    pub warnings: Vec<String>,
    /// What was assumed and what is worth knowing.
    pub notes: Vec<String>,
}

/// One image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImagePlan {
    /// Its name.
    pub name: String,
    /// Who asked for it.
    pub source: Source,
    /// Its OCI image layout.
    pub layout: Utf8PathBuf,
    /// Its platforms, in the index's order; empty when only release archives are made.
    pub platforms: Vec<PlatformPlan>,
    /// Platforms that run no containers, built for release archives alone.
    pub others: Vec<PlatformPlan>,
    /// The release archives, if they are made.
    pub release: Option<ReleasePlan>,
    /// Which nodes it is judged against.
    pub targets: Vec<Target>,
    /// What lies below the program.
    pub base: Base,
    /// Whether the base carries time-zone data.
    pub timezones: bool,
    /// The container's configuration.
    pub container: Container,
    /// Files beside the programs.
    pub files: Vec<FilePlan>,
    /// OCI annotations of the index and its manifests.
    pub annotations: BTreeMap<String, String>,
    /// The image's date, seconds since the Unix epoch. Files in it are dated 1970, so that an unchanged program keeps
    /// its layer from commit to commit.
    pub created: i64,
    /// Its repository, as `registry.example/team/name`, or its name alone.
    pub repository: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Tags that have no value here.
    pub skipped_tags: Vec<SkippedTag>,
    /// The archive that is written, if one is.
    pub archive: Option<Utf8PathBuf>,
    /// The platform that an engine sees which takes only one from an archive.
    pub single: Platform,
    /// The engine that gets the image, if one does.
    pub load: Option<Load>,
    /// How an engine builds it; none where crossdock does it itself.
    pub engine: Option<EnginePlan>,
}

/// One platform of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlatformPlan {
    /// The platform.
    pub platform: Platform,
    /// Why it is built.
    pub reason: String,
    /// The programs; the first is the entry point.
    pub programs: Vec<ProgramPlan>,
}

/// The release archives of an image's programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleasePlan {
    /// The folder that they and SHA256SUMS are written to.
    pub folder: Utf8PathBuf,
    /// One archive for each platform.
    pub archives: Vec<ReleaseArchive>,
    /// README and licence files that go into each.
    pub documents: Vec<Utf8PathBuf>,
}

/// One release archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleaseArchive {
    /// The platform.
    pub platform: Platform,
    /// Its name without `.tar.gz`, which is also the one folder in it: `crossdock-0.1.0-linux-arm64`.
    pub name: String,
}

/// A program of an image. All but `why` is the same on every machine, also on one that could not build it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProgramPlan {
    /// Its name.
    pub name: String,
    /// Where it lies in the image.
    pub path: String,
    /// The compiled program that it is.
    pub artifact: Artifact,
    /// What the program must turn out to be; held against it in verification.
    pub expected: Expected,
    /// Why this toolchain, triple and linker, or what keeps this machine from building it.
    pub why: String,
}

/// What a compiled program must turn out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "language")]
pub enum Expected {
    /// A Rust program.
    Rust {
        /// Whether it must need no loader.
        r#static: bool,
        /// The processor that it is compiled for, as rustc's `target-cpu` names it; none for the triple's baseline.
        cpu: Option<String>,
    },
    /// A Go program.
    Go {
        /// Settings that its build information must state, as `GOOS`, `GOARCH`, `GOAMD64`, `CGO_ENABLED`.
        settings: BTreeMap<String, String>,
    },
}

/// Names a compiled program: which one, for which platform of which image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Artifact(pub String);

/// The runtime half of an OCI image configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Container {
    /// What starts.
    pub entrypoint: Vec<String>,
    /// Its default arguments.
    pub cmd: Vec<String>,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// Its working directory.
    pub workdir: String,
    /// Who runs it.
    pub user: String,
    /// Ports.
    pub expose: Vec<Port>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The signal that stops it; none is SIGTERM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// How an engine finds out whether it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// A file beside the programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilePlan {
    /// Where it lies now.
    pub from: Utf8PathBuf,
    /// Where it lies in the image.
    pub to: String,
    /// Its permission bits, when configured.
    pub mode: Option<u32>,
}

/// A tag without a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkippedTag {
    /// The template.
    pub template: String,
    /// Why it has no value.
    pub why: String,
}

/// An engine that gets an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Load {
    /// `docker` or `podman`.
    pub engine: Engine,
    /// The platform that it gets.
    pub platform: Platform,
    /// How it is given the archive.
    pub command: Command,
}

/// A container engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
}

/// Something that the steps need and the host has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The image that needs it.
    pub image: String,
    /// The platform that needs it.
    pub platform: Option<Platform>,
    /// Why, and what brings it.
    #[serde(flatten)]
    pub unavailable: Unavailable,
}

impl Plan {
    /// The image of a name.
    pub fn image(&self, name: &str) -> Option<&ImagePlan> {
        self.images.iter().find(|image| image.name == name)
    }
}

impl ImagePlan {
    /// `repository:tag` for each tag.
    pub fn references(&self) -> impl Iterator<Item = String> {
        self.tags.iter().map(|tag| format!("{}:{tag}", self.repository))
    }

    /// The folders and files that are made of it beside the programs: layout, archive, release, an engine's files.
    pub fn outputs(&self) -> impl Iterator<Item = &Utf8Path> {
        let release = self.release.as_ref().map(|release| &release.folder);
        let engine = self.engine.as_ref().map(|engine| &engine.folder);
        let paths = [Some(&self.layout), self.archive.as_ref(), release, engine];
        paths.into_iter().flatten().map(Utf8PathBuf::as_path)
    }
}

impl Engine {
    /// The program's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

impl Missing {
    /// Who needs it: `http-api for linux/arm64`.
    pub fn needed_by(&self) -> String {
        match &self.platform {
            Some(platform) => format!("{} for {platform}", self.image),
            None => self.image.clone(),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "image `{}`", self.image)?;
        self.platform.iter().try_for_each(|platform| write!(f, " for {platform}"))?;
        write!(f, ": {}", self.unavailable)
    }
}
