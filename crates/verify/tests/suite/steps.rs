//! Entry scripts whose commands before the program fail, remove the program, or run it next to the container's own.
//!
//! The long test of launchers starts these images with runc, too, also those that are unproven and do not start there.

use crate::host::host_file;
use crate::launchers::{Case, disagreements};
use crate::support::{Recipe, summary};
use crossdock_verify::Verdict;

/// Programs that the scripts call, as applets of BusyBox.
const APPLETS: &[(&str, &str)] = &[
    ("/usr/bin/cat", "/bin/busybox"),
    ("/usr/bin/chmod", "/bin/busybox"),
    ("/usr/bin/chown", "/bin/busybox"),
    ("/usr/bin/cp", "/bin/busybox"),
    ("/usr/bin/dirname", "/bin/busybox"),
    ("/usr/bin/find", "/bin/busybox"),
    ("/usr/bin/ln", "/bin/busybox"),
    ("/usr/bin/ls", "/bin/busybox"),
    ("/usr/bin/mkdir", "/bin/busybox"),
    ("/usr/bin/mv", "/bin/busybox"),
    ("/usr/bin/rm", "/bin/busybox"),
    ("/usr/bin/sed", "/bin/busybox"),
    ("/usr/bin/sleep", "/bin/busybox"),
    ("/usr/bin/tail", "/bin/busybox"),
    ("/usr/bin/tar", "/bin/busybox"),
    ("/usr/bin/touch", "/bin/busybox"),
];

fn entry(text: &str) -> Case {
    Case::of(&["/entry.sh"]).script("/entry.sh", text).with_links(APPLETS)
}

/// Returns an image whose script runs these commands before `/app`; one of them that fails ends it.
fn before_app(commands: &str) -> Case {
    entry(&format!("#!/bin/sh\nset -e\n{commands}\nexec /app\n"))
}

/// Returns an image whose script of bash does so, too, and for which each program of a pipeline counts.
fn in_bash(commands: &str) -> Case {
    entry(&format!("#!/bin/bash\nset -eo pipefail\n{commands}\nexec /app\n"))
}

