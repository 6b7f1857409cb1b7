//! Entry scripts in the style of well-known images, and what runc says about the same images.
//!
//! The long test of launchers starts these images too.

use crate::launchers::{Case, disagreements};
use crate::support::summary;
use crossdock_verify::Verdict;

/// Programs that scripts ask, as applets of BusyBox.
const APPLETS: &[(&str, &str)] = &[
    ("/usr/bin/basename", "/bin/busybox"),
    ("/usr/bin/cat", "/bin/busybox"),
    ("/usr/bin/chmod", "/bin/busybox"),
    ("/usr/bin/chown", "/bin/busybox"),
    ("/usr/bin/dirname", "/bin/busybox"),
    ("/usr/bin/find", "/bin/busybox"),
    ("/usr/bin/ls", "/bin/busybox"),
    ("/usr/bin/mkdir", "/bin/busybox"),
    ("/usr/bin/readlink", "/bin/busybox"),
    ("/usr/bin/run-parts", "/bin/busybox"),
    ("/usr/bin/sed", "/bin/busybox"),
    ("/usr/bin/sort", "/bin/busybox"),
    ("/usr/bin/which", "/bin/busybox"),
    ("/usr/bin/xargs", "/bin/busybox"),
    ("/usr/bin/run", "/opt/bin/run"),
];

/// Returns an image whose entry point is this script.
fn entry(text: &str) -> Case {
    Case::of(&["/entry.sh"]).script("/entry.sh", text).with_links(APPLETS)
}

/// Scripts that depend on variables that the image does not set.
fn of_variables() -> Vec<Case> {
    let missing = "launch-command-missing";
    let may_fail = "launch-may-fail";
    let unknown = "launch-unknown";
    vec![
        entry("#!/bin/sh\nset -e\n${RUN_MIGRATIONS:-true} && nosuch\nexec /app\n").unproven(may_fail),
        entry("#!/bin/sh\ncase ${MODE:-server} in server) exec nosuch;; *) exec /app;; esac\n")
            .unproven(may_fail),
        entry("#!/bin/sh\ncase ${MODE:-server} in server) exec /app;; *) exec nosuch;; esac\n"),
        entry("#!/bin/sh\nif [ \"$MODE\" = worker ]; then exec /app; fi\nexec /arm\n").unproven(may_fail),
        entry("#!/bin/sh\nset -e\nif [ \"${MIGRATE:-yes}\" = yes ]; then\n\tnosuch migrate\nfi\nexec /app\n")
            .unproven(may_fail),
        entry("#!/bin/sh\n: ${PROGRAM:=/app}\nexec $PROGRAM\n"),
        entry("#!/bin/sh\n: ${PROGRAM:=/arm}\nexec $PROGRAM\n").unproven(may_fail),
        entry("#!/bin/sh\n: ${PROGRAM:=/none}\nexec $PROGRAM\n").unproven(may_fail),
        entry("#!/bin/sh\nexec ${PROGRAM:-/app}\n"),
        entry("#!/bin/sh\nexec ${PROGRAM:-/none}\n").env("PROGRAM=/app"),
        entry("#!/bin/sh\nexec ${PROGRAM:-/app}\n").env("PROGRAM=/none").fails(missing),
        entry("#!/bin/sh\nexport ROOT=${ROOT:-/opt}\nexec /opt/run\n")
            .script("/opt/run", "#!/bin/sh\nexec $ROOT/app\n")
            .script("/opt/app", "#!/bin/sh\necho started\n"),
        entry("#!/bin/sh\nexport ROOT=${ROOT:-/opt}\nexec /opt/run\n")
            .script("/opt/run", "#!/bin/sh\nexec $ROOT/none\n")
            .unproven(may_fail),
        // A certain failure is not weakened by a way that depends on a deployment.
        entry("#!/bin/sh\nexport X=${X:-1}\nexec /arm\n").fails("wrong-machine"),
        entry("#!/bin/sh\nif [ -z \"$AGAIN\" ]; then exec /arm; fi\nexec /entry.sh\n").unproven(may_fail),
        entry("#!/bin/bash\n[[ ${X:-/arm} =~ (.+) ]] && A=${BASH_REMATCH[1]}\nexec ${A:-/app}\n")
            .unproven("launch-unknown"),
        // They demand a variable of the deployment.
        entry("#!/bin/sh\nexec /app \"${ROLE:?}\"\n").seen_failing(unknown),
        entry("#!/bin/bash\nset -u\nexec /app \"$ROLE\"\n").seen_failing(unknown),
        entry("#!/bin/bash\nset -u\nexec /app \"${ROLE:-web}\"\n"),
        entry("#!/bin/sh\ncase \"$ROLE\" in web) exec /app;; *) exit 2;; esac\n").seen_failing(unknown),
        entry("#!/bin/sh\nset -e\n/hook.sh\nexec /app\n")
            .script("/hook.sh", "#!/bin/sh\n: \"${ROLE:?}\"\n")
            .seen_failing(may_fail),
        entry("#!/bin/sh\nset -e\n/hook.sh\nexec /app\n")
            .script("/hook.sh", "#!/bin/sh\nexit 3\n")
            .seen_failing(may_fail),
        entry("#!/bin/sh\n/hook.sh\nexec /app\n").script("/hook.sh", "#!/bin/sh\nexit 3\n"),
        entry("#!/bin/sh\n: ${PASSWORD:?must be set}\nexec \"$@\"\n").cmd(&["/app"]).seen_failing(unknown),
        entry("#!/bin/sh\nif [ -z \"$PASSWORD\" ]; then\n\techo need a password\n\texit 1\nfi\nexec /app\n")
            .seen_failing(unknown),
        entry("#!/bin/bash\nset -eu\necho \"$PASSWORD\" >/dev/null\nexec /app\n").seen_failing(unknown),
        entry("#!/bin/sh\nset -e\n[ -n \"$PASSWORD\" ]\nexec /app\n").seen_failing(unknown),
        entry("#!/bin/sh\nset -e\nexec $PROGRAM\n").unproven("launch-unknown"),
    ]
}

