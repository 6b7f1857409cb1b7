//! The distributions of the old and the new base.

use std::io::Read;

use crossdock_oci::{Blob, BlobStore, Digest, RootLimits, RootView};

use super::document::Parts;
use super::{Joined, blobs};
use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output};

/// The longest `os-release` that is read, in bytes.
const LIMIT: u64 = 64 << 10;

/// Refuses bases of different distributions: what was installed into the image is for the old one. `fetch` brings the layers
/// of the old base into the store. Bases without an `os-release` are not compared.
pub(super) fn check(
    context: &Context,
    joined: &[Joined<'_>],
    store: &BlobStore,
    fetch: &dyn Fn(&[Blob]) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(first) = joined.first() else { return Ok(()) };
    let Some(new) = release(context, first.new, store)? else { return Ok(()) };
    fetch(&blobs(first.old.layers()))?;
    let Some(old) = release(context, first.old, store)? else { return Ok(()) };
    if old.id == new.id {
        return Ok(());
    }
    let message = format!("the image is built on {}, and the new base is {}", old.name, new.name);
    Err(Error::from_message(ErrorKind::Rejected, message)
        .hint("what was installed into the image is for its distribution: build it again on the new base"))
}

/// A distribution, as os-release(5) names it.
struct Release {
    id: String,
    name: String,
}

fn release(context: &Context, base: &Parts, store: &BlobStore) -> Result<Option<Release>, Error> {
    let mut root = RootView::new(RootLimits::default(), context.environment().temporary_directory());
    let digests = blobs(base.layers()).into_iter().zip(base.diff_ids());
    for (blob, diff_id) in digests {
        let diff_id: Digest = diff_id.parse().map_err(input_output)?;
        root.apply(store.layer(&blob.digest, &diff_id)).map_err(input_output)?;
    }
    for path in ["etc/os-release", "usr/lib/os-release"] {
        let Ok(entry) = root.lookup(path) else { continue };
        let mut text = String::new();
        if root.open(&entry).take(LIMIT).read_to_string(&mut text).is_ok() {
            return Ok(parse(&text));
        }
    }
    Ok(None)
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
