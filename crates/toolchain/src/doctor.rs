//! What a plan needs of the host: found where and in which version, or missing with the command that brings it, and
//! how that command is carried out with a person's consent.

mod setup;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::host::{Host, RustToolchain, Tool};
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::process::{Command, Processes};

pub use setup::{Answer, Attempt, Outcome, Progress, SetupError, setup};

/// Something of the host that a plan uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Requirement {
    /// The Rust toolchain that the project in the directory selects.
    Rust(Utf8PathBuf),
    /// The distribution's Rust toolchain.
    DistributionRust,
    /// The Go toolchain that the module in the directory selects.
    Go(Utf8PathBuf),
    /// A tool, by its name in [`Host::tools`].
    Tool(String),
    /// A container engine that builds, as it answered.
    Engine {
        /// The builder, as `--builder` takes it.
        builder: String,
        /// What stands before its commands.
        program: Vec<String>,
        /// What it said of itself.
        about: String,
    },
}

/// One line of the doctor's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// What is needed: `rust`, `go`, or a tool's name.
    pub name: String,
    /// The images, or images and platforms, that need it.
    pub needed_by: BTreeSet<String>,
    /// The tool as it was found, or why not and what brings it.
    pub found: Availability<Tool>,
}

/// Holds what a plan uses, and what it misses, against the host. Each thing is listed once, with everyone who needs it;
/// what is missing comes last.
///
/// `uses` and `missing` name who needs the thing.
pub fn diagnose<'a>(
    uses: impl IntoIterator<Item = (String, &'a Requirement)>,
    missing: impl IntoIterator<Item = (String, &'a Unavailable)>,
    host: &Host,
) -> Vec<Check> {
    let mut needed: BTreeMap<&Requirement, BTreeSet<String>> = BTreeMap::new();
    for (by, used) in uses {
        needed.entry(used).or_default().insert(by);
    }
    let mut checks: Vec<Check> = Vec::new();
    for (used, needed_by) in needed {
        add(&mut checks, Check { name: used.name(), needed_by, found: used.look_up(host) });
    }
    for (by, unavailable) in missing {
        let check = Check {
            name: by.clone(),
            needed_by: BTreeSet::from([by]),
            found: Availability::Unavailable(unavailable.clone()),
        };
        add(&mut checks, check);
    }
    checks.sort_by_key(|check| check.found.available().is_none());
    checks
}

/// Two needs of the same thing are one line.
fn add(checks: &mut Vec<Check>, new: Check) {
    match checks.iter_mut().find(|check| check.found == new.found) {
        Some(known) => known.needed_by.extend(new.needed_by),
        None => checks.push(new),
    }
}

impl Requirement {
    fn name(&self) -> String {
        match self {
            Self::Rust(_) => "rust".to_owned(),
            Self::DistributionRust => "the distribution's rust".to_owned(),
            Self::Go(_) => "go".to_owned(),
            Self::Tool(name) => name.clone(),
            Self::Engine { builder, .. } => builder.clone(),
        }
    }

    fn look_up(&self, host: &Host) -> Availability<Tool> {
        let of_rust = |rust: &RustToolchain| Tool {
            command: vec![rust.rustc.to_string()],
            version: Some(rust.version.clone()),
        };
        let found = match self {
            Self::Rust(directory) => host.rust_toolchain(directory).map(of_rust),
            Self::DistributionRust => match &host.distribution {
                Availability::Available(rust) => Ok(of_rust(rust)),
                Availability::Unavailable(missing) => Err(missing.clone()),
            },
            Self::Go(directory) => host
                .go_toolchain(directory)
                .map(|go| Tool { command: vec![go.go.to_string()], version: Some(go.version.clone()) }),
            Self::Tool(name) => host.tool(name).cloned(),
            Self::Engine { program, about, .. } => {
                Ok(Tool { command: program.clone(), version: Some(about.clone()) })
            }
        };
        found.map_or_else(Availability::Unavailable, Availability::Available)
    }
}

/// Asks every tool that was found, and whose version is not known yet, for its version, all side by side. A tool that
/// gives none keeps none.
pub fn ask_versions(checks: &mut [Check], processes: &Processes) {
    thread::scope(|scope| {
        for check in checks {
            if let Availability::Available(tool) = &mut check.found
                && tool.version.is_none()
            {
                scope.spawn(|| tool.version = version_of(tool, processes));
            }
        }
    });
}

fn version_of(tool: &Tool, processes: &Processes) -> Option<String> {
    let (program, arguments) = tool.command.split_first()?;
    let command = Command::new(program, processes.environment().directory.clone())
        .args(arguments.iter().cloned())
        .args(["--version"]);
    let output = processes.output(&command).ok().filter(|output| output.status.success())?;
    first_version(&String::from_utf8_lossy(&output.stdout))
}

/// The first word of a tool's answer that looks like a version: `gcc (Debian 12.2.0-14+deb12u1) 12.2.0` means 12.2.0.
fn first_version(text: &str) -> Option<String> {
    let words = text.lines().next()?.split(|c: char| c.is_whitespace() || c == '(' || c == ')' || c == ',');
    let numbers = words.map(|word| word.trim_start_matches('v')).filter(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        parts.len() > 1
            && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    });
    numbers.map(str::to_owned).next()
}

#[cfg(test)]
mod tests;
