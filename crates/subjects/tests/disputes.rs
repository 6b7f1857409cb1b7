//! Layers that engines unpack in different ways. `crates/oci/tests/layers/cases.txt` has what the engines do.

#[expect(dead_code, reason = "other tests use it")]
mod layout;

use crossdock_subjects::Scope;
use crossdock_verify::{Finding, Severity, Verdict};
use layout::{entry, entry_with_mode, verified};

/// Returns the findings about differences between engines.
fn found(layers: &[Vec<u8>]) -> Vec<Finding> {
    let codes = ["engines-differ", "refused-by-one-engine", "directory-differs", "link-replaced"];
    let findings = verified(layers, Scope::All).findings;
    findings.into_iter().filter(|finding| codes.contains(&finding.code.id())).collect()
}

/// Returns code and path of each finding about a difference.
fn codes(layers: &[Vec<u8>]) -> Vec<(String, String)> {
    found(layers).into_iter().map(|finding| (finding.code.id().to_owned(), finding.path)).collect()
}

fn expected(code: &str, path: &str) -> Vec<(String, String)> {
    vec![(code.to_owned(), path.to_owned())]
}

/// Returns an executable script, whose interpreter is `/lib/sh`, and the interpreter's directory and file.
fn program() -> Vec<u8> {
    let interpreter = entry("lib/sh", '0', "", b"\0asm\x01\0\0\0");
    [entry("app", '0', "", b"#!/lib/sh\n"), entry_with_mode("lib", '5', "", b"", 0o711), interpreter].concat()
}

/// Returns a PAX header with an extended attribute of the next entry.
fn attribute(name: &str) -> Vec<u8> {
    let record = format!(" SCHILY.xattr.{name}=y\n");
    let length = record.len() + 2;
    assert!((10..100).contains(&length), "the length counts its own two digits");
    entry("header", 'x', "", format!("{length}{record}").as_bytes())
}

#[test]
fn ordinary_images_have_no_finding() {
    let upper = [entry("lib", '5', "", b""), entry("lib/more", '0', "", b"1"), entry("app2", '0', "", b"1")];
    assert!(codes(&[program()]).is_empty());
    assert!(codes(&[program(), upper.concat()]).is_empty());
    // A directory without an entry that lower layers lack, or describe as engines do.
    assert!(codes(&[program(), entry("opt/a/b", '0', "", b"1"), entry("opt/a/c", '0', "", b"1")]).is_empty());
}

#[test]
fn refused_layers_are_found_wherever_the_entry_is() {
    let twice = [entry("srv/twice", '0', "", b"1"), entry("./srv/twice", '0', "", b"2")].concat();
    let findings = found(&[program(), twice.clone()]);
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((finding.code.id(), &*finding.path), ("engines-differ", "/srv/twice"));
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.message.contains("Docker and podman refuse the layer sha256:"), "{}", finding.message);
    assert!(!finding.help.is_empty());
    assert_eq!(Verdict::of(&findings), Verdict::Unproven);
    // A later layer cannot heal what an engine refuses.
    let removed = entry("srv/.wh.twice", '0', "", b"");
    assert_eq!(codes(&[program(), twice, removed]), expected("engines-differ", "/srv/twice"));
    let below_link = [entry("l", '2', "gone", b""), entry("l/x", '0', "", b"")].concat();
    assert_eq!(codes(&[program(), below_link]), expected("engines-differ", "/gone/x"));
}

#[test]
fn links_with_attributes_are_refused_by_podman_only() {
    let link = [attribute("user.note"), entry("l", '2', "app", b"")].concat();
    assert_eq!(codes(&[program(), link]), expected("refused-by-one-engine", "/l"));
}

#[test]
fn a_finding_names_eight_entries_and_counts_the_others() {
    let files =
        (0..20).map(|number| entry(&format!("f{number:02}"), '0', "", b"")).collect::<Vec<_>>().concat();
    let findings = found(&[program(), [&files[..], &files[..]].concat()]);
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(finding.evidence.len(), 9);
    assert_eq!((&*finding.evidence[7].found, &*finding.evidence[8].found), ("/f07", "12"));
}

