//! The programs of a script as processes: their files, and what the shell gives them.

use crossdock_shell::{Failure, Found, How, Program, StandardInput, Value};

use super::reading::{Deployment, Reading};
use super::word;
use crate::launch::answer::Answer;
use crate::launch::image_files::MAX_SCRIPT;
use crate::launch::process::{Change, Process, Role, Search, TextFile, Word, base_name};
use crate::launch::search::{self, NotFound};
use crate::launch::{owner, report};
use crate::program::busybox::BusyBox;
use crate::root::{read_small, resolve};
use crate::{Finding, codes};

impl Reading<'_> {
    /// Whether a command is a program and not a script, which may fail as part of the answer that a condition asks for.
    pub(super) fn is_program(&self, program: &Program) -> bool {
        let is_script = |path| {
            let text = read_small(self.context.container.root, path, MAX_SCRIPT);
            text.is_some_and(|text| text.starts_with(b"#!"))
        };
        matches!(&program.found, Found::At(path) if !is_script(path))
    }

    /// Returns the process with the place of its program; a finding if it is not started.
    pub(super) fn located(&self, program: &Program, process: &Process) -> Result<Process, Box<Finding>> {
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
    pub(super) fn found_at(&self, process: &Process, path: &str) -> Search {
        let may_change = self.may_be_opened(process, path);
        if may_change { Search::Changed(path.to_owned()) } else { Search::At(path.to_owned()) }
    }

    /// Whether the user may not start the file at a path, and has the right to change that.
    pub(super) fn may_be_opened(&self, process: &Process, path: &str) -> bool {
        process.user.as_ref().is_some_and(|user| {
            let found = resolve(self.context.container.root, path);
            found.is_ok_and(|found| !user.may_start(&found) && (user.uid == 0 || user.uid == found.entry.uid))
        })
    }

    /// Returns the finding about a program that only an unknown command may have made executable.
    pub(super) fn hardly_opened(&self, process: &Process, path: &str) -> Finding {
        let error = match resolve(self.context.container.root, path) {
            Ok(found) => NotFound::Denied(Box::new(found)),
            Err(error) => NotFound::Unknown(error.to_string()),
        };
        report::weakened(report::not_found(self.context.target, process, error))
    }

    /// Returns the process with the place at which the image has its program.
    pub(super) fn in_image(&self, process: &Process) -> Option<Process> {
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
    pub(super) fn process_of(&self, program: &Program, is_certain: bool) -> Process {
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
        process.input = match &program.input {
            StandardInput::Inherited if self.script.is_input => StandardInput::Unknown,
            StandardInput::Inherited => self.process.input.clone(),
            input => input.clone(),
        };
        if !process.changes.contains(&program.changes) {
            process.changes.push(program.changes.clone());
        }
        let before = self.outcome.programs.iter().take_while(|other| !std::ptr::eq(*other, program));
        let mut names = before.filter_map(|other| other.words[0].text());
        process.has_new_cache |= names.any(|name| base_name(name) == "ldconfig");
        process.checked = 0;
        process.leads = self.script.tail.leads(self.process.leads, program);
        // A file that the script writes is perhaps not that of the image.
        let is_absent = matches!(program.found, Found::Missing | Found::NotExecutable(_));
        let is_made = is_absent && search::may_be_changed(&process, &self.process.changes);
        let is_known = program.certain && !program.rewritten && !is_made;
        let is_certain = is_certain && is_known && !self.may_be_applet(program);
        if is_certain { process } else { process.doubtful() }
    }

    /// Returns whether a program that PATH does not have may be an applet of the shell, if that is a BusyBox which prefers its
    /// own (`FEATURE_SH_STANDALONE`, as in Debian): it starts `/proc/self/exe`.
    pub(super) fn may_be_applet(&self, program: &Program) -> bool {
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

    /// Returns the file that holds a command.
    pub(super) fn place(&self, program: &Program) -> String {
        program.file.clone().unwrap_or_else(|| self.script.name.clone())
    }

    /// Looks at a program that runs for certain before the end of the script.
    pub(super) fn helper(&self, program: &Program, answer: &mut Answer) {
        let process = self.process_of(program, true);
        match &program.found {
            Found::At(path) if program.guessed && self.may_be_opened(&process, path) => {
                let finding = self.hardly_opened(&process, path);
                let role = process.role.of_helper(program.failure);
                answer.findings.push((Process { role, ..process }, finding));
            }
            Found::At(path) => {
                let role = process.role.of_helper(program.failure);
                if role == Role::Step && program.file.is_none() && !owner::may_add_users(&self.script.text) {
                    let unknown = owner::check(self.context, &process);
                    answer.findings.extend(unknown.map(|finding| (process.clone(), finding)));
                }
                answer.helpers.push(Process { search: self.found_at(&process, path), role, ..process });
            }
            // Nothing is known of it but that the image does not have it.
            Found::Unknown if self.is_doubtful_step(program, &process) => {
                let role = process.role.of_helper(program.failure);
                let finding = report::weakened_unknown(self.unknown_program(program));
                answer.findings.push((Process { role, ..process }, finding));
            }
            // One whose absence ends the script is an end of its own.
            Found::Missing if program.failure == Failure::Continues && !self.may_be_applet(program) => {
                let word = program.words[0].to_string();
                let message = format!("{}, and the script goes on after `not found`.", self.nowhere(&word));
                let target = self.context.target.name();
                answer
                    .findings
                    .push((process, Finding::new(codes::LAUNCH_HELPER_MISSING, target, &word, message)));
            }
            _ => {}
        }
    }

    /// Whether a program may run as a step, depending on files that only the container has: for instance on whether a volume
    /// is empty.
    pub(super) fn may_be_step(&self, program: &Program) -> bool {
        let is_step = program.how == How::Foreground && program.failure == Failure::Ends;
        let is_known = match program.found {
            Found::At(_) => true,
            Found::Unknown => program.file.is_some(),
            Found::Missing | Found::NotExecutable(_) => false,
        };
        self.environment == Deployment::AsSet && !program.certain && is_step && is_known
    }

    /// Whether a script ends unless an earlier command creates this program.
    pub(super) fn is_doubtful_step(&self, program: &Program, process: &Process) -> bool {
        program.failure == Failure::Ends
            && program.words[0].text().is_some()
            && self.in_image(process).is_none()
            && !self.may_be_applet(program)
    }
}
