//! The directory of a project's images.

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::OUTPUT_DIRECTORY;

use super::request::Request;
use crate::text::short_hash;
use crossdock_project::config::grammar::relative_path;
use crossdock_project::{CargoWorkspace, Project};

/// Returns the directory of a project's image layouts.
///
/// It is the project's own: inside of it, or, if cargo builds in a directory elsewhere, which projects may share, in a
/// directory below that one which is named after the project. `--output` is taken as it is.
pub(super) fn output_directory(project: &Project, request: &Request) -> Utf8PathBuf {
    match (&request.output, project) {
        (Some(output), _) => output.value.clone(),
        // `cargo clean` removes it, and version control already ignores it.
        (None, Project::Rust(workspace)) => cargo_output(workspace),
        // Go has no directory for output, and embeds and packages none that begins with a dot.
        (None, Project::Go(module)) => module.root.join(OUTPUT_DIRECTORY),
    }
}

/// Returns the directories that crossdock chose for a project: those of its images, unless `--output` names one, and those
/// below cargo's directory.
pub(super) fn own_directories(project: &Project, request: &Request) -> Vec<Utf8PathBuf> {
    let (base, output) = match project {
        Project::Rust(workspace) => (&workspace.target_directory, cargo_output(workspace)),
        Project::Go(_) if request.output.is_some() => return Vec::new(),
        Project::Go(module) => (&module.root, output_directory(project, request)),
    };
    output.ancestors().take_while(|path| path != base).map(Utf8Path::to_owned).collect()
}

/// Returns the directory for crossdock's files below the target directory of a workspace.
pub(super) fn cargo_output(workspace: &CargoWorkspace) -> Utf8PathBuf {
    let output = workspace.target_directory.join("crossdock");
    if is_shared(workspace) {
        output.join(shared_name(&workspace.target_directory, &workspace.root))
    } else {
        output
    }
}

/// Returns whether projects may share the target directory of a workspace: one outside of it, such as CARGO_TARGET_DIR.
pub(super) fn is_shared(workspace: &CargoWorkspace) -> bool {
    !workspace.target_directory.starts_with(&workspace.root)
}

/// Returns the name of a project's directory in a target directory that projects share: `app-1f3c9a2b`. It stays the same
/// if both directories are moved together.
fn shared_name(target_directory: &Utf8Path, root: &Utf8Path) -> String {
    // `oci:PATH:TAG` ends the path at a colon.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name: String = root.file_name().unwrap_or("project").chars().filter(|c| is_plain(*c)).collect();
    let hash: String = short_hash(relative_path(target_directory, root).as_str()).chars().take(8).collect();
    format!("{name}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_that_share_a_target_directory_have_directories_of_their_own_in_it() {
        let names: Vec<String> = ["/p/one/app", "/p/two/app", "/q/my: app"]
            .into_iter()
            .map(|root| shared_name("/p/target".into(), root.into()))
            .collect();
        assert!(names[0].starts_with("app-") && names[1].starts_with("app-"), "{names:?}");
        assert!(names[0] != names[1] && names[2].starts_with("myapp-"), "{names:?}");
        let moved = shared_name("/elsewhere/target".into(), "/elsewhere/one/app".into());
        assert_eq!(moved, names[0], "both were moved together");
    }
}