/// Scripts that run other scripts before their end.
fn of_hooks() -> Vec<Case> {
    let missing = "launch-command-missing";
    let hooks =
        |text: &str| entry(&format!("#!/bin/sh\n{text}\nexec /app\n")).file("/hooks/notes.txt", 0o644, "");
    let each = "for f in /hooks/*.sh; do \"$f\"; done";
    vec![
        hooks(each).script("/hooks/1.sh", "#!/bin/sh\necho one\n"),
        hooks(each).script("/hooks/1.sh", "#!/bin/sh\nset -e\nnosuch\n").noting("launch-helper-fails"),
        hooks(&format!("set -e\n{each}")).script("/hooks/1.sh", "#!/bin/sh\nset -e\nnosuch\n").fails(missing),
        hooks(&format!("set -e\n{each}")).script("/hooks/1.sh", "#!/bin/sh\nexec nosuch\n").fails(missing),
        hooks(&format!("set -e\n{each}")).script("/hooks/1.sh", "#!/bin/sh\nexec /arm\n").fails("wrong-machine"),
        hooks(&format!("set -e\n{each}"))
            .script("/hooks/1.sh", "#!/bin/nosuch\n")
            .fails("script-interpreter-missing"),
        hooks(&format!("set -e\n{each}")).script("/hooks/1.sh", "#!/bin/sh\nset -e\nif nosuch; then :; fi\n"),
        entry(
            "#!/bin/bash\nset -e\nwhile read -r f; do \"$f\"; done < <(find /etc/none -name '*.sh')\nexec /app\n",
        ),
        hooks("set -e\n/hooks/1.sh || echo failed").script("/hooks/1.sh", "#!/bin/sh\nset -e\nnosuch\n"),
        hooks("set -e\n/hooks/1.sh")
            .script("/hooks/1.sh", "#!/bin/sh\n/hooks/2.sh\necho done\n")
            .script("/hooks/2.sh", "#!/bin/sh\nset -e\nnosuch\n")
            .noting("launch-helper-fails"),
        hooks("set -e\n/hooks/1.sh")
            .script("/hooks/1.sh", "#!/bin/sh\n/hooks/2.sh\n")
            .script("/hooks/2.sh", "#!/bin/sh\nset -e\nnosuch\n")
            .fails(missing),
        hooks("set -e\nfind /hooks -type f | sort | while read -r f; do if [ -x \"$f\" ]; then \"$f\"; fi; done")
            .script("/hooks/1.sh", "#!/bin/sh\nexec nosuch\n")
            .fails(missing),
        hooks("find /hooks -name '*.sh' | while read f; do . $f; done").file("/hooks/1.sh", 0o644, "PATH=/none\n"),
        hooks("for f in $(find /hooks -name '*.sh'); do . $f; done; exec tool").file("/hooks/1.sh", 0o644, "PATH=/none\n")
            .fails(missing),
        hooks("set -e\nrun-parts /hooks").script("/hooks/1", "#!/bin/sh\nexec nosuch\n").fails(missing),
        hooks("set -e\nrun-parts /hooks").script("/hooks/1", "#!/bin/sh\nexit 4\n").seen_failing("launch-may-fail"),
        hooks("set -e\n/bin/busybox true\nnosuch").seen_failing("launch-may-fail"),
        hooks("set -e\nfor f in $(ls /hooks); do . /hooks/$f; done").file("/hooks/1.sh", 0o644, "nosuch\n").fails(missing),
        hooks("set -e\nfor f in $(ls /hooks/*.sh); do sh \"$f\"; done")
            .file("/hooks/1.sh", 0o644, "set -e\nnosuch\n")
            .fails(missing),
        hooks("set -e\nfor f in `ls -1 /hooks | sort`; do [ $f = notes.txt ] || . /hooks/$f; done")
            .file("/hooks/1.sh", 0o644, "X=1\n"),
        hooks("set -e\nfor f in /hooks/*.sh; do [ -x \"$f\" ] && \"$f\"; done")
            .script("/hooks/1.sh", "#!/bin/sh\nexit 3\n")
            .seen_failing("launch-may-fail"),
        // Programs of which nothing is known ran before.
        hooks("set -e\n/bin/busybox true\nfor f in /hooks/*.sh; do \"$f\"; done")
            .script("/hooks/1.sh", "#!/bin/nosuch\n")
            .fails("script-interpreter-missing"),
        hooks("run-parts /hooks").script("/hooks/1", "#!/bin/sh\nexec nosuch\n").noting("launch-helper-fails"),
        hooks("set -e\nrun-parts /hooks").script("/hooks/1", "#!/bin/sh\necho one\n"),
        hooks("set -e\n/hooks/1.sh")
            .script("/hooks/1.sh", "#!/bin/sh\nset -e\n/hooks/2.sh\n")
            .script("/hooks/2.sh", "#!/bin/sh\nset -e\nnosuch\n")
            .fails(missing),
    ]
}

