//! The `xtask` crate of a Rust project (<https://github.com/matklad/cargo-xtask>) and the packages that it adds to `Cargo.lock`.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
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
use crossdock_project::config::grammar::tidied;
use crossdock_project::{Network, Project};
use crossdock_system::process::{Command, ProcessError, Processes};

const MANIFEST: &str = "xtask/Cargo.toml";

#[derive(Serialize)]
struct XtaskValues {
    dependency: String,
}

/// Why the project can have no `xtask` crate of ours: it has one of its own, which is never touched.
pub(super) fn xtask_obstacle(state: &ProjectState) -> Result<Option<String>, ScaffoldError> {
    let Project::Rust(workspace) = &state.project else { return Ok(None) };
    let own = state.discovered_at.join(MANIFEST);
    let mut members = workspace.packages.iter().filter(|package| package.name == "xtask");
    if let Some(other) = members.find(|package| package.manifest != own) {
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
            Some("there is a directory or file `xtask` already, without a crate of crossdock's".to_owned())
        }
        OnDisk::File { .. } | OnDisk::Absent => None,
    })
}

fn relative_to_project(state: &ProjectState, path: &Utf8Path) -> Utf8PathBuf {
    path.strip_prefix(&state.discovered_at).unwrap_or(path).to_owned()
}

/// The crate's files, and what they bring into the lock file when the crate is new or comes from elsewhere now.
pub(super) struct XtaskCrate {
    pub(super) files: Vec<DesiredFile>,
    pub(super) lock_changes: Option<LockChanges>,
}

/// The crate, or why cargo cannot have it.
///
/// # Errors
/// Files that cannot be read.
pub(super) fn resolve_xtask(
    state: &ProjectState,
    source: Option<&CrossdockSource>,
    options: &InitOptions,
    processes: &Processes,
) -> Result<Result<XtaskCrate, String>, ScaffoldError> {
    let generated = generated_manifest(&state.root)?;
    let default = CrossdockSource::default();
    let manifest = |directory: &Utf8Path| {
        let dependency = source.unwrap_or(&default).dependency(&state.root, directory);
        render_template("xtask.Cargo.toml", &XtaskValues { dependency })
    };
    let wanted = manifest(&state.root.join("xtask"))?;
    // Where the call does not say where crossdock comes from, the crate knows.
    let wanted =
        generated.as_ref().filter(|_| source.is_none()).map_or(wanted, |generated| generated.body.clone());
    let mut lock_changes = None;
    if generated.is_none_or(|generated| generated.body != wanted) {
        // Seen from a directory that is nowhere near, so that the path is absolute.
        let elsewhere = absolute_dependency(source.unwrap_or(&default), &state.root);
        let manifest = render_template("xtask.Cargo.toml", &XtaskValues { dependency: elsewhere })?;
        match resolve_lock_changes(
            &state.root,
            &manifest,
            options.network,
            &options.scratch_directory,
            processes,
        ) {
            Resolution::Possible(changes) => lock_changes = Some(changes),
            Resolution::Impossible(why) => return Ok(Err(why)),
        }
    }
    let main = render_template("xtask.main.rs", &())?;
    // The manifest first: by it an interrupted call is known for ours.
    let files = vec![
        xtask_file(MANIFEST, wanted, CommentStyle::Hash),
        xtask_file("xtask/src/main.rs", main, CommentStyle::Slashes),
    ];
    Ok(Ok(XtaskCrate { files, lock_changes }))
}

