//! The version and the commit of an image in a layout. Between `build` and `tag` the project may have changed: the tags of
//! the new version must not name the image of an old one.

use std::collections::BTreeMap;

use crossdock_oci::{Descriptor, ImageSource, Layout};

use super::ExecuteError;
use super::error::image_error;
use crate::plan::ImagePlan;

const VERSION: &str = "org.opencontainers.image.version";
const REVISION: &str = "org.opencontainers.image.revision";

/// The digits of a commit that messages have, as many as in `git log --oneline`.
const SHORT: usize = 7;

/// Refuses an image whose annotations name another version or commit than the plan's. Labels are not compared: an image
/// inherits them from its base.
///
/// # Errors
/// [`ExecuteError::OtherCommit`] if one of them differs.
pub(super) fn check(image: &ImagePlan, layout: &Layout, index: &Descriptor) -> Result<(), ExecuteError> {
    let source = ImageSource::of_layout(layout, index).map_err(image_error(image))?;
    let platforms = source.images().iter().flat_map(|image| &image.platforms);
    let mut annotations = platforms.map(|platform| &platform.manifest.value.annotations);
    let Some(found) = annotations.find(|found| differ(found, &image.annotations)) else { return Ok(()) };
    Err(ExecuteError::OtherCommit {
        image: image.name.clone(),
        layout: image.layout.clone(),
        found: described(found),
        wanted: described(&image.annotations),
    })
}

/// Annotations by their keys.
type Annotations = BTreeMap<String, String>;

/// Returns the value of an annotation; `None` also if it is empty, as a template without a value here.
fn value<'a>(annotations: &'a Annotations, key: &str) -> Option<&'a str> {
    annotations.get(key).map(String::as_str).filter(|value| !value.is_empty())
}

fn differ(found: &Annotations, planned: &Annotations) -> bool {
    let differs = |key| match (value(found, key), value(planned, key)) {
        (Some(found), Some(planned)) => found != planned,
        _ => false,
    };
    differs(VERSION) || differs(REVISION)
}

/// `version 0.1.0 of commit 1a2b3c4-dirty`.
fn described(annotations: &Annotations) -> String {
    let version = value(annotations, VERSION).map(|version| format!("version {version}"));
    let commit = value(annotations, REVISION).map(|revision| format!("commit {}", short(revision)));
    version.into_iter().chain(commit).collect::<Vec<_>>().join(" of ")
}

/// Shortens the commit at the start of a revision. Configured text of another form is returned as it is.
fn short(revision: &str) -> String {
    let rest = revision.trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
    let (commit, rest) = revision.split_at(revision.len() - rest.len());
    // SHA-1 or SHA-256.
    let is_whole = [40, 64].contains(&commit.len());
    format!("{}{rest}", if is_whole { commit.get(..SHORT).unwrap_or(commit) } else { commit })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotations(version: &str, revision: &str) -> Annotations {
        [(VERSION.to_owned(), version.to_owned()), (REVISION.to_owned(), revision.to_owned())].into()
    }

    #[test]
    fn only_values_on_both_sides_differ() {
        let planned = annotations("1.0.0", "abc");
        assert!(!differ(&planned, &planned));
        for found in [annotations("1.0.1", "abc"), annotations("1.0.0", "abc-dirty"), annotations("", "abcd")]
        {
            assert!(differ(&found, &planned) && differ(&planned, &found), "{found:?}");
        }
        for found in [Annotations::new(), annotations("", "abc"), annotations("1.0.0", "")] {
            assert!(!differ(&found, &planned) && !differ(&planned, &found), "{found:?}");
        }
    }

    #[test]
    fn commits_are_short_and_other_revisions_whole() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let described = |version: &str, revision: &str| described(&annotations(version, revision));
        assert_eq!(described("1.0.0", &format!("{commit}-dirty")), "version 1.0.0 of commit 0123456-dirty");
        assert_eq!(described("", commit), "commit 0123456");
        assert_eq!(described("1.0.0", ""), "version 1.0.0");
        assert_eq!(described("", "abc0123456789-é"), "commit abc0123456789-é");
    }
}
