//! Decides which main packages of a Go module become images without configuration.

use camino::Utf8Path;
use serde::Serialize;

use super::{GoMain, GoModule};

/// The role of a main package, which its directory decides. Without configuration, the main packages in the module's
/// root and below `cmd/` become images; if there are none, all programs do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GoRole {
    /// It becomes an image.
    Default,
    /// A program that comes second: to those in the root and below `cmd/`, or to that of the root with the same name.
    Secondary,
    /// An example, a test or a tool of the project itself, by the name of this directory.
    Internal(String),
}

/// Names of directories whose programs serve the project itself.
const INTERNAL: [&str; 18] = [
    "_examples",
    "build",
    "ci",
    "contrib",
    "demo",
    "docs",
    "e2e",
    "example",
    "examples",
    "hack",
    "integration",
    "internal",
    "script",
    "scripts",
    "test",
    "tests",
    "third_party",
    "tools",
];

/// Gives each main package its role; see [`GoRole`].
pub(in crate::discover) fn assign_roles(module: &mut GoModule) {
    let root = module.root.clone();
    let directory = |main: &GoMain| main.directory.strip_prefix(&root).unwrap_or(&main.directory).to_owned();
    let in_root = |main: &GoMain| directory(main).as_str().is_empty();
    let has_place = |main: &GoMain| in_root(main) || below_cmd(&directory(main));
    let programs: Vec<&GoMain> =
        module.mains.iter().filter(|main| internal(&directory(main)).is_none()).collect();
    let any_has_place = programs.iter().any(|main| has_place(main));
    let roots = programs.iter().find(|main| in_root(main)).map(|main| main.name.clone());
    let role = |main: &GoMain| match internal(&directory(main)) {
        Some(directory) => GoRole::Internal(directory),
        None if any_has_place && !has_place(main) => GoRole::Secondary,
        // Often it is the same program twice: the one in the root is for `go install` of the module.
        None if !in_root(main) && roots.as_ref() == Some(&main.name) => GoRole::Secondary,
        None => GoRole::Default,
    };
    let roles: Vec<GoRole> = module.mains.iter().map(role).collect();
    module.mains.iter_mut().zip(roles).for_each(|(main, role)| main.role = role);
}

fn below_cmd(directory: &Utf8Path) -> bool {
    directory.components().any(|part| part.as_str() == "cmd")
}

/// Returns the component of a path, relative to the module, that says that its program serves the project itself.
fn internal(directory: &Utf8Path) -> Option<String> {
    // A directory directly below `cmd/` has the program's own name, whatever that is.
    let category = match directory.parent() {
        Some(parent) if parent.file_name() == Some("cmd") => parent,
        _ => directory,
    };
    let part = category.components().find(|part| INTERNAL.contains(&part.as_str()));
    part.map(|part| part.to_string())
}
