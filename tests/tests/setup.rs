//! `--setup` of `dist` and `doctor`: remedies that crossdock runs, and those that only a person can run.

use std::path::{Path, PathBuf};

use crossdock_tests::program::crossdock;
use crossdock_tests::{Outcome, Sandbox, fixture};

/// A sudo that needs a password: with `-n` it says so at once; without, it would wait for a terminal forever.
const SUDO: &str = r#"[ "$1" = -n ] || exec sleep 3600
echo "sudo: a password is required" >&2
exit 1"#;

/// Creates a project that needs a linker which only the system's package manager installs, for a user who is not root.
fn user_who_lacks_a_package() -> (Sandbox, PathBuf) {
    let mut sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "hello");
    fixture::write(project.join("crossdock.toml"), "[image.hello]\nlinkage = \"dynamic\"\n");
    sandbox.only(&["cargo", "rustc", "rustup", "cc", "git", "sh", "uname", "sleep"]).shim("sudo", SUDO);
    (sandbox, project)
}

/// Runs as nobody in a user namespace, whoever runs the tests.
fn as_nobody(sandbox: &Sandbox, project: &Path, arguments: &[&str]) -> Outcome {
    let program = crossdock().to_str().unwrap();
    sandbox.tool(project, "unshare", &[&["--user", program], arguments].concat())
}

#[test]
fn a_sudo_that_needs_a_password_ends_the_setup_with_the_command() {
    let (sandbox, project) = user_who_lacks_a_package();
    for call in [
        &["dist", "--setup", "--platform", "linux/arm64"][..],
        &["doctor", "--setup", "--yes"],
        &["doctor", "--fix", "--yes"],
    ] {
        let outcome = as_nobody(&sandbox, &project, call).ends_with(3);
        let outcome = outcome.complains("sudo apt-get install -y gcc-aarch64-linux-gnu");
        assert!(!outcome.stderr.contains("dist --setup"), "that was just tried: {outcome}");
    }
}

#[test]
fn a_failed_setup_does_not_recommend_itself() {
    let (mut sandbox, project) = user_who_lacks_a_package();
    sandbox.shim("sudo", "[ \"$2\" = true ] || { echo 'E: no server' >&2; exit 100; }");
    let outcome =
        as_nobody(&sandbox, &project, &["dist", "--setup", "--platform", "linux/arm64"]).ends_with(3);
    let outcome = outcome.complains("E: no server").complains("could not install it");
    assert!(!outcome.stderr.contains("dist --setup"), "{outcome}");
    let without = sandbox.crossdock(&project, &["dist", "--platform", "linux/arm64"]).ends_with(3);
    without.complains("crossdock dist --setup");
}
