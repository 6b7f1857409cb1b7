mod again;
mod limits;

use std::io::{Seek, SeekFrom, Write};

use super::*;

/// Writes tars without any checks.
#[derive(Default)]
struct RawTar(Vec<u8>);

impl RawTar {
    fn entry(mut self, kind: u8, path: &str, link: &str, content: &[u8]) -> Self {
        let mut header = tar::Header::new_gnu();
        let old = header.as_old_mut();
        old.name[..path.len()].copy_from_slice(path.as_bytes());
        old.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_mode(if kind == b'5' { 0o750 } else { 0o644 });
        header.set_uid(7);
        header.set_gid(8);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn file(self, path: &str, content: &str) -> Self {
        self.entry(b'0', path, "", content.as_bytes())
    }

    fn dir(self, path: &str) -> Self {
        self.entry(b'5', path, "", b"")
    }

    fn link(self, path: &str, target: &str) -> Self {
        self.entry(b'2', path, target, b"")
    }

    fn hard(self, path: &str, target: &str) -> Self {
        self.entry(b'1', path, target, b"")
    }

    /// Adds a PAX header for the next entry.
    fn pax(self, records: &[(&str, &str)]) -> Self {
        let records: String = records.iter().map(|(key, value)| record(key, value)).collect();
        self.entry(b'x', "PaxHeaders/x", "", records.as_bytes())
    }

    /// Adds a long name for the next entry, as GNU tar writes it.
    fn long_name(self, name: &str) -> Self {
        self.entry(b'L', "././@LongLink", "", name.as_bytes())
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }
}

/// No directory: the content of these layers stays in memory.
const NO_DIRECTORY: &str = "/nonexistent";

fn tar() -> RawTar {
    RawTar::default()
}

/// Returns a PAX record. The length at its start counts its own digits.
fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let length = (rest.len()..).find(|length| length.to_string().len() + rest.len() == *length).unwrap();
    format!("{length}{rest}")
}

fn apply(root: &mut RootView<'_>, bytes: &[u8]) -> Result<(), String> {
    let digest = Digest::of(bytes);
    let layer = LayerSource { blob: Box::new(bytes.to_vec()), digest, diff_id: digest };
    root.apply(layer).map_err(|error| chain(&error))
}

fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {}", chain(source)))
}

fn root_of(layers: &[Vec<u8>]) -> RootView<'static> {
    let mut root = RootView::new(RootLimits::default(), NO_DIRECTORY);
    layers.iter().for_each(|layer| apply(&mut root, layer).unwrap());
    root
}

fn fault(layers: &[Vec<u8>]) -> String {
    let mut root = RootView::new(RootLimits::default(), NO_DIRECTORY);
    layers.iter().find_map(|layer| apply(&mut root, layer).err()).expect("no layer was refused")
}

fn paths(root: &RootView) -> Vec<String> {
    root.walk().map(|entry| entry.path).collect()
}

fn text(root: &RootView, path: &str) -> String {
    String::from_utf8(root.read(path, 1000).unwrap().into_owned()).unwrap()
}

#[test]
fn later_layers_win() {
    let root = root_of(&[
        tar().dir("./").dir("etc/").file("etc/a", "1").file("etc/b", "1").file("x", "1").end(),
        tar().file("/etc/a", "two").dir("x").file("x/y", "2").end(),
    ]);
    assert_eq!(paths(&root), ["/etc", "/etc/a", "/etc/b", "/x", "/x/y"]);
    assert_eq!((text(&root, "/etc/a"), text(&root, "etc/./b")), ("two".into(), "1".into()));
    let entry = root.lookup("/etc/a").unwrap();
    assert_eq!((entry.layer, entry.mode, entry.uid, entry.gid, entry.size), (1, 0o644, 7, 8, 3));
    let directory = root.lookup("/etc").unwrap();
    assert_eq!((directory.layer, directory.mode, directory.kind), (0, 0o750, EntryKind::Dir));
    assert_eq!(root.list("/etc").unwrap().count(), 2);
}

