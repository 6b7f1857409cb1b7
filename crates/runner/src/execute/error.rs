//! The errors of a run.

mod details;

use std::process::ExitStatus;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_oci::Digest;
use crossdock_platform::Platform;
use crossdock_system::process::ProcessError;

use crate::plan::{ImagePlan, Missing};
use crate::report::Report;

pub(super) use details::MAX_DEPTH;
pub use details::{EngineFailure, FileFault, UnpackableFile, WrongPlatform};

/// A run that did not succeed: the error, and the results up to then.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct Failure {
    /// The error that ended the run. If none did, the most severe error of a single image; the others are in
    /// [`Report::unfinished`].
    #[source]
    pub error: ExecuteError,
    /// The result of every image that the run reached.
    pub report: Report,
}

/// The reason why a run, or one image of it, failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// The plan has requirements that the host does not satisfy; nothing was run.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Missing(Vec<Missing>),
    /// A compiler failed; its messages were sent to the observer.
    #[error("the compiler failed ({status}); to run it by hand:\n  {command}")]
    Compiler {
        /// The command, quoted for a shell.
        command: String,
        /// The compiler's exit status.
        status: ExitStatus,
    },
    /// A container engine failed to build an image.
    #[error(transparent)]
    Engine(Box<EngineFailure>),
    /// `buildx bake` ignored keys of the bake file, as it does with keys that its version does not know.
    #[error("this version of buildx ignores {} in {file}; upgrade buildx", .keys.join(", "))]
    IgnoredKeys {
        /// The bake file.
        file: Utf8PathBuf,
        /// The keys, as `target.NAME.KEY`.
        keys: Vec<String>,
    },
    /// A container engine built an image for another platform than the requested one.
    #[error(transparent)]
    WrongPlatform(Box<WrongPlatform>),
    /// A layout lists several images, and nothing tells which one was built last.
    #[error("{layout}: the layout of image `{image}` has several images, and nothing tells which one was built last: {}; run `build` again", images.join(", "))]
    SeveralImages {
        /// The layout.
        layout: Utf8PathBuf,
        /// The image.
        image: String,
        /// The digests of the images.
        images: Vec<String>,
    },
    /// A command succeeded without writing the file that the plan expects of it.
    #[error("`{output}` was not made, although the command reported success:\n  {command}")]
    NotMade {
        /// The program or the file.
        output: String,
        /// The command, quoted for a shell.
        command: String,
    },
    /// A process could not be started, or its output could not be read.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The layers of a base image could not be fetched.
    #[error("the base `{base}`: {source}")]
    Base {
        /// The base.
        base: String,
        /// The cause.
        #[source]
        source: BaseFetchError,
    },
    /// An image could not be written or read.
    #[error("image `{image}`: {source}")]
    Image {
        /// The image's name.
        image: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// `files` of an image names something that cannot be packed.
    #[error(transparent)]
    UnpackableFile(Box<UnpackableFile>),
    /// The path of an archive is taken by a file that crossdock did not write.
    #[error(
        "image `{image}`: {path} exists and is not an archive that crossdock wrote; it was left unchanged and nothing was \
         built; move it away, or choose another directory with `--output`"
    )]
    ForeignArchive {
        /// The image's name.
        image: String,
        /// The path.
        path: Utf8PathBuf,
    },
    /// A layout holds the image of another project.
    #[error(
        "image `{image}`: {layout} holds an image of {found}, not of {wanted}; choose another directory with `--output`, or \
         remove {layout} and run `dist`"
    )]
    ForeignLayout {
        /// The image's name.
        image: String,
        /// The layout.
        layout: Utf8PathBuf,
        /// The program that the image was built from.
        found: String,
        /// The program of the plan.
        wanted: String,
    },
    /// The image in a layout was built from another version or commit than the plan's, whose tags it would get.
    #[error("image `{image}`: {layout} holds {found}, not {wanted}; run `build` again")]
    OtherCommit {
        /// The image's name.
        image: String,
        /// The layout.
        layout: Utf8PathBuf,
        /// The version and commit of the image, as `version 0.1.0 of commit 1a2b3c4`.
        found: String,
        /// The version and commit of the plan.
        wanted: String,
    },
    /// git would see what the run writes, which would make each later build one of a changed checkout.
    #[error(
        "git does not ignore {path}, which would make each later build one of a changed checkout; nothing was built; add \
         `{line}` to {ignore}, or choose another directory"
    )]
    SeenByGit {
        /// The file or directory that the run would write.
        path: Utf8PathBuf,
        /// The line that makes git ignore it.
        line: Utf8PathBuf,
        /// The file for that line.
        ignore: Utf8PathBuf,
    },
    /// Cargo would write among the sources of a checkout, which would make each later build one of a changed checkout.
    #[error(
        "cargo's target directory {path} holds the project's sources, and what cargo writes there would make each later build \
         one of a changed checkout; nothing was built; set `target-dir` of cargo's configuration, or CARGO_TARGET_DIR, to a \
         directory without sources"
    )]
    BuildsAmongSources {
        /// Cargo's target directory.
        path: Utf8PathBuf,
    },
    /// An image is to be verified or tagged that no run has built.
    #[error("image `{image}` was not built yet: {layout} holds no image; run `build` or `dist` first")]
    NotBuilt {
        /// The image's name.
        image: String,
        /// Its layout.
        layout: Utf8PathBuf,
    },
    /// The layout of a base image changed after the plan was made.
    #[error(
        "--base-from {name}: {layout} no longer holds an image with the digest {digest}, which it held when the plan was \
         made; run the command again"
    )]
    BaseChanged {
        /// The base image's name in the Dockerfile.
        name: String,
        /// Its layout.
        layout: Utf8PathBuf,
        /// The digest of the image that the plan uses.
        digest: Digest,
    },
    /// Verification rejected an image, so that it was not tagged. The findings are in the run's [`Report`].
    #[error("image `{image}` was not tagged: {}", refusal(.fails_on, .unproven_on))]
    Refused {
        /// The image's name.
        image: String,
        /// The targets on which it would not start.
        fails_on: Vec<String>,
        /// The targets on which it is not proven to start.
        unproven_on: Vec<String>,
    },
    /// A program for a release archive is not what the plan asked for.
    #[error(
        "image `{image}`: {} is not right for {}: {}", .verification.subject, .verification.target,
        first_message(.verification)
    )]
    WrongProgram {
        /// The name of the image that the program belongs to.
        image: String,
        /// The verification of the program. No image holds it, so that it is in no [`Report`].
        verification: Box<crossdock_verify::Verification>,
    },
    /// The cache directory cannot be used.
    #[error("the cache cannot be used; set CROSSDOCK_CACHE_DIR to another directory")]
    Cache(#[source] crossdock_fs::FileError),
    /// A file could not be written or read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: Utf8PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// An invariant of crossdock is broken.
    #[error("internal error: {0}; please report it")]
    Internal(InternalError),
    /// The run was cancelled.
    #[error("interrupted")]
    Cancelled,
}

