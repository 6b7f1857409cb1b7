//! The last command of `-c`, which some shells run in their own place: `setsid` there is the leader of the container's process
//! group, starts its program in a child and ends the container.
//!
//! The long test of launchers starts these images with runc, too.

use crate::launchers::{Case, disagreements};

/// A program that says a second later that it has started.
const LATER: &str = "setsid sh -c '/bin/busybox sleep 1; exec /app'";

const REFUSED: &str = "launch-refused";

/// Returns an image whose shell runs a text, in which `L` is the program that `setsid` starts.
fn shell(words: &[&str], text: &str) -> Case {
    Case::of(&[words, &["-c", &text.replace('L', LATER)]].concat())
}

/// Texts with whose last command bash and BusyBox replace themselves.
const BY_BOTH: &[&str] = &[
    "L",
    "A=1 L",
    "true; L",
    "true && L",
    "false || L",
    "cd /srv; L",
    "true\nL",
    "set -e; L",
    "exec 2>&1; L",
    "A=$(true); L",
    "command L",
    "env nice L",
    "L # why",
    "L;",
];

/// Texts for which they start a child.
const BY_NEITHER: &[&str] = &[
    "L; true",
    "L || true",
    "true | L",
    "! L",
    "eval \"L\"",
    "f() { L; }; f",
    "for i in 1; do L; done",
    "L &\nwait",
    "L\n# why\n",
    "{ L; } 2>&1",
    "\nL\n\n",
];

/// Texts with which only BusyBox replaces itself.
const BY_BUSYBOX: &[&str] = &[
    "if true; then L; fi",
    "if false; then true; else L; fi",
    "{ L; }",
    "(L)",
    "(L) 2>&1",
    "cd /srv && { L; }",
    "case a in a) L;; esac",
    "L 2>&1",
];

pub(crate) fn cases() -> Vec<Case> {
    let (bash, dash) = (|text: &&str| shell(&["bash"], text), |text: &&str| shell(&["sh"], text));
    let busybox = |text: &&str| shell(&["/bin/busybox", "sh"], text);
    let refused = |case: Case| case.fails(REFUSED);
    let some = [BY_BOTH, BY_NEITHER, BY_BUSYBOX].into_iter().flat_map(|texts| &texts[..3]);
    let mut cases: Vec<Case> = some.map(dash).collect();
    cases.extend(BY_BOTH.iter().map(bash).chain(BY_BOTH.iter().map(busybox)).map(refused));
    cases.extend(BY_NEITHER.iter().chain(BY_BUSYBOX).map(bash));
    cases.extend(BY_NEITHER.iter().map(busybox));
    cases.extend(BY_BUSYBOX.iter().map(busybox).map(refused));
    cases.extend([
        bash(&"L\n").fails(REFUSED),
        busybox(&"L\n"),
        shell(&["/bb/sh"], "L").fails(REFUSED),
        shell(&["bash", "-e"], "L").fails(REFUSED),
        shell(&["env", "bash", "-l"], "L").fails(REFUSED),
        shell(&["tini", "--", "bash"], "L").fails(REFUSED),
        shell(&["timeout", "9", "bash"], "L"),
        // A trap keeps the shell, and `trap -` does not.
        bash(&"trap - TERM; L").seen_failing("launch-may-fail"),
        bash(&"trap true TERM; L").unproven("launch-may-fail"),
        busybox(&"true & L").fails(REFUSED),
        bash(&"true & L"),
        bash(&"/bin/busybox true & wait; true\nL").fails(REFUSED),
        Case::of(&["/entry.sh"]).script("/entry.sh", &format!("#!/bin/bash\n{LATER}")),
        Case::of(&["/bb/sh", "/entry.sh"]).script("/entry.sh", LATER),
    ]);
    cases
}

#[test]
fn the_last_command_takes_the_place_of_some_shells() {
    let wrong = disagreements(&cases());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
