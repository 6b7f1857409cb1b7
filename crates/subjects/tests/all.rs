//! `--all`: every executable file once, whatever its names; outside of PATH what is wrong is a note.

use crossdock_oci::{Digest, ImageSource};
use crossdock_platform::Platform;
use crossdock_subjects::{Options, Scope, verify};
use crossdock_verify::{Severity, Target, Verdict, Verification};
use serde_json::json;

/// Returns a tar entry: a file with content, or a link of the type `1` (hard) or `2` (symbolic) to `target`.
fn entry(name: &str, kind: char, target: &str, content: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000755\0");
    put(124, &format!("{:011o}\0", content.len()));
    // The checksum counts its own field as blanks.
    put(148, "        ");
    put(156, &kind.to_string());
    put(157, target);
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.extend(content);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

/// Verifies an image with these tar entries, whose entry point is `/app`.
fn verified(entries: &[Vec<u8>], scope: Scope) -> Verification {
    let tar = [entries.concat(), vec![0; 1024]].concat();
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
        "config": { "Entrypoint": ["/app"], "Env": ["PATH=/usr/bin:/usr/sbin:/absent"] },
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(&tar).to_string()] },
    });
    let manifest = json!({
        "schemaVersion": 2,
        "config": blob("config.v1+json", config.to_string().as_bytes()),
        "layers": [blob("layer.v1.tar", &tar)],
    });
    let manifest = blob("manifest.v1+json", manifest.to_string().as_bytes());
    write("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    write("index.json", json!({ "schemaVersion": 2, "manifests": [manifest] }).to_string().as_bytes());
    let source = ImageSource::open(directory.path(), directory.path()).expect("a layout");
    let targets = [Target::new(&Platform::LINUX_AMD64)];
    let options = Options::new(&targets, directory.path()).with_scope(scope);
    verify("image", &source, &source.images()[0], &options).expect("a readable image").remove(0)
}

/// Returns path and code of each finding that is not about the entry point.
fn found(verification: &Verification) -> Vec<(&str, &str, Severity)> {
    let shown = verification.findings.iter().filter(|finding| finding.path != "/app");
    shown.map(|finding| (finding.path.as_str(), finding.code.id(), finding.severity)).collect()
}

const BROKEN: &[u8] = b"#!/absent\n";

#[test]
fn a_file_is_verified_once_whatever_its_names() {
    let mut entries = vec![
        entry("app", '0', "", BROKEN),
        entry("usr/bin/tool", '0', "", BROKEN),
        entry("usr/bin/link", '2', "tool", b""),
        entry("usr/sbin/link", '2', "/usr/bin/tool", b""),
        entry("opt/tool", '1', "usr/bin/tool", b""),
    ];
    entries.extend((0..3000).map(|number| entry(&format!("usr/bin/x{number}"), '1', "usr/bin/tool", b"")));
    let verification = verified(&entries, Scope::All);
    // The first name in the order of the directory, links resolved.
    assert_eq!(found(&verification), [("/usr/bin/tool", "script-interpreter-missing", Severity::Error)]);
    assert!(found(&verified(&entries, Scope::Planned)).is_empty());
}

#[test]
fn outside_of_path_what_is_wrong_is_a_note() {
    let program = entry("app", '0', "", b"#!/usr/bin/sh\n");
    let shell = entry("usr/bin/sh", '0', "", b"\0asm\x01\0\0\0");
    for (path, is_on_path) in [
        ("usr/bin/tool", true),
        ("usr/sbin/tool", true),
        ("usr/bin/deeper/tool", false),
        ("usr/share/doc/tool/examples/tool", false),
        ("opt/tool", false),
    ] {
        let verification = verified(&[program.clone(), entry(path, '0', "", BROKEN)], Scope::All);
        let code = if is_on_path { "script-interpreter-missing" } else { "not-on-path" };
        let severity = if is_on_path { Severity::Error } else { Severity::Note };
        assert_eq!(found(&verification), [(format!("/{path}").as_str(), code, severity)]);
    }
    // A link in a directory of PATH counts: `/usr/bin/java` leads to a directory of its own.
    let linked =
        [program, shell, entry("opt/java", '0', "", BROKEN), entry("usr/bin/java", '2', "/opt/java", b"")];
    let verification = verified(&linked, Scope::All);
    assert!(found(&verification).contains(&("/opt/java", "script-interpreter-missing", Severity::Error)));
    assert_eq!(verification.verdict(), Verdict::Fails);
}
