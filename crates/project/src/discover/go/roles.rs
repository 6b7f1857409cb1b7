//! Which main packages of a Go module make images without configuration.

use camino::Utf8Path;
use serde::Serialize;

use super::{GoMain, GoModule};

/// What a main package is for, judged by its directory. Without configuration the main packages in the module's root and
/// below `cmd/` make an image each; without any there, all that are programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GoRole {
    /// It makes an image.
    Default,
    /// A program, but others come first: those in the root and below `cmd/`, and the root's where two have one name.
    Secondary,
    /// The directory of this name says that it is an example, a test or a tool of the project itself.
    Internal(String),
}

/// Directories whose programs serve the project itself.
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

/// Gives each main package its role, judged by its directory; see [`GoRole`].
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
        // Often the same program twice, the root's for `go install` of the module.
        None if !in_root(main) && roots.as_ref() == Some(&main.name) => GoRole::Secondary,
        None => GoRole::Default,
    };
    let roles: Vec<GoRole> = module.mains.iter().map(role).collect();
    module.mains.iter_mut().zip(roles).for_each(|(main, role)| main.role = role);
}

fn below_cmd(directory: &Utf8Path) -> bool {
    directory.components().any(|part| part.as_str() == "cmd")
}

/// The part of a directory, relative to the module, that says that its program serves the project itself.
fn internal(directory: &Utf8Path) -> Option<String> {
    // What lies directly below `cmd/` bears a program's own name, whatever that is.
    let category = match directory.parent() {
        Some(parent) if parent.file_name() == Some("cmd") => parent,
        _ => directory,
    };
    let part = category.components().find(|part| INTERNAL.contains(&part.as_str()));
    part.map(|part| part.to_string())
}