/// Scripts that find their own directory.
fn of_own_paths() -> Vec<Case> {
    let missing = "launch-command-missing";
    let by_link =
        |words: &[&str], text: &str| Case::of(words).script("/opt/bin/run", text).with_links(APPLETS);
    let dirname = "#!/bin/sh\nexec \"$(dirname \"$0\")\"/tool\n";
    let real = "#!/bin/sh\nexec \"$(dirname \"$(readlink -f \"$0\")\")/tool\"\n";
    let tool = "#!/bin/sh\necho started\n";
    vec![
        by_link(&["/usr/bin/run"], dirname).script("/opt/bin/tool", tool).fails(missing),
        by_link(&["run"], dirname).script("/opt/bin/tool", tool).fails(missing),
        by_link(&["/usr/bin/run"], dirname).script("/usr/bin/tool", tool),
        by_link(&["run"], dirname).script("/usr/bin/tool", tool),
        by_link(&["tini", "run"], dirname).script("/usr/bin/tool", tool),
        by_link(&["sh", "-c", "run"], dirname).script("/usr/bin/tool", tool),
        by_link(&["/usr/bin/run"], real).script("/opt/bin/tool", tool),
        by_link(&["/usr/bin/run"], real).script("/usr/bin/tool", tool).fails(missing),
        by_link(&["./run"], dirname).script("/opt/bin/tool", tool).directory("/opt/bin"),
    ]
}

