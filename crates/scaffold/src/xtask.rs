//! The `xtask` crate of a Rust project: <https://github.com/matklad/cargo-xtask>.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::entry::Entry;
use super::error::ScaffoldError;
use super::ground::Ground;
use super::lock::{Joining, Resolved, joining};
use super::part::Part;
use super::place::{Place, look};
use super::request::Request;
use super::sheet::{Change, Merge, Owner, Sheet};
use super::source::CrossdockSource;
use super::text::fill;
use crate::header::{self, Comment, Made};
use crossdock_project::Project;
use crossdock_project::config::grammar::normalized_path;
use crossdock_system::process::Processes;

const MANIFEST: &str = "xtask/Cargo.toml";

#[derive(Serialize)]
struct Values {
    dependency: String,
}

/// Why the project can have no `xtask` crate of ours: it has one of its own, which is never touched.
pub(super) fn obstacle(ground: &Ground) -> Result<Option<String>, ScaffoldError> {
    let Project::Rust(workspace) = &ground.project else { return Ok(None) };
    let own = ground.seen.join(MANIFEST);
    let mut members = workspace.packages.iter().filter(|package| package.name == "xtask");
    if let Some(other) = members.find(|package| package.manifest != own) {
        return Ok(Some(format!(
            "the project has an xtask crate of its own at {}",
            near(ground, &other.manifest)
        )));
    }
    Ok(match look(&ground.root, MANIFEST.into())? {
        Place::File { text, .. } if header::read(&text).is_none() => {
            Some(format!("the project has an xtask crate of its own, {MANIFEST}"))
        }
        Place::Blocked(why) => Some(format!("{MANIFEST} {why}")),
        Place::Absent if ground.root.join("xtask").exists() => {
            Some("there is a folder or file `xtask` already, without a crate of crossdock's".to_owned())
        }
        Place::File { .. } | Place::Absent => None,
    })
}

fn near(ground: &Ground, path: &Utf8Path) -> Utf8PathBuf {
    path.strip_prefix(&ground.seen).unwrap_or(path).to_owned()
}

/// The crate's files, and what they bring into the lock file when the crate is new or comes from elsewhere now.
pub(super) struct Crate {
    pub(super) sheets: Vec<Sheet>,
    pub(super) joins: Option<Joining>,
}

/// The crate, or why cargo cannot have it.
///
/// # Errors
/// Files that cannot be read.
pub(super) fn resolve(
    ground: &Ground,
    source: Option<&CrossdockSource>,
    request: &Request,
    processes: &Processes,
) -> Result<Result<Crate, String>, ScaffoldError> {
    let made = made(&ground.root)?;
    let default = CrossdockSource::default();
    let manifest = |folder: &Utf8Path| {
        let dependency = source.unwrap_or(&default).dependency(&ground.root, folder);
        fill("xtask.Cargo.toml", &Values { dependency })
    };
    let wanted = manifest(&ground.root.join("xtask"))?;
    // Where the call does not say where crossdock comes from, the crate knows.
    let wanted = made.as_ref().filter(|_| source.is_none()).map_or(wanted, |made| made.body.clone());
    let mut joins = None;
    if made.is_none_or(|made| made.body != wanted) {
        // Seen from a folder that is nowhere near, so that the path is absolute.
        let elsewhere = absolute(source.unwrap_or(&default), &ground.root);
        let manifest = fill("xtask.Cargo.toml", &Values { dependency: elsewhere })?;
        match joining(&ground.root, &manifest, request.network, &request.scratch, processes) {
            Resolved::Joining(joining) => joins = Some(joining),
            Resolved::Impossible(why) => return Ok(Err(why)),
        }
    }
    let main = fill("xtask.main.rs", &())?;
    // The manifest first: by it an interrupted call is known for ours.
    let sheets =
        vec![sheet(MANIFEST, wanted, Comment::Hash), sheet("xtask/src/main.rs", main, Comment::Slashes)];
    Ok(Ok(Crate { sheets, joins }))
}

fn absolute(source: &CrossdockSource, root: &Utf8Path) -> String {
    match source {
        CrossdockSource::Path(path) => {
            CrossdockSource::Path(normalized_path(root.join(path))).dependency(root, root)
        }
        other => other.dependency(root, root),
    }
}

fn sheet(path: &str, body: String, comment: Comment) -> Sheet {
    Sheet { part: Part::Xtask, path: path.into(), body, comment, owner: Owner::Person }
}

fn made(root: &Utf8Path) -> Result<Option<Made>, ScaffoldError> {
    Ok(match look(root, MANIFEST.into())? {
        Place::File { text, .. } => header::read(&text),
        Place::Absent | Place::Blocked(_) => None,
    })
}

/// What a person should know of a workspace in which the crate is new.
pub(super) fn built_too(root: &Utf8Path) -> Option<String> {
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
pub(super) fn alias(root: &Utf8Path) -> Merge {
    // The old name, where a project has it: cargo reads that one alone when both are there.
    let old = root.join(".cargo/config").is_file();
    let path = if old { ".cargo/config" } else { ".cargo/config.toml" };
    Merge { part: Part::Xtask, path: path.into(), change: Change::Alias }
}

/// What the workspace gets: the crate, where this call writes it, and that no folder of a scaffold is taken for a package.
pub(super) fn workspace(members: Vec<&'static str>, entries: &[Entry]) -> Merge {
    let folders: BTreeSet<String> = entries
        .iter()
        .filter(|entry| entry.part != Part::Xtask || entry.path.starts_with(".cargo"))
        .filter_map(|entry| entry.path.parent()?.components().next().map(|folder| folder.to_string()))
        .collect();
    let folders = folders.into_iter().filter(|folder| folder != "src").collect();
    Merge { part: Part::Xtask, path: "Cargo.toml".into(), change: Change::Workspace { members, folders } }
}
