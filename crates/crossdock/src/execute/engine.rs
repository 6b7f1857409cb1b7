//! Writes what an engine reads, and runs its commands.

use std::sync::Mutex;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_oci::{Descriptor, ImageSource, Layout, Reference, write_archive};

use super::image::about;
use super::publish::replace;
use super::report_lines::{Reporter, Said};
use super::{EngineFailure, ExecuteError, StepContext, create_folder, create_ignored_folder, lock};
use crate::engine::{BaseFrom, bake, failing};
use crate::plan::{CopiedContext, EngineCall, EnginePlan, ImagePlan, Purpose};
use crate::process::Line;

impl StepContext<'_> {
    pub(super) fn render(&self, image: &ImagePlan) -> Result<String, ExecuteError> {
        let Some(engine) = &image.engine else { return Ok(String::new()) };
        if let Some(output) = engine.folder.parent() {
            create_ignored_folder(output)?;
        }
        create_folder(&engine.folder)?;
        for file in &engine.files {
            crossdock_oci::write_atomically(&file.path, file.content.as_bytes()).map_err(about(image))?;
        }
        for (base, archive) in &engine.bases {
            write_base(image, base, archive)?;
        }
        if let Some(copied) = &engine.copied {
            copy_context(engine, copied)?;
        }
        Ok(engine.folder.to_string())
    }

    pub(super) fn engine(
        &self,
        image: &ImagePlan,
        call: &EngineCall,
        reporter: &Reporter<'_>,
    ) -> Result<String, ExecuteError> {
        match &call.purpose {
            Purpose::Load => self.processes.stdout(&call.command).map(drop)?,
            Purpose::Check { file } => self.check(call, file)?,
            Purpose::Build { dockerfile, makes } => {
                self.build(image, call, dockerfile, makes, reporter)?;
            }
            Purpose::Save { makes } => {
                remove(makes)?;
                self.processes.stdout(&call.command)?;
                made(call, makes)?;
            }
            Purpose::Forget => {
                if let Err(error) = self.processes.stdout(&call.command) {
                    reporter.warn(format!("{}: {error}", call.title));
                }
            }
        }
        Ok(String::new())
    }

    /// Holds what bake understood against what it was given.
    fn check(&self, call: &EngineCall, file: &Utf8Path) -> Result<(), ExecuteError> {
        let failed = |source| ExecuteError::File { path: file.to_owned(), source };
        let printed = self.processes.stdout(&call.command)?;
        let given = std::fs::read_to_string(file).map_err(failed)?;
        let ignored = bake::ignored(&given, &printed).map_err(|error| {
            failed(std::io::Error::other(format!("what `bake --print` says of it is no JSON: {error}")))
        })?;
        match ignored.is_empty() {
            true => Ok(()),
            false => Err(ExecuteError::Ignored { file: file.to_owned(), ignored }),
        }
    }

    /// Builds. An engine's log is long and says little when all is well: it is shown whole when something is not.
    fn build(
        &self,
        image: &ImagePlan,
        call: &EngineCall,
        dockerfile: &Utf8Path,
        makes: &[Utf8PathBuf],
        reporter: &Reporter<'_>,
    ) -> Result<(), ExecuteError> {
        makes.iter().try_for_each(|archive| remove(archive))?;
        let log: Mutex<Vec<String>> = Mutex::default();
        let status = self.processes.stream(&call.command, &|line| {
            let (Line::Out(text) | Line::Error(text)) = line;
            reporter.said(Said::Chatter(text));
            lock(&log).push(text.to_owned());
        })?;
        if status.success() {
            return makes.iter().try_for_each(|archive| made(call, archive));
        }
        let log = log.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        log.iter().for_each(|line| reporter.said(Said::line(line)));
        let text = std::fs::read_to_string(dockerfile).unwrap_or_default();
        Err(ExecuteError::Engine(Box::new(EngineFailure {
            builder: image.engine.as_ref().map(|engine| engine.builder.clone()).unwrap_or_default(),
            command: call.command.to_string(),
            status,
            dockerfile: dockerfile.to_owned(),
            failing: failing(&text, &log),
        })))
    }
}