#[test]
fn links_stay_within_the_root() {
    let root = root_of(&[tar()
        .file("etc/passwd", "image")
        .link("abs", "/etc/passwd")
        .link("up", "../../../../etc/passwd")
        .link("etc/rel", "../abs")
        .link("dir", "etc")
        .link("loop", "pool")
        .link("pool", "./loop")
        .link("self/x", "x")
        .link("gone", "/nowhere/at/all")
        .end()]);
    for path in ["abs", "up", "etc/rel", "dir/passwd", "/dir/../dir/./passwd", "../../etc/passwd"] {
        assert_eq!(text(&root, path), "image", "{path}");
        assert_eq!(root.lookup(path).unwrap().path, "/etc/passwd");
    }
    assert!(matches!(root.lookup("loop"), Err(LookupError::Loop { .. })));
    assert!(matches!(root.lookup("self/x/y"), Err(LookupError::Loop { .. })));
    assert_eq!(root.lookup("gone").unwrap_err(), LookupError::NotFound { path: "/nowhere".into() });
    assert_eq!(root.lookup("abs/x").unwrap_err(), LookupError::NotADir { path: "/etc/passwd".into() });
    assert!(matches!(root.lookup("etc/passwd/"), Err(LookupError::NotADir { .. })));
    assert_eq!(root.lookup_link("abs").unwrap().kind, EntryKind::Symlink(b"/etc/passwd".to_vec()));
    assert_eq!(root.lookup_link("dir/").unwrap().kind, EntryKind::Dir);
    assert!(matches!(root.read("dir", 9), Err(ReadError::NotAFile { .. })));
    assert!(matches!(root.read("abs", 4), Err(ReadError::TooLong { size: 5, limit: 4, .. })));
}

#[test]
fn disputed_entries_name_what_docker_and_podman_do() {
    let lower = attributes().dir("d").end();
    let upper = tar().file("d/a", "").file("twice", "1").file("twice", "2").link("l", "gone").file("l/x", "");
    let overlay = upper.pax(&[("SCHILY.xattr.trusted.overlay.opaque", "y")]).dir("o").end();
    let root = root_of(&[lower, overlay]);
    let disputed: Vec<_> = root.disputed().iter().map(|one| (one.path.as_str(), one.difference)).collect();
    assert_eq!(
        disputed,
        [
            ("/twice", Difference::Refused),
            ("/l/x", Difference::Refused),
            ("/o", Difference::TrustedAttribute),
            ("/d", Difference::ImpliedDirectory),
        ]
    );
}

#[test]
fn links_that_a_directory_without_an_entry_replaces_are_disputed() {
    let lower =
        tar().dir("usr").dir("usr/bin").link("bin", "usr/bin").link("usr/lib", "../lib").dir("lib").end();
    let upper =
        tar().file("bin/new", "").file("usr/lib/a/new", "").dir("usr/bin").file("usr/bin/x", "").end();
    let replaced = |layers: &[Vec<u8>]| -> Vec<String> {
        let disputed = root_of(layers).disputed().to_vec();
        let replaced = disputed.into_iter().filter(|one| one.difference == Difference::LinkReplaced);
        replaced.map(|one| one.path).collect()
    };
    assert_eq!(replaced(&[lower.clone(), upper]), ["/bin", "/usr/lib"]);
    // An entry of the directory replaces the link everywhere.
    assert!(replaced(&[lower, tar().dir("bin").file("bin/new", "").end()]).is_empty());
}

fn attributes() -> RawTar {
    tar().pax(&[("SCHILY.xattr.user.note", "a value")])
}

/// Sun's tar adds the bytes of a header as signed numbers, which differs for names outside of ASCII.
#[test]
fn both_kinds_of_checksum_are_accepted() {
    let mut bytes = tar().file("caf\u{e9}", "1").end();
    assert_eq!(text(&root_of(std::slice::from_ref(&bytes)), "caf\u{e9}"), "1");
    let unsigned = u32::from_str_radix(std::str::from_utf8(&bytes[148..155]).unwrap(), 8).unwrap();
    bytes[148..155].copy_from_slice(format!("{:07o}", unsigned - 2 * 256).as_bytes());
    assert_eq!(text(&root_of(std::slice::from_ref(&bytes)), "caf\u{e9}"), "1");
    bytes[148..155].copy_from_slice(format!("{:07o}", unsigned - 256).as_bytes());
    assert!(fault(&[bytes]).contains("checksum"));
}

#[test]
fn hard_links_share_content_until_replaced() {
    let root = root_of(&[
        tar().file("a", "1").hard("b", "a").hard("c", "/a").end(),
        tar().file("a", "2").hard("d", "./a").end(),
    ]);
    let content = ["a", "b", "c", "d"].map(|path| text(&root, path));
    assert_eq!(content, ["2", "1", "1", "2"]);
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|path| root.lookup(path).unwrap().file);
    assert!(a != b && b == c && a == d);
}

