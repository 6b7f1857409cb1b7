//! JSON documents of images, and `crossdock.toml`.

use std::collections::BTreeMap;
use std::fmt::Debug;

use crossdock_oci::{Document, ImageConfig, ImageManifest, Index};
use crossdock_platform::Platform;
use crossdock_project::config::Config;
use crossdock_subjects::config_facts;
use crossdock_verify::{MemoryRoot, Target, verify_image};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An image manifest or an index.
pub(crate) fn manifest(input: &[u8]) {
    let manifest = round_trip::<ImageManifest>(input);
    let index = round_trip::<Index>(input);
    // Its digest would mean two things (CVE-2021-41190).
    assert!(manifest.is_none() || index.is_none(), "the document is both an index and a manifest");
}

/// An image's configuration, and the checks that read it.
pub(crate) fn image_config(input: &[u8]) {
    let Some(config) = round_trip::<ImageConfig>(input) else { return };
    let target = Target::new(&Platform::LINUX_AMD64);
    verify_image(&config_facts(&config), &root(), &target, &BTreeMap::new());
}

/// The text of `crossdock.toml`.
pub(crate) fn project_config(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match Config::from_text("/nonexistent/crossdock.toml".into(), text.to_owned()) {
        Ok(config) => assert!(config.root.starts_with("/nonexistent")),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Parses a document, and checks that what crossdock writes of it reads the same.
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug + Clone>(input: &[u8]) -> Option<T> {
    let value = Document::<T>::parse(input.to_vec(), "document").ok()?.value;
    let written = Document::new(value.clone()).expect("a parsed document has a JSON form");
    let again = Document::<T>::parse(written.raw.clone(), "document").expect("a written document is read");
    assert_eq!(again.value, value);
    assert_eq!(Document::new(again.value).expect("it was written before").raw, written.raw);
    Some(value)
}

/// Returns a root that has what a configuration can name: scripts, users, links, loops and a directory of each mode.
fn root() -> MemoryRoot {
    MemoryRoot::new()
        .file("/bin/sh", 0o755, "#!/bin/busybox\n")
        .file("/bin/busybox", 0o755, "\x7fELF")
        .file("/etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n")
        .file("/etc/group", 0o644, "root:x:0:\nweb:x:33:\n")
        .file("/entry.sh", 0o755, "#!/bin/sh\nset -e\nexec \"$@\"\n")
        .file("/app", 0o755, "#!/bin/sh\nexec /entry.sh\n")
        .file("/data", 0o644, "data")
        .directory("/srv", 0o755)
        .directory("/private", 0o700)
        .link("/loop", "/loop")
        .link("/link", "srv/../app")
}
