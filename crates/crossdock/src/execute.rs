//! Execution of a plan, and the report on its images.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

pub use crossdock_runner::bytes;
pub use crossdock_runner::execute::{Color, Event, Observer, Scope, Silent, Unproven};
pub use crossdock_runner::report::{
    ImageReport, ImageStatus, PlatformReport, Report, UnfinishedImage, UnfinishedReason,
};

use camino::Utf8Path;
use crossdock_oci::{BlobError, Digest, ImageSource, Layout, RuntimeConfig, SourceError, SourcePlatform};
use crossdock_runner::execute::{ExecuteError, Failure, Settings, VerifyPolicy};

use crossdock_project::Network;

use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::plan::Plan;

/// Choices of an execution. None of them changes the bytes of an image.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ExecuteOptions {
    /// The number of steps that run at once. If `None`, `CROSSDOCK_JOBS`, else one per processor.
    pub jobs: Option<NonZeroUsize>,
    /// Whether compilers colour their messages.
    pub color: Color,
    /// Whether to tag an image that is not proven to start.
    pub unproven: Unproven,
    /// The programs of an image to verify.
    pub scope: Scope,
    /// Whether layers of base images may be fetched.
    pub network: Network,
    /// How the registries of base images are reached.
    #[cfg(feature = "registry")]
    pub registry: crate::client::RegistryOptions,
}

impl ExecuteOptions {
    /// Returns the options that choose nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses the number of steps that run at once.
    #[must_use]
    pub fn jobs(self, jobs: NonZeroUsize) -> Self {
        Self { jobs: Some(jobs), ..self }
    }

    /// Refuses to tag an image that is not proven to start.
    #[must_use]
    pub fn strict(self) -> Self {
        Self { unproven: Unproven::Refuse, ..self }
    }

    /// Chooses the programs of an image that are verified.
    #[must_use]
    pub fn scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    fn settings(&self, context: &Context) -> Result<Settings, Error> {
        let overridden = context.overrides().jobs.as_ref().and_then(|jobs| NonZeroUsize::new(jobs.value));
        let policy = VerifyPolicy { unproven: self.unproven, scope: self.scope };
        let settings = Settings::new(context.cache_directory()?).with_color(self.color).with_policy(policy);
        #[cfg(feature = "registry")]
        let settings = settings.with_fetcher(std::sync::Arc::new(crate::base::Fetcher {
            context: context.clone(),
            options: self.registry.clone(),
            network: context.network(self.network),
        }));
        Ok(match self.jobs.or(overridden) {
            Some(jobs) => settings.with_jobs(jobs),
            None => settings,
        })
    }
}

/// Executes a plan exactly as it is: compiles, assembles, verifies and tags, up to the plan's goal. `observer` receives
/// the events of every step; [`Silent`] ignores them.
///
/// ```
/// use crossdock::execute::{ExecuteOptions, Silent};
/// use crossdock::{BuildOptions, discover, execute, plan};
///
/// # let (_directory, context) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/example.rs"))?;
/// let plan = plan(&discover(&context, &BuildOptions::new().platforms(["linux/amd64"]))?)?;
/// let report = execute(&context, &plan, &ExecuteOptions::new(), &mut Silent)?;
/// assert!(report.images[0].references[0].contains("hello:1.0"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The plan is for another host or misses tools, a step failed, or an image was refused; [`Error::report`] holds the state of every image. An
/// image is tagged only after it was verified, and images tagged before a failure stay tagged. A layout is always
/// complete: the old one or the new one.
pub fn execute(
    context: &Context,
    plan: &Plan,
    options: &ExecuteOptions,
    observer: &mut dyn Observer,
) -> Result<Report, Error> {
    if context.cancel.is_cancelled() {
        return Err(Error::new(ErrorKind::Interrupted, &ExecuteError::Cancelled));
    }
    let this_machine = crossdock_toolchain::host::current_platform().map_err(crate::error::missing)?;
    if plan.host != this_machine {
        let message = format!("the plan is for a host of {}, and this machine is {this_machine}", plan.host);
        return Err(Error::from_message(ErrorKind::Usage, message).hint("plan again without naming a host"));
    }
    let before: BTreeMap<&str, Found> =
        plan.images.iter().filter_map(|image| Some((image.name.as_str(), found(&image.layout)?))).collect();
    let completed = |mut report: Report| {
        report.since.clone_from(&plan.since);
        for image in &mut report.images {
            let had = before.get(image.name.as_str());
            image.is_as_before = had.is_some_and(|had| {
                had.digest == image.digest || found(&image.layout).is_some_and(|now| now.parts == had.parts)
            });
        }
        report
    };
    if plan.images.is_empty() {
        return Ok(completed(Report::default()));
    }
    let settings = options.settings(context)?;
    let result =
        crossdock_runner::execute::execute(plan, &settings, &context.environment, observer, &context.cancel);
    result.map(completed).map_err(|failure| {
        let Failure { error, report, .. } = *failure;
        explain(context, &error, &report).with_report(completed(report))
    })
}

/// An image in a layout.
struct Found {
    digest: Digest,
    /// The layers and settings of each platform, without the labels that name the commit.
    parts: Vec<(Vec<Digest>, RuntimeConfig)>,
}