/// The class of a failure, for a program to decide by. The command line maps each kind to an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The result is negative: verification failed, a description is unknown or ambiguous, or generated files differ.
    Rejected,
    /// An option, an argument, the configuration or a file of the project is invalid.
    Usage,
    /// The host lacks a tool or a toolchain; the hints name the command that installs it.
    Missing,
    /// A compiler, an engine or another program failed, or an invariant of crossdock is broken.
    Program,
    /// Reading, writing or the network failed.
    InputOutput,
    /// The call was cancelled through its [`Cancel`](crossdock_system::process::Cancel).
    Interrupted,
}

/// The reason why layers of a base image could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct BaseFetchError {
    /// The class of the failure.
    pub kind: ErrorKind,
    /// The cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A broken invariant of crossdock: a plan that contradicts itself, or a panic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InternalError {
    /// A step works on an image that is not in the plan.
    #[error("a step works on image `{image}`, which the plan does not hold")]
    UnknownImage {
        /// The image's name.
        image: String,
    },
    /// A step needs a part of an image's plan that is not there.
    #[error("a step needs {part} of image `{image}`, which the plan does not hold")]
    Unplanned {
        /// The image's name.
        image: String,
        /// The part, as `the archive`.
        part: &'static str,
    },
    /// A step needs the result of another step that did not run before it.
    #[error("a step of image `{image}` ran before the step that makes {result}")]
    TooEarly {
        /// The image's name.
        image: String,
        /// The missing result.
        result: String,
    },
    /// A platform has no layers when its image is assembled.
    #[error("image `{image}` would be assembled without layers for {platform}")]
    NoLayers {
        /// The image's name.
        image: String,
        /// The platform.
        platform: Platform,
    },
    /// A step writes a layout that the run has not locked.
    #[error("a step writes {layout}, which the run has not locked")]
    NotLocked {
        /// The layout.
        layout: Utf8PathBuf,
    },
    /// The copy of a build context met a path outside of it.
    #[error("{path} is not in the build context {context}")]
    OutsideContext {
        /// The path.
        path: Utf8PathBuf,
        /// The directory of the build context.
        context: Utf8PathBuf,
    },
    /// A step panicked.
    #[error("step `{step}` panicked: {message}")]
    Panic {
        /// The step's title.
        step: String,
        /// The panic's message.
        message: String,
    },
}

