//! Carrying out remedies, one command after another, each said before it runs.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use camino::Utf8Path;
use serde::Serialize;

use crate::host::Host;
use crossdock_system::availability::{Remedy, Scope, Unavailable};
use crossdock_system::process::{Command, Line, ProcessError, Processes};

/// What a person says to a change of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Yes,
    /// Not this one; the next way is tried.
    No,
}

/// What a person sees of the set-up.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// A command is about to run.
    Runs(&'a Command),
    /// It wrote a line.
    Says(Line<'a>),
    /// It failed; the next way is tried, if there is one.
    Failed {
        /// The command.
        command: &'a Command,
        /// Why.
        why: &'a str,
    },
}

/// What came of one missing thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// What was missing.
    pub why: String,
    /// The ways that were tried, in their order. The thing is there if the last of them is [`Attempt::Done`].
    pub attempts: Vec<(Remedy, Attempt)>,
}

/// What came of one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Attempt {
    /// Every command ended well.
    Done,
    /// It was not consented to.
    Declined,
    /// A command failed, or could not be tried.
    Failed(String),
    /// A command needs root, and sudo would ask for a password: a person runs it by hand. It is given as a shell takes it.
    NeedsPassword(String),
}

/// Why the set-up ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The run was cancelled.
    #[error("interrupted")]
    Cancelled,
}

impl Outcome {
    /// Whether a way succeeded.
    pub fn is_done(&self) -> bool {
        matches!(self.attempts.last(), Some((_, Attempt::Done)))
    }

    /// Whether rustup was asked to add something and could not: then [`Host::without_rustup_server`] plans on.
    pub fn rustup_failed(&self) -> bool {
        let is_rustup = |remedy: &Remedy| remedy.commands.iter().any(|command| command.program == "rustup");
        self.attempts
            .iter()
            .any(|(remedy, attempt)| is_rustup(remedy) && matches!(attempt, Attempt::Failed(_)))
    }

    /// What a person has to run by hand, because sudo would ask for a password; nothing where another way succeeded.
    pub fn by_hand(&self) -> Option<&str> {
        let first = self.attempts.iter().find_map(|(_, attempt)| match attempt {
            Attempt::NeedsPassword(commands) => Some(commands.as_str()),
            _ => None,
        });
        first.filter(|_| !self.is_done())
    }
}

/// Brings what is missing: for each thing its ways in their order, until one succeeds. A command that ran for one thing
/// does not run again for another, and once rustup has failed to add a target it is not asked again.
///
/// Ways that change the system (see [`Scope::System`]) run only when `consent` says so. What then is still missing
/// shows a new plan; a way that failed is no error here.
///
/// # Errors
/// [`SetupError::Cancelled`].
pub fn setup<'a>(
    missing: impl IntoIterator<Item = &'a Unavailable>,
    host: &Host,
    processes: &Processes,
    consent: &mut dyn FnMut(&Remedy) -> Answer,
    observe: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Vec<Outcome>, SetupError> {
    let mut run = Setup {
        host,
        processes,
        observe,
        done: Vec::new(),
        failed: Vec::new(),
        refused: BTreeSet::new(),
        sudo: Sudo::NotAsked,
    };
    missing.into_iter().map(|unavailable| run.bring(unavailable, consent)).collect()
}

struct Setup<'a> {
    host: &'a Host,
    processes: &'a Processes,
    observe: &'a (dyn Fn(Progress<'_>) + Sync),
    done: Vec<Command>,
    failed: Vec<(Command, String)>,
    refused: BTreeSet<String>,
    sudo: Sudo,
}

/// Whether sudo runs commands without a password. It is asked once: a prompt would wait for ever, as what runs here leads
/// a process group that no terminal listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sudo {
    NotAsked,
    Serves,
    WantsPassword,
}

