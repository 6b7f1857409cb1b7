//! `crossdock render`: Dockerfiles and bake files for this project's images.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock::generated::{CommentStyle, GeneratedFile, write_generated};
use crossdock::platform::Platform;
use crossdock::process::Command;
use crossdock::render::{
    DockerfileMode, Frontend, RenderOptions, RenderedDockerfile, classic_frontend, render, render_bake,
};
use crossdock::scaffold::EditedFiles;
use serde::Serialize;

use crate::arguments::{
    FrontendName, ModeName, RenderArgs, RenderBakeCommand, RenderDockerfileCommand, SelectionArgs,
};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::{Session, engine_options, network};

/// The version of the JSON form of rendered Dockerfiles.
const SCHEMA: &str = "crossdock.dockerfile/1";

pub(crate) fn dockerfile(
    session: &Session,
    arguments: &RenderDockerfileCommand,
) -> Result<Exit, CommandError> {
    let frontend = match arguments.engine {
        FrontendName::Buildkit => Frontend::BuildKit,
        FrontendName::Classic => classic_frontend(arguments.host.as_deref())?,
    };
    let made = render(&session.context, &options(session, &arguments.render).frontend(frontend))?;
    let output = arguments.output.as_ref().map(|path| session.path(path));
    let places = match &output {
        Some(path) => places(path, arguments, &made)?,
        None if made.len() > 1 && !session.json() => return Err(several(&made)),
        None => Vec::new(),
    };
    let files: Vec<GeneratedFile> =
        made.iter().zip(&places).flat_map(|(made, path)| pair(path, made)).collect();
    let backups = write_generated(&files, existing(&arguments.render))?;
    if session.json() {
        output::json(&Answer::new(&made, &places))?;
    } else if let ([only], None) = (made.as_slice(), &output) {
        output::data(only.dockerfile())?;
    }
    if !session.quiet() {
        show(session, &made, &places, &backups);
    }
    Ok(Exit::Done)
}

pub(crate) fn bake(session: &Session, arguments: &RenderBakeCommand) -> Result<Exit, CommandError> {
    let directory = arguments.output.as_ref().map(|path| session.path(path));
    let (options, engine) = (options(session, &arguments.render), engine_options(&arguments.options));
    let bake = render_bake(&session.context, &options, &engine, directory.as_deref())?;
    if !session.quiet() {
        bake.notes.iter().for_each(|note| output::note(note));
    }
    let Some(directory) = directory else {
        output::data(&bake.json)?;
        return Ok(Exit::Done);
    };
    let made = &bake.dockerfiles;
    let mut files: Vec<GeneratedFile> =
        made.iter().flat_map(|made| pair(&directory.join(made.file_name()), made)).collect();
    let path = directory.join("bake.json");
    files.push(GeneratedFile { path: path.clone(), body: bake.json.clone(), comment: CommentStyle::Json });
    std::fs::create_dir_all(&directory)
        .map_err(|error| CommandError::message(Exit::InputOutput, format!("{directory}: {error}")))?;
    let backups = write_generated(&files, existing(&arguments.render))?;
    if session.json() {
        output::data(&bake.json)?;
    }
    if !session.quiet() {
        backups.iter().for_each(|backup| output::say(&format!("the previous file was saved as {backup}")));
        let command = Command::new("docker", bake.root.clone()).args(["buildx", "bake", "-f"]);
        // Otherwise bake asks for permission to read files outside of the directory: a secret or another context.
        let command = command.args([path.as_str()]).env("BUILDX_BAKE_ENTITLEMENTS_FS", "0");
        output::say(&format!("build with: {command}"));
    }
    Ok(Exit::Done)
}

