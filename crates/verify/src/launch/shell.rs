//! Shells: `sh -c TEXT`, `sh FILE` and scripts, followed by the reader of shell commands.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use crossdock_shell::{
    Asked, Budget, Cause, Dialect, End, EndKind, Environment, Exit, Failure, Found, How, Outcome, Program,
    Reason, ScriptSource, ShellCall, Start, Unfollowed, Value, follow_within, read_shell_arguments,
};

use super::answer::Answer;
use super::as_set;
use super::call::Call;
use super::image_files::{ImageFiles, MAX_SCRIPT};
use super::options::OptionError;
use super::process::{Change, Process, Role, Search, TextFile, Word, base_name};
use super::search::{self, NotFound};
use super::{Context, Next, next, owner, report, script_files, shell_options, startup};
use crate::program::busybox::BusyBox;
use crate::program::container::{Container, entries_on_path};
use crate::root::{EntryKind, ResolveError, Resolved, read_small, resolve};
use crate::{Finding, codes};

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
        ScriptSource::Input => return next::reads_input(call),
        ScriptSource::Command(text) => match text.text() {
            Some(text) => Script {
                name: format!("{} -c", call.program),
                text: text.as_bytes().to_vec(),
                lost_word: lost_word(text, &shell),
                has_pipefail: true,
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
    let script = Script { text, has_pipefail, ..script };
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
    let script = Script { name: found.path.clone(), text, lost_word: None, has_pipefail: true };
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
        Some(text) => Ok(Script { name: found.path, text, lost_word: None, has_pipefail: true }),
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

/// The deployments for which a script was followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deployment {
    /// Any: they may set every variable.
    Any,
    /// One that sets no variable: only files are unknown.
    AsSet,
}

/// The answer of the reader of shell commands about a script.
struct Reading<'a> {
    context: Context<'a>,
    process: &'a Process,
    script: &'a Script,
    outcome: &'a Outcome,
    environment: Deployment,
    /// The BusyBox that the shell is, once it is asked for.
    busybox: OnceCell<Option<BusyBox>>,
}

