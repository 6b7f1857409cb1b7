//! Compile steps: which language, for which architecture, linked to what.

mod command;
mod links;
mod place;
mod product;
mod target;
mod variables;

use super::images::{Image, Language};
use super::shell::commands;
use crate::read::{Instruction, Keyword, Stage};
use command::compiler;
use links::links;
use product::{Site, product};
use target::target;
use variables::{Learned, Local, Variables};

pub(super) use links::Links;
pub(super) use place::{Place, is_of_a_target};
pub(super) use product::{Product, Writes};
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
    /// Whether a C compiler is named, which compiles for one platform.
    pub(super) has_c_compiler: bool,
    /// Whether `GOOS` has a value already.
    pub(super) has_os: bool,
    pub(super) product: Product,
    /// How many other commands of the stage come before it.
    pub(super) after: usize,
}

/// What the `RUN`s of a stage do.
#[derive(Default)]
pub(super) struct Steps {
    pub(super) compiles: Vec<Compile>,
    /// The other commands.
    pub(super) commands: Vec<Deed>,
}

/// A command that does not compile.
pub(super) struct Deed {
    pub(super) words: Vec<String>,
    /// The folder in which it runs, where the file tells it.
    pub(super) folder: Option<String>,
}

/// The variables that engines set for the platform of the image.
const TARGET_VARIABLES: [&str; 4] = ["TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT"];

/// What a script asks for the platform that it runs on.
const ASKING: [&str; 2] = ["uname", "--print-architecture"];

/// Whether a script looks at a platform, of the image or its own.
fn asks_for_the_platform(script: &str) -> bool {
    TARGET_VARIABLES.iter().chain(&ASKING).any(|name| script.contains(name))
}

/// Whether a text uses a variable of the image's platform.
pub(super) fn uses_the_target(text: &str) -> bool {
    text.contains("$TARGET") || text.contains("${TARGET")
}

/// What the `RUN`s of a stage do, in order. `known` holds the variables of the stage that it begins with, and then its
/// own; `globals` are the arguments before the first `FROM`.
pub(super) fn steps(stage: &Stage<'_>, globals: &Known, known: &mut Known, image: &Image) -> Steps {
    let mut steps = Steps::default();
    for instruction in &stage.instructions {
        match instruction.keyword {
            Keyword::Run => {
                let learned = Step::new(instruction, known, image).run(&mut steps);
                known.learn(learned);
            }
            _ => known.note(globals, instruction),
        }
    }
    steps
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

    /// Adds what its scripts do, and gives what later steps see of it.
    fn run(&self, steps: &mut Steps) -> Learned {
        let mut learned = Learned::from(self.known);
        for (text, first) in &self.scripts {
            learned = self.script(text, *first, learned, steps);
        }
        learned
    }

    fn line(&self, text: &str, first: Option<usize>, position: usize) -> usize {
        match first {
            Some(first) => first + text.get(..position).unwrap_or_default().matches('\n').count(),
            None if self.instruction.arguments.is_exec() => self.instruction.lines.first,
            None => self.instruction.line_of_argument(position),
        }
    }

    fn script(&self, text: &str, first: Option<usize>, learned: Learned, steps: &mut Steps) -> Learned {
        let mut variables = Variables::new(self.known, learned, text);
        let mut folder = self.known.folder().filter(|_| !text.contains("(cd ")).map(str::to_owned);
        for command in commands(text) {
            let line = |needle: &str| {
                let start = text.get(command.start..).and_then(|rest| rest.find(needle)).unwrap_or(0);
                self.line(text, first, command.start + start)
            };
            let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
            let own = variables.with(command.assignments.iter().map(|one| Local::new(one, &line)));
            if let Some((language, own)) = compiler(&words, &own, &line) {
                let at = self.line(text, first, command.position);
                let site = Site { folder: folder.as_deref(), image: self.image };
                let found = self.compile(language, &words, &own, (text, at, &line));
                let product = product(language, &words, &own, site);
                steps.compiles.push(Compile { product, after: steps.commands.len(), ..found });
                continue;
            }
            variables.note(&command, &line);
            match words.first().copied() {
                Some("cd") => folder = entered(folder.as_deref(), words.get(1).copied()),
                Some("pushd" | "popd") => folder = None,
                _ => {}
            }
            if !words.is_empty() && words.first() != Some(&"export") {
                steps.commands.push(Deed { words: command.words, folder: folder.clone() });
            }
        }
        variables.learned
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
        // A wrapped compiler takes its target, and the C compiler for it, from the platform of the image.
        let wrapped = own.learned.wrapped && language == Language::Go;
        Compile {
            language,
            line: at,
            words: [word(0), word(1)],
            target: if wrapped { CompileTarget::Unknown } else { target(language, words, own, text, line) },
            links: if wrapped { Links::Unknown } else { links(language, words, own, self.image) },
            first: self.instruction.lines.first,
            exec: self.instruction.arguments.is_exec(),
            declared: self.known.declared(),
            cgo: own.get("CGO_ENABLED"),
            has_c_compiler: ["CC", "CXX"].iter().any(|name| own.get(name).is_some()),
            has_os: own.get("GOOS").is_some(),
            product: Product { writes: Writes::Unknown, names: Vec::new() },
            after: 0,
        }
    }
}

/// The folder after a `cd`, where the file tells it.
fn entered(folder: Option<&str>, word: Option<&str>) -> Option<String> {
    let word = word.filter(|word| !word.starts_with(['-', '~']) && !word.contains('$'))?;
    match word.starts_with('/') {
        true => Some(word.to_owned()),
        false => folder.map(|folder| format!("{folder}/{word}")),
    }
}

/// The values of an option in either spelling.
fn options(words: &[&str], name: &str) -> Vec<String> {
    let positions = words.iter().enumerate().map(|(index, _)| &words[index..]);
    let one = |rest: &[&str]| {
        let (first, after) = rest.split_first()?;
        match first.strip_prefix(name)?.strip_prefix('=') {
            Some(value) => Some(value.to_owned()),
            None => after.first().filter(|_| *first == name).map(|value| (*value).to_owned()),
        }
    };
    positions.filter_map(one).collect()
}

/// The first value of an option in either spelling.
fn option(words: &[&str], name: &str) -> Option<String> {
    options(words, name).into_iter().next()
}
