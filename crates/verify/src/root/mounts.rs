//! The file systems that runtimes mount over an image's own directories.
//!
//! Docker, containerd and podman mount the same ones (runtime-spec, config-linux.md § Default Filesystems; `DefaultSpec`
//! of moby's `oci/defaults.go`; `defaultMounts` of containerd's `oci/mounts.go`), and create the mount points.

use super::{Entry, EntryKind, Root, RootError};

/// The mount points.
const MOUNTS: [&str; 3] = ["/dev", "/proc", "/sys"];

/// The files that Docker, podman and the kubelet mount into every container. `ctr` mounts none of them.
pub(crate) const ENGINE_FILES: [&str; 3] = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"];

/// The directories that runtimes create below `/dev` (runtime-spec, config-linux.md § Default Devices).
const DIRECTORIES: [&str; 3] = ["/dev/mqueue", "/dev/pts", "/dev/shm"];

/// The devices that runtimes create.
const DEVICES: [&str; 8] = [
    "/dev/console",
    "/dev/full",
    "/dev/null",
    "/dev/ptmx",
    "/dev/random",
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
];

/// The links to files of a process that runtimes create.
const PROCESS_LINKS: [&str; 5] = ["/dev/core", "/dev/fd", "/dev/stderr", "/dev/stdin", "/dev/stdout"];

/// Returns the mount point that is at or above a path.
pub(crate) fn mount_of(path: &str) -> Option<&'static str> {
    MOUNTS.into_iter().find(|mount| is_within(path, mount))
}

/// Returns whether a path is at or below one that runtimes or engines mount.
pub(crate) fn is_mounted(path: &str) -> bool {
    mount_of(path).is_some() || ENGINE_FILES.iter().any(|file| is_within(path, file))
}

fn is_within(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The entry that a process finds at a path at or below a mount point.
pub(super) enum Mounted {
    Entry(Entry),
    Absent,
    /// The image has a file there, which the mount hides.
    Hidden,
    /// Only the node knows.
    Unknown,
}

/// Returns what a process finds at a path at or below a mount point.
///
/// # Errors
/// If the layers cannot be read.
pub(super) fn look_up(root: &dyn Root, path: &str, mount: &str) -> Result<Mounted, RootError> {
    if path == mount || DIRECTORIES.contains(&path) {
        return Ok(owned_by_root(EntryKind::Directory, 0o755));
    }
    if DEVICES.contains(&path) {
        return Ok(owned_by_root(EntryKind::Special, 0o666));
    }
    if PROCESS_LINKS.contains(&path) || is_process(path) {
        return Ok(Mounted::Unknown);
    }
    Ok(match root.entry(path)? {
        // The kernel has many directories of these names. Without one, a file below is hidden all the same.
        Some(entry) if entry.kind == EntryKind::Directory => Mounted::Entry(entry),
        Some(_) => Mounted::Hidden,
        // The file system at /dev is empty but for the entries above.
        None if mount == "/dev" => Mounted::Absent,
        None => Mounted::Unknown,
    })
}

/// Returns whether a path is the directory of a process: `/proc/1`, `/proc/self`.
fn is_process(path: &str) -> bool {
    path.strip_prefix("/proc/").is_some_and(|name| {
        matches!(name, "self" | "thread-self") || name.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn owned_by_root(kind: EntryKind, mode: u32) -> Mounted {
    Mounted::Entry(Entry { kind, mode, uid: 0, gid: 0, size: 0 })
}
