//! Questions to container engines, through their own clients: these know the server, by `DOCKER_HOST`, `DOCKER_CONTEXT` or the
//! context that `docker context use` selected.

use crossdock_platform::Platform;
use crossdock_runner::engine::refusal;
use crossdock_system::process::{Command, ProcessError};

use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crossdock_runner::plan::LoadEngine;

/// Returns the platform of an engine's server, which may differ from the client's.
///
/// # Errors
/// The engine is missing or does not answer.
pub(crate) fn server_platform(context: &Context, engine: LoadEngine) -> Result<Platform, Error> {
    let question = match engine {
        LoadEngine::Docker => ["version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"],
        LoadEngine::Podman => ["info", "--format", "{{.Version.OsArch}}"],
    };
    let answer = ask(context, engine, &question)?;
    let platform = Platform::parse(answer.trim()).map_err(|error| Error::new(ErrorKind::Program, &error))?;
    Ok(platform.normalized())
}

/// Returns the answer to a question, which must come soon.
pub(crate) fn ask(context: &Context, engine: LoadEngine, arguments: &[&str]) -> Result<String, Error> {
    let command = command(context, engine, arguments);
    let output = context.processes.ask(&command).map_err(|error| not_run(engine, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(refused(engine, arguments, &String::from_utf8_lossy(&output.stderr)))
}

pub(crate) fn command(context: &Context, engine: LoadEngine, arguments: &[&str]) -> Command {
    Command::new(engine.as_str(), context.directory().to_owned()).args(arguments.iter().copied())
}

/// Returns the error of a client that gave no answer.
pub(crate) fn not_run(engine: LoadEngine, error: &ProcessError) -> Error {
    let name = engine.as_str();
    match error {
        ProcessError::Cancelled => Error::new(ErrorKind::Interrupted, error),
        ProcessError::TimedOut { limit, .. } => {
            let message = format!("{name} did not answer within {} seconds", limit.as_secs());
            Error::from_message(ErrorKind::Missing, message)
                .hint("restart its server, or name the right one (DOCKER_HOST, `docker context use`)")
        }
        error if error.is_not_installed() => {
            Error::from_message(ErrorKind::Missing, format!("{name} is not installed"))
                .hint("`doctor` lists how to install it")
        }
        error => Error::new(ErrorKind::Missing, error),
    }
}

/// Returns the error of a client that failed, from its standard error.
pub(crate) fn refused(engine: LoadEngine, arguments: &[&str], stderr: &str) -> Error {
    let name = engine.as_str();
    let words = stderr.to_ascii_lowercase();
    // docker 20.10 and 28, podman 4.3.
    let absent = ["no such image", "reference does not exist", "image not known", "unable to find image"];
    if absent.iter().any(|sign| words.contains(sign)) {
        let image = arguments.last().unwrap_or(&"");
        return Error::from_message(ErrorKind::InputOutput, format!("{name} has no image `{image}`"))
            .hint(format!("`{name} image ls` lists its images"));
    }
    let full = ["no space left", "disk quota"].iter().any(|sign| words.contains(sign));
    match arguments.first() {
        Some(&("save" | "load")) if full || !words.contains("connect") => {
            let message = format!("`{name} {}` failed: {}", arguments.join(" "), stderr.trim());
            Error::from_message(ErrorKind::InputOutput, message)
        }
        _ => Error::from_message(ErrorKind::Missing, refusal(name, stderr).why),
    }
}
