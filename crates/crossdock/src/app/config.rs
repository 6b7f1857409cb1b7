//! `crossdock config`.

use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;
use crate::config::describe;

pub(super) fn check(session: &Session) -> Result<Exit, CommandError> {
    let config = session.config()?;
    match session.json() {
        true => output::json(&config)?,
        false => output::answer(&describe(&config))?,
    }
    Ok(Exit::Done)
}
