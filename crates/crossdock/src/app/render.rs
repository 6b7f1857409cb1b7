//! `crossdock render`: what a container engine builds this project's images from.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_dockerfile::render::{Caching, Engine, RenderError, Rendered};
use crossdock_platform::Platform;
use serde::Serialize;

use super::arguments::{
    Building, Finishing, FrontendName, ModeName, RenderBakeArguments, RenderDockerfileArguments, Rendering,
    Selection,
};
use super::error::{CommandError, Exit};
use super::generated::{self, Generated, Others};
use super::left_out;
use super::look::ProjectTools;
use super::output;
use super::session::Session;
use crossdock_project::config::{Config, DockerfileMode, Inputs};
use crossdock_runner::engine::BaseFrom;
use crossdock_runner::plan::recipe::bake::{self, Dockerfiles, file_name};
use crossdock_runner::plan::recipe::{Recipe, RecipeError, Settings, recipes};
use crossdock_runner::plan::{Goal, Projects, Request};
use crossdock_scaffold::header::Comment;
use crossdock_system::process::Command;

/// The version of the JSON form of rendered Dockerfiles.
const SCHEMA: &str = "crossdock.dockerfile/1";

pub(super) fn dockerfile(
    session: &Session,
    arguments: &RenderDockerfileArguments,
) -> Result<Exit, CommandError> {
    let (engine, caching) = match arguments.engine {
        FrontendName::Buildkit => (Engine::BuildKit, Caching::Mounts),
        FrontendName::Classic => (Engine::Classic(host(arguments.host.as_deref())?), Caching::Layer),
    };
    let asked = Asked::new(session, &arguments.rendering, engine, caching, &[])?;
    let mut made = asked.render()?;
    for (recipe, rendered) in &mut made {
        rendered.notes.extend(left_out::notes(recipe));
    }
    let output = arguments.output.as_ref().map(|path| session.environment.directory.join(path));
    let places = match &output {
        Some(path) => places(path, arguments, &made)?,
        None if made.len() > 1 && !session.json() => return Err(several(&made)),
        None => Vec::new(),
    };
    let files: Vec<Generated> =
        made.iter().zip(&places).flat_map(|((_, made), path)| beside(path, made)).collect();
    let copies = generated::write(&files, others(&arguments.rendering))?;
    if session.json() {
        output::json(&Answer::new(&made, &places))?;
    } else if let ([(_, only)], None) = (made.as_slice(), &output) {
        output::answer(&only.dockerfile)?;
    }
    if !session.quiet() {
        said(session, &made, &places, &copies);
    }
    Ok(Exit::Done)
}

pub(super) fn bake(session: &Session, arguments: &RenderBakeArguments) -> Result<Exit, CommandError> {
    let options = session.options(&arguments.handed)?;
    let caching = options.caching().unwrap_or(Caching::Mounts);
    let asked = Asked::new(session, &arguments.rendering, Engine::BuildKit, caching, &options.base_from)?;
    let folder = arguments.output.as_ref().map(|path| session.environment.directory.join(path));
    let dockerfiles = folder.as_deref().map_or(Dockerfiles::Inline, Dockerfiles::In);
    let bake = bake::bake(&asked.recipes, &asked.config.root, dockerfiles, &options)
        .map_err(|error| edge(&error))?;
    let text = format!("{}\n", output::json_text(&bake)?);
    let Some(folder) = folder else {
        output::answer(&text)?;
        return Ok(Exit::Done);
    };
    let made = asked.render()?;
    let places: Vec<Utf8PathBuf> =
        asked.recipes.iter().map(|recipe| folder.join(file_name(recipe))).collect();
    let mut files: Vec<Generated> =
        made.iter().zip(&places).flat_map(|((_, made), path)| beside(path, made)).collect();
    files.push(Generated { path: folder.join("bake.json"), body: text.clone(), comment: Comment::Json });
    std::fs::create_dir_all(&folder)
        .map_err(|error| CommandError::message(Exit::InputOutput, format!("{folder}: {error}")))?;
    let copies = generated::write(&files, others(&arguments.rendering))?;
    if session.json() {
        output::answer(&text)?;
    }
    if !session.quiet() {
        copies.iter().for_each(|copy| output::say(&format!("what stood there before is now {copy}")));
        let root = &asked.config.root;
        let bake = Command::new("docker", root.clone()).args(["buildx", "bake", "-f"]);
        // Otherwise bake asks whether it may read what lies outside of the folder, a secret or another context.
        let bake = bake.args([folder.join("bake.json").as_str()]).env("BUILDX_BAKE_ENTITLEMENTS_FS", "0");
        output::say(&format!("build with: {bake}"));
    }
    Ok(Exit::Done)
}

