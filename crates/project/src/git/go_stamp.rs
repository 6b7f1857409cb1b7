//! The version that go stamps into programs with `-buildvcs=true`, from Go 1.24 on.
//!
//! The rules are those of `cmd/go/internal/load` (`setBuildInfo`), `cmd/go/internal/vcs` (`FromDir`) and
//! `cmd/go/internal/modfetch` (`codeRepo.convert`) of Go 1.26.

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::semver::{BuildMetadata, Version};
use crossdock_oci::Timestamp;
use serde::Serialize;

use super::{Git, command, path_below};
use crossdock_system::process::Processes;

/// A checkout as go reads it, besides the commit and its tags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GoCheckout {
    /// Why go does not read the checkout, so that it stamps nothing; `None` if it reads it.
    pub unreadable: Option<String>,
    /// The module path of the `go.mod` in the root, from which go derives what tags mean.
    pub root_module: Option<String>,
    /// The tags of this commit and of all commits before it. A pseudo-version follows the highest of them.
    pub merged_tags: Vec<String>,
}

/// The version that go reports for a main module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoVersion {
    /// A tag's version, such as `v1.4.4`, or a pseudo-version; `None` for `(devel)`.
    pub version: Option<String>,
    /// Why the version is not that of a tag of the commit; `None` if it is.
    pub why: Option<String>,
}

/// Other version control systems, by the entry of a checkout's root that go looks for.
const OTHER_SYSTEMS: [(&str, &str); 5] = [
    (".hg", "Mercurial"),
    (".svn", "Subversion"),
    (".bzr", "Bazaar"),
    (".fslckout", "Fossil"),
    ("_FOSSIL_", "Fossil"),
];

/// Asks git and the file system about a checkout what go would.
pub(crate) fn go_checkout(git: &Git, processes: &Processes) -> GoCheckout {
    let root = &git.root;
    let merged =
        command(root, &["for-each-ref", "--merged=HEAD", "--format=%(refname:lstrip=2)", "refs/tags"]);
    // Without an answer go has none either, and its version then follows no tag.
    let merged = processes.stdout(&merged).unwrap_or_default();
    GoCheckout {
        unreadable: unreadable(root),
        root_module: root_module(root),
        merged_tags: merged.lines().map(str::to_owned).collect(),
    }
}

/// Returns why go does not read a checkout that git reads.
fn unreadable(root: &Utf8Path) -> Option<String> {
    if !root.join(".git").is_dir() {
        return Some(format!(
            "{root}/.git is not a directory, as in a worktree or a submodule, and go does not read such a checkout"
        ));
    }
    let of_another = |directory: &Utf8Path| {
        let mut systems = OTHER_SYSTEMS.iter();
        systems
            .find(|(entry, _)| directory.join(entry).exists())
            .map(|(entry, name)| (directory.join(entry), name))
    };
    let (entry, name): (Utf8PathBuf, _) = root.ancestors().find_map(of_another)?;
    Some(format!("{entry} belongs to {name}, and go reads no checkout of two systems"))
}

/// Returns the path of the module in the root, as go reads it: from the line that begins with `module`.
fn root_module(root: &Utf8Path) -> Option<String> {
    let text = crossdock_fs::read_project_text(root.join("go.mod").as_std_path(), root.as_std_path()).ok()?;
    let line =
        text.lines().find_map(|line| line.strip_prefix("module ").or(line.strip_prefix("module\t")))?;
    let path = line.split("//").next().unwrap_or(line).trim().trim_matches(['"', '`']);
    (!path.is_empty()).then(|| path.to_owned())
}

/// Returns the version that go 1.24 or newer reports for the module with this path in this directory.
pub fn go_version(git: &Git, checkout: &GoCheckout, module: &str, directory: &Utf8Path) -> GoVersion {
    match module_tags(git, checkout, module, directory) {
        Ok(tags) => tags.version(git, checkout),
        Err(why) => GoVersion { version: None, why: Some(why) },
    }
}

/// The tags that count for a module.
struct ModuleTags {
    /// The text before the version: `svc/` for `svc/v1.2.0`.
    prefix: String,
    /// The major version that the module path ends with, such as `v2`; `None` for v0 and v1.
    major: Option<String>,
    module: String,
}

