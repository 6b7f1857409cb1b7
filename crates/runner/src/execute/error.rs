use std::process::ExitStatus;

use camino::Utf8PathBuf;
use crossdock_oci::Digest;
use crossdock_verify::{Verdict, Verification};

use super::{EngineFailure, UnfitFile, WrongLabel};
use crate::plan::Missing;
use crate::report::ImageReport;
use crossdock_system::process::ProcessError;

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The plan needs what the host has not.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Missing(Vec<Missing>),
    /// A compiler failed; it has said why.
    #[error("the compiler failed ({status}); to run it by hand:\n  {command}")]
    Compiler {
        /// The command, as a shell takes it.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// An engine failed to build.
    #[error(transparent)]
    Engine(Box<EngineFailure>),
    /// Bake drops keys that it does not know.
    #[error("this version of buildx ignores {} of {file}: take a newer one", .ignored.join(", "))]
    Ignored {
        /// The bake file.
        file: Utf8PathBuf,
        /// The keys.
        ignored: Vec<String>,
    },
    /// An engine made an image of another platform than it was asked for.
    #[error(transparent)]
    Labelled(Box<WrongLabel>),
    /// A compiler succeeded without making what was asked for.
    #[error("{program} was not made, although the compiler reported success; the command was:\n  {command}")]
    NotMade {
        /// The program.
        program: String,
        /// The command, as a shell takes it.
        command: String,
    },
    /// A process could not be run.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// An image could not be written or read.
    #[error("image `{image}`: {source}")]
    Image {
        /// The image.
        image: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What `files` names cannot be packed.
    #[error(transparent)]
    Unfit(Box<UnfitFile>),
    /// Somebody else's file stands where an archive goes.
    #[error(
        "image `{image}`: {path} is there, and is no archive that crossdock wrote: it is left as it is, and nothing was \
         built; move it away, or write to another folder with --output"
    )]
    InTheWay {
        /// The image.
        image: String,
        /// What stands there.
        path: Utf8PathBuf,
    },
    /// Nothing was built that could be verified or tagged.
    #[error("image `{image}` was not built yet: {layout} holds no image; run `build` or `dist` first")]
    NotBuilt {
        /// The image.
        image: String,
        /// Its layout.
        layout: Utf8PathBuf,
    },
    /// The layout of a base image is another one than it was when the plan was made.
    #[error(
        "--base-from {name}: {layout} no longer holds an image with the digest {digest}, which it held when the plan was \
         made; run the command again"
    )]
    BaseChanged {
        /// As a Dockerfile names it.
        name: String,
        /// Its layout.
        layout: Utf8PathBuf,
        /// The image.
        digest: Digest,
    },
    /// Verification said no.
    #[error("image `{}` was not tagged: {}", .0.name, in_words(&.0.verdicts))]
    Refused(Box<ImageReport>),
    /// A program for a release archive is not what the plan asked for.
    #[error("image `{image}`: {} is not right for {}: {}", .verdicts.subject, .verdicts.target, first_message(.verdicts))]
    WrongProgram {
        /// The image whose program it is.
        image: String,
        /// What was found.
        verdicts: Box<Verification>,
    },
    /// The cache's folder cannot be used.
    #[error("the cache cannot be used; CROSSDOCK_CACHE_DIR names another folder for it")]
    Cache(#[from] crossdock_fs::FileError),
    /// A file could not be written or read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: Utf8PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A mistake in crossdock.
    #[error("`{step}` ended with a mistake of crossdock's own: {message}; please report it")]
    Panicked {
        /// What was done.
        step: String,
        /// What was said.
        message: String,
    },
    /// Interrupted.
    #[error("interrupted")]
    Cancelled,
}

/// `it fails on m5.large and is unproven on m7g.large`.
fn in_words(verdicts: &[Verification]) -> String {
    let words = |verdict: Verdict, verb: &str| {
        let targets: Vec<&str> = verdicts
            .iter()
            .filter(|target| target.verdict() == verdict)
            .map(|target| target.target.as_str())
            .collect();
        (!targets.is_empty()).then(|| format!("{verb} on {}", targets.join(", ")))
    };
    let parts =
        [words(Verdict::Fails, "it would not start"), words(Verdict::Unproven, "it is not proven to start")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", and ")
}

fn first_message(verdicts: &Verification) -> &str {
    verdicts.findings.first().map_or("nothing more is known", |finding| finding.message.as_str())
}
