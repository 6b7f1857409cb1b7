//! `crossdock plan`.

use crossdock::plan::Goal;
use crossdock::{discover, plan};

use crate::arguments::{GraphFormat, PlanCommand};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui::plan as show;

pub(crate) fn run(session: &Session, arguments: &PlanCommand) -> Result<Exit, CommandError> {
    let mut options = session.build_options(&arguments.build, Goal::Dist)?;
    options.host.clone_from(&arguments.host);
    let plan = plan(&discover(&session.context, &options)?)?;
    match (session.json(), arguments.graph) {
        (true, _) => output::json(&plan)?,
        (false, Some(GraphFormat::Mermaid)) => output::data(&show::mermaid(&plan))?,
        (false, Some(GraphFormat::Dot)) => output::data(&show::dot(&plan))?,
        (false, None) => output::answer(&show::tree(&plan, session.detail()))?,
    }
    Ok(if plan.missing.is_empty() { Exit::Done } else { Exit::Missing })
}
