//! Verifies configurations that engines refuse or treat differently. `tests/tests/configurations.rs` holds more of them
//! against the engines.

use std::collections::BTreeMap;

use crate::host::host_file;
use crate::support::{Recipe, summary};
use crossdock_platform::Platform;
use crossdock_verify::{Finding, ImageFacts, MemoryRoot, PlatformText, Target, Verdict, verify_image};

/// An image that starts `/app` as root on linux/amd64.
fn image() -> ImageFacts {
    ImageFacts::default()
        .with_index_platform(PlatformText::new("linux", "amd64", None))
        .with_config_platform(PlatformText::new("linux", "amd64", None))
        .with_entrypoint(["/app"])
}

fn go(architecture: &str) -> Vec<u8> {
    Recipe::parse(&format!("CGO_ENABLED=0 GOOS=linux GOARCH={architecture} go")).make()
}

fn root() -> MemoryRoot {
    MemoryRoot::new().file("/app", 0o755, go("amd64"))
}

fn verify(image: &ImageFacts, root: &MemoryRoot) -> Vec<Finding> {
    verify_image(image, root, &Target::new(&Platform::LINUX_AMD64), &BTreeMap::new())
}

#[track_caller]
fn expect(verdict: Verdict, codes: &str, image: &ImageFacts, root: &MemoryRoot) {
    let findings = verify(image, root);
    let (found, found_verdict) = summary(&findings);
    assert_eq!((found.as_str(), found_verdict), (codes, verdict), "{findings:#?}");
}

#[track_caller]
fn fails(codes: &str, image: &ImageFacts, root: &MemoryRoot) {
    expect(Verdict::Fails, codes, image, root);
}

#[track_caller]
fn starts(codes: &str, image: &ImageFacts, root: &MemoryRoot) {
    expect(Verdict::Starts, codes, image, root);
}

#[track_caller]
fn unproven(codes: &str, image: &ImageFacts, root: &MemoryRoot) {
    expect(Verdict::Unproven, codes, image, root);
}

#[test]
fn a_working_directory_is_entered_or_created() {
    let root = root().file("/file", 0o644, "").link("/loop", "loop").link("/dangling", "none/x");
    for path in ["srv", "~", "$HOME/x", "/file", "/file/x", "/loop", "/loop/x", "/a\0b", "C:\\app"] {
        fails("working-directory", &image().with_working_directory(path), &root);
    }
    fails("working-directory", &image().with_working_directory(format!("/{}", "x".repeat(256))), &root);
    fails("working-directory", &image().with_working_directory("/x".repeat(2048)), &root);
    for path in ["/", "/srv/x", "/~", "/$HOME", "/a/../b", "/dev/x", ""] {
        starts("", &image().with_working_directory(path), &root);
    }
    unproven("engines-differ", &image().with_working_directory("/dangling"), &root);
    unproven("unreadable", &image().with_working_directory("/proc/self"), &root);
}

#[test]
fn limits_of_words_and_variables_are_those_of_linux() {
    let variable = |length: usize| image().with_env([format!("A={}", "x".repeat(length - 2))]);
    starts("", &variable(131_071), &root());
    fails("config-invalid", &variable(131_072), &root());
    fails("config-invalid", &image().with_cmd(["x".repeat(131_072)]), &root());
    // Pages of 64 KiB allow more.
    let arm64 = PlatformText::new("linux", "arm64", None);
    let image = variable(131_072).with_index_platform(arm64.clone()).with_config_platform(arm64);
    let root = MemoryRoot::new().file("/app", 0o755, go("arm64"));
    let target = Target::new(&Platform::LINUX_ARM64);
    assert_eq!(summary(&verify_image(&image, &root, &target, &BTreeMap::new())).0, "");
}

#[test]
fn values_that_no_engine_accepts_are_errors() {
    for date in ["", "yesterday", "2024-01-01"] {
        fails("config-invalid", &image().with_dates([date]), &root());
    }
    fails("config-invalid", &image().with_env(["=x"]), &root());
    for user in ["2147483648", "-1", "1:2147483648"] {
        fails("user-out-of-range", &image().with_user(user), &root());
    }
    let line = format!("{}\nweb:x:1000:1000::/:\n", "x".repeat(65_536));
    fails("user-files-broken", &image().with_user("1000"), &root().file("/etc/passwd", 0o644, line));
    fails("user-files-broken", &image(), &root().directory("/etc/group", 0o755));
}

