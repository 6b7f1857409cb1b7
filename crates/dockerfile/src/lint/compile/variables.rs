//! The variables that a compile step sees: of the stage, and of its script.

use std::collections::BTreeMap;

use super::{LineOf, TARGET_VARIABLES};
use crate::lint::shell::{Command, assignment};
use crate::read::{Instruction, Keyword, Scope, declare, expand, variables};

/// The variables of a stage, and the lines that gave them their values.
#[derive(Clone, Default)]
pub(in crate::lint) struct Known {
    pub(super) scope: Scope,
    lines: BTreeMap<String, usize>,
}

impl Known {
    pub(super) fn note(&mut self, globals: &Scope, instruction: &Instruction) {
        let names: Vec<&str> = match instruction.keyword {
            Keyword::Arg => {
                declare_known(globals, &mut self.scope, instruction);
                let words = instruction.arguments.words().iter();
                words.filter_map(|word| word.split('=').next()).collect()
            }
            Keyword::Env => {
                set(&mut self.scope, instruction);
                instruction.arguments.pairs().iter().map(|pair| pair.name.as_str()).collect()
            }
            _ => return,
        };
        for name in names {
            let lines = instruction.text().lines().position(|line| line.contains(name));
            self.lines.insert(name.to_owned(), instruction.lines.first + lines.unwrap_or(0));
        }
    }

    /// The variables of the target platform that are declared, with their lines.
    pub(super) fn declared(&self) -> Vec<(&'static str, usize)> {
        let line = |name: &'static str| Some((name, *self.lines.get(name)?));
        TARGET_VARIABLES.into_iter().filter_map(line).collect()
    }
}

/// A bare `ARG NAME` takes the default of the same name before the first `FROM`.
fn declare_known(globals: &Scope, scope: &mut Scope, instruction: &Instruction) {
    declare(scope, instruction);
    for name in instruction.arguments.words().iter().filter(|word| !word.contains('=')) {
        if let Some(Some(value)) = globals.get(name) {
            scope.insert(name.clone(), Some(value.clone()));
        }
    }
}

fn set(scope: &mut Scope, instruction: &Instruction) {
    for pair in instruction.arguments.pairs() {
        // A value that names the image's platform is kept as it stands, for the step that uses it.
        let target = variables(&pair.value).iter().any(|(_, name)| TARGET_VARIABLES.contains(name));
        let value = if target { Some(unquoted(&pair.value)) } else { expand(&pair.value, scope) };
        scope.insert(pair.name.clone(), value);
    }
}

fn unquoted(text: &str) -> String {
    text.trim_matches(['"', '\'']).to_owned()
}

/// A variable that a script sets.
#[derive(Clone)]
pub(super) struct Local {
    name: String,
    value: String,
    line: usize,
}

impl Local {
    /// An assignment; `line` finds the line of a text in its command.
    pub(super) fn new((name, value): &(String, String), line: &LineOf<'_>) -> Self {
        Self { name: name.clone(), value: value.clone(), line: line(&format!("{name}=")) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// The variables that a command of a script sees.
#[derive(Clone)]
pub(super) struct Variables<'a> {
    pub(super) known: &'a Known,
    pub(super) local: Vec<Local>,
    /// How many of them earlier commands set, which may have been conditional.
    pub(super) earlier: usize,
    /// Whether a file was sourced or `eval` used: then nothing is known of variables that are not set here.
    pub(super) wild: bool,
}

impl Variables<'_> {
    /// What a command sees that sets some for itself.
    pub(super) fn with(&self, own: impl Iterator<Item = Local>) -> Self {
        let mut all = self.clone();
        all.local.extend(own);
        all
    }

    /// Notes what a command sets for those after it.
    pub(super) fn note(&mut self, command: &Command, line: &LineOf<'_>) {
        let words = command.words.iter().map(String::as_str);
        let mut set = |(name, value): (&str, &str)| {
            self.local.retain(|known| known.name != name);
            self.local.push(Local::new(&(name.to_owned(), value.to_owned()), line));
        };
        match command.words.first().map(String::as_str) {
            None => command.assignments.iter().for_each(|(name, value)| set((name, value))),
            Some("export") => words.skip(1).filter_map(assignment).for_each(set),
            Some("." | "source" | "eval") => self.wild = true,
            // `go env -w GOARCH=…` writes a file that later commands read.
            Some("go") if command.words.get(1).is_some_and(|word| word == "env") => {
                words.skip(2).filter_map(assignment).for_each(set);
            }
            _ => {}
        }
        self.earlier = self.local.len();
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        let local = self.local.iter().rfind(|known| known.name == name).map(|local| local.value.clone());
        local.or_else(|| self.known.scope.get(name).cloned().flatten())
    }

    /// Whether an earlier command of the script gave a variable its value: a branch of `case` or `if` perhaps.
    pub(super) fn is_conditional(&self, name: &str) -> bool {
        let last = self.local.iter().rposition(|known| known.name == name);
        last.is_some_and(|position| position < self.earlier)
    }

    /// The line that gives a variable its value: in the script, or its `ENV` or `ARG`.
    pub(super) fn definition(&self, name: &str) -> Option<usize> {
        let local = self.local.iter().rfind(|known| known.name == name).map(|local| local.line);
        local.or_else(|| self.known.lines.get(name).copied())
    }
}
