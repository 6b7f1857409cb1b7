//! The requirements of a plan, checked against the host: where each is and in which version, or the commands that
//! install it, which [`setup`] runs with the user's consent.

mod setup;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::host::{Host, RustToolchain, Tool};
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::process::{Command, Processes};

pub use setup::{Answer, Attempt, Outcome, Progress, SetupError, setup};

/// A part of the host that a plan uses.
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
    /// A container engine that builds.
    Engine {
        /// The builder, as in `--builder`.
        builder: String,
        /// The program and the arguments before its commands.
        program: Vec<String>,
        /// Its version, as it reports it.
        about: String,
    },
}

/// The result for one requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// The requirement: `rust`, `go`, or a tool's name.
    pub name: String,
    /// The images, or images and platforms, that require it.
    pub needed_by: BTreeSet<String>,
    /// The tool, or why it is missing and the commands that install it.
    pub found: Availability<Tool>,
    /// Whether the plan does without it: it is for what a person does with the images next.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

impl Check {
    /// Returns the result for a tool that the plan needs.
    fn needed(name: String, needed_by: BTreeSet<String>, found: Availability<Tool>) -> Self {
        Self { name, needed_by, found, optional: false }
    }

    /// Returns the result for a tool that images are used with after their build.
    pub fn optional(name: impl Into<String>, needed_by: BTreeSet<String>, found: Availability<Tool>) -> Self {
        Self { name: name.into(), needed_by, found, optional: true }
    }
}

/// Checks the requirements of a plan against the host. Each is listed once, with everything that requires it; missing
/// ones come last.
///
/// `uses` are parts of the host that the plan uses, `missing` those that it could not find, each with the image that
/// requires it.
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
        add(&mut checks, Check::needed(used.name(), needed_by, used.look_up(host)));
    }
    for (by, unavailable) in missing {
        let found = Availability::Unavailable(unavailable.clone());
        add(&mut checks, Check::needed(by.clone(), BTreeSet::from([by]), found));
    }
    checks.sort_by_key(|check| check.found.available().is_none());
    checks
}

/// Adds a check, or merges it into one with the same result.
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

/// Asks every tool whose version is still unknown for its version, all in parallel. The version stays `None` if the
/// tool prints none.
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

/// Returns the first word that looks like a version: 12.2.0 for `gcc (Debian 12.2.0-14+deb12u1) 12.2.0`.
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
