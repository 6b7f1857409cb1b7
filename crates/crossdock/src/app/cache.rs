//! `crossdock cache`.

use std::time::Duration;

use crossdock_oci::{LayerCache, PruneLimits};
use serde::Serialize;

use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;
use crate::ui::bytes;

/// The answer of `crossdock cache info`.
#[derive(Serialize)]
struct Info<'a> {
    schema: &'static str,
    path: &'a str,
    layers: u64,
    bytes: u64,
}

/// The answer of `crossdock cache prune`.
#[derive(Serialize)]
struct Removed {
    schema: &'static str,
    files: u64,
    bytes: u64,
}

pub(super) fn info(session: &Session) -> Result<Exit, CommandError> {
    let found = open(session)?.info().map_err(|error| CommandError::new(Exit::InputOutput, &error))?;
    let path = session.cache.as_str();
    if session.json() {
        let info = Info { schema: "crossdock.cache-info/1", path, layers: found.layers, bytes: found.bytes };
        output::json(&info)?;
    } else {
        output::answer(&format!("{path}: {} layers, {}", found.layers, bytes(found.bytes)))?;
    }
    Ok(Exit::Done)
}

pub(super) fn prune(session: &Session, keep_days: u64) -> Result<Exit, CommandError> {
    let limits = match keep_days {
        0 => PruneLimits::EVERYTHING,
        days => PruneLimits { unused_for: Duration::from_secs(days.saturating_mul(86_400)), bytes: u64::MAX },
    };
    let removed =
        open(session)?.prune(limits).map_err(|error| CommandError::new(Exit::InputOutput, &error))?;
    if session.json() {
        output::json(&Removed {
            schema: "crossdock.cache-prune/1",
            files: removed.files,
            bytes: removed.bytes,
        })?;
    } else {
        output::answer(&format!("removed {} files, {}", removed.files, bytes(removed.bytes)))?;
    }
    Ok(Exit::Done)
}

fn open(session: &Session) -> Result<LayerCache, CommandError> {
    let folder = session.cache.join("layers");
    LayerCache::create(folder.as_std_path()).map_err(|error| CommandError::new(Exit::InputOutput, &error))
}
