//! Launchers that are applets of BusyBox or toybox, which have other options than the programs of their names.
//!
//! The long test of launchers starts these images with runc, too.

use crate::host::host_file;
use crate::launchers::{Case, disagreements, libraries_of};
use crate::support::{Recipe, run, summary};
use crossdock_platform::Platform;
use crossdock_verify::{ImageFacts, MemoryRoot, Target, Verdict, verify_image};

const TOYBOX: &str = "/usr/bin/toybox";

const LINKS: &[(&str, &str)] = &[
    ("/tb/sh", TOYBOX),
    ("/tb/timeout", TOYBOX),
    ("/tb/setsid", TOYBOX),
    ("/tb/nice", TOYBOX),
    ("/tb/tool", TOYBOX),
    ("/tb/other", "nice"),
    ("/bb/setsid", "/bin/busybox"),
    ("/bb/xargs", "/bin/busybox"),
];

/// An image that has toybox, too.
fn of(words: &[&str]) -> Case {
    let case = Case::of(words).with_links(LINKS).file(TOYBOX, 0o755, host_file(TOYBOX));
    libraries_of([TOYBOX].into_iter()).into_iter().fold(case, |case, path| {
        let content = host_file(&path);
        case.file(&path, 0o755, content)
    })
}

fn of_toybox() -> Vec<Case> {
    let missing = "busybox-applet-missing";
    let unknown = "launch-unknown";
    vec![
        of(&["/tb/sh", "-c", "/app"]).fails(missing),
        of(&["/tb/tool"]).fails(missing),
        of(&["/usr/bin/tini", "--", "/tb/sh", "-c", "/app"]).fails(missing),
        of(&[TOYBOX, "sh", "-c", "/app"]).fails(missing),
        of(&[TOYBOX, "gosu", "app", "/app"]).fails(missing),
        of(&[TOYBOX, "-x"]).fails(missing),
        of(&["/entry.sh"]).script("/entry.sh", "#!/tb/sh\nexec /app\n").fails(missing),
        of(&["/entry.sh"]).script("/entry.sh", "#!/bin/sh\nexec /tb/tool\n").fails(missing),
        of(&[TOYBOX, "nice", "/app"]),
        of(&[TOYBOX, "env", "A=1", "/app"]),
        of(&[TOYBOX, "env", "/none"]).fails("launch-command-missing"),
        of(&["/tb/nice", "/app"]),
        of(&["/tb/nice", "/arm"]).fails("wrong-machine"),
        of(&["/tb/other", "/app"]).unproven("busybox-unknown"),
        of(&["/tb/timeout", "5", "/app"]),
        of(&["/tb/timeout", "--foreground", "-s", "9", "5", "/app"]),
        of(&["/tb/timeout", "-f", "5", "/app"]).fails("launch-refused"),
        of(&["/tb/timeout", "--kill-after=3", "5", "/app"]).fails("launch-refused"),
        of(&["/entry.sh"]).script("/entry.sh", "#!/bin/sh\n/tb/setsid /app\n"),
        of(&["/tb/setsid", "-f", "/app"]).fails("launch-refused"),
        of(&[TOYBOX, "taskset", "-c", "0", "/app"]).fails("launch-refused"),
        of(&[TOYBOX, "taskset", "1", "/app"]),
        of(&[TOYBOX, "nohup", "-x", "/app"]).seen_failing(unknown),
    ]
}

