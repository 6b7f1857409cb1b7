//! The findings about a script: why it ends, and what hides the program.

use crossdock_shell::{Asked, Cause, End, EndKind, Exit, How, Program, Reason, Unfollowed};

use super::reading::Reading;
use crate::launch::image_files::MAX_SCRIPT;
use crate::launch::process::{Process, Role};
use crate::launch::{report, script_files};
use crate::root::read_small;
use crate::{Finding, codes};

impl Reading<'_> {
    /// Pairs a finding about the script with the shell's process.
    pub(super) fn about_script(&self, end: &End, finding: Finding) -> (Process, Finding) {
        let process = self.process.clone();
        (if end.certain { process } else { process.doubtful() }, finding)
    }

    /// Says where a command is not.
    pub(super) fn nowhere(&self, word: &str) -> String {
        if !word.contains('/') {
            format!("no directory of PATH has {word}")
        } else if self.process.within(self.context.container).resolve(word).is_ok() {
            format!("an earlier command of {} removes {word}", self.script.name)
        } else {
            format!("{word} does not exist in the image")
        }
    }

    /// Returns the finding about a script that the shell ends early.
    pub(super) fn failure(&self, end: &End, status: u8, reason: &Reason) -> (Process, Finding) {
        // `trap /app EXIT`
        let is_path = |program: &Program| program.words[0].text().is_some_and(|word| word.starts_with('/'));
        let runs_in_trap = |program: &Program| program.how == How::Trap && is_path(program);
        let has_trap = self.outcome.programs.iter().any(runs_in_trap);
        let end = &End { certain: end.certain && !has_trap, ..end.clone() };
        let (line, name) = (end.position.line, &self.script.name);
        let why = match reason {
            Reason::Program(index) => {
                let program = &self.outcome.programs[*index];
                let word = program.words[0].to_string();
                let why = format!("{}, and with `set -e` the script ends", self.nowhere(&word));
                let finding = report::absent(self.context.target, &word, &why);
                return (self.process_of(program, end.certain), finding);
            }
            Reason::Command => return self.about_script(end, self.exits(end, status, "")),
            Reason::Unset(variable) => return self.about_script(end, self.unset(end, variable)),
            Reason::Syntax => {
                let error = self.outcome.syntax_error.as_ref().map(|error| error.message.clone());
                format!("a syntax error: {}", error.unwrap_or_default())
            }
            Reason::Directory(path) => return self.about_script(end, self.no_directory(end, path)),
            Reason::Source(path) => return self.about_script(end, self.no_source(end, path)),
            Reason::File { program, path, trouble } => {
                let finding =
                    script_files::refused(self.context, self.process, end, name, program, path, *trouble);
                return self.about_script(end, finding);
            }
            // The script decides about the options of `set`. The words of others may depend on what a deployment sets.
            Reason::Builtin(text) if decided_by_script(text) => {
                format!("an error: {text}")
            }
            Reason::Builtin(why) => return self.about_script(end, self.exits(end, status, why)),
        };
        let message =
            format!("{name} ends in line {line} with {}, exit {status}.", why.trim_end().escape_debug());
        let code = match self.outcome.carriage_return {
            Some(_) => codes::SCRIPT_CARRIAGE_RETURN,
            None => codes::SCRIPT_BROKEN,
        };
        self.about_script(end, Finding::new(code, self.context.target.name(), name, message))
    }

    /// Returns the finding about `sh -c 'exec "$@"' /app`.
    pub(super) fn starts_nothing(&self) -> Finding {
        let word = self.script.lost_word.as_deref().unwrap_or_default();
        let why = format!(
            "it starts nothing, because its commands have no arguments: {word}, the first word after them, is `$0`"
        );
        let finding = report::unknown(self.context.target, &self.script.name, &why);
        finding.with_help(format!(
            "Put a word before it that becomes `$0`, e.g. `sh`: `-c`, `exec \"$@\"`, `sh`, `{word}`."
        ))
    }

    /// Returns the finding about a script that ends itself with a failure; `why` is what a builtin says, or empty.
    pub(super) fn exits(&self, end: &End, status: u8, why: &str) -> Finding {
        let exit = self.exits_at(end).max_by_key(|exit| !end.certain && asks_for_variable(exit));
        let (line, file) = match exit.map(|exit| exit.caller.as_ref().unwrap_or(&exit.place)) {
            Some(place) => (place.position.line, place.file.as_deref()),
            None => (end.position.line, None),
        };
        // The line of a function such as `die` tells nothing.
        let text = match exit.is_some_and(|exit| exit.caller.is_some()) {
            true => format!(", `{}`,", shortened(&self.line(&Place { line, file }))),
            false => String::new(),
        };
        let causes: Vec<String> = match why {
            "" => exit.into_iter().flat_map(|exit| &exit.asked).map(|asked| self.lacking(asked)).collect(),
            why => vec![why.to_owned()],
        };
        let cause = if causes.is_empty() { String::new() } else { format!(": {}", causes.join(" and ")) };
        let file = file.unwrap_or(&self.script.name);
        self.of_end(end, &format!(
            "line {line} of {file}{text} ends it with exit status {status} before it starts a program{cause}"
        ))
    }

    /// Whether a script ends like this because the environment lacks a variable.
    pub(super) fn demands_variable(&self, end: &End) -> bool {
        match &end.kind {
            EndKind::Exit(Some(status)) if *status != 0 => self.exits_at(end).any(asks_for_variable),
            EndKind::Fails { reason, .. } => matches!(reason, Reason::Unset(_)),
            _ => false,
        }
    }

    /// Returns the circumstances of an end, the last of them first.
    pub(super) fn exits_at(&self, end: &End) -> impl Iterator<Item = &Exit> {
        self.outcome.exits.iter().rev().filter(|exit| exit.place.position == end.position)
    }

    /// Says what the script asked about and does not find.
    pub(super) fn lacking(&self, asked: &Asked) -> String {
        match asked {
            Asked::Variable(name) => {
                format!("the deployment must set {name}, which the image does not set")
            }
            Asked::Command(name) | Asked::File(name) => self.nowhere(name),
            Asked::Execution(path) => format!("{path} may not be executed"),
        }
    }

    /// Returns the finding about an end before a program. A step that certainly fails ends the script that runs it.
    pub(super) fn of_end(&self, end: &End, why: &str) -> Finding {
        let (target, name) = (self.context.target, &self.script.name);
        let fails = match (self.process.role, end.certain) {
            (Role::Step, true) => "fails",
            (_, false) => "fails unless files of the container say otherwise",
            (Role::Program | Role::Aside, true) => return report::unknown(target, name, why),
        };
        Finding::new(codes::LAUNCH_MAY_FAIL, target.name(), name, format!("{name} {fails}: {why}."))
    }

    pub(super) fn no_directory(&self, end: &End, path: &str) -> Finding {
        let (line, name) = (end.position.line, &self.script.name);
        let message = format!(
            "Line {line} of {name} changes to the directory {path}, which is not in the image, and with `set -e` the script ends."
        );
        Finding::new(codes::LAUNCH_FILE_MISSING, self.context.target.name(), path, message)
    }

    pub(super) fn no_source(&self, end: &End, path: &str) -> Finding {
        let (line, name) = (end.position.line, &self.script.name);
        let message = format!(
            "Line {line} of {name} reads {path}, which is not in the image, and the shell stops there."
        );
        Finding::new(codes::LAUNCH_FILE_MISSING, self.context.target.name(), path, message)
    }

    pub(super) fn unset(&self, end: &End, variable: &str) -> Finding {
        self.of_end(end, &format!(
            "line {} of {} needs the variable {variable}, which the image does not set: the deployment must set {variable}",
            end.position.line, self.script.name
        ))
    }

    /// Returns the finding about a command whose program is not known.
    pub(super) fn unknown_program(&self, program: &Program) -> Finding {
        let place = Place { line: program.position.line, file: program.file.as_deref() };
        let text = self.line(&place);
        match program.words[0].text() {
            Some(word) => self.not_verified(
                &place,
                &text,
                &format!("runs {word}, which is not in the image, and an earlier command may create it"),
            ),
            None => self.not_verified(&place, &text, "runs a program whose name is only known when it runs"),
        }
    }

    pub(super) fn unknown(&self, end: &End) -> Finding {
        let is_return = |cause: &&Unfollowed| cause.cause == Cause::Return;
        let cause = match end.kind {
            EndKind::Exit(_) => self.outcome.unfollowed.iter().find(is_return),
            _ => self.outcome.unfollowed.iter().find(|cause| !is_return(cause)),
        };
        let cause = cause.or(self.outcome.unfollowed.first());
        let line = cause.map_or(end.position.line, |cause| cause.position.line);
        let place = Place { line, file: cause.and_then(|cause| cause.file.as_deref()) };
        let text = self.line(&place);
        let why = match cause.map(|cause| cause.cause) {
            Some(Cause::Eval) => "runs commands that are only known when it runs",
            Some(Cause::Source) => "reads commands from a file that is only known when it runs",
            Some(Cause::Return) => {
                "ends the script outside any function, and the commands after it never run"
            }
            Some(Cause::Binary) => "is in a file with NUL bytes, not a script",
            Some(Cause::TooLarge | Cause::TooDeep | Cause::Loop) => {
                "is part of more work than this check follows"
            }
            Some(Cause::CommandWord) | None => "runs a program whose name is only known when it runs",
        };
        self.not_verified(&place, &text, why)
    }

    /// Returns the finding that a line hides the program; `why` continues "line 3 of /entry.sh, `exec $APP`, …".
    pub(super) fn not_verified(&self, place: &Place<'_>, text: &str, why: &str) -> Finding {
        let file = place.file.unwrap_or(&self.script.name);
        let unset = variables_in(text).find(|name| self.process.environment.get(name).is_none());
        let shown = shortened(text);
        let finding = report::unknown(
            self.context.target,
            &self.script.name,
            &format!("line {} of {file}, `{shown}`, {why}", place.line),
        );
        match unset {
            Some(name) => finding.with_help(format!(
                "Set the variable in the image if it decides (`ENV {name}=…`), name the program in exec form, e.g. \
                 `ENTRYPOINT [\"/app\"]`, verify all programs in PATH with `--all`, or start the image once on each platform."
            )),
            None => finding,
        }
    }

    /// Returns the text of a line.
    pub(super) fn line(&self, place: &Place<'_>) -> String {
        let sourced = place.file.and_then(|file| read_small(self.context.container.root, file, MAX_SCRIPT));
        let text = match place.file {
            Some(_) => sourced.unwrap_or_default(),
            None => self.script.text.clone(),
        };
        let line = text.split(|byte| *byte == b'\n').nth(place.line.saturating_sub(1) as usize);
        String::from_utf8_lossy(line.unwrap_or_default()).trim().to_owned()
    }
}

/// Whether a script ends because the environment lacks a variable.
fn asks_for_variable(exit: &Exit) -> bool {
    exit.asked.iter().any(|asked| matches!(asked, Asked::Variable(_)))
}

/// A line of a script or of a file that it sources.
pub(super) struct Place<'a> {
    line: u32,
    file: Option<&'a str>,
}

/// Returns the names of the variables in a text, as in `$APP` and `${APP:-x}`.
fn variables_in(text: &str) -> impl Iterator<Item = &str> {
    text.split('$').skip(1).filter_map(|after| {
        let after = after.strip_prefix('{').unwrap_or(after);
        let end =
            after.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(after.len());
        Some(&after[..end])
            .filter(|name| name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_'))
    })
}

/// Returns the beginning of a line, for messages.
fn shortened(line: &str) -> String {
    const MOST: usize = 80;
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// Whether the script itself, and nothing that a deployment sets, leads to an error of a builtin.
fn decided_by_script(text: &str) -> bool {
    text.starts_with("set:") || text == "Bad substitution" || text.ends_with(": is read only")
}
