//! `crossdock target`: the meaning of descriptions of platforms and machines.

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

pub(crate) fn run(
    arguments: &TargetCommand,
    global: &Global,
    environment: Environment,
    cancel: &Cancel,
) -> Result<Exit, CommandError> {
    choose_color(global.color);
    if let (Some(_), Some(description)) = (&arguments.command, arguments.descriptions.first()) {
        let message = format!("{description:?} comes before a subcommand of target: omit one of them");
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

/// Explains each description. The exit code is 1 if one is unknown or ambiguous.
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
        Err(why) => {
            let mut answer = interpret(&description.to_string_lossy(), vocabulary);
            answer.notes = vec![why];
            answer
        }
    }
}

/// Adds an answer to the text. An unknown description is an error, which goes to standard error.
fn show(answer: &Answer, text: &mut String) {
    if answer.result == Outcome::Unknown {
        output::error(answer.notes.join("; "));
        return;
    }
    text.push_str(&describe_answer(answer));
    text.push_str("\n\n");
}

/// Prints the platforms that a host accepts. The exit code is 1 if the host or a platform is unknown.
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

/// Returns a value as one line of JSON.
pub(crate) fn line(value: &impl serde::Serialize) -> Result<String, CommandError> {
    serde_json::to_string(value).map_err(|error| CommandError::new(Exit::InputOutput, &error))
}

/// Returns the vocabulary with this name.
pub(crate) fn vocabulary(name: &str) -> Result<Vocabulary, CommandError> {
    Vocabulary::from_name(name).ok_or_else(|| {
        let error = CommandError::message(Exit::Usage, format!("unknown vocabulary {name:?}"));
        error.hint(format!("{}; `target list` lists all", near(&near_vocabularies(name))))
    })
}

/// Returns the vocabularies with the most similar names; empty if none is similar.
fn near_vocabularies(name: &str) -> Vec<String> {
    Vocabulary::nearest(name).iter().map(ToString::to_string).collect()
}

fn near(names: &[String]) -> String {
    match names {
        [] => {
            "known ones are oci-platform, go-dist, rust-triple, debian-arch, uname-m-linux, ec2-instance-type"
                .to_owned()
        }
        names => format!("similar ones are {}", names.join(", ")),
    }
}

/// Returns the text of a description.
pub(crate) fn utf8(description: &OsStr) -> Result<&str, String> {
    description.to_str().ok_or_else(|| format!("{description:?} is not UTF-8, as all known names are"))
}