fn of_busybox() -> Vec<Case> {
    let busybox = |words: &[&str]| of(&[&["/bin/busybox"], words].concat());
    let refused = "launch-refused";
    let may_fail = "launch-may-fail";
    let script = |text: &str| of(&["/entry.sh"]).script("/entry.sh", text);
    vec![
        script("#!/bin/sh\n/bb/setsid /app\n"),
        of(&["/bb/setsid", "-w", "/app"]).fails(refused),
        busybox(&["setsid", "--fork", "/app"]).fails(refused),
        busybox(&["ionice", "-c", "3", "/app"]),
        busybox(&["ionice", "-c3", "/none"]).fails("launch-command-missing"),
        busybox(&["ionice", "--class", "3", "/app"]).fails(refused),
        busybox(&["ionice", "-c", "idle", "/app"]).fails(refused),
        busybox(&["ionice", "-c", "9", "/app"]).fails(refused),
        busybox(&["taskset", "1", "/app"]),
        busybox(&["taskset", "-c", "0", "/app"]),
        busybox(&["taskset", "--cpu-list", "0", "/app"]).fails(refused),
        busybox(&["timeout", "-s", "NOSUCH", "5", "/app"]).fails(refused),
        busybox(&["timeout", "-s", "term", "5", "/app"]),
        busybox(&["timeout", "-s", "99", "5", "/app"]).fails(refused),
        busybox(&["timeout", "-t", "5", "/app"]).fails(refused),
        of(&["timeout", "-s", "NOSUCH", "5", "/app"]).fails(refused),
        of(&["timeout", "--signal=SIGKILL", "5", "/app"]),
        of(&["timeout", "--signal", "99", "5", "/app"]).fails(refused),
        busybox(&["xargs", "/none"]).seen_failing(may_fail),
        busybox(&["xargs", "/app"]),
        busybox(&["xargs", "-d", "x", "/app"]).fails(refused),
        script("#!/bin/sh\necho x | /bb/xargs /none\n").seen_failing(may_fail),
        script("#!/bin/sh\necho x | /bb/xargs -n1 /app\n"),
        script("#!/bin/sh\necho x | /bb/xargs -n1 /arm\n").seen_failing(may_fail),
        script("#!/bin/sh\nset -e\necho x | /bb/xargs echo\nexec /app\n"),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    of_toybox().into_iter().chain(of_busybox()).collect()
}

#[test]
fn applets_are_read_with_their_own_options() {
    let wrong = disagreements(&cases());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The table of applets is found through relocations.
#[test]
fn every_applet_of_toybox_is_found() {
    let listed = run(TOYBOX, &[], &[]).stdout;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let verify = |word: &str, content: &[u8]| {
        let root = MemoryRoot::new().file(TOYBOX, 0o755, content).link(&format!("/tb/{word}"), TOYBOX);
        let image = ImageFacts::default().with_entrypoint([format!("/tb/{word}")]);
        let target = Target::new(&Platform::LINUX_AMD64);
        let findings = verify_image(&image, &root, &target, &Default::default());
        findings.into_iter().map(|finding| finding.code.id()).find(|code| code.starts_with("busybox"))
    };
    let toybox = host_file(TOYBOX);
    for applet in listed.split_whitespace().step_by(7) {
        assert_eq!(verify(applet, &toybox), None, "{applet}");
    }
    for other in ["sh", "bash", "nginx"] {
        assert_eq!(verify(other, &toybox), Some("busybox-applet-missing"), "{other}");
    }
    // A program with the texts of toybox and without its table.
    let other =
        [Recipe::parse("gcc -static @main.c").make(), b"landley.net/toybox\0Unknown command %s\0".to_vec()];
    assert_eq!(verify("ls", &other.concat()), Some("busybox-unknown"));
}

/// Before 1.31, the timeout of BusyBox took the time as the value of an option.
#[test]
fn the_timeout_of_an_old_busybox_takes_an_option() {
    let busybox = host_file("/bin/busybox");
    let place = busybox.windows(7).position(|text| text == b"+s:k:\0-" || text.starts_with(b"+s:k:\0"));
    let mut old = busybox.clone();
    old[place.expect("the options of timeout")..][..5].copy_from_slice(b"+s:t:");
    let verdict = |words: &[&str]| {
        let words = [&["/bin/busybox", "timeout"], words].concat();
        summary(&Case::of(&words).file("/bin/busybox", 0o755, old.clone()).verify())
    };
    let starts = (String::new(), Verdict::Starts);
    assert_eq!(verdict(&["-t", "5", "/app"]), starts);
    assert_eq!(verdict(&["-t", "5", "-s", "KILL", "/app"]), starts);
    assert_eq!(verdict(&["5", "/app"]), ("launch-command-missing".to_owned(), Verdict::Fails));
    assert_eq!(verdict(&["-k", "3", "5", "/app"]), ("launch-refused".to_owned(), Verdict::Fails));
}
