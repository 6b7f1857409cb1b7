//! Follows launchers, interpreters and scripts from the program that an image starts to the one that finally runs.
//!
//! A [`Process`] is a command with the environment, working directory and user that it gets. Each link of the chain is
//! located as its starter does it, verified with the checks of programs, and its arguments are read as the program itself
//! would read them, which gives the next link. A fault of a link that runs for certain is an error; one of a link that only
//! may run, or whose circumstances are partly unknown, leaves the image unproven.

mod accounts;
mod answer;
mod applets;
mod as_set;
mod call;
mod environment;
mod group;
mod identify;
mod image_files;
mod interpreters;
mod launchers;
mod loader;
mod meter;
mod next;
mod option_values;
mod options;
mod owner;
mod process;
mod python;
mod report;
mod script_files;
mod search;
mod shell;
mod shell_options;
mod startup;
mod switch_user;
mod user_spec;
mod volumes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crossdock_shell::Budget;

use crate::program::busybox::BusyBox;
use crate::program::checks::{check_file, check_loaded_by};
use crate::program::container::Container;
use crate::program::inspect::{Inspection, inspect_file};
use crate::root::Resolved;
use crate::{Effect, Finding, Target, codes};

pub(crate) use volumes::Volumes;

use answer::Answer;
use call::Call;
use identify::{Kind, identify, unknown_applet};
use meter::Meter;
use process::{Certainty, Process, Role, TextFile, Word};

/// The number of links in a row that are followed. Real chains have fewer than ten.
const MAX_DEPTH: usize = 32;
/// The number of links that are followed in all, over all branches of all scripts.
const MAX_LINKS: usize = 256;
/// The number of links of programs that scripts run before their ends. Long scripts have some hundred commands.
const MAX_HELPERS: usize = 1000;

/// The number of interpreters in a row by which a limit may be exceeded: the check of a script, which comes before them,
/// reports those that are too many.
const MAX_INTERPRETERS: usize = 8;
/// The steps for a whole chain: following its scripts, and reading files again for each program. They take a few seconds.
const MAX_STEPS: u64 = 300_000;

/// The image as the chain sees it.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) target: &'a Target,
    pub(crate) container: Container<'a>,
    /// The image's volumes, which engines create.
    pub(crate) volumes: &'a Volumes,
}

/// The effect of a program's arguments, as far as the chain is concerned.
enum Next {
    /// It starts no other program that its arguments name.
    Nothing,
    /// It starts this process.
    Start(Box<Process>),
    /// It is a shell that runs these programs.
    Several(Answer),
    /// It does not start, or starts nothing.
    Fails(Finding),
    /// It starts a program that is only known when it runs; the text is the reason.
    Unknown(String),
}

/// Follows a command of an image whose first program is `first`, which is verified already, and verifies every program
/// after it.
pub(crate) fn follow<'a>(
    context: Context<'_>,
    words: impl IntoIterator<Item = &'a str>,
    first: &Resolved,
) -> Vec<Finding> {
    let meter = Meter::new(context.container.root);
    let mut chain = Chain {
        context: Context { container: Container { root: &meter, ..context.container }, ..context },
        meter: &meter,
        findings: Vec::new(),
        verified: BTreeSet::new(),
        seen: BTreeSet::new(),
        helpers: VecDeque::new(),
        busyboxes: BTreeMap::new(),
        budget: Budget::new(MAX_STEPS),
    };
    chain.run(Process::of_image(context.container, words), first.clone(), MAX_LINKS);
    chain.run_helpers();
    without_doubles(chain.findings)
}

/// The chain as far as it was followed.
struct Chain<'a> {
    context: Context<'a>,
    findings: Vec<Finding>,
    /// The programs that were verified, each with what its verification depends on.
    verified: BTreeSet<String>,
    /// The identities of the processes that were followed.
    seen: BTreeSet<u64>,
    /// The programs that scripts run before their ends, which are followed last.
    helpers: VecDeque<Process>,
    /// The BusyBox that each program is, by its path; `None` if it is another program.
    busyboxes: BTreeMap<String, Option<BusyBox>>,
    /// The work that is left.
    budget: Budget,
    /// The work that its programs cause.
    meter: &'a Meter<'a>,
}

