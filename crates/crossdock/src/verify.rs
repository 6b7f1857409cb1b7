//! Verification of images and programs, whichever tool built them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::open_regular;
use crossdock_oci::{ImageSource, PlatformObject, SourceError, SourceImage, SourcePlatform, may_be_archive};
use crossdock_project::config::{Config, Source, Sourced};
use crossdock_runner::planner::named_targets;
use crossdock_subjects::{Options, ProgramFile, own_target, unknown_platform, verify_file};
use crossdock_verify::Program;

pub use crossdock_runner::plan::Target;
pub use crossdock_subjects::Scope;
pub use crossdock_verify::{Evidence, Finding, Node, Severity, Verdict, Verification};

use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output, usage};

/// Options of a verification.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// The nodes to verify against. If empty, an image is verified against its own platforms, and a program is an
    /// error.
    pub nodes: Vec<Sourced<String>>,
    /// The configuration that defines `deploy:NAME`, instead of the nearest `crossdock.toml`.
    pub config: Option<Utf8PathBuf>,
    /// The programs of an image to verify.
    pub scope: Scope,
}

impl VerifyOptions {
    /// Returns the options that choose nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses the nodes to verify against, in any vocabulary: `m7g.large`, `linux/arm64`, or `deploy:NAME` of the
    /// configuration.
    #[must_use]
    pub fn nodes(self, nodes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let source = || Source::Caller("nodes".to_owned());
        Self { nodes: nodes.into_iter().map(|node| Sourced::new(node.into(), source())).collect(), ..self }
    }

    /// Chooses the programs of an image that are verified.
    #[must_use]
    pub fn scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }
}

/// The result for one image or program.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verified {
    /// The path; for an image followed by `@` and its digest.
    pub name: String,
    /// The result for each node.
    pub targets: Vec<Verification>,
}

impl Verified {
    /// Returns the gravest verdict of all nodes; [`Verdict::Unproven`] if no node was verified against.
    pub fn verdict(&self) -> Verdict {
        Verdict::gravest(&self.targets)
    }
}

/// Resolves descriptions of nodes, e.g. `m7g.large` or `deploy:NAME`. The configuration is read only if a description
/// refers to it.
///
/// # Errors
/// A description is unknown or names no platform.
pub fn targets(context: &Context, options: &VerifyOptions) -> Result<Vec<Target>, Error> {
    let config = if options.nodes.iter().any(|node| node.value.starts_with("deploy:")) {
        context.config(options.config.as_ref())?
    } else {
        Config::unconfigured(&context.environment.directory)
    };
    named_targets(&config, &options.nodes).map_err(usage)
}

/// Verifies the file or directory at a path: each image of an OCI image layout, of an OCI or docker archive, or a
/// program file. The result has one entry for each image or program. A program that would not start is not an error:
/// see [`Verified::verdict`].
///
/// ```
/// use crossdock::verify::{Verdict, VerifyOptions};
/// use crossdock::{Context, Environment, verify};
///
/// # let environment = Environment::new("/").with_variable("HOME", "/nonexistent");
/// let context = Context::builder(environment).finish()?;
/// let program = std::env::current_exe()?;
/// // This example does not run on s390x, so its own program cannot start there.
/// let options = VerifyOptions::new().nodes(["linux/s390x"]);
/// let verified = verify(&context, program.to_str().unwrap_or_default().as_ref(), &options)?;
/// assert_eq!(verified[0].verdict(), Verdict::Fails);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A node is unknown, the path is unreadable, a program has no node, or an image is damaged.
pub fn verify(context: &Context, path: &Utf8Path, options: &VerifyOptions) -> Result<Vec<Verified>, Error> {
    verify_for(context, path, &targets(context, options)?, options.scope)
}

/// Verifies the file or directory at a path against resolved targets; see [`verify`](verify()).
///
/// # Errors
/// Those of [`verify`](verify()), except for unknown nodes.
pub fn verify_for(
    context: &Context,
    path: &Utf8Path,
    targets: &[Target],
    scope: Scope,
) -> Result<Vec<Verified>, Error> {
    verify_path(context, path, targets, scope, &Mutex::new(()))
}

/// Verifies one path. `one_image` is locked while an image is verified.
fn verify_path(
    context: &Context,
    path: &Utf8Path,
    targets: &[Target],
    scope: Scope,
    one_image: &Mutex<()>,
) -> Result<Vec<Verified>, Error> {
    context.unless_cancelled(|| {
        let path = &context.environment.directory.join(path);
        let temporary = &context.environment.temporary_directory();
        let failed = |error: &dyn std::error::Error| Error::new(ErrorKind::InputOutput, error).at(path);
        let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => failed(&error)
                .hint("pass the path of an OCI layout, an archive or a program; `dist` names the layout of each image"),
            _ => failed(&error),
        })?;
        if !metadata.is_dir() && !metadata.is_file() {
            let message = format!("{path} is a pipe, a socket or a device; save its content to a file first");
            return Err(Error::from_message(ErrorKind::InputOutput, message));
        }
        if !metadata.is_dir() && !may_be_archive(path.as_std_path()).map_err(|error| failed(&error))? {
            return program(path, &metadata, targets);
        }
        let _one = one_image.lock().unwrap_or_else(PoisonError::into_inner);
        match ImageSource::open(path.as_std_path(), temporary) {
            Ok(source) => images(path, &source, targets, scope, temporary),
            // A compressed file that is not an archive is verified as the program that the caller took it for.
            Err(error) if error.is_no_archive() && !targets.is_empty() => program(path, &metadata, targets),
            Err(error) => Err(input_output(error)),
        }
    })
}