/// Returns which tags count for a module, or why go derives no version from tags.
fn module_tags(
    git: &Git,
    checkout: &GoCheckout,
    module: &str,
    directory: &Utf8Path,
) -> Result<ModuleTags, String> {
    let Some(root_module) = &checkout.root_module else {
        return Err(format!(
            "go derives versions from the module path of the checkout's root, and {} has no go.mod",
            git.root
        ));
    };
    let invalid = |path: &str| format!("`{path}` is not a valid module path");
    let (root_prefix, _) = split_major(root_module).ok_or_else(|| invalid(root_module))?;
    let (prefix, major) = split_major(module).ok_or_else(|| invalid(module))?;
    let prefix = if module == root_prefix { module } else { prefix };
    let outside =
        || format!("the module path {module} is not below {root_prefix}, the one of the checkout's root");
    // Go compares whole components of the module path, so that a path such as gopkg.in/yaml.v3 never fits.
    let is_below =
        module.strip_prefix(root_prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let below = prefix.strip_prefix(root_prefix).filter(|_| is_below).ok_or_else(outside)?.trim_matches('/');
    let major = major.map(|major| major.trim_start_matches(['/', '.']).to_owned());
    let real = path_below(&git.root, directory);
    let real = real.trim_end_matches('/');
    // A module of a major version may be in a directory of that name.
    let with_major =
        major.as_ref().map(|major| if below.is_empty() { major.clone() } else { format!("{below}/{major}") });
    if real != below && with_major.as_deref() != Some(real) {
        return Err(format!(
            "go expects the module {module} in the directory {below} of the checkout, and it is in {real}"
        ));
    }
    let prefix = if below.is_empty() { String::new() } else { format!("{below}/") };
    Ok(ModuleTags { prefix, major, module: module.to_owned() })
}

impl ModuleTags {
    /// Returns the version of a tag, which begins with `v` and has three numbers.
    fn parse(&self, tag: &str) -> Option<Version> {
        Version::parse(tag.strip_prefix(&self.prefix)?.strip_prefix('v')?).ok()
    }

    fn takes(&self, version: &Version) -> bool {
        is_version_of(self.major.as_deref(), version)
    }

    fn version(&self, git: &Git, checkout: &GoCheckout) -> GoVersion {
        let here = || git.tags.iter().filter_map(|tag| Some((tag, self.parse(tag)?)));
        let exact = here().filter(|(_, version)| version.build.is_empty() && self.takes(version));
        if let Some(version) = exact.map(|(_, version)| version).max() {
            return GoVersion { version: Some(format!("v{version}")), why: None };
        }
        let why = match (&git.tag, here().next()) {
            (_, Some((tag, version))) if !self.takes(&version) => {
                let major = version.major;
                let ending = if major < 2 {
                    "without a major version".to_owned()
                } else {
                    format!("that ends in /v{major}")
                };
                format!(
                    "go takes the tag `{tag}` only for a module path {ending}, and the path is {}",
                    self.module
                )
            }
            (_, Some((tag, _))) => {
                format!("go takes no tag with build metadata, such as `{tag}`, for a version")
            }
            (Some(tag), None) => {
                format!(
                    "`{tag}` is not a version to go, which knows only tags such as `{}v1.2.0`",
                    self.prefix
                )
            }
            (None, None) => "no tag of this commit gives its version".to_owned(),
        };
        let before = checkout.merged_tags.iter().filter_map(|tag| self.parse(tag));
        let base = before.filter(|version| self.takes(version)).max();
        GoVersion { version: Some(self.pseudo_version(git, base)), why: Some(why) }
    }

    /// Returns the pseudo-version of the commit (Go Modules Reference, "Pseudo-versions").
    fn pseudo_version(&self, git: &Git, base: Option<Version>) -> String {
        let time: String =
            Timestamp::nearest(git.time).to_string().chars().filter(char::is_ascii_digit).collect();
        let commit = format!("{time}-{}", git.sha.get(..12).unwrap_or(&git.sha));
        match base {
            None => format!("{}.0.0-{commit}", self.major.as_deref().unwrap_or("v0")),
            Some(Version { major, minor, patch, pre, .. }) if pre.is_empty() => {
                format!("v{major}.{minor}.{}-0.{commit}", patch.saturating_add(1))
            }
            Some(base) => format!("v{}.0.{commit}", Version { build: BuildMetadata::EMPTY, ..base }),
        }
    }
}

/// Returns whether a module may have a version, by semantic import versioning. The major version is that of its path, with or
/// without the separator.
pub(super) fn is_version_of(major: Option<&str>, version: &Version) -> bool {
    match major {
        None => version.major < 2,
        Some(major) => major.trim_start_matches(['/', '.']) == format!("v{}", version.major),
    }
}

/// Splits a module path into the part before its major version and the major version with its separator, `/v2` or, for
/// gopkg.in, `.v2` (`module.SplitPathVersion`); `None` if the path is invalid.
pub(super) fn split_major(path: &str) -> Option<(&str, Option<&str>)> {
    if path.starts_with("gopkg.in/") {
        let plain = path.strip_suffix("-unstable").unwrap_or(path);
        let at = plain.rfind(".v")?;
        let digits = plain.get(at + 2..)?;
        let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        return is_number.then(|| (&path[..at], Some(&plain[at..])));
    }
    let Some((prefix, last)) = path.rsplit_once('/') else { return Some((path, None)) };
    let Some(digits) = last.strip_prefix('v') else { return Some((path, None)) };
    let is_major = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit() || digit == b'.');
    match is_major {
        false => Some((path, None)),
        true if digits.contains('.') || digits.starts_with('0') || digits == "1" => None,
        true => Some((prefix, path.get(prefix.len()..))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(tags: &[&str], merged: &[&str], root_module: &str) -> (Git, GoCheckout) {
        let owned = |tags: &[&str]| -> Vec<String> { tags.iter().map(ToString::to_string).collect() };
        let git = Git {
            sha: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            tags: owned(tags),
            root: "/r".into(),
            time: 1_700_000_000,
            ..Git::default()
        };
        let checkout = GoCheckout {
            unreadable: None,
            root_module: Some(root_module.to_owned()).filter(|module| !module.is_empty()),
            merged_tags: owned(&[tags, merged].concat()),
        };
        (git, checkout)
    }

    /// Returns the version of a module in `/r` below `directory`.
    fn version((git, checkout): (Git, GoCheckout), module: &str, directory: &str) -> String {
        let directory = Utf8Path::new("/r").join(directory);
        let GoVersion { version, why } =
            go_version(&git.seen_from(&directory, None, None), &checkout, module, &directory);
        match (version, why) {
            (Some(version), None) => version,
            (version, why) => format!("{}: {}", version.as_deref().unwrap_or("(devel)"), why.unwrap()),
        }
    }

    #[test]
    fn a_tag_of_the_module_gives_its_version() {
        let root = "example.com/app";
        assert_eq!(version(at(&["v1.4.4", "v1.4.10", "v1.4.10-rc.1"], &[], root), root, ""), "v1.4.10");
        assert_eq!(version(at(&["svc/v1.2.0", "v5.0.0"], &[], root), "example.com/app/svc", "svc"), "v1.2.0");
        let v2 = "example.com/app/v2";
        assert_eq!(version(at(&["v1.9.0", "v2.3.0"], &[], v2), v2, ""), "v2.3.0");
        assert_eq!(version(at(&["v1.9.0", "v2.3.0"], &[], root), v2, "v2"), "v2.3.0");
        assert_eq!(version(at(&["v1.9.0", "v2.3.0"], &[], root), root, ""), "v1.9.0");
        assert_eq!(version(at(&["svc/v3.0.0"], &[], root), "example.com/app/svc/v3", "svc"), "v3.0.0");
    }

    #[test]
    fn without_such_a_tag_the_version_follows_the_highest_before() {
        let root = "example.com/app";
        insta::assert_snapshot!(version(at(&[], &[], root), root, ""), @"v0.0.0-20231114221320-0123456789ab: no tag of this commit gives its version");
        insta::assert_snapshot!(version(at(&["v5.0.0"], &["v1.4.4", "v1.5.0-rc.1"], root), root, ""), @"v1.5.0-rc.1.0.20231114221320-0123456789ab: go takes the tag `v5.0.0` only for a module path that ends in /v5, and the path is example.com/app");
        insta::assert_snapshot!(version(at(&["1.4.5"], &["v1.4.4", "svc/v1.9.0"], root), root, ""), @"v1.4.5-0.20231114221320-0123456789ab: `1.4.5` is not a version to go, which knows only tags such as `v1.2.0`");
        insta::assert_snapshot!(version(at(&["v1.4.5+build"], &["v1.4.4"], root), root, ""), @"v1.4.6-0.20231114221320-0123456789ab: go takes no tag with build metadata, such as `v1.4.5+build`, for a version");
        insta::assert_snapshot!(version(at(&["v1.0.0"], &[], "example.com/app/v2"), "example.com/app/v2", ""), @"v2.0.0-20231114221320-0123456789ab: go takes the tag `v1.0.0` only for a module path without a major version, and the path is example.com/app/v2");
        insta::assert_snapshot!(version(at(&["v5.0.0"], &[], root), "example.com/app/svc", "svc"), @"v0.0.0-20231114221320-0123456789ab: `v5.0.0` is not a version to go, which knows only tags such as `svc/v1.2.0`");
    }

    #[test]
    fn go_derives_no_version_from_another_layout() {
        insta::assert_snapshot!(version(at(&["svc/v1.2.0"], &[], ""), "example.com/svc", "svc"), @"(devel): go derives versions from the module path of the checkout's root, and /r has no go.mod");
        insta::assert_snapshot!(version(at(&["svc/v1.2.0"], &[], "example.com/app"), "example.com/svc", "svc"), @"(devel): the module path example.com/svc is not below example.com/app, the one of the checkout's root");
        insta::assert_snapshot!(version(at(&["svc/v1.2.0"], &[], "example.com/app"), "example.com/application", "svc"), @"(devel): the module path example.com/application is not below example.com/app, the one of the checkout's root");
        insta::assert_snapshot!(version(at(&["svc/v1.2.0"], &[], "example.com/app"), "example.com/app/svc", "services/svc"), @"(devel): go expects the module example.com/app/svc in the directory svc of the checkout, and it is in services/svc");
        insta::assert_snapshot!(version(at(&["v3.0.1"], &[], "gopkg.in/yaml.v3"), "gopkg.in/yaml.v3", ""), @"(devel): the module path gopkg.in/yaml.v3 is not below gopkg.in/yaml, the one of the checkout's root");
        insta::assert_snapshot!(version(at(&["v1.2.0"], &[], "example.com/app/v1"), "example.com/app/v1", ""), @"(devel): `example.com/app/v1` is not a valid module path");
    }
}
