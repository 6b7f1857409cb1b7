//! The files of both bases: their distributions, and what would hide them.

use std::io::Read;
use std::thread;

use crossdock_oci::{BlobStore, Digest, EntryKind, RootLimits, RootView};

use super::document::Parts;
use super::{Joined, blobs};
use crate::context::Context;
use crate::error::{Error, input_output};
use crate::execute::Unproven;
use crate::registry::promote::Failure;

/// The longest `os-release` that is read, in bytes.
const LIMIT: u64 = 64 << 10;

/// Returns the reasons to refuse a base: another distribution, since what was installed into the image is for that of the
/// old base; and, for each platform, a directory of the image that would take the place of a link or a file of the new base,
/// and hide what that leads to.
pub(super) fn refusals(
    context: &Context,
    joined: &[Joined<'_>],
    store: &BlobStore,
    unproven: Unproven,
) -> Result<Vec<Failure>, Error> {
    let mut refusals = Vec::new();
    for (place, joined) in joined.iter().enumerate() {
        let of = |parts: &Parts, from: usize| root(context, parts, from, store);
        // Each base is decompressed as a whole, which takes most of the time of a rebase.
        let (old, new, own) = thread::scope(|scope| {
            let old = scope.spawn(|| of(joined.old, 0));
            let (new, own) = (of(joined.new, 0)?, of(joined.own, joined.above)?);
            let old = old.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            Ok::<_, Error>((old, new, own))
        })?;
        if place == 0 {
            refusals.extend(other_distribution(context, &old, &new, unproven));
        }
        refusals.extend(hidden(joined, &old, &new, &own));
    }
    Ok(refusals)
}

fn other_distribution(
    context: &Context,
    old: &RootView<'_>,
    new: &RootView<'_>,
    unproven: Unproven,
) -> Option<Failure> {
    let old = release(old)?;
    let Some(new) = release(new) else {
        let message = format!(
            "the image is built on {}, and the new base does not tell what it is: it has no /etc/os-release",
            old.name
        );
        if unproven == Unproven::Refuse {
            let hint = "take a base of the same distribution, or omit `--strict`".to_owned();
            return Some(Failure { message, hints: vec![hint] });
        }
        context.warn(&message);
        return None;
    };
    let hint = "what was installed into the image is for its distribution: build it again on the new base";
    (old.id != new.id).then(|| Failure {
        message: format!("the image is built on {}, and the new base is {}", old.name, new.name),
        hints: vec![hint.to_owned()],
    })
}

/// Returns the first directory of the image that is a link or a file of the new base, or file that is a directory of it.
fn hidden(
    joined: &Joined<'_>,
    old: &RootView<'_>,
    new: &RootView<'_>,
    own: &RootView<'_>,
) -> Option<Failure> {
    own.walk().find_map(|entry| {
        let below = new.lookup_link(&entry.path).ok()?;
        let is_directory = |kind: &EntryKind| *kind == EntryKind::Dir;
        let what = match (is_directory(&entry.kind), &below.kind) {
            (true, EntryKind::Symlink(target)) => format!("a link to {}", String::from_utf8_lossy(target)),
            (true, EntryKind::File) => "a file".to_owned(),
            // The image may have replaced a directory of its old base on purpose.
            (false, EntryKind::Dir) if old.lookup_link(&entry.path).is_err() => "a directory".to_owned(),
            _ => return None,
        };
        let message = format!(
            "the new base for {} has {what} at {}, which the image's own layers would replace",
            joined.platform, entry.path
        );
        let hint =
            "build the image again on the new base: its paths then lead through the links of that base";
        Some(Failure { message, hints: vec![hint.to_owned()] })
    })
}

/// Merges the layers of an image from one of them on.
fn root<'s>(
    context: &Context,
    parts: &Parts,
    from: usize,
    store: &'s BlobStore,
) -> Result<RootView<'s>, Error> {
    let mut root = RootView::new(RootLimits::default(), context.environment().temporary_directory());
    let layers = blobs(parts.layers()).into_iter().zip(parts.diff_ids()).skip(from);
    for (blob, diff_id) in layers {
        let diff_id: Digest = diff_id.parse().map_err(input_output)?;
        root.apply(store.layer(&blob.digest, &diff_id)).map_err(input_output)?;
    }
    Ok(root)
}

/// A distribution, as os-release(5) names it.
struct Release {
    id: String,
    name: String,
}

fn release(root: &RootView<'_>) -> Option<Release> {
    for path in ["etc/os-release", "usr/lib/os-release"] {
        let Ok(entry) = root.lookup(path) else { continue };
        let mut text = String::new();
        if root.open(&entry).take(LIMIT).read_to_string(&mut text).is_ok() {
            return parse(&text);
        }
    }
    None
}

fn parse(text: &str) -> Option<Release> {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim().trim_matches(['"', '\'']).to_owned()).filter(|value| !value.is_empty())
    };
    let id = value("ID")?;
    Some(Release { name: value("PRETTY_NAME").unwrap_or_else(|| id.clone()), id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_has_an_id_and_a_name() {
        let found =
            parse("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n").unwrap();
        assert_eq!((found.id.as_str(), found.name.as_str()), ("debian", "Debian GNU/Linux 12 (bookworm)"));
        assert_eq!(parse("ID='alpine'\n").unwrap().name, "alpine");
        assert!(parse("VERSION_ID=1\n").is_none());
    }
}
