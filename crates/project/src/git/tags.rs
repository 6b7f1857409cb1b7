//! The tags of a commit, and the version that one of them gives to a directory of the checkout.

use std::fmt;
use std::str::FromStr;

use cargo_metadata::semver::Version;
use serde::Serialize;

use super::go_stamp::{is_version_of, split_major};

/// A pattern of the tags that give an image its version, such as `agent/v{version}`.
///
/// ```
/// use crossdock_project::VersionTag;
///
/// let pattern: VersionTag = "agent-v{version}".parse()?;
/// assert_eq!(pattern.version("agent-v1.2.0"), Some("1.2.0"));
/// assert_eq!(pattern.version("v1.2.0"), None);
/// # Ok::<(), crossdock_project::VersionTagError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionTag {
    /// The text before the version.
    prefix: String,
    /// The text after the version.
    suffix: String,
}

/// The error for a text that is not a pattern of tags.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VersionTagError {
    /// It does not contain the version exactly once.
    #[error("`{text}` must contain `{{version}}` once, such as `v{{version}}` or `agent/v{{version}}`")]
    Placeholder {
        /// The text.
        text: String,
    },
    /// It matches no tag, because git allows no tag of this form (git-check-ref-format(1)).
    #[error("no tag has the form `{text}`: git does not allow {what} in its name")]
    NotATag {
        /// The text.
        text: String,
        /// The part that git refuses.
        what: &'static str,
    },
}

const PLACEHOLDER: &str = "{version}";

impl VersionTag {
    /// Returns the version in a tag; `None` if the tag does not match. A version begins with a digit.
    pub fn version<'a>(&self, tag: &'a str) -> Option<&'a str> {
        let version = tag.strip_prefix(&self.prefix)?.strip_suffix(&self.suffix)?;
        let is_version = version.starts_with(|c: char| c.is_ascii_digit()) && !version.contains('/');
        is_version.then_some(version)
    }
}

impl FromStr for VersionTag {
    type Err = VersionTagError;

    fn from_str(text: &str) -> Result<Self, VersionTagError> {
        let wrong = || VersionTagError::Placeholder { text: text.to_owned() };
        let (prefix, suffix) = text.split_once(PLACEHOLDER).ok_or_else(wrong)?;
        // `{{version}}` is meant for a template.
        if [prefix, suffix].iter().any(|part| part.contains(['{', '}'])) {
            return Err(wrong());
        }
        match refused_by_git(&format!("{prefix}1{suffix}")) {
            Some(what) => Err(VersionTagError::NotATag { text: text.to_owned(), what }),
            None => Ok(Self { prefix: prefix.to_owned(), suffix: suffix.to_owned() }),
        }
    }
}

/// Returns the part of a tag's name that git refuses (git-check-ref-format(1), and git-tag(1) for the dash).
fn refused_by_git(tag: &str) -> Option<&'static str> {
    let parts = || tag.split('/');
    let refused = [
        (tag.contains(|c: char| c.is_control() || c == ' '), "spaces and control characters"),
        (tag.contains(['~', '^', ':', '?', '*', '[', '\\']), "`~^:?*[\\`"),
        (tag.contains(".."), "`..`"),
        (parts().any(str::is_empty), "an empty part before, between or after `/`"),
        (parts().any(|part| part.starts_with('.')), "a part that begins with `.`"),
        (parts().any(|part| part.ends_with(".lock")), "a part that ends with `.lock`"),
        (tag.ends_with('.'), "`.` at the end"),
        (tag.starts_with('-'), "`-` at the start"),
    ];
    refused.into_iter().find_map(|(is_refused, what)| is_refused.then_some(what))
}

impl fmt::Display for VersionTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{PLACEHOLDER}{}", self.prefix, self.suffix)
    }
}

impl Serialize for VersionTag {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A tag, and the version that it gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selected {
    /// A tag of the commit; `None` if it has none.
    pub(super) tag: Option<String>,
    /// The version, without a leading `v`; `None` if no tag gives one.
    pub(super) version: Option<String>,
}

/// The module or directory that asks for its tag.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Owner<'a> {
    /// The path of its directory below the checkout's root, with `/` at the end; empty for the root itself.
    pub(super) below: &'a str,
    /// The path of its Go module; `None` for what is not in one.
    pub(super) module: Option<&'a str>,
}

