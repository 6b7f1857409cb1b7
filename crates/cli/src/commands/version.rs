//! `crossdock version`.

use serde::Serialize;

use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;

/// The answer of `version --json`.
#[derive(Serialize)]
struct Version {
    schema: &'static str,
    version: &'static str,
}

pub(crate) fn run(session: &Session) -> Result<Exit, CommandError> {
    let version = env!("CARGO_PKG_VERSION");
    if session.json() {
        output::json(&Version { schema: "crossdock.version/1", version })?;
    } else {
        output::answer(&format!("crossdock {version}"))?;
    }
    Ok(Exit::Done)
}
