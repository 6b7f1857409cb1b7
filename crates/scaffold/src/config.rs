//! `crossdock.toml`: the configuration that the other generated files follow.

use camino::Utf8PathBuf;
use serde::Serialize;

use super::desired_file::{CommentStyle, DesiredFile, Owner, render_template};
use super::error::ScaffoldError;
use super::init_plan::InitPlan;
use super::options::{EditedFiles, InitOptions, Part, toml_string};
use super::preserve_config::{ConfigOwner, preserve_config};
use super::project_state::{ExistingConfig, ProjectState, STARTER_PORT, exposed_ports};
use crossdock_project::config::{Config, Defaults, Deploy, FILE_NAME, ImageConfig, Source, Sourced, grammar};
use crossdock_project::{GoModule, Program, Project};
use crossdock_runner::planner::named_targets;

/// The name of the deploy target if the project declares none.
const DEFAULT_DEPLOY: &str = "cluster";
/// The platforms of that target.
const DEFAULT_PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];

#[derive(Serialize)]
struct ConfigValues {
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

/// The configuration that the other generated files follow, and the file that holds it.
pub(super) struct DesiredConfig {
    pub(super) config: Config,
    /// The file as it would be generated; `None` if the file is the user's and the project does not suffice to generate
    /// one.
    pub(super) file: Option<DesiredFile>,
}

/// Returns the configuration: the user's `crossdock.toml` as it is, else one made of the project and the call.
///
/// # Errors
/// Fails if an option has an invalid value, or if it belongs into a `crossdock.toml` that the user maintains.
pub(super) fn desired_config(
    state: &ProjectState,
    options: &InitOptions,
    plan: &InitPlan,
) -> Result<DesiredConfig, ScaffoldError> {
    check_options(options, state)?;
    let replaced = options.edited_files == EditedFiles::Replace && plan.writes(Part::Config);
    if let Some(existing) = state.user_config().filter(|_| !replaced) {
        refuse_file_options(options)?;
        // `init --diff` shows the generated file next to the user's, if the project suffices to generate one.
        let body =
            config_values(state, options, plan).and_then(|values| render_template("crossdock.toml", &values));
        return Ok(DesiredConfig {
            config: existing.config.clone(),
            file: body.ok().map(|body| config_file(&body)),
        });
    }
    let fresh = render_template("crossdock.toml", &config_values(state, options, plan)?)?;
    let body = match &state.existing_config {
        Some(existing) => preserve_config(&fresh, &existing.text, &config_owner(state, existing)),
        None => fresh,
    };
    let config = Config::from_text(&state.discovered_at.join(FILE_NAME), body.clone())?;
    Ok(DesiredConfig { config, file: Some(config_file(&body)) })
}

/// Returns the author of the existing file, before it is written anew.
fn config_owner(state: &ProjectState, existing: &ExistingConfig) -> ConfigOwner {
    if state.user_config().is_some() {
        return ConfigOwner::User;
    }
    let has_program =
        |image: &&ImageConfig| image.package.is_some() && state.project.programs_for(image).is_ok();
    let images = existing.config.images.iter().filter(has_program);
    ConfigOwner::Crossdock { existing_images: images.map(|image| image.name.value.clone()).collect() }
}

fn config_file(body: &str) -> DesiredFile {
    let (path, body): (Utf8PathBuf, _) = (FILE_NAME.into(), body.to_owned());
    DesiredFile { part: Part::Config, path, body, comment: CommentStyle::Hash, owner: Owner::User }
}

/// Refuses options that would have to be written into a file that the user maintains.
fn refuse_file_options(options: &InitOptions) -> Result<(), ScaffoldError> {
    let given = [
        (!options.expose.is_empty(), "--expose", "expose = [8080]` below [image.NAME]"),
        (
            options.repository.is_some(),
            "--repository",
            "repository = \"registry.example/name\"` below [image.NAME]",
        ),
        (!options.nodes.is_empty(), "--for", "nodes = [\"m7g.large\"]` below [deploy.NAME]"),
    ];
    match given.into_iter().find(|(given, ..)| *given) {
        None => Ok(()),
        Some((_, option, key)) => Err(ScaffoldError::InvalidOption {
            option: option.to_owned(),
            reason: format!(
                "{FILE_NAME} was edited or written by hand, and crossdock does not change it: write `{key} there"
            ),
        }),
    }
}

/// Checks the values of options by the rules of `crossdock.toml`.
fn check_options(options: &InitOptions, state: &ProjectState) -> Result<(), ScaffoldError> {
    let wrong = |option: &str| {
        let option = option.to_owned();
        move |reason| ScaffoldError::InvalidOption { option, reason }
    };
    for port in &options.expose {
        grammar::port(port).map_err(wrong("--expose"))?;
    }
    if let Some(repository) = &options.repository {
        grammar::repository(repository).map_err(wrong("--repository"))?;
    }
    let source = Source::CommandLine("--for".to_owned());
    let nodes: Vec<_> = options.nodes.iter().map(|node| Sourced::new(node.clone(), source.clone())).collect();
    named_targets(&Config::unconfigured(&state.root), &nodes)?;
    Ok(())
}

fn config_values(
    state: &ProjectState,
    options: &InitOptions,
    plan: &InitPlan,
) -> Result<ConfigValues, ScaffoldError> {
    let images = state.project.default_images(&Defaults::default())?;
    if images.len() > 1 && !options.expose.is_empty() {
        let reason =
            format!("the project has {} images; write the ports of each into {FILE_NAME}", images.len());
        return Err(ScaffoldError::InvalidOption { option: "--expose".to_owned(), reason });
    }
    let known = state.existing_config.as_ref().map(|known| &known.config);
    let line = plan.remembered.to_options_text();
    Ok(ConfigValues {
        choices: if line.is_empty() { line } else { format!(" {line}") },
        command: plan.command,
        deploys: deploy_values(known, options),
        images: images
            .iter()
            .map(|image| image_values(image, images.len(), state, options))
            .collect::<Result<_, _>>()?,
    })
}

fn deploy_values(known: Option<&Config>, options: &InitOptions) -> Vec<DeployValues> {
    let one = |nodes: Vec<String>| vec![DeployValues { name: DEFAULT_DEPLOY.to_owned(), nodes }];
    match known {
        _ if !options.nodes.is_empty() => one(options.nodes.clone()),
        Some(config) if !config.deploys.is_empty() => {
            let nodes = |deploy: &Deploy| deploy.nodes.iter().map(|node| node.value.to_string()).collect();
            let deploys = config.deploys.values();
            deploys.map(|deploy| DeployValues { name: deploy.name.clone(), nodes: nodes(deploy) }).collect()
        }
        _ => one(DEFAULT_PLATFORMS.map(str::to_owned).to_vec()),
    }
}

/// Returns the settings of an image: those of the call, else those of the existing file.
fn image_values(
    image: &ImageConfig,
    images: usize,
    state: &ProjectState,
    options: &InitOptions,
) -> Result<ImageValues, ScaffoldError> {
    let name = image.name.value.clone();
    let known = state.existing_config.as_ref().map(|known| &known.config);
    let before = known.and_then(|config| config.images.iter().find(|known| known.name.value == name));
    let deploy = match known {
        Some(config) if options.nodes.is_empty() && !config.deploys.is_empty() => match before {
            Some(before) => before.deploy.iter().map(|name| name.value.clone()).collect(),
            None => config.deploys.keys().cloned().collect(),
        },
        _ => vec![DEFAULT_DEPLOY.to_owned()],
    };
    let repository = match &options.repository {
        Some(prefix) if images > 1 => Some(format!("{prefix}/{name}")),
        Some(given) => Some(given.clone()),
        None => before.and_then(|image| image.repository.as_ref()).map(|repository| repository.value.clone()),
    };
    let (package, binary) = named_program(image, images, &state.project)?;
    Ok(ImageValues {
        package,
        binary,
        deploy,
        expose: exposed_port_list(before, images, state, options),
        repository,
        name,
    })
}

/// Returns the ports as a TOML list such as `[8080, "53/udp"]`; `None` without ports.
fn exposed_port_list(
    before: Option<&ImageConfig>,
    images: usize,
    state: &ProjectState,
    options: &InitOptions,
) -> Option<String> {
    let known =
        before.map(|image| image.expose.iter().map(|port| port.value.to_string()).collect::<Vec<_>>());
    let ports = match known.filter(|_| options.expose.is_empty()) {
        Some(ports) => ports,
        None if !options.expose.is_empty() => options.expose.clone(),
        None if !state.starter.is_empty() => vec![STARTER_PORT.to_owned()],
        None if images == 1 => exposed_ports(&state.root),
        None => Vec::new(),
    };
    let written = ports.iter().map(|port| {
        let number = port.strip_suffix("/tcp").unwrap_or(port);
        if number.contains('/') { toml_string(number) } else { number.to_owned() }
    });
    let written: Vec<String> = written.collect();
    (!written.is_empty()).then(|| format!("[{}]", written.join(", ")))
}

/// Returns the `package` and `binary` keys of an image. A project with one program needs neither.
fn named_program(
    image: &ImageConfig,
    images: usize,
    project: &Project,
) -> Result<(Option<String>, Option<String>), ScaffoldError> {
    if images == 1 {
        return Ok((None, None));
    }
    let programs = project.programs_for(image)?;
    let Some(program) = programs.first() else { return Ok((None, None)) };
    Ok(match (program, project) {
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
    })
}
