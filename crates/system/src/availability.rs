//! Absence with a reason: a tool is there, or it is known why not and what a person can do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::process::Command;

/// Something that is there, or the reason why it is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Availability<T> {
    /// It is there.
    Available(T),
    /// It is not there.
    Unavailable(Unavailable),
}

/// Why something is not there, and what brings it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailable {
    /// One sentence without a full stop.
    pub why: String,
    /// Commands that bring it on this host, the best first; empty when nothing is known that does.
    pub remedies: Vec<Remedy>,
}

/// One way to bring what is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// What to run, in this order.
    pub commands: Vec<Command>,
    /// How much of the machine it changes.
    pub scope: Scope,
}

/// How much of the machine a remedy changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The user's own folders (rustup, pip --user).
    User,
    /// Every user's machine (apt-get): asked for, or consented to by `--setup` or `--yes`.
    System,
}

impl<T> Availability<T> {
    /// The thing, if it is there.
    pub fn available(&self) -> Option<&T> {
        match self {
            Self::Available(thing) => Some(thing),
            Self::Unavailable(_) => None,
        }
    }
}

impl Unavailable {
    /// Absence without a known remedy.
    pub fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), remedies: Vec::new() }
    }
}

/// How many remedies a person is shown.
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
            self.commands.iter().map(|command| command.anywhere().to_string()).collect();
        f.write_str(&commands.join(" && "))
    }
}

impl Unavailable {
    /// Two absences that must both end: each way of the first is followed by each of the second.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let both = |one: &Remedy| {
            let one = one.clone();
            other.remedies.iter().map(move |two| one.clone().then(two))
        };
        let remedies = self.remedies.iter().flat_map(both).collect();
        Self { why: format!("{}; {}", self.why, other.why), remedies }
    }
}

impl Remedy {
    /// This remedy and then another one; a command that both hold runs once, and packages are installed together.
    #[must_use]
    pub fn then(mut self, next: &Self) -> Self {
        for command in &next.commands {
            let joined = self.commands.contains(command)
                || self.commands.last_mut().is_some_and(|last| join(last, command));
            if !joined {
                self.commands.push(command.clone());
            }
        }
        if next.scope == Scope::System {
            self.scope = Scope::System;
        }
        self
    }
}

/// Adds the packages of one `apt-get install -y` to another; other commands stay apart.
fn join(last: &mut Command, next: &Command) -> bool {
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
    fn remedies_follow_each_other_without_repetition() {
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
    fn two_absences_end_in_every_pair_of_ways() {
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
