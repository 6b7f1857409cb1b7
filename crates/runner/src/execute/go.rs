//! Runs `go build`.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_oci::Digest;

use super::report_lines::{Reporter, Said};
use super::{ExecuteError, StepContext};
use crate::plan::GoBuild;
use crossdock_system::process::OutputLine;

impl StepContext<'_> {
    pub(super) fn go(&self, build: &GoBuild, reporter: &Reporter<'_>) -> Result<String, ExecuteError> {
        super::create_folder(&build.output)?;
        // Images may share a program.
        let programs: BTreeSet<&Utf8PathBuf> = build.programs.iter().map(|(_, program)| program).collect();
        programs.iter().try_for_each(|program| forget_if_damaged(program))?;
        let status = self.processes.stream(&build.command, &|line| match line {
            OutputLine::Stdout(text) => reporter.said(Said::line(text)),
            OutputLine::Stderr(text) if text.starts_with("go: downloading ") => {
                reporter.said(Said::Chatter(text))
            }
            OutputLine::Stderr(text) => reporter.said(Said::line(text)),
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
        programs.iter().try_for_each(|program| remember(program))?;
        super::lock(&self.state).artifacts.extend(build.programs.iter().cloned());
        Ok(String::new())
    }
}

/// `go build` takes a program for up to date by what stands in it: one that was damaged since would go into the image.
fn forget_if_damaged(program: &Utf8Path) -> Result<(), ExecuteError> {
    if !program.is_file() {
        return Ok(());
    }
    let remembered = std::fs::read_to_string(beside(program)).unwrap_or_default();
    match digest(program)? == remembered {
        true => Ok(()),
        false => std::fs::remove_file(program).map_err(|source| file_error(program, source)),
    }
}

fn remember(program: &Utf8Path) -> Result<(), ExecuteError> {
    let digest = digest(program)?;
    let beside = beside(program);
    if std::fs::read_to_string(&beside).is_ok_and(|known| known == digest) {
        return Ok(());
    }
    crossdock_fs::write_atomically(&beside, digest.as_bytes())
        .map_err(|error| file_error(&beside, std::io::Error::other(error)))
}

fn digest(program: &Utf8Path) -> Result<String, ExecuteError> {
    let file = std::fs::File::open(program).map_err(|source| file_error(program, source))?;
    let (digest, _) = Digest::of_reader(file).map_err(|source| file_error(program, source))?;
    Ok(digest.to_string())
}

/// The file that remembers a program's digest.
fn beside(program: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{program}.sha256"))
}

fn file_error(path: &Utf8Path, source: std::io::Error) -> ExecuteError {
    ExecuteError::File { path: path.to_owned(), source }
}