/// Selects among the tags of a commit.
///
/// Only the pattern decides about the version. Without one the tags that go takes for versions of the module come before
/// the others of its directory, and those before the tags of the whole checkout (Go Modules Reference, "Mapping versions to
/// commits"); tags of other directories give no version.
pub(super) fn select(tags: &[String], owner: Owner<'_>, pattern: Option<&VersionTag>) -> Selected {
    if let Some(pattern) = pattern {
        let versions = tags.iter().filter_map(|tag| Some((tag, pattern.version(tag)?)));
        return match versions.max_by_key(|(_, version)| version_key(version)) {
            Some((tag, version)) => Selected { tag: Some(tag.clone()), version: Some(version.to_owned()) },
            None => Selected { version: None, ..select(tags, owner, None) },
        };
    }
    let tags = || tags.iter().map(String::as_str);
    // In the root of the checkout every tag without a directory is its own.
    let own = |tag: &&str| tag.strip_prefix(owner.below).is_some_and(|rest| !rest.contains('/'));
    let of_all = |tag: &&str| !tag.contains('/');
    let of_module = |tag: &&str| owner.module.is_some_and(|module| is_of_module(tag, owner.below, module));
    let ours = highest(tags().filter(of_module))
        .or_else(|| highest(tags().filter(own)))
        .or_else(|| highest(tags().filter(of_all)));
    let version = ours.map(last_part).filter(|last| is_version(last));
    let version = version.map(|last| last.strip_prefix('v').unwrap_or(last).to_owned());
    Selected { tag: ours.or_else(|| highest(tags())).map(str::to_owned), version }
}

/// Returns whether go takes a tag for a version of the module in this directory.
fn is_of_module(tag: &str, below: &str, module: &str) -> bool {
    let Some((_, major)) = split_major(module) else { return false };
    // A module of a major version may be in a directory of that name, which its tags leave out.
    let without = major
        .and_then(|major| below.trim_end_matches('/').strip_suffix(major.trim_start_matches(['/', '.'])))
        .filter(|rest| rest.is_empty() || rest.ends_with('/'));
    let text = tag.strip_prefix(without.unwrap_or(below)).and_then(|rest| rest.strip_prefix('v'));
    text.and_then(|text| Version::parse(text).ok()).is_some_and(|version| is_version_of(major, &version))
}

fn highest<'a>(tags: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let key = |tag: &&str| {
        let last = last_part(tag);
        (is_version(last), version_key(last.strip_prefix('v').unwrap_or(last)))
    };
    tags.max_by_key(key)
}

fn last_part(tag: &str) -> &str {
    tag.rsplit('/').next().unwrap_or(tag)
}

fn is_version(tag: &str) -> bool {
    tag.strip_prefix('v').unwrap_or(tag).starts_with(|c: char| c.is_ascii_digit())
}

