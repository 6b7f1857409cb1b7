//! Start-up commands of many kinds: links to scripts, traps, coprocesses, launchers that are not followed, `env -S`.
//!
//! The long test of launchers starts these images with runc, too.

use crate::host::host_file;
use crate::launchers::{Case, disagreements, libraries_of};

const APPLETS: &[(&str, &str)] = &[
    ("/usr/bin/basename", "/bin/busybox"),
    ("/usr/bin/cat", "/bin/busybox"),
    ("/usr/bin/dirname", "/bin/busybox"),
    ("/usr/bin/find", "/bin/busybox"),
    ("/usr/bin/chown", "/bin/busybox"),
    ("/usr/bin/ln", "/bin/busybox"),
    ("/usr/bin/readlink", "/bin/busybox"),
    ("/usr/local/bin/start", "/opt/start.sh"),
];

const MISSING: &str = "launch-command-missing";
const STARTED: &str = "#!/bin/sh\necho started\n";

/// A script that starts the program next to it.
const BESIDE: &str = "#!/bin/sh\nexec \"$(dirname \"$0\")/run\"\n";

fn of(words: &[&str]) -> Case {
    Case::of(words).with_links(APPLETS)
}

fn shell(text: &str) -> Case {
    of(&["sh", "-c", text])
}

fn bash(text: &str) -> Case {
    of(&["bash", "-c", text])
}

fn entry(text: &str) -> Case {
    of(&["/entry.sh"]).script("/entry.sh", text)
}

/// An image with this program of the machine, where `PATH` finds it.
fn with(program: &str, arguments: &[&str]) -> Case {
    let name = program.rsplit('/').next().unwrap_or(program);
    let words = [&[name], arguments].concat();
    let case = of(&words).file(&format!("/usr/bin/{name}"), 0o755, host_file(program));
    let libraries = libraries_of([program].into_iter());
    libraries.into_iter().fold(case, |case, path| case.file(&path, 0o755, host_file(&path)))
}

/// `$0` is the name by which a script is called, also by a link.
fn of_names() -> Vec<Case> {
    let linked = "#!/bin/sh\nln -s /opt/start.sh /srv/go\nexec /srv/go\n";
    let start = |words: &[&str], script: &str, run: &str| {
        of(words).script("/opt/start.sh", script).script(run, STARTED)
    };
    let beside = |run: &str| entry(linked).script("/opt/start.sh", BESIDE).script(run, STARTED);
    let by_case = "#!/bin/sh\ncase $(basename \"$0\") in start.sh) exec /app;; *) exec /none;; esac\n";
    let of_source = "#!/bin/bash\ncd \"$(dirname \"${BASH_SOURCE[0]}\")\"\nexec ./run\n";
    vec![
        start(&["start"], BESIDE, "/usr/local/bin/run"),
        start(&["/usr/local/bin/start"], BESIDE, "/opt/run").fails(MISSING),
        start(&["sh", "/usr/local/bin/start"], BESIDE, "/usr/local/bin/run"),
        start(&["sh", "/usr/local/bin/start"], BESIDE, "/opt/run").fails(MISSING),
        start(&["sh", "-c", "exec start"], BESIDE, "/opt/run").fails(MISSING),
        start(&["env", "start"], BESIDE, "/opt/run").fails(MISSING),
        start(&["start"], of_source, "/usr/local/bin/run"),
        start(&["start"], of_source, "/opt/run").fails(MISSING),
        start(&["start"], by_case, "/opt/run").fails(MISSING),
        beside("/opt/run").seen_failing("launch-unknown"),
        beside("/srv/run").unproven("launch-unknown"),
        entry(linked).script("/opt/start.sh", by_case).seen_failing("launch-unknown"),
        entry(linked).script("/opt/start.sh", "#!/bin/sh\nexec /app\n"),
        entry(linked).script("/opt/start.sh", "#!/bin/sh\nexec /none\n").seen_failing("launch-may-fail"),
        of(&["./start"]).script("/srv/start", "#!/bin/sh\nexec ${0%/*}/../app\n").directory("/srv"),
    ]
}

