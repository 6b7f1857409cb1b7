//! The `xtask` crate of a Rust project (<https://github.com/matklad/cargo-xtask>) and the packages that it adds to `Cargo.lock`.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::read_text;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::desired_file::{
    CommentStyle, DesiredFile, GeneratedText, Owner, parse_generated, render_template,
};
use super::error::ScaffoldError;
use super::file_state::{OnDisk, PlannedFile, read_on_disk};
use super::merge::{Change, UserFileEdit};
use super::options::{CrossdockSource, InitOptions, Part};
use super::project_state::ProjectState;
use crossdock_project::config::grammar::normalized_path;
use crossdock_project::{Network, Project};
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::process::{Command, ProcessError, Processes};

const MANIFEST: &str = "xtask/Cargo.toml";

#[derive(Serialize)]
struct XtaskValues {
    dependency: String,
}

/// Returns why crossdock cannot write an `xtask` crate: the project has its own, which is never touched. `None` if it can.
///
/// # Errors
/// Fails if the crate's manifest cannot be read.
pub(super) fn xtask_obstacle(state: &ProjectState) -> Result<Option<String>, ScaffoldError> {
    let Project::Rust(workspace) = &state.project else { return Ok(None) };
    let generated = state.discovered_at.join(MANIFEST);
    let mut members = workspace.packages.iter().filter(|package| package.name == "xtask");
    if let Some(other) = members.find(|package| package.manifest != generated) {
        return Ok(Some(format!(
            "the project has an xtask crate of its own at {}",
            relative_to_project(state, &other.manifest)
        )));
    }
    Ok(match read_on_disk(&state.root, MANIFEST.into())? {
        OnDisk::File { text, .. } if parse_generated(&text).is_none() => {
            Some(format!("the project has an xtask crate of its own, {MANIFEST}"))
        }
        OnDisk::Blocked(why) => Some(format!("{MANIFEST} {why}")),
        OnDisk::Absent if state.root.join("xtask").exists() => {
            Some("`xtask` exists and is not a crate that crossdock generated".to_owned())
        }
        OnDisk::File { .. } | OnDisk::Absent => None,
    })
}

fn relative_to_project(state: &ProjectState, path: &Utf8Path) -> Utf8PathBuf {
    path.strip_prefix(&state.discovered_at).unwrap_or(path).to_owned()
}

/// The generated crate.
pub(super) struct XtaskCrate {
    pub(super) files: Vec<DesiredFile>,
    /// The packages that the crate adds to `Cargo.lock`; `None` if the crate exists and keeps its source.
    pub(super) lock_changes: Option<LockChanges>,
}

/// Renders the crate and resolves its dependencies; unavailable if cargo cannot get crossdock from `source`, or if neither
/// the call nor an existing manifest names a source.
///
/// # Errors
/// Fails if the existing manifest cannot be read.
pub(super) fn resolve_xtask(
    state: &ProjectState,
    source: Option<&CrossdockSource>,
    options: &InitOptions,
    processes: &Processes,
) -> Result<Availability<XtaskCrate>, ScaffoldError> {
    let generated = generated_manifest(&state.root)?;
    let wanted = match (source, &generated) {
        (Some(source), _) => {
            let dependency = source.dependency(&state.root, &state.root.join("xtask"));
            render_template("xtask.Cargo.toml", &XtaskValues { dependency })?
        }
        // Without a source from the call or the configuration, the existing manifest keeps its own.
        (None, Some(generated)) => generated.body.clone(),
        (None, None) => {
            let why = "no option says from where it takes crossdock";
            return Ok(Availability::Unavailable(Unavailable::because(why)));
        }
    };
    let mut lock_changes = None;
    if let Some(source) = source
        && generated.is_none_or(|generated| generated.body != wanted)
    {
        // cargo resolves a copy of the manifest in a scratch directory, from where a relative path would lead elsewhere.
        let elsewhere = absolute_dependency(source, &state.root);
        let manifest = render_template("xtask.Cargo.toml", &XtaskValues { dependency: elsewhere })?;
        match resolve_lock_changes(
            &state.root,
            &manifest,
            options.network,
            &options.scratch_directory,
            processes,
        ) {
            Resolution::Possible(changes) => lock_changes = Some(changes),
            Resolution::Impossible(why) => {
                return Ok(Availability::Unavailable(Unavailable::because(why)));
            }
        }
    }
    let main = render_template("xtask.main.rs", &())?;
    // The manifest goes first: its header tells the next call that an interrupted one wrote the directory.
    let files = vec![
        xtask_file(MANIFEST, wanted, CommentStyle::Hash),
        xtask_file("xtask/src/main.rs", main, CommentStyle::Slashes),
    ];
    Ok(Availability::Available(XtaskCrate { files, lock_changes }))
}

