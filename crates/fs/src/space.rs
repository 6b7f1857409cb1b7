use std::path::Path;

/// Returns the bytes that this user may still write in the file system of a directory; `None` if the system does not tell, as
/// some network file systems do not.
#[cfg(unix)]
pub fn free_space(directory: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(directory).ok()?;
    (found.f_blocks > 0).then(|| found.f_bavail.saturating_mul(found.f_frsize))
}

/// Returns the bytes that this user may still write in the file system of a directory; `None` if the system does not tell.
#[cfg(not(unix))]
pub fn free_space(_: &Path) -> Option<u64> {
    None
}
