//! `crossdock plan`.

use super::arguments::{GraphFormat, PlanArguments};
use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;
use crate::ui::plan as show;
use crossdock_runner::plan::Goal;

pub(super) fn run(session: &Session, arguments: &PlanArguments) -> Result<Exit, CommandError> {
    let plan = session.plan(&arguments.building, Goal::Dist, arguments.host.as_deref())?.plan;
    match (session.json(), arguments.graph) {
        (true, _) => output::json(&plan)?,
        (false, Some(GraphFormat::Mermaid)) => output::answer(&show::mermaid(&plan))?,
        (false, Some(GraphFormat::Dot)) => output::answer(&show::dot(&plan))?,
        (false, None) => output::answer(&show::tree(&plan, session.detail()))?,
    }
    Ok(if plan.missing.is_empty() { Exit::Done } else { Exit::Missing })
}
