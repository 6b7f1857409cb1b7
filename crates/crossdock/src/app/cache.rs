//! `crossdock cache`.

use std::time::Duration;

use camino::{Utf8DirEntry, Utf8Path, Utf8PathBuf};
use crossdock_oci::{LayerCache, PruneLimits, Pruned};
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
    layer_bytes: u64,
    programs: usize,
    program_bytes: u64,
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
    let programs = programs(&session.cache.join("build"))?;
    let info = Info {
        schema: "crossdock.cache-info/1",
        path,
        layers: found.layers,
        layer_bytes: found.bytes,
        programs: programs.len(),
        program_bytes: programs.iter().map(|program| program.bytes).sum(),
    };
    match session.json() {
        true => output::json(&info)?,
        false => output::answer(&format!(
            "{path}: {} layers, {}; {} programs, {}",
            info.layers,
            bytes(info.layer_bytes),
            info.programs,
            bytes(info.program_bytes)
        ))?,
    }
    Ok(Exit::Done)
}

pub(super) fn prune(session: &Session, keep_days: u64) -> Result<Exit, CommandError> {
    let limits = match keep_days {
        0 => PruneLimits::EVERYTHING,
        days => PruneLimits { unused_for: Duration::from_secs(days.saturating_mul(86_400)), bytes: u64::MAX },
    };
    let mut removed =
        open(session)?.prune(limits).map_err(|error| CommandError::new(Exit::InputOutput, &error))?;
    let programs = prune_programs(&session.cache.join("build"), limits.unused_for)?;
    removed.files += programs.files;
    removed.bytes += programs.bytes;
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

/// A program that `go build` left for the next run.
struct Program {
    path: Utf8PathBuf,
    bytes: u64,
    unused_for: Duration,
}

/// `build/MODULE/PLATFORM/PROGRAM`.
fn programs(folder: &Utf8Path) -> Result<Vec<Program>, CommandError> {
    let mut files = vec![folder.to_owned()];
    for _ in 0..3 {
        files = files.iter().map(|folder| entries(folder)).collect::<Result<Vec<_>, _>>()?.concat();
    }
    let found = files.into_iter().filter(|path| path.extension() != Some("sha256")).filter_map(|path| {
        let metadata = path.metadata().ok()?;
        let unused_for =
            metadata.accessed().or_else(|_| metadata.modified()).ok()?.elapsed().unwrap_or_default();
        Some(Program { path, bytes: metadata.len(), unused_for })
    });
    Ok(found.collect())
}

fn entries(folder: &Utf8Path) -> Result<Vec<Utf8PathBuf>, CommandError> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    let listed = folder.read_dir_utf8().and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    match listed {
        Ok(listed) => Ok(listed.into_iter().map(Utf8DirEntry::into_path).collect()),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(CommandError::message(Exit::InputOutput, format!("{folder}: {error}"))),
    }
}

/// Removes a file and says whether it was there: another run may prune at the same time.
fn remove(path: &Utf8Path) -> Result<bool, CommandError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(CommandError::message(Exit::InputOutput, format!("{path}: {error}"))),
    }
}

fn prune_programs(folder: &Utf8Path, unused_for: Duration) -> Result<Pruned, CommandError> {
    let mut removed = Pruned::default();
    for program in programs(folder)?.into_iter().filter(|program| program.unused_for >= unused_for) {
        if remove(&program.path)? {
            removed.files += 1;
            removed.bytes += program.bytes;
        }
        // What remembers the program's digest.
        remove(&Utf8PathBuf::from(format!("{}.sha256", program.path)))?;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_go_with_what_remembers_them_and_what_is_gone_already_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let platform = folder.join("hello-0a/linux-arm64-0b");
        std::fs::create_dir_all(&platform).unwrap();
        for (name, content) in [("hello", "program"), ("hello.sha256", "digest")] {
            crossdock_fs::write_atomically(platform.join(name), content.as_bytes()).unwrap();
        }
        let removed = prune_programs(folder, Duration::ZERO).unwrap();
        assert_eq!((removed.files, removed.bytes), (1, 7));
        assert!(platform.read_dir_utf8().unwrap().next().is_none());
        assert!(!remove(&platform.join("hello")).unwrap());
        assert_eq!(prune_programs(&folder.join("nowhere"), Duration::ZERO).unwrap().files, 0);
    }
}
