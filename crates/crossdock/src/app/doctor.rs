//! `crossdock doctor`.

use super::arguments::{Building, DoctorArguments};
use super::error::{CommandError, Exit};
use super::session::Session;
use crate::plan::Plan;

pub(super) fn run(_session: &Session, _arguments: &DoctorArguments) -> Result<Exit, CommandError> {
    Ok(Exit::Done)
}
pub(super) fn set_up(_session: &Session, _building: &Building, plan: Plan) -> Result<Plan, CommandError> {
    Ok(plan)
}
