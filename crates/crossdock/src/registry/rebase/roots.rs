//! The files of both bases: their distributions, and what would hide them.

use std::io::Read;
use std::thread;

use crossdock_oci::{BlobStore, Digest, EntryKind, RootEntry, RootLimits, RootView};

use super::document::Parts;
use super::{Joined, blobs};
use crate::context::Context;
use crate::error::{Error, input_output};
use crate::execute::Unproven;
use crate::registry::promote::Failure;

/// The longest `os-release` that is read, in bytes.
const LIMIT: u64 = 64 << 10;

/// Returns the reasons to refuse a base: another distribution, since what was installed into the image is for that of the
/// old base; and, for each platform, what the image's own layers would hide of the new base. What they hide on purpose, as they do on
/// the old base, is a warning.
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
        let (old, mut new, own) = thread::scope(|scope| {
            let old = scope.spawn(|| of(joined.old, 0));
            let (new, own) = (of(joined.new, 0)?, of(joined.own, joined.above)?);
            let old = old.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            Ok::<_, Error>((old, new, own))
        })?;
        if place == 0 {
            refusals.extend(other_distribution(context, &old, &new, unproven));
        }
        refusals.extend(false_layer(context, joined, store));
        let replaced = hidden(joined, &old, &new, &own);
        let is_replaced = replaced.is_some();
        refusals.extend(replaced);
        refusals.extend(replaced_files(context, joined, &new, &own)?);
        if !is_replaced {
            refusals.extend(removed(context, joined, &old, &mut new, store)?);
        }
    }
    Ok(refusals)
}

/// Returns the first layer of the image that is not that of the old base. The layers of the base are verified; a layer with
/// another digest may have the same content, compressed by another tool.
fn false_layer(context: &Context, joined: &Joined<'_>, store: &BlobStore) -> Option<Failure> {
    joined.recompressed().into_iter().find_map(|(place, blob)| {
        let mut root = RootView::new(RootLimits::default(), context.environment().temporary_directory());
        let diff_id: Digest = joined.own.diff_ids().get(place)?.parse().ok()?;
        let error = root.apply(store.layer(&blob.digest, &diff_id)).err()?;
        let message = format!(
            "layer {} of the image for {} is not that of the old base, as the image's configuration claims: {error}",
            place + 1,
            joined.platform
        );
        let hint = "build the image again: its configuration names a layer that it does not have";
        Some(Failure { message, hints: vec![hint.to_owned()] })
    })
}

/// The effect of a file or link of the image on the path that it has in the new base.
enum Effect {
    /// The path leads to the same.
    Same,
    /// It hides a file.
    Hides,
    /// It hides a program, a library, or all below a directory.
    HidesProgram,
}

/// Returns the refusal for a program or library of the new base that the image's own layers replace by another one or by a
/// link; other files that they replace are a warning.
fn replaced_files(
    context: &Context,
    joined: &Joined<'_>,
    new: &RootView<'_>,
    own: &RootView<'_>,
) -> Result<Option<Failure>, Error> {
    let mut others = Vec::new();
    for entry in own.walk() {
        let effect = match &entry.kind {
            EntryKind::File => effect_of_file(own, &entry, new)?,
            EntryKind::Symlink(target) => effect_of_link(&entry, target, new)?,
            _ => Effect::Same,
        };
        match effect {
            Effect::Same => {}
            Effect::Hides => others.push(entry.path),
            Effect::HidesProgram => {
                let message = format!(
                    "the image's own layers for {} have another {} than the new base, which they would hide",
                    joined.platform, entry.path
                );
                let hint =
                    "build the image again on the new base, without this file if the base is to bring it";
                return Ok(Some(Failure { message, hints: vec![hint.to_owned()] }));
            }
        }
    }
    warn(context, joined, "keep their own", &others);
    Ok(None)
}

fn effect_of_file(own: &RootView<'_>, entry: &RootEntry, new: &RootView<'_>) -> Result<Effect, Error> {
    let below = new.lookup(&entry.path).ok().filter(|below| below.kind == EntryKind::File);
    let Some(below) = below else { return Ok(Effect::Same) };
    if is_same(own, entry, new, &below)? {
        return Ok(Effect::Same);
    }
    let is_program = starts_as_program(own, entry)? && starts_as_program(new, &below)?;
    Ok(if is_program { Effect::HidesProgram } else { Effect::Hides })
}

