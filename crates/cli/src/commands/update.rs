//! `crossdock update`: the digests of base images.

use crossdock::base::{UpdateOptions, UpdatedBase, update};
use serde::Serialize;

use super::push;
use crate::arguments::UpdateCommand;
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;

/// The answer of `crossdock update`.
#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    bases: &'a [UpdatedBase],
}

pub(crate) fn run(session: &Session, arguments: &UpdateCommand) -> Result<Exit, CommandError> {
    let mut options = UpdateOptions::new();
    options.references.clone_from(&arguments.references);
    options.config = session.named_config().cloned();
    options.registry = push::options(session, &arguments.connection);
    let bases = update(&session.context, &options)?;
    if session.json() {
        output::json(&Answer { schema: "crossdock.update/1", bases: &bases })?;
        return Ok(Exit::Done);
    }
    if bases.is_empty() {
        output::say("this project has no base images of registries");
    }
    output::answer(&bases.iter().map(line).collect::<String>())?;
    Ok(Exit::Done)
}

fn line(base: &UpdatedBase) -> String {
    let UpdatedBase { reference, before, digest, .. } = base;
    match before {
        Some(before) if before == digest => format!("{reference}  {digest}  unchanged\n"),
        Some(before) => format!("{reference}  {digest}  was {before}\n"),
        None => format!("{reference}  {digest}  new\n"),
    }
}