/// Files that programs cannot read or create.
fn of_files() -> Vec<Case> {
    let may_fail = "launch-may-fail";
    let by_user = |commands: &str| before_app(commands).user("1000");
    vec![
        by_user("mkdir /data").seen_failing(may_fail),
        by_user("mkdir -p /data/cache").seen_failing(may_fail),
        by_user("mkdir -p /srv").file("/srv/x", 0o644, ""),
        by_user("mkdir -p /data/cache || true"),
        by_user("mkdir /data 2>/dev/null || exec /none").fails("launch-command-missing"),
        by_user("touch /srv/log").seen_failing(may_fail),
        by_user("touch /srv/data/log").seen_failing(may_fail),
        by_user("cp /etc/passwd /srv/users").seen_failing(may_fail),
        by_user("cp /etc/passwd /srv").seen_failing(may_fail),
        by_user("chmod 600 /srv/data").seen_failing(may_fail),
        by_user("chown 1000 /srv/data").seen_failing(may_fail),
        by_user("rm -f /srv/data").seen_failing(may_fail),
        by_user("rm -f /srv/none"),
        by_user("mv /srv/data /tmp/data").seen_failing(may_fail),
        by_user("ln -s /app /srv/run").seen_failing(may_fail),
        by_user("X=$(mkdir /data)").seen_failing(may_fail),
        entry("#!/bin/sh\nmkdir /data\nexec /app\n").user("1000"),
        entry("#!/bin/sh\nmkdir /data && exec /app\n").user("1000").seen_failing("launch-unknown"),
        before_app("mkdir /data\nmkdir -p /data/x"),
        // Another script made the directory.
        entry("#!/bin/sh\nmkdir /data\nchown app /data\nexec gosu app /second.sh\n")
            .script("/second.sh", "#!/bin/sh\nset -e\nmkdir /data/x\ntouch /data/x/y\nexec /app\n"),
        before_app("mkdir /srv").seen_failing(may_fail),
        before_app("mkdir /none/x").seen_failing(may_fail),
        before_app("touch /none/x").seen_failing(may_fail),
        before_app("cp /none /srv/x").seen_failing(may_fail),
        before_app("cp /srv /opt").seen_failing(may_fail),
        before_app("cp -r /srv /opt"),
        before_app("cp /etc/passwd /none/x").seen_failing(may_fail),
        before_app("cat /none").seen_failing(may_fail),
        // Debian 12's dash has no such option.
        before_app("set -o pipefail").fails("script-broken"),
        before_app("set -o pipefail || true").fails("script-broken"),
        before_app("if (set -o pipefail) 2>/dev/null; then set -o pipefail; fi"),
        before_app("cat /srv").seen_failing(may_fail),
        before_app("cat /none || true"),
        before_app("if [ -f /none ]; then cat /none; fi"),
        before_app("cat /run/none").seen_failing(may_fail),
        before_app("X=$(cat /none)").seen_failing(may_fail),
        before_app("echo text > /srv/made\ncat /srv/made\ncp /srv/made /srv/copy"),
        before_app("/bin/busybox tar --help 2>/dev/null || true\ncat /srv/data"),
        before_app("mv /none /opt").seen_failing(may_fail),
        before_app("rm /none").seen_failing(may_fail),
        before_app("rm -f /none"),
        before_app("rm /srv").seen_failing(may_fail),
        before_app("sed -i s/a/b/ /none").seen_failing(may_fail),
        before_app("sed -i s/a/b/ /srv/data"),
        by_user("sed -i s/a/b/ /srv/data").seen_failing(may_fail),
        by_user("sed s/a/b/ /srv/data"),
        before_app("find /none -type f").seen_failing(may_fail),
        before_app("find /srv /none ! -user app -exec chown app {} +").seen_failing(may_fail),
        before_app("find /srv -type f"),
        before_app("find /none || true"),
        before_app("chmod 644 /app\nfind /none -type f || find /none /app -exec chmod 755 {} + || true"),
        before_app("chmod 755 /none").seen_failing(may_fail),
        before_app("chown 0 /none").seen_failing(may_fail),
        before_app("ls /none").seen_failing(may_fail),
        before_app("ls /none.d/ > /dev/null").seen_failing(may_fail),
        before_app("tar -C /none -cf - . | cat"),
        in_bash("tar -C /none -cf - . | tar -xf - -C /srv").seen_failing(may_fail),
        in_bash("args=(-c --directory /none)\ntar \"${args[@]}\" . | tar -xf - -C /srv")
            .seen_failing(may_fail),
        in_bash("tar -cf - -C /srv . | tar -xC /opt -f -").file("/opt/x", 0o644, ""),
        in_bash("tar -cf - -C /srv . | tar -xC /none -f -").seen_failing(may_fail),
        in_bash("nosuch | cat").fails("launch-command-missing"),
        before_app("ln -s /none /srv/link\nrm /srv/link"),
        before_app("ln -s /app /srv/data").seen_failing(may_fail),
        before_app("ln -sf /app /srv/data"),
    ]
}

/// Files of redirections that cannot be opened.
fn of_redirections() -> Vec<Case> {
    let unknown = "launch-unknown";
    let by_user = |commands: &str| before_app(commands).user("1000");
    vec![
        by_user("echo text > /srv/log").seen_failing(unknown),
        by_user("cat < /etc/passwd > /srv/data").seen_failing(unknown),
        by_user("echo text > /srv/log || true"),
        by_user("{ echo text; } > /srv/log").seen_failing(unknown),
        by_user("if { echo text; } > /srv/log; then exec /none; fi"),
        entry("#!/bin/sh\necho text > /srv/log\nexec /app\n").user("1000"),
        entry("#!/bin/sh\n: > /srv/log\nexec /app\n").user("1000").seen_failing(unknown),
        entry("#!/bin/sh\nexec > /srv/log\nexec /app\n").user("1000").seen_failing(unknown),
        entry("#!/bin/sh\nexec /app > /srv/log\n").user("1000").seen_failing(unknown),
        before_app("while read -r line; do /app; done < /none").seen_failing(unknown),
        before_app("while read -r line; do /app; done < /none || true"),
        entry("#!/bb/sh\nset -e\nwhile read -r line; do :; done < /none\nexec /app\n"),
        entry("#!/bin/sh\nwhile read -r line; do /none; done < /none\nexec /app\n"),
        before_app("echo text > /srv/made\nwhile read -r line; do :; done < /srv/made"),
    ]
}

