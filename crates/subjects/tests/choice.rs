//! For each index and host the image is verified that containerd takes. `tests/tests/engine_results.rs` asks containerd.

mod entries;

use crossdock_oci::{Digest, ImageSource};
use crossdock_platform::Platform;
use crossdock_subjects::{Options, verify};
use crossdock_verify::{Target, Verification};

/// Returns the name of the manifest that was verified; `None` if the host pulls none.
fn taken(verification: &Verification) -> Option<String> {
    let missing = verification.findings.iter().find(|finding| finding.code.id() == "entry-point-missing");
    let path =
        missing.map(|finding| finding.path.strip_prefix("/start-").expect("a case's entry point").to_owned());
    assert!(path.is_some() || verification.findings[0].code.id() == "platform-missing", "{verification:?}");
    path
}

fn hex(bytes: &[u8]) -> String {
    Digest::of(bytes).hex().to_string()
}

/// Writes the files of a layout and opens it.
fn open(files: &[(String, Vec<u8>)]) -> (tempfile::TempDir, ImageSource) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir_all(directory.path().join("blobs/sha256")).expect("a directory");
    for (path, bytes) in files {
        crossdock_fs::write_atomically(directory.path().join(path), bytes).expect("a file");
    }
    let source = ImageSource::open(directory.path(), directory.path());
    let source = source.unwrap_or_else(|error| panic!("{}: {error:?}", directory.path().display()));
    (directory, source)
}

#[test]
fn the_image_is_verified_that_containerd_takes() {
    for case in entries::cases() {
        let (directory, source) = open(&entries::layout(&case, hex));
        for (host, expected) in case["hosts"].as_object().expect("an object") {
            let targets = [Target::new(&Platform::parse(host).expect("a host"))];
            let options = Options::new(&targets, directory.path());
            let verified = verify("case", &source, &source.images()[0], &options).expect("a readable image");
            let expected = if case["none_because"][host].is_null() { expected.as_str() } else { None };
            assert_eq!(taken(&verified[0]).as_deref(), expected, "{} on {host}", case["name"]);
        }
    }
}

/// One manifest for two platforms is two images: listed in `index.json` itself, too.
#[test]
fn every_entry_has_its_verdict() {
    let case = entries::cases().into_iter().find(|case| case["name"] == "one-manifest-for-two-platforms");
    let case = case.expect("the case");
    let mut files = entries::layout(&case, hex);
    let position = files.iter().rposition(|(path, _)| path.starts_with("blobs/")).expect("the index");
    // The index that the layout lists becomes the layout's own list.
    let index = files.remove(position).1;
    files.retain(|(path, _)| path != "index.json");
    files.push(("index.json".to_owned(), index));
    let (_directory, source) = open(&files);
    let platforms = source.images().iter().map(|image| image.platforms[0].platform().to_string());
    assert_eq!(platforms.collect::<Vec<_>>(), ["linux/amd64", "linux/arm64"]);
}