fn absolute_dependency(source: &CrossdockSource, root: &Utf8Path) -> String {
    match source {
        CrossdockSource::Path(path) => {
            CrossdockSource::Path(normalized_path(root.join(path))).dependency(root, root)
        }
        other => other.dependency(root, root),
    }
}

fn xtask_file(path: &str, body: String, comment: CommentStyle) -> DesiredFile {
    DesiredFile { part: Part::Xtask, path: path.into(), body, comment, owner: Owner::User }
}

fn generated_manifest(root: &Utf8Path) -> Result<Option<GeneratedText>, ScaffoldError> {
    Ok(match read_on_disk(root, MANIFEST.into())? {
        OnDisk::File { text, .. } => parse_generated(&text),
        OnDisk::Absent | OnDisk::Blocked(_) => None,
    })
}

/// Warns that plain `cargo build` now builds the crate, too; `None` if it does not.
pub(super) fn default_members_note(root: &Utf8Path) -> Option<String> {
    let text = read_text(root.join("Cargo.toml").as_std_path()).ok()?;
    let manifest: toml::Table = toml::from_str(&text).ok()?;
    let named = manifest.get("workspace").and_then(|workspace| workspace.get("default-members")).is_some();
    let is_virtual = !manifest.contains_key("package");
    (is_virtual && !named).then(|| {
        "plain `cargo build` in the workspace's root now builds xtask and crossdock, too; set `default-members` in \
         [workspace] to leave them out"
            .to_owned()
    })
}

/// Returns the edit that adds the alias `cargo xtask` to cargo's configuration.
pub(super) fn alias_edit(root: &Utf8Path) -> UserFileEdit {
    // If both `config` and `config.toml` exist, cargo reads only `config`.
    let old = root.join(".cargo/config").is_file();
    let path = if old { ".cargo/config" } else { ".cargo/config.toml" };
    UserFileEdit { part: Part::Xtask, path: path.into(), change: Change::Alias }
}

/// Returns the edit that adds `members` to the workspace and excludes the scaffold's own directories, which a glob such as
/// `members = ["*"]` would take for packages.
pub(super) fn workspace_edit(members: Vec<&'static str>, files: &[PlannedFile]) -> UserFileEdit {
    let directories: BTreeSet<String> = files
        .iter()
        .filter(|file| file.part != Part::Xtask || file.path.starts_with(".cargo"))
        .filter_map(|file| file.path.parent()?.components().next().map(|directory| directory.to_string()))
        .collect();
    let directories = directories.into_iter().filter(|directory| directory != "src").collect();
    UserFileEdit {
        part: Part::Xtask,
        path: "Cargo.toml".into(),
        change: Change::Workspace { members, directories },
    }
}

/// The packages that the `xtask` crate adds to `Cargo.lock`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "known")]
pub enum LockChanges {
    /// cargo resolved them.
    Crates {
        /// Their number, which includes the `xtask` crate itself.
        count: usize,
        /// Their names and versions, each as `name version`.
        crates: Vec<String>,
    },
    /// cargo could not resolve them, for example without network.
    Unknown {
        /// The reason, in the words of cargo or the system.
        why: String,
    },
}

/// The result of resolving the crate's dependencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resolution {
    /// cargo can build the crate, or it is unknown whether it can.
    Possible(LockChanges),
    /// crossdock does not exist at its source. With such a member, every cargo command in the workspace would fail.
    Impossible(String),
}

/// Messages of cargo which say that a package does not exist, as opposed to a failure of the network.
const UNAVAILABLE_MESSAGES: [&str; 6] = [
    "no matching package",
    "failed to select a version",
    "No such file or directory",
    "could not find `Cargo.toml`",
    "failed to parse manifest",
    "relative URL without a base",
];