/// Programs without execute bits, after commands of which it is not known what they do.
fn of_guesses() -> Vec<Case> {
    let may_fail = "launch-may-fail";
    let hook = |text: &str, command: &str| {
        entry(&format!("#!/bin/sh\n/hook.sh\n{command}\n")).script("/hook.sh", text)
    };
    let nothing = "#!/bin/sh\necho text\n";
    vec![
        hook(nothing, "exec /closed").seen_failing(may_fail),
        hook(nothing, "exec closed").file("/usr/bin/closed", 0o644, RUN).seen_failing(may_fail),
        hook(nothing, "exec closed").file("/usr/local/bin/closed", 0o644, RUN).script("/usr/bin/closed", RUN),
        hook(nothing, "set -e\n/closed\nexec /app").seen_failing(may_fail),
        hook(nothing, "/closed\nexec /app"),
        hook("#!/bin/sh\nchmod 755 /closed\n", "exec /closed"),
        hook(nothing, "exec /closed").user("1000").fails("not-executable"),
        hook("#!/bin/sh\nchmod 755 /srv/data\n", "exec /closed").seen_failing(may_fail),
        hook(nothing, "mkdir -p /opt\nexec /opt/run").file("/opt/run", 0o644, RUN).seen_failing(may_fail),
        hook(nothing, "touch /closed\nexec /closed").seen_failing(may_fail),
        entry("#!/bin/sh\nmkdir -p /opt\nsed -i s/a/b/ /opt/run\nexec /opt/run\n")
            .file("/opt/run", 0o644, RUN)
            .fails("not-executable"),
        entry("#!/bin/sh\nchmod -R 755 \"$DIRECTORY\"\nexec /closed\n").seen_failing(may_fail),
        entry("#!/bin/sh\nchmod -R 755 \"$DIRECTORY\"\nexec /closed\n").env("DIRECTORY=/closed"),
        hook(nothing, "chmod +x /closed\nexec /closed"),
        hook(nothing, "for f in /clos*; do chmod +x \"$f\"; done\nexec /closed"),
        entry("#!/bin/sh\nfor f in /clos*; do chmod +x \"$f\"; done\nexec /closed\n"),
        hook(nothing, "exec /arm").fails("wrong-machine"),
        hook(nothing, "find /opt -name run -exec chmod +x {} +\nexec /opt/run").file("/opt/run", 0o644, RUN),
        entry("#!/bin/bash\nmkdir -p /srv/{a,b}\n\"$@\" &\nwait -n\n")
            .cmd(&["/closed"])
            .fails("not-executable"),
    ]
}

/// Programs that earlier commands copy or link.
fn of_copies() -> Vec<Case> {
    let may_fail = "launch-may-fail";
    let after = |command: &str, program: &str| {
        entry(&format!("#!/bin/sh\nset -e\n{command}\nexec {program}\n"))
            .file("/tmp/x", 0o644, "")
            .script("/opt/v2/run", RUN)
            .script("/opt/v1/old", RUN)
    };
    vec![
        after("cp /app /tmp/app", "/tmp/app"),
        after("cp /app /tmp", "/tmp/app"),
        after("cp /app /usr/bin/start", "start"),
        after("cp /app /tmp/app\nchmod +x /tmp/app", "/tmp/app"),
        after("cp /closed /tmp/app\nchmod +x /tmp/app", "/tmp/app").unproven("launch-unknown"),
        after("cp /closed /tmp/app", "/tmp/app").fails("not-executable"),
        after("cp /arm /tmp/app", "/tmp/app").seen_failing(may_fail),
        beside(after("cp /opt/tool/run /opt/tool/copy", "/opt/tool/copy")),
        beside(after("cp /opt/tool/run /tmp/run", "/tmp/run")).seen_failing("launch-unknown"),
        beside(after("cp /opt/tool/start /opt/tool/copy", "/opt/tool/copy")),
        beside(after("cp /opt/tool/start /tmp/start", "/tmp/start")).seen_failing("launch-unknown"),
        after("ln -sfn /opt/v2 /opt/current", "/opt/current/run"),
        after("ln -sfn /opt/v2 /opt/current", "/opt/current/none").fails("launch-command-missing"),
        after("ln -s /app /usr/bin/start", "start"),
        after("ln -s /opt/v2 /opt/v1", "/opt/v1/v2/run"),
        after("ln -s /none /usr/bin/start", "start").unproven("launch-unknown"),
        after("cp /app /tmp/app\nrm /tmp/app", "/tmp/app").unproven("launch-unknown"),
        after("[ -z \"$X\" ] || cp /app /tmp/app", "/tmp/app").seen_failing(may_fail),
    ]
}

