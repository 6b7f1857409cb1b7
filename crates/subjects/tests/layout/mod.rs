//! Layouts of handmade layers.

use std::path::Path;

use crossdock_oci::{Digest, ImageSource, SourceError};
use crossdock_platform::Platform;
use crossdock_subjects::{Options, Scope, verify};
use crossdock_verify::{Target, Verification};
use serde_json::json;

/// Returns a tar entry: a file with content, or a link of the type `1` (hard) or `2` (symbolic) to `target`.
pub(crate) fn entry(name: &str, kind: char, target: &str, content: &[u8]) -> Vec<u8> {
    entry_with_mode(name, kind, target, content, 0o755)
}

/// Returns a tar entry of this mode.
pub(crate) fn entry_with_mode(name: &str, kind: char, target: &str, content: &[u8], mode: u32) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    // Names as they are: `set_path` leaves out `./`.
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.as_old_mut().linkflag = [kind as u8];
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut bytes = [header.as_bytes(), content].concat();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// Verifies an image with layers of these tar entries, whose entry point is `/app`.
pub(crate) fn verified(layers: &[Vec<u8>], scope: Scope) -> Verification {
    verified_as("", layers, scope)
}

/// Verifies such an image that runs as a user.
pub(crate) fn verified_as(user: &str, layers: &[Vec<u8>], scope: Scope) -> Verification {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    try_verify(user, layers, scope, temporary.path()).expect("a readable image")
}

/// Verifies such an image with this directory for temporary files.
pub(crate) fn verified_with(
    layers: &[Vec<u8>],
    scope: Scope,
    temporary: &Path,
) -> Result<Verification, SourceError> {
    try_verify("", layers, scope, temporary)
}

fn try_verify(
    user: &str,
    layers: &[Vec<u8>],
    scope: Scope,
    temporary: &Path,
) -> Result<Verification, SourceError> {
    let tars: Vec<Vec<u8>> = layers.iter().map(|entries| [&entries[..], &[0; 1024]].concat()).collect();
    let diff_ids: Vec<String> = tars.iter().map(|tar| Digest::of(tar).to_string()).collect();
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir_all(directory.path().join("blobs/sha256")).expect("a directory");
    let write = |path: &str, bytes: &[u8]| {
        crossdock_fs::write_atomically(directory.path().join(path), bytes).expect("a file");
    };
    let blob = |kind: &str, bytes: &[u8]| {
        write(&format!("blobs/sha256/{}", Digest::of(bytes).hex()), bytes);
        let kind = format!("application/vnd.oci.image.{kind}");
        json!({ "mediaType": kind, "digest": Digest::of(bytes).to_string(), "size": bytes.len() })
    };
    let config = json!({
        "os": "linux",
        "architecture": "amd64",
        "config": { "Entrypoint": ["/app"], "User": user, "Env": ["PATH=/usr/bin:/usr/sbin:/absent"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let manifest = json!({
        "schemaVersion": 2,
        "config": blob("config.v1+json", config.to_string().as_bytes()),
        "layers": tars.iter().map(|tar| blob("layer.v1.tar", tar)).collect::<Vec<_>>(),
    });
    let manifest = blob("manifest.v1+json", manifest.to_string().as_bytes());
    write("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    write("index.json", json!({ "schemaVersion": 2, "manifests": [manifest] }).to_string().as_bytes());
    let source = ImageSource::open(directory.path(), directory.path()).expect("a layout");
    let targets = [Target::new(&Platform::LINUX_AMD64)];
    let options = Options::new(&targets, temporary).with_scope(scope);
    Ok(verify("image", &source, &source.images()[0], &options)?.remove(0))
}
