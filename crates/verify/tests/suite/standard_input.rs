//! Shells that read their commands from the standard input: here-documents, files, pipelines.
//!
//! The long test of launchers starts these images with runc, too.

use crate::launchers::{Case, disagreements};

const APPLETS: &[(&str, &str)] = &[
    ("/usr/bin/cat", "/bin/busybox"),
    ("/usr/bin/chmod", "/bin/busybox"),
    ("/usr/bin/tee", "/bin/busybox"),
    ("/usr/bin/xargs", "/bin/busybox"),
];

fn script(text: &str) -> Case {
    Case::of(&["/entry.sh"]).script("/entry.sh", text).with_links(APPLETS)
}

/// Scripts in which a shell that reads `exec P` starts the program `P`.
const FOLLOWED: &[&str] = &[
    "#!/bin/sh\nsh <<EOF\nexec P\nEOF\n",
    "#!/bin/sh\nsh <<'EOF'\nexec P\nEOF\n",
    "#!/bin/sh\nsh <<-EOF\n\tP\n\tEOF\n",
    "#!/bin/sh\n/bin/bash -e -s x <<EOF\n[ \\$1 = x ] && exec P\nEOF\n",
    "#!/bin/sh\n/bin/busybox sh - <<EOF\nexec P\nEOF\n",
    "#!/bin/sh\nexec sh <<EOF\nP\nEOF\n",
    "#!/bin/sh\nX=P\nsh <<EOF\nexec $X\nEOF\n",
    "#!/bin/sh\nenv A=1 sh <<EOF\nexec P\nEOF\n",
    "#!/bin/sh\ngosu app sh <<EOF\nexec P\nEOF\n",
    "#!/bin/sh\ncat <<EOF | sh\nexec P\nEOF\n",
    "#!/bin/sh\necho 'exec P' | sh -s x\n",
    "#!/bin/sh\nprintf '%s\\n' 'exec P' | /bin/busybox sh\n",
    "#!/bin/bash\nbash <<< P\n",
    "#!/bin/bash\nbash -c 'cat | sh' <<EOF\nexec P\nEOF\n",
    "#!/bin/sh\nsh < /run.sh\n",
    "#!/bin/sh\nexec < /run.sh\nexec sh\n",
    "#!/bin/sh\nsh -c \"$(cat <<EOF\nexec P\nEOF\n)\"\n",
    "#!/bin/sh\nwhile read x; do exec $x; done <<'EOF'\nP\nEOF\n",
];

/// Scripts that write what they start.
const WRITTEN: &[&str] = &[
    "#!/bin/sh\n. /dev/stdin <<EOF\nexec P\nEOF\n",
    "#!/bin/sh\ncat > /srv/run <<'EOF'\n#!/bin/sh\nexec P\nEOF\nchmod +x /srv/run\nexec /srv/run\n",
    "#!/bin/sh\ncat > /srv/run <<EOF\nexec P\nEOF\nsh /srv/run\n",
    "#!/bin/sh\necho 'exec P' | tee /srv/run\nsh /srv/run\n",
    "#!/bin/sh\n/usr/bin/env | sh\n",
];

pub(crate) fn cases() -> Vec<Case> {
    let with = |text: &str, program: &str| {
        script(&text.replace('P', program)).file("/run.sh", 0o644, format!("exec {program}\n"))
    };
    let mut cases = Vec::new();
    for text in FOLLOWED {
        cases.push(with(text, "/app"));
        cases.push(with(text, "/none").fails("launch-command-missing"));
    }
    cases.extend(WRITTEN.iter().map(|text| with(text, "/none").seen_failing("launch-unknown")));
    cases.extend([
        with("#!/bin/sh\nsh <<EOF\nexec P\nEOF\n", "/arm").fails("wrong-machine"),
        script("#!/bin/sh\nset -e\nsh <<EOF\ntrue\nEOF\nexec /app\n"),
        script("#!/bin/sh\nset -e\nsh <<EOF\nexit 3\nEOF\nexec /app\n").seen_failing("launch-may-fail"),
        with("#!/bin/sh\nxargs -I X X <<EOF\nP\nEOF\n", "/none").seen_failing("launch-may-fail"),
        Case::of(&["sh", "-c", "exec \"$0\" /entry.sh"]).script("/entry.sh", "exec /app\n"),
        Case::of(&["/bin/busybox", "sh", "-c", "exec /bin/$0 /entry.sh"]).script("/entry.sh", "exec /app\n"),
    ]);
    cases
}

#[test]
fn shells_read_their_standard_input() {
    let wrong = disagreements(&cases());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
