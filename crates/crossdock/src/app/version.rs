//! `crossdock version`.

use serde::Serialize;

use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;

/// The answer of `version --json`.
#[derive(Serialize)]
struct Version {
    schema: &'static str,
    version: &'static str,
}

pub(super) fn run(session: &Session) -> Result<Exit, CommandError> {
    let version = env!("CARGO_PKG_VERSION");
    match session.json() {
        true => output::json(&Version { schema: "crossdock.version/1", version })?,
        false => output::answer(&format!("crossdock {version}"))?,
    }
    Ok(Exit::Done)
}