/// What a call means.
struct Asked {
    config: Config,
    recipes: Vec<Recipe>,
}

impl Asked {
    fn new(
        session: &Session,
        rendering: &Rendering,
        engine: Engine,
        caching: Caching,
        bases: &[BaseFrom],
    ) -> Result<Self, CommandError> {
        let config = session.config()?;
        let request = request(session, rendering)?;
        let projects: Projects = session.projects(&config, &request, ProjectTools::Replaceable)?;
        let mut inputs = Inputs::read(&config).map_err(|error| CommandError::new(Exit::Usage, &error))?;
        // A base that is given takes the place of what the lock file pins.
        inputs.digests.retain(|name, _| !bases.iter().any(|base| base.name == *name));
        let mode = rendering.mode.map(|mode| match mode {
            ModeName::Cross => DockerfileMode::Cross,
            ModeName::Fixed => DockerfileMode::Fixed,
        });
        let settings =
            Settings { mode, engine, caching, templates: inputs.templates, digests: inputs.digests };
        let recipes = recipes(&config, &projects, &request, &settings).map_err(|error| edge(&error))?;
        Ok(Self { config, recipes })
    }

    fn render(&self) -> Result<Vec<(&Recipe, Rendered)>, CommandError> {
        let made = self.recipes.iter().map(|recipe| Ok((recipe, recipe.render()?)));
        made.collect::<Result<_, RecipeError>>().map_err(|error| edge(&error))
    }
}

fn request(session: &Session, rendering: &Rendering) -> Result<Request, CommandError> {
    let Rendering { image, platform, nodes, offline, .. } = rendering;
    let (image, platform, nodes) = (image.clone(), platform.clone(), nodes.clone());
    let selection = Selection { image, platform, nodes, ..Selection::default() };
    let finishing = Finishing { offline: *offline, ..Finishing::default() };
    session.request(&Building { selection, finishing, ..Building::default() }, Goal::Build)
}

fn host(text: Option<&str>) -> Result<Platform, CommandError> {
    let platform = match text {
        Some(text) => Platform::parse(text).map_err(|error| {
            CommandError::new(Exit::Usage, &error).hint("--host takes a platform, as linux/amd64")
        })?,
        None => {
            crossdock_toolchain::host::platform().map_err(|error| CommandError::new(Exit::Missing, &error))?
        }
    };
    // An engine's machine runs Linux, also the one inside of Docker Desktop.
    Ok(Platform::new(crossdock_platform::Os::Linux, platform.architecture()))
}

/// What another builder would do is no mistake of the call: something is missing here.
fn edge(error: &RecipeError) -> CommandError {
    let exit = match error {
        RecipeError::Render { source, .. } => match source.as_ref() {
            RenderError::ClassicCross { .. }
            | RenderError::ClassicForeign { .. }
            | RenderError::ClassicFeature { .. } => Exit::Missing,
            _ => Exit::Usage,
        },
        _ => Exit::Usage,
    };
    CommandError::new(exit, error)
}

fn others(rendering: &Rendering) -> Others {
    if rendering.force { Others::Replace } else { Others::Keep }
}

fn several(made: &[(&Recipe, Rendered)]) -> CommandError {
    let names: Vec<String> = made.iter().map(|(recipe, _)| file_name(recipe)).collect();
    let message = format!("the call means {} Dockerfiles: {}", made.len(), names.join(", "));
    CommandError::message(Exit::Usage, message)
        .hint("choose one with --image and --platform, or write all of them with --output FOLDER/")
}

