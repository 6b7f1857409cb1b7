//! Compile steps: which language, for which architecture, linked to what.

mod links;
mod variables;

use crossdock_platform::{BuildTarget, Libc, Linkage, Os, Platform, known_platforms};

use super::images::{Image, Language};
use super::shell::commands;
use crate::read::{Instruction, Keyword, Scope, Stage};
use links::links;
use variables::Variables;

pub(super) use links::Links;
pub(super) use variables::Known;

/// A step that compiles the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compile {
    pub(super) language: Language,
    /// The line of the compiler's name.
    pub(super) line: usize,
    /// The compiler's name as it stands there.
    pub(super) compiler: String,
    pub(super) target: CompileTarget,
    pub(super) links: Links,
    /// The first line of its instruction, where a missing `ARG TARGETARCH` has to stand; none when it is declared.
    pub(super) lacks_argument: Option<usize>,
}

/// For what a step compiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CompileTarget {
    /// The platform of the stage.
    Native,
    /// Always the same platform, as `value` in the line says.
    Constant { platform: Platform, value: String, line: usize },
    /// The platform of the image.
    Image,
    /// The variable of the image's platform, which the stage does not declare.
    Undeclared { name: String, line: usize },
    /// A Rust triple made from the image's architecture.
    Composed { value: String, line: usize },
    /// The file does not tell.
    Unknown,
}

/// The variables that engines set for the platform of the image.
const TARGET_VARIABLES: [&str; 4] = ["TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT"];

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

/// A `RUN` with what it sees.
struct Step<'a> {
    instruction: &'a Instruction,
    known: &'a Known,
    image: &'a Image,
    /// The scripts, each with a way from a position in it to a line of the file.
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
            let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
            let line = |needle: &str| {
                let start = text.get(command.start..).and_then(|rest| rest.find(needle)).unwrap_or(0);
                self.line(text, first, command.start + start)
            };
            if let Some(language) = compiler(&words) {
                let own = Variables {
                    known: self.known,
                    earlier: variables.local.len(),
                    local: variables
                        .local
                        .iter()
                        .cloned()
                        .chain(command.assignments.iter().cloned())
                        .collect(),
                    wild: variables.wild,
                };
                found.push(Compile {
                    language,
                    line: self.line(text, first, command.position),
                    compiler: words.first().copied().unwrap_or_default().to_owned(),
                    target: target(language, &words, &own, text, &line),
                    links: links(language, &words, &own, self.image),
                    lacks_argument: (!self.known.scope.contains_key("TARGETARCH"))
                        .then_some(self.instruction.lines.first),
                });
            } else {
                variables.note(&command);
            }
        }
        found
    }
}

/// The language of a compile step; tools that a step installs for itself (`go install tool@version`) are none.
fn compiler(words: &[&str]) -> Option<Language> {
    let (first, rest) = words.split_first()?;
    let mut rest = rest.iter().skip_while(|word| word.starts_with(['+', '-'])).copied();
    let subcommand = rest.next()?;
    match first.rsplit('/').next()? {
        "go" if subcommand == "build" => Some(Language::Go),
        "go" if subcommand == "install" => {
            (!words.iter().any(|word| word.contains('@'))).then_some(Language::Go)
        }
        "cargo" if matches!(subcommand, "build" | "b" | "rustc" | "zigbuild") => Some(Language::Rust),
        "cargo" if subcommand == "auditable" => (rest.next() == Some("build")).then_some(Language::Rust),
        "cargo" if subcommand == "install" => {
            words.iter().any(|word| word.starts_with("--path")).then_some(Language::Rust)
        }
        _ => None,
    }
}

fn target(
    language: Language,
    words: &[&str],
    variables: &Variables<'_>,
    script: &str,
    line: &dyn Fn(&str) -> usize,
) -> CompileTarget {
    let value = match language {
        Language::Go => variables.get("GOARCH"),
        Language::Rust => option(words, "--target").or_else(|| variables.get("CARGO_BUILD_TARGET")),
    };
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        // Scripts that look at the image's platform in a way that is not understood here are given credit.
        let mentions = variables.wild || TARGET_VARIABLES.iter().any(|name| script.contains(name));
        return if mentions { CompileTarget::Unknown } else { CompileTarget::Native };
    };
    let name = if language == Language::Go { "GOARCH" } else { "CARGO_BUILD_TARGET" };
    if variables.is_conditional(name) && TARGET_VARIABLES.iter().any(|name| script.contains(name)) {
        return CompileTarget::Unknown;
    }
    let line = variables.definition(name).unwrap_or_else(|| line(&value));
    let used = crate::read::variables(&value);
    if let Some((_, name)) = used.iter().find(|(_, name)| TARGET_VARIABLES.contains(name)) {
        return match variables.known.scope.contains_key(*name) {
            false => CompileTarget::Undeclared { name: (*name).to_owned(), line },
            true if language == Language::Rust => CompileTarget::Composed { value, line },
            true => CompileTarget::Image,
        };
    }
    match (used.as_slice(), platform(language, &value, variables)) {
        ([], Some(platform)) => CompileTarget::Constant { platform, line, value },
        ([(_, name)], _) => indirect(language, name, variables, line),
        _ => CompileTarget::Unknown,
    }
}

/// A target through one variable of the file: `ARG ARCH=amd64`, then `GOARCH=$ARCH`.
fn indirect(language: Language, name: &str, variables: &Variables<'_>, line: usize) -> CompileTarget {
    let value = variables.known.scope.get(name).cloned().flatten();
    let line = variables.definition(name).unwrap_or(line);
    match value.and_then(|value| Some((platform(language, &value, variables)?, value))) {
        Some((platform, value)) => CompileTarget::Constant { platform, value, line },
        None => CompileTarget::Unknown,
    }
}

fn platform(language: Language, value: &str, variables: &Variables<'_>) -> Option<Platform> {
    match language {
        Language::Go => {
            let os = variables.get("GOOS").unwrap_or_else(|| "linux".to_owned());
            let level = variables
                .get("GOARM")
                .map(|level| format!("/v{}", level.chars().take(1).collect::<String>()));
            let variant = level.filter(|_| value == "arm").unwrap_or_default();
            Platform::parse(&format!("{os}/{value}{variant}")).ok().map(|platform| platform.normalized())
        }
        Language::Rust => triples().find(|(triple, _)| *triple == value).map(|(_, platform)| platform),
    }
}

/// The Rust targets of Linux platforms.
fn triples() -> impl Iterator<Item = (&'static str, Platform)> {
    known_platforms().filter(|platform| platform.os() == Os::Linux).flat_map(|platform| {
        [(Linkage::Static, Libc::Musl), (Linkage::Dynamic, Libc::GNU)].into_iter().filter_map(
            move |(linkage, libc)| {
                let target = BuildTarget::new(platform.clone(), linkage).with_libc(libc);
                Some((target.rust().ok()?.triple, platform.clone()))
            },
        )
    })
}

/// The value of an option in either spelling.
fn option(words: &[&str], name: &str) -> Option<String> {
    let position = words.iter().position(|word| *word == name || word.starts_with(&format!("{name}=")))?;
    match words.get(position)?.split_once('=') {
        Some((_, value)) => Some(value.to_owned()),
        None => words.get(position + 1).map(|value| (*value).to_owned()),
    }
}