impl Chain<'_> {
    /// Follows a process to the programs that remain. Returns the number of links.
    fn run(&mut self, process: Process, found: Resolved, most: usize) -> usize {
        let mut work = vec![(process, found)];
        let mut links = 0;
        while let Some((process, found)) = work.pop() {
            let identity = process.identity(&found.path);
            links += 1;
            if self.is_too_much(&process, links, most) {
                self.too_long(process);
                return links;
            }
            if process.trail.contains(&identity) {
                // The check of a script reports a loop of interpreters itself.
                if process.checked == 0 {
                    self.report(&process, report::too_long(self.context.target, &process));
                }
                continue;
            }
            // Branches of a script may lead to the same program.
            if !self.seen.insert(identity) {
                continue;
            }
            let process = process.after(identity);
            let next = self.link(&process, &found);
            self.budget.pay(self.meter.take());
            match next {
                Next::Nothing => {}
                Next::Start(next) => work.extend(self.located(*next)),
                Next::Several(Answer { starts, helpers, findings }) => {
                    findings.into_iter().for_each(|(process, finding)| self.report(&process, finding));
                    self.helpers.extend(helpers);
                    let mut starts: Vec<_> =
                        starts.into_iter().filter_map(|process| self.located(process)).collect();
                    // The certain ones are followed first, because a program is verified once.
                    starts.sort_by_key(|(process, _)| process.certainty == Certainty::Certain);
                    work.extend(starts);
                }
                Next::Fails(finding) => self.report(&process, finding),
                Next::Unknown(why) => {
                    let finding = report::unknown(self.context.target, &found.path, &why);
                    self.report(&process, finding);
                }
            }
        }
        links
    }

    /// Returns whether a process is beyond the limits of a chain, after so many links of `most`.
    fn is_too_much(&self, process: &Process, links: usize, most: usize) -> bool {
        let more = if process.checked == 0 { 0 } else { MAX_INTERPRETERS };
        links > most + more || process.trail.len() > MAX_DEPTH + more || self.budget.is_spent()
    }

    /// Reports that a process, and what comes after it, is beyond the limits. This is told nowhere else, except for so many
    /// interpreters in a row.
    fn too_long(&mut self, process: Process) {
        if process.checked > 0 && process.trail.len() > MAX_DEPTH + MAX_INTERPRETERS {
            return;
        }
        let told = Process { is_covered: false, role: Role::Program, ..process };
        self.report(&told, report::too_long(self.context.target, &told));
    }

    /// Follows the programs that scripts run before their ends. They matter as far as they end the script.
    fn run_helpers(&mut self) {
        let mut left = MAX_HELPERS;
        while let Some(process) = self.helpers.pop_front() {
            if left == 0 || self.budget.is_spent() {
                self.too_long(process);
                return;
            }
            if let Some((process, found)) = self.located(process) {
                left = left.saturating_sub(self.run(process, found, left));
            }
        }
    }

    /// Returns the process with the program that its starter finds; reports why there is none.
    fn located(&mut self, process: Process) -> Option<(Process, Resolved)> {
        match search::find(&process, self.context.container) {
            Ok(found) => return Some((process, found)),
            // The check of the script has reported it.
            Err(_) if process.checked > 0 => {}
            Err(error) => {
                // A script before it may have created the program, or given it its execute bits.
                let is_certain = search::is_denied_for_good(&process, self.context.container, &error)
                    || !search::may_be_changed(&process, &process.changes);
                let finding = report::not_found(self.context.target, &process, error);
                self.report(&if is_certain { process } else { process.doubtful() }, finding);
            }
        }
        None
    }

    /// Verifies a link, and reads what it starts.
    fn link(&mut self, process: &Process, found: &Resolved) -> Next {
        let file = match inspect_file(self.context.container.root, &found.path) {
            Ok(file) => file,
            Err(error) => {
                let target = self.context.target.name();
                return Next::Fails(Finding::new(
                    codes::UNREADABLE,
                    target,
                    &found.path,
                    format!("{error}."),
                ));
            }
        };
        let is_text = matches!(file.facts, Inspection::Text | Inspection::Empty);
        if is_text && process.text_file == TextFile::Runs {
            return shell::read_text(self.context, process, found, &mut self.budget);
        }
        if process.loader.is_some() && !matches!(file.facts, Inspection::Elf(_)) {
            return Next::Fails(report::not_loadable(self.context.target, process, found));
        }
        if process.checked == 0 {
            self.verify(process, found);
        }
        if self.lacks_applet(process, found) {
            return Next::Nothing;
        }
        if let Inspection::Script(script) = &file.facts {
            if !script.names_interpreter() {
                return Next::Nothing;
            }
            let path = search::called_path(process, self.context.container, found);
            return Next::Start(Box::new(process.interpreted(script, &path)));
        }
        let mut call = Call {
            context: self.context,
            process,
            found,
            program: process.name().unwrap_or(&found.path).to_owned(),
            facts: &file.facts,
            content: &file.content,
            skipped: 1,
        };
        if let Some(next) = loader::refused(&call).or_else(|| loader::traced(&call)) {
            return next;
        }
        if let Some(word) = unknown_applet(&call) {
            return next::unknown_word(word);
        }
        match identify(&mut call) {
            None => Next::Nothing,
            Some(Kind::Shell) => {
                let next = shell::read(&call, &mut self.budget);
                // Every shell knows this variable.
                if call.contains("OPTIND") { next } else { doubtful(next, self.context.target, &call) }
            }
            Some(Kind::Loader(libc)) => loader::read(&call, libc),
            Some(Kind::Interpreter(interpreter)) => interpreter.read(&call),
            Some(Kind::Launcher(launcher)) => {
                let next = launcher.read(&call);
                if launcher.is_genuine(&call) { next } else { doubtful(next, self.context.target, &call) }
            }
        }
    }

    /// Runs the checks of programs, once for each program and what its verification depends on.
    fn verify(&mut self, process: &Process, found: &Resolved) {
        if !self.verified.insert(process.circumstances(&found.path)) {
            return;
        }
        let container = process.within(self.context.container);
        let findings = match &process.loader {
            Some(loader) => check_loaded_by(found, self.context.target, container, loader),
            None => check_file(found, self.context.target, None, container, 0),
        };
        for finding in findings {
            self.report(process, finding);
        }
    }

    /// Returns whether the program is a BusyBox that stops because it lacks the applet or its option.
    fn lacks_applet(&mut self, process: &Process, found: &Resolved) -> bool {
        // The loader as the starter may give it another name.
        if process.loader.is_some() {
            return false;
        }
        let Some(finding) = self.check_applet(process, found) else { return false };
        let fails = finding.code.effect() == Effect::Fails;
        // The check of the image's program or of the script before it has reported the others.
        if process.checked == 0 {
            self.report(process, finding);
        }
        fails
    }

    /// Checks the applet that the words of a process choose, if its program is a BusyBox.
    fn check_applet(&mut self, process: &Process, found: &Resolved) -> Option<Finding> {
        let Context { target, container, .. } = self.context;
        let read = || BusyBox::read(container.root, found);
        let busybox = self.busyboxes.entry(found.path.clone()).or_insert_with(read).as_ref()?;
        let words: Vec<&str> = process.words.iter().map_while(Word::known).collect();
        busybox.check(target, found, &words)
    }

    /// Adds a finding about a link, with the chain that leads to it.
    fn report(&mut self, process: &Process, finding: Finding) {
        // The process with the image's own variables tells what comes of those.
        let is_told_elsewhere = process.is_covered
            && (finding.code == codes::LAUNCH_UNKNOWN || report::depends_on_variables(process, &finding));
        let finding = match process.certainty {
            Certainty::Certain if !report::is_doubtful(process, &finding) => finding,
            _ => report::weakened(finding),
        };
        let Some(finding) = report::for_role(process.role, finding).filter(|_| !is_told_elsewhere) else {
            return;
        };
        let finding = report::with_story(finding, &process.story);
        // Several ends of a script lead to the same finding.
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

/// Removes the findings that something may fail which surely fails.
fn without_doubles(mut findings: Vec<Finding>) -> Vec<Finding> {
    let fails = |finding: &&Finding| finding.code.effect() == Effect::Fails;
    let certain: BTreeSet<String> =
        findings.iter().filter(fails).map(|finding| finding.message.clone()).collect();
    findings.retain(|finding| finding.code != codes::LAUNCH_MAY_FAIL || !certain.contains(&finding.message));
    findings
}

/// Returns what follows from the arguments of a program that has a launcher's name, but perhaps not its behavior.
fn doubtful(next: Next, target: &Target, call: &Call<'_>) -> Next {
    match next {
        Next::Start(process) => Next::Start(Box::new(process.doubtful())),
        Next::Several(Answer { starts, findings, .. }) => Next::Several(Answer {
            starts: starts.into_iter().map(Process::doubtful).collect(),
            helpers: Vec::new(),
            findings: findings.into_iter().map(|(process, finding)| (process.doubtful(), finding)).collect(),
        }),
        Next::Fails(finding) => Next::Fails(report::weakened(finding)),
        Next::Unknown(_) => {
            Next::Fails(report::unknown(target, &call.found.path, "it is not the known program of its name"))
        }
        Next::Nothing => Next::Nothing,
    }
}
