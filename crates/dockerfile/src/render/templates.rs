//! The template engine: built-in templates, and a user's templates that extend them.

mod origin;

use std::collections::BTreeMap;

use crossdock_platform::nearest;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::error::RenderError;
use super::request::Request;
use super::script::{assignments, exec};
use super::stages::Stages;
use super::values::refused;
use crate::read::{Dockerfile, Keyword, Part};
use origin::{marked, origins, unmarked};

pub use origin::Origin;

/// The templates of a user that are rendered. Others are included or extended by them.
const ENTRIES: [&str; 2] = ["Dockerfile", "dockerignore"];

/// The work that one rendering may cause, in MiniJinja's unit: an instruction, or 64 bytes of data. It bounds time and memory:
/// a stranger's template must not keep a machine busy. An image with 20,000 files needs less.
const FUEL: u64 = 2_000_000;

/// The size limit of a rendered file in bytes, far above any that an engine is asked to build.
const LONGEST: usize = 16 << 20;

/// Names that the template language defines.
const LANGUAGE: &[&str] = &["super", "self", "loop", "range", "dict", "namespace", "debug", "caller"];

/// The rendered texts.
pub(super) struct Texts {
    pub(super) dockerfile: String,
    pub(super) origins: Vec<Origin>,
    pub(super) dockerignore: String,
}

/// Renders the Dockerfile and the `.dockerignore`.
pub(super) fn texts(request: &Request, stages: &Stages) -> Result<Texts, RenderError> {
    let sources = Sources { user: &request.templates };
    sources.check_uses()?;
    let environment = sources.environment(|_, text| text.to_owned())?;
    let context = Value::from(Serde(stages));
    for (name, text) in sources.user {
        sources.check_blocks(name, text)?;
        sources.check_names(&environment, name, &context)?;
    }
    let ours = if request.linking.is_go() { "crossdock/go.Dockerfile" } else { "crossdock/rust.Dockerfile" };
    let render = |environment: &Environment<'_>, user: &str, ours: &str| {
        let name = if sources.user.contains_key(user) { user } else { ours };
        let template = environment.get_template(name).and_then(|template| template.render(&context));
        let text = template.map_err(|error| sources.explain(name, &error))?;
        match text.len() {
            0..=LONGEST => Ok(text),
            _ => Err(RenderError::TooLong { template: name.to_owned(), limit: LONGEST }),
        }
    };
    let made = render(&environment, "Dockerfile", ours)?;
    // A second rendering of marked templates shows which line made which. A template that prints differently when
    // marked, because it computes with its own text, has no origins.
    let again = sources.environment(marked).and_then(|marked| render(&marked, "Dockerfile", ours));
    let made_by = match again.map(|text| unmarked(&text)) {
        Ok((text, made_by)) if text == made => made_by,
        _ => Vec::new(),
    };
    let before = readable(&made, &made_by)?;
    let dockerfile = tidy(&before);
    let first = |file: &Dockerfile| file.instructions().map(|one| one.lines.first).collect::<Vec<_>>();
    let after = readable(&dockerfile, &[])?;
    Ok(Texts {
        origins: origins(&made_by, first(&before).into_iter(), first(&after).into_iter()),
        dockerfile,
        dockerignore: render(&environment, "dockerignore", "crossdock/dockerignore")?,
    })
}

struct Sources<'a> {
    user: &'a BTreeMap<String, String>,
}

impl<'a> Sources<'a> {
    fn all(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let ours = crossdock_templates::DOCKERFILE.iter().copied();
        ours.chain(self.user.iter().map(|(name, text)| (name.as_str(), text.as_str())))
    }

