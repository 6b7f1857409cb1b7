//! Checks that the runtime can enter or create the working directory.

use crate::image::ImageFacts;
use crate::program::container::Container;
use crate::root::{EntryKind, MAX_PATH, ResolveError, is_mounted, mount_of, normalize, resolve};
use crate::{Finding, Target, codes};

/// The length of a file name in Linux (`NAME_MAX`).
const MAX_NAME: usize = 255;

/// The runtime enters the directory as root, before it takes the configured user: modes do not matter. It creates what
/// is missing (`os.MkdirAll` in runc's `prepareRootfs`).
pub(super) fn check(
    image: &ImageFacts,
    target: &Target,
    container: Container<'_>,
    findings: &mut Vec<Finding>,
) {
    let path = image.working_directory();
    let refused = |why: String| {
        let message = format!("The working directory {path:?} {why}.");
        Finding::new(codes::WORKING_DIRECTORY, target.name(), "", message)
    };
    if let Some(why) = malformed(path) {
        findings.push(refused(why));
        return;
    }
    match resolve(container.root, path) {
        Ok(found) if found.entry.kind != EntryKind::Directory => {
            findings.push(refused(format!("is a file: a runtime shows `mkdir {path}: not a directory`")));
        }
        Err(ResolveError::NotDirectory { path: file, .. }) => {
            findings.push(refused(format!(
                "is below the file {file}: a runtime shows `mkdir {file}: not a directory`"
            )));
        }
        Err(ResolveError::Loop { .. }) => {
            findings.push(refused(format!(
                "is a loop of symbolic links: a runtime shows `mkdir {path}: file exists`"
            )));
        }
        Err(ResolveError::Unreadable(error)) => {
            findings.push(Finding::new(codes::UNREADABLE, target.name(), path, format!("{error}.")));
        }
        // Below /dev the directory is created; the other two are not writable.
        Err(ResolveError::Hidden { mount, .. }) if mount != "/dev" => {
            findings.push(refused(format!(
                "is not there when the runtime has mounted its own file system at {mount}, which it cannot write to"
            )));
        }
        Err(error @ ResolveError::Hidden { .. }) => {
            let message = format!(
                "Docker looks for the working directory {path} in the image itself and refuses it; others create it, because {error}."
            );
            findings.push(Finding::new(codes::ENGINES_DIFFER, target.name(), path, message));
        }
        Err(ResolveError::Missing { missing, is_of_link: true, .. }) => {
            let message = format!(
                "The working directory {path} leads through a symbolic link to {missing}, which does not exist: Docker creates it, and \
                 containerd and podman show `file exists`."
            );
            findings.push(Finding::new(codes::ENGINES_DIFFER, target.name(), path, message));
        }
        _ => findings.extend(mounted(path, target)),
    }
}

/// Returns the reason why no runtime takes this path, whatever the image holds.
fn malformed(path: &str) -> Option<String> {
    if path.contains('\0') {
        return Some("contains a NUL: a runtime shows `invalid argument`".to_owned());
    }
    if !path.starts_with('/') {
        let expanded = path.starts_with('~') || path.contains('$');
        let hint = if expanded { ", and no shell expands it" } else { "" };
        return Some(format!("is not absolute{hint}: a runtime shows `Cwd must be an absolute path`"));
    }
    if path.split('/').any(|name| name.len() > MAX_NAME) {
        return Some("has a name of more than 255 bytes: a runtime shows `file name too long`".to_owned());
    }
    (path.len() >= MAX_PATH).then(|| "is longer than the 4095 bytes that Linux allows for a path".to_owned())
}

/// Returns the finding about a directory at the path of a file that engines mount, or in a file system of the node.
fn mounted(path: &str, target: &Target) -> Option<Finding> {
    let normal = normalize(path);
    if is_mounted(&normal) && mount_of(&normal).is_none() {
        let message = format!(
            "The working directory {path} is, or is below, a file that Docker, podman and the kubelet put into every container: they refuse it, \
             and `ctr` creates a directory."
        );
        return Some(Finding::new(codes::ENGINES_DIFFER, target.name(), path, message));
    }
    // A directory of the image itself is hidden by the mount, so that entering it proves nothing.
    let is_of_node =
        matches!(mount_of(&normal), Some("/proc" | "/sys")) && !matches!(&*normal, "/proc" | "/sys");
    is_of_node.then(|| {
        let message =
            format!("The working directory {path} is in a file system of the node, which may not have it.");
        Finding::new(codes::UNREADABLE, target.name(), path, message)
    })
}
