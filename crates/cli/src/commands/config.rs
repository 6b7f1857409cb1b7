//! `crossdock config`.

use crossdock::BuildOptions;
use crossdock::config::{Config, describe};
use crossdock::discover::{FoundProgram, check_config};
use serde::Serialize;

use crate::arguments::SelectionArgs;
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;

/// The answer of `config check --json`.
#[derive(Serialize)]
struct Checked<'a> {
    schema: &'static str,
    #[serde(flatten)]
    config: &'a Config,
}

pub(crate) fn check(session: &Session) -> Result<Exit, CommandError> {
    let options: BuildOptions = session.selection(&SelectionArgs::default());
    let checked = check_config(&session.context, &options)?;
    match session.json() {
        true => output::json(&Checked { schema: "crossdock.config/1", config: &checked.config })?,
        false => {
            let programs = checked.programs.as_deref().map(|found| programs(&checked.config, found));
            output::answer(&format!("{}{}", describe(&checked.config), programs.unwrap_or_default()))?;
        }
    }
    Ok(Exit::Done)
}

/// The programs of each image, as the projects' files tell them.
fn programs(config: &Config, found: &[FoundProgram]) -> String {
    let rows = found.iter().map(|FoundProgram { image, name, package, .. }| match name == package {
        true => format!("  {image:<11} {name}\n"),
        false => format!("  {image:<11} {name} of {package}\n"),
    });
    let mut text = format!("\nprograms, as the files of the project tell them\n{}", rows.collect::<String>());
    if config.images.iter().any(|image| !image.features.names.is_empty()) {
        text.push_str(
            "\nnot checked: whether the packages have these features, which cargo says in a plan\n",
        );
    }
    text
}
