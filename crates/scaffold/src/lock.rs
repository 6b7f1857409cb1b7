//! How many crates the `xtask` crate brings into `Cargo.lock`: computed by cargo itself, in a folder of its own.

use std::collections::BTreeSet;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crossdock_project::Network;
use crossdock_system::process::{Command, ProcessError, Processes};

/// What joins `Cargo.lock`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "known")]
pub enum Joining {
    /// These.
    Crates {
        /// How many, the `xtask` crate itself among them.
        count: usize,
        /// Each as `name version`.
        crates: Vec<String>,
    },
    /// It cannot be computed now.
    Unknown {
        /// Why.
        why: String,
    },
}

/// What cargo says of the crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resolved {
    /// It can be had, or it is not known whether it can.
    Joining(Joining),
    /// It cannot be had: with it in the workspace no cargo command would work.
    Impossible(String),
}

/// Words by which cargo says that there is no such crate, whatever the network does.
const NOT_THERE: [&str; 6] = [
    "no matching package",
    "failed to select a version",
    "No such file or directory",
    "could not find `Cargo.toml`",
    "failed to parse manifest",
    "relative URL without a base",
];

/// Resolves the crate with this manifest, whose paths are absolute, beside what the project's lock file holds already.
/// cargo runs in `folder`, so that the project's own settings (mirrors, vendored sources) count.
pub(super) fn joining(
    folder: &Utf8Path,
    manifest: &str,
    network: Network,
    scratch: &Utf8Path,
    processes: &Processes,
) -> Resolved {
    let unknown = |why: String| Resolved::Joining(Joining::Unknown { why });
    let before = std::fs::read_to_string(folder.join("Cargo.lock")).ok();
    let copy = match prepared(manifest, before.as_deref(), scratch) {
        Ok(copy) => copy,
        Err(why) => return unknown(why),
    };
    let Some(place) = Utf8Path::from_path(copy.path()) else {
        return unknown("the folder for temporary files is not UTF-8".to_owned());
    };
    let directory = if folder.is_dir() { folder } else { place };
    let asked = update(directory, network).args(["--manifest-path", place.join("Cargo.toml").as_str()]);
    match processes.stdout(&asked) {
        Ok(_) => {
            let after = std::fs::read_to_string(place.join("Cargo.lock")).unwrap_or_default();
            new_crates(before.as_deref().unwrap_or_default(), &after).map_or_else(unknown, Resolved::Joining)
        }
        Err(ProcessError::Failed { stderr, .. })
            if network == Network::Online && NOT_THERE.iter().any(|words| stderr.contains(words)) =>
        {
            Resolved::Impossible(stderr.trim_end().to_owned())
        }
        Err(ProcessError::Failed { stderr, .. }) => unknown(stderr.trim_end().to_owned()),
        Err(error) => unknown(error.to_string()),
    }
}

/// Brings a workspace's new members into its lock file, and changes nothing that is locked already.
pub(super) fn update(folder: &Utf8Path, network: Network) -> Command {
    let command = Command::new("cargo", folder).args(["update", "--workspace", "--quiet"]);
    match network {
        Network::Online => command,
        Network::Offline => command.args(["--offline"]),
    }
}

fn prepared(manifest: &str, lock: Option<&str>, scratch: &Utf8Path) -> Result<TempDir, String> {
    let failed = |error: std::io::Error| format!("{scratch} cannot be written: {error}");
    std::fs::create_dir_all(scratch).map_err(failed)?;
    let copy = tempfile::Builder::new().prefix("lock-").tempdir_in(scratch).map_err(failed)?;
    std::fs::create_dir(copy.path().join("src")).map_err(failed)?;
    let manifest = format!("{manifest}\n[workspace]\n");
    let files = [("Cargo.toml", manifest.as_str()), ("src/main.rs", "fn main() {}\n")];
    for (name, text) in files.into_iter().chain(lock.map(|lock| ("Cargo.lock", lock))) {
        crossdock_fs::write_atomically(copy.path().join(name), text.as_bytes())
            .map_err(|error| error.to_string())?;
    }
    Ok(copy)
}

#[derive(Deserialize)]
struct LockFile {
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Locked {
    name: String,
    version: String,
}

fn new_crates(before: &str, after: &str) -> Result<Joining, String> {
    let crates = |text: &str| {
        let lock: LockFile =
            toml::from_str(text).map_err(|error| format!("Cargo.lock cannot be read: {error}"))?;
        Ok::<BTreeSet<Locked>, String>(lock.package.into_iter().collect())
    };
    let (before, after) = (crates(before)?, crates(after)?);
    let crates: Vec<String> =
        after.difference(&before).map(|new| format!("{} {}", new.name, new.version)).collect();
    Ok(Joining::Crates { count: crates.len(), crates })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_locked_already_joins() {
        let package = |name: &str, version: &str| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\ndependencies = [\"b\"]\n\n")
        };
        let before = format!("version = 4\n\n{}{}", package("a", "1.0.0"), package("b", "1.0.0"));
        let after = [("b", "1.0.0"), ("b", "2.0.0"), ("xtask", "0.0.0")]
            .map(|(name, version)| package(name, version));
        let crates = vec!["b 2.0.0".to_owned(), "xtask 0.0.0".to_owned()];
        assert_eq!(new_crates(&before, &after.concat()), Ok(Joining::Crates { count: 2, crates }));
        assert!(new_crates("", "package = 1").unwrap_err().contains("Cargo.lock"));
    }
}