impl Setup<'_> {
    fn bring(
        &mut self,
        missing: &Unavailable,
        consent: &mut dyn FnMut(&Remedy) -> Answer,
    ) -> Result<Outcome, SetupError> {
        let mut outcome = Outcome { why: missing.why.clone(), attempts: Vec::new() };
        for remedy in &missing.remedies {
            let attempt = self.attempt(remedy, consent)?;
            let done = attempt == Attempt::Done;
            outcome.attempts.push((remedy.clone(), attempt));
            if done {
                break;
            }
        }
        Ok(outcome)
    }

    fn attempt(
        &mut self,
        remedy: &Remedy,
        consent: &mut dyn FnMut(&Remedy) -> Answer,
    ) -> Result<Attempt, SetupError> {
        let open: Vec<&Command> =
            remedy.commands.iter().filter(|command| !self.done.contains(command)).collect();
        let known = open.iter().find_map(|command| self.known_to_fail(command));
        if let Some(why) = known {
            return Ok(Attempt::Failed(why));
        }
        let changes_system = remedy.scope == Scope::System && !open.is_empty();
        if changes_system && !self.consents(remedy, consent) {
            return Ok(Attempt::Declined);
        }
        let open: Vec<Command> = open.into_iter().cloned().collect();
        if open.iter().any(|command| self.needs_sudo(command)) && !self.sudo_serves()? {
            return Ok(Attempt::NeedsPassword(self.in_words(&open)));
        }
        for command in &open {
            if let Err(why) = self.run(command)? {
                self.failed.push((command.clone(), why.clone()));
                return Ok(Attempt::Failed(why));
            }
            self.done.push(command.clone());
        }
        Ok(Attempt::Done)
    }

    fn needs_sudo(&self, command: &Command) -> bool {
        let is_manager = MANAGERS.contains(&command.program.as_str());
        is_manager && !self.host.root && self.host.tool("sudo").is_ok()
    }

    /// `sudo -n true` ends at once, with an error where a password is wanted.
    fn sudo_serves(&mut self) -> Result<bool, SetupError> {
        if self.sudo == Sudo::NotAsked {
            let Ok(sudo) = self.host.tool("sudo") else { return Ok(false) };
            let asked = Command::new(sudo.command.join(" "), "/").args(["-n", "true"]);
            self.sudo = match self.processes.stdout(&asked) {
                Err(ProcessError::Cancelled) => return Err(SetupError::Cancelled),
                Err(_) => Sudo::WantsPassword,
                Ok(_) => Sudo::Serves,
            };
        }
        Ok(self.sudo == Sudo::Serves)
    }

    /// Commands for a person's own shell: sudo may ask there.
    fn in_words(&self, commands: &[Command]) -> String {
        let word = |command: &Command| {
            let sudo = if self.needs_sudo(command) { "sudo " } else { "" };
            format!("{sudo}{}", command.anywhere())
        };
        commands.iter().map(word).collect::<Vec<_>>().join(" && ")
    }

    /// A person is asked about the same commands once.
    fn consents(&mut self, remedy: &Remedy, consent: &mut dyn FnMut(&Remedy) -> Answer) -> bool {
        let key = remedy.to_string();
        if self.refused.contains(&key) {
            return false;
        }
        let yes = consent(remedy) == Answer::Yes;
        if !yes {
            self.refused.insert(key);
        }
        yes
    }

    /// What failed once fails again; rustup's server is the same for every target.
    fn known_to_fail(&self, command: &Command) -> Option<String> {
        let same = |failed: &Command| match (failed.program.as_str(), failed.arguments.get(..2)) {
            ("rustup", verb) => command.program == "rustup" && command.arguments.get(..2) == verb,
            _ => failed == command,
        };
        self.failed.iter().find(|(failed, _)| same(failed)).map(|(_, why)| why.clone())
    }

    /// Runs a command; a package list that was never fetched or is too old is fetched first.
    fn run(&mut self, command: &Command) -> Result<Result<(), String>, SetupError> {
        let installs =
            command.program == "apt-get" && command.arguments.first().is_some_and(|verb| verb == "install");
        let update = Command::new("apt-get", "/").args(["update"]);
        if installs && !self.done.contains(&update) && !apt_has_lists(Utf8Path::new("/var/lib/apt/lists")) {
            self.update(&update)?;
        }
        let first = self.spawn(command)?;
        if first.is_ok() || !installs || self.done.contains(&update) {
            return Ok(first);
        }
        self.update(&update)?;
        self.spawn(command)
    }

    fn update(&mut self, update: &Command) -> Result<(), SetupError> {
        if self.spawn(update)?.is_ok() {
            self.done.push(update.clone());
        }
        Ok(())
    }

    fn spawn(&self, command: &Command) -> Result<Result<(), String>, SetupError> {
        let command = &match privileged(command, self.host) {
            Ok(command) => command,
            Err(why) => return Ok(Err(why)),
        };
        (self.observe)(Progress::Runs(command));
        let last = Mutex::new(String::new());
        let result = self.processes.stream(command, &|line| {
            if let Line::Error(text) = line
                && !text.trim().is_empty()
            {
                text.clone_into(&mut last.lock().unwrap_or_else(PoisonError::into_inner));
            }
            (self.observe)(Progress::Says(line));
        });
        let last = last.into_inner().unwrap_or_else(PoisonError::into_inner);
        let why = match result {
            Ok(status) if status.success() => return Ok(Ok(())),
            Err(ProcessError::Cancelled) => return Err(SetupError::Cancelled),
            Ok(status) => format!("`{}` failed ({status}): {last}", command.short()),
            Err(error) => error.to_string(),
        };
        (self.observe)(Progress::Failed { command, why: &why });
        Ok(Err(why))
    }
}

/// The systems' own package managers, which only root may call.
const MANAGERS: [&str; 5] = ["apt-get", "dpkg", "dnf", "apk", "pacman"];

/// The command as it runs on this host: the system's own package managers through sudo where the user is not root, and
/// never with a question of their own.
fn privileged(command: &Command, host: &Host) -> Result<Command, String> {
    if !MANAGERS.contains(&command.program.as_str()) {
        return Ok(command.clone());
    }
    let quiet = host.system.is_debian().then_some("DEBIAN_FRONTEND=noninteractive");
    if host.root {
        let quiet = quiet.and_then(|variable| variable.split_once('='));
        return Ok(quiet
            .into_iter()
            .fold(command.clone(), |command, (name, value)| command.env(name, value)));
    }
    let sudo =
        host.tool("sudo").map_err(|_| format!("`{}` needs root, and there is no sudo", command.short()))?;
    // sudo starts from an environment of its own, and asks nothing: its question would not be heard.
    let words = quiet.iter().flat_map(|variable| ["env", variable]).map(str::to_owned);
    let words = ["-n".to_owned()]
        .into_iter()
        .chain(words)
        .chain([command.program.clone()])
        .chain(command.arguments.iter().cloned());
    Ok(Command { program: sudo.command.join(" "), arguments: words.collect(), ..command.clone() })
}

/// Whether apt has fetched any list of packages.
fn apt_has_lists(directory: &Utf8Path) -> bool {
    let is_list = |name: &str| name.contains("_Packages");
    let Ok(mut files) = directory.read_dir_utf8() else { return false };
    files.any(|file| file.is_ok_and(|file| is_list(file.file_name())))
}