fn options(session: &Session, args: &RenderArgs) -> RenderOptions {
    let RenderArgs { image, platform, nodes, cgo, offline, .. } = args;
    let (image, platform, nodes) = (image.clone(), platform.clone(), nodes.clone());
    let selection = SelectionArgs { image, platform, nodes, cgo: *cgo, ..SelectionArgs::default() };
    let mut build = session.selection(&selection);
    build.network = network(*offline);
    let mut options = RenderOptions::new(build);
    options.mode = args.mode.map(|mode| match mode {
        ModeName::Cross => DockerfileMode::Cross,
        ModeName::Fixed => DockerfileMode::Fixed,
    });
    options
}

fn existing(args: &RenderArgs) -> EditedFiles {
    if args.force { EditedFiles::Replace } else { EditedFiles::Keep }
}

fn several(made: &[RenderedDockerfile]) -> CommandError {
    let names: Vec<String> = made.iter().map(RenderedDockerfile::file_name).collect();
    let message = format!("this call renders {} Dockerfiles: {}", made.len(), names.join(", "));
    CommandError::message(Exit::Usage, message)
        .hint("choose one with --image and --platform, or write all of them with --output DIRECTORY/")
}

/// Returns the path of each file: the given path for a single file, else unique names in the given directory.
fn places(
    path: &Utf8Path,
    arguments: &RenderDockerfileCommand,
    made: &[RenderedDockerfile],
) -> Result<Vec<Utf8PathBuf>, CommandError> {
    let ends = arguments.output.as_ref().is_some_and(|path| path.as_str().ends_with('/'));
    if ends || path.is_dir() {
        std::fs::create_dir_all(path)
            .map_err(|error| CommandError::message(Exit::InputOutput, format!("{path}: {error}")))?;
        return Ok(made.iter().map(|file| path.join(file.file_name())).collect());
    }
    match made {
        [_] => Ok(vec![path.to_owned()]),
        _ => Err(several(made)),
    }
}

/// Returns a Dockerfile, and the `.dockerignore` with its name, which BuildKit and buildah prefer to the context's.
fn pair(path: &Utf8Path, file: &RenderedDockerfile) -> [GeneratedFile; 2] {
    let generated = |path: Utf8PathBuf, body: &str| GeneratedFile {
        path,
        body: body.to_owned(),
        comment: CommentStyle::Hash,
    };
    [
        generated(path.to_owned(), file.dockerfile()),
        generated(format!("{path}.dockerignore").into(), file.dockerignore()),
    ]
}

fn show(session: &Session, made: &[RenderedDockerfile], places: &[Utf8PathBuf], backups: &[Utf8PathBuf]) {
    backups.iter().for_each(|backup| output::say(&format!("the previous file was saved as {backup}")));
    let mut notes: Vec<&String> = Vec::new();
    for note in made.iter().flat_map(RenderedDockerfile::notes) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    if !session.json() {
        notes.iter().for_each(|note| output::note(note));
    }
    for (file, path) in made.iter().zip(places) {
        if file.is_classic() {
            let there = file.context().join(".dockerignore");
            output::note(&format!("the classic builder reads only {there}: copy {path}.dockerignore there"));
        }
        output::say(&format!("build with: {}", file.build_command(path)));
    }
}

/// The answer of `render dockerfile --json`.
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
    fn new(made: &'a [RenderedDockerfile], places: &'a [Utf8PathBuf]) -> Self {
        let entry = |(index, file): (usize, &'a RenderedDockerfile)| Entry {
            image: file.image(),
            platforms: file.platforms(),
            context: file.context(),
            path: places.get(index).map(Utf8PathBuf::as_path),
            dockerfile: file.dockerfile(),
            dockerignore: file.dockerignore(),
            build_args: BTreeMap::from([("SOURCE_DATE_EPOCH", file.created().to_string())]),
            tags: file.references(),
            secrets: file.secrets(),
            ssh: file.uses_ssh(),
            notes: file.notes(),
        };
        Self { schema: SCHEMA, dockerfiles: made.iter().enumerate().map(entry).collect() }
    }
}
