//! `crossdock run`: a container of this project's image.

use std::process::ExitCode;

use crossdock::run::{Container, prepare_container};

use crate::arguments::{RunCommand, StrictnessArgs};
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
    let execution = session.execute_options(StrictnessArgs::default(), arguments.jobs);
    let options = session.run_options(arguments);
    let container = prepare_container(&session.context, &options, &execution, &mut session.progress())?;
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

fn started(container: &Container) -> String {
    let Container { image, engine, platform, ports, .. } = container;
    let ports = ports.iter().map(|port| format!(", {} → {}", port.host, port.container));
    format!(
        "{image} for {platform} runs in {}{}; Ctrl-C stops it",
        engine.as_str(),
        ports.collect::<String>()
    )
}
