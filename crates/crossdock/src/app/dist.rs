//! `crossdock build`, `tag` and `dist`: make a plan, execute it, show what came of it.

use std::num::NonZeroUsize;

use super::arguments::{BuildArguments, DistArguments, Strictness};
use super::doctor::{Consent, set_up};
use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;
use crate::execute::{ExecuteError, Judging, Scope, Unproven, execute};
use crate::plan::{Goal, Plan};
use crate::report::{ImageReport, Report};
use crate::ui;

pub(super) fn build(session: &Session, arguments: &BuildArguments) -> Result<Exit, CommandError> {
    let plan = session.plan(&arguments.building, Goal::Build, None)?.plan;
    finish(session, &plan, arguments)
}

pub(super) fn tag(session: &Session, arguments: &BuildArguments) -> Result<Exit, CommandError> {
    let plan = session.plan(&arguments.building, Goal::Tag, None)?.plan;
    finish(session, &plan, arguments)
}

pub(super) fn run(session: &Session, arguments: &DistArguments) -> Result<Exit, CommandError> {
    let mut planned = session.plan(&arguments.build.building, Goal::Dist, None)?;
    if arguments.setup {
        planned = set_up(session, planned, Consent::Given)?;
    }
    finish(session, &planned.plan, &arguments.build)
}

fn finish(session: &Session, plan: &Plan, arguments: &BuildArguments) -> Result<Exit, CommandError> {
    let report = execute_plan(session, plan, arguments.strictness, arguments.building.jobs)?;
    if let Some(file) = &arguments.metadata_file {
        let path = session.environment.directory.join(file);
        let text = output::json_text(&report)?;
        crossdock_oci::write_atomically(&path, format!("{text}\n").as_bytes())
            .map_err(|error| CommandError::new(Exit::InputOutput, &error))?;
    }
    answer(session, &report)?;
    Ok(Exit::Done)
}

fn answer(session: &Session, report: &Report) -> Result<(), CommandError> {
    if !session.quiet() {
        output::say(&ui::table(report));
        if let Some(next) = ui::next(report, session.name, &session.environment.directory) {
            output::say(&next);
        }
    }
    if session.json() {
        return output::json(report);
    }
    let lines = report.images.iter().filter_map(|image| image.loaded.as_ref().or(image.references.first()));
    output::answer(&lines.map(|line| format!("{line}\n")).collect::<String>())
}

/// Executes a plan before the person's eyes.
pub(super) fn execute_plan(
    session: &Session,
    plan: &Plan,
    strictness: Strictness,
    jobs: Option<NonZeroUsize>,
) -> Result<Report, CommandError> {
    let judging = Judging {
        unproven: if strictness.strict { Unproven::Refused } else { Unproven::Tagged },
        scope: if strictness.all { Scope::All } else { Scope::Planned },
    };
    let settings = session.settings(judging, jobs);
    let mut progress = session.progress();
    let result = execute(plan, &settings, &session.environment, &mut progress, &session.cancel);
    drop(progress);
    result.map_err(|error| edge(session, error))
}

/// Shows what verification found, and answers in JSON where that was asked for.
fn show_refusal(session: &Session, image: &ImageReport) -> Result<(), CommandError> {
    output::say(&ui::verdicts(&image.name, &image.verdicts));
    match session.json() {
        true => output::json(&Report::of_image(image.clone())),
        false => Ok(()),
    }
}

fn edge(session: &Session, error: ExecuteError) -> CommandError {
    let exit = match &error {
        ExecuteError::Missing(_) => Exit::Missing,
        ExecuteError::Compiler { .. } | ExecuteError::NotMade { .. } | ExecuteError::Process(_) => {
            Exit::Program
        }
        ExecuteError::Refused(_) | ExecuteError::WrongProgram { .. } => Exit::No,
        ExecuteError::NotBuilt { .. } => Exit::Usage,
        ExecuteError::Image { .. } | ExecuteError::File { .. } | ExecuteError::Cache(_) => Exit::InputOutput,
        ExecuteError::Cancelled => Exit::Interrupted,
    };
    let plain = CommandError::new(exit, &error);
    match error {
        ExecuteError::Refused(image) => match show_refusal(session, &image) {
            Ok(()) => plain.hint("the tags that this image had before still point where they did"),
            Err(error) => error,
        },
        ExecuteError::Missing(_) => plain
            .hint(format!(
                "`{} dist --setup` installs what is missing, saying each command first",
                session.name
            ))
            .hint(format!("`{} doctor` lists every tool that the plan needs", session.name)),
        _ => plain,
    }
}