#[test]
fn values_that_engines_treat_differently_are_named() {
    unproven("engines-differ", &image().with_user("1:2:3"), &root());
    unproven("engines-differ", &image().with_volumes(["/app"]), &root());
    unproven("engines-differ", &image().with_layers(1, 2), &root());
    starts("refused-by-one-engine", &image().with_stop_signal("SIGFOO"), &root());
    starts("refused-by-one-engine", &image().with_entrypoint([""]).with_cmd(["/app"]), &root());
    fails("no-entry-point", &image().with_entrypoint([""]), &root());
    let arm64 = PlatformText::new("linux", "arm64", None);
    let single = ImageFacts::default().with_config_platform(arm64).with_entrypoint(["/app"]);
    starts("config-platform-ignored", &single, &root());
}

/// Engines read the files with Go's `strconv.Atoi` and ignore its errors.
#[test]
fn accounts_are_read_as_engines_read_them() {
    let with = |passwd: &str, mode: u32, uid: u32| {
        let entry = crossdock_verify::Entry {
            kind: crossdock_verify::EntryKind::File,
            mode,
            uid,
            gid: 77,
            size: go("amd64").len() as u64,
        };
        MemoryRoot::new().put("/app", entry, go("amd64")).file("/etc/passwd", 0o644, passwd)
    };
    let image = image().with_user("web");
    for (line, uid) in [
        ("web:x:1000:1000::/:", 1000),
        ("  web:x:1000", 1000),
        ("# a comment\n\nweb:x:+1000:1\r", 1000),
        ("web:x:1000:1::/:\nweb:x:2000:2::/:", 1000),
        ("web:x:4294968296:1::/:", 1000),
        ("web", 0),
        ("web:x:abc:1", 0),
        ("web:x: 1000:1", 0),
    ] {
        starts("user-not-numeric", &image, &with(line, 0o100, uid));
        // Root may execute what its owner may.
        if uid != 0 {
            fails("not-executable user-not-numeric", &image, &with(line, 0o100, uid + 1));
        }
    }
    unproven("engines-differ user-not-numeric", &image, &with("web:x:1000:2147483648", 0o755, 0));
    unproven("engines-differ user-not-numeric", &image, &with("web:x:-5:1", 0o755, 0));
    fails("user-not-numeric user-unknown", &image, &with("Web:x:1:1", 0o755, 0));
}

#[test]
fn a_health_check_is_followed_to_its_program() {
    let check = |test: &[&str]| image().with_health_check(test.iter().copied());
    let root = root().file("/bin/sh", 0o755, go("amd64")).file("/bin/curl", 0o755, go("amd64"));
    for test in [
        &["CMD", "/app", "--health"][..],
        &["CMD", "curl", "localhost"],
        &["CMD-SHELL", "curl -f localhost || exit 1"],
        &["CMD-SHELL", "test -e /x && $SOME/thing"],
        &["NONE"],
        &[],
    ] {
        starts("", &check(test), &root);
    }
    for test in [
        &["CMD", "/missing"][..],
        &["CMD", "wget", "localhost"],
        &["CMD-SHELL", "wget localhost"],
        &["CMD-SHELL", "/opt/check --all"],
    ] {
        starts("health-check-broken", &check(test), &root);
    }
    starts("health-check-broken", &check(&["CMD-SHELL", "exit 0"]).with_shell(["/bin/bash", "-c"]), &root);
    starts(
        "health-check-broken",
        &check(&["CMD", "/bin/arm"]),
        &root.clone().file("/bin/arm", 0o755, go("arm64")),
    );
    let without_shell = MemoryRoot::new().file("/app", 0o755, go("amd64"));
    starts("health-check-broken", &check(&["CMD-SHELL", "exit 0"]), &without_shell);
}

