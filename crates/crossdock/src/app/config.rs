//! `crossdock config`.

use serde::Serialize;

use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;
use crate::config::{Config, describe};

/// The answer of `config check --json`.
#[derive(Serialize)]
struct Checked<'a> {
    schema: &'static str,
    #[serde(flatten)]
    config: &'a Config,
}

pub(super) fn check(session: &Session) -> Result<Exit, CommandError> {
    let config = session.config()?;
    match session.json() {
        true => output::json(&Checked { schema: "crossdock.config/1", config: &config })?,
        false => output::answer(&describe(&config))?,
    }
    Ok(Exit::Done)
}
