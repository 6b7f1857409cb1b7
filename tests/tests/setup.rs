//! `dist --setup` and `doctor --fix`: what brings a missing tool, and what only a person can do.

use std::path::{Path, PathBuf};

use crossdock_tests::program::crossdock;
use crossdock_tests::{Outcome, Sandbox, fixture};

/// A sudo that wants a password: under `-n` it says so at once; without, it would wait for a terminal for ever.
const SUDO: &str = r#"[ "$1" = -n ] || exec sleep 3600
echo "sudo: a password is required" >&2
exit 1"#;

/// A project that needs a linker which only the system's package manager would bring, on a machine whose user is not
/// root.
fn a_user_who_misses_a_package() -> (Sandbox, PathBuf) {
    let mut sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "hello");
    fixture::write(project.join("crossdock.toml"), "[image.hello]\nlinkage = \"dynamic\"\n");
    sandbox.only(&["cargo", "rustc", "rustup", "cc", "git", "sh", "uname", "sleep"]).shim("sudo", SUDO);
    (sandbox, project)
}

/// In a namespace of its own every process is nobody, whoever runs the tests.
fn as_nobody(sandbox: &Sandbox, project: &Path, arguments: &[&str]) -> Outcome {
    let program = crossdock().to_str().unwrap();
    sandbox.tool(project, "unshare", &[&["--user", program], arguments].concat())
}

#[test]
fn a_sudo_that_asks_for_a_password_ends_the_set_up_with_the_command_to_run() {
    let (sandbox, project) = a_user_who_misses_a_package();
    for call in [&["dist", "--setup", "--platform", "linux/arm64"][..], &["doctor", "--fix", "--yes"]] {
        let outcome = as_nobody(&sandbox, &project, call).ends_with(3);
        let outcome = outcome.complains("sudo apt-get install -y gcc-aarch64-linux-gnu");
        assert!(!outcome.stderr.contains("dist --setup"), "that was just tried: {outcome}");
    }
}

#[test]
fn a_set_up_that_fails_does_not_advise_itself() {
    let (mut sandbox, project) = a_user_who_misses_a_package();
    sandbox.shim("sudo", "[ \"$2\" = true ] || { echo 'E: no server' >&2; exit 100; }");
    let outcome =
        as_nobody(&sandbox, &project, &["dist", "--setup", "--platform", "linux/arm64"]).ends_with(3);
    let outcome = outcome.complains("E: no server").complains("could not bring it");
    assert!(!outcome.stderr.contains("dist --setup"), "{outcome}");
    let without = sandbox.crossdock(&project, &["dist", "--platform", "linux/arm64"]).ends_with(3);
    without.complains("crossdock dist --setup");
}
