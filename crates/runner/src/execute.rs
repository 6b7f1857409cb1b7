//! Executes a plan: every step is one arm of one match, and nothing is decided here.

mod cargo;
mod context;
mod engine;
mod engine_failure;
mod error;
mod failure;
mod files;
mod go;
mod image;
mod import;
mod locks;
mod observer;
mod publish;
mod release;
mod report_lines;
mod schedule;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_oci::{Layer, LayerCache, LayoutLock};
use crossdock_platform::Platform;

use failure::Ran;

pub use crossdock_subjects::Scope;
pub use engine_failure::{EngineFailure, WrongLabel};
pub use error::ExecuteError;
pub use failure::Failure;
pub use files::{FileFault, UnfitFile};
pub use observer::{Event, Observer, Silent};

use crate::plan::{Action, Artifact, ImagePlan, Missing, Plan, Step, StepId};
use crate::report::{ImageReport, Report};
use crossdock_system::availability::Unavailable;
use crossdock_system::environment::Environment;
use crossdock_system::process::{Cancel, Processes};
use report_lines::Reporter;
use schedule::{Message, Outcome};

/// How a plan is executed; nothing here changes what comes of it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many steps run side by side; at least 1.
    pub jobs: usize,
    /// Whether compilers colour their messages.
    pub color: Color,
    /// The cache's folder.
    pub cache: Utf8PathBuf,
    /// How hard verification judges.
    pub judging: Judging,
}

/// Whether compilers colour their messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Color {
    /// They do.
    Always,
    /// They do not.
    #[default]
    Never,
}

/// How hard verification judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Judging {
    /// What becomes of an image that cannot be proven to start.
    pub unproven: Unproven,
    /// Which programs are judged.
    pub scope: Scope,
}

/// What becomes of an image that cannot be proven to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unproven {
    /// It is tagged, with a warning.
    #[default]
    Tagged,
    /// It is refused.
    Refused,
}

/// Executes a plan, exactly as it is.
///
/// # Errors
/// What is wrong with one image alone, as a verdict that it would not start, leaves the others to go on. Any other
/// failure ends what is still running. Either way the failure holds what came of every image; what was tagged stays
/// tagged, and a layout is always the old one or the new one.
pub fn execute(
    plan: &Plan,
    settings: &Settings,
    environment: &Arc<Environment>,
    observer: &mut dyn Observer,
    cancel: &Cancel,
) -> Result<Report, Box<Failure>> {
    let own = cancel.child();
    let (mut ran, report) = match prepare(plan, settings, environment, observer, &own) {
        Ok(context) => {
            plan.warnings.iter().for_each(|warning| observer.event(Event::Warning(warning)));
            let ran = schedule::run(&plan.steps, settings.jobs, &context, observer);
            engine::forget_rest(&plan.steps, &ran.took, environment);
            let report = context.report(&ran.took);
            (ran, report)
        }
        Err(error) => (Ran { fatal: Some(error), ..Ran::default() }, Report::default()),
    };
    if cancel.is_cancelled() {
        ran.fatal = Some(ExecuteError::Cancelled);
    }
    ran.end(plan, report)
}

/// All that must be there before the first step.
fn prepare<'a>(
    plan: &'a Plan,
    settings: &Settings,
    environment: &Arc<Environment>,
    observer: &mut dyn Observer,
    cancel: &'a Cancel,
) -> Result<StepContext<'a>, ExecuteError> {
    if !plan.missing.is_empty() && plan.steps.iter().any(|step| step.command().is_some() || step.is_packing())
    {
        return Err(ExecuteError::Missing(plan.missing.clone()));
    }
    publish::archives_are_free(plan)?;
    Ok(StepContext {
        plan,
        cancel,
        processes: Processes::new(environment.clone(), cancel.clone()),
        color: settings.color,
        judging: settings.judging,
        jobs: settings.jobs,
        cache: LayerCache::create(settings.cache.join("layers").as_std_path())?,
        temporary: environment.temporary_directory(),
        locks: locks::take(plan, observer, cancel)?,
        started: Instant::now(),
        state: Mutex::default(),
    })
}