/// Splits text into pieces that compare as versions do: numbers by value, and a pre-release, which follows a `-`,
/// before the version itself.
fn version_key(text: &str) -> Vec<(u8, u64, String)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        pieces.push(if digits {
            // A number that u64 cannot hold is higher than all others.
            (2, piece.parse().unwrap_or(u64::MAX), String::new())
        } else if piece.starts_with('-') {
            (0, 0, piece.to_owned())
        } else {
            (2, 0, piece.to_owned())
        });
        rest = after;
    }
    pieces.push((1, 0, String::new()));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(tags: &[&str], below: &str, pattern: Option<&str>) -> (String, String) {
        selected_of(tags, Owner { below, module: None }, pattern)
    }

    fn selected_of(tags: &[&str], owner: Owner<'_>, pattern: Option<&str>) -> (String, String) {
        let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
        let pattern: Option<VersionTag> = pattern.map(|pattern| pattern.parse().unwrap());
        let Selected { tag, version } = select(&tags, owner, pattern.as_ref());
        (tag.unwrap_or_default(), version.unwrap_or_default())
    }

    fn both(tag: &str, version: &str) -> (String, String) {
        (tag.to_owned(), version.to_owned())
    }

    #[test]
    fn tags_of_the_directory_come_before_those_of_the_checkout() {
        let log = |tags: &[&str], below: &str| selected(tags, below, None);
        let all = ["v9.9.9", "svc/v1.2.0", "svc/v1.10.0", "other/v3.0.0", "svc/deep/v7.0.0"];
        assert_eq!(log(&all, "svc/"), both("svc/v1.10.0", "1.10.0"));
        assert_eq!(log(&all, "svc/deep/"), both("svc/deep/v7.0.0", "7.0.0"));
        assert_eq!(log(&all, ""), both("v9.9.9", "9.9.9"));
        assert_eq!(log(&all, "new/"), both("v9.9.9", "9.9.9"), "of the whole checkout");
        assert_eq!(log(&["1.0.0", "v5.0.0", "3.0.0"], ""), both("v5.0.0", "5.0.0"), "with and without v");
        assert_eq!(log(&["other/v3.0.0"], "svc/"), both("other/v3.0.0", ""), "of another directory");
        assert_eq!(log(&["deploy-prod"], ""), both("deploy-prod", ""), "no version");
        assert_eq!(log(&[], ""), both("", ""));
    }

    #[test]
    fn the_major_version_of_a_module_path_decides_before_the_height() {
        let of = |tags: &[&str], below: &str, module: &str| {
            selected_of(tags, Owner { below, module: Some(module) }, None)
        };
        let both_lines = ["v1.5.0", "v2.3.0"];
        assert_eq!(of(&both_lines, "", "example.com/m"), both("v1.5.0", "1.5.0"));
        assert_eq!(of(&both_lines, "", "example.com/m/v2"), both("v2.3.0", "2.3.0"));
        assert_eq!(of(&both_lines, "v2/", "example.com/m/v2"), both("v2.3.0", "2.3.0"));
        assert_eq!(of(&["svc/v1.0.0", "svc/v3.1.0"], "svc/v3/", "m/svc/v3"), both("svc/v3.1.0", "3.1.0"));
        assert_eq!(of(&both_lines, "", "gopkg.in/m.v1"), both("v1.5.0", "1.5.0"));
        // Many programs have versions that their module path does not say.
        assert_eq!(of(&["v2.3.0"], "", "example.com/m"), both("v2.3.0", "2.3.0"));
        assert_eq!(of(&["v2/v2.3.0", "v1.5.0"], "v2/", "example.com/m/v2"), both("v2/v2.3.0", "2.3.0"));
        assert_eq!(of(&["deploy", "1.2"], "", "example.com/m"), both("1.2", "1.2"));
    }

    #[test]
    fn a_pattern_decides_alone_about_the_version() {
        let all = ["v9.9.9", "agent/v1.2.0", "agent/v1.10.0", "agent/v1.10.0-rc.1", "agent/vnext"];
        assert_eq!(selected(&all, "", Some("agent/v{version}")), both("agent/v1.10.0", "1.10.0"));
        assert_eq!(selected(&all, "svc/", Some("v{version}")), both("v9.9.9", "9.9.9"));
        assert_eq!(selected(&["agent-v0.3.0"], "", Some("agent-v{version}")), both("agent-v0.3.0", "0.3.0"));
        assert_eq!(selected(&["2.0.0-lts"], "", Some("{version}-lts")), both("2.0.0-lts", "2.0.0"));
        assert_eq!(selected(&all, "", Some("web/v{version}")), both("v9.9.9", ""), "no other tag counts");
        assert_eq!(selected(&["agent/v1/x"], "", Some("agent/v{version}")), both("agent/v1/x", ""));
    }

    #[test]
    fn patterns_contain_the_version_once_and_are_tags() {
        for text in ["v{version}", "agent/v{version}", "agent-v{version}", "{version}", "release-{version}/x"]
        {
            assert_eq!(text.parse::<VersionTag>().unwrap().to_string(), text);
        }
        let error = |text: &str| text.parse::<VersionTag>().unwrap_err().to_string();
        insta::assert_snapshot!(error("agent/v"), @"`agent/v` must contain `{version}` once, such as `v{version}` or `agent/v{version}`");
        for text in
            ["", "v{{version}}", "v{{ version }}", "{version}{version}", "v{Version}", "{name}-{version}"]
        {
            assert!(error(text).contains("once"), "{text}");
        }
        insta::assert_snapshot!(error("my agent {version}"), @"no tag has the form `my agent {version}`: git does not allow spaces and control characters in its name");
        for text in [
            "a~{version}",
            "/{version}",
            "a//{version}",
            "a..{version}",
            "{version}.lock",
            "-{version}",
            ".{version}",
            "{version}.",
        ] {
            assert!(error(text).contains("git does not allow"), "{text}");
        }
    }
}
