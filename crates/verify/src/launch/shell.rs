//! Shells: `sh -c TEXT`, `sh FILE` and scripts, followed by the reader of shell commands.

mod findings;
mod programs;
mod reading;

use std::cell::OnceCell;

use crossdock_shell::{
    Budget, Cause, Dialect, EndKind, Environment, Outcome, Program, ScriptSource, ShellCall, StandardInput,
    Start, Value, follow_within, read_shell_arguments,
};

use super::as_set;
use super::call::Call;
use super::group::Tail;
use super::image_files::{ImageFiles, MAX_SCRIPT};
use super::options::OptionError;
use super::process::{Process, Word, base_name};
use super::{Context, Next, next, shell_options, startup};
use crate::program::container::{Container, entries_on_path};
use crate::root::{EntryKind, ResolveError, Resolved, read_small};
use crate::{Finding, codes};
use reading::{Deployment, Reading};

/// The variables of a script's environment that are set for the price of a step.
const VARIABLES_PER_STEP: usize = 16;

/// The commands of a shell, with the name of their place for messages.
struct Script {
    /// Whether the shell has the option `pipefail`.
    has_pipefail: bool,
    /// `/entry.sh`, or `/bin/sh -c`.
    name: String,
    text: Vec<u8>,
    /// The word after the commands of `-c`, which is `$0`, if they use arguments and no word follows.
    lost_word: Option<String>,
    /// Whether the shell reads the commands from its standard input.
    is_input: bool,
    /// The commands that the shell does not run in a child, though no `exec` is before them.
    tail: Tail,
}

impl Script {
    fn of(name: String, text: Vec<u8>) -> Script {
        Script { has_pipefail: true, name, text, lost_word: None, is_input: false, tail: Tail::default() }
    }
}

/// Reads the arguments of a shell, and follows the commands.
pub(super) fn read(call: &Call<'_>, budget: &mut Budget) -> Next {
    if let Some(option) = shell_options::refused(call) {
        return next::refused(call, OptionError::Refused(option));
    }
    let words: Vec<Value> = call.arguments().iter().map(value).collect();
    let Some(shell) = read_shell_arguments(&words) else {
        return Next::Unknown(format!("the options of {} are only known when it runs", call.program));
    };
    let script = match &shell.source {
        ScriptSource::Input => match &call.process.input {
            StandardInput::Inherited => return next::reads_input(call),
            StandardInput::Text(text) if text.trim().is_empty() => return next::reads_input(call),
            StandardInput::Unknown => {
                return Next::Unknown(format!(
                    "the commands that {} reads from its standard input are only known when it runs",
                    call.program
                ));
            }
            StandardInput::Text(text) => Script {
                is_input: true,
                ..Script::of(format!("the standard input of {}", call.program), text.as_bytes().to_vec())
            },
        },
        ScriptSource::Command(text) => match text.text() {
            Some(text) => Script {
                lost_word: lost_word(text, &shell),
                ..Script::of(format!("{} -c", call.program), text.as_bytes().to_vec())
            },
            None => {
                return Next::Unknown(format!(
                    "the commands of {} -c are only known when it runs",
                    call.program
                ));
            }
        },
        ScriptSource::File(file) => match file_of(call, file) {
            Ok(script) => script,
            Err(next) => return *next,
        },
    };
    let dialect = dialect(call);
    let startup = startup::commands(call, &shell, dialect);
    // On the first line, so that messages keep the numbers of lines.
    let text = [startup.as_bytes(), &script.text].concat();
    // dash 0.5.12, of Debian 12, refuses it.
    let has_pipefail = dialect != Dialect::Dash || call.contains("pipefail");
    let tail = match shell.source {
        ScriptSource::Command(_) => Tail::of(&text, call, dialect),
        _ => Tail::default(),
    };
    let script = Script { text, has_pipefail, tail, ..script };
    // Without another word, `$0` is that by which the shell was called.
    let own_name = || call.process.words.get(call.skipped - 1).map(value);
    let shell = ShellCall { name: shell.name.or_else(own_name), ..shell };
    follow_script(call.context, call.process, &script, shell, dialect, budget)
}

/// Follows a file without a `#!` line that a shell runs: `/bin/sh FILE ARGUMENTS`.
pub(super) fn read_text(
    context: Context<'_>,
    process: &Process,
    found: &Resolved,
    budget: &mut Budget,
) -> Next {
    let Some(text) = read_small(context.container.root, &found.path, MAX_SCRIPT) else {
        return Next::Nothing;
    };
    let script = Script::of(found.path.clone(), text);
    let words: Vec<Value> =
        std::iter::once(Value::from(&*found.path)).chain(process.words.iter().skip(1).map(value)).collect();
    match read_shell_arguments(&words) {
        Some(shell) => follow_script(context, process, &script, shell, Dialect::Dash, budget),
        None => Next::Unknown("its arguments are only known when it runs".to_owned()),
    }
}

