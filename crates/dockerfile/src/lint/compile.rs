//! Compile steps: which language, for which architecture, linked to what.

mod command;
mod links;
mod target;
mod variables;

use super::images::{Image, Language};
use super::shell::commands;
use crate::read::{Instruction, Keyword, Scope, Stage};
use command::compiler;
use links::links;
use target::target;
use variables::{Local, Variables};

pub(super) use links::Links;
pub(super) use target::{CompileTarget, triple_like};
pub(super) use variables::Known;

/// A step that compiles the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compile {
    pub(super) language: Language,
    /// The line of the compiler's name.
    pub(super) line: usize,
    /// The compiler's name as it stands there, and the word after it.
    pub(super) words: [String; 2],
    pub(super) target: CompileTarget,
    pub(super) links: Links,
    /// The first line of its instruction, before which an `ARG` may stand.
    pub(super) first: usize,
    /// Whether it is in exec form, where no shell reads assignments and variables.
    pub(super) exec: bool,
    /// The variables of the target platform that the stage declares before it, with the lines that do.
    pub(super) declared: Vec<(&'static str, usize)>,
    /// The value of `CGO_ENABLED`.
    pub(super) cgo: Option<String>,
    /// Whether `GOOS` has a value already.
    pub(super) has_os: bool,
}

/// The variables that engines set for the platform of the image.
const TARGET_VARIABLES: [&str; 4] = ["TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT"];

/// Whether a text uses a variable of the image's platform.
pub(super) fn uses_the_target(text: &str) -> bool {
    text.contains("$TARGET") || text.contains("${TARGET")
}

/// The compile steps of a stage, in order. `known` holds the variables of the stage that it begins with, and then its
/// own; `globals` are the arguments before the first `FROM`.
pub(super) fn compiles(stage: &Stage<'_>, globals: &Scope, known: &mut Known, image: &Image) -> Vec<Compile> {
    let mut found = Vec::new();
    for instruction in &stage.instructions {
        match instruction.keyword {
            Keyword::Run => found.extend(Step::new(instruction, known, image).compiles()),
            _ => known.note(globals, instruction),
        }
    }
    found
}

/// Finds the line of a text that stands at or after the beginning of a command.
type LineOf<'f> = dyn Fn(&str) -> usize + 'f;

/// A `RUN` with what it sees.
struct Step<'a> {
    instruction: &'a Instruction,
    known: &'a Known,
    image: &'a Image,
    /// The scripts, each with the line of its beginning where it is a here-document.
    scripts: Vec<(String, Option<usize>)>,
}

impl<'a> Step<'a> {
    fn new(instruction: &'a Instruction, known: &'a Known, image: &'a Image) -> Self {
        let text = match instruction.arguments.is_exec() {
            true => instruction.arguments.words().join(" "),
            false => instruction.argument_text().to_owned(),
        };
        let heredocs = instruction.heredocs.iter().map(|doc| (doc.content.clone(), Some(doc.line)));
        let scripts = std::iter::once((text, None)).chain(heredocs).collect();
        Self { instruction, known, image, scripts }
    }

    fn compiles(&self) -> Vec<Compile> {
        self.scripts.iter().flat_map(|(text, first)| self.script(text, *first)).collect()
    }

    fn line(&self, text: &str, first: Option<usize>, position: usize) -> usize {
        match first {
            Some(first) => first + text.get(..position).unwrap_or_default().matches('\n').count(),
            None if self.instruction.arguments.is_exec() => self.instruction.lines.first,
            None => self.instruction.line_of_argument(position),
        }
    }

    fn script(&self, text: &str, first: Option<usize>) -> Vec<Compile> {
        let mut variables = Variables { known: self.known, local: Vec::new(), earlier: 0, wild: false };
        let mut found = Vec::new();
        for command in commands(text) {
            let line = |needle: &str| {
                let start = text.get(command.start..).and_then(|rest| rest.find(needle)).unwrap_or(0);
                self.line(text, first, command.start + start)
            };
            let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
            let own = variables.with(command.assignments.iter().map(|one| Local::new(one, &line)));
            match compiler(&words, &own, &line) {
                Some((language, own)) => {
                    let at = self.line(text, first, command.position);
                    found.push(self.compile(language, &words, &own, (text, at, &line)));
                }
                None => variables.note(&command, &line),
            }
        }
        found
    }

    /// What a compiler that stands in line `at` of a script does with variables.
    fn compile(
        &self,
        language: Language,
        words: &[&str],
        own: &Variables<'_>,
        (text, at, line): (&str, usize, &LineOf<'_>),
    ) -> Compile {
        let word = |index: usize| words.get(index).copied().unwrap_or_default().to_owned();
        Compile {
            language,
            line: at,
            words: [word(0), word(1)],
            target: target(language, words, own, text, line),
            links: links(language, words, own, self.image),
            first: self.instruction.lines.first,
            exec: self.instruction.arguments.is_exec(),
            declared: self.known.declared(),
            cgo: own.get("CGO_ENABLED"),
            has_os: own.get("GOOS").is_some(),
        }
    }
}

/// The value of an option in either spelling.
fn option(words: &[&str], name: &str) -> Option<String> {
    let position = words.iter().position(|word| *word == name || word.starts_with(&format!("{name}=")))?;
    match words.get(position)?.split_once('=') {
        Some((_, value)) => Some(value.to_owned()),
        None => words.get(position + 1).map(|value| (*value).to_owned()),
    }
}