fn of_shells() -> Vec<Case> {
    let may_fail = "launch-may-fail";
    vec![
        bash("coproc { /bin/busybox cat; }; exec /app"),
        bash("coproc NAME { /bin/busybox cat; }; exec /app"),
        bash("coproc (/bin/busybox cat); exec /none").seen_failing("launch-unknown"),
        bash("coproc while true; do /bin/busybox sleep 9; done\nexec /app"),
        bash("coproc /bin/busybox cat; exec /app"),
        bash("coproc /none; wait").fails(MISSING),
        bash("coproc /app >&2; wait"),
        shell("trap 'exec /none' EXIT; true").seen_failing(may_fail),
        shell("trap 'exec /app' EXIT; true"),
        shell("trap /arm EXIT; true").seen_failing(may_fail),
        shell("trap 'rm -f /srv/pid' EXIT; /app"),
        shell("cd /nope && exec /app").seen_failing("launch-unknown"),
        shell("cd /nope; exec /app"),
        shell("umask 077; ulimit -n 64; exec /app"),
        shell(". /nope; exec /app").fails("launch-file-missing"),
        bash("source /nope; exec /app"),
        bash("c=(/none); c+=(--x); exec \"${c[@]}\"").fails(MISSING),
        bash("declare -a c=(/app --x); exec \"${c[@]}\""),
        bash("p=/app; exec ${!x}").env("x=p"),
        bash("readarray -t c < /cmd; exec \"${c[@]}\"").file("/cmd", 0o644, "/none\n-x\n").fails(MISSING),
        bash("exec $(< /cmd)").file("/cmd", 0o644, "/none\n").fails(MISSING),
        shell("exec $(cat /cmd)").file("/cmd", 0o644, "/app\n"),
        shell("set -a; . /env; set +a; exec $PROGRAM").file("/env", 0o644, "PROGRAM=/none\n").fails(MISSING),
        shell("for p in /none /app; do [ -x $p ] && exec $p; done"),
        shell("command -v none >/dev/null || exec /app; exec none"),
        shell("/entry").file("/entry", 0o644, "#!/bin/sh\nexec /app\n").fails("not-executable"),
        of(&["timeout", "-k", "5", "5", "sh", "-c", "/arm"]).fails("wrong-machine"),
    ]
}

fn of_programs() -> Vec<Case> {
    let unknown = "launch-unknown";
    vec![
        with("/usr/bin/prlimit", &["--nofile=64", "/app"]),
        with("/usr/bin/prlimit", &["-n64", "--core", "/none"]).fails(MISSING),
        with("/usr/bin/prlimit", &["--nosuch", "/app"]).fails("launch-refused"),
        with("/usr/bin/setarch", &["-R", "/none"]).fails(MISSING),
        with("/usr/bin/setarch", &["linux64", "/app"]),
        with("/usr/bin/setarch", &["linux64", "-v", "/arm"]).fails("wrong-machine"),
        with("/usr/bin/unshare", &["/none"]).seen_failing(unknown),
        with("/usr/bin/nsenter", &["/none"]).seen_failing(unknown),
        with("/usr/bin/script", &["-c", "/none", "/dev/null"]).seen_failing(unknown),
        with("/sbin/start-stop-daemon", &["--start", "--exec", "/none"]).seen_failing(unknown),
        with("/bin/run-parts", &["/none"]).seen_failing(unknown),
        with("/usr/bin/taskset", &["-c", "0", "/none"]).fails(MISSING),
        with("/usr/bin/chrt", &["-i", "0", "/app"]),
        with("/usr/bin/ionice", &["-c3", "nice", "-n", "19", "/app"]),
    ]
}

/// Interpreters after `env -S`, and users.
fn of_interpreters() -> Vec<Case> {
    let entry = |line: &str| entry(&format!("{line}\nexec /app\n"));
    vec![
        entry("#!/usr/bin/env -S sh -e"),
        entry("#!/usr/bin/env -S A=1 sh"),
        entry("#!/usr/bin/env -S -i /bin/sh"),
        entry("#!/usr/bin/env -vS sh -e"),
        entry("#!/usr/bin/env -S -u PATH sh"),
        entry("#!/usr/bin/env sh -e").fails("script-command-missing script-entry-point"),
        entry("#!/usr/bin/env -S PATH=/none sh").fails("launch-command-missing script-entry-point"),
        entry("#!/bin/env sh").fails("script-interpreter-missing"),
        of(&["gosu", "1000:app", "/own"]).fails("not-executable"),
        of(&["setpriv", "--reuid=app", "--regid=app", "--init-groups", "/app"]),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    [of_names(), of_shells(), of_programs(), of_interpreters()].into_iter().flatten().collect()
}

#[test]
fn start_up_commands_are_followed() {
    let wrong = disagreements(&cases());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