/// Returns the image of a layout. One that cannot be read counts as absent: the run replaces it.
fn found(layout: &Utf8Path) -> Option<Found> {
    let layout = Layout::open(layout).ok()?;
    let index = layout.index().ok()?;
    let image = index.manifests.first()?;
    let source = ImageSource::of_layout(&layout, image).ok()?;
    let part = |platform: &SourcePlatform| {
        let layers = platform.manifest.value.layers.iter().map(|layer| layer.digest).collect();
        let mut settings = platform.config.value.config.clone();
        settings.labels.retain(|name, _| !name.starts_with("org.opencontainers.image."));
        (layers, settings)
    };
    let platforms = source.images().iter().flat_map(|image| &image.platforms);
    Some(Found { digest: image.digest, parts: platforms.map(part).collect() })
}

/// The number of further images whose errors follow that of a run.
const LINES: usize = 10;

/// Returns the error that ended a run, followed by a line for each other image that failed.
fn explain(context: &Context, error: &ExecuteError, report: &Report) -> Error {
    let mut plain = Error::new(error.kind(), error);
    if matches!(error, ExecuteError::Cancelled) {
        return plain;
    }
    let own = error.to_string();
    // An image that ended with the run has no error of its own, and the first error is the message already.
    let others = report
        .unfinished
        .iter()
        .filter(|other| other.reason != UnfinishedReason::RunEnded && other.why != own);
    let others: Vec<_> = others.collect();
    for other in others.iter().take(LINES) {
        plain = plain.line(&other.why);
    }
    if let Some(more) = others.len().checked_sub(LINES).filter(|more| *more > 0) {
        plain = plain.line(&format!("{more} more images failed; `--json` lists all"));
    }
    match error {
        ExecuteError::Refused { .. } => plain.hint("its existing tags are unchanged"),
        ExecuteError::Missing(missing) => {
            let program = &context.program;
            let setup =
                format!("`{program} dist --setup` installs the missing tools and shows each command first");
            let installable = missing.iter().all(|missing| !missing.unavailable.remedies.is_empty());
            let plain = if installable { plain.hint(setup) } else { plain };
            plain.hint(format!("`{program} doctor` lists every tool that the plan needs"))
        }
        ExecuteError::Image { source, .. } if is_about_temporary_files(source.as_ref()) => {
            plain.hint("free space there, or set TMPDIR to another directory")
        }
        ExecuteError::Image { source, .. } if is_about_limits(source.as_ref()) => plain.hint(
            "the layer is as it was built, and another copy of it would be the same: build the base image differently, or name another base",
        ),
        ExecuteError::Image { image, source } if is_damage(source.as_ref()) => {
            let program = &context.program;
            plain.hint(format!("the layout is damaged; rebuild it with `{program} dist --image {image}`"))
        }
        _ => plain,
    }
}

/// Whether an image could not be unpacked for want of a usable directory of temporary files.
fn is_about_temporary_files(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(SourceError::Root(root)) if root.is_about_temporary_files())
}

/// Whether a layer exceeds a limit of crossdock. It is the same however often it is built.
fn is_about_limits(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(SourceError::Root(root)) if root.is_about_limits())
}

/// Whether an image on disk differs from what its manifests describe.
fn is_damage(error: &(dyn std::error::Error + 'static)) -> bool {
    let is_about_image = error.is::<SourceError>() || error.is::<BlobError>();
    is_about_image && !is_about_machine(error)
}

/// Whether the operating system refused an operation: a full disk, too many open files, a missing permission. To build
/// the image again does not help. Files that are absent or of another kind are damage.
fn is_about_machine(error: &(dyn std::error::Error + 'static)) -> bool {
    let causes = std::iter::successors(Some(error), |cause| cause.source());
    causes.filter_map(|cause| cause.downcast_ref::<std::io::Error>()).any(|error| {
        let is_absent = matches!(
            error.kind(),
            std::io::ErrorKind::NotFound
                | std::io::ErrorKind::NotADirectory
                | std::io::ErrorKind::IsADirectory
        );
        error.raw_os_error().is_some() && !is_absent
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Error as IoError, ErrorKind as IoErrorKind};
    use std::path::Path;

    use crossdock_fs::FileError;
    use crossdock_oci::{Digest, LayerSource, RootLimits, RootView};

    use super::*;

    #[test]
    fn a_layer_beyond_a_limit_is_no_damage_of_the_layout() {
        // The beginning of a frame of zstd with a window of 256 MiB.
        let blob = b"\x28\xb5\x2f\xfd\0\x90\x01\0\0".to_vec();
        let digest = Digest::of(&blob);
        let mut root = RootView::new(RootLimits::default(), "/nonexistent");
        let layer = LayerSource { blob: Box::new(blob), digest, diff_id: digest };
        let error = SourceError::from(root.apply(layer).unwrap_err());
        assert!(is_about_limits(&error), "{error}");
    }

    #[test]
    fn only_a_changed_image_is_damaged() {
        let digest = Digest::of(b"blob");
        let file = |source| BlobError::File(FileError::on("write", Path::new("/store/blob"))(source));
        let wrapped = IoError::new(
            IoErrorKind::StorageFull,
            FileError::on("write a file in", Path::new("/store"))(IoError::from_raw_os_error(28)),
        );
        for (error, is_damaged) in [
            (BlobError::Missing { digest, store: "/store".into() }, true),
            (BlobError::Corrupt { expected: digest, found: Digest::of(b"other") }, true),
            (file(IoErrorKind::UnexpectedEof.into()), true),
            (file(IoError::from_raw_os_error(2)), true),
            // EMFILE, ENOSPC, EACCES.
            (file(IoError::from_raw_os_error(24)), false),
            (file(IoError::from_raw_os_error(28)), false),
            (file(IoError::from_raw_os_error(13)), false),
            (file(wrapped), false),
        ] {
            assert_eq!(is_damage(&error), is_damaged, "{error:?}");
        }
    }
}
