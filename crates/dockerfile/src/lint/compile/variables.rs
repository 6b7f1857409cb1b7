//! The variables that a compile step sees: of the stage, and of its script.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{LineOf, TARGET_VARIABLES, asks_for_the_platform};
use crate::lint::shell::{Command, assignment};
use crate::read::{Dockerfile, Instruction, Keyword, Scope, expand, variables};

/// The variables and settings of a stage, and the lines that gave them their values.
#[derive(Clone, Default)]
pub(in crate::lint) struct Known {
    pub(super) scope: Arc<Scope>,
    lines: Arc<BTreeMap<String, usize>>,
    /// The folder in which commands run.
    folder: Option<String>,
    learned: Learned,
}

/// How many variables of a stage are followed. Each stage of a long file inherits those of the one before, and with more it is
/// no file that a person wrote.
const MOST_VARIABLES: usize = 256;

/// What the scripts of earlier steps left for later ones, beside files.
#[derive(Clone, Default)]
pub(super) struct Learned {
    /// Whether `go` is a wrapper that sets the target itself: `xx-go --wrap`.
    pub(super) wrapped: bool,
    /// Whether there may be settings that the file does not tell.
    unsure: bool,
    /// What `go env -w` wrote.
    kept: Vec<Local>,
}

impl From<&Known> for Learned {
    fn from(known: &Known) -> Self {
        known.learned.clone()
    }
}

impl Known {
    /// The arguments before the first `FROM`.
    pub(in crate::lint) fn globals(file: &Dockerfile) -> Self {
        let mut known = Self::default();
        let before = file.instructions().take_while(|instruction| instruction.keyword != Keyword::From);
        let nothing = Self::default();
        before.for_each(|instruction| known.note(&nothing, instruction));
        known
    }

    pub(super) fn note(&mut self, globals: &Self, instruction: &Instruction) {
        let names: Vec<&str> = match instruction.keyword {
            Keyword::Arg => return self.declare(globals, instruction),
            Keyword::Workdir => {
                let text = instruction.arguments.text().and_then(|text| expand(text, &self.scope));
                self.folder = text.and_then(|text| super::entered(self.folder(), Some(&text)));
                return;
            }
            Keyword::Env => {
                let mut followed = Vec::new();
                for pair in instruction.arguments.pairs() {
                    let value = given(&pair.value, &self.scope);
                    followed.extend(self.set(&pair.name, value).then_some(pair.name.as_str()));
                }
                followed
            }
            _ => return,
        };
        for name in names {
            Arc::make_mut(&mut self.lines).insert(name.to_owned(), line_of(instruction, name));
        }
    }

    /// Sets a variable, and returns whether it is followed.
    fn set(&mut self, name: &str, value: Option<String>) -> bool {
        let is_followed = self.scope.len() < MOST_VARIABLES || self.scope.contains_key(name);
        if is_followed {
            Arc::make_mut(&mut self.scope).insert(name.to_owned(), value);
        } else {
            self.learned.unsure = true;
        }
        is_followed
    }

    /// Notes what an `ARG` declares. One without a value takes the default of the same name before the first `FROM`.
    fn declare(&mut self, globals: &Self, instruction: &Instruction) {
        for word in instruction.arguments.words() {
            let (name, value) =
                word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
            let default = value.is_none().then(|| globals.scope.get(name).cloned().flatten()).flatten();
            let line = match &default {
                Some(_) => globals.lines.get(name).copied(),
                None => None,
            };
            let value = default.or_else(|| given(value?, &self.scope));
            if self.set(name, value) {
                let line = line.unwrap_or_else(|| line_of(instruction, name));
                Arc::make_mut(&mut self.lines).insert(name.to_owned(), line);
            }
        }
    }

    /// The folder in which commands run, where the file tells it.
    pub(super) fn folder(&self) -> Option<&str> {
        self.folder.as_deref()
    }

    /// Notes what a script left. The environment has precedence over what `go env -w` wrote.
    pub(super) fn learn(&mut self, learned: Learned) {
        for local in &learned.kept {
            let is_unset = self.scope.get(&local.name).cloned().flatten().is_none();
            if is_unset && self.set(&local.name, Some(local.value.clone())) {
                Arc::make_mut(&mut self.lines).insert(local.name.clone(), local.line);
            }
        }
        self.learned = Learned { kept: Vec::new(), ..learned };
    }

