//! The errors that hold more than a name and a path.

use std::process::ExitStatus;

use camino::Utf8PathBuf;
use crossdock_dockerfile::render::Origin;
use crossdock_platform::Platform;
use crossdock_project::config::Source;

use crate::engine::{Builder, FailedInstruction};

/// A failed build of a container engine. Its whole log was sent to the observer.
#[derive(Debug, thiserror::Error)]
#[error(
    "{builder} could not build the image ({status}){}; to run it by hand:\n  {}{command}", self.place(), self.before()
)]
#[non_exhaustive]
pub struct EngineFailure {
    /// The builder.
    pub builder: Builder,
    /// The command, quoted for a shell.
    pub command: String,
    /// The commands that loaded base images into the engine. They have to be repeated before `command`, because the run
    /// removes these images again.
    pub loads: Vec<String>,
    /// The exit status of the engine's client.
    pub status: ExitStatus,
    /// The rendered Dockerfile.
    pub dockerfile: Utf8PathBuf,
    /// The instruction that failed; `None` if the engine's log does not tell.
    pub failed: Option<FailedInstruction>,
}

/// An image of a container engine whose platform is not the requested one.
#[derive(Debug, thiserror::Error)]
#[error(
    "image `{image}`: {builder} was asked for {requested} and labels what it built as {}; nodes would pull the wrong \
     program, so nothing was imported", .found.join(", ")
)]
#[non_exhaustive]
pub struct WrongPlatform {
    /// The image's name.
    pub image: String,
    /// The builder.
    pub builder: Builder,
    /// The requested platform.
    pub requested: Platform,
    /// The platforms in the engine's result, as its image configurations spell them.
    pub found: Vec<String>,
}

/// A file or directory below an entry of `files` that cannot be packed into an image.
#[derive(Debug, thiserror::Error)]
#[error("{at}: image `{image}`: `files` includes {from}, but {path} {fault}")]
#[non_exhaustive]
pub struct UnpackableFile {
    /// The place of the entry.
    pub at: Source,
    /// The image's name.
    pub image: String,
    /// The entry of `files`.
    pub from: Utf8PathBuf,
    /// The file or directory.
    pub path: Utf8PathBuf,
    /// The reason.
    pub fault: FileFault,
}

/// The reason why a file or directory cannot be packed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// A symbolic link leads out of the project. Its target belongs to this machine; another machine would pack
    /// something else.
    #[error(
        "is a symbolic link to {target}, outside of the project directory {root}; copy the target into the project, or \
         remove the link"
    )]
    Outside {
        /// The target, with all links followed.
        target: Utf8PathBuf,
        /// The project's directory.
        root: Utf8PathBuf,
    },
    /// A symbolic link has no target.
    #[error("is a symbolic link to {target}, which does not exist; create the target, or remove the link")]
    Dangling {
        /// The target as the link names it.
        target: Utf8PathBuf,
    },
    /// A symbolic link cannot be followed.
    #[error("is a symbolic link to {target}, which cannot be followed ({why}); correct or remove the link")]
    Unfollowed {
        /// The target as the link names it.
        target: Utf8PathBuf,
        /// The system's reason.
        why: String,
    },
    /// A symbolic link leads to a directory that contains it.
    #[error("is a symbolic link to {target}, a directory that contains the link; remove the link")]
    Circle {
        /// The target, with all links followed.
        target: Utf8PathBuf,
    },
    /// It is part of what crossdock writes. Each build would pack the one before.
    #[error(
        "is in {path}, which crossdock writes; name other files, or choose another directory with `--output`"
    )]
    Output {
        /// The output.
        path: Utf8PathBuf,
    },
    /// The file is a pipe, a socket or a device.
    #[error(
        "is neither a regular file nor a directory; remove it, or name the other files of its directory in `files`"
    )]
    Special,
    /// The directories are nested too deeply.
    #[error("is nested more than {MAX_DEPTH} directories deep; name a directory further down in `files`")]
    Deep,
}

/// The limit for nested directories: deeper than any tree that people copy into an image, and low enough to keep paths
/// short.
pub(in super::super) const MAX_DEPTH: usize = 64;

impl EngineFailure {
    fn before(&self) -> String {
        self.loads.iter().map(|load| format!("{load}\n  ")).collect()
    }

    /// ` at line 12 of Dockerfile (template `crossdock/go.Dockerfile`, line 7):` and the instruction.
    fn place(&self) -> String {
        let Some(FailedInstruction { line, instruction, origin }) = &self.failed else {
            return String::new();
        };
        let origin = origin.as_ref().map(|Origin { template, template_line, .. }| {
            format!(" (template `{template}`, line {template_line})")
        });
        format!(
            " at line {line} of {}{}:\n  {}\n",
            self.dockerfile,
            origin.unwrap_or_default(),
            instruction.replace('\n', "\n  ")
        )
    }
}
