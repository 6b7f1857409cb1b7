//! `crossdock run`: a container of this project's image, or of any other one.

use std::process::ExitCode;

use crossdock::registry::registry;
use crossdock::run::{Container, prepare_container, prepare_image};
use crossdock::subject::{Endpoint, Subject};

use crate::arguments::{FinishArgs, RunCommand, StrictnessArgs};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;

/// The exit code with which docker and podman report that they could not start the container.
const NOT_STARTED: i32 = 125;

pub(crate) fn run(session: &Session, arguments: &RunCommand) -> Result<ExitCode, CommandError> {
    if session.json() {
        let message = "`run` prints what the program prints, which `--json` cannot change";
        return Err(CommandError::message(Exit::Usage, message).hint("omit `--json`"));
    }
    let finish = FinishArgs { jobs: arguments.jobs, offline: arguments.offline, ..FinishArgs::default() };
    let execution = session.execute_options(StrictnessArgs::default(), &finish);
    let options = session.run_options(arguments);
    let container = match other_image(session, arguments)? {
        None => prepare_container(&session.context, &options, &execution, &mut session.progress())?,
        Some(image) => {
            if let Endpoint::Registry(reference) = &image {
                session.check_online(arguments.offline, &format!("run {reference}"))?;
            }
            let connection = super::push::options(session, &arguments.connection);
            let registry = registry(&session.context, &connection)?;
            let view = session.transfer(&format!("loading {image}"));
            prepare_image(&session.context, &registry, &image, &options, &view)?
        }
    };
    if !session.quiet() {
        output::say(&started(&container));
    }
    let status = container.run(&session.context)?;
    if status.code() == Some(NOT_STARTED) && !container.ports.is_empty() {
        output::say("  help: if a port is in use, publish another one: `--publish 8081:8080`");
    }
    // A client that a signal ended has no code.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or_else(|| ExitCode::from(Exit::Program as u8), ExitCode::from))
}

/// Returns an image that is not of this project: one with a transport or a registry's host, or the path of a layout or an
/// archive. A name without a slash is that of an image, even next to a directory of this name.
fn other_image(session: &Session, arguments: &RunCommand) -> Result<Option<Endpoint>, CommandError> {
    let Some(text) = &arguments.image else { return Ok(None) };
    let directory = session.context.directory();
    Ok(match Subject::parse(directory, text)? {
        Subject::Image(image) => Some(image),
        Subject::Path(path) if path.as_str().contains('/') => Some(Endpoint::find(directory, text)?),
        Subject::Path(_) => None,
    })
}

fn started(container: &Container) -> String {
    let Container { image, engine, platform, ports, .. } = container;
    let ports = ports.iter().map(|port| format!(", {} → {}", port.host, port.container));
    format!(
        "{image} for {platform} runs in {}{}; Ctrl-C stops it",
        engine.as_str(),
        ports.collect::<String>()
    )
}