/// Adds a program that finds its library next to itself, and a script that starts it so.
fn beside(case: Case) -> Case {
    let library = Recipe::parse("gcc -shared -fPIC -Wl,-soname,libanswer.so @library.c").path();
    let program = format!("gcc @main.c -Wl,--no-as-needed -Wl,-rpath,$ORIGIN {}", library.display());
    let library = std::fs::read(library).expect("the compiler wrote it");
    case.file("/opt/tool/run", 0o755, Recipe::parse(&program).make())
        .file("/opt/tool/libanswer.so", 0o755, library)
        .script("/opt/tool/start", "#!/bin/sh\nexec \"${0%/*}/run\"\n")
}

/// Programs that launchers start, and that earlier commands may have created.
fn of_launched() -> Vec<Case> {
    let may_fail = "launch-may-fail";
    let hook = |text: &str, command: &str| {
        entry(&format!("#!/bin/sh\nset -e\n/hook.sh\n{command}\n"))
            .script("/hook.sh", &format!("#!/bin/sh\n{text}\n"))
    };
    let makes = "printf '#!/bin/sh\\nexec /app\\n' > /made\nchmod +x /made";
    vec![
        hook(makes, "exec gosu app /made").unproven(may_fail),
        hook(makes, "exec gosu app /second.sh")
            .script("/second.sh", "#!/bin/sh\nexec /made\n")
            .unproven(may_fail),
        hook("chmod +x /closed", "exec tini -- /closed").unproven(may_fail),
        before_gosu("chmod +x /closed", "/closed").unproven(may_fail),
        before_gosu("cp /app /srv/app", "/srv/app").unproven(may_fail),
        before_gosu("mkdir /data", "/data/x").fails("launch-command-missing"),
        before_gosu("mkdir /data", "none").fails("launch-command-missing"),
    ]
}

fn before_gosu(command: &str, program: &str) -> Case {
    entry(&format!("#!/bin/sh\nset -e\n{command}\nexec gosu app {program}\n"))
}

/// Programs that earlier commands remove or close.
fn of_removals() -> Vec<Case> {
    let missing = "launch-command-missing";
    let closed = "not-executable";
    vec![
        entry("#!/bin/sh\nchmod 644 /app\nexec /app\n").fails(closed),
        entry("#!/bin/sh\nchmod a-x /app\nexec /app\n").fails(closed),
        entry("#!/bin/sh\nchmod 644 /app\nchmod +x /app\nexec /app\n"),
        entry("#!/bin/sh\nchmod 755 /app\nexec /app\n"),
        entry("#!/bin/sh\nchmod -R 644 /opt\nexec /opt/run\n").script("/opt/run", RUN).fails(closed),
        entry("#!/bin/sh\nchmod 644 /app\nexec /app\n").user("1000"),
        entry("#!/bin/sh\n[ -n \"$X\" ] && chmod 644 /app\nexec /app\n"),
        entry("#!/bin/sh\nrm /app\nexec /app\n").fails(missing),
        entry("#!/bin/sh\nrm -f /app\nexec /app\n").fails(missing),
        entry("#!/bin/sh\nrm -f /app\nexec /app\n").user("1000"),
        entry("#!/bin/sh\nrm -rf /opt\nexec /opt/run\n").script("/opt/run", RUN).fails(missing),
        entry("#!/bin/sh\nrm /app\ncp /opt/run /app\nexec /app\n")
            .script("/opt/run", "#!/bin/sh\necho started\n"),
        entry("#!/bin/sh\nmv /app /opt/app\nexec /app\n").file("/opt/x", 0o644, "").fails(missing),
        entry("#!/bin/sh\nmv /app /opt/app\nexec /opt/app\n")
            .file("/opt/x", 0o644, "")
            .unproven("launch-unknown"),
        entry("#!/bin/sh\nmv /opt /app2\nexec /opt/run\n").script("/opt/run", RUN).fails(missing),
        entry("#!/bin/sh\nset -e\nrm /app\n/app\nexec /dynamic\n").fails(missing),
    ]
}