/// Verifies several files and directories against resolved targets, and hands the result of each to `each`, in the order
/// of the paths and as soon as it is known. A path that cannot be verified does not stop the others. Programs are verified
/// in parallel, images one after the other, which bounds memory.
///
/// # Errors
/// The first error of `each`, which ends the verification.
pub fn verify_each<E>(
    context: &Context,
    paths: &[Utf8PathBuf],
    targets: &[Target],
    scope: Scope,
    mut each: impl FnMut(&Utf8Path, Result<Vec<Verified>, Error>) -> Result<(), E>,
) -> Result<(), E> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, one_image) = (AtomicUsize::new(0), Mutex::new(()));
    std::thread::scope(|threads| {
        let (sender, results) = mpsc::channel();
        for _ in 0..processors.min(paths.len()) {
            let sender = sender.clone();
            threads.spawn(|| {
                let sender = sender;
                while let Some((number, path)) = take(paths, &next) {
                    let result = verify_path(context, path, targets, scope, &one_image);
                    // Nobody receives after an error of `each`.
                    if sender.send((number, result)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let (mut early, mut number) = (BTreeMap::new(), 0);
        for (ended, result) in results {
            early.insert(ended, result);
            while let Some(result) = early.remove(&number) {
                each(&paths[number], result)?;
                number += 1;
            }
        }
        Ok(())
    })
}

/// Returns the next path that no thread has taken, with its number.
fn take<'a>(paths: &'a [Utf8PathBuf], next: &AtomicUsize) -> Option<(usize, &'a Utf8PathBuf)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    paths.get(number).map(|path| (number, path))
}

fn images(
    path: &Utf8Path,
    source: &ImageSource,
    targets: &[Target],
    scope: Scope,
    temporary: &Path,
) -> Result<Vec<Verified>, Error> {
    if source.images().is_empty() {
        return Err(Error::from_message(ErrorKind::InputOutput, format!("{path} contains no image")));
    }
    let named = |image: &SourceImage| format!("{path}@{}", image.descriptor.digest);
    let images = source.images().iter();
    images.map(|image| verify_image(named(image), path, source, image, targets, scope, temporary)).collect()
}

/// Verifies one image of a source. `place` is where it comes from, for errors.
pub(crate) fn verify_image(
    name: String,
    place: &Utf8Path,
    source: &ImageSource,
    image: &SourceImage,
    targets: &[Target],
    scope: Scope,
    temporary: &Path,
) -> Result<Verified, Error> {
    // A manifest without a platform is verified for the nodes that the caller names.
    let is_covered = |platform: &PlatformObject| platform.is_empty() && !targets.is_empty();
    let unknown = image.platforms.iter().map(SourcePlatform::platform);
    let unknown: Vec<_> = unknown.filter(|name| own_target(name).is_none() && !is_covered(name)).collect();
    let targets: Vec<_> = match targets {
        [] => image.platforms.iter().filter_map(|found| own_target(found.platform())).collect(),
        targets => targets.iter().map(Target::for_verification).collect(),
    };
    let options = Options::new(&targets, temporary).with_scope(scope);
    let mut verifications = crossdock_subjects::verify(&name, source, image, &options)
        .map_err(|error| unreadable(&error, place))?;
    verifications.extend(unknown.into_iter().map(|platform| unknown_platform(&name, platform)));
    if verifications.is_empty() {
        // To say nothing would look like success.
        let message = format!("{name} has no image of a platform: its index is empty, or it is not an image");
        return Err(Error::from_message(ErrorKind::InputOutput, message));
    }
    Ok(Verified { name, targets: verifications })
}

/// Returns the error for an image about which no statement is possible.
fn unreadable(error: &SourceError, place: &Utf8Path) -> Error {
    let is_about_limits = matches!(error, SourceError::Root(root) if root.is_about_limits());
    let error = Error::new(ErrorKind::InputOutput, error).at(place);
    if is_about_limits { error } else { error.hint(AGAIN) }
}

const AGAIN: &str = "a damaged image cannot be verified; build, pull or copy it again";

fn program(
    path: &Utf8Path,
    metadata: &std::fs::Metadata,
    targets: &[Target],
) -> Result<Vec<Verified>, Error> {
    if targets.is_empty() {
        let message = format!(
            "{path} is a program; specify a target with `--for`, e.g. `--for linux/arm64` or `--for m7g.large`"
        );
        return Err(Error::from_message(ErrorKind::Usage, message));
    }
    let file = open_regular(path.as_std_path()).and_then(ProgramFile::new);
    let file = file.map_err(|error| input_output(error).at(path))?;
    let program = Program::from_file(path.as_str(), &file);
    let program = match mode(metadata) {
        Some(mode) => program.with_mode(mode),
        None => program,
    };
    let targets = targets.iter().map(|target| verify_file(&program, &target.for_verification())).collect();
    Ok(vec![Verified { name: path.to_string(), targets }])
}

#[cfg(unix)]
fn mode(metadata: &std::fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    Some(metadata.permissions().mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &std::fs::Metadata) -> Option<u32> {
    None
}
