//! Executes a plan: each action of a step is one arm of one match, and nothing is decided here.
//!
//! An image passes through the modules in this order: `compile` (or `engine`, which builds with a container engine),
//! `image`, `verify`, `publish`. `schedule` starts each step once its predecessors are done.

mod base;
mod build_context;
mod commit;
mod compile;
mod compiler_level;
mod engine;
mod error;
mod files;
mod image;
mod links;
mod observer;
mod output;
mod owner;
mod publish;
mod schedule;
mod sources;
#[cfg(test)]
mod tests;
mod verdicts;
mod verify;
mod version_control;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use crossdock_fs::FileLock;
use crossdock_oci::{BlobStore, Layer, LayerCache, LayoutLock};
use crossdock_platform::Platform;
use crossdock_system::environment::Environment;
use crossdock_system::process::{Cancel, Processes};

pub use base::BaseFetcher;
pub use crossdock_subjects::Scope;
pub use error::{
    BaseFetchError, EngineFailure, ErrorKind, ExecuteError, Failure, FileFault, InternalError,
    UnpackableFile, WrongPlatform,
};
pub use observer::{Event, Observer, Silent};
pub use verdicts::VERDICTS;

use crate::plan::{Action, Artifact, ImagePlan, Plan, Step, StepId};
use crate::report::{ImageReport, Report};
use compile::Compiled;
use observer::{Message, Outcome, Reporter};
use schedule::Ran;
use sources::StaticBase;
use verdicts::Verdicts;

/// The settings of a run. They decide how it runs and what it accepts; the plan decides what an image holds.
///
/// ```
/// use std::num::NonZeroUsize;
///
/// use crossdock_runner::execute::{Scope, Settings, Unproven, VerifyPolicy};
///
/// let strict = VerifyPolicy { unproven: Unproven::Refuse, scope: Scope::All };
/// let settings = Settings::new("/home/me/.cache/crossdock").with_jobs(NonZeroUsize::MIN).with_policy(strict);
/// assert_eq!(settings.policy.unproven, Unproven::Refuse);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The number of steps that run at the same time. Defaults to the number of processors.
    pub jobs: NonZeroUsize,
    /// Whether compilers colour their messages. Defaults to [`Color::Never`].
    pub color: Color,
    /// The cache directory, which is created when needed. Compressed layers are kept there from run to run.
    pub cache: Utf8PathBuf,
    /// The extent of verification, and the findings that it accepts.
    pub policy: VerifyPolicy,
    /// The client that fetches the layers of base images. Without one, all of them must be in the cache.
    pub fetcher: Option<Arc<dyn BaseFetcher>>,
}

/// Whether compilers colour their messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Color {
    /// With colours, as on a terminal.
    Always,
    /// Without colours.
    #[default]
    Never,
}

/// The extent of the verification of images, and the findings that it accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyPolicy {
    /// The treatment of an image that is not proven to start.
    pub unproven: Unproven,
    /// The programs of an image that are verified.
    pub scope: Scope,
}

/// The treatment of an image that is not proven to start. An image that would not start is always refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unproven {
    /// The image is tagged, and the observer gets a warning for each finding.
    #[default]
    Warn,
    /// The image is refused.
    Refuse,
}

impl Settings {
    /// Returns the default settings, with a cache directory.
    pub fn new(cache: impl Into<Utf8PathBuf>) -> Self {
        Self {
            jobs: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            color: Color::Never,
            cache: cache.into(),
            policy: VerifyPolicy::default(),
            fetcher: None,
        }
    }

    /// Sets the number of steps that run at the same time.
    pub fn with_jobs(self, jobs: NonZeroUsize) -> Self {
        Self { jobs, ..self }
    }

    /// Sets whether compilers colour their messages.
    pub fn with_color(self, color: Color) -> Self {
        Self { color, ..self }
    }

    /// Sets the client that fetches the layers of base images.
    pub fn with_fetcher(self, fetcher: Arc<dyn BaseFetcher>) -> Self {
        Self { fetcher: Some(fetcher), ..self }
    }

    /// Sets what verification checks and accepts.
    pub fn with_policy(self, policy: VerifyPolicy) -> Self {
        Self { policy, ..self }
    }
}

/// Executes a plan exactly as it is, and returns the results.
///
/// `environment` is the environment of every process of the run. The run stops as soon as possible once `cancel` is
/// cancelled.
///
/// # Errors
/// An error that concerns one image only, as a verdict that it would not start, leaves the other images to go on. Any
/// other error stops the steps that are running. In both cases [`Failure::report`] holds the results of all images. Tags
/// that were set stay set, and each layout holds either its old image or the new one, complete.
pub fn execute(
    plan: &Plan,
    settings: &Settings,
    environment: &Arc<Environment>,
    observer: &mut dyn Observer,
    cancel: &Cancel,
) -> Result<Report, Box<Failure>> {
    // An error cancels this run's processes, and not what else the caller does.
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
    // A step that was stopped may have reported any error. The cause is that the caller cancelled.
    if cancel.is_cancelled() {
        ran.fatal = Some(ExecuteError::Cancelled);
    }
    ran.end(plan, report)
}

