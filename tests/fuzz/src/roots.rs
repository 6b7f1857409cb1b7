//! Layers, and the root that they are merged into.

use crossdock_oci::{Digest, EntryKind, LayerSource, RootEntry, RootLimits, RootView};

/// The blob of one layer: a tar, perhaps compressed.
pub(crate) fn layer(input: &[u8]) {
    let mut root = RootView::new(limits(), NO_DIRECTORY);
    // The digest of the uncompressed tar is unknown before it is unpacked, so the last check may fail; what was read
    // until then was merged as always.
    if apply(&mut root, input).is_ok() {
        check(&root);
    }
}

/// Layers whose headers are all valid. Each byte of the input chooses a part of an entry from short tables, so that
/// entries often meet.
pub(crate) fn merge(input: &[u8]) {
    let mut root = RootView::new(limits(), NO_DIRECTORY);
    for layer in layers(input) {
        if apply(&mut root, &layer).is_err() {
            return;
        }
        check(&root);
    }
    let before = listing(&root);
    apply(&mut root, &[0; 1024]).expect("an empty layer is valid");
    assert_eq!(listing(&root), before, "an empty layer changed the root");
    apply(&mut root, &tar(&[entry(b'0', "./.wh..wh..opq", "", b"", 0o644)]))
        .expect("an opaque root is valid");
    assert_eq!(listing(&root), before, "an opaque root hid entries, which overlayfs does not do");
}

/// Content stays in memory: the limits are below its share.
const NO_DIRECTORY: &str = "/nonexistent";

fn limits() -> RootLimits {
    let mut limits = RootLimits::default();
    (limits.entries, limits.bytes, limits.metadata) = (2_000, 1 << 20, 1 << 20);
    limits
}

fn apply(root: &mut RootView, blob: &[u8]) -> Result<(), crossdock_oci::RootError> {
    let digest = Digest::of(blob);
    root.apply(LayerSource { blob: Box::new(blob.to_vec()), digest, diff_id: digest })
}

/// Checks that the ways of reading a root agree.
fn check(root: &RootView) {
    let mut entries = 0;
    for entry in root.walk() {
        entries += 1;
        // A name that is not UTF-8 has lost bytes in `path`.
        if entry.path.contains(char::REPLACEMENT_CHARACTER) {
            continue;
        }
        let found = root.lookup_link(&entry.path).expect("an entry of the walk is found by its path");
        assert_eq!(found, entry);
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut root.open(&entry), &mut content)
            .expect("content in memory is readable");
        assert_eq!(content.len() as u64, entry.size, "{} has another length", entry.path);
        let parent = entry.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let parent = if parent.is_empty() { "/" } else { parent };
        let mut siblings = root.list(parent).expect("the parent of an entry is a directory");
        assert!(siblings.any(|sibling| sibling == entry), "{} is not in its directory", entry.path);
        if matches!(entry.kind, EntryKind::Symlink(_)) {
            // It may lead nowhere or in a circle; following it ends.
            drop(root.lookup(&entry.path));
        }
    }
    assert!(entries <= limits().entries, "more entries than the limit");
}

fn listing(root: &RootView) -> String {
    let line =
        |entry: RootEntry| format!("{} {:?} {:o} {}\n", entry.path, entry.kind, entry.mode, entry.size);
    root.walk().map(line).collect()
}

const PATHS: [&str; 24] = [
    "a",
    "a/",
    "a/b",
    "a/b/c",
    "a/../b",
    "./a",
    "/a",
    "b",
    "b/c",
    "c",
    "d/e/f",
    "..",
    "../x",
    "",
    ".",
    ".wh.a",
    "a/.wh.b",
    "a/.wh..wh..opq",
    ".wh..wh..opq",
    ".wh..wh.plnk/x",
    "b/.wh.c",
    "d/.wh.",
    "d/.wh...",
    "a/b/c/d/e/f/g",
];

const TARGETS: [&str; 12] =
    ["a", "b", "/a", "/b/c", "../b", "../../../a", ".", "..", "/", "", "c/d", "a/b/c/d/e/f/g"];

const KINDS: [u8; 9] = [b'0', b'1', b'2', b'3', b'4', b'5', b'6', b'7', 0];

/// Returns the tars that the input describes, four bytes for an entry; a first byte of 200 or more ends a layer.
fn layers(input: &[u8]) -> Vec<Vec<u8>> {
    let mut layers = vec![Vec::new()];
    for words in input.chunks_exact(4).take(64) {
        let [kind, path, target, mode] = *words else { continue };
        if kind >= 200 {
            layers.push(Vec::new());
        } else if let Some(entries) = layers.last_mut() {
            let pick = |table: &[&'static str], at: u8| table[usize::from(at) % table.len()];
            let kind = KINDS[usize::from(kind) % KINDS.len()];
            let content = if kind == b'0' || kind == 0 { &words[1..] } else { &[] };
            entries.push(entry(
                kind,
                pick(&PATHS, path),
                pick(&TARGETS, target),
                content,
                u32::from(mode) << 4,
            ));
        }
    }
    layers.iter().map(|entries| tar(entries)).collect()
}

fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat().as_slice(), &[0; 1024]].concat()
}

fn entry(kind: u8, path: &str, link: &str, content: &[u8], mode: u32) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    let old = header.as_old_mut();
    old.name[..path.len()].copy_from_slice(path.as_bytes());
    old.linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut bytes = [header.as_bytes(), content].concat();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}
