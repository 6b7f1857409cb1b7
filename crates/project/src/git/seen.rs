//! Whether git sees a file that crossdock is about to write.

use camino::Utf8Path;
use crossdock_system::process::{Command, Processes};

use super::checkout_root;

/// The kind of a path that may not exist yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenPath {
    /// A directory.
    Directory,
    /// A file.
    File,
}

/// Returns the checkout in which git does not ignore a path; `None` outside of checkouts and if git gives no answer.
pub fn seeing_checkout<'p>(
    path: &'p Utf8Path,
    kind: WrittenPath,
    processes: &Processes,
) -> Option<&'p Utf8Path> {
    let checkout = checkout_root(path)?;
    let below = path.strip_prefix(checkout).ok().filter(|below| !below.as_str().is_empty())?;
    // A pattern such as `target/` matches only directories, and git cannot look at one that does not exist yet.
    let below = match kind {
        WrittenPath::Directory => format!("{below}/"),
        WrittenPath::File => below.to_string(),
    };
    let command = Command::git(checkout).args(["check-ignore", "--quiet", "--"]).args([below]);
    // 0: ignored. 1: not ignored. 128: git cannot tell (git-check-ignore(1)).
    let answer = processes.output(&command).ok()?;
    (answer.status.code() == Some(1)).then_some(checkout)
}
