//! Stages: the instructions between one `FROM` and the next.

use std::collections::HashMap;

use super::Dockerfile;
use super::expand::{Scope, expand};
use super::instruction::{Arguments, Instruction};
use super::keyword::Keyword;

/// A stage of a Dockerfile.
#[derive(Debug, Clone)]
pub struct Stage<'a> {
    /// Its `FROM`.
    pub from: &'a Instruction,
    /// Its name in lower case; `None` if it has no `AS`.
    pub name: Option<String>,
    /// The image or stage that it begins with, as it was written.
    pub base: &'a str,
    /// `base` with the defaults of the arguments before the first `FROM`. `None` if one of them has no default.
    pub image: Option<String>,
    /// The value of `--platform`, as it was written; `None` if unspecified.
    pub platform: Option<&'a str>,
    /// The index of the stage that it begins with; `None` if it begins with an image.
    pub parent: Option<usize>,
    /// The instructions after `FROM`.
    pub instructions: Vec<&'a Instruction>,
}

impl Dockerfile {
    /// Returns the arguments declared before the first `FROM`, with their defaults.
    pub fn global_arguments(&self) -> Scope {
        let mut scope = Scope::new();
        let before = self.instructions().take_while(|instruction| instruction.keyword != Keyword::From);
        for instruction in before.filter(|instruction| instruction.keyword == Keyword::Arg) {
            declare(&mut scope, instruction);
        }
        scope
    }
}

/// Returns the stages in order.
pub fn stages(file: &Dockerfile) -> Vec<Stage<'_>> {
    let globals = file.global_arguments();
    let mut stages: Vec<Stage<'_>> = Vec::new();
    // Names may repeat and ignore case: as in BuildKit, the last stage of a name hides earlier ones.
    let mut names: HashMap<String, usize> = HashMap::new();
    for instruction in file.instructions() {
        if instruction.keyword == Keyword::From {
            let stage = begin(instruction, &globals, &names);
            names.extend(stage.name.clone().map(|name| (name, stages.len())));
            stages.push(stage);
        } else if let Some(stage) = stages.last_mut() {
            stage.instructions.push(instruction);
        }
    }
    stages
}

/// Adds the variables that an `ARG` declares.
fn declare(scope: &mut Scope, instruction: &Instruction) {
    for word in instruction.arguments.words() {
        match word.split_once('=') {
            Some((name, value)) => {
                let value = expand(value, scope);
                scope.insert(name.to_owned(), value);
            }
            None => drop(scope.insert(word.clone(), None)),
        }
    }
}

fn begin<'a>(from: &'a Instruction, globals: &Scope, before: &HashMap<String, usize>) -> Stage<'a> {
    let words: &'a [String] = match &from.arguments {
        Arguments::Words(words) => words,
        _ => &[],
    };
    let name = match words {
        [_, between, name] if between.eq_ignore_ascii_case("as") => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    let base = words.first().map_or("", String::as_str);
    let image = expand(base, globals);
    let parent = image.as_deref().and_then(|image| before.get(&image.to_ascii_lowercase()).copied());
    let platform = from.flag("platform").and_then(|flag| flag.value.as_deref());
    Stage { from, name, base, image, platform, parent, instructions: Vec::new() }
}
