//! Runs `go build`.

use super::report_lines::{Reporter, Said};
use super::{ExecuteError, StepContext};
use crate::plan::GoBuild;
use crate::process::Line;

impl StepContext<'_> {
    pub(super) fn go(&self, build: &GoBuild, reporter: &Reporter<'_>) -> Result<String, ExecuteError> {
        super::create_folder(&build.output)?;
        let status = self.processes.stream(&build.command, &|line| match line {
            Line::Out(text) => reporter.said(Said::line(text)),
            Line::Error(text) if text.starts_with("go: downloading ") => reporter.said(Said::Chatter(text)),
            Line::Error(text) => reporter.said(Said::line(text)),
        })?;
        if !status.success() {
            return Err(ExecuteError::Compiler { command: build.command.to_string(), status });
        }
        if let Some((lost, _)) = build.programs.iter().find(|(_, path)| !path.is_file()) {
            return Err(ExecuteError::NotMade {
                program: lost.0.clone(),
                command: build.command.to_string(),
            });
        }
        super::lock(&self.state).artifacts.extend(build.programs.iter().cloned());
        Ok(String::new())
    }
}