/// Reads the file that a shell runs.
fn file_of(call: &Call<'_>, file: &Value) -> Result<Script, Box<Next>> {
    let Some(name) = file.text() else {
        return Err(Box::new(Next::Unknown(format!(
            "the script of {} is only known when it runs",
            call.program
        ))));
    };
    let missing = |why: &str| Err(Box::new(next::no_file(call, name, why)));
    if !name.starts_with('/') && call.process.directory.is_none() {
        return Err(Box::new(Next::Unknown(format!(
            "the working directory of {name} is only known when it runs"
        ))));
    }
    let container = call.process.within(call.context.container);
    let found = match container.resolve(name) {
        Ok(found) => found,
        Err(ResolveError::Unreadable(error)) => return Err(Box::new(Next::Unknown(error.to_string()))),
        Err(error) => match script_on_path(call, container, name) {
            Some(found) => found,
            None => return missing(&error.to_string()),
        },
    };
    if found.entry.kind != EntryKind::File {
        return missing("it is not a regular file");
    }
    if let Some(user) = call.process.user.as_ref().filter(|user| !user.may_open(&found)) {
        // The check of a script with a `#!` line has reported it.
        if call.process.is_interpreter() {
            return Err(Box::new(Next::Nothing));
        }
        let (uid, mode, target) = (user.uid, found.entry.mode, call.context.target.name());
        let message = format!(
            "{} runs {name}, and user {uid} may not read it (mode {mode:04o}): it stops at once.",
            call.program
        );
        let finding = Finding::new(codes::SCRIPT_NOT_READABLE, target, &found.path, message);
        return Err(Box::new(Next::Fails(finding)));
    }
    match read_small(container.root, &found.path, MAX_SCRIPT) {
        Some(text) if text.starts_with(b"\x7fELF") => missing("it is a program, not a script"),
        Some(text) => Ok(Script::of(found.path, text)),
        None => Err(Box::new(Next::Unknown(format!("{name} is longer than 1 MiB")))),
    }
}

/// Returns the word that became `$0` instead of an argument of the commands.
fn lost_word(text: &str, shell: &ShellCall) -> Option<String> {
    let uses_arguments = ["$@", "${@", "$*", "$1"].iter().any(|name| text.contains(name));
    let word = shell.name.as_ref()?.text()?;
    (uses_arguments && shell.arguments.is_empty()).then(|| word.to_owned())
}

/// Returns the script of this name that the shell finds on PATH. bash reads the first file that it may read; dash and BusyBox
/// open only the name as it is; other shells may do either.
fn script_on_path(call: &Call<'_>, container: Container<'_>, name: &str) -> Option<Resolved> {
    let opens_name = call.is_busybox() || base_name(&call.found.path) == "dash";
    if name.contains('/') || opens_name {
        return None;
    }
    let may_read = |found: &Resolved| found.entry.kind == EntryKind::File && container.user.may_open(found);
    let mut entries = entries_on_path(container, container.search_path(), name).map(|(_, found)| found);
    entries.find(may_read)
}

fn dialect(call: &Call<'_>) -> Dialect {
    if call.is_busybox() {
        return Dialect::Ash;
    }
    if call.contains("GNU bash") {
        return Dialect::Bash;
    }
    Dialect::of_program(base_name(&call.found.path)).unwrap_or_default()
}

fn follow_script(
    context: Context<'_>,
    process: &Process,
    script: &Script,
    shell: ShellCall,
    dialect: Dialect,
    budget: &mut Budget,
) -> Next {
    budget.pay((process.environment.len() / VARIABLES_PER_STEP) as u64);
    let name = shell.name.unwrap_or_else(|| Value::from(&*script.name));
    let start = |environment| Start {
        dialect,
        options: shell.options,
        name: name.clone(),
        arguments: shell.arguments.clone(),
        environment,
        directory: process.directory.as_deref().map_or_else(Value::unknown, Value::from),
        user: process.user.as_ref().map(|user| user.uid),
        has_pipefail: script.has_pipefail,
        input: if script.is_input { StandardInput::Unknown } else { process.input.clone() },
        ..Start::new(script.text.clone())
    };
    let files = ImageFiles::of(context, process);
    let answer = |outcome: &Outcome, environment| {
        Reading { context, process, script, outcome, environment, busybox: OnceCell::new() }.answer()
    };
    // A deployment may set further variables.
    let environment = Environment::with_unknown_rest(variables(process));
    let deployed = follow_within(&start(environment), &files, budget);
    if is_independent(&deployed) {
        return Next::Several(answer(&deployed, Deployment::Any));
    }
    let known = variables(process).chain(as_set::variables(context, process));
    let as_set = follow_within(&start(Environment::only(known)), &files, budget);
    let (in_any, in_own) = (answer(&deployed, Deployment::Any), answer(&as_set, Deployment::AsSet));
    Next::Several(match as_set::demands_variables(&as_set) {
        true => in_any.demanding(in_own),
        false => in_any.combine(in_own),
    })
}

/// Returns the variables of a process. Those whose value is unknown are set.
fn variables(process: &Process) -> impl Iterator<Item = (String, Value)> {
    let known = process.environment.known().iter().filter_map(|line| line.split_once('='));
    let known = known.map(|(name, text)| (name.to_owned(), Value::from(text)));
    known.chain(process.environment.unknown().iter().map(|name| (name.clone(), Value::unknown())))
}

/// Returns whether nothing in a script depends on variables that only a deployment sets: it has one way through it, of which
/// every word is known. Also true for a script that is too large to be followed twice.
fn is_independent(outcome: &Outcome) -> bool {
    let is_too_large = outcome.unfollowed.iter().any(|each| each.cause == Cause::TooLarge);
    let is_known = |program: &Program| {
        let mut values = program.environment.iter().filter_map(|(_, value)| value.as_ref());
        program.certain
            && program.words.iter().all(|word| word.text().is_some())
            && values.all(|value| value.text().is_some())
    };
    let has_one_way = matches!(outcome.ends.as_slice(), [end] if end.certain && end.kind != EndKind::Unknown);
    is_too_large || (has_one_way && !outcome.demands_unknown && outcome.programs.iter().all(is_known))
}

fn value(word: &Word) -> Value {
    match word {
        Word::Known(text) => Value::from(&**text),
        Word::Unknown(_) => Value::unknown(),
        Word::Many(_) => Value::many(),
    }
}

fn word(value: &Value) -> Word {
    match value.text() {
        Some(text) => Word::Known(text.to_owned()),
        None if value.is_many() => Word::Many(value.to_string()),
        None => Word::Unknown(value.to_string()),
    }
}
