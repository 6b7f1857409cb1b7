//! `crossdock env`: the variables with which another build system builds the same programs as `crossdock dist`.

mod refused;

use std::collections::BTreeMap;

use crossdock::environment::{EnvironmentOptions, Language, Linkage, environment};

use super::describe::{utf8, vocabulary};
use super::shell::{assignments, failure};
use crate::arguments::{EnvCommand, Language as LanguageName, LinkageName, ShellName};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;

pub(crate) use refused::refused;

/// Prints the variables for the shell of `--json` or `--shell`. On every error, prints text that makes the shell's
/// evaluation fail: without it `eval` would succeed and the build would use the host's platform.
pub(crate) fn run(
    session: Result<Session, CommandError>,
    arguments: &EnvCommand,
    json: Option<ShellName>,
) -> Result<Exit, CommandError> {
    let shell = arguments.shell.or(json).unwrap_or(ShellName::Sh);
    let variables = match json {
        Some(json) if shell != json => Err(contradiction()),
        _ => session.and_then(|session| variables(&session, arguments)),
    };
    match variables {
        Ok(variables) => {
            output::data(&assignments(shell, &variables))?;
            Ok(Exit::Done)
        }
        Err(error) => {
            output::data(failure(shell))?;
            Err(error)
        }
    }
}

fn contradiction() -> CommandError {
    CommandError::message(Exit::Usage, "--json and --shell name different forms")
        .hint("omit one of them; --json is short for --shell json")
}

fn variables(session: &Session, arguments: &EnvCommand) -> Result<BTreeMap<String, String>, CommandError> {
    let text = utf8(&arguments.description).map_err(|why| CommandError::message(Exit::Rejected, why))?;
    let mut options = EnvironmentOptions::new(match arguments.lang {
        LanguageName::Go => Language::Go,
        LanguageName::Rust => Language::Rust,
    });
    options.vocabulary = arguments.vocabulary.as_deref().map(vocabulary).transpose()?;
    options.linkage = arguments.linkage.map(|linkage| match linkage {
        LinkageName::Static => Linkage::Static,
        LinkageName::Dynamic => Linkage::Dynamic,
    });
    Ok(environment(&session.context, text, &options)?)
}
