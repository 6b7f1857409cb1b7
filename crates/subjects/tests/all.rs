//! `--all`: every executable file once, whatever its names; outside of PATH what is wrong is a note.

#[expect(dead_code, reason = "other tests use it")]
mod layout;

use crossdock_subjects::Scope;
use crossdock_verify::{Severity, Verdict, Verification};
use layout::entry;

/// Verifies an image of one layer with these entries.
fn verified(entries: &[Vec<u8>], scope: Scope) -> Verification {
    layout::verified(&[entries.concat()], scope)
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