#[test]
fn a_base_image_of_another_architecture_is_named() {
    let remedy = "In the last FROM of the Dockerfile";
    let foreign = root().file("/bin/busybox", 0o755, go("arm64")).link("/bin/sh", "busybox");
    starts("foreign-userland", &image(), &foreign);
    let shell = image().with_entrypoint([""; 0]).with_cmd(["/bin/sh", "-c", "/app"]);
    let findings = verify(&shell, &foreign);
    assert!(findings.iter().all(|finding| finding.help.starts_with(remedy)), "{findings:#?}");
    fails("foreign-userland wrong-machine", &shell, &foreign);
    let script = foreign.clone().file("/app", 0o755, "#!/bin/sh\n");
    fails("foreign-userland wrong-machine", &image(), &script);
    // Without a shell the loader tells, unless the target's own is there too.
    let loader = || host_file("/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1");
    let dynamic = MemoryRoot::new().file("/app", 0o755, Recipe::parse("gcc @main.c").make()).file(
        "/lib/ld-linux-aarch64.so.1",
        0o755,
        loader(),
    );
    let findings = verify(&image(), &dynamic);
    fails("foreign-userland interpreter-missing", &image(), &dynamic);
    assert!(findings.iter().all(|finding| finding.help.starts_with(remedy)), "{findings:#?}");
    let both = root().file("/lib/ld-linux-aarch64.so.1", 0o755, loader()).file(
        "/lib64/ld-linux-x86-64.so.2",
        0o755,
        go("amd64"),
    );
    starts("", &image(), &both);
}

/// A BusyBox of the texts that every build has.
fn busybox(version: &str) -> Vec<u8> {
    let mut bytes = go("amd64");
    let texts = format!(
        "\0BusyBox v1.{version}\0multi-call binary\0: applet not found\0ash\0cat\0cp\0echo\0env\0grep\0ls\0sh\0"
    );
    bytes.extend(texts.bytes());
    bytes
}

#[test]
fn applets_and_options_of_busybox_are_known() {
    let with = |version: &str, script: &str| {
        let root = root().file("/bin/busybox", 0o755, busybox(version)).file("/script", 0o755, script);
        ["sh", "bash", "env", "node"]
            .into_iter()
            .fold(root, |root, name| root.link(&format!("/usr/bin/{name}"), "/bin/busybox"))
    };
    // This test ignores the other findings about the imitation of BusyBox.
    let found = |words: &[&str], root: &MemoryRoot| {
        let codes = summary(&verify(&image().with_entrypoint(words.iter().copied()), root)).0;
        codes.split(' ').filter(|code| code.starts_with("busybox")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(found(&["sh", "-c", "x"], &with("36.1", "")), "");
    assert_eq!(found(&["/usr/bin/bash"], &with("36.1", "")), "busybox-applet-missing");
    assert_eq!(found(&["/bin/busybox", "node"], &with("36.1", "")), "busybox-applet-missing");
    for (version, line, code) in [
        ("36.1", "/usr/bin/sh", ""),
        ("36.1", "/usr/bin/bash", "busybox-applet-missing"),
        ("36.1", "/usr/bin/env node", "busybox-applet-missing"),
        ("36.1", "/usr/bin/env -S sh -e", "busybox-option-missing"),
        ("38.0", "/usr/bin/env -S sh -e", "busybox-option-missing"),
        ("39.0", "/usr/bin/env -S sh -e", "busybox-unknown"),
    ] {
        assert_eq!(found(&["/script"], &with(version, &format!("#!{line}\n"))), code, "{line}");
    }
}

/// Docker's verdicts on such images; `ctr` mounts no files, and crun searches PATH by system calls.
#[test]
fn engines_differ_about_their_own_files() {
    let differ = |image: &ImageFacts, root: &MemoryRoot| unproven("engines-differ", image, root);
    for file in ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"] {
        differ(&image(), &root().directory(file, 0o755));
        differ(&image().with_working_directory(format!("{file}/x")), &root());
        starts("", &image(), &root().file(file, 0o644, ""));
    }
    differ(&image().with_volumes(["/etc/passwd"]), &root());
    starts("", &image().with_volumes(["/etc"]), &root());
    differ(&image(), &root().file("/etc", 0o644, ""));
    let accounts = |uid: &str| root().file("/etc/passwd", 0o644, format!("app:x:{uid}:1000::/:/bin/sh\n"));
    unproven("engines-differ user-not-numeric", &image().with_user("app"), &accounts("4294967295"));
    starts("user-not-numeric", &image().with_user("app"), &accounts("1000"));
}

#[test]
fn parent_directories_in_path_are_joined_as_go_does() {
    let named = ImageFacts::default()
        .with_index_platform(PlatformText::new("linux", "amd64", None))
        .with_config_platform(PlatformText::new("linux", "amd64", None))
        .with_entrypoint(["app"]);
    let root = root().directory("/srv", 0o755);
    unproven("engines-differ", &named.clone().with_env(["PATH=/nope/.."]), &root);
    starts("", &named.clone().with_env(["PATH=/srv/.."]), &root);
    fails("entry-point-not-on-path", &named.with_env(["PATH=/srv/../nope"]), &root);
}