#[test]
fn other_differences_count_only_where_the_program_needs_the_entry() {
    let implied = entry("lib/more", '0', "", b"1");
    let findings = found(&[program(), implied.clone()]);
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((finding.code.id(), &*finding.path), ("directory-differs", "/lib"));
    assert!(finding.message.contains("the owner 0:0 and the mode 0711"), "{}", finding.message);
    assert_eq!(Verdict::of(&findings), Verdict::Starts);
    // An entry of a later layer describes the directory for all engines.
    assert!(codes(&[program(), implied, entry_with_mode("lib", '5', "", b"", 0o711)]).is_empty());
    let elsewhere = [program(), entry_with_mode("srv", '5', "", b"", 0o700)].concat();
    assert!(codes(&[elsewhere.clone(), entry("srv/more", '0', "", b"1")]).is_empty());

    let linked = [program(), entry("usr/bin", '5', "", b""), entry("bin", '2', "usr/bin", b"")].concat();
    let below = entry("bin/new", '0', "", b"1");
    assert_eq!(codes(&[linked.clone(), below.clone()]), expected("link-replaced", "/bin"));
    assert_eq!(Verdict::of(&found(&[linked.clone(), below.clone()])), Verdict::Starts);
    assert!(codes(&[linked, below, entry("bin", '2', "usr/bin", b"")]).is_empty());

    let opaque = |name| [attribute("trusted.overlay.opaque"), entry(name, '5', "", b"")].concat();
    assert_eq!(codes(&[program(), opaque("./lib")]), expected("engines-differ", "/lib"));
    assert!(codes(&[elsewhere, opaque("./srv")]).is_empty());
    // The name of a directory may begin with that of another.
    assert!(codes(&[program(), opaque("li")]).is_empty());
}

/// `crates/oci/tests/layers/cases.txt` has each of these layers, which containerd, docker and podman refuse.
#[test]
fn layers_that_every_engine_refuses_are_errors() {
    let lower = entry("old", '0', "", b"1");
    for (layers, path, reason) in [
        (vec![program(), lower, entry("srv/new", '1', "old", b"")], "/srv/new", "not in its layer"),
        (vec![program(), entry("new", '1', "gone", b"")], "/new", "not in its layer"),
        (vec![[entry("d", '5', "", b""), entry("new", '1', "d", b"")].concat()], "/new", "to a directory"),
        (vec![program(), entry("v", 'V', "", b"")], "/v", "unhandled tar header type"),
        (vec![program(), entry("l", '2', "", b"")], "/l", "without a target"),
        (vec![program(), entry(".wh.", '0', "", b"")], "/.wh.", "whiteout without a name"),
    ] {
        let verification = verified(&layers, Scope::Planned);
        let [finding] = &verification.findings[..] else { panic!("{:?}", verification.findings) };
        assert_eq!((finding.code.id(), &*finding.path), ("layer-refused", path));
        assert!(finding.message.contains(reason), "{}", finding.message);
        assert_eq!(verification.verdict(), Verdict::Fails);
    }
}

/// Docker's own files need a directory at `/etc`, which hides what a link there leads to.
#[test]
fn a_link_at_etc_is_replaced_by_docker() {
    let linked = [entry("etc", '2', "/config", b""), entry("config/passwd", '0', "", b"app:x:1:1::/:\n")];
    let layer = [program(), linked.concat()].concat();
    let of_user = |user: &str| -> Vec<String> {
        let findings = layout::verified_as(user, std::slice::from_ref(&layer), Scope::Planned).findings;
        findings.into_iter().filter(|it| it.code.id() == "engines-differ").map(|it| it.path).collect()
    };
    assert_eq!(of_user("app"), ["/etc"]);
    // Nothing of /etc is needed.
    assert!(of_user("1:1").is_empty());
}

/// containerd and overlays ignore the entry; storage that copies layers closes the root to the user (`configurations/cases.toml`).
#[test]
fn an_entry_of_the_root_matters_to_storage_without_overlays() {
    let root = |name: &str, mode| entry_with_mode(name, '5', "", b"", mode);
    let of_user = |user: &str, layers: &[Vec<u8>]| -> Vec<String> {
        let findings = layout::verified_as(user, layers, Scope::Planned).findings;
        findings.into_iter().filter(|it| it.code.id() == "engines-differ").map(|it| it.path).collect()
    };
    for name in ["./", ".", "/"] {
        let closed = [root(name, 0o700), program()].concat();
        assert_eq!(of_user("1000", std::slice::from_ref(&closed)), ["/"], "{name}");
        assert_eq!(of_user("1000", &[program(), root(name, 0o700)]), ["/"], "{name}");
        assert!(of_user("", std::slice::from_ref(&closed)).is_empty(), "{name}");
        // A later entry opens it again.
        assert!(of_user("1000", &[closed, root(name, 0o755)]).is_empty(), "{name}");
    }
    // A user without a group has root's.
    let group = [root("./", 0o750), program()].concat();
    assert!(of_user("1000", std::slice::from_ref(&group)).is_empty());
    assert_eq!(of_user("1000:1000", &[group]), ["/"]);
    // A file in place of the root describes nothing.
    assert!(of_user("1000", &[[entry_with_mode("./", '0', "", b"", 0o600), program()].concat()]).is_empty());
}
