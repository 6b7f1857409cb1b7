//! `crossdock.toml`.

use camino::Utf8PathBuf;
use serde::Serialize;

use super::carry::{Whose, carry};
use super::choices::Choices;
use super::error::ScaffoldError;
use super::exposed;
use super::ground::{Ground, Known};
use super::part::Part;
use super::request::{Existing, Request};
use super::sheet::{Owner, Sheet};
use super::starter;
use super::survey::Decided;
use super::text::fill;
use crate::header::Comment;
use crossdock_project::config::{Config, Defaults, Deploy, FILE_NAME, ImageConfig, Source, Sourced, grammar};
use crossdock_project::{GoModule, Language, Program, Project};
use crossdock_runner::plan::named_targets;

/// The deploy target of a scaffold without one.
const DEPLOY: &str = "cluster";
/// What is built for when nothing is said.
const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];

#[derive(Serialize)]
struct Values {
    choices: String,
    command: &'static str,
    deploys: Vec<DeployValues>,
    images: Vec<ImageValues>,
}

#[derive(Serialize)]
struct DeployValues {
    name: String,
    nodes: Vec<String>,
}

#[derive(Serialize)]
struct ImageValues {
    name: String,
    package: Option<String>,
    binary: Option<String>,
    deploy: Vec<String>,
    expose: Option<String>,
    repository: Option<String>,
}

/// The configuration that everything else follows, and the file that holds it.
pub(super) struct Settings {
    pub(super) config: Config,
    /// The file; none when it is a person's and the project alone would give none.
    pub(super) sheet: Option<Sheet>,
}

/// What `crossdock.toml` says: a person's file as it is, else what the project and the call say.
///
/// # Errors
/// Options that belong into a person's file, and those with a wrong value.
pub(super) fn settings(
    ground: &Ground,
    request: &Request,
    decided: &Decided,
) -> Result<Settings, ScaffoldError> {
    check(request, ground)?;
    let replaced = request.existing == Existing::Replace && decided.writes(Part::Config);
    if let Some(theirs) = ground.theirs().filter(|_| !replaced) {
        refuse_options(request)?;
        // What would be written is shown beside it, as far as the project alone says what that is.
        let body = values(ground, request, decided).and_then(|values| fill("crossdock.toml", &values));
        return Ok(Settings { config: theirs.config.clone(), sheet: body.ok().map(|body| sheet(&body)) });
    }
    let fresh = fill("crossdock.toml", &values(ground, request, decided)?)?;
    let body = match &ground.known {
        Some(known) => carry(&fresh, &known.text, &whose(ground, known)),
        None => fresh,
    };
    let config = Config::from_text(&ground.seen.join(FILE_NAME), body.clone())?;
    Ok(Settings { config, sheet: Some(sheet(&body)) })
}

/// Whose the file is that is written anew.
fn whose(ground: &Ground, known: &Known) -> Whose {
    if ground.theirs().is_some() {
        return Whose::Person;
    }
    let is_there =
        |image: &&ImageConfig| image.package.is_some() && ground.project.programs_for(image).is_ok();
    let there = known.config.images.iter().filter(is_there);
    Whose::Crossdock { there: there.map(|image| image.name.value.clone()).collect() }
}

fn sheet(body: &str) -> Sheet {
    let (path, body): (Utf8PathBuf, _) = (FILE_NAME.into(), body.to_owned());
    Sheet { part: Part::Config, path, body, comment: Comment::Hash, owner: Owner::Person }
}

/// Options whose place is a file that a person goes on with.
fn refuse_options(request: &Request) -> Result<(), ScaffoldError> {
    let given = [
        (!request.expose.is_empty(), "--expose", "expose = [8080]` below [image.NAME]"),
        (
            request.repository.is_some(),
            "--repository",
            "repository = \"registry.example/name\"` below [image.NAME]",
        ),
        (!request.nodes.is_empty(), "--for", "nodes = [\"m7g.large\"]` below [deploy.NAME]"),
    ];
    match given.into_iter().find(|(given, ..)| *given) {
        None => Ok(()),
        Some((_, option, key)) => Err(ScaffoldError::Option {
            option: option.to_owned(),
            reason: format!(
                "{FILE_NAME} was edited or written by hand, so that crossdock leaves it alone: write `{key} there"
            ),
        }),
    }
}

/// What a person's file does not remember of a call that chose something for longer than itself.
pub(super) fn unremembered(ground: &Ground, request: &Request, choices: &Choices) -> Option<String> {
    let theirs = ground.theirs().filter(|_| request.existing == Existing::Keep)?;
    let chose =
        !request.selection.without.is_empty() || request.archives.is_some() || request.source.is_some();
    (chose && Choices::read(&theirs.text).as_ref() != Some(choices)).then(|| {
        format!(
            "{FILE_NAME} was edited or written by hand, so that crossdock leaves it alone, and the next call will not know \
             of this one's choices: write `{}` as its first line, instead of one that begins so",
            choices.whole_line()
        )
    })
}

