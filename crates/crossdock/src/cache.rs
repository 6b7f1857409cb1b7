//! The cache: compressed layers, and programs compiled by `go build`.

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

/// Removes layers and programs that have not been used for the given time; everything if it is zero.
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

/// Lists the programs of a cache directory: `MODULE/PLATFORM/PROGRAM` below it.
fn programs(directory: &Utf8Path) -> Result<Vec<Program>, Error> {
    let mut files = vec![directory.to_owned()];
    for _ in 0..3 {
        files = files.iter().map(|directory| entries(directory)).collect::<Result<Vec<_>, _>>()?.concat();
    }
    let found = files.into_iter().filter(|path| path.extension() != Some("sha256")).filter_map(|path| {
        let metadata = path.metadata().ok()?;
        // A file system mounted with `noatime` keeps no time of access. A time in the future counts as now.
        let unused_for =
            metadata.accessed().or_else(|_| metadata.modified()).ok()?.elapsed().unwrap_or_default();
        Some(Program { path, bytes: metadata.len(), unused_for })
    });
    Ok(found.collect())
}

fn entries(directory: &Utf8Path) -> Result<Vec<Utf8PathBuf>, Error> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    let listed = directory.read_dir_utf8().and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    match listed {
        Ok(listed) => Ok(listed.into_iter().map(Utf8DirEntry::into_path).collect()),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(input_output(error).at(directory)),
    }
}

/// Removes a file and returns whether it existed: another run may prune at the same time.
fn remove(path: &Utf8Path) -> Result<bool, Error> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(input_output(error).at(path)),
    }
}

fn prune_programs(directory: &Utf8Path, unused_for: Duration) -> Result<Pruned, Error> {
    let mut removed = Pruned::default();
    for program in programs(directory)?.into_iter().filter(|program| program.unused_for >= unused_for) {
        if remove(&program.path)? {
            removed.files += 1;
            removed.bytes += program.bytes;
        }
        // The file that records the program's digest is useless without it.
        remove(&Utf8PathBuf::from(format!("{}.sha256", program.path)))?;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pruning_removes_programs_with_their_digests_and_tolerates_missing_files() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(temporary.path()).unwrap();
        let platform = directory.join("hello-0a/linux-arm64-0b");
        std::fs::create_dir_all(&platform).unwrap();
        for (name, content) in [("hello", "program"), ("hello.sha256", "digest")] {
            crossdock_fs::write_atomically(platform.join(name), content.as_bytes()).unwrap();
        }
        let removed = prune_programs(directory, Duration::ZERO).unwrap();
        assert_eq!((removed.files, removed.bytes), (1, 7));
        assert!(platform.read_dir_utf8().unwrap().next().is_none());
        assert!(!remove(&platform.join("hello")).unwrap());
        assert_eq!(prune_programs(&directory.join("nowhere"), Duration::ZERO).unwrap().files, 0);
    }
}