fn absolute_dependency(source: &CrossdockSource, root: &Utf8Path) -> String {
    match source {
        CrossdockSource::Path(path) => CrossdockSource::Path(tidied(root.join(path))).dependency(root, root),
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

/// What a person should know of a workspace in which the crate is new.
pub(super) fn default_members_note(root: &Utf8Path) -> Option<String> {
    let text = std::fs::read_to_string(root.join("Cargo.toml")).ok()?;
    let manifest: toml::Table = toml::from_str(&text).ok()?;
    let named = manifest.get("workspace").and_then(|workspace| workspace.get("default-members")).is_some();
    let is_virtual = !manifest.contains_key("package");
    (is_virtual && !named).then(|| {
        "plain `cargo build` in the workspace's root now builds xtask too, and crossdock with it; `default-members` in \
         [workspace] says what it builds"
            .to_owned()
    })
}

/// Where the alias belongs.
pub(super) fn alias_edit(root: &Utf8Path) -> UserFileEdit {
    // The old name, where a project has it: cargo reads that one alone when both are there.
    let old = root.join(".cargo/config").is_file();
    let path = if old { ".cargo/config" } else { ".cargo/config.toml" };
    UserFileEdit { part: Part::Xtask, path: path.into(), change: Change::Alias }
}

/// What the workspace gets: the crate, where this call writes it, and that no directory of a scaffold is taken for a package.
pub(super) fn workspace_edit(members: Vec<&'static str>, entries: &[PlannedFile]) -> UserFileEdit {
    let directories: BTreeSet<String> = entries
        .iter()
        .filter(|entry| entry.part != Part::Xtask || entry.path.starts_with(".cargo"))
        .filter_map(|entry| entry.path.parent()?.components().next().map(|directory| directory.to_string()))
        .collect();
    let directories = directories.into_iter().filter(|directory| directory != "src").collect();
    UserFileEdit {
        part: Part::Xtask,
        path: "Cargo.toml".into(),
        change: Change::Workspace { members, directories },
    }
}

/// What joins `Cargo.lock`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "known")]
pub enum LockChanges {
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
pub(super) enum Resolution {
    /// It can be had, or it is not known whether it can.
    Possible(LockChanges),
    /// It cannot be had: with it in the workspace no cargo command would work.
    Impossible(String),
}

/// Words by which cargo says that there is no such crate, whatever the network does.
const UNAVAILABLE_MESSAGES: [&str; 6] = [
    "no matching package",
    "failed to select a version",
    "No such file or directory",
    "could not find `Cargo.toml`",
    "failed to parse manifest",
    "relative URL without a base",
];

/// Resolves the crate with this manifest, whose paths are absolute, beside what the project's lock file holds already.
/// cargo runs in `directory`, so that the project's own settings (mirrors, vendored sources) count.
pub(super) fn resolve_lock_changes(
    directory: &Utf8Path,
    manifest: &str,
    network: Network,
    scratch: &Utf8Path,
    processes: &Processes,
) -> Resolution {
    let unknown = |why: String| Resolution::Possible(LockChanges::Unknown { why });
    let before = std::fs::read_to_string(directory.join("Cargo.lock")).ok();
    let copy = match write_temporary_package(manifest, before.as_deref(), scratch) {
        Ok(copy) => copy,
        Err(why) => return unknown(why),
    };
    let Some(place) = Utf8Path::from_path(copy.path()) else {
        return unknown("the directory for temporary files is not UTF-8".to_owned());
    };
    let directory = if directory.is_dir() { directory } else { place };
    let asked = cargo_update(directory, network).args(["--manifest-path", place.join("Cargo.toml").as_str()]);
    match processes.stdout(&asked) {
        Ok(_) => {
            let after = std::fs::read_to_string(place.join("Cargo.lock")).unwrap_or_default();
            diff_lock_files(before.as_deref().unwrap_or_default(), &after)
                .map_or_else(unknown, Resolution::Possible)
        }
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

/// Brings a workspace's new members into its lock file, and changes nothing that is locked already.
pub(super) fn cargo_update(directory: &Utf8Path, network: Network) -> Command {
    let command = Command::new("cargo", directory).args(["update", "--workspace", "--quiet"]);
    match network {
        Network::Online => command,
        Network::Offline => command.args(["--offline"]),
    }
}

fn write_temporary_package(
    manifest: &str,
    lock: Option<&str>,
    scratch: &Utf8Path,
) -> Result<TempDir, String> {
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
    package: Vec<LockedPackage>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct LockedPackage {
    name: String,
    version: String,
}

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
    fn only_what_is_not_locked_already_joins() {
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