// Written out, because `#[from]` would make the inner error a cause too, and a report would name it twice.
impl From<InternalError> for ExecuteError {
    fn from(error: InternalError) -> Self {
        Self::Internal(error)
    }
}

impl ExecuteError {
    /// Returns the class of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Missing(_) => ErrorKind::Missing,
            Self::Compiler { .. }
            | Self::Engine(_)
            | Self::IgnoredKeys { .. }
            | Self::NotMade { .. }
            | Self::Process(_)
            | Self::Internal(_) => ErrorKind::Program,
            Self::Refused { .. } | Self::WrongProgram { .. } | Self::WrongPlatform(_) => ErrorKind::Rejected,
            Self::NotBuilt { .. }
            | Self::ForeignLayout { .. }
            | Self::SeveralImages { .. }
            | Self::OtherCommit { .. }
            | Self::SeenByGit { .. }
            | Self::BuildsAmongSources { .. }
            | Self::UnpackableFile(_)
            | Self::ForeignArchive { .. } => ErrorKind::Usage,
            Self::Image { .. } | Self::File { .. } | Self::BaseChanged { .. } | Self::Cache(_) => {
                ErrorKind::InputOutput
            }
            Self::Base { source, .. } => source.kind,
            Self::Cancelled => ErrorKind::Interrupted,
        }
    }

    /// Whether the error concerns one image and not the machine, so that the other images can go on.
    pub(super) fn is_about_one_image(&self) -> bool {
        let of_its_layout = matches!(
            self,
            Self::NotBuilt { .. }
                | Self::ForeignLayout { .. }
                | Self::SeveralImages { .. }
                | Self::OtherCommit { .. }
        );
        self.is_refusal() || of_its_layout
    }

    /// Whether verification rejected something.
    pub(super) fn is_refusal(&self) -> bool {
        self.kind() == ErrorKind::Rejected
    }
}

/// Adds an image's name to any error.
pub(super) fn image_error<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    image: &ImagePlan,
) -> impl Fn(E) -> ExecuteError {
    move |source| ExecuteError::Image { image: image.name.clone(), source: source.into() }
}

/// Adds a path to an error of the system.
pub(super) fn file_error(path: &Utf8Path) -> impl Fn(std::io::Error) -> ExecuteError {
    move |source| ExecuteError::File { path: path.to_owned(), source }
}

/// Adds a path to any other error.
pub(super) fn other_file_error<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    path: &Utf8Path,
) -> impl Fn(E) -> ExecuteError {
    move |error| file_error(path)(std::io::Error::other(error))
}

pub(super) fn not_built(image: &ImagePlan) -> ExecuteError {
    ExecuteError::NotBuilt { image: image.name.clone(), layout: image.layout.clone() }
}

/// `it would not start on m5.large, and it is not proven to start on m7g.large`.
fn refusal(fails_on: &[String], unproven_on: &[String]) -> String {
    let parts = [("it would not start", fails_on), ("it is not proven to start", unproven_on)];
    let parts = parts.into_iter().filter(|(_, targets)| !targets.is_empty());
    parts
        .map(|(text, targets)| format!("{text} on {}", targets.join(", ")))
        .collect::<Vec<_>>()
        .join(", and ")
}

fn first_message(verification: &crossdock_verify::Verification) -> &str {
    verification.findings.first().map_or("nothing more is known", |finding| finding.message.as_str())
}
