//! `crossdock doctor` and `dist --setup`: what is there, what is missing, and bringing it.

use std::collections::BTreeSet;
use std::io::Write;

use serde::Serialize;

use super::arguments::{Building, DoctorArguments};
use super::error::{CommandError, Exit};
use super::look::{Planned, Rustup};
use super::output;
use super::session::Session;
use crate::ui::style::{BAD, DIM, GOOD, paint};
use crossdock_runner::plan::Goal;
use crossdock_system::availability::{Availability, Remedy};
use crossdock_system::environment::Terminal;
use crossdock_system::process::Line;
use crossdock_toolchain::doctor::{Answer, Check, Outcome, Progress, ask_versions, diagnose, setup};

/// Who agrees to changes of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consent {
    /// `--setup`, `--yes`: all were agreed to.
    Given,
    /// Each is asked for.
    Asked,
}

/// The answer of `doctor --json`.
#[derive(Serialize)]
struct Diagnosis<'a> {
    schema: &'static str,
    checks: &'a [Check],
}

pub(super) fn run(session: &Session, arguments: &DoctorArguments) -> Result<Exit, CommandError> {
    let building = Building {
        selection: arguments.selection.clone(),
        engine: arguments.engine.clone(),
        ..Building::default()
    };
    let mut planned = session.plan(&building, Goal::Dist, None)?;
    if arguments.fix {
        let consent = if arguments.yes { Consent::Given } else { Consent::Asked };
        let done = set_up(session, planned, consent)?;
        done.by_hand.iter().for_each(|commands| output::note(&by_hand(commands)));
        planned = done.planned;
    }
    let mut checks = checks(&planned);
    ask_versions(&mut checks, &session.processes);
    match session.json() {
        true => output::json(&Diagnosis { schema: "crossdock.doctor/1", checks: &checks })?,
        false => output::answer(&checks.iter().map(line).collect::<String>())?,
    }
    Ok(if planned.plan.missing.is_empty() { Exit::Done } else { Exit::Missing })
}

/// The lines of a diagnosis.
fn checks(planned: &Planned) -> Vec<Check> {
    let plan = &planned.plan;
    let missing = plan.missing.iter().map(|missing| (missing.needed_by(), &missing.unavailable));
    diagnose(plan.uses.iter().map(|(by, used)| (by.clone(), used)), missing, &planned.host)
}

fn line(check: &Check) -> String {
    let by: Vec<&str> = check.needed_by.iter().map(String::as_str).collect();
    let by = paint(DIM, format!("needed by {}", by.join(", ")));
    match &check.found {
        Availability::Available(tool) => {
            let version = tool.version.as_deref().unwrap_or("version unknown");
            format!("{} {} {version}  {}  {by}\n", paint(GOOD, "found  "), check.name, tool.command.join(" "))
        }
        Availability::Unavailable(missing) => format!("{} {missing}\n  {by}\n", paint(BAD, "missing")),
    }
}

/// A plan after the set-up, and what only a person can do.
pub(super) struct SetUp {
    pub(super) planned: Planned,
    /// Commands that need root where sudo would ask for a password.
    pub(super) by_hand: BTreeSet<String>,
}

/// Brings what a plan misses, one remedy after the other, until nothing is missing or nothing helps.
pub(super) fn set_up(
    session: &Session,
    mut planned: Planned,
    consent: Consent,
) -> Result<SetUp, CommandError> {
    let mut by_hand = BTreeSet::new();
    let mut rustup = Rustup::Reachable;
    // Each round brings something or is the last: routes are few, so a handful of rounds always ends it.
    for _ in 0..4 {
        if planned.plan.missing.is_empty() {
            break;
        }
        let missing: Vec<_> = planned.plan.missing.iter().map(|missing| &missing.unavailable).collect();
        let mut agree = |remedy: &Remedy| agree(session, consent, remedy);
        let outcomes = setup(missing, &planned.host, &session.processes, &mut agree, &watch)
            .map_err(|error| CommandError::new(Exit::Interrupted, &error))?;
        by_hand = outcomes.iter().filter_map(Outcome::by_hand).map(str::to_owned).collect();
        let failed = outcomes.iter().any(|outcome| outcome.rustup_failed());
        let helped = outcomes.iter().any(|outcome| outcome.is_done());
        let news = failed && rustup == Rustup::Reachable;
        if failed {
            rustup = Rustup::Unreachable;
        }
        if !helped && !news {
            break;
        }
        planned = session.plan_again(planned, rustup)?;
    }
    if planned.plan.missing.is_empty() {
        by_hand.clear();
    }
    Ok(SetUp { planned, by_hand })
}

/// What a person reads of a command that sudo would ask a password for.
pub(super) fn by_hand(commands: &str) -> String {
    format!(
        "sudo wants a password, which only you can give; run this, and then the same call again: {commands}"
    )
}

fn watch(progress: Progress<'_>) {
    match progress {
        Progress::Runs(command) => output::say(&format!("{} {command}", paint(GOOD, "setup:"))),
        Progress::Says(Line::Out(line) | Line::Error(line)) => output::say(&paint(DIM, format!("  {line}"))),
        Progress::Failed { command, why } => {
            output::note(&format!("`{}` did not help: {why}", command.short()));
        }
    }
}

/// Asks a person, where there is one to ask.
fn agree(session: &Session, consent: Consent, remedy: &Remedy) -> Answer {
    if consent == Consent::Given {
        return Answer::Yes;
    }
    if session.environment.terminal == Terminal::Plain {
        output::note(&format!("`{remedy}` changes the system; run it yourself or give --yes"));
        return Answer::No;
    }
    // A prompt that cannot be written or read is no consent.
    let mut answer = String::new();
    let asked = write!(anstream::stderr(), "run `{remedy}`? It changes the system. [y/N] ");
    match asked.and_then(|()| std::io::stdin().read_line(&mut answer)) {
        Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Answer::Yes,
        _ => Answer::No,
    }
}
