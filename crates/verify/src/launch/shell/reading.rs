//! The programs that a script starts at its ends and before them.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use crossdock_shell::{Cause, End, EndKind, Failure, Found, How, Outcome, Program, Reason, Value};

use super::Script;
use crate::launch::Context;
use crate::launch::answer::Answer;
use crate::launch::process::{Process, Role, base_name};
use crate::program::busybox::BusyBox;

/// The deployments for which a script was followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Deployment {
    /// Any: they may set every variable.
    Any,
    /// One that sets no variable: only files are unknown.
    AsSet,
}

/// The answer of the reader of shell commands about a script.
pub(super) struct Reading<'a> {
    pub(super) context: Context<'a>,
    pub(super) process: &'a Process,
    pub(super) script: &'a Script,
    pub(super) outcome: &'a Outcome,
    pub(super) environment: Deployment,
    /// The BusyBox that the shell is, once it is asked for.
    pub(super) busybox: OnceCell<Option<BusyBox>>,
}

impl Reading<'_> {
    /// Returns the programs that the script starts, and the findings about it.
    pub(super) fn answer(&self) -> Answer {
        let mut answer = Answer::default();
        let is_any_fine = self.outcome.ends.iter().any(|end| self.is_fine(end));
        for end in &self.outcome.ends {
            // A program may be missing in a branch that is for other images.
            let is_for_others =
                !end.certain && is_any_fine && !self.is_fine(end) && end.kind != EndKind::Unknown;
            if !is_for_others || self.demands(end) {
                self.at_end(end, &mut answer);
            }
        }
        self.before_ends(&mut answer);
        self.in_traps(&mut answer);
        answer
    }

    /// Adds the programs of traps, of which one may be that for which the image is if the script starts no other.
    fn in_traps(&self, answer: &mut Answer) {
        if !answer.starts.is_empty() || self.process.role != Role::Program {
            return;
        }
        let has_slash = |program: &&Program| program.words[0].to_string().contains('/');
        let programs = self.outcome.programs.iter().filter(|program| program.how == How::Trap);
        programs.filter(has_slash).for_each(|program| self.start(program, false, answer));
    }

    /// Whether the image as it is set ends like this because it lacks a variable.
    fn demands(&self, end: &End) -> bool {
        self.environment == Deployment::AsSet && !self.process.is_covered && self.demands_variable(end)
    }

    /// Adds what an end of the script starts, or why it starts nothing.
    fn at_end(&self, end: &End, answer: &mut Answer) {
        let finding = match &end.kind {
            EndKind::Exec(index) | EndKind::Last(index) => return self.at_program(end, *index, answer),
            EndKind::Waits => return self.in_background(end, answer),
            EndKind::Forever => return self.beside(How::Background, answer),
            EndKind::Fails { status, reason } => {
                return answer.findings.push(self.failure(end, *status, reason));
            }
            EndKind::Unknown => self.unknown(end),
            EndKind::Exit(Some(status)) if *status != 0 && (end.certain || self.demands(end)) => {
                self.exits(end, *status, "")
            }
            EndKind::Exit(Some(0)) if self.script.lost_word.is_some() && self.outcome.programs.is_empty() => {
                self.starts_nothing()
            }
            EndKind::Exit(_) if self.hides_commands(end) => self.unknown(end),
            EndKind::Exit(_) => return,
        };
        answer.findings.push(self.about_script(end, finding));
    }

    /// Adds the program with which the script ends, and those that run next to it.
    fn at_program(&self, end: &End, index: usize, answer: &mut Answer) {
        let Some(program) = self.outcome.programs.get(index) else { return };
        // A program that only decides a condition does not fail a script that runs before others.
        if program.how == How::Condition && self.process.role != Role::Program {
            return;
        }
        self.start(program, end.certain, answer);
        if is_idle(program) {
            self.beside(How::Background, answer);
        }
        self.in_pipeline(index, answer);
    }

    /// Adds the programs that run before the ends.
    fn before_ends(&self, answer: &mut Answer) {
        let starts_others = !answer.starts.is_empty();
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
                How::Exec | How::Trap => false,
            };
            match program.certain && is_before {
                true if starts_others || !self.may_be_main(program) => self.helper(program, answer),
                true if program.how == How::Condition => self.start(program, false, answer),
                true => self.start_beside(program, answer),
                false if self.may_be_step(program) => self.helper(program, answer),
                false => {}
            }
        }
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
    fn beside(&self, how: How, answer: &mut Answer) {
        let programs = self.outcome.programs.iter().filter(|program| program.how == how && program.certain);
        programs.for_each(|program| self.start_beside(program, answer));
    }

    /// Adds a program without which the container lives on.
    fn start_beside(&self, program: &Program, answer: &mut Answer) {
        let (from_start, from_finding) = (answer.starts.len(), answer.findings.len());
        self.start(program, false, answer);
        let added = answer.starts[from_start..].iter_mut();
        let added = added.chain(answer.findings[from_finding..].iter_mut().map(|(process, _)| process));
        added.for_each(|process| process.story.push_str(", and without it the container lives on"));
    }

    /// Adds a program that the image starts by the script, or the finding that it does not start.
    fn start(&self, program: &Program, is_certain: bool, answer: &mut Answer) {
        let process = self.process_of(program, is_certain);
        match self.located(program, &process) {
            Ok(process) => answer.starts.push(process),
            Err(finding) => answer.findings.push((process, *finding)),
        }
    }

    /// Adds the programs for which the script waits at its end. It goes on if one of several does not start.
    fn in_background(&self, end: &End, answer: &mut Answer) {
        let programs = self.outcome.programs.iter();
        let programs: Vec<&Program> = programs.filter(|program| program.how == How::Background).collect();
        let is_single = programs.len() == 1;
        for program in programs.into_iter().filter(|program| program.certain) {
            self.start(program, is_single && end.certain, answer);
        }
    }

    /// Adds the programs before the last one of a pipeline, as in `/app | tee log`.
    fn in_pipeline(&self, last: usize, answer: &mut Answer) {
        let before = self.pipeline(last).take_while(|index| *index < last);
        before.for_each(|index| self.start(&self.outcome.programs[index], false, answer));
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

fn program_of(end: &EndKind) -> Option<usize> {
    match end {
        EndKind::Exec(index) | EndKind::Last(index) => Some(*index),
        EndKind::Fails { reason: Reason::Program(index), .. } => Some(*index),
        _ => None,
    }
}
