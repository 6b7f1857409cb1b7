//! What runs: the steps of a plan.

use std::fmt;

use camino::Utf8PathBuf;
use crossdock_platform::Platform;
use serde::Serialize;

use super::{Artifact, EngineCall};
use crossdock_system::process::Command;
use crossdock_toolchain::choice::Wrapper;

/// One thing that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Unique in the plan.
    pub id: StepId,
    /// Steps that must be done before.
    pub after: Vec<StepId>,
    /// What a person reads while it runs.
    pub title: String,
    /// What happens.
    pub action: Action,
}

/// Names a step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct StepId(pub String);

/// What happens in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Action {
    /// Writes a script that a compiler calls.
    Write(Wrapper),
    /// Runs cargo and takes the programs from its JSON messages.
    Cargo(CargoBuild),
    /// Runs `go build`.
    Go(GoBuild),
    /// Writes what an engine reads: Dockerfile, `.dockerignore`, bake file, base images.
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
    /// Takes an image back from an engine: what each platform's archive holds, under one index.
    Import {
        /// The image.
        image: String,
    },
    /// Packs one platform's programs and files as layers.
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
    /// Judges what was assembled.
    Verify {
        /// The image.
        image: String,
    },
    /// Points the tags at the digest that was judged.
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
    /// Hands the image to an engine.
    Load {
        /// The image.
        image: String,
    },
}

/// One call of cargo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CargoBuild {
    /// The call.
    pub command: Command,
    /// The programs that it makes.
    pub programs: Vec<CargoProgram>,
}

/// A program that a call of cargo makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CargoProgram {
    /// Its name in the plan.
    pub artifact: Artifact,
    /// The package id in cargo's messages.
    pub package: String,
    /// The binary target's name.
    pub binary: String,
    /// The triple, a component of its path in cargo's messages.
    pub triple: String,
}

/// One call of `go build`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoBuild {
    /// The call.
    pub command: Command,
    /// The folder that it writes to; it must exist.
    pub output: Utf8PathBuf,
    /// The programs, by the file names that `go build` gives them.
    pub programs: Vec<(Artifact, Utf8PathBuf)>,
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Step {
    /// The command that the step runs, when it runs one.
    pub fn command(&self) -> Option<&Command> {
        match &self.action {
            Action::Cargo(build) => Some(&build.command),
            Action::Go(build) => Some(&build.command),
            Action::Engine { call, .. } => Some(&call.command),
            _ => None,
        }
    }

    /// The image that the step works on, when it is one.
    pub fn image(&self) -> Option<&str> {
        match &self.action {
            Action::Write(_) | Action::Cargo(_) | Action::Go(_) => None,
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

    /// Whether the step makes an image of what was compiled.
    pub(crate) fn is_packing(&self) -> bool {
        matches!(self.action, Action::Layers { .. } | Action::Import { .. })
    }

    /// Whether the step takes long enough for a person to wonder.
    pub fn is_long(&self) -> bool {
        self.command().is_some()
    }
}
