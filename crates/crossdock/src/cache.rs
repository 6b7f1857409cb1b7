//! The cache: compressed layers, and programs that `go build` made.

use std::time::Duration;

use camino::{Utf8DirEntry, Utf8Path, Utf8PathBuf};
use crossdock_oci::{LayerCache, PruneLimits, Pruned};

use crate::context::Context;
use crate::error::{Error, input_output};

/// The content of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheInfo {
    /// The number of layers.
    pub layers: u64,
    /// Their size in bytes.
    pub layer_bytes: u64,
    /// The number of programs.
    pub programs: usize,
    /// Their size in bytes.
    pub program_bytes: u64,
}

/// The number and size of files that were removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheRemoved {
    /// The number of files.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// Returns the number and size of the files in the cache.
///
/// # Errors
/// The cache cannot be read.
pub fn cache_info(context: &Context) -> Result<CacheInfo, Error> {
    let found = open(context)?.info().map_err(input_output)?;
    let programs = programs(&context.cache.join("build"))?;
    Ok(CacheInfo {
        layers: found.layers,
        layer_bytes: found.bytes,
        programs: programs.len(),
        program_bytes: programs.iter().map(|program| program.bytes).sum(),
    })
}

/// Removes what was not used for some time; everything if it is zero.
///
/// # Errors
/// The cache cannot be read, or a file cannot be removed.
pub fn prune_cache(context: &Context, unused_for: Duration) -> Result<CacheRemoved, Error> {
    let limits = match unused_for {
        Duration::ZERO => PruneLimits::EVERYTHING,
        unused_for => PruneLimits { unused_for, bytes: u64::MAX },
    };
    let layers = open(context)?.prune(limits).map_err(input_output)?;
    let programs = prune_programs(&context.cache.join("build"), unused_for)?;
    Ok(CacheRemoved { files: layers.files + programs.files, bytes: layers.bytes + programs.bytes })
}

fn open(context: &Context) -> Result<LayerCache, Error> {
    LayerCache::create(context.cache.join("layers").as_std_path()).map_err(input_output)
}

/// A program that `go build` left for the next run.
struct Program {
    path: Utf8PathBuf,
    bytes: u64,
    unused_for: Duration,
}

/// `build/MODULE/PLATFORM/PROGRAM`.
fn programs(folder: &Utf8Path) -> Result<Vec<Program>, Error> {
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

fn entries(folder: &Utf8Path) -> Result<Vec<Utf8PathBuf>, Error> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    let listed = folder.read_dir_utf8().and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    match listed {
        Ok(listed) => Ok(listed.into_iter().map(Utf8DirEntry::into_path).collect()),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(input_output(error).at(folder)),
    }
}

/// Removes a file and says whether it was there: another run may prune at the same time.
fn remove(path: &Utf8Path) -> Result<bool, Error> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(input_output(error).at(path)),
    }
}

fn prune_programs(folder: &Utf8Path, unused_for: Duration) -> Result<Pruned, Error> {
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