    fn text(&self, name: &str) -> &'a str {
        self.all().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
    }

    /// Creates an environment with all templates, each after `prepare`.
    fn environment(&self, prepare: fn(&str, &str) -> String) -> Result<Environment<'static>, RenderError> {
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        let syntax =
            SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
        environment.set_syntax(syntax.map_err(|error| self.explain("", &error))?);
        environment.add_filter("exec", exec);
        environment.add_filter("assignments", assignments);
        environment.add_filter("continued", |lines: Vec<String>| lines.join(" \\\n    "));
        environment.add_filter("mounts", |mounts: Vec<String>| {
            mounts.iter().map(|mount| format!("--mount={mount} \\\n    ")).collect::<String>()
        });
        for (name, text) in self.all() {
            let added = environment.add_template_owned(name.to_owned(), prepare(name, text));
            added.map_err(|error| self.explain(name, &error))?;
        }
        Ok(environment)
    }

    /// Refuses a template that nothing renders, which the engine would ignore silently, and one that would replace a
    /// built-in.
    fn check_uses(&self) -> Result<(), RenderError> {
        let used = |name: &str| {
            let named = [format!("\"{name}\""), format!("'{name}'")];
            let mut others = self.user.iter().filter(|(other, _)| *other != name);
            ENTRIES.contains(&name) || others.any(|(_, text)| named.iter().any(|named| text.contains(named)))
        };
        for name in self.user.keys() {
            let why = match name.as_str() {
                name if name.starts_with("crossdock/") => {
                    "names that begin with crossdock/ are built in: extend them"
                }
                name if !used(name) => "nothing uses it: only `Dockerfile` and `dockerignore` are rendered",
                _ => continue,
            };
            return Err(refused("name of a template", name, why));
        }
        Ok(())
    }

    /// Refuses a block that no other template defines, which the engine would ignore silently.
    fn check_blocks(&self, name: &str, text: &str) -> Result<(), RenderError> {
        if !text.contains("extends") {
            return Ok(());
        }
        let others = self.all().filter(|(other, _)| *other != name);
        let known: Vec<&str> = others.flat_map(|(_, text)| blocks(text)).map(|block| block.name).collect();
        let unknown = blocks(text).into_iter().find(|block| block.outermost && !known.contains(&block.name));
        unknown.map_or(Ok(()), |block| {
            Err(RenderError::UnknownName {
                template: name.to_owned(),
                line: block.line,
                name: format!("block {}", block.name),
                nearest: suggestion(block.name, known.iter().copied()),
                snippet: snippet(text, block.line),
            })
        })
    }

    /// Refuses unknown names before anything is rendered, including those in branches that this request does not take.
    fn check_names(
        &self,
        environment: &Environment<'_>,
        name: &str,
        context: &Value,
    ) -> Result<(), RenderError> {
        let template = environment.get_template(name).map_err(|error| self.explain(name, &error))?;
        let mut used: Vec<String> = template.undeclared_variables(true).into_iter().collect();
        used.sort();
        let text = self.text(name);
        for path in used.iter().filter(|path| !LANGUAGE.contains(&path.split('.').next().unwrap_or_default()))
        {
            if let Some(near) = missing(path, context) {
                let last = path.rsplit('.').next().unwrap_or(path);
                let line = text.lines().position(|line| line.contains(path.as_str()) || line.contains(last));
                let line = line.map_or(1, |index| index + 1);
                return Err(RenderError::UnknownName {
                    template: name.to_owned(),
                    line,
                    name: path.clone(),
                    nearest: near,
                    snippet: snippet(text, line),
                });
            }
        }
        Ok(())
    }

    /// Converts an error of the template engine and adds the lines of the template around it.
    fn explain(&self, name: &str, error: &Error) -> RenderError {
        let template = error.name().unwrap_or(name).to_owned();
        let line = error.line().unwrap_or(1);
        let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        let message = match error.kind() {
            ErrorKind::OutOfFuel => "it does more work than a template may; remove nested loops".to_owned(),
            kind => format!("{kind}{detail}"),
        };
        RenderError::Template { snippet: snippet(self.text(&template), line), template, line, message }
    }
}

/// Returns the suggestion for a path of which a part is unknown; `None` if the path exists.
fn missing(path: &str, context: &Value) -> Option<String> {
    let mut value = context.clone();
    for name in path.split('.') {
        let keys: Vec<String> = match value.kind() {
            ValueKind::Map => value.try_iter().ok()?.map(|key| key.to_string()).collect(),
            // Lists and texts have no names to compare with.
            _ => return None,
        };
        if !keys.iter().any(|key| key == name) {
            return Some(suggestion(name, keys.iter().map(String::as_str)));
        }
        value = value.get_attr(name).ok()?;
    }
    None
}

/// Returns the end of the sentence that suggests a known name; empty if none is near.
fn suggestion<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    nearest(name, known).map(|known| format!("; the nearest is `{known}`")).unwrap_or_default()
}

struct Block<'a> {
    name: &'a str,
    line: usize,
    outermost: bool,
}

/// Returns the blocks of a template, and whether each is outside all others.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    for (position, _) in text.match_indices("{%") {
        let mut words = text[position + 2..].trim_start_matches(['-', '+']).split_whitespace();
        match words.next() {
            Some("block") => {
                let name = words.next().unwrap_or_default().trim_end_matches(['%', '}', '-', '+']);
                let line = text[..position].matches('\n').count() + 1;
                found.push(Block { name, line, outermost: depth == 0 });
                depth += 1;
            }
            Some("endblock" | "endblock%}") => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    found
}

/// Returns the lines around one, with their numbers and a mark.
fn snippet(text: &str, line: usize) -> String {
    let numbered = text.lines().enumerate().map(|(index, text)| (index + 1, text));
    let near = numbered.filter(|(number, _)| number.abs_diff(line) <= 2);
    let shown = near.map(|(number, text)| {
        let mark = if number == line { '>' } else { ' ' };
        format!("{mark} {number:4} | {text}")
    });
    shown.collect::<Vec<_>>().join("\n")
}

/// Parses the rendered text: a user's blocks may have made it invalid.
fn readable(text: &str, made_by: &[Option<(String, usize)>]) -> Result<Dockerfile, RenderError> {
    let unreadable = |line: usize, problem: String| {
        let known = line.checked_sub(1).and_then(|index| made_by.get(index)?.as_ref());
        let made_by =
            known.map(|(name, line)| format!(" (template `{name}`, line {line})")).unwrap_or_default();
        RenderError::Unreadable { line, made_by, problem, snippet: snippet(text, line) }
    };
    let file = Dockerfile::read(text).map_err(|error| unreadable(error.line, error.problem.to_string()))?;
    let unknown = file.instructions().find_map(|instruction| match &instruction.keyword {
        Keyword::Unknown(name) => Some((instruction.lines.first, format!("{name:?} is not an instruction"))),
        _ => None,
    });
    match unknown {
        Some((line, problem)) => Err(unreadable(line, problem)),
        None => Ok(file),
    }
}

/// Collapses runs of empty lines between instructions and removes those at either end.
fn tidy(file: &Dockerfile) -> String {
    let mut text = String::new();
    for part in file.parts() {
        let blank = matches!(part, Part::Blank(_));
        if !blank || !(text.is_empty() || text.ends_with("\n\n")) {
            text.push_str(if blank { "\n" } else { part.text() });
        }
    }
    format!("{}\n", text.trim_end_matches('\n'))
}
