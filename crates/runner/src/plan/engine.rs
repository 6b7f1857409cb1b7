//! What a plan holds of an image that an engine builds.

use camino::Utf8PathBuf;
use crossdock_dockerfile::render::Origin;
use crossdock_platform::Platform;
use serde::Serialize;

use super::bases::EngineBase;
use crate::engine::Builder;
use crossdock_system::process::Command;

/// How an engine builds an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnginePlan {
    /// The builder.
    pub builder: Builder,
    /// What the engine is sent: the project's root.
    pub context: Utf8PathBuf,
    /// Where everything lies that is written for the engine and comes back from it; never a folder of the user's.
    pub folder: Utf8PathBuf,
    /// What is written there first.
    pub files: Vec<TextFile>,
    /// A copy of the sources, for an engine that reads no `.dockerignore` but the project's own.
    pub copied: Option<CopiedContext>,
    /// Base images, each as an archive that the engine loads.
    pub bases: Vec<EngineBase>,
    /// The commands, in the order in which they run.
    pub calls: Vec<EngineCall>,
    /// What comes back.
    pub results: Vec<EngineResult>,
}

/// A file that is written for an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TextFile {
    /// Where.
    pub path: Utf8PathBuf,
    /// What.
    pub content: String,
    /// Of a Dockerfile, the line of a template that made each of its instructions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<Origin>,
}

/// A copy of what belongs to a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopiedContext {
    /// Where it is made, anew for each build.
    pub to: Utf8PathBuf,
    /// The lines of the `.dockerignore`, in their order: what one lets in again (`!`) is copied where it is there, unless a
    /// later one leaves it out.
    pub rules: Vec<String>,
}

/// One command of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EngineCall {
    /// What a person reads while it runs.
    pub title: String,
    /// The command.
    pub command: Command,
    /// What it is for.
    #[serde(flatten)]
    pub purpose: Purpose,
}

/// What a command of an engine is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "purpose")]
pub enum Purpose {
    /// Gives the engine a base image.
    Load,
    /// Shows what the engine understood of a bake file.
    Check {
        /// The bake file.
        file: Utf8PathBuf,
    },
    /// Builds.
    Build {
        /// The Dockerfile, to which a failure is traced.
        dockerfile: Utf8PathBuf,
        /// The archives that it writes, where the engine builds into files.
        makes: Vec<Utf8PathBuf>,
    },
    /// Writes what was built to a file.
    Save {
        /// The file.
        makes: Utf8PathBuf,
    },
    /// Takes our name from what was built or loaded; when it fails, nothing is lost.
    Forget,
}

/// An archive that comes back from an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EngineResult {
    /// Where it lies.
    pub archive: Utf8PathBuf,
    /// What it was asked for.
    pub platforms: Vec<Platform>,
}
