//! `crossdock plan`.

use crossdock::plan::{Forge, Goal};
use crossdock::{discover, plan};

use crate::arguments::{ForgeName, GraphFormat, PlanCommand};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui::{matrix, plan as show};

pub(crate) fn run(session: &Session, arguments: &PlanCommand) -> Result<Exit, CommandError> {
    let mut options = session.shown_options(&arguments.build, Goal::Dist)?;
    options.host.clone_from(&arguments.host);
    let plan = plan(&discover(&session.context, &options)?)?;
    if let Some(forge) = arguments.matrix {
        let text = match forge {
            ForgeName::Github => matrix::github(&crossdock::plan::matrix(&plan, Forge::Github))
                .map_err(|error| CommandError::new(Exit::InputOutput, &error))?,
            ForgeName::Gitlab => matrix::gitlab(&crossdock::plan::matrix(&plan, Forge::Gitlab)),
        };
        // The machines of the jobs may have the tools that this one misses.
        return output::data(&text).map(|()| Exit::Done);
    }
    match (session.json(), arguments.graph) {
        (true, _) => output::json(&plan)?,
        (false, Some(GraphFormat::Mermaid)) => output::data(&show::mermaid(&plan))?,
        (false, Some(GraphFormat::Dot)) => output::data(&show::dot(&plan))?,
        (false, None) => output::answer(&show::tree(&plan, session.detail()))?,
    }
    Ok(if plan.missing.is_empty() { Exit::Done } else { Exit::Missing })
}
