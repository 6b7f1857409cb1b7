//! `crossdock config`.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use serde::Serialize;

use super::arguments::Building;
use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;
use crossdock_project::config::{Config, ImageConfig, Sourced, describe};
use crossdock_project::{Discovery, Network, discover, read_files};
use crossdock_runner::plan::{Goal, Projects, Request, programs};

/// The answer of `config check --json`.
#[derive(Serialize)]
struct Checked<'a> {
    schema: &'static str,
    #[serde(flatten)]
    config: &'a Config,
}

pub(super) fn check(session: &Session) -> Result<Exit, CommandError> {
    let config = session.config()?;
    let chosen = chosen(session, &config)?;
    match session.json() {
        true => output::json(&Checked { schema: "crossdock.config/1", config: &config })?,
        false => output::answer(&format!("{}{chosen}", describe(&config)))?,
    }
    Ok(Exit::Done)
}

/// The programs of each image, as the projects' files tell them; what cannot be told is said.
fn chosen(session: &Session, config: &Config) -> Result<String, CommandError> {
    let folders: BTreeSet<&Utf8PathBuf> = match config.images.is_empty() {
        true => BTreeSet::from([&config.root]),
        false => config.images.iter().map(|image| &image.path.value).collect(),
    };
    let mut projects = Projects::default();
    for folder in folders {
        let images = config.images.iter().filter(|image| image.path.value == *folder);
        let discovery = Discovery::of_images(images, Network::Offline);
        // What files do not tell, as the modules of a workspace of Go, its tool does.
        let read = read_files(folder, &discovery, &session.environment);
        let read = read.or_else(|error| discover(folder, &discovery, &session.processes).map_err(|_| error));
        match read {
            Ok(project) => drop(projects.projects.insert(folder.clone(), project)),
            Err(error) => output::note(&format!("the programs of {folder} are not checked: {error}")),
        }
    }
    let readable = |image: &&ImageConfig| projects.projects.contains_key(&image.path.value);
    let names: Vec<&ImageConfig> = config.images.iter().filter(readable).collect();
    if projects.projects.is_empty() {
        return Ok(String::new());
    }
    let request = Request {
        images: names.into_iter().map(|image| Sourced::clone(&image.name)).collect(),
        ..session.request(&Building::default(), Goal::Build)?
    };
    let programs =
        programs(config, &projects, &request).map_err(|error| CommandError::new(Exit::Usage, &error))?;
    let rows = programs.iter().map(|(image, program, package)| match program == package {
        true => format!("  {image:<11} {program}\n"),
        false => format!("  {image:<11} {program} of {package}\n"),
    });
    let mut text = format!("\nprograms, as the files of the project tell them\n{}", rows.collect::<String>());
    if config.images.iter().any(|image| !image.features.names.is_empty()) {
        text.push_str(
            "\nnot checked: whether the packages have these features, which cargo says in a plan\n",
        );
    }
    Ok(text)
}