impl Reading<'_> {
    fn answer(&self) -> Answer {
        let Answer { mut starts, mut helpers, mut findings } = Answer::default();
        let is_any_fine = self.outcome.ends.iter().any(|end| self.is_fine(end));
        for end in &self.outcome.ends {
            // A program may be missing in a branch that is for other images.
            let is_own = self.environment == Deployment::AsSet && !self.process.is_covered;
            let demands = is_own && self.demands_variable(end);
            if !end.certain && is_any_fine && !self.is_fine(end) && end.kind != EndKind::Unknown && !demands {
                continue;
            }
            match &end.kind {
                EndKind::Exec(index) | EndKind::Last(index) => {
                    let Some(program) = self.outcome.programs.get(*index) else { continue };
                    // A program that only decides a condition does not fail a script that runs before others.
                    if program.how == How::Condition && self.process.role != Role::Program {
                        continue;
                    }
                    self.start(program, end.certain, &mut starts, &mut findings);
                    if is_idle(program) {
                        self.beside(How::Background, &mut starts, &mut findings);
                    }
                    self.in_pipeline(*index, &mut starts, &mut findings);
                }
                EndKind::Fails { status, reason } => findings.push(self.failure(end, *status, reason)),
                EndKind::Unknown => findings.push(self.about_script(end, self.unknown(end))),
                EndKind::Exit(Some(status)) if *status != 0 && (end.certain || demands) => {
                    findings.push(self.about_script(end, self.exits(end, *status, "")));
                }
                EndKind::Waits => self.in_background(end, &mut starts, &mut findings),
                EndKind::Exit(Some(0))
                    if self.script.lost_word.is_some() && self.outcome.programs.is_empty() =>
                {
                    findings.push(self.about_script(end, self.starts_nothing()));
                }
                EndKind::Exit(_) if self.hides_commands(end) => {
                    findings.push(self.about_script(end, self.unknown(end)));
                }
                EndKind::Forever => self.beside(How::Background, &mut starts, &mut findings),
                EndKind::Exit(_) => {}
            }
        }
        let starts_others = !starts.is_empty();
        let last_pipelines = self.last_pipelines();
        let waits = self.outcome.ends.iter().any(|end| self.outlives(end));
        for (index, program) in self.outcome.programs.iter().enumerate() {
            let is_end = self.outcome.ends.iter().any(|end| program_of(&end.kind) == Some(index));
            let is_before = match program.how {
                How::Foreground => !is_end,
                How::Background => !waits,
                // Whatever follows from its status: one that does not start was not meant to be there. An absent one may be
                // asked for, unless the script starts no other.
                How::Condition => {
                    !is_end && (self.is_program(program) || (!starts_others && is_missing_path(program)))
                }
                How::Substitution => {
                    matches!(program.found, Found::At(_)) && program.failure == Failure::Ends
                }
                // All programs of the last pipeline are the image's.
                How::Pipeline => matches!(program.found, Found::At(_)) && !last_pipelines.contains(&index),
                _ => false,
            };
            if program.certain && is_before {
                if starts_others || !self.may_be_main(program) {
                    self.helper(program, &mut helpers, &mut findings);
                } else if program.how == How::Condition {
                    self.start(program, false, &mut starts, &mut findings);
                } else {
                    self.start_beside(program, &mut starts, &mut findings);
                }
            } else if self.may_be_step(program) {
                self.helper(program, &mut helpers, &mut findings);
            }
        }
        Answer { starts, helpers, findings }
    }

    /// Whether a program may be the one for which the image is, if the script ends with no other: it decides a condition, as
    /// in `until /app; do sleep 1; done`, or runs in a loop without end.
    fn may_be_main(&self, program: &Program) -> bool {
        let is_endless = self.outcome.ends.iter().all(|end| end.kind == EndKind::Forever);
        let is_path = matches!(program.found, Found::At(_)) || program.words[0].to_string().contains('/');
        self.process.role == Role::Program
            && (is_path || (is_endless && self.is_only_one(program)))
            && (program.how == How::Condition || (is_endless && program.how == How::Foreground))
    }

    /// Whether no other program of a loop is in the image, but for one that waits.
    fn is_only_one(&self, program: &Program) -> bool {
        let others = self.outcome.programs.iter().filter(|other| *other != program);
        let mut others = others.filter(|other| other.words[0].text() != Some("sleep"));
        others.all(|other| !matches!(other.found, Found::At(_) | Found::Unknown))
            && !self.may_be_applet(program)
    }

    /// Whether the container lives on at this end of the script, whatever became of the programs in the background.
    fn outlives(&self, end: &End) -> bool {
        match &end.kind {
            EndKind::Waits | EndKind::Forever => true,
            EndKind::Exec(index) | EndKind::Last(index) => {
                self.outcome.programs.get(*index).is_some_and(is_idle)
            }
            _ => false,
        }
    }

    /// Adds the programs that run in this way while the container lives on by itself. They may be those for which the image is.
    fn beside(&self, how: How, starts: &mut Vec<Process>, findings: &mut Vec<(Process, Finding)>) {
        let programs = self.outcome.programs.iter().filter(|program| program.how == how && program.certain);
        programs.for_each(|program| self.start_beside(program, starts, findings));
    }

    /// Adds a program without which the container lives on.
    fn start_beside(
        &self,
        program: &Program,
        starts: &mut Vec<Process>,
        findings: &mut Vec<(Process, Finding)>,
    ) {
        let (from_start, from_finding) = (starts.len(), findings.len());
        self.start(program, false, starts, findings);
        let added = starts[from_start..].iter_mut();
        let added = added.chain(findings[from_finding..].iter_mut().map(|(process, _)| process));
        added.for_each(|process| process.story.push_str(", and without it the container lives on"));
    }

    /// Whether a command is a program and not a script, which may fail as part of the answer that a condition asks for.
    fn is_program(&self, program: &Program) -> bool {
        let is_script = |path| {
            let text = read_small(self.context.container.root, path, MAX_SCRIPT);
            text.is_some_and(|text| text.starts_with(b"#!"))
        };
        matches!(&program.found, Found::At(path) if !is_script(path))
    }

    /// Adds a program that the image starts by the script, or the finding that it does not start.
    fn start(
        &self,
        program: &Program,
        is_certain: bool,
        starts: &mut Vec<Process>,
        findings: &mut Vec<(Process, Finding)>,
    ) {
        let process = self.process_of(program, is_certain);
        match self.located(program, &process) {
            Ok(process) => starts.push(process),
            Err(finding) => findings.push((process, *finding)),
        }
    }

    /// Adds the programs for which the script waits at its end. It goes on if one of several does not start.
    fn in_background(&self, end: &End, starts: &mut Vec<Process>, findings: &mut Vec<(Process, Finding)>) {
        let programs = self.outcome.programs.iter();
        let programs: Vec<&Program> = programs.filter(|program| program.how == How::Background).collect();
        let is_single = programs.len() == 1;
        for program in programs.into_iter().filter(|program| program.certain) {
            self.start(program, is_single && end.certain, starts, findings);
        }
    }

    /// Adds the programs before the last one of a pipeline, as in `/app | tee log`.
    fn in_pipeline(&self, last: usize, starts: &mut Vec<Process>, findings: &mut Vec<(Process, Finding)>) {
        let before = self.pipeline(last).take_while(|index| *index < last);
        before.for_each(|index| self.start(&self.outcome.programs[index], false, starts, findings));
    }

    /// Returns the programs of the pipelines with which the script ends.
    fn last_pipelines(&self) -> BTreeSet<usize> {
        let ends = self.outcome.ends.iter().filter_map(|end| program_of(&end.kind));
        ends.flat_map(|last| self.pipeline(last)).collect()
    }

    /// Returns the programs of the pipeline that ends with this one; none if it is in no pipeline.
    fn pipeline(&self, last: usize) -> std::ops::Range<usize> {
        let is_part = |program: &&Program| program.how == How::Pipeline && program.certain;
        let programs = self.outcome.programs.get(..=last).unwrap_or_default();
        let count = programs.iter().rev().take_while(is_part).count();
        let end = programs.len();
        end - count..end
    }

    /// Returns whether the command at which the script ends could not be followed.
    fn hides_commands(&self, end: &End) -> bool {
        let line = end.position.line;
        let unfollowed = &self.outcome.unfollowed;
        unfollowed.iter().any(|each| each.cause != Cause::Loop && each.position.line == line)
    }

    /// Pairs a finding about the script with the shell's process.
    fn about_script(&self, end: &End, finding: Finding) -> (Process, Finding) {
        let process = self.process.clone();
        (if end.certain { process } else { process.doubtful() }, finding)
    }

    fn is_fine(&self, end: &End) -> bool {
        match &end.kind {
            EndKind::Exec(index) | EndKind::Last(index) => {
                let program = self.outcome.programs.get(*index);
                program.is_some_and(|program| matches!(program.found, Found::At(_) | Found::Unknown))
            }
            EndKind::Fails { .. } | EndKind::Unknown => false,
            EndKind::Exit(_) | EndKind::Waits | EndKind::Forever => true,
        }
    }

    /// Returns the process with the place of its program; a finding if it is not started.
    fn located(&self, program: &Program, process: &Process) -> Result<Process, Box<Finding>> {
        let word = program.words[0].to_string();
        let error = match &program.found {
            Found::At(path) if program.guessed && self.may_be_opened(process, path) => {
                return Err(Box::new(self.hardly_opened(process, path)));
            }
            Found::At(path) => {
                return Ok(Process { search: self.found_at(process, path), ..process.clone() });
            }
            Found::Missing => NotFound::Absent(self.nowhere(&word)),
            Found::NotExecutable(path) => match resolve(self.context.container.root, path) {
                Ok(found) if self.process.user.as_ref().is_some_and(|user| user.may_start(&found)) => {
                    let why = format!("an earlier command of {} takes its execute bits", self.script.name);
                    return Err(Box::new(report::not_executable_any_more(self.context.target, &found, &why)));
                }
                Ok(found) => NotFound::Denied(Box::new(found)),
                Err(error) => NotFound::Unknown(error.to_string()),
            },
            // Earlier commands may have changed what PATH finds; the image's own file is as good an answer.
            Found::Unknown => match self.in_image(process) {
                Some(process) => return Ok(process),
                None => return Err(Box::new(self.unknown_program(program))),
            },
        };
        Err(Box::new(report::not_found(self.context.target, process, error)))
    }

    /// Returns the search that leads to a program at this path. The script may have made it executable if its user has that
    /// right: it would hardly change the mode of what it starts for another reason.
    fn found_at(&self, process: &Process, path: &str) -> Search {
        let may_change = self.may_be_opened(process, path);
        if may_change { Search::Changed(path.to_owned()) } else { Search::At(path.to_owned()) }
    }

    /// Whether the user may not start the file at a path, and has the right to change that.
    fn may_be_opened(&self, process: &Process, path: &str) -> bool {
        process.user.as_ref().is_some_and(|user| {
            let found = resolve(self.context.container.root, path);
            found.is_ok_and(|found| !user.may_start(&found) && (user.uid == 0 || user.uid == found.entry.uid))
        })
    }

    /// Returns the finding about a program that only an unknown command may have made executable.
    fn hardly_opened(&self, process: &Process, path: &str) -> Finding {
        let error = match resolve(self.context.container.root, path) {
            Ok(found) => NotFound::Denied(Box::new(found)),
            Err(error) => NotFound::Unknown(error.to_string()),
        };
        report::weakened(report::not_found(self.context.target, process, error))
    }

    /// Returns the process with the place at which the image has its program.
    fn in_image(&self, process: &Process) -> Option<Process> {
        let mut process = Process { search: Search::Path(None), ..process.clone() };
        if process.environment.is_unknown("PATH") {
            let path = self.process.environment.get("PATH")?;
            process.environment.set("PATH", path);
            process = process.doubtful();
        }
        let found = search::find(&process, self.context.container).ok()?;
        Some(Process { search: Search::At(found.path), ..process })
    }

    /// Returns the process of a program, with the line that starts it in its story.
    fn process_of(&self, program: &Program, is_certain: bool) -> Process {
        let words: Vec<Word> = program.words.iter().map(word).collect();
        let mut process = self.process.starting("", words);
        let (line, name, first) = (program.position.line, self.place(program), &program.words[0]);
        process.story = match self.process.story.as_str() {
            "" if name.ends_with(" -c") => format!("{name} runs {first}"),
            "" => format!("line {line} of {name} runs {first}"),
            story => format!("{story}, of which line {line} runs {first}"),
        };
        let changes = program.environment.iter().map(|(name, value)| {
            let change = match value.as_ref().map(Value::text) {
                None => Change::Unset,
                Some(Some(text)) => Change::Set(text),
                Some(None) => Change::Forget,
            };
            (name.as_str(), change)
        });
        process.environment.change(&changes.collect());
        process.directory = program.directory.text().map(str::to_owned);
        process.text_file = TextFile::Runs;
        if !process.changes.contains(&program.changes) {
            process.changes.push(program.changes.clone());
        }
        let before = self.outcome.programs.iter().take_while(|other| !std::ptr::eq(*other, program));
        let mut names = before.filter_map(|other| other.words[0].text());
        process.has_new_cache |= names.any(|name| base_name(name) == "ldconfig");
        process.checked = 0;
        // A file that the script writes is perhaps not that of the image.
        let is_absent = matches!(program.found, Found::Missing | Found::NotExecutable(_));
        let is_made = is_absent && search::may_be_changed(&process, &self.process.changes);
        let is_known = program.certain && !program.rewritten && !is_made;
        let is_certain = is_certain && is_known && !self.may_be_applet(program);
        if is_certain { process } else { process.doubtful() }
    }

    /// Returns whether a program that PATH does not have may be an applet of the shell, if that is a BusyBox which prefers its
    /// own (`FEATURE_SH_STANDALONE`, as in Debian): it starts `/proc/self/exe`.
    fn may_be_applet(&self, program: &Program) -> bool {
        let Some(name) = program.words[0].text().filter(|_| program.found == Found::Missing) else {
            return false;
        };
        // Once, because it reads the program.
        let busybox = self.busybox.get_or_init(|| {
            let found = search::find(self.process, self.context.container).ok()?;
            BusyBox::read(self.context.container.root, &found)
        });
        busybox.as_ref().is_some_and(|busybox| busybox.has(name) != Some(false))
    }

    /// Says where a command is not.
    fn nowhere(&self, word: &str) -> String {
        if !word.contains('/') {
            format!("no directory of PATH has {word}")
        } else if self.process.within(self.context.container).resolve(word).is_ok() {
            format!("an earlier command of {} removes {word}", self.script.name)
        } else {
            format!("{word} does not exist in the image")
        }
    }

    /// Returns the file that holds a command.
    fn place(&self, program: &Program) -> String {
        program.file.clone().unwrap_or_else(|| self.script.name.clone())
    }

    /// Looks at a program that runs for certain before the end of the script.
    fn helper(&self, program: &Program, helpers: &mut Vec<Process>, findings: &mut Vec<(Process, Finding)>) {
        let process = self.process_of(program, true);
        match &program.found {
            Found::At(path) if program.guessed && self.may_be_opened(&process, path) => {
                let finding = self.hardly_opened(&process, path);
                let role = process.role.of_helper(program.failure);
                findings.push((Process { role, ..process }, finding));
            }
            Found::At(path) => {
                let role = process.role.of_helper(program.failure);
                if role == Role::Step && program.file.is_none() && !owner::may_add_users(&self.script.text) {
                    let unknown = owner::check(self.context, &process);
                    findings.extend(unknown.map(|finding| (process.clone(), finding)));
                }
                helpers.push(Process { search: self.found_at(&process, path), role, ..process });
            }
            // Nothing is known of it but that the image does not have it.
            Found::Unknown if self.is_doubtful_step(program, &process) => {
                let role = process.role.of_helper(program.failure);
                let finding = report::weakened_unknown(self.unknown_program(program));
                findings.push((Process { role, ..process }, finding));
            }
            // One whose absence ends the script is an end of its own.
            Found::Missing if program.failure == Failure::Continues && !self.may_be_applet(program) => {
                let word = program.words[0].to_string();
                let message = format!("{}, and the script goes on after `not found`.", self.nowhere(&word));
                let target = self.context.target.name();
                findings.push((process, Finding::new(codes::LAUNCH_HELPER_MISSING, target, &word, message)));
            }
            _ => {}
        }
    }

    /// Whether a program may run as a step, depending on files that only the container has: for instance on whether a volume
    /// is empty.
    fn may_be_step(&self, program: &Program) -> bool {
        let is_step = program.how == How::Foreground && program.failure == Failure::Ends;
        let is_known = match program.found {
            Found::At(_) => true,
            Found::Unknown => program.file.is_some(),
            Found::Missing | Found::NotExecutable(_) => false,
        };
        self.environment == Deployment::AsSet && !program.certain && is_step && is_known
    }

    /// Whether a script ends unless an earlier command creates this program.
    fn is_doubtful_step(&self, program: &Program, process: &Process) -> bool {
        program.failure == Failure::Ends
            && program.words[0].text().is_some()
            && self.in_image(process).is_none()
            && !self.may_be_applet(program)
    }

    /// Returns the finding about a script that the shell ends early.
    fn failure(&self, end: &End, status: u8, reason: &Reason) -> (Process, Finding) {
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
    fn starts_nothing(&self) -> Finding {
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
    fn exits(&self, end: &End, status: u8, why: &str) -> Finding {
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
    fn demands_variable(&self, end: &End) -> bool {
        match &end.kind {
            EndKind::Exit(Some(status)) if *status != 0 => self.exits_at(end).any(asks_for_variable),
            EndKind::Fails { reason, .. } => matches!(reason, Reason::Unset(_)),
            _ => false,
        }
    }

    /// Returns the circumstances of an end, the last of them first.
    fn exits_at(&self, end: &End) -> impl Iterator<Item = &Exit> {
        self.outcome.exits.iter().rev().filter(|exit| exit.place.position == end.position)
    }

    /// Says what the script asked about and does not find.
    fn lacking(&self, asked: &Asked) -> String {
        match asked {
            Asked::Variable(name) => {
                format!("the deployment must set {name}, which the image does not set")
            }
            Asked::Command(name) | Asked::File(name) => self.nowhere(name),
            Asked::Execution(path) => format!("{path} may not be executed"),
        }
    }

    /// Returns the finding about an end before a program. A step that certainly fails ends the script that runs it.
    fn of_end(&self, end: &End, why: &str) -> Finding {
        let (target, name) = (self.context.target, &self.script.name);
        let fails = match (self.process.role, end.certain) {
            (Role::Step, true) => "fails",
            (_, false) => "fails unless files of the container say otherwise",
            (Role::Program | Role::Aside, true) => return report::unknown(target, name, why),
        };
        Finding::new(codes::LAUNCH_MAY_FAIL, target.name(), name, format!("{name} {fails}: {why}."))
    }

    fn no_directory(&self, end: &End, path: &str) -> Finding {
        let (line, name) = (end.position.line, &self.script.name);
        let message = format!(
            "Line {line} of {name} changes to the directory {path}, which is not in the image, and with `set -e` the script ends."
        );
        Finding::new(codes::LAUNCH_FILE_MISSING, self.context.target.name(), path, message)
    }

    fn no_source(&self, end: &End, path: &str) -> Finding {
        let (line, name) = (end.position.line, &self.script.name);
        let message = format!(
            "Line {line} of {name} reads {path}, which is not in the image, and the shell stops there."
        );
        Finding::new(codes::LAUNCH_FILE_MISSING, self.context.target.name(), path, message)
    }

    fn unset(&self, end: &End, variable: &str) -> Finding {
        self.of_end(end, &format!(
            "line {} of {} needs the variable {variable}, which the image does not set: the deployment must set {variable}",
            end.position.line, self.script.name
        ))
    }

    /// Returns the finding about a command whose program is not known.
    fn unknown_program(&self, program: &Program) -> Finding {
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

    fn unknown(&self, end: &End) -> Finding {
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
    fn not_verified(&self, place: &Place<'_>, text: &str, why: &str) -> Finding {
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
    fn line(&self, place: &Place<'_>) -> String {
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
struct Place<'a> {
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

/// Whether a program only keeps the container alive: `tail -f FILE`, `sleep infinity`.
fn is_idle(program: &Program) -> bool {
    let words: Vec<&str> = program.words.iter().filter_map(Value::text).collect();
    match words.split_first().map(|(name, operands)| (base_name(name), operands)) {
        Some(("tail", operands)) => operands
            .iter()
            .any(|word| word.starts_with("--follow") || (word.starts_with('-') && word.contains(['f', 'F']))),
        Some(("sleep", operands)) => operands.iter().any(|word| word.starts_with("inf") || word.len() > 5),
        _ => false,
    }
}

/// Whether a condition runs a program by a path that the image does not have.
fn is_missing_path(program: &Program) -> bool {
    let is_path = program.words[0].text().is_some_and(|word| word.contains('/'));
    program.how == How::Condition && program.found == Found::Missing && is_path
}

/// Whether the script itself, and nothing that a deployment sets, leads to an error of a builtin.
fn decided_by_script(text: &str) -> bool {
    text.starts_with("set:") || text == "Bad substitution" || text.ends_with(": is read only")
}

fn program_of(end: &EndKind) -> Option<usize> {
    match end {
        EndKind::Exec(index) | EndKind::Last(index) => Some(*index),
        EndKind::Fails { reason: Reason::Program(index), .. } => Some(*index),
        _ => None,
    }
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