fn effect_of_link(entry: &RootEntry, target: &[u8], new: &RootView<'_>) -> Result<Effect, Error> {
    let Ok(replaced) = new.lookup_link(&entry.path) else { return Ok(Effect::Same) };
    // A directory in the place of a link is looked at elsewhere.
    if replaced.kind == entry.kind || replaced.kind == EntryKind::Dir {
        return Ok(Effect::Same);
    }
    let Ok(below) = new.lookup(&entry.path) else { return Ok(Effect::Hides) };
    let directory = entry.path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let led_to = match target.starts_with(b"/") {
        true => target.to_vec(),
        false => [directory.as_bytes(), b"/", target].concat(),
    };
    // Its own layers may replace the file there, which is then an entry of its own.
    if new.lookup(led_to).is_ok_and(|found| found.path == below.path) {
        return Ok(Effect::Same);
    }
    let is_program = below.kind == EntryKind::Dir || starts_as_program(new, &below)?;
    Ok(if is_program { Effect::HidesProgram } else { Effect::Hides })
}

/// Applies the image's own layers to the new base. Returns the refusal for a path of it that they remove and that the old base
/// does not have; others are a warning.
fn removed<'s>(
    context: &Context,
    joined: &Joined<'_>,
    old: &RootView<'_>,
    new: &mut RootView<'s>,
    store: &'s BlobStore,
) -> Result<Option<Failure>, Error> {
    // A name that is not UTF-8 is shown with other bytes, and cannot be looked up.
    let names = new.walk().map(|entry| entry.path).filter(|path| !path.contains(char::REPLACEMENT_CHARACTER));
    let before: Vec<String> = names.collect();
    add(new, joined.own, joined.above, store)?;
    let mut gone: Vec<String> = Vec::new();
    for path in before {
        let is_below =
            |above: &String| path.strip_prefix(above.as_str()).is_some_and(|rest| rest.starts_with('/'));
        // A link of the image in the place of a directory leads to other files.
        if new.lookup_link(&path).is_ok_and(|found| found.path == path) {
            continue;
        }
        if old.lookup_link(&path).is_err() {
            let message = format!(
                "the image's own layers for {} would remove {path} of the new base, which the old base does not have",
                joined.platform
            );
            let hint = "build the image again on the new base";
            return Ok(Some(Failure { message, hints: vec![hint.to_owned()] }));
        }
        if !gone.last().is_some_and(is_below) {
            gone.push(path);
        }
    }
    warn(context, joined, "remove", &gone);
    Ok(None)
}

fn warn(context: &Context, joined: &Joined<'_>, what: &str, paths: &[String]) {
    let Some(first) = paths.first() else { return };
    let more = match paths.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    context.warn(&format!(
        "the image's own layers for {} {what} {first}{more}, and so hide what the new base has there",
        joined.platform
    ));
}

fn is_same(
    one: &RootView<'_>,
    entry: &RootEntry,
    other: &RootView<'_>,
    below: &RootEntry,
) -> Result<bool, Error> {
    if entry.size != below.size {
        return Ok(false);
    }
    let digest = |root: &RootView<'_>, entry: &RootEntry| {
        Digest::of_reader(root.open(entry)).map(|(digest, _)| digest).map_err(input_output)
    };
    Ok(digest(one, entry)? == digest(other, below)?)
}

/// Returns whether a file is a program or library of Linux.
fn starts_as_program(root: &RootView<'_>, entry: &RootEntry) -> Result<bool, Error> {
    let mut start = Vec::new();
    root.open(entry).take(4).read_to_end(&mut start).map_err(input_output)?;
    Ok(start == b"\x7fELF")
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
    add(&mut root, parts, from, store)?;
    Ok(root)
}

/// Adds the layers of an image from one of them on.
fn add<'s>(root: &mut RootView<'s>, parts: &Parts, from: usize, store: &'s BlobStore) -> Result<(), Error> {
    let layers = blobs(parts.layers()).into_iter().zip(parts.diff_ids()).skip(from);
    for (blob, diff_id) in layers {
        let diff_id: Digest = diff_id.parse().map_err(input_output)?;
        root.apply(store.layer(&blob.digest, &diff_id)).map_err(input_output)?;
    }
    Ok(())
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
        // The file is a script of assignments, of which the last one counts.
        let line = text.lines().rev().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
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
        let twice = parse("ID=alpine\nPRETTY_NAME=Old\nID=debian\nPRETTY_NAME='New'\n").unwrap();
        assert_eq!((twice.id.as_str(), twice.name.as_str()), ("debian", "New"));
    }
}
