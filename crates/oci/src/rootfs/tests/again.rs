//! Content that is not kept is read again from its layer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A blob that counts how often it is opened, and yields other bytes from the second time on if it has some.
struct Counted {
    bytes: Vec<u8>,
    changed: Option<Vec<u8>>,
    opened: Arc<AtomicUsize>,
}

impl LayerBlob for Counted {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let is_first = self.opened.fetch_add(1, Ordering::SeqCst) == 0;
        let changed = self.changed.as_ref().filter(|_| !is_first);
        Ok(Box::new(&changed.unwrap_or(&self.bytes)[..]))
    }
}

/// Applies a layer as gzip, and returns how often its blob was opened.
fn apply_counted(root: &mut RootView<'_>, plain: &[u8], changed: Option<Vec<u8>>) -> Arc<AtomicUsize> {
    let bytes = gzip(plain);
    let (digest, diff_id, opened) = (Digest::of(&bytes), Digest::of(plain), Arc::default());
    let blob = Box::new(Counted { bytes, changed, opened: Arc::clone(&opened) });
    root.apply(LayerSource { blob, digest, diff_id }).unwrap();
    opened
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// As much as is kept in memory, whatever it is.
fn filler() -> RawTar {
    tar().entry(b'0', "filler", "", &vec![7; 8 << 20])
}

/// Returns content that is not kept unless it starts as a program.
fn data(start: &str, seed: u8) -> Vec<u8> {
    let numbers = (0..300_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8 ^ seed);
    start.bytes().chain(numbers).collect()
}

fn read_all(root: &RootView<'_>, path: &str) -> Vec<u8> {
    let mut content = Vec::new();
    root.open(&root.lookup(path).unwrap()).read_to_end(&mut content).unwrap();
    content
}

#[test]
fn each_layer_is_read_again_once_and_only_if_its_content_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let mut root = RootView::new(RootLimits::default(), directory.path());
    let file = |tar: RawTar, path: &str, content: &[u8]| tar.entry(b'0', path, "", content);
    let first = file(file(filler(), "a", &data("", 1)), "program", &data("\x7fELF", 2)).end();
    let second = file(file(tar().file("small", "text"), "b", &data("", 3)), "c", &data("", 4));
    let second = file(second, "script", &data("#!", 5)).hard("d", "c").end();
    let third = file(tar(), "e", &data("", 6)).end();
    let opened = [first, second, third].map(|plain| apply_counted(&mut root, &plain, None));
    let times = || opened.each_ref().map(|opened| opened.load(Ordering::SeqCst));
    for (path, content) in
        [("program", data("\x7fELF", 2)), ("script", data("#!", 5)), ("small", b"text".to_vec())]
    {
        assert!(read_all(&root, path) == content, "{path}");
    }
    assert_eq!(times(), [1, 1, 1]);
    for (path, seed) in [("d", 4), ("b", 3), ("c", 4)] {
        assert!(*root.read(path, 1 << 20).unwrap() == data("", seed), "{path}");
    }
    assert_eq!(times(), [1, 2, 1]);
    assert!(read_all(&root, "e") == data("", 6) && read_all(&root, "a") == data("", 1));
    let mut reader = root.open(&root.lookup("b").unwrap());
    reader.seek(SeekFrom::End(-10)).unwrap();
    let mut end = Vec::new();
    reader.read_to_end(&mut end).unwrap();
    assert_eq!(end, data("", 3)[data("", 3).len() - 10..]);
    assert_eq!(times(), [2, 2, 2]);
    root.close().unwrap();
}

#[test]
fn executable_files_are_kept_if_wanted() {
    for (kept, expected) in [(KeptContent::Programs, 2), (KeptContent::Executables, 1)] {
        let directory = tempfile::tempdir().unwrap();
        let mut root = RootView::new(RootLimits::default(), directory.path()).keeping(kept);
        let mut plain = filler();
        let at = plain.0.len();
        plain = plain.entry(b'0', "tool", "", &data("", 1));
        let header = &mut plain.0[at..at + 512];
        header[100..107].copy_from_slice(b"0000755");
        limits::fix_checksum(header);
        let opened = apply_counted(&mut root, &plain.end(), None);
        assert!(read_all(&root, "tool") == data("", 1));
        assert_eq!(opened.load(Ordering::SeqCst), expected, "{kept:?}");
    }
}

/// A verdict never rests on bytes that the digests of the layer do not cover.
#[test]
fn a_layer_that_changes_in_the_meantime_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let layer = |seed| filler().entry(b'0', "a", "", &data("", seed)).end();
    let cut = gzip(&layer(1))[..20_000].to_vec();
    for (changed, expected) in [
        (gzip(&layer(2)), "its bytes have the digest"),
        (gzip(&[layer(1), vec![0; 1 << 20]].concat()), "became longer"),
        (cut, "incomplete deflate stream"),
        (Vec::new(), "its bytes have the digest"),
    ] {
        let mut root = RootView::new(RootLimits::default(), directory.path());
        apply_counted(&mut root, &layer(1), Some(changed));
        let error = root.read("a", 1 << 20).unwrap_err();
        assert!(chain(&error).contains(expected), "{}", chain(&error));
        assert!(root.open(&root.lookup("a").unwrap()).read_exact(&mut [0]).is_err());
        assert!(chain(&root.close().unwrap_err()).contains(expected));
    }
}

/// Most content needs no temporary file at all.
#[test]
fn a_temporary_file_is_only_made_if_needed() {
    let mut root = RootView::new(RootLimits::default(), NO_DIRECTORY);
    apply_counted(&mut root, &filler().entry(b'0', "a", "", &data("", 1)).end(), None);
    let error = root.read("a", 1 << 20).unwrap_err();
    assert!(chain(&error).contains("create a temporary file in"), "{}", chain(&error));
    assert_eq!(root.lookup("a").unwrap().size, 300_000);
    assert!(root.close().unwrap_err().is_about_temporary_files());
}