/// What a step may use.
pub(crate) struct StepContext<'a> {
    plan: &'a Plan,
    cancel: &'a Cancel,
    processes: Processes,
    color: Color,
    judging: Judging,
    jobs: usize,
    cache: LayerCache,
    temporary: PathBuf,
    locks: BTreeMap<String, LayoutLock>,
    started: Instant,
    state: Mutex<State>,
}

/// What steps leave for the steps after them.
#[derive(Default)]
struct State {
    artifacts: BTreeMap<Artifact, Utf8PathBuf>,
    layers: BTreeMap<(String, Platform), Vec<Layer>>,
    images: BTreeMap<String, ImageReport>,
    /// Images of whose `files` it was said what is left out.
    noted: BTreeSet<String>,
}

impl StepContext<'_> {
    /// Runs one step and says in a few words what came of it.
    fn perform(&self, index: usize, step: &Step, sender: &Sender<Message>) -> Result<Outcome, ExecuteError> {
        let reporter = Reporter { step: index, sender };
        let outcome = self.act(step, &reporter)?;
        let mut state = lock(&self.state);
        if let Some(report) = step.image().and_then(|image| state.images.get_mut(image)) {
            report.milliseconds = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        }
        Ok(outcome)
    }

    fn act(&self, step: &Step, reporter: &Reporter<'_>) -> Result<Outcome, ExecuteError> {
        let done = match &step.action {
            Action::Write(wrapper) => self.write(wrapper),
            Action::Cargo(build) => self.cargo(build, reporter),
            Action::Go(build) => self.go(build, reporter),
            Action::Render { image } => self.render(self.image(image)?),
            Action::Engine { image, call } => self.engine(self.image(image)?, call, reporter),
            Action::Import { image } => self.import(self.image(image)?),
            Action::Layers { image, platform } => self.layers(self.image(image)?, platform, reporter),
            Action::Assemble { image } => self.assemble(self.image(image)?),
            Action::Verify { image } => return self.verify(self.image(image)?, step, reporter),
            Action::Tag { image } => self.tag(self.image(image)?),
            Action::Archive { image } => self.archive(self.image(image)?),
            Action::Pack { image } => self.release(self.image(image)?),
            Action::Load { image } => self.load(self.image(image)?),
        };
        done.map(Outcome::Yes)
    }

    /// What came of the whole run.
    fn report(&self, took: &BTreeMap<StepId, Duration>) -> Report {
        let mut made = std::mem::take(&mut lock(&self.state).images);
        Report {
            images: self.plan.images.iter().filter_map(|image| made.remove(&image.name)).collect(),
            steps: took.iter().map(|(step, took)| (step.0.clone(), took.as_millis())).collect(),
            ..Report::default()
        }
    }

    fn image(&self, name: &str) -> Result<&ImagePlan, ExecuteError> {
        self.plan.image(name).ok_or_else(|| {
            let unavailable =
                Unavailable::because("a step of the plan works on it, and it is not among its images");
            ExecuteError::Missing(vec![Missing { image: name.to_owned(), platform: None, unavailable }])
        })
    }
}

impl Color {
    fn as_cargo(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn create_folder(path: &Utf8Path) -> Result<(), ExecuteError> {
    std::fs::create_dir_all(path).map_err(|source| ExecuteError::File { path: path.to_owned(), source })
}

/// A folder that crossdock makes in a project keeps what is in it out of version control by itself. One that was there
/// before is the user's: nothing is added to it.
fn create_ignored_folder(path: &Utf8Path) -> Result<(), ExecuteError> {
    if path.is_dir() {
        return Ok(());
    }
    create_folder(path)?;
    crossdock_fs::mark_output(path.as_std_path())
        .map_err(|error| ExecuteError::File { path: path.to_owned(), source: std::io::Error::other(error) })
}