/// Values that scripts read from the image.
fn of_values() -> Vec<Case> {
    let missing = "launch-command-missing";
    let started = "#!/bin/sh\necho started\n";
    vec![
        entry("#!/bin/sh\nexec $(which tool)\n").script("/usr/local/bin/tool", started),
        entry("#!/bin/sh\nAPP=$(command -v tool)\nexec \"$APP\" --flag\n").script("/usr/local/bin/tool", started),
        entry("#!/bin/sh\nexec \"$(cat /srv/program)\"\n").file("/srv/program", 0o644, "/app\n"),
        entry("#!/bin/sh\nexec \"$(cat /srv/program)\"\n").file("/srv/program", 0o644, "/none\n").fails(missing),
        entry("#!/bin/bash\nexec \"$(</srv/program)\"\n").file("/srv/program", 0o644, "/app\n"),
        entry("#!/bin/sh\nread -r program < /srv/program\nexec $program\n").file("/srv/program", 0o644, "/app --x\n"),
        entry("#!/bin/bash\nprintf -v program '/%s' app\nexec \"$program\"\n"),
        entry("#!/bin/bash\nmapfile -t words < /srv/words\nexec \"${words[@]}\"\n")
            .file("/srv/words", 0o644, "env\nA=1\n/app\n"),
        entry("#!/bin/bash\nreadarray -t words < <(printf '%s\\n' env /none)\nexec \"${words[@]}\"\n").fails(missing),
        entry("#!/bin/sh\nwhile getopts p:v o; do\n\tcase $o in p) program=$OPTARG;; v) ;; *) exit 2;; esac\ndone\n\
               shift $((OPTIND - 1))\nexec \"$program\" \"$@\"\n")
            .cmd(&["-v", "-p", "/app", "x"]),
        entry("#!/bin/sh\nwhile getopts p: o; do\n\tcase $o in p) program=$OPTARG;; esac\ndone\nexec $program\n")
            .cmd(&["-p", "/none"])
            .fails(missing),
    ]
}

/// Scripts that end before they start a program.
fn of_failures() -> Vec<Case> {
    let missing = "launch-command-missing";
    let no_file = "launch-file-missing";
    vec![
        entry("#!/bin/sh\nset -e\nX=$(nosuch)\nexec /app\n").fails(missing),
        entry("#!/bin/bash\nset -e\nX=\"$(nosuch --x)\"\nexec /app\n").fails(missing),
        entry("#!/bin/sh\nX=$(nosuch)\nexec /app\n"),
        entry("#!/bin/sh\nset -e\nX=$(nosuch) || true\nexec /app\n"),
        entry("#!/bin/bash\nset -e\nf() { local x=$(nosuch); }\nf\nexec /app\n"),
        entry("#!/bin/sh\nset -e\ncd /nowhere\nexec /app\n").fails(no_file),
        entry("#!/bin/sh\ncd /nowhere\nexec /app\n"),
        entry("#!/bin/sh\nset -e\ncd /nowhere || cd /\nexec /app\n"),
        entry("#!/bin/sh\nset -e\ncd /volume\nexec /app\n").volume("/volume"),
        entry("#!/bin/sh\n. /nowhere.sh\nexec /app\n").fails(no_file),
        entry("#!/bin/bash\n. /nowhere.sh\nexec /app\n"),
        entry("#!/bin/bash\nset -e\n. /nowhere.sh\nexec /app\n").fails(no_file),
        entry("#!/bin/sh\n[ -f /nowhere.sh ] && . /nowhere.sh\nexec /app\n"),
        entry("#!/bin/sh\nif [ \"${1:0:1}\" = - ]; then set -- /app \"$@\"; fi\nexec /app\n")
            .fails("script-broken"),
        entry("#!/bin/bash\nif [ \"${1:0:1}\" = - ]; then set -- /app \"$@\"; fi\nexec \"$@\"\n")
            .cmd(&["-x"]),
        entry("#!/bin/sh\n/app &\nwait $!\n"),
        entry("#!/bin/sh\n/arm &\nwait $!\n").fails("wrong-machine"),
        entry("#!/bin/sh\n/none &\nPID=$!\ntrap 'kill $PID' TERM\nwait $PID\nSTATUS=$?\nexit $STATUS\n")
            .fails(missing),
        entry("#!/bin/bash\n/none & /app & wait -n\nexit $?\n").unproven("launch-may-fail"),
        entry("#!/bin/sh\n/none &\nexec /app\n").noting("launch-helper-missing"),
        entry("#!/bin/sh\n/arm &\nexec /app\n").noting("launch-helper-fails"),
    ]
}