/// Where each file goes: one to the path itself, several or with a folder given, by their names into it.
fn places(
    path: &Utf8Path,
    arguments: &RenderDockerfileArguments,
    made: &[(&Recipe, Rendered)],
) -> Result<Vec<Utf8PathBuf>, CommandError> {
    let ends = arguments.output.as_ref().is_some_and(|path| path.as_str().ends_with('/'));
    if ends || path.is_dir() {
        std::fs::create_dir_all(path)
            .map_err(|error| CommandError::message(Exit::InputOutput, format!("{path}: {error}")))?;
        return Ok(made.iter().map(|(recipe, _)| path.join(file_name(recipe))).collect());
    }
    match made {
        [_] => Ok(vec![path.to_owned()]),
        _ => Err(several(made)),
    }
}

/// A Dockerfile and the `.dockerignore` that BuildKit and buildah look for under its name.
fn beside(path: &Utf8Path, rendered: &Rendered) -> [Generated; 2] {
    let comment = Comment::Hash;
    [
        Generated { path: path.to_owned(), body: rendered.dockerfile.clone(), comment },
        Generated {
            path: format!("{path}.dockerignore").into(),
            body: rendered.dockerignore.clone(),
            comment,
        },
    ]
}

fn said(session: &Session, made: &[(&Recipe, Rendered)], places: &[Utf8PathBuf], copies: &[Utf8PathBuf]) {
    copies.iter().for_each(|copy| output::say(&format!("what stood there before is now {copy}")));
    let mut notes: Vec<&String> = Vec::new();
    for note in made.iter().flat_map(|(_, rendered)| &rendered.notes) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    if !session.json() {
        notes.iter().for_each(|note| output::say(&format!("note: {note}")));
    }
    for ((recipe, rendered), path) in made.iter().zip(places) {
        if matches!(recipe.request.engine, Engine::Classic(_)) {
            let there = recipe.context.join(".dockerignore");
            output::say(&format!(
                "note: the classic builder reads {there} alone: copy {path}.dockerignore there"
            ));
        }
        output::say(&format!("build with: {}", command(recipe, rendered, path)));
    }
}

/// The command that builds a file, as a shell takes it.
fn command(recipe: &Recipe, rendered: &Rendered, path: &Utf8Path) -> String {
    let platforms: Vec<String> = rendered.platforms.iter().map(ToString::to_string).collect();
    let epoch = format!("SOURCE_DATE_EPOCH={}", recipe.created);
    let verb: &[&str] = match recipe.request.engine {
        Engine::BuildKit => &["buildx", "build"],
        Engine::Classic(_) => &["build"],
    };
    let mut build = Command::new("docker", recipe.context.clone()).args(verb.iter().copied());
    build = build.args(["--file", path.as_str()]);
    build = build.args(["--platform", &platforms.join(","), "--build-arg", &epoch]);
    for id in &rendered.secrets {
        build = build.args(["--secret", &format!("id={id},src=FILE")]);
    }
    if rendered.ssh {
        build = build.args(["--ssh", "default"]);
    }
    if let Some(reference) = recipe.references.first() {
        build = build.args(["--tag", reference]);
    }
    build.args([recipe.context.as_str()]).short()
}

/// The JSON form.
#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    dockerfiles: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Entry<'a> {
    image: &'a str,
    platforms: &'a [Platform],
    context: &'a Utf8Path,
    path: Option<&'a Utf8Path>,
    dockerfile: &'a str,
    dockerignore: &'a str,
    build_args: BTreeMap<&'static str, String>,
    tags: &'a [String],
    secrets: &'a [String],
    ssh: bool,
    notes: &'a [String],
}

impl<'a> Answer<'a> {
    fn new(made: &'a [(&'a Recipe, Rendered)], places: &'a [Utf8PathBuf]) -> Self {
        let entry = |(index, (recipe, rendered)): (usize, &'a (&'a Recipe, Rendered))| Entry {
            image: &recipe.image,
            platforms: &rendered.platforms,
            context: &recipe.context,
            path: places.get(index).map(Utf8PathBuf::as_path),
            dockerfile: &rendered.dockerfile,
            dockerignore: &rendered.dockerignore,
            build_args: BTreeMap::from([("SOURCE_DATE_EPOCH", recipe.created.to_string())]),
            tags: &recipe.references,
            secrets: &rendered.secrets,
            ssh: rendered.ssh,
            notes: &rendered.notes,
        };
        Self { schema: SCHEMA, dockerfiles: made.iter().enumerate().map(entry).collect() }
    }
}
