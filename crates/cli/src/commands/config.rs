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
    if session.json() {
        output::json(&Checked { schema: "crossdock.config/1", config: &checked.config })?;
    } else {
        let programs = checked.programs.as_deref().map(|found| programs(&checked.config, found));
        output::answer(&format!("{}{}", describe(&checked.config), programs.unwrap_or_default()))?;
    }
    Ok(Exit::Done)
}

/// Lists the programs of each image, as found in the projects' manifests.
fn programs(config: &Config, found: &[FoundProgram]) -> String {
    let rows = found.iter().map(|FoundProgram { image, name, package, .. }| {
        let origin = if name == package { String::new() } else { format!(" of {package}") };
        format!("  {image:<11} {name}{origin}\n")
    });
    let mut text = format!("\nprograms, as listed by the project's manifests\n{}", rows.collect::<String>());
    if config.images.iter().any(|image| !image.features.names.is_empty()) {
        text.push_str(
            "\nnot checked: whether the packages have these features; `plan` checks it with cargo\n",
        );
    }
    text
}