/// Resolves the crate with this manifest, whose paths are absolute, on top of the project's lock file.
///
/// Works on a copy in `scratch`. cargo runs in `directory`, so that the project's own cargo configuration (mirrors,
/// vendored sources) applies.
pub(super) fn resolve_lock_changes(
    directory: &Utf8Path,
    manifest: &str,
    network: Network,
    scratch: &Utf8Path,
    processes: &Processes,
) -> Resolution {
    let unknown = |why: String| Resolution::Possible(LockChanges::Unknown { why });
    let before = match read_text(directory.join("Cargo.lock").as_std_path()) {
        Ok(text) => Some(text),
        Err(error) if error.is_not_found() => None,
        Err(error) => return unknown(format!("Cargo.lock cannot be read: {}", error.source)),
    };
    let temporary = match write_temporary_package(manifest, before.as_deref(), scratch) {
        Ok(temporary) => temporary,
        Err(why) => return unknown(why),
    };
    let Some(copy) = Utf8Path::from_path(temporary.path()) else {
        return unknown("the path of the directory for temporary files is not UTF-8".to_owned());
    };
    let directory = if directory.is_dir() { directory } else { copy };
    let update = cargo_update(directory, network).args(["--manifest-path", copy.join("Cargo.toml").as_str()]);
    match processes.stdout(&update) {
        Ok(_) => std::fs::read_to_string(copy.join("Cargo.lock"))
            .map_err(|error| format!("internal error: `{update}` left no Cargo.lock: {error}"))
            .and_then(|after| diff_lock_files(before.as_deref().unwrap_or_default(), &after))
            .map_or_else(unknown, Resolution::Possible),
        Err(ProcessError::Failed { stderr, .. })
            if network == Network::Online
                && UNAVAILABLE_MESSAGES.iter().any(|words| stderr.contains(words)) =>
        {
            Resolution::Impossible(stderr.trim_end().to_owned())
        }
        Err(ProcessError::Failed { stderr, .. }) => unknown(stderr.trim_end().to_owned()),
        Err(error) => unknown(error.to_string()),
    }
}

/// Returns the command that adds new members of a workspace to its lock file and keeps every locked version.
pub(super) fn cargo_update(directory: &Utf8Path, network: Network) -> Command {
    let command = Command::new("cargo", directory).args(["update", "--workspace", "--quiet"]);
    match network {
        Network::Online => command,
        Network::Offline => command.args(["--offline"]),
    }
}

/// Writes a package with this manifest and lock file into a temporary directory below `scratch`.
fn write_temporary_package(
    manifest: &str,
    lock: Option<&str>,
    scratch: &Utf8Path,
) -> Result<TempDir, String> {
    let failed = |error: std::io::Error| format!("{scratch} cannot be written: {error}");
    std::fs::create_dir_all(scratch).map_err(failed)?;
    let package = tempfile::Builder::new().prefix("lock-").tempdir_in(scratch).map_err(failed)?;
    std::fs::create_dir(package.path().join("src")).map_err(failed)?;
    let manifest = format!("{manifest}\n[workspace]\n");
    let files = [("Cargo.toml", manifest.as_str()), ("src/main.rs", "fn main() {}\n")];
    for (name, text) in files.into_iter().chain(lock.map(|lock| ("Cargo.lock", lock))) {
        crossdock_fs::write_atomically(package.path().join(name), text.as_bytes())
            .map_err(|error| error.to_string())?;
    }
    Ok(package)
}

#[derive(Deserialize)]
struct LockFile {
    #[serde(default)]
    package: Vec<LockedPackage>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct LockedPackage {
    name: String,
    version: String,
}

/// Returns the packages that `after` holds and `before` does not. A package counts by name and version.
fn diff_lock_files(before: &str, after: &str) -> Result<LockChanges, String> {
    let crates = |text: &str| {
        let lock: LockFile =
            toml::from_str(text).map_err(|error| format!("Cargo.lock cannot be read: {error}"))?;
        Ok::<BTreeSet<LockedPackage>, String>(lock.package.into_iter().collect())
    };
    let (before, after) = (crates(before)?, crates(after)?);
    let crates: Vec<String> =
        after.difference(&before).map(|new| format!("{} {}", new.name, new.version)).collect();
    Ok(LockChanges::Crates { count: crates.len(), crates })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packages_that_are_not_locked_yet_are_counted() {
        let package = |name: &str, version: &str| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\ndependencies = [\"b\"]\n\n")
        };
        let before = format!("version = 4\n\n{}{}", package("a", "1.0.0"), package("b", "1.0.0"));
        let after = [("b", "1.0.0"), ("b", "2.0.0"), ("xtask", "0.0.0")]
            .map(|(name, version)| package(name, version));
        let crates = vec!["b 2.0.0".to_owned(), "xtask 0.0.0".to_owned()];
        assert_eq!(diff_lock_files(&before, &after.concat()), Ok(LockChanges::Crates { count: 2, crates }));
        assert!(diff_lock_files("", "package = 1").unwrap_err().contains("Cargo.lock"));
    }
}
