//! Hostile layers stay within the limits, and damaged ones are errors.

use super::*;

#[test]
fn only_so_many_links_are_followed() {
    let through = |turns: usize| {
        let target = "d/../".repeat(turns) + "d";
        let named = || tar().dir("d").entry(b'K', "k", "", target.as_bytes()).link("l", "");
        let mut root = RootView::new(RootLimits::default(), NO_DIRECTORY);
        let applied = apply(&mut root, &named().file("l/f", "").end());
        (applied.is_ok(), root_of(&[named().end()]).lookup("l").map(|entry| entry.path))
    };
    assert_eq!(through(499), (true, Ok("/d".to_owned())));
    assert_eq!(through(600), (false, Err(LookupError::Loop { path: "/l".to_owned() })));
    let chain = |links: usize| {
        let link = |tar: RawTar, number: usize| tar.link(&format!("{number}"), &format!("{}", number + 1));
        let tar = (0..links).fold(tar(), link).dir(&links.to_string()).file("0/f", "").end();
        let mut root = RootView::new(RootLimits::default(), NO_DIRECTORY);
        apply(&mut root, &tar).map(|()| (!root.disputed().is_empty(), root.lookup("0").is_ok()))
    };
    // docker and podman leave links to the kernel, which follows 40.
    assert_eq!([chain(40), chain(41), chain(255)], [Ok((false, true)), Ok((true, false)), Ok((true, false))]);
    assert!(chain(256).unwrap_err().contains("too many links"));
}

/// Only what every engine refuses may count as refused: other readers may follow more links than this one.
#[test]
fn own_limits_are_no_refusal() {
    let refused = |tar: RawTar| {
        let bytes = tar.end();
        let (mut root, digest) = (RootView::new(RootLimits::default(), NO_DIRECTORY), Digest::of(&bytes));
        let error = root.apply(LayerSource { blob: Box::new(bytes), digest, diff_id: digest }).unwrap_err();
        error.refused().is_some()
    };
    let many = |end: fn(RawTar) -> RawTar| {
        let link = |tar: RawTar, number: usize| tar.link(&format!("{number}"), &format!("{}", number + 1));
        end((0..300).fold(tar(), link).dir("300").file("300/f", ""))
    };
    assert!(!refused(many(|tar| tar.file("0/f", ""))));
    assert!(!refused(many(|tar| tar.hard("h", "0/f"))));
    let long = tar().dir("d").entry(b'K', "k", "", "d/../".repeat(600).as_bytes()).link("l", "");
    assert!(!refused(long.file("l/f", "")));
    assert!(!refused(tar().long_name(&format!("{}f", "d/".repeat(1500))).file("f", "")));
    for looped in [
        tar().link("l", "l").file("l/f", ""),
        tar().link("a", "b/c").link("b", "./a/d").file("a/f", ""),
        tar().link("l", "../l/x").hard("h", "l/f"),
    ] {
        assert!(refused(looped));
    }
}

