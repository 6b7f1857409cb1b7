//! `crossdock target`: what any description means.

mod host;
mod list;
mod stream;

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use crossdock::interpret;
use crossdock::interpret::{Answer, MatchAnswer, Outcome, describe_answer, match_platforms};
use crossdock::platform::Vocabulary;
use crossdock::process::{Cancel, Environment, Processes};

use crate::arguments::{Global, TargetCommand, TargetSubcommand};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::choose_color;
use crate::ui::style::{BAD, paint};

pub(crate) fn run(
    arguments: &TargetCommand,
    global: &Global,
    environment: Environment,
    cancel: &Cancel,
) -> Result<Exit, CommandError> {
    choose_color(global.color);
    if let (Some(_), Some(description)) = (&arguments.command, arguments.descriptions.first()) {
        let message =
            format!("{description:?} stands before the subcommand of target: leave one of them out");
        return Err(CommandError::message(Exit::Usage, message));
    }
    match &arguments.command {
        None if arguments.stdin => stream::descriptions(),
        None => explain(arguments, global),
        Some(TargetSubcommand::List { vocabulary }) => list::run(vocabulary.as_deref(), global),
        Some(TargetSubcommand::Host) => {
            let processes = Processes::new(Arc::new(environment), cancel.clone());
            host::run(&processes, global)
        }
        Some(TargetSubcommand::Match { stdin: true, .. }) => stream::matches(),
        Some(TargetSubcommand::Match { host, platforms, vocabulary: name, .. }) => {
            let name = name.as_deref().or(arguments.vocabulary.as_deref());
            let host = (host.as_deref().unwrap_or_default(), name.map(vocabulary).transpose()?);
            matching(host, platforms, global)
        }
    }
}

/// Answers each description; an unknown or ambiguous one makes the exit code 1.
fn explain(arguments: &TargetCommand, global: &Global) -> Result<Exit, CommandError> {
    let vocabulary = arguments.vocabulary.as_deref().map(vocabulary).transpose()?;
    let mut exit = Exit::Done;
    let mut text = String::new();
    for description in &arguments.descriptions {
        let answer = one(description, vocabulary);
        if answer.result != Outcome::Exact {
            exit = Exit::Rejected;
        }
        if global.json {
            text.push_str(&line(&answer)?);
            text.push('\n');
        } else {
            show(&answer, &mut text);
        }
    }
    match text.trim_end_matches('\n') {
        lines if global.json => output::json_lines(lines)?,
        lines => output::answer(lines)?,
    }
    Ok(exit)
}

fn one(description: &OsString, vocabulary: Option<Vocabulary>) -> Answer {
    match utf8(description) {
        Ok(text) => interpret(text, vocabulary),
        Err(why) => Answer { notes: vec![why], ..interpret(&description.to_string_lossy(), vocabulary) },
    }
}

/// An unknown description is an error, and an error goes where errors go.
fn show(answer: &Answer, text: &mut String) {
    if answer.result == Outcome::Unknown {
        output::say(&format!("{} {}", paint(BAD, "error:"), answer.notes.join("; ")));
        return;
    }
    text.push_str(&describe_answer(answer));
    text.push_str("\n\n");
}

/// Prints what the host accepts; a host or a platform that is unknown makes the exit code 1.
fn matching(
    (host, vocabulary): (&str, Option<Vocabulary>),
    platforms: &[String],
    global: &Global,
) -> Result<Exit, CommandError> {
    let answer = match match_platforms(host, vocabulary, platforms) {
        Ok(answer) => answer,
        Err(error) if global.json => MatchAnswer::without_host(host, error.to_string()),
        Err(error) => return Err(CommandError::new(Exit::Rejected, &error)),
    };
    if global.json {
        output::json_lines(&line(&answer)?)?;
    } else {
        answer.notes.iter().filter(|_| !global.quiet).for_each(|note| output::note(note));
        for rejected in &answer.rejected {
            output::say(&format!("{} is rejected: {}", rejected.platform, rejected.why));
        }
        output::answer(&answer.accepted.iter().map(|platform| format!("{platform}\n")).collect::<String>())?;
    }
    Ok(if answer.is_known() { Exit::Done } else { Exit::Rejected })
}

/// A value as one line of JSON.
fn line(value: &impl serde::Serialize) -> Result<String, CommandError> {
    serde_json::to_string(value).map_err(|error| CommandError::new(Exit::InputOutput, &error))
}

/// The vocabulary with this name.
pub(crate) fn vocabulary(name: &str) -> Result<Vocabulary, CommandError> {
    Vocabulary::from_name(name).ok_or_else(|| {
        let error = CommandError::message(Exit::Usage, format!("there is no vocabulary {name:?}"));
        error.hint(format!("{}; `target list` names all", near(&near_vocabularies(name))))
    })
}

/// The names of the nearest vocabularies, none where nothing comes near.
fn near_vocabularies(name: &str) -> Vec<String> {
    Vocabulary::nearest(name).iter().map(ToString::to_string).collect()
}

fn near(names: &[String]) -> String {
    match names {
        [] => {
            "some that are: oci-platform, go-dist, rust-triple, debian-arch, uname-m-linux, ec2-instance-type"
                .to_owned()
        }
        names => format!("the nearest: {}", names.join(", ")),
    }
}

/// A description's text.
pub(crate) fn utf8(description: &OsStr) -> Result<&str, String> {
    description.to_str().ok_or_else(|| format!("{description:?} is not UTF-8, and every known name is"))
}