/// Checks and acquires everything that has to be there before the first step.
fn prepare<'a>(
    plan: &'a Plan,
    settings: &Settings,
    environment: &Arc<Environment>,
    observer: &mut dyn Observer,
    cancel: &'a Cancel,
) -> Result<StepContext<'a>, ExecuteError> {
    // A plan that only verifies or tags needs no tool, and runs on a host that could not build the image.
    if !plan.missing.is_empty() && plan.steps.iter().any(|step| step.command().is_some() || step.is_packing())
    {
        return Err(ExecuteError::Missing(plan.missing.clone()));
    }
    let processes = Processes::new(environment.clone(), cancel.clone());
    // Before anything is read or written behind a link.
    links::refuse_links(plan, &processes)?;
    // Before the first step: a build that takes minutes must not fail at its end for this.
    output::check_archives(plan)?;
    version_control::keep_out(plan, &processes)?;
    crossdock_fs::open_cache(settings.cache.as_std_path()).map_err(ExecuteError::Cache)?;
    let layers = settings.cache.join("layers");
    Ok(StepContext {
        plan,
        cancel,
        processes,
        color: settings.color,
        policy: settings.policy,
        jobs: settings.jobs,
        cache: LayerCache::create(layers.as_std_path()).map_err(ExecuteError::Cache)?,
        verdicts: Verdicts::open(&settings.cache, environment.program.as_deref()),
        bases: BlobStore::create(settings.cache.join(BASES).as_std_path()).map_err(ExecuteError::Cache)?,
        fetcher: settings.fetcher.clone(),
        temporary: environment.temporary_directory(),
        locks: output::lock_layouts(plan, observer, cancel)?,
        started: Instant::now(),
        outputs: OnceLock::new(),
        state: Mutex::default(),
    })
}

/// The lock of a directory in the cache: of a module's programs, `build/MODULE`, and of [`BASES`]. Runs that use its files
/// share it; pruning them takes it exclusively.
pub const IN_USE_LOCK: &str = ".lock";

/// The directory of base images in the cache: manifests, configurations and layers, by digest.
pub const BASES: &str = "bases";

/// Everything that a step may use.
struct StepContext<'a> {
    plan: &'a Plan,
    cancel: &'a Cancel,
    processes: Processes,
    color: Color,
    policy: VerifyPolicy,
    /// The threads that compress one layer, as many as there may be steps.
    jobs: NonZeroUsize,
    cache: LayerCache,
    /// The verdicts of earlier runs; `None` if they cannot be used.
    verdicts: Option<Verdicts>,
    /// The layers of base images.
    bases: BlobStore,
    fetcher: Option<Arc<dyn BaseFetcher>>,
    temporary: PathBuf,
    locks: BTreeMap<String, LayoutLock>,
    started: Instant,
    /// The outputs of this run, with all links followed.
    outputs: OnceLock<BTreeSet<Utf8PathBuf>>,
    state: Mutex<State>,
}

/// Results that steps leave for later steps.
#[derive(Default)]
struct State {
    artifacts: BTreeMap<Artifact, Compiled>,
    /// The files of the base `static`, with time zones and without.
    static_bases: BTreeMap<bool, StaticBase>,
    layers: BTreeMap<(String, Platform), Vec<Layer>>,
    images: BTreeMap<String, ImageReport>,
    /// Held until the run ends, so that pruning the cache keeps the programs and base images that it uses.
    cache_locks: Vec<FileLock>,
    /// Images for which the observer was told what `files` leaves out; each platform would repeat it.
    noted: BTreeSet<String>,
}

impl StepContext<'_> {
    /// Runs one step, and notes the time at which its image got that far.
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
        let outcome = match &step.action {
            Action::Write(wrapper) => self.write_wrapper(wrapper),
            Action::Base(fetch) => self.base(fetch, reporter),
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
        outcome.map(Outcome::Succeeded)
    }

    /// Returns the report of a run whose steps took these times.
    fn report(&self, took: &BTreeMap<StepId, Duration>) -> Report {
        let mut images = std::mem::take(&mut lock(&self.state).images);
        Report {
            images: self.plan.images.iter().filter_map(|image| images.remove(&image.name)).collect(),
            steps: took.iter().map(|(step, took)| (step.0.clone(), took.as_millis())).collect(),
            ..Report::default()
        }
    }

    fn image(&self, name: &str) -> Result<&ImagePlan, InternalError> {
        self.plan.image(name).ok_or_else(|| InternalError::UnknownImage { image: name.to_owned() })
    }

    /// Changes the report of an image that an earlier step made.
    fn update_report(
        &self,
        image: &ImagePlan,
        update: impl FnOnce(&mut ImageReport),
    ) -> Result<(), InternalError> {
        let mut state = lock(&self.state);
        let report = state.images.get_mut(&image.name).ok_or_else(|| too_early(image, "the image"))?;
        update(report);
        Ok(())
    }
}

/// Returns a part of an image's plan that a step needs.
fn planned<T>(image: &ImagePlan, part: &'static str, value: Option<T>) -> Result<T, InternalError> {
    value.ok_or_else(|| InternalError::Unplanned { image: image.name.clone(), part })
}

fn too_early(image: &ImagePlan, result: impl Into<String>) -> InternalError {
    InternalError::TooEarly { image: image.name.clone(), result: result.into() }
}

/// Locks shared state. No step leaves it half changed when it panics, so that a poisoned lock can be ignored.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}
