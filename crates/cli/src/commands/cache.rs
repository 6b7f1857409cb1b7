//! `crossdock cache`.

use std::time::Duration;

use crossdock::cache::{cache_info, prune_cache};
use serde::Serialize;

use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui::{self, bytes};

/// The answer of `crossdock cache info`.
#[derive(Serialize)]
struct Info<'a> {
    schema: &'static str,
    path: &'a str,
    layers: u64,
    layer_bytes: u64,
    programs: usize,
    program_bytes: u64,
    base_blobs: u64,
    base_bytes: u64,
}

/// The answer of `crossdock cache prune`.
#[derive(Serialize)]
struct Removed {
    schema: &'static str,
    files: u64,
    bytes: u64,
}

pub(crate) fn info(session: &Session) -> Result<Exit, CommandError> {
    let found = cache_info(&session.context)?;
    let path = session.context.cache_directory()?.as_str();
    let info = Info {
        schema: "crossdock.cache-info/1",
        path,
        layers: found.layers,
        layer_bytes: found.layer_bytes,
        programs: found.programs,
        program_bytes: found.program_bytes,
        base_blobs: found.base_blobs,
        base_bytes: found.base_bytes,
    };
    if session.json() {
        output::json(&info)?;
    } else {
        output::answer(&format!(
            "{path}: {} layers, {}; {} programs, {}; {} of base images, {}",
            info.layers,
            bytes(info.layer_bytes),
            info.programs,
            bytes(info.program_bytes),
            ui::counted(usize::try_from(info.base_blobs).unwrap_or(usize::MAX), "blob"),
            bytes(info.base_bytes)
        ))?;
    }
    Ok(Exit::Done)
}

pub(crate) fn prune(session: &Session, keep_days: u64) -> Result<Exit, CommandError> {
    let unused_for = Duration::from_secs(keep_days.saturating_mul(86_400));
    let removed = prune_cache(&session.context, unused_for)?;
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