/// Podman does not write over an archive, and one of an earlier run must not pass for this one's.
pub(super) fn remove(archive: &Utf8Path) -> Result<(), ExecuteError> {
    match std::fs::remove_file(archive) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(ExecuteError::File { path: archive.to_owned(), source })
        }
        _ => Ok(()),
    }
}

pub(super) fn remove_folder(folder: &Utf8Path) -> Result<(), ExecuteError> {
    match std::fs::remove_dir_all(folder) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(ExecuteError::File { path: folder.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn made(call: &EngineCall, archive: &Utf8Path) -> Result<(), ExecuteError> {
    match archive.is_file() {
        true => Ok(()),
        false => {
            Err(ExecuteError::NotMade { program: archive.to_string(), command: call.command.to_string() })
        }
    }
}

/// Writes a base image as an archive that docker loads under the name that Dockerfiles use.
fn write_base(image: &ImagePlan, base: &BaseFrom, archive: &Utf8Path) -> Result<(), ExecuteError> {
    let layout = Layout::open(base.layout.as_std_path()).map_err(about(image))?;
    let entries = layout.index().map_err(about(image))?.manifests;
    let gone = || ExecuteError::BaseChanged {
        name: base.name.clone(),
        layout: base.layout.clone(),
        digest: base.digest,
    };
    let entry: &Descriptor = entries.iter().find(|entry| entry.digest == base.digest).ok_or_else(gone)?;
    let source = ImageSource::of_layout(&layout, entry).map_err(about(image))?;
    let single = source.images().first().and_then(|image| image.platforms.first()).ok_or_else(gone)?;
    let name: Reference = base.name.parse().map_err(about(image))?;
    replace(archive, |file| {
        write_archive(&layout, entry, std::slice::from_ref(&name), &single.descriptor, file)
            .map_err(about(image))
    })
}

/// Copies what belongs to a build into a folder of its own.
fn copy_context(engine: &EnginePlan, copied: &CopiedContext) -> Result<(), ExecuteError> {
    let to = &copied.to;
    remove_folder(to)?;
    create_folder(to)?;
    for pattern in &copied.paths {
        for whole in matching(&engine.context, pattern)? {
            let below = whole.strip_prefix(&engine.context).unwrap_or(&whole);
            copy(&whole, &to.join(below), &engine.folder)?;
        }
    }
    Ok(())
}

/// What a pattern of `.dockerignore` names, as `cmd` or `*.go`.
fn matching(context: &Utf8Path, pattern: &str) -> Result<Vec<Utf8PathBuf>, ExecuteError> {
    let failed = |error: String| ExecuteError::File {
        path: context.join(pattern),
        source: std::io::Error::other(error),
    };
    let whole = format!("{}/{pattern}", glob::Pattern::escape(context.as_str()));
    let paths = glob::glob(&whole).map_err(|error| failed(error.to_string()))?;
    let paths = paths.map(|path| path.map_err(|error| failed(error.to_string())));
    let utf8 = |path| {
        Utf8PathBuf::from_path_buf(path).map_err(|path| failed(format!("{} is not UTF-8", path.display())))
    };
    paths.map(|path| path.and_then(utf8)).collect()
}

/// Copies a file or a folder. Links are followed, except those that lead to where the copy is made.
fn copy(from: &Utf8Path, to: &Utf8PathBuf, except: &Utf8Path) -> Result<(), ExecuteError> {
    let failed = |source| ExecuteError::File { path: from.to_owned(), source };
    if from == except {
        return Ok(());
    }
    if !from.is_dir() {
        if let Some(folder) = to.parent() {
            create_folder(folder)?;
        }
        return std::fs::copy(from, to).map(drop).map_err(failed);
    }
    create_folder(to)?;
    let entries = from.read_dir_utf8().map_err(failed)?;
    for entry in entries {
        let entry = entry.map_err(failed)?;
        // A link to a folder may lead back to one above it; what is compiled lies in none.
        let is_link_to_folder = entry.file_type().map_err(failed)?.is_symlink() && entry.path().is_dir();
        if !is_link_to_folder {
            copy(entry.path(), &to.join(entry.file_name()), except)?;
        }
    }
    Ok(())
}
