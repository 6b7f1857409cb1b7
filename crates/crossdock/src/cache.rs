//! The cache: compressed layers, programs compiled by `go build`, and base images.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::FileType;
use std::io::ErrorKind;
use std::time::Duration;

use camino::{Utf8DirEntry, Utf8Path, Utf8PathBuf};
use crossdock_fs::FileLock;
use crossdock_oci::{BlobStore, LayerCache, PruneLimits, Pruned};
use crossdock_runner::execute::{BASES, IN_USE_LOCK, VERDICTS};

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
    /// The number of documents and layers of base images.
    pub base_blobs: u64,
    /// Their size in bytes.
    pub base_bytes: u64,
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
    let programs = programs(&context.cache_directory()?.join("build"))?;
    let (base_blobs, base_bytes) = base_store(context)?.usage().map_err(input_output)?;
    Ok(CacheInfo {
        layers: found.layers,
        layer_bytes: found.bytes,
        programs: programs.len(),
        program_bytes: programs.iter().map(|program| program.bytes).sum(),
        base_blobs,
        base_bytes,
    })
}

/// Removes what was not used for some time; everything if it is zero. Programs and base images that a run uses are kept,
/// with a note; a layer that is removed while a run needs it is made again.
///
/// # Errors
/// The cache cannot be read, or a file cannot be removed.
pub fn prune_cache(context: &Context, unused_for: Duration) -> Result<CacheRemoved, Error> {
    let limits = match unused_for {
        Duration::ZERO => PruneLimits::EVERYTHING,
        unused_for => PruneLimits { unused_for, bytes: u64::MAX },
    };
    let layers = open(context)?.prune(limits).map_err(input_output)?;
    let (programs, in_use) = prune_programs(&context.cache_directory()?.join("build"), unused_for)?;
    for module in in_use {
        context.note(&format!("kept the programs in `{module}`: a run uses them"));
    }
    let bases = prune_bases(context, unused_for)?;
    for directory in [VERDICTS, ANSWERS] {
        prune_records(&context.cache_directory()?.join(directory), unused_for)?;
    }
    let removed = [layers, programs, bases];
    Ok(CacheRemoved {
        files: removed.iter().map(|removed| removed.files).sum(),
        bytes: removed.iter().map(|removed| removed.bytes).sum(),
    })
}

/// Opens the cache, so that a directory that is not a cache of crossdock is refused before anything in it is removed.
fn open(context: &Context) -> Result<LayerCache, Error> {
    let directory = context.cache_directory()?;
    crossdock_fs::open_cache(directory.as_std_path()).map_err(input_output)?;
    LayerCache::create(directory.join("layers").as_std_path()).map_err(input_output)
}

/// Opens the store of base images, in a directory that is a cache of crossdock.
pub(crate) fn base_store(context: &Context) -> Result<BlobStore, Error> {
    let cache = context.cache_directory()?;
    crossdock_fs::open_cache(cache.as_std_path()).map_err(input_output)?;
    BlobStore::create(cache.join(BASES).as_std_path()).map_err(input_output)
}

/// Removes what is of base images that were not used for some time, unless a run uses one.
fn prune_bases(context: &Context, unused_for: Duration) -> Result<Pruned, Error> {
    let bases = base_store(context)?;
    match FileLock::try_acquire(&bases.root().join(IN_USE_LOCK)).map_err(input_output)? {
        Ok(_held) => bases.prune(unused_for).map_err(input_output),
        Err(_) => {
            context.note("kept the base images: a run uses them");
            Ok(Pruned::default())
        }
    }
}

/// The directory of answers of `go list` in the cache.
pub(crate) const ANSWERS: &str = "answers";

/// Removes the verdicts or answers that were not used for some time. They are not counted: each belongs to an image or a
/// module.
fn prune_records(directory: &Utf8Path, unused_for: Duration) -> Result<(), Error> {
    for path in entries(directory, FileType::is_file)? {
        let used = path.symlink_metadata().and_then(|metadata| metadata.modified());
        if used.is_ok_and(|used| used.elapsed().unwrap_or_default() >= unused_for) {
            remove(&path)?;
        }
    }
    Ok(())
}

/// A program that `go build` left for the next run.
struct Program {
    path: Utf8PathBuf,
    bytes: u64,
    unused_for: Duration,
}

/// Lists the files `build/MODULE/PLATFORM/PROGRAM` in `directory`, which is `build`. Symbolic links are not followed at
/// any level.
fn programs(directory: &Utf8Path) -> Result<Vec<Program>, Error> {
    let mut directories = match directory.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => vec![directory.to_owned()],
        _ => return Ok(Vec::new()),
    };
    for _ in 0..2 {
        let found = directories.iter().map(|above| entries(above, FileType::is_dir));
        directories = found.collect::<Result<Vec<_>, _>>()?.concat();
    }
    let files = directories.iter().map(|above| entries(above, FileType::is_file));
    let files = files.collect::<Result<Vec<_>, _>>()?.concat().into_iter();
    // Those with a dot are records, and an earlier version's are next to each program.
    let is_program = |path: &Utf8PathBuf| {
        path.extension() != Some("sha256") && !path.file_name().is_some_and(|name| name.starts_with('.'))
    };
    let found = files.filter(is_program).filter_map(|path| {
        let metadata = path.symlink_metadata().ok()?;
        let unused_for =
            metadata.accessed().or_else(|_| metadata.modified()).ok()?.elapsed().unwrap_or_default();
        Some(Program { path, bytes: metadata.len(), unused_for })
    });
    Ok(found.collect())
}

