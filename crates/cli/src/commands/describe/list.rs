//! `crossdock target list`.

use crossdock::interpret::SCHEMA;
use crossdock::platform::{Vocabulary, known_names};
use serde::Serialize;

use super::{line, vocabulary};
use crate::arguments::Global;
use crate::error::{CommandError, Exit};
use crate::output;

/// A vocabulary in JSON.
#[derive(Serialize)]
struct Listed {
    schema: u32,
    vocabulary: &'static str,
    /// All names, or examples for a vocabulary that is a rule.
    names: Vec<String>,
}

pub(crate) fn run(name: Option<&str>, global: &Global) -> Result<Exit, CommandError> {
    let chosen = match name {
        Some(name) => vec![vocabulary(name)?],
        None => Vocabulary::ALL.to_vec(),
    };
    let lines: Vec<String> = match (global.json, name) {
        (true, _) => chosen.into_iter().map(|one| line(&listed(one))).collect::<Result<_, _>>()?,
        (false, Some(_)) => chosen.into_iter().flat_map(known_names).collect(),
        (false, None) => chosen.into_iter().map(|one| one.as_str().to_owned()).collect(),
    };
    output::answer(&lines.join("\n"))?;
    Ok(Exit::Done)
}

fn listed(vocabulary: Vocabulary) -> Listed {
    Listed { schema: SCHEMA, vocabulary: vocabulary.as_str(), names: known_names(vocabulary) }
}