    /// The variables of the target platform that are declared, with their lines.
    pub(super) fn declared(&self) -> Vec<(&'static str, usize)> {
        let line = |name: &'static str| Some((name, *self.lines.get(name)?));
        TARGET_VARIABLES.into_iter().filter_map(line).collect()
    }
}

/// The line of an instruction that has a name.
fn line_of(instruction: &Instruction, name: &str) -> usize {
    let lines = instruction.text().lines().position(|line| line.contains(name));
    instruction.lines.first + lines.unwrap_or(0)
}

/// A value with its variables replaced. One that names the image's platform is kept as it stands, for the step that
/// uses it.
fn given(value: &str, scope: &Scope) -> Option<String> {
    let target = variables(value).iter().any(|(_, name)| TARGET_VARIABLES.contains(name));
    if target { Some(unquoted(value)) } else { expand(value, scope) }
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
    pub(super) learned: Learned,
    /// Whether the script looks at the platform, so that what it sets may depend on it.
    looks: bool,
}

impl<'a> Variables<'a> {
    /// What the first command of a script sees.
    pub(super) fn new(known: &'a Known, learned: Learned, script: &str) -> Self {
        let looks = asks_for_the_platform(script);
        Self { known, local: Vec::new(), earlier: 0, wild: learned.unsure, learned, looks }
    }

    /// What a command sees that sets some for itself.
    pub(super) fn with(&self, own: impl Iterator<Item = Local>) -> Self {
        let mut all = self.clone();
        for local in own {
            let new = all.effective(local);
            all.local.extend(new);
        }
        all
    }

    /// What an assignment changes. `GOARCH=$GOARCH` leaves the variable the value that it has.
    fn effective(&self, local: Local) -> Option<Local> {
        let of_itself = matches!(variables(&local.value).as_slice(), [(0, name)] if *name == local.name);
        if !of_itself {
            return Some(local);
        }
        let is_empty = self.get(&local.name).is_none_or(|value| value.is_empty());
        let default = expand(&local.value, &Scope::new()).filter(|_| is_empty)?;
        Some(Local { value: default, ..local })
    }

    /// Whether a variable has a value that the file does not tell: an `ARG` without one.
    pub(super) fn is_open(&self, name: &str) -> bool {
        !TARGET_VARIABLES.contains(&name) && self.known.scope.get(name).is_some_and(Option::is_none)
    }

    /// Notes what a command sets for those after it.
    pub(super) fn note(&mut self, command: &Command, line: &LineOf<'_>) {
        let words = command.words.iter().map(String::as_str);
        let mut set = |(name, value): (&str, &str)| {
            if let Some(local) = self.effective(Local::new(&(name.to_owned(), value.to_owned()), line)) {
                self.local.retain(|known| known.name != name);
                self.local.push(local);
            }
        };
        match command.words.first().map(String::as_str) {
            None => command.assignments.iter().for_each(|(name, value)| set((name, value))),
            Some("export") => words.skip(1).filter_map(assignment).for_each(set),
            Some("." | "source" | "eval") => self.wild = true,
            // `go env -w GOARCH=…` writes a file that later commands read, those of later steps too.
            Some("go") if command.words.get(1).is_some_and(|word| word == "env") => {
                words.clone().skip(2).filter_map(assignment).for_each(set);
                let written = words.skip(2).filter_map(assignment);
                let written: Vec<Local> = written
                    .map(|(name, value)| Local::new(&(name.to_owned(), value.to_owned()), line))
                    .collect();
                let constant = |local: &Local| variables(&local.value).is_empty();
                match self.looks && written.iter().any(constant) {
                    true => self.learned.unsure = true,
                    false => self.learned.kept.extend(written),
                }
            }
            Some("xx-go") => {
                let mut flags = words.skip(1);
                self.learned.wrapped |= flags.clone().any(|flag| flag == "--wrap");
                self.learned.wrapped &= !flags.any(|flag| flag == "--unwrap");
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