/// Variables that cannot be assigned, and `return` outside functions.
fn of_builtins() -> Vec<Case> {
    let broken = "script-broken";
    let dash = |text: &str| entry(&format!("#!/bin/sh\n{text}\nexec /app\n"));
    let bash = |text: &str| entry(&format!("#!/bin/bash\n{text}\nexec /app\n"));
    vec![
        dash("readonly X=1\nX=2").fails(broken),
        dash("readonly X=1\nexport X=2").fails(broken),
        dash("readonly X=1\nunset X").fails(broken),
        dash("readonly X=1\nX=2 true").fails(broken),
        dash("readonly X=1\nfor X in a; do :; done").fails(broken),
        dash("readonly X=1\nf() { local X=2; }\nf").fails(broken),
        dash("X=1\nreadonly X\nexport X\n(X=2)"),
        dash("readonly X=1\n[ \"$X\" = 1 ] || X=2"),
        dash("UID=5"),
        bash("readonly X=1\nX=2"),
        bash("set -e\nreadonly X=1\nX=2").fails(broken),
        bash("set -e\nUID=5").fails(broken),
        bash("UID=${UID:-5}"),
        bash("declare -r X=1\nmain() { X=2; exec /none; }\nmain"),
        dash("return").seen_failing("launch-unknown"),
        dash("if true; then return 0; fi").seen_failing("launch-unknown"),
        dash("return 3").seen_failing("launch-unknown"),
        dash("f() { return 0; }\nf"),
        dash("(return 1)"),
        dash("[ -z \"$1\" ] || return"),
        dash(". /srv/more.sh").file("/srv/more.sh", 0o644, "return 0\nexec /none\n"),
        bash("return"),
        bash("set -e\nreturn").seen_failing("launch-unknown"),
        entry("#!/bin/sh\n/app\nreturn\n"),
    ]
}

/// Programs without which the container lives on, and those in substitutions.
fn of_others() -> Vec<Case> {
    let missing = "launch-command-missing";
    let may_fail = "launch-may-fail";
    vec![
        entry("#!/bin/sh\n/none &\ntail -f /dev/null\n").unproven(may_fail),
        entry("#!/bin/sh\n/arm &\nexec tail -F /dev/null\n").unproven(may_fail),
        entry("#!/bin/sh\nnone &\nexec sleep infinity\n").unproven(may_fail),
        entry("#!/bin/sh\n/none &\nwhile true; do sleep 60; done\n").unproven(may_fail),
        entry("#!/bin/sh\n/none &\nexec /app\n").noting("launch-helper-missing"),
        entry("#!/bin/sh\nwhile true; do /none; sleep 1; done\n").unproven(may_fail),
        entry("#!/bin/sh\nwhile true; do none; sleep 1; done\n").unproven(may_fail),
        entry("#!/bin/sh\nwhile true; do /arm; sleep 1; done\n").unproven(may_fail),
        entry("#!/bin/sh\nset -e\nX=$(/none)\nexec /app\n").fails(missing),
        entry("#!/bin/sh\nset -e\nX=$(/arm)\nexec /app\n").fails("wrong-machine"),
        entry("#!/bin/sh\nX=$(/arm)\nexec /app\n"),
    ]
}

const RUN: &str = "#!/bin/sh\necho started\n";

pub(crate) fn cases() -> Vec<Case> {
    let of_programs = [of_guesses(), of_copies(), of_launched(), of_removals(), of_others()];
    let others = [of_files(), of_redirections(), of_builtins()];
    of_programs.into_iter().chain(others).flatten().collect()
}

