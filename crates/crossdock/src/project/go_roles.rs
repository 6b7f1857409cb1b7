//! Which main packages of a Go module make images without configuration.

use camino::Utf8Path;

use super::{GoMain, GoModule, GoRole};

/// Folders whose programs serve the project itself.
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

/// Gives each main package its role, judged by its folder; see [`GoRole`].
pub(super) fn assign_roles(module: &mut GoModule) {
    let root = module.root.clone();
    let folder = |main: &GoMain| main.directory.strip_prefix(&root).unwrap_or(&main.directory).to_owned();
    // Where nothing but such folders holds programs, they are what the module is for.
    let only_internal = module.mains.iter().all(|main| internal(&folder(main)).is_some());
    let internal = |main: &GoMain| internal(&folder(main)).filter(|_| !only_internal);
    let programs: Vec<&GoMain> = module.mains.iter().filter(|main| internal(main).is_none()).collect();
    let has_root = programs.iter().any(|main| folder(main).as_str().is_empty());
    let has_cmd = programs.iter().any(|main| below_cmd(&folder(main)));
    let role = |main: &GoMain| match internal(main) {
        Some(folder) => GoRole::Internal(folder),
        None if has_root && !folder(main).as_str().is_empty() => GoRole::Secondary,
        None if !has_root && has_cmd && !below_cmd(&folder(main)) => GoRole::Secondary,
        None => GoRole::Default,
    };
    let roles: Vec<GoRole> = module.mains.iter().map(role).collect();
    module.mains.iter_mut().zip(roles).for_each(|(main, role)| main.role = role);
}

fn below_cmd(folder: &Utf8Path) -> bool {
    folder.components().any(|part| part.as_str() == "cmd")
}

/// The part of a folder, relative to the module, that says that its program serves the project itself.
fn internal(folder: &Utf8Path) -> Option<String> {
    // What lies directly below `cmd/` bears a program's own name, whatever that is.
    let category = match folder.parent() {
        Some(parent) if parent.file_name() == Some("cmd") => parent,
        _ => folder,
    };
    let part = category.components().find(|part| INTERNAL.contains(&part.as_str()));
    part.map(|part| part.to_string())
}
