//! Writes what an engine reads, and runs its commands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_oci::{Descriptor, ImageSource, Layout, Reference, SourcePlatform, write_archive};

use super::context::copy_context;
use super::image::about;
use super::publish::replace;
use super::report_lines::{Reporter, Said};
use super::{EngineFailure, ExecuteError, StepContext, create_folder, create_ignored_folder, lock};
use crate::engine::{bake, failing};
use crate::plan::{Action, EngineBase, EngineCall, EnginePlan, ImagePlan, Purpose, Step, StepId};
use crossdock_system::environment::Environment;
use crossdock_system::process::{Cancel, Command, OutputLine, Processes};

impl StepContext<'_> {
    pub(super) fn render(&self, image: &ImagePlan) -> Result<String, ExecuteError> {
        let Some(engine) = &image.engine else { return Ok(String::new()) };
        if let Some(output) = engine.folder.parent() {
            create_ignored_folder(output)?;
        }
        create_folder(&engine.folder)?;
        for file in &engine.files {
            crossdock_fs::write_atomically(&file.path, file.content.as_bytes()).map_err(about(image))?;
        }
        engine.bases.iter().try_for_each(|base| write_base(image, base))?;
        if let Some(copied) = &engine.copied {
            copy_context(&engine.context, copied, &engine.folder, self.cancel)?;
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
            let (OutputLine::Stdout(text) | OutputLine::Stderr(text)) = line;
            reporter.said(Said::Chatter(text));
            lock(&log).push(text.to_owned());
        })?;
        if status.success() {
            return makes.iter().try_for_each(|archive| made(call, archive));
        }
        let log = log.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        log.iter().for_each(|line| reporter.said(Said::line(line)));
        let files = image.engine.iter().flat_map(|engine| &engine.files);
        let file = files.into_iter().find(|file| file.path == dockerfile);
        Err(ExecuteError::Engine(Box::new(EngineFailure {
            builder: image.engine.as_ref().map(|engine| engine.builder.clone()).unwrap_or_default(),
            command: call.command.to_string(),
            loads: image.engine.iter().flat_map(|engine| loaded(engine, call)).collect(),
            status,
            dockerfile: dockerfile.to_owned(),
            failing: file.and_then(|file| failing(&file.content, &file.origins, &log)),
        })))
    }
}

/// Takes back what a run that ended early left under our names in an engine. The run may be cancelled: these commands
/// are not, and what they cannot remove was never made.
pub(super) fn forget_rest(steps: &[Step], took: &BTreeMap<StepId, Duration>, environment: &Arc<Environment>) {
    let calls = steps.iter().filter_map(|step| match &step.action {
        Action::Engine { image, call } => Some((image, call, took.contains_key(&step.id))),
        _ => None,
    });
    let makes = |call: &EngineCall| matches!(call.purpose, Purpose::Load | Purpose::Build { .. });
    let began: BTreeSet<&String> =
        calls.clone().filter(|(_, call, done)| *done && makes(call)).map(|(image, ..)| image).collect();
    let processes = Processes::new(environment.clone(), Cancel::default());
    for (image, call, done) in calls {
        if !done && call.purpose == Purpose::Forget && began.contains(image) {
            let _never_made = processes.stdout(&call.command);
        }
    }
}

/// The commands that loaded what a call builds on: later ones stand for earlier ones under the same name.
fn loaded(engine: &EnginePlan, call: &EngineCall) -> Vec<String> {
    let before = engine.calls.iter().take_while(|earlier| *earlier != call);
    let named = |command: &Command, name: &str| command.arguments.iter().any(|word| word == name);
    let mut loaded: Vec<(&str, String)> = Vec::new();
    for earlier in before {
        for base in &engine.bases {
            let name = base.own_name.as_str();
            match earlier.purpose {
                Purpose::Load if named(&earlier.command, base.archive.as_str()) => {
                    loaded.push((name, earlier.command.to_string()));
                }
                Purpose::Forget if named(&earlier.command, name) => {
                    loaded.retain(|(known, _)| *known != name)
                }
                _ => {}
            }
        }
    }
    loaded.into_iter().map(|(_, command)| command).collect()
}

/// Podman does not write over an archive, and one of an earlier run must not pass for this one's.
pub(super) fn remove(archive: &Utf8Path) -> Result<(), ExecuteError> {
    unless_absent(archive, std::fs::remove_file(archive))
}

pub(super) fn remove_folder(folder: &Utf8Path) -> Result<(), ExecuteError> {
    unless_absent(folder, std::fs::remove_dir_all(folder))
}

fn unless_absent(path: &Utf8Path, removed: std::io::Result<()>) -> Result<(), ExecuteError> {
    match removed {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(ExecuteError::File { path: path.to_owned(), source })
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

/// Writes one platform of a base image as an archive that the engine loads under our name.
fn write_base(image: &ImagePlan, base: &EngineBase) -> Result<(), ExecuteError> {
    let layout = Layout::open(base.from.layout.as_std_path()).map_err(about(image))?;
    let entries = layout.index().map_err(about(image))?.manifests;
    let gone = || ExecuteError::BaseChanged {
        name: base.from.name.clone(),
        layout: base.from.layout.clone(),
        digest: base.from.digest,
    };
    let entry: &Descriptor =
        entries.iter().find(|entry| entry.digest == base.from.digest).ok_or_else(gone)?;
    let source = ImageSource::of_layout(&layout, entry).map_err(about(image))?;
    let platforms: Vec<&SourcePlatform> = source.images().iter().flat_map(|one| &one.platforms).collect();
    // The plan refused a base that has no such platform; the layout's digest keeps it as it was then.
    let single = base.from.choose(&base.platform).and_then(|place| platforms.get(place)).ok_or_else(gone)?;
    let name: Reference = base.own_name.parse().map_err(about(image))?;
    replace(&base.archive, |file| {
        write_archive(&layout, &single.descriptor, std::slice::from_ref(&name), &single.descriptor, file)
            .map_err(about(image))
    })
}
