//! What goes wrong in an engine.

use std::process::ExitStatus;

use camino::Utf8PathBuf;
use crossdock_dockerfile::render::Origin;
use crossdock_platform::Platform;

use crate::engine::{Builder, Failing};

/// An engine that failed to build; its whole log was shown.
#[derive(Debug, thiserror::Error)]
#[error("{builder} could not build it ({status}){}; to run it by hand:\n  {}{command}", self.place(), self.before())]
pub struct EngineFailure {
    /// The builder.
    pub builder: Builder,
    /// The command, as a shell takes it.
    pub command: String,
    /// The commands that gave the engine what it builds on: it was taken away again after the failure.
    pub loads: Vec<String>,
    /// How it ended.
    pub status: ExitStatus,
    /// The rendered file.
    pub dockerfile: Utf8PathBuf,
    /// The instruction that failed, where the engine's log tells.
    pub failing: Option<Failing>,
}

impl EngineFailure {
    fn before(&self) -> String {
        self.loads.iter().map(|load| format!("{load}\n  ")).collect()
    }

    /// ` at line 12 of Dockerfile (template `crossdock/go.Dockerfile`, line 7):` and the instruction.
    fn place(&self) -> String {
        let Some(Failing { line, instruction, origin }) = &self.failing else { return String::new() };
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

/// An engine that made an image of another platform than it was asked for.
#[derive(Debug, thiserror::Error)]
#[error(
    "image `{image}`: {builder} was asked for {asked} and labels what it built as {}; nodes would take the wrong program, \
     so nothing was taken over", .found.join(", ")
)]
pub struct WrongLabel {
    /// The image.
    pub image: String,
    /// The builder.
    pub builder: Builder,
    /// The platform that is missing.
    pub asked: Platform,
    /// What came back.
    pub found: Vec<String>,
}
