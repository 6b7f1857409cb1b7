//! `crossdock config`.

use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;

pub(super) fn check(session: &Session) -> Result<Exit, CommandError> {
    let config = session.config()?;
    output::json(&config)?;
    Ok(Exit::Done)
}
