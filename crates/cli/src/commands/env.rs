//! `crossdock env`: the variables with which any other build system builds what `crossdock dist` would build.

mod refused;

use std::collections::BTreeMap;

use crossdock::environment;
use crossdock::environment::{EnvironmentOptions, Language, Linkage};

use super::describe::{utf8, vocabulary};
use super::shell::{assignments, failure};
use crate::arguments::{EnvCommand, Language as LanguageName, LinkageName, ShellName};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;

pub(crate) use refused::refused;

/// Prints the variables, for the shell that `--json` or `--shell` names. On every error standard output makes the
/// shell's evaluation fail.
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
    CommandError::message(Exit::Usage, "--json asks for JSON, and --shell for something else")
        .hint("leave one of them out: --json is --shell json")
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