#[test]
fn commands_before_the_program_are_followed() {
    let wrong = disagreements(&cases());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A shell without commands ends at once, and nothing else is wrong with the image.
#[test]
fn a_shell_without_commands_is_noted() {
    for words in [&["sh"][..], &["/bin/bash"], &["/usr/bin/tini", "--", "bash"], &["/bin/busybox", "sh"]] {
        let findings = Case::of(words).verify();
        assert_eq!(summary(&findings), ("launch-reads-input".to_owned(), Verdict::Starts), "{words:?}");
    }
    let findings = entry("#!/bin/sh\nset -e\nsh\nexec /app\n").verify();
    assert_eq!(summary(&findings), (String::new(), Verdict::Starts));
}

/// A container that lives on says nothing about the program next to it, so that the message has to.
#[test]
fn a_program_beside_the_container_is_told() {
    for (text, message) in [
        (
            "/none &\ntail -f /dev/null",
            "line 2 of /entry.sh runs /none, and without it the container lives on: /none is not started: /none does not \
             exist in the image.",
        ),
        (
            "set -e\nmkdir /srv\nexec /app",
            "Line 3 of /entry.sh runs mkdir, which fails because the image has /srv already, and with `set -e` the script ends.",
        ),
        (
            "chmod 600 /app\nexec /app",
            "line 3 of /entry.sh runs /app: /app is not started, `permission denied`: an earlier command of /entry.sh takes \
             its execute bits.",
        ),
        (
            "rm /app\nexec /app",
            "line 3 of /entry.sh runs /app: /app is not started: an earlier command of /entry.sh removes /app.",
        ),
        (
            "return\nexec /app",
            "The program that /entry.sh starts was not verified: line 2 of /entry.sh, `return`, ends the script outside any \
             function, and the commands after it never run.",
        ),
        ("readonly X=1\nX=2\nexec /app", "/entry.sh ends in line 3 with an error: X: is read only, exit 2."),
    ] {
        let findings = entry(&format!("#!/bin/sh\n{text}\n")).verify();
        assert_eq!(findings[0].message, message);
    }
}

/// A script that finds the libraries next to itself.
#[test]
fn the_directory_of_a_script_is_known() {
    let library = Recipe::parse("gcc -shared -fPIC -Wl,-soname,libanswer.so @library.c");
    let program = format!("gcc @main.c -Wl,--no-as-needed {}", library.path().display());
    let program = Recipe::parse(&program).make();
    let started = |script: &str| {
        Case::of(&["/opt/x/run.sh"])
            .script("/opt/x/run.sh", script)
            .file("/opt/x/needs", 0o755, program.clone())
            .file("/opt/x/lib/libanswer.so", 0o644, library.make())
            .with_links(APPLETS)
    };
    let here = "HERE=$(cd \"$(dirname \"$0\")\" && pwd)";
    let set =
        "cd \"$(dirname \"$0\")\"\nexport LD_LIBRARY_PATH=\"$PWD/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}\"";
    let cases = [
        started(&format!("#!/bin/sh\n{set}\nexec ./needs\n")),
        started(&format!("#!/bin/sh\n{}\nexec ./needs\n", set.replace("lib$", "libs$")))
            .unproven("launch-may-fail"),
        started(&format!(
            "#!/bin/sh\n{here}\nLD_LIBRARY_PATH=\"$HERE/lib:$LD_LIBRARY_PATH\" exec \"$HERE/needs\" \"$@\"\n"
        )),
    ];
    assert_eq!(disagreements(&cases), [""; 0]);
}

/// `ldconfig` in a script finds libraries that the image's cache does not have.
#[test]
fn a_loader_cache_that_a_script_writes_is_not_the_image_s() {
    let library = Recipe::parse("gcc -shared -fPIC -Wl,-soname,libanswer.so @library.c");
    let program = format!("gcc @main.c -Wl,--no-as-needed {}", library.path().display());
    let program = || Recipe::parse(&program).make();
    let started = |script: &str| {
        let case = entry(script).file("/needs", 0o755, program()).file(
            "/lib/own/libanswer.so",
            0o644,
            library.make(),
        );
        case.file("/sbin/ldconfig", 0o755, host_file("/sbin/ldconfig"))
    };
    let cases = [
        started("#!/bin/sh\n/sbin/ldconfig\nexec /needs\n").unproven("launch-may-fail"),
        started("#!/bin/sh\nexec /needs\n").fails("library-missing"),
    ];
    assert_eq!(disagreements(&cases), [""; 0]);
}
