//! Where things lie below the folder that an engine is sent.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_dockerfile::render::Modules;

use super::super::select::Selected;
use super::RecipeError;
use crossdock_project::{GoModules, Project, Sources};

/// The folder that an engine is sent for a project, and how paths are told below it.
pub(super) struct Place<'a> {
    project: &'a Project,
    /// Absolute.
    pub(super) context: Utf8PathBuf,
}

impl<'a> Place<'a> {
    /// The project's root; for a Go module with code outside of it the lowest folder that holds both, as long as that
    /// is the workspace's or lies in the folder of the configuration.
    pub(super) fn new(selected: &Selected<'a>, root: &Utf8Path) -> Result<Self, RecipeError> {
        let project = selected.project;
        let own = project.root();
        let outside = outside(project);
        let context = outside.iter().fold(own.to_owned(), |above, path| common(&above, path));
        let workspace =
            matches!(project, Project::Go(module) if module.modules.workspace.as_deref() == Some(&context));
        match outside.first() {
            Some(path) if context != own && !workspace && !context.starts_with(root) => {
                Err(RecipeError::Outside {
                    image: selected.config.name.value.clone(),
                    what: "the project's own code in",
                    path: (*path).to_owned(),
                    context: own.to_owned(),
                })
            }
            _ => Ok(Self { project, context }),
        }
    }

    /// A path below the context; none for another one.
    pub(super) fn below(&self, path: &Utf8Path) -> Option<String> {
        path.strip_prefix(&self.context).ok().map(|below| below.as_str().replace('\\', "/"))
    }

    /// The files and folders of sources.
    pub(super) fn sources(&self) -> Vec<String> {
        let Sources { inside, outside } = sources(self.project);
        let own = self.below(self.project.root()).unwrap_or_default();
        let inside =
            inside.iter().map(|path| if own.is_empty() { path.clone() } else { format!("{own}/{path}") });
        let outside = outside.iter().filter_map(|path| self.below(path));
        let all: BTreeSet<String> = inside.chain(outside).filter(|path| !path.is_empty()).collect();
        all.into_iter().collect()
    }

    pub(super) fn modules(&self) -> Modules {
        let Project::Go(module) = self.project else { return Modules::default() };
        let GoModules { directories: folders, workspace, vendored } = &module.modules;
        let mut modules = Modules::default();
        modules.directory = self.below(&module.root).unwrap_or_default();
        modules.directories = folders.iter().filter_map(|folder| self.below(folder)).collect();
        modules.workspace = workspace.as_deref().and_then(|folder| self.below(folder));
        modules.vendored = *vendored;
        modules
    }
}

fn sources(project: &Project) -> &Sources {
    match project {
        Project::Rust(workspace) => &workspace.sources,
        Project::Go(module) => &module.sources,
    }
}

/// The folders that the build reads and that lie outside of the project's root.
fn outside(project: &Project) -> Vec<&Utf8Path> {
    let mut folders: Vec<&Utf8Path> = sources(project).outside.iter().map(Utf8PathBuf::as_path).collect();
    if let Project::Go(module) = project {
        folders.extend(
            module.modules.directories.iter().chain(&module.modules.workspace).map(Utf8PathBuf::as_path),
        );
    }
    folders.retain(|folder| !folder.starts_with(project.root()));
    folders
}

/// The lowest folder above both.
fn common(one: &Utf8Path, other: &Utf8Path) -> Utf8PathBuf {
    one.ancestors().find(|above| other.starts_with(above)).unwrap_or(one).to_owned()
}