/// The cost of an entry grows with its depth and not with the square of it.
#[test]
fn deep_entries_take_linear_time() {
    let deep = |number: u32| format!("{}{number}/f", "d/".repeat(990));
    let tar = (0..300).fold(tar(), |tar, number| tar.long_name(&deep(number)).file("f", ""));
    let apart = (0..300)
        .fold(tar, |tar, number| tar.long_name(&format!("{number}/{}f", "e/".repeat(990))).file("f", ""));
    let start = std::time::Instant::now();
    let root = root_of(&[apart.end()]);
    assert_eq!(root.walk().count(), 990 + 2 * 300 + 300 * 992);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn extended_headers_are_bounded() {
    let raw = |text: &str| tar().entry(b'x', "PaxHeaders/x", "", text.as_bytes());
    for text in [
        "",
        "9",
        "99999999999999999999 path=x\n",
        "6 a=\n",
        "12 path=abc",
        "0 path=\n",
        "3 \n",
        "11 size=-5\n",
    ] {
        let mut root = RootView::new(RootLimits::default(), NO_DIRECTORY);
        let result = apply(&mut root, &raw(text).file("f", "x").end());
        assert_eq!(result.is_ok(), text.is_empty(), "{text:?}");
    }
    let named = root_of(&[tar().pax(&[("path", "long\nwith line breaks")]).file("f", "x").end()]);
    assert_eq!(paths(&named), ["/long\nwith line breaks"]);
    let one = |tar: RawTar| fault(&[tar.file("f", "").end()]);
    assert!(one(tar().long_name(&"x".repeat(2 << 20))).contains("1 MiB"));
    assert!(one(tar().long_name(&"y".repeat(300))).contains("longer"));
    assert!(one(tar().long_name(&format!("{}f", "d/".repeat(1500)))).contains("deep"));
    let through = tar().entry(b'K', "k", "", "z".repeat(256).as_bytes()).link("l", "");
    assert!(one(through.file("l/f", "")).contains("longer"), "a directory that a link's target names");
}

#[test]
fn extended_headers_of_one_entry_are_bounded_together() {
    let big = "x".repeat(400 << 10);
    let headers = |count| (0..count).fold(tar(), |tar, _| tar.pax(&[("comment", &big)]));
    assert_eq!(paths(&root_of(&[headers(2).file("a", "").end()])), ["/a"]);
    assert!(fault(&[headers(3).file("a", "").end()]).contains("1 MiB"));
    let mixed = headers(1).entry(b'g', "g", "", big.as_bytes()).entry(b'K', "k", "", big.as_bytes());
    assert!(fault(&[mixed.file("a", "").end()]).contains("1 MiB"));
    let each = headers(2).file("a", "").pax(&[("comment", &big)]).file("b", "").end();
    assert_eq!(paths(&root_of(&[each])), ["/a", "/b"]);
}

#[test]
fn paths_longer_than_path_max_are_rejected() {
    let long = |kind, length: usize| {
        let content = format!("{}d", "/".repeat(length - 1));
        let link = if kind == b'K' { b'2' } else { b'0' };
        tar().entry(kind, "n", "", content.as_bytes()).entry(link, "f", "", b"").end()
    };
    for kind in [b'L', b'K'] {
        let mut root = RootView::new(RootLimits::default(), NO_DIRECTORY);
        assert_eq!(apply(&mut root, &long(kind, 4095)), Ok(()));
        assert!(fault(&[long(kind, 4096)]).contains("4095 bytes"));
    }
}

#[test]
fn entries_and_bytes_are_limited() {
    let limited = |limits, bytes: &[u8]| {
        let mut root = RootView::new(limits, NO_DIRECTORY);
        apply(&mut root, bytes).unwrap_err()
    };
    let layer = tar().file("a", "").file("b", "").file("c", "").end();
    let limits = RootLimits::default();
    assert!(limited(RootLimits { entries: 2, ..limits }, &layer).contains("more than 2 entries"));
    assert!(limited(RootLimits { bytes: 600, ..limits }, &layer).contains("bomb"));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&tar().entry(b'0', "zeros", "", &vec![0; 20 << 20]).end()).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 100_000);
    assert!(limited(RootLimits { bytes: 1 << 20, ..limits }, &bomb).contains("bomb"));
}

/// A few bytes of a layer can expand to much memory, which is counted before it is allocated.
#[test]
fn limits_include_implied_directories_and_metadata() {
    let result = |limits, layers: &[Vec<u8>]| {
        let mut root = RootView::new(limits, NO_DIRECTORY);
        layers.iter().try_for_each(|layer| apply(&mut root, layer)).map_err(|text| text.contains("more than"))
    };
    let entries = |entries| RootLimits { entries, ..RootLimits::default() };
    let implied = [tar().file("a/b/c/d", "").end(), tar().file("a/e/f", "").end()];
    // `a` counts in both layers: each is unpacked into a directory of its own.
    assert_eq!(result(entries(7), &implied), Ok(()));
    assert_eq!(result(entries(6), &implied), Err(true));
    let metadata = |metadata| RootLimits { metadata, ..RootLimits::default() };
    let target = "t".repeat(99);
    let cases: [(&str, u64, Vec<Vec<u8>>); 3] = [
        ("a link's target", 99, vec![tar().link("l", &target).end()]),
        (
            "names of directories",
            39,
            vec![tar().file("implied-folder/of-a-file/with-a-long-name/f", "").end()],
        ),
        ("owners that differ", 3000, vec![owners(100)]),
    ];
    for (what, too_few, layers) in cases {
        assert_eq!(result(metadata(too_few), &layers), Err(true), "{what}");
        assert_eq!(result(metadata(4000), &layers), Ok(()), "{what}");
    }
}

/// Returns a layer with this many files of as many owners.
fn owners(count: u64) -> Vec<u8> {
    let owned = |tar: RawTar, owner: u64| {
        let number = owner.to_string();
        tar.pax(&[("uid", &number)]).file(&number, "")
    };
    (0..count).fold(tar(), owned).end()
}

/// Attributes are stored with the content, and those that many files have only once.
#[test]
fn attributes_take_no_memory() {
    let long = "x".repeat(1000);
    let attributes = |tar: RawTar, value: &str| tar.pax(&[("SCHILY.xattr.user.a", value)]);
    let layers = [
        (0..50)
            .fold(tar(), |tar, file| attributes(tar, &format!("{file}{long}")).file(&file.to_string(), "")),
        (0..50).fold(attributes(tar(), "short").dir("d"), |tar, file| {
            attributes(tar, "short").file(&file.to_string(), "")
        }),
        tar().file("d/a", "").file("d/b", ""),
    ];
    let mut root = RootView::new(RootLimits { metadata: 2000, ..RootLimits::default() }, NO_DIRECTORY);
    for layer in layers {
        apply(&mut root, &layer.end()).unwrap();
    }
    assert!(root.contents.spill.length() < 60_000, "{}", root.contents.spill.length());
    for entry in root.walk().filter(|entry| entry.layer < 2) {
        let expected = [(b"user.a".to_vec(), b"short".to_vec())];
        assert_eq!(root.attributes(&entry).unwrap(), expected, "{}", entry.path);
    }
}