/// Lists the entries of a directory that have a type. The type of a symbolic link is its own, not its target's.
fn entries(directory: &Utf8Path, has_type: fn(&FileType) -> bool) -> Result<Vec<Utf8PathBuf>, Error> {
    let listed = directory.read_dir_utf8().and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    match listed {
        Ok(listed) => {
            let wanted =
                listed.into_iter().filter(|entry| entry.file_type().is_ok_and(|kind| has_type(&kind)));
            Ok(wanted.map(Utf8DirEntry::into_path).collect())
        }
        // Another process may have removed it.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(input_output(error).at(directory)),
    }
}

/// Removes a file and returns whether it existed: another run may prune at the same time.
fn remove(path: &Utf8Path) -> Result<bool, Error> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(input_output(error).at(path)),
    }
}

/// Removes the programs not used for some time, and returns the directories of modules whose programs a run uses.
fn prune_programs(
    directory: &Utf8Path,
    unused_for: Duration,
) -> Result<(Pruned, BTreeSet<Utf8PathBuf>), Error> {
    let mut removed = Pruned::default();
    let mut modules: BTreeMap<Utf8PathBuf, Vec<Program>> = BTreeMap::new();
    for program in programs(directory)?.into_iter().filter(|program| program.unused_for >= unused_for) {
        if let Some(module) = program.path.ancestors().nth(2) {
            modules.entry(module.to_owned()).or_default().push(program);
        }
    }
    let mut in_use = BTreeSet::new();
    for (module, programs) in modules {
        let lock = FileLock::try_acquire(module.join(IN_USE_LOCK).as_std_path()).map_err(input_output)?;
        let Ok(_held) = lock else {
            in_use.insert(module);
            continue;
        };
        for program in programs {
            if remove(&program.path)? {
                removed.files += 1;
                removed.bytes += program.bytes;
            }
            remove(&Utf8PathBuf::from(format!("{}.sha256", program.path)))?;
            let directory = program.path.parent().unwrap_or(&program.path);
            let rest = entries(directory, FileType::is_file)?;
            if rest.iter().all(|path| path.file_name().is_some_and(|name| name.starts_with('.'))) {
                rest.iter().try_for_each(|path| remove(path).map(drop))?;
            }
        }
    }
    Ok((removed, in_use))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_removed_with_their_digests_unless_a_run_uses_them() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let platform = folder.join("hello-0a/linux-arm64-0b");
        std::fs::create_dir_all(&platform).unwrap();
        for (name, content) in [("hello", "program"), ("hello.sha256", "digest"), (".programs.json", "{}")] {
            crossdock_fs::write_atomically(platform.join(name), content.as_bytes()).unwrap();
        }
        let run = FileLock::try_share(folder.join("hello-0a/.lock").as_std_path()).unwrap().unwrap();
        let (removed, in_use) = prune_programs(folder, Duration::ZERO).unwrap();
        assert_eq!((removed, in_use), (Pruned::default(), [folder.join("hello-0a")].into()));
        drop(run);
        let (removed, in_use) = prune_programs(folder, Duration::ZERO).unwrap();
        assert!(in_use.is_empty());
        assert_eq!((removed.files, removed.bytes), (1, 7));
        assert!(platform.read_dir_utf8().unwrap().next().is_none());
        assert!(!remove(&platform.join("hello")).unwrap());
        assert_eq!(prune_programs(&folder.join("nowhere"), Duration::ZERO).unwrap().0.files, 0);
    }

    #[test]
    fn records_that_nobody_used_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(directory.path()).unwrap();
        crossdock_fs::write_atomically(directory.join("a.json"), b"{}").unwrap();
        prune_records(directory, Duration::from_secs(60)).unwrap();
        assert!(directory.join("a.json").exists());
        prune_records(directory, Duration::ZERO).unwrap();
        assert!(!directory.join("a.json").exists());
        prune_records(&directory.join("nowhere"), Duration::ZERO).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(directory.path()).unwrap();
        let letter = directory.join("home/a/b/letter");
        std::fs::create_dir_all(letter.parent().unwrap()).unwrap();
        crossdock_fs::write_atomically(&letter, b"dear").unwrap();
        let build = directory.join("build");
        std::fs::create_dir_all(build.join("app/linux")).unwrap();
        for (target, link) in [
            (directory.join("home"), directory.join("link")),
            (directory.join("home/a"), build.join("module")),
            (directory.join("home/a/b"), build.join("app/platform")),
            (letter.clone(), build.join("app/linux/program")),
        ] {
            std::os::unix::fs::symlink(target, link).unwrap();
        }
        for build in [build, directory.join("link")] {
            assert_eq!(prune_programs(&build, Duration::ZERO).unwrap().0, Pruned::default());
        }
        assert!(letter.exists());
    }
}
