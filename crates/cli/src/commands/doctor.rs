//! `crossdock doctor` and `--setup`: tools that are found, tools that are missing, and their installation.

use std::io::Write;

use crossdock::doctor::{Answer, Availability, Check, OutputLine, Progress, Remedy, SetUp, doctor};
use crossdock::plan::Goal;
use crossdock::process::Terminal;
use crossdock::{Discovered, discover, plan};
use serde::Serialize;

use crate::arguments::{BuildArgs, DoctorCommand};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui::style::{BAD, DIM, GOOD, WARN, paint};
use crate::ui::text::{one_line, shown};

/// A person's consent to changes of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    /// Given for all changes, by `dist --setup` or `--yes`.
    Given,
    /// Asked for before each change.
    Asked,
}

/// The answer of `doctor --json`.
#[derive(Serialize)]
struct Diagnosis<'a> {
    schema: &'static str,
    checks: &'a [Check],
}

pub(crate) fn run(session: &Session, arguments: &DoctorCommand) -> Result<Exit, CommandError> {
    let args = BuildArgs {
        selection: arguments.selection.clone(),
        engine: arguments.engine.clone(),
        ..BuildArgs::default()
    };
    let options = session.shown_options(&args, Goal::Dist)?;
    let mut found = discover(&session.context, &options)?;
    let mut plan = plan(&found)?;
    if arguments.setup {
        let consent = if arguments.yes { Consent::Given } else { Consent::Asked };
        let done = set_up(session, found, consent)?;
        done.by_hand.iter().for_each(|commands| output::warning(&by_hand(commands)));
        (found, plan) = (done.found, done.plan);
    }
    let checks = doctor(&session.context, &found, &plan);
    if session.json() {
        output::json(&Diagnosis { schema: "crossdock.doctor/1", checks: &checks })?;
    } else {
        output::answer(&checks.iter().map(line).collect::<String>())?;
    }
    Ok(if plan.missing.is_empty() { Exit::Done } else { Exit::Missing })
}

fn line(check: &Check) -> String {
    let by: Vec<&str> = check.needed_by.iter().map(String::as_str).collect();
    let word = if check.optional { "for" } else { "needed by" };
    let by = paint(DIM, format!("{word} {}", by.join(", ")));
    match &check.found {
        Availability::Available(tool) => {
            let version = tool.version.as_deref().unwrap_or("version unknown");
            format!("{} {} {version}  {}  {by}\n", paint(GOOD, "found  "), check.name, tool.command.join(" "))
        }
        Availability::Unavailable(missing) if check.optional => {
            format!("{} {missing}\n  {by}\n", paint(WARN, "absent "))
        }
        Availability::Unavailable(missing) => format!("{} {missing}\n  {by}\n", paint(BAD, "missing")),
    }
}

/// Installs the missing tools of a plan, and shows each command and its output.
pub(crate) fn set_up(session: &Session, found: Discovered, consent: Consent) -> Result<SetUp, CommandError> {
    let mut agree = |remedy: &Remedy| agree(session, consent, remedy);
    Ok(crossdock::doctor::set_up(&session.context, found, &mut agree, &watch)?)
}

/// Returns the advice on a command for which sudo would ask for a password.
pub(crate) fn by_hand(commands: &str) -> String {
    format!("sudo needs your password; run this command, then repeat the call: {commands}")
}

fn watch(progress: Progress<'_>) {
    match progress {
        Progress::Runs(command) => output::say(&format!("{} {command}", paint(GOOD, "setup:"))),
        Progress::Says(OutputLine::Stdout(line) | OutputLine::Stderr(line)) => {
            let line = anstream::adapter::strip_str(line);
            output::say(&paint(DIM, format!("  {line}")))
        }
        Progress::Failed { command, why } => {
            output::warning(&format!("`{}` failed: {why}", command.short()));
        }
        _ => {}
    }
}

/// Asks the person for consent; without a terminal the answer is no.
fn agree(session: &Session, consent: Consent, remedy: &Remedy) -> Answer {
    if consent == Consent::Given {
        return Answer::Yes;
    }
    if session.terminal() == Terminal::Plain {
        output::warning(&format!("`{remedy}` changes the system; run it yourself or pass --yes"));
        return Answer::No;
    }
    // If the prompt cannot be written or read, there was no consent.
    let mut answer = String::new();
    let asked = write!(
        anstream::stderr(),
        "{}",
        shown(&format!("run `{}`? It changes the system. [y/N] ", one_line(&remedy.to_string())))
    );
    match asked.and_then(|()| std::io::stdin().read_line(&mut answer)) {
        Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Answer::Yes,
        _ => Answer::No,
    }
}
