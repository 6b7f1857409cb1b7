//! Images in the stores of container engines.

use camino::Utf8Path;
use crossdock_oci::Digest;
use crossdock_system::process::ProcessError;

use crate::container_engine::{ask, command, not_run, refused};
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crossdock_runner::plan::LoadEngine;

/// An image as an engine knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Its ID: the digest of its configuration, or, in containerd's store, of its index or manifest.
    pub(crate) id: Digest,
    /// The digests under which registries know it.
    pub(crate) digests: Vec<Digest>,
}

impl Stored {
    /// Returns whether the engine knows the image by a digest.
    pub(crate) fn is(&self, digest: &Digest) -> bool {
        self.id == *digest || self.digests.contains(digest)
    }
}

/// Asks an engine for an image.
///
/// # Errors
/// The engine is missing or does not answer, or it has no such image.
pub(crate) fn inspect(context: &Context, engine: LoadEngine, name: &str) -> Result<Stored, Error> {
    let format = "{{.Id}} {{range .RepoDigests}}{{.}} {{end}}";
    let answer = ask(context, engine, &["image", "inspect", "--format", format, name])?;
    let mut words = answer.split_whitespace();
    // podman leaves out the algorithm.
    let id = words.next().unwrap_or_default();
    let id = id.parse().or_else(|_| format!("sha256:{id}").parse::<Digest>());
    let id = id.map_err(|error| Error::new(ErrorKind::Program, &error).at(engine.as_str()))?;
    let digests = words.filter_map(|name| name.rsplit_once('@')?.1.parse().ok()).collect();
    Ok(Stored { id, digests })
}

/// Writes an image to an archive: podman as an image layout, which keeps its names and its configuration; docker in the
/// form of its version.
///
/// # Errors
/// The engine does not have the image, or the disk is full.
pub(crate) fn save(
    context: &Context,
    engine: LoadEngine,
    name: &str,
    archive: &Utf8Path,
) -> Result<(), Error> {
    let format: &[&str] = match engine {
        LoadEngine::Docker => &[],
        LoadEngine::Podman => &["--quiet", "--format", "oci-archive"],
    };
    let arguments = [&["save"], format, &["--output", archive.as_str(), name]].concat();
    run(context, engine, &arguments).map(drop)
}

/// Loads an archive.
///
/// # Errors
/// The engine refuses it.
pub(crate) fn load(context: &Context, engine: LoadEngine, archive: &Utf8Path) -> Result<(), Error> {
    run(context, engine, &["load", "--quiet", "--input", archive.as_str()]).map(drop)
}

/// Runs a command that takes as long as it takes.
fn run(context: &Context, engine: LoadEngine, arguments: &[&str]) -> Result<String, Error> {
    let command = command(context, engine, arguments);
    match context.processes.stdout(&command) {
        Ok(answer) => Ok(answer),
        Err(ProcessError::Failed { stderr, .. }) => Err(refused(engine, arguments, &stderr)),
        Err(error) => Err(not_run(engine, &error)),
    }
}