fn check(request: &Request, ground: &Ground) -> Result<(), ScaffoldError> {
    let wrong = |option: &str| {
        let option = option.to_owned();
        move |reason| ScaffoldError::Option { option, reason }
    };
    for port in &request.expose {
        grammar::port(port).map_err(wrong("--expose"))?;
    }
    if let Some(repository) = &request.repository {
        grammar::repository(repository).map_err(wrong("--repository"))?;
    }
    let source = Source::CommandLine("--for".to_owned());
    let nodes: Vec<_> = request.nodes.iter().map(|node| Sourced::new(node.clone(), source.clone())).collect();
    named_targets(&Config::unconfigured(&ground.root), &nodes)?;
    Ok(())
}

fn values(ground: &Ground, request: &Request, decided: &Decided) -> Result<Values, ScaffoldError> {
    let images = ground.project.default_images(&Defaults::default())?;
    if images.len() > 1 && !request.expose.is_empty() {
        let reason = format!("there are {} images; write each one's ports into {FILE_NAME}", images.len());
        return Err(ScaffoldError::Option { option: "--expose".to_owned(), reason });
    }
    let known = ground.known.as_ref().map(|known| &known.config);
    let line = decided.choices.line();
    Ok(Values {
        choices: if line.is_empty() { line } else { format!(" {line}") },
        command: decided.command,
        deploys: deploys(known, request),
        images: images.iter().map(|image| image_values(image, images.len(), ground, request)).collect(),
    })
}

fn deploys(known: Option<&Config>, request: &Request) -> Vec<DeployValues> {
    let one = |nodes: Vec<String>| vec![DeployValues { name: DEPLOY.to_owned(), nodes }];
    match known {
        _ if !request.nodes.is_empty() => one(request.nodes.clone()),
        Some(config) if !config.deploys.is_empty() => {
            let nodes = |deploy: &Deploy| deploy.nodes.iter().map(|node| node.value.to_string()).collect();
            let deploys = config.deploys.values();
            deploys.map(|deploy| DeployValues { name: deploy.name.clone(), nodes: nodes(deploy) }).collect()
        }
        _ => one(PLATFORMS.map(str::to_owned).to_vec()),
    }
}

/// What the call says of an image, else what the file said before.
fn image_values(image: &ImageConfig, images: usize, ground: &Ground, request: &Request) -> ImageValues {
    let name = image.name.value.clone();
    let known = ground.known.as_ref().map(|known| &known.config);
    let before = known.and_then(|config| config.images.iter().find(|known| known.name.value == name));
    let deploy = match known {
        Some(config) if request.nodes.is_empty() && !config.deploys.is_empty() => match before {
            Some(before) => before.deploy.iter().map(|name| name.value.clone()).collect(),
            None => config.deploys.keys().cloned().collect(),
        },
        _ => vec![DEPLOY.to_owned()],
    };
    let repository = match &request.repository {
        Some(prefix) if images > 1 => Some(format!("{prefix}/{name}")),
        Some(given) => Some(given.clone()),
        None => before.and_then(|image| image.repository.as_ref()).map(|repository| repository.value.clone()),
    };
    let (package, binary) = program(image, images, &ground.project);
    ImageValues { package, binary, deploy, expose: expose(before, images, ground, request), repository, name }
}

/// Ports as TOML: numbers, and `"53/udp"`.
fn expose(before: Option<&ImageConfig>, images: usize, ground: &Ground, request: &Request) -> Option<String> {
    let known =
        before.map(|image| image.expose.iter().map(|port| port.value.to_string()).collect::<Vec<_>>());
    let ports = match known.filter(|_| request.expose.is_empty()) {
        Some(ports) => ports,
        None if !request.expose.is_empty() => request.expose.clone(),
        None if !ground.starter.is_empty() => vec![starter::PORT.to_owned()],
        None if images == 1 => exposed::ports(&ground.root),
        None => Vec::new(),
    };
    let written = ports.iter().map(|port| {
        let number = port.strip_suffix("/tcp").unwrap_or(port);
        if number.contains('/') { super::source::quoted(number) } else { number.to_owned() }
    });
    let written: Vec<String> = written.collect();
    (!written.is_empty()).then(|| format!("[{}]", written.join(", ")))
}

/// The program of an image, as far as it must be named: a project with one needs no name.
fn program(image: &ImageConfig, images: usize, project: &Project) -> (Option<String>, Option<String>) {
    if images == 1 {
        return (None, None);
    }
    let programs = project.programs_for(image).unwrap_or_default();
    let Some(program) = programs.first() else { return (None, None) };
    match (program, project) {
        (Program::Go(main), Project::Go(GoModule { root, .. })) => {
            let below = main
                .directory
                .strip_prefix(root)
                .map_or(main.import_path.clone(), |below| format!("./{below}"));
            (Some(below), None)
        }
        (Program::Rust { package, binary }, _) => {
            let several = package.binaries.len() > 1;
            (Some(package.name.clone()), several.then(|| binary.name.clone()))
        }
        (Program::Go(main), Project::Rust(_)) => (Some(main.import_path.clone()), None),
    }
}

/// The command that people call in a project.
pub(super) fn command(language: Language, has_xtask: bool) -> &'static str {
    match (language, has_xtask) {
        (Language::Rust, true) => "cargo xtask",
        _ => "crossdock",
    }
}
