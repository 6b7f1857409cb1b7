//! The steps of a plan.

use std::fmt;

use camino::Utf8PathBuf;
use crossdock_platform::Platform;
use crossdock_project::GoPackage;
use serde::Serialize;

use super::base::BaseFetch;
use crate::engine::commands::EngineCall;
use crossdock_system::process::Command;
use crossdock_toolchain::choice::Wrapper;

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// The identifier of the step, unique in the plan.
    pub id: StepId,
    /// Steps that must be complete before this one starts.
    pub after: Vec<StepId>,
    /// The line that a person sees while the step runs.
    pub title: String,
    /// The action.
    pub action: Action,
}

/// Identifies a step: `compile:cargo:0`, `layers:http-api@linux/arm64`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct StepId(pub String);

/// Identifies a compiled program, its platform and its image: `api/api@linux/arm64#http-api`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Artifact(pub String);

/// The action of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
#[non_exhaustive]
pub enum Action {
    /// Writes a script that a compiler calls.
    Write(Wrapper),
    /// Fetches the layers of a base image that the cache lacks.
    Base(BaseFetch),
    /// Runs cargo and finds the programs by its JSON messages.
    Cargo(CargoBuild),
    /// Runs `go build`.
    Go(GoBuild),
    /// Writes the files that an engine reads: Dockerfile, `.dockerignore`, bake file, base images.
    Render {
        /// The image.
        image: String,
    },
    /// Runs a command of an engine.
    Engine {
        /// The image.
        image: String,
        /// The command.
        call: EngineCall,
    },
    /// Imports an image from an engine: the archives of all platforms become one index.
    Import {
        /// The image.
        image: String,
    },
    /// Packs the programs and files of one platform as layers.
    Layers {
        /// The image.
        image: String,
        /// The platform.
        platform: Platform,
    },
    /// Writes the manifests and the index.
    Assemble {
        /// The image.
        image: String,
    },
    /// Verifies the assembled image.
    Verify {
        /// The image.
        image: String,
    },
    /// Points the tags at the verified digest.
    Tag {
        /// The image.
        image: String,
    },
    /// Writes one file that engines load.
    Archive {
        /// The image.
        image: String,
    },
    /// Writes release archives and SHA256SUMS.
    Pack {
        /// The image whose programs are packed.
        image: String,
    },
    /// Loads the image into an engine.
    Load {
        /// The image.
        image: String,
    },
}

/// A call of cargo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CargoBuild {
    /// The command.
    pub command: Command,
    /// The directory that cargo builds in.
    pub target_directory: Utf8PathBuf,
    /// The directory to which the programs are copied before another build replaces them; `None` if no other project builds
    /// in the target directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copies: Option<Utf8PathBuf>,
    /// The programs that it makes.
    pub programs: Vec<CargoProgram>,
}

/// A program that a call of cargo makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CargoProgram {
    /// Its identifier in the plan.
    pub artifact: Artifact,
    /// The package id in cargo's messages.
    pub package: String,
    /// The name of the binary target.
    pub binary: String,
    /// The triple, which is a component of the program's path in cargo's messages.
    pub triple: String,
}

/// A call of `go build`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GoBuild {
    /// The command.
    pub command: Command,
    /// The directory that it writes to. It must exist.
    pub output: Utf8PathBuf,
    /// The programs, with the paths that `go build` gives them.
    pub programs: Vec<(Artifact, Utf8PathBuf)>,
    /// The packages that the programs consist of, to show how far a build is. JSON omits them.
    #[serde(skip)]
    pub packages: Vec<GoPackage>,
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Step {
    /// Returns the command that the step runs; `None` if it runs none.
    pub fn command(&self) -> Option<&Command> {
        match &self.action {
            Action::Cargo(build) => Some(&build.command),
            Action::Go(build) => Some(&build.command),
            Action::Engine { call, .. } => Some(&call.command),
            _ => None,
        }
    }

    /// Returns the image that the step works on; `None` for a step that several images may share.
    pub fn image(&self) -> Option<&str> {
        match &self.action {
            Action::Write(_) | Action::Base(_) | Action::Cargo(_) | Action::Go(_) => None,
            Action::Render { image }
            | Action::Engine { image, .. }
            | Action::Import { image }
            | Action::Layers { image, .. }
            | Action::Assemble { image }
            | Action::Verify { image }
            | Action::Tag { image }
            | Action::Archive { image }
            | Action::Pack { image }
            | Action::Load { image } => Some(image),
        }
    }

    /// Returns whether the step turns compiled programs into parts of an image.
    pub(crate) fn is_packing(&self) -> bool {
        matches!(self.action, Action::Layers { .. } | Action::Import { .. })
    }

    /// Returns whether the step takes long enough to show its progress.
    pub fn is_long(&self) -> bool {
        self.command().is_some() || matches!(self.action, Action::Base(_))
    }
}