#[test]
fn hostile_entries_are_rejected() {
    let one = |tar: RawTar| fault(&[tar.end()]);
    for (refused, why) in [
        (one(tar().hard("x", "../../etc/passwd")), "not in its layer"),
        (fault(&[tar().file("a", "").end(), tar().hard("x", "a").end()]), "not in its layer"),
        (fault(&[tar().end(), tar().file("a", "").file(".wh.a", "").end()]), "of its own layer"),
        (one(tar().dir("d").hard("x", "d")), "to a directory"),
        (one(tar().hard("x", "")), "without a target"),
        (one(tar().link("x", "")), "without a target"),
        (one(tar().entry(b'7', "contiguous", "", b"1")), "no engine unpacks"),
        (one(tar().entry(b'V', "volume", "", b"")), "no engine unpacks"),
        (one(tar().file("a", "").file("a/b", "")), "not a directory"),
        (one(tar().link("a", "b").link("b", "a").file("a/c", "")), "form a loop"),
        (one(tar().file(".wh.", "")), "without a name"),
        (one(tar().file("a/.wh...", "")), "without a name"),
        (one(tar().entry(b'S', "sparse", "", b"")), "no engine unpacks"),
        (fault(&[b"not a tar at all, but long enough to be taken for a header".repeat(20)]), "checksum"),
        (fault(&[tar().file("a", "content").0[..515].to_vec()]), "ends in the middle"),
        (fault(&[tar().file("a", "content").0[..300].to_vec()]), "ends in the middle"),
        (fault(&[b"\x28\xb5\x2f\xfdgarbage".to_vec()]), "reading failed"),
        (fault(&[b"\x50\x2a\x4d\x18".to_vec()]), "reading failed"),
        (
            fault(&[b"\x28\xb5\x2f\xfd\0\x90\x01\0\0".to_vec()]),
            "it is compressed by zstd with a window of 268435456 bytes",
        ),
        (fault(&[b"\xfd7zXZ\0".to_vec()]), "xz"),
        (fault(&[b"\x1f\x8b\x08\0\0\0\0\0\0\xffgarbage".to_vec()]), "reading failed"),
    ] {
        assert!(refused.contains(why), "{refused} lacks {why}");
    }
}

/// As in Go's archive/tar, which every engine uses.
#[test]
fn empty_and_repeated_records_behave_as_in_go() {
    for (header, path) in [
        (tar().pax(&[("path", ""), ("size", ""), ("uid", ""), ("gid", ""), ("linkpath", "")]), "/f"),
        (tar().pax(&[("path", "a"), ("path", "")]), "/f"),
        (tar().pax(&[("path", "a"), ("path", "b")]), "/b"),
        (tar().pax(&[("path", "a")]).pax(&[("comment", "b")]), "/f"),
        (tar().long_name("a").pax(&[("path", "b")]), "/a"),
        (tar().long_name(""), "/f"),
    ] {
        let root = root_of(&[header.file("f", "x").end()]);
        assert_eq!(paths(&root), [path]);
        assert_eq!(text(&root, path), "x");
        assert_eq!(root.lookup(path).unwrap().uid, 7);
    }
}

#[test]
fn extended_attributes_are_kept() {
    let records = [("SCHILY.xattr.user.note", "first"), ("SCHILY.xattr.user.note", "a value")];
    let root = root_of(&[tar().pax(&records).file("f", "x").file("g", "").end()]);
    let attributes = |path| root.attributes(&root.lookup(path).unwrap()).unwrap();
    assert_eq!(attributes("f"), [(b"user.note".to_vec(), b"a value".to_vec())]);
    assert!(attributes("g").is_empty());
}

#[test]
fn both_digests_are_verified() {
    let plain = tar().file("a", "1").end();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&plain).unwrap();
    let blob = encoder.finish().unwrap();
    let apply = |digest, diff_id| {
        let mut root = RootView::new(RootLimits::default(), NO_DIRECTORY);
        root.apply(LayerSource { blob: Box::new(blob.clone()), digest, diff_id })
            .map_err(|error| chain(&error))
    };
    apply(Digest::of(&blob), Digest::of(&plain)).unwrap();
    assert!(apply(Digest::of(&blob), Digest::of(&blob)).unwrap_err().contains("docker refuses"));
    assert!(apply(Digest::of(&plain), Digest::of(&plain)).unwrap_err().contains("have the digest"));
}

#[test]
fn content_can_be_read_from_any_position() {
    let root = root_of(&[tar().file("a", "first").file("b", "0123456789").end()]);
    let mut reader = root.open(&root.lookup("b").unwrap());
    reader.seek(SeekFrom::End(-3)).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "789");
    reader.seek(SeekFrom::Start(2)).unwrap();
    let mut two = [0; 2];
    reader.read_exact(&mut two).unwrap();
    assert_eq!(&two, b"23");
    assert!(reader.seek(SeekFrom::Current(-99)).is_err());
    reader.seek(SeekFrom::Start(u64::MAX)).unwrap();
    assert_eq!(reader.read(&mut two).unwrap(), 0);
}
