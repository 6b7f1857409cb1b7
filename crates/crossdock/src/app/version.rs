//! `crossdock version`.

use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;

pub(super) fn run(_session: &Session) -> Result<Exit, CommandError> {
    output::answer(&format!("crossdock {}", env!("CARGO_PKG_VERSION")))?;
    Ok(Exit::Done)
}
