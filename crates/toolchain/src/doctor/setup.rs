//! Running remedies, one command after another, each announced before it runs.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use camino::Utf8Path;
use serde::Serialize;

use crate::host::Host;
use crossdock_system::availability::{Remedy, Scope, Unavailable};
use crossdock_system::process::{Command, OutputLine, ProcessError, Processes};

/// The user's answer to a change of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Run the commands.
    Yes,
    /// Skip this remedy and try the next one.
    No,
}

/// An event of the setup, for display.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// A command is about to run.
    Runs(&'a Command),
    /// The command wrote a line.
    Says(OutputLine<'a>),
    /// The command failed. The next remedy is tried, if there is one.
    Failed {
        /// The command.
        command: &'a Command,
        /// The reason.
        why: &'a str,
    },
}

/// The outcome for one missing requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The reason why it was missing.
    pub why: String,
    /// The remedies that were tried, in order. The requirement is installed if the last one is [`Attempt::Done`].
    pub attempts: Vec<(Remedy, Attempt)>,
}

/// The outcome of one remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Attempt {
    /// Every command succeeded.
    Done,
    /// The user declined it.
    Declined,
    /// A command failed, or could not be run.
    Failed(String),
    /// A command needs root, and sudo would ask for a password. Holds the commands for the user to run in a shell.
    NeedsPassword(String),
}

/// The reason why the setup stopped early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The run was cancelled.
    #[error("interrupted")]
    Cancelled,
}

impl Outcome {
    /// Returns whether a remedy succeeded.
    pub fn is_done(&self) -> bool {
        matches!(self.attempts.last(), Some((_, Attempt::Done)))
    }

    /// Returns whether rustup failed to add something. [`Host::without_rustup_server`] then gives a host to plan for.
    pub fn rustup_failed(&self) -> bool {
        let is_rustup = |remedy: &Remedy| remedy.commands.iter().any(|command| command.program == "rustup");
        self.attempts
            .iter()
            .any(|(remedy, attempt)| is_rustup(remedy) && matches!(attempt, Attempt::Failed(_)))
    }

    /// Returns the commands for the user to run, because sudo would ask for a password. `None` if another remedy
    /// succeeded.
    pub fn by_hand(&self) -> Option<&str> {
        let first = self.attempts.iter().find_map(|(_, attempt)| match attempt {
            Attempt::NeedsPassword(commands) => Some(commands.as_str()),
            _ => None,
        });
        first.filter(|_| !self.is_done())
    }
}

/// Installs what is missing: runs the remedies of each requirement in order until one succeeds. A command that ran for
/// one requirement does not run again for another, and rustup is not asked again after it failed to add a target.
///
/// A remedy that changes the system (see [`Scope::System`]) runs only with `consent`. A failed remedy is not an error:
/// make a new plan to see what is still missing.
///
/// # Errors
/// [`SetupError::Cancelled`] if the run was cancelled.
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

/// Whether sudo runs commands without a password. A prompt would wait forever: a child runs in its own process group,
/// which is not the terminal's foreground group.
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
        // Asked before consent: a user should not agree to commands that will not run.
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

    /// Returns whether sudo works without a password: `sudo -n true` fails at once if it would ask for one.
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

    /// Formats commands for the user's own shell, in which sudo can ask.
    fn in_words(&self, commands: &[Command]) -> String {
        let word = |command: &Command| {
            let sudo = if self.needs_sudo(command) { "sudo " } else { "" };
            format!("{sudo}{}", command.without_directory())
        };
        commands.iter().map(word).collect::<Vec<_>>().join(" && ")
    }

    /// Asks for consent, but only once for the same commands.
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

    /// Returns why a command is known to fail: it failed before, or rustup's server did, which is the same for every
    /// target.
    fn known_to_fail(&self, command: &Command) -> Option<String> {
        let same = |failed: &Command| match (failed.program.as_str(), failed.arguments.get(..2)) {
            ("rustup", verb) => command.program == "rustup" && command.arguments.get(..2) == verb,
            _ => failed == command,
        };
        self.failed.iter().find(|(failed, _)| same(failed)).map(|(_, why)| why.clone())
    }

    /// Runs a command. For apt, fetches the package lists first if there are none, and after a failure, as they may be
    /// stale.
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
            // The last line of standard error names the cause, with apt, dnf and rustup alike.
            if let OutputLine::Stderr(text) = line
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

/// Package managers of systems, which need root.
const MANAGERS: [&str; 5] = ["apt-get", "dpkg", "dnf", "apk", "pacman"];

/// Returns the command as it runs on this host: package managers run through sudo unless the user is root, and never
/// ask questions.
fn privileged(command: &Command, host: &Host) -> Result<Command, String> {
    if !MANAGERS.contains(&command.program.as_str()) {
        return Ok(command.clone());
    }
    // debconf would otherwise ask questions, such as the one for the time zone.
    let quiet = host.system.is_debian().then_some("DEBIAN_FRONTEND=noninteractive");
    if host.root {
        let quiet = quiet.and_then(|variable| variable.split_once('='));
        return Ok(quiet
            .into_iter()
            .fold(command.clone(), |command, (name, value)| command.env(name, value)));
    }
    let sudo =
        host.tool("sudo").map_err(|_| format!("`{}` needs root, but there is no sudo", command.short()))?;
    // sudo resets the environment, so that `env` sets the variable behind it. `-n` because nobody could answer a
    // prompt.
    let words = quiet.iter().flat_map(|variable| ["env", variable]).map(str::to_owned);
    let words = ["-n".to_owned()]
        .into_iter()
        .chain(words)
        .chain([command.program.clone()])
        .chain(command.arguments.iter().cloned());
    let mut with_sudo = command.clone();
    (with_sudo.program, with_sudo.arguments) = (sudo.command.join(" "), words.collect());
    Ok(with_sudo)
}

/// Returns whether apt has fetched any package list.
fn apt_has_lists(directory: &Utf8Path) -> bool {
    let is_list = |name: &str| name.contains("_Packages");
    let Ok(mut files) = directory.read_dir_utf8() else { return false };
    files.any(|file| file.is_ok_and(|file| is_list(file.file_name())))
}