#[test]
fn disputes_are_bounded() {
    let twice = (0..1500).fold(tar(), |tar, _| tar.file("a", "").file("b", ""));
    assert_eq!(root_of(&[twice.end()]).disputed().len(), 1000);
}

/// A few bytes can claim a hole of any length, which must neither be written nor exceed the limit.
#[test]
fn holes_count_as_content() {
    let sparse = |size: &str| {
        let records = [("GNU.sparse.size", size), ("GNU.sparse.numblocks", "1"), ("GNU.sparse.map", "3,1")];
        tar().pax(&records).file("f", "x").end()
    };
    let limits = RootLimits { bytes: 1 << 40, ..RootLimits::default() };
    let directory = tempfile::tempdir().unwrap();
    let mut root = RootView::new(limits, directory.path());
    apply(&mut root, &sparse("1000000000000")).unwrap();
    let entry = root.lookup("f").unwrap();
    assert_eq!(entry.size, 1_000_000_000_000);
    let mut start = [1; 8];
    root.open(&entry).read_exact(&mut start).unwrap();
    assert_eq!(&start, b"\0\0\0x\0\0\0\0");
    let mut end = root.open(&entry);
    end.seek(SeekFrom::End(-8)).unwrap();
    end.read_exact(&mut start).unwrap();
    assert_eq!(start, [0; 8]);
    assert!(apply(&mut root, &sparse("1000000000000")).unwrap_err().contains("bomb"));
    assert!(fault(&[sparse("9223372036854775807")]).contains("bomb"));
    assert!(fault(&[sparse("9223372036854775808")]).contains("sparse"));
}

/// Returns a layer with every type of entry, and the offsets of its headers.
fn sample() -> (Vec<u8>, Vec<usize>) {
    let entries: [fn(RawTar) -> RawTar; 12] = [
        |tar| tar.dir("d"),
        |tar| tar.file("d/a", "text"),
        |tar| tar.link("l", "d"),
        |tar| tar.hard("h", "d/a"),
        |tar| tar.file("d/.wh.x", ""),
        |tar| tar.long_name("l/long"),
        |tar| tar.file("l/short", "more"),
        |tar| tar.pax(&[("path", "n/p/x"), ("size", "3"), ("uid", "1"), ("SCHILY.xattr.user.a", "b")]),
        |tar| tar.file("x", "abc"),
        |tar| tar.entry(b'3', "dev/null", "", b""),
        |tar| tar.pax(&[("GNU.sparse.size", "9"), ("GNU.sparse.numblocks", "1"), ("GNU.sparse.map", "3,4")]),
        |tar| tar.file("sparse", "part"),
    ];
    let mut headers = Vec::new();
    let add = |tar: RawTar, entry: &fn(RawTar) -> RawTar| {
        headers.push(tar.0.len());
        entry(tar)
    };
    (entries.iter().fold(tar(), add).end(), headers)
}

/// Corrects a header's checksum, so that the reader gets to the damaged fields.
pub(super) fn fix_checksum(block: &mut [u8]) {
    let mut header = tar::Header::new_old();
    header.as_mut_bytes().copy_from_slice(block);
    header.set_cksum();
    block.copy_from_slice(header.as_bytes());
}

/// Offsets from a header at which damage matters: its name, numbers, type and link, and the content after it.
fn places() -> impl proptest::strategy::Strategy<Value = usize> {
    proptest::prop_oneof![0..12_usize, 100..170_usize, 512..560_usize]
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2000))]

    /// Damage anywhere is an error or leaves a root that can be walked; it never panics.
    #[test]
    fn damaged_layers_never_panic(
        flips in proptest::collection::vec((0..12_usize, places(), proptest::prelude::any::<u8>()), 1..8),
        cut in proptest::option::weighted(0.2, 0..8192_usize),
    ) {
        let (mut bytes, headers) = sample();
        for (header, place, value) in flips {
            bytes[headers[header] + place] = value;
        }
        for at in headers {
            fix_checksum(&mut bytes[at..at + 512]);
        }
        bytes.truncate(cut.unwrap_or(usize::MAX).max(1));
        let mut root = RootView::new(RootLimits { entries: 20, bytes: 1 << 20, metadata: 1000 }, NO_DIRECTORY);
        if apply(&mut root, &bytes).is_ok() {
            let seen: Vec<_> = root.walk().collect();
            proptest::prop_assert!(seen.len() <= 20);
            for entry in seen.iter().filter(|entry| entry.kind == EntryKind::File) {
                let mut content = Vec::new();
                root.open(entry).read_to_end(&mut content).unwrap();
                proptest::prop_assert_eq!(content.len() as u64, entry.size);
            }
        }
    }
}
