//! Absence with a reason: a tool is available, or it is known why not and which commands install it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::process::Command;

/// Something that is available, or the reason why it is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Availability<T> {
    /// It is available.
    Available(T),
    /// It is not available.
    Unavailable(Unavailable),
}

/// The reason why something is not available, and the remedies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailable {
    /// The reason: one sentence without a full stop.
    pub why: String,
    /// The ways to install it on this host, the best first; empty if none is known.
    pub remedies: Vec<Remedy>,
}

/// One way to install what is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// The commands to run, in this order.
    pub commands: Vec<Command>,
    /// The part of the machine that it changes.
    pub scope: Scope,
}

/// The part of the machine that a remedy changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Only the user's own directories (rustup, `pip --user`).
    User,
    /// The system for all users (apt-get). Needs consent: an answer of the user, `--setup` or `--yes`.
    System,
}

impl<T> Availability<T> {
    /// Returns the thing if it is available.
    pub fn available(&self) -> Option<&T> {
        match self {
            Self::Available(thing) => Some(thing),
            Self::Unavailable(_) => None,
        }
    }
}

impl Unavailable {
    /// An absence without a known remedy.
    pub fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), remedies: Vec::new() }
    }
}

/// The number of remedies that `Display` lists.
const SHOWN: usize = 3;

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)?;
        self.remedies.iter().take(SHOWN).enumerate().try_for_each(|(place, remedy)| {
            let word = if place == 0 { "run" } else { "or" };
            write!(f, "\n  {word}: {remedy}")
        })?;
        match self.remedies.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  ({more} more ways: `doctor --json`)"),
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let commands: Vec<String> =
            self.commands.iter().map(|command| command.without_directory().to_string()).collect();
        f.write_str(&commands.join(" && "))
    }
}

impl Unavailable {
    /// Combines two absences that must both be remedied: the remedies are all pairs of one of the first and one of the second.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let pairs = |one: &Remedy| {
            let one = one.clone();
            other.remedies.iter().map(move |two| one.clone().then(two))
        };
        let remedies = self.remedies.iter().flat_map(pairs).collect();
        Self { why: format!("{}; {}", self.why, other.why), remedies }
    }
}

impl Remedy {
    /// Appends another remedy. A command that both hold runs once, and consecutive `apt-get install` commands become one.
    #[must_use]
    pub fn then(mut self, next: &Self) -> Self {
        for command in &next.commands {
            let is_covered = self.commands.contains(command)
                || self.commands.last_mut().is_some_and(|last| join_install(last, command));
            if !is_covered {
                self.commands.push(command.clone());
            }
        }
        if next.scope == Scope::System {
            self.scope = Scope::System;
        }
        self
    }
}

/// Adds the packages of one `apt-get install -y` to another. Returns whether both commands were of that form.
fn join_install(last: &mut Command, next: &Command) -> bool {
    let Some((verb, packages)) = next.arguments.split_at_checked(2) else { return false };
    let same =
        last.program == next.program && last.arguments.get(..2) == Some(verb) && verb == ["install", "-y"];
    if same {
        last.arguments.extend(packages.iter().cloned());
    }
    same
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(commands: &[&str], scope: Scope) -> Remedy {
        let command = |line: &&str| {
            let mut words = line.split(' ');
            Command::new(words.next().unwrap_or_default(), "/").args(words)
        };
        Remedy { commands: commands.iter().map(command).collect(), scope }
    }

    #[test]
    fn combined_remedies_repeat_no_command() {
        let one = remedy(&["apt-get update", "apt-get install -y a"], Scope::System);
        let two = remedy(
            &["apt-get update", "apt-get install -y b c", "pip install d", "apt-get install -y a"],
            Scope::User,
        );
        let both = one.then(&two);
        assert_eq!(
            both.to_string(),
            "apt-get update && apt-get install -y a b c && pip install d && apt-get install -y a"
        );
        assert_eq!(both.scope, Scope::System);
    }

    #[test]
    fn two_absences_have_every_pair_of_remedies() {
        let missing = |why: &str, ways: &[&str]| Unavailable {
            why: why.to_owned(),
            remedies: ways.iter().map(|way| remedy(&[way], Scope::User)).collect(),
        };
        let both = missing("no std", &["a", "b"]).and(missing("no linker", &["c", "a"]));
        assert_eq!(both.why, "no std; no linker");
        let ways: Vec<String> = both.remedies.iter().map(ToString::to_string).collect();
        assert_eq!(ways, ["a && c", "a", "b && c", "b && a"]);
        assert!(missing("no std", &["a"]).and(missing("nothing helps", &[])).remedies.is_empty());
    }
}
