//! Warnings about the version of an image: a manifest that disagrees with the tag, and a clone that may lack the tag.

use super::images::{self, SelectedImage};
use crossdock_project::{CargoPackage, Git, Program, Projects, VersionTag};

/// Returns what a reader must know about the version of an image.
pub(super) fn warnings(selected: &SelectedImage<'_>, projects: &Projects) -> Vec<String> {
    let Some(git) = images::git(selected, projects) else { return Vec::new() };
    let disagreement = match selected.entry_point {
        Program::Rust { package, .. } => disagreement(selected, package, &git),
        Program::Go(_) => None,
    };
    disagreement.into_iter().chain(untagged(selected, &git)).collect()
}

/// Returns the warning for a manifest with another version than the tag of the commit.
fn disagreement(selected: &SelectedImage<'_>, package: &CargoPackage, git: &Git) -> Option<String> {
    let image = &selected.config.name.value;
    let (tagged, used) = match &selected.config.version_tag {
        Some(_) => (git.clone(), "the image has the version of the tag"),
        None => (own_tag(package, git)?, "the image has the version of the manifest"),
    };
    let (tag, version) = (tagged.tag?, tagged.version?);
    (version != package.version).then(|| {
        format!(
            "image `{image}`: {} says version {}, and the commit has the tag `{tag}`: {used}; make them agree",
            package.manifest, package.version
        )
    })
}

/// Returns the commit with the tag that names the package by a usual convention: `NAME-v1.2.0`, `NAME/v1.2.0`, a tag of
/// its directory, or for a package in the root of the checkout `v1.2.0`. Other packages have tags of their own.
fn own_tag(package: &CargoPackage, git: &Git) -> Option<Git> {
    let directory = package.manifest.parent()?;
    let below = directory.strip_prefix(&git.root).ok()?.as_str().replace('\\', "/");
    let prefixes = match below.as_str() {
        "" => vec!["v".to_owned(), String::new()],
        below => vec![format!("{below}/v"), format!("{below}/")],
    };
    let name = &package.name;
    let named = [format!("{name}-v"), format!("{name}/v"), format!("{name}-"), format!("{name}/")];
    let patterns = named.into_iter().chain(prefixes).map(|prefix| format!("{prefix}{{version}}"));
    let seen = patterns.filter_map(|text| {
        let pattern: VersionTag = text.parse().ok()?;
        Some(git.seen_from(directory, None, Some(&pattern)))
            .filter(|git| git.version.as_deref().is_some_and(is_complete))
    });
    seen.into_iter().next()
}

/// Returns whether a version has three numbers, as that of a Cargo package does. Other tags, such as a date, are not versions
/// of it.
fn is_complete(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or(version);
    core.split('.').filter(|number| number.parse::<u64>().is_ok()).count() == 3
}

/// Returns the warning for a version that depends on tags which the clone may lack.
fn untagged(selected: &SelectedImage<'_>, git: &Git) -> Option<String> {
    let depends_on_tags =
        selected.config.version_tag.is_some() || matches!(selected.entry_point, Program::Go(_));
    let missing = git.missing_tags.filter(|_| depends_on_tags && git.version.is_none())?;
    Some(format!(
        "image `{}`: no tag of this commit gives its version, and {}",
        selected.config.name.value,
        missing.explanation()
    ))
}