/// Scripts that independent testers found to be judged wrong.
fn of_testers() -> Vec<Case> {
    let unknown = "launch-unknown";
    vec![
        entry("#!/bin/sh\nset -e\nchmod +x /closed\nexec /closed\n"),
        entry("#!/bin/sh\nset -e\nchmod +x /opt/*.sh\nexec /opt/run.sh\n").file("/opt/run.sh", 0o644, RUN),
        entry("#!/bin/sh\nchmod -R a+rx /opt\n/opt/run.sh\n").file("/opt/run.sh", 0o644, RUN),
        entry("#!/bin/sh\nset -e\n[ -x /closed ] || chmod +x /closed\n/closed\n"),
        entry("#!/bin/sh\nchmod +x /closed || true\nexec /closed\n").user("1000").fails("not-executable"),
        entry("#!/bin/sh\nif [ x == x ]; then exec /app; fi\nexit 1\n").unproven(unknown),
        entry("#!/bin/bash\nif [ x == x ]; then exec /app; fi\nexit 1\n"),
        entry("#!/bin/sh\nif [ -z \"$(command -v \"$1\")\" ]; then set -- /app \"$@\"; fi\nexec \"$@\"\n")
            .cmd(&["/usr"])
            .fails("entry-point-not-a-file"),
        Case::of(&["/bin/sh", "-c", "exec \"$@\"", "/app"]).unproven(unknown),
        Case::of(&["/bin/sh", "-c", "exec \"$@\"", "sh", "/app"]),
        entry("#!/bin/sh\nif /arm; then echo ok; fi\nexec /app\n").noting("launch-helper-fails"),
        entry("#!/bin/sh\nif /gone; then echo ok; fi\n/gone || echo no\nexec /app\n"),
        entry("#!/bin/sh\nif gone; then echo ok; fi\nexec /app\n"),
        entry("#!/bin/sh\nset -e\nsed -i 's/x//' /opt/run.sh\nexec /opt/run.sh\n")
            .file("/opt/run.sh", 0o755, *b"#!/bin/shx\nexec /app\n")
            .unproven("launch-may-fail"),
        entry("#!/bin/sh\nset -e\ncat /opt/new > /opt/run.sh\nexec /opt/run.sh\n")
            .file("/opt/run.sh", 0o755, *b"#!/none\n")
            .file("/opt/new", 0o644, RUN)
            .unproven("launch-may-fail"),
        entry("#!/bin/sh\nset -e\nchown -R nosuch:nosuch /opt\nexec /app\n")
            .file("/opt/x", 0o644, RUN)
            .fails("launch-user-unknown"),
        entry("#!/bin/sh\nset -e\nchown root:nosuch /opt\nexec /app\n")
            .file("/opt/x", 0o644, RUN)
            .fails("launch-user-unknown"),
        entry(
            "#!/bin/sh\nset -e\nchown 0:0 /opt && chown root: /opt\nchown nosuch /opt || true\nexec /app\n",
        )
        .file("/opt/x", 0o644, RUN),
        entry("#!/bin/sh\nchown nosuch /opt\nexec /app\n"),
        entry("#!/bin/sh\nset -e\n/gone & p=$!\nwait $p\nexec /app\n")
            .fails("launch-command-missing launch-helper-missing"),
        entry("#!/bin/sh\n/gone & p=$!\nwait $p\nexec /app\n").noting("launch-helper-missing"),
        entry("#!/bin/sh\ncommand . /nowhere\nexec /app\n"),
        entry("#!/bin/sh\nset -e\ntrap /app EXIT\n/gone\n").unproven("launch-may-fail"),
        // Files of redirections that cannot be opened.
        entry("#!/bin/sh\nexec >/nodir/log\nexec /app\n").unproven(unknown),
        entry("#!/bin/sh\n/app >/nodir/log\n").unproven(unknown),
        entry("#!/bin/sh\nexec /app < /nofile\n").unproven(unknown),
        entry("#!/bin/sh\nset -e\necho x > /nodir/log\nexec /app\n").unproven(unknown),
        entry("#!/bin/sh\necho x > /nodir/log\nexec /app\n"),
        entry("#!/bin/sh\nmkdir -p /nodir\nexec /app 2>/nodir/log\n").volume("/nodir"),
        entry("#!/bin/bash\nexec 3>/nodir/log\nexec /app\n"),
        entry(
            "#!/bin/sh\neval \"set -- $(printf '%s\\n' \"$OPTS\" | xargs -n1)\" '\"$@\"'\nexec /app \"$@\"\n",
        ),
        entry("#!/bin/sh\nif /arm; then echo ok; else exit 0; fi\n").unproven("launch-may-fail"),
    ]
}

