//! `crossdock build`, `tag` and `dist`: make a plan, execute it, show what came of it.

use std::num::NonZeroUsize;

use camino::Utf8Path;
use crossdock_oci::{BlobError, SourceError};

use super::arguments::{BuildArguments, Building, DistArguments, Strictness, TagArguments, Telling};
use super::doctor::{Consent, SetUp, by_hand, set_up};
use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;
use crate::ui;
use crossdock_runner::execute::{ExecuteError, Failure, Judging, Scope, Unproven, execute};
use crossdock_runner::plan::{Goal, Plan};
use crossdock_runner::report::{ImageReport, Reason, Report, Status};

pub(super) fn build(session: &Session, arguments: &BuildArguments) -> Result<Exit, CommandError> {
    let BuildArguments { building, telling } = arguments;
    finish(session, &session.plan(building, Goal::Build, None)?.plan, building, telling)
}

pub(super) fn tag(session: &Session, arguments: &TagArguments) -> Result<Exit, CommandError> {
    let TagArguments { selection, finishing, telling } = arguments;
    let (selection, finishing) = (selection.clone(), finishing.clone());
    let building = Building { selection, finishing, ..Building::default() };
    finish(session, &session.plan(&building, Goal::Tag, None)?.plan, &building, telling)
}

pub(super) fn run(session: &Session, arguments: &DistArguments) -> Result<Exit, CommandError> {
    let BuildArguments { building, telling } = &arguments.build;
    let planned = session.plan(building, Goal::Dist, None)?;
    if !arguments.setup {
        return finish(session, &planned.plan, building, telling);
    }
    let SetUp { planned, by_hand: open } = set_up(session, planned, Consent::Given)?;
    let result = finish(session, &planned.plan, building, telling);
    result.map_err(|error| match error.exit {
        // What the set-up could not bring, it will not bring the next time.
        Exit::Missing if open.is_empty() => CommandError { hints: vec![COULD_NOT.to_owned()], ..error },
        Exit::Missing => {
            CommandError { hints: open.iter().map(|commands| by_hand(commands)).collect(), ..error }
        }
        _ => error,
    })
}

const COULD_NOT: &str = "the set-up could not bring it, as it said above; run one of the commands by hand, or leave the platform out";

fn finish(
    session: &Session,
    plan: &Plan,
    building: &Building,
    telling: &Telling,
) -> Result<Exit, CommandError> {
    let (report, error) = match execute_plan(session, plan, telling.strictness, building.finishing.jobs) {
        Ok(report) => (report, None),
        Err(failure) => (failure.report, Some(failure.error)),
    };
    if let Some(ExecuteError::Cancelled) = error {
        return Err(CommandError::new(Exit::Interrupted, &ExecuteError::Cancelled));
    }
    let told = metadata(session, &report, telling.metadata_file.as_deref()).and(answer(session, &report));
    match (error, told) {
        (None, told) => told.map(|()| Exit::Done),
        (Some(error), Ok(())) => Err(edge(session, &error, &report)),
        // What ended the run counts; that it could not be told everywhere is said beside it.
        (Some(error), Err(untold)) => {
            let mut error = edge(session, &error, &report);
            error.message.extend(["\n", &untold.message]);
            Err(error)
        }
    }
}

/// The JSON answer in a file, where one is asked for.
fn metadata(session: &Session, report: &Report, file: Option<&Utf8Path>) -> Result<(), CommandError> {
    let Some(file) = file else { return Ok(()) };
    let path = session.environment.directory.join(file);
    let text = output::json_text(report)?;
    crossdock_fs::write_atomically(&path, format!("{text}\n").as_bytes())
        .map_err(|error| CommandError::new(Exit::InputOutput, &error))
}

/// The answer, and for a person the table: also of a run that failed, as far as it came.
fn answer(session: &Session, report: &Report) -> Result<(), CommandError> {
    let refused = || report.images.iter().filter(|image| image.status == Status::Refused);
    refused().for_each(|image| output::say(&ui::verdicts(&image.name, &image.verdicts)));
    let is_worth_a_table = report.unfinished.is_empty() || report.images.len() > refused().count();
    if !session.quiet() && is_worth_a_table {
        output::say(&ui::table(report));
        let next = ui::next(report, session.name, &session.environment.directory);
        next.filter(|_| report.unfinished.is_empty()).iter().for_each(|next| output::say(next));
    }
    if session.json() {
        return output::json(report);
    }
    let finished = |image: &&ImageReport| !report.unfinished.iter().any(|other| other.image == image.name);
    let lines = report.images.iter().filter(finished);
    let lines = lines.filter_map(|image| image.loaded.as_ref().or(image.references.first()));
    output::answer(&lines.map(|line| format!("{line}\n")).collect::<String>())
}

/// Executes a plan before the person's eyes.
pub(super) fn execute_plan(
    session: &Session,
    plan: &Plan,
    strictness: Strictness,
    jobs: Option<NonZeroUsize>,
) -> Result<Report, Box<Failure>> {
    let judging = Judging {
        unproven: if strictness.strict { Unproven::Refused } else { Unproven::Tagged },
        scope: if strictness.all { Scope::All } else { Scope::Planned },
    };
    let settings = session.settings(judging, jobs);
    let mut progress = session.progress();
    execute(plan, &settings, &session.environment, &mut progress, &session.cancel)
}

/// The error of a run for a person: what ended it, and what was said of the other images.
pub(super) fn edge(session: &Session, error: &ExecuteError, report: &Report) -> CommandError {
    let exit = match error {
        ExecuteError::Missing(_) => Exit::Missing,
        ExecuteError::Compiler { .. }
        | ExecuteError::Engine(_)
        | ExecuteError::Ignored { .. }
        | ExecuteError::NotMade { .. }
        | ExecuteError::Process(_)
        | ExecuteError::Panicked { .. } => Exit::Program,
        ExecuteError::Refused(_) | ExecuteError::WrongProgram { .. } | ExecuteError::Labelled(_) => Exit::No,
        ExecuteError::NotBuilt { .. } | ExecuteError::Unfit(_) | ExecuteError::InTheWay { .. } => Exit::Usage,
        ExecuteError::Image { .. }
        | ExecuteError::File { .. }
        | ExecuteError::BaseChanged { .. }
        | ExecuteError::Cache(_) => Exit::InputOutput,
        ExecuteError::Cancelled => Exit::Interrupted,
    };
    let mut plain = CommandError::new(exit, error);
    let said = error.to_string();
    let others = report.unfinished.iter().filter(|other| other.reason != Reason::Ended && other.why != said);
    others.for_each(|other| plain.message.extend(["\n", &other.why]));
    match error {
        ExecuteError::Refused(_) => plain.hint("the tags that it had before still point where they did"),
        ExecuteError::Missing(missing) => {
            let setup = format!(
                "`{} dist --setup` installs what is missing, saying each command first",
                session.name
            );
            let can_be_had = missing.iter().all(|missing| !missing.unavailable.remedies.is_empty());
            let plain = if can_be_had { plain.hint(setup) } else { plain };
            plain.hint(format!("`{} doctor` lists every tool that the plan needs", session.name))
        }
        ExecuteError::Image { image, source } if is_damage(source.as_ref()) => plain
            .hint(format!("the layout is damaged; `{} dist --image {image}` builds it again", session.name)),
        _ => plain,
    }
}

/// Whether an image cannot be read back as it was written.
fn is_damage(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<SourceError>() || error.is::<BlobError>()
}