/// A script that says that it started.
const RUN: &str = "#!/bin/sh\nexec /app\n";

/// Commands that `su` of BusyBox hands to the shell of a user.
fn of_su() -> Vec<Case> {
    const PASSWD: &str = "root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\noff:x:1001:1001::/:/usr/sbin/nologin\n\
                          no:x:1002:1002::/:/bin/false\nold:x:1003:1003::/:/bin/zsh\n";
    let su = |words: &[&str]| {
        let words = [&["/bin/busybox", "su"], words].concat();
        let nologin = "#!/bin/sh\necho not available\nexit 1\n";
        Case::of(&words).file("/etc/passwd", 0o644, PASSWD).script("/usr/sbin/nologin", nologin)
    };
    vec![
        su(&["app", "-c", "/app"]),
        su(&["off", "-c", "/app"]).fails("launch-refused"),
        su(&["off", "-s", "/bin/sh", "-c", "/app"]),
        su(&["no", "-c", "/app"]).fails("launch-refused"),
        su(&["old", "-c", "/app"]).fails("launch-file-missing"),
        su(&["old", "-s", "/bin/zsh", "-c", "/app"]).fails("launch-file-missing"),
        su(&["-", "off", "-c", "/app"]).fails("launch-refused"),
        entry("#!/bin/sh\nexec /bin/busybox su off -c '/app --x'\n")
            .file("/etc/passwd", 0o644, PASSWD)
            .fails("launch-refused"),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    [of_variables(), of_hooks(), of_own_paths(), of_values(), of_failures(), of_su(), of_testers()]
        .into_iter()
        .flatten()
        .collect()
}

/// A message says what is unknown and where, and its help what to do.
#[test]
fn the_line_that_hides_the_program_is_told() {
    let told = |case: Case| {
        let findings = case.verify();
        let [finding] = findings.as_slice() else { panic!("{findings:#?}") };
        (finding.message.clone(), finding.help.clone())
    };
    let (message, help) = told(entry("#!/bin/sh\nset -e\nexec \"$APP\" --port 80\n"));
    let line = "line 3 of /entry.sh, `exec \"$APP\" --port 80`, runs a program whose name is only known when it runs";
    assert!(message.contains(line), "{message}");
    assert!(help.contains("`ENV APP=…`") && help.contains("ENTRYPOINT") && help.contains("--all"), "{help}");
    let (message, _) =
        told(entry("#!/bin/sh\n. /srv/more.sh\n").file("/srv/more.sh", 0o644, "\neval \"$(/app)\"\n"));
    let line = "line 2 of /srv/more.sh, `eval \"$(/app)\"`, runs commands that are only known when it runs";
    assert!(message.contains(line), "{message}");
    let (message, _) = told(entry("#!/bin/sh\n/bin/busybox ls\nexec none\n"));
    let line = "line 3 of /entry.sh, `exec none`, runs none, which is not in the image, and an earlier command may create it";
    assert!(message.contains(line), "{message}");
}

/// A script that ends itself names what it lacks.
#[test]
fn the_cause_of_a_script_s_own_end_is_told() {
    let java =
        "if [ -n \"$JAVA_HOME\" ]; then\n\tjava=$JAVA_HOME/bin/java\n\t[ -x \"$java\" ] || die no java\nfi\n";
    for (text, end) in [
        (
            "command -v mysqld >/dev/null || exit 1\nexec mysqld\n",
            "line 2 of /entry.sh ends it with exit status 1 before it starts a program: no directory of PATH has mysqld.",
        ),
        (
            "if ! out=$(mysqld --help 2>&1); then\n\texit 1\nfi\nexec mysqld\n",
            "line 3 of /entry.sh ends it with exit status 1 before it starts a program: no directory of PATH has mysqld.",
        ),
        (
            &format!("die() {{\n\techo \"$*\"\n\texit 1\n}}\n{java}exec \"$java\"\n"),
            "line 8 of /entry.sh, `[ -x \"$java\" ] || die no java`, ends it with exit status 1 before it starts a program: \
             /opt/java/bin/java does not exist in the image.",
        ),
        (
            "read -r line < /t.conf\nexec /app\n",
            "line 2 of /entry.sh ends it with exit status 2 before it starts a program: cannot open /t.conf.",
        ),
        (
            "if [ -z \"$PASSWORD\" ] && [ \"$METHOD\" != trust ]; then\n\techo no password\n\texit 1\nfi\nexec /app\n",
            "line 4 of /entry.sh ends it with exit status 1 before it starts a program: the deployment must set PASSWORD, \
             which the image does not set and the deployment must set METHOD, which the image does not set.",
        ),
        (
            "exec /app \"${ROLE:?}\"\n",
            "line 2 of /entry.sh needs the variable ROLE, which the image does not set: the deployment must set ROLE.",
        ),
    ] {
        let case = entry(&format!("#!/bin/sh -e\n{text}")).env("JAVA_HOME=/opt/java");
        let findings = case.verify();
        assert_eq!(
            summary(&findings),
            ("launch-unknown".to_owned(), Verdict::Unproven),
            "{text}: {findings:#?}"
        );
        let message =
            findings[0].message.strip_prefix("The program that /entry.sh starts was not verified: ");
        assert_eq!(message, Some(end), "{text}");
    }
}

/// A program that is started again and again is the image's.
#[test]
fn the_program_of_an_endless_loop_is_verified() {
    for (text, expected) in [
        ("until /app; do /app; done", Verdict::Starts),
        ("until /arm; do :; done", Verdict::Fails),
        ("until /gone; do :; done", Verdict::Unproven),
        ("while true; do /app; done", Verdict::Starts),
        ("while true; do /arm; done", Verdict::Unproven),
        ("while :; do /arm && exit; done", Verdict::Unproven),
    ] {
        let findings = entry(&format!("#!/bin/sh\n{text}\n")).verify();
        assert_eq!(Verdict::of(&findings), expected, "{text}: {findings:#?}");
    }
}

#[test]
fn scripts_of_images_are_followed() {
    let wrong = disagreements(&cases());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
