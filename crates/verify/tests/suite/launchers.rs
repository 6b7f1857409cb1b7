//! Launchers: images whose entry point starts another program, and what runc says about the same images.
//!
//! Each case is one image. The quick test verifies it; the long one writes the same files to disk and lets runc start it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::host::host_file;
use crate::support::{Recipe, run, summary};
use crossdock_platform::Platform;
use crossdock_verify::{Finding, ImageFacts, MemoryRoot, PlatformText, Target, Verdict, verify_image};

/// The programs of the machine that are in every image, with the libraries that they need.
const PROGRAMS: &[&str] = &[
    "/usr/bin/tini",
    "/usr/bin/dumb-init",
    "/usr/bin/catatonit",
    "/usr/sbin/gosu",
    "/usr/bin/env",
    "/usr/bin/nice",
    "/usr/bin/nohup",
    "/usr/bin/timeout",
    "/usr/bin/setsid",
    "/usr/bin/setpriv",
    "/usr/bin/flock",
    "/usr/sbin/chroot",
    "/usr/bin/id",
    "/usr/bin/uname",
    "/bin/bash",
];

const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";
const MUSL: &str = "/lib/ld-musl-x86_64.so.1";
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A file of an image: its path, its mode and its content.
type File = (String, u32, Vec<u8>);

/// An image with the expected answer.
pub(crate) struct Case {
    image: ImageFacts,
    files: Vec<File>,
    links: &'static [(&'static str, &'static str)],
    verdict: Verdict,
    codes: &'static str,
    /// Whether runc is asked about an unproven image, which does not start.
    is_seen_failing: bool,
}

impl Case {
    /// An image that starts these words, with the verdict `starts`.
    pub(crate) fn of(words: &[&str]) -> Case {
        let image = ImageFacts::default()
            .with_config_platform(PlatformText::new("linux", "amd64", None))
            .with_entrypoint(words.iter().copied())
            .with_env([PATH]);
        Case {
            image,
            files: Vec::new(),
            links: &[],
            verdict: Verdict::Starts,
            codes: "",
            is_seen_failing: false,
        }
    }

    pub(crate) fn fails(self, codes: &'static str) -> Case {
        Case { verdict: Verdict::Fails, codes, ..self }
    }

    pub(crate) fn unproven(self, codes: &'static str) -> Case {
        Case { verdict: Verdict::Unproven, codes, ..self }
    }

    /// An image that this engine does not start, though another deployment may.
    pub(crate) fn seen_failing(self, codes: &'static str) -> Case {
        Case { is_seen_failing: true, ..self.unproven(codes) }
    }

    /// Declares a volume, which engines create.
    pub(crate) fn volume(mut self, path: &'static str) -> Case {
        self.image = self.image.with_volumes([path]);
        self
    }

    pub(crate) fn noting(self, codes: &'static str) -> Case {
        Case { codes, ..self }
    }

    pub(crate) fn user(mut self, user: &str) -> Case {
        self.image = self.image.with_user(user);
        self
    }

    pub(crate) fn cmd(mut self, words: &[&str]) -> Case {
        self.image = self.image.with_cmd(words.iter().copied());
        self
    }

    pub(crate) fn env(mut self, variable: &str) -> Case {
        self.image = self.image.with_env([PATH, variable]);
        self
    }

    /// Sets variables besides PATH.
    pub(crate) fn with_env(mut self, variables: &[&str]) -> Case {
        self.image = self.image.with_env([PATH].iter().chain(variables).copied());
        self
    }

    pub(crate) fn directory(mut self, directory: &str) -> Case {
        self.image = self.image.with_working_directory(directory);
        self
    }

    pub(crate) fn file(mut self, path: &str, mode: u32, content: impl Into<Vec<u8>>) -> Case {
        self.files.push((path.to_owned(), mode, content.into()));
        self
    }

    pub(crate) fn with_links(self, links: &'static [(&'static str, &'static str)]) -> Case {
        Case { links, ..self }
    }

    fn links(&self) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        LINKS.iter().chain(self.links)
    }

    /// Adds an executable script.
    pub(crate) fn script(self, path: &str, text: &str) -> Case {
        self.file(path, 0o755, text)
    }

    pub(crate) fn words(&self) -> String {
        self.image.command().collect::<Vec<_>>().join(" ")
    }

    /// Returns the text of the entry script, for messages.
    fn entry_script(&self) -> String {
        let entry = self.files.iter().find(|(path, ..)| path == "/entry.sh");
        entry.map(|(_, _, text)| String::from_utf8_lossy(text).into_owned()).unwrap_or_default()
    }

    pub(crate) fn verify(&self) -> Vec<Finding> {
        let root = base().into_iter().chain(self.files.iter().cloned());
        let root =
            root.fold(MemoryRoot::new(), |root, (path, mode, content)| root.file(&path, mode, content));
        let root = self.links().fold(root, |root, (path, target)| root.link(path, target));
        verify_image(&self.image, &root, &Target::new(&Platform::LINUX_AMD64), &BTreeMap::new())
    }
}

/// A script that starts itself again as another user.
const AGAIN: &str = "#!/bin/sh\nif [ \"$(id -u)\" = 0 ]; then exec setpriv --reuid USER --regid app --clear-groups \"$0\" \"$@\"; fi\nexec \"$@\"\n";

const LINKS: &[(&str, &str)] = &[
    ("/bin/sh", "dash"),
    ("/bb/env", "/bin/busybox"),
    ("/bb/timeout", "/bin/busybox"),
    ("/bb/sh", "/bin/busybox"),
    ("/bb/no-such", "/bin/busybox"),
    ("/sbin/init", "/usr/bin/tini"),
];

/// The files of every image: launchers and shells of the machine, `/app`, which prints `started`, `/dynamic`, which does
/// so with the C library, `/arm` for another machine, `/text` without `#!`, `/closed` without execute bits, and three users.
fn base() -> Vec<File> {
    let mut files: Vec<File> =
        PROGRAMS.iter().map(|path| (path.to_string(), 0o755, host_file(path))).collect();
    files.push(("/bin/dash".to_owned(), 0o755, host_file("/bin/dash")));
    files.push(("/bin/busybox".to_owned(), 0o755, host_file("/bin/busybox")));
    let made = |recipe: &str| Recipe::parse(recipe).make();
    for (path, mode, content) in [
        ("/app", 0o755, made("gcc -static @main.c")),
        ("/dynamic", 0o755, dynamic()),
        ("/arm", 0o755, made("aarch64-linux-gnu-gcc -static @main.c")),
        ("/text", 0o755, b"echo started\n".to_vec()),
        ("/closed", 0o644, made("gcc -static @main.c")),
        ("/own", 0o700, made("gcc -static @main.c")),
        ("/etc/passwd", 0o644, b"root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n".to_vec()),
        ("/etc/group", 0o644, b"root:x:0:\napp:x:1000:\n".to_vec()),
        ("/srv/data", 0o644, Vec::new()),
        ("/musl", 0o755, musl()),
        (LOADER, 0o755, host_file(LOADER)),
        (MUSL, 0o755, host_file(MUSL)),
    ] {
        files.push((path.to_owned(), mode, content));
    }
    files.extend(libraries().into_iter().map(|path| (path.clone(), 0o755, host_file(&path))));
    files
}

/// Returns a program that needs glibc's loader.
fn dynamic() -> Vec<u8> {
    Recipe::parse("gcc @main.c").make()
}

/// Returns a program that needs musl's loader.
fn musl() -> Vec<u8> {
    Recipe::parse("musl-gcc @main.c").make()
}

/// Returns the libraries of the programs, by the paths that the machine's loader finds.
fn libraries() -> Vec<String> {
    static FOUND: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    let programs = PROGRAMS.iter().chain(&["/bin/dash"]).copied().filter(|path| !is_static(path));
    FOUND.get_or_init(|| libraries_of(programs)).clone()
}

pub(crate) fn libraries_of<'a>(programs: impl Iterator<Item = &'a str>) -> Vec<String> {
    let outputs = programs.map(|path| run("ldd", &[path], &[]).stdout);
    let text: String = outputs.map(|output| String::from_utf8_lossy(&output).into_owned()).collect();
    let paths = text.split_whitespace().filter(|word| word.starts_with("/lib/"));
    let mut paths: Vec<String> = paths.map(str::to_owned).collect();
    paths.sort();
    paths.dedup();
    paths
}

fn is_static(path: &str) -> bool {
    !host_file(path).windows(LOADER.len()).any(|window| window == LOADER.as_bytes())
}

/// Launchers in exec form.
fn of_launchers() -> Vec<Case> {
    let missing = "launch-command-missing";
    vec![
        Case::of(&["/usr/bin/tini", "--"]).cmd(&["/app"]),
        Case::of(&["/usr/bin/tini", "--"]).cmd(&["/arm"]).fails("wrong-machine"),
        Case::of(&["/usr/bin/tini", "--"]).cmd(&["/none"]).fails(missing),
        Case::of(&["/usr/bin/tini", "--"]).fails("launch-refused"),
        Case::of(&["tini", "-g", "-vv", "-e", "143", "-p", "SIGTERM", "--", "/app"]),
        Case::of(&["tini", "-x", "--", "/app"]).fails("launch-refused"),
        Case::of(&["tini", "--", "/closed"]).fails("not-executable"),
        Case::of(&["tini", "--", "/srv"]).fails("entry-point-not-a-file"),
        Case::of(&["tini", "--", "/text"]),
        Case::of(&["tini", "app"]).fails(missing),
        Case::of(&["tini", "app"]).env("PATH=/usr/bin:/"),
        Case::of(&["tini", "--", "/dynamic"]),
        Case::of(&["/sbin/init", "/arm"]).fails("wrong-machine"),
        Case::of(&["dumb-init", "/app"]),
        Case::of(&["dumb-init", "--rewrite", "15:3", "-c", "--", "/app"]),
        Case::of(&["dumb-init", "/arm"]).fails("wrong-machine"),
        Case::of(&["dumb-init", "/none"]).fails(missing),
        Case::of(&["dumb-init", "--no-such", "/app"]).fails("launch-refused"),
        Case::of(&["catatonit", "-g", "--", "/app"]),
        Case::of(&["catatonit", "/none"]).fails(missing),
        Case::of(&["catatonit", "/arm"]).fails("wrong-machine"),
        Case::of(&["gosu", "app", "/app"]),
        Case::of(&["gosu", "1000:1000", "/app"]),
        Case::of(&["gosu", "nobody", "/app"]).fails("launch-user-unknown"),
        Case::of(&["gosu", "app:none", "/app"]).fails("launch-user-unknown"),
        Case::of(&["gosu", "app", "/own"]).fails("not-executable"),
        Case::of(&["gosu", "app", "/arm"]).fails("wrong-machine"),
        Case::of(&["gosu", "app", "/text"]).fails("text-without-interpreter"),
        Case::of(&["gosu", "app", "none"]).fails(missing),
        Case::of(&["gosu", "app"]).fails("launch-refused"),
        Case::of(&["gosu", "app", "/app"]).user("1000").fails("launch-refused"),
        Case::of(&["env", "A=1", "/app"]),
        Case::of(&["env", "/arm"]).fails("wrong-machine"),
        Case::of(&["env", "-i", "A=1", "none"]).fails(missing),
        Case::of(&["env", "PATH=/", "app"]),
        Case::of(&["env", "-u", "PATH", "app"]).fails(missing),
        Case::of(&["env", "-C", "/srv", "../app"]),
        Case::of(&["env", "-C", "/none", "/app"]).fails("launch-refused"),
        Case::of(&["env", "-S", "A=1 /app 'x y'"]),
        Case::of(&["env", "-S", "/none x"]).fails(missing),
        Case::of(&["env", "--no-such", "/app"]).fails("launch-refused"),
        Case::of(&["/bb/env", "/app"]),
        Case::of(&["/bb/env", "/none"]).fails(missing),
        Case::of(&["/bin/busybox", "timeout", "5", "/none"]).fails(missing),
        Case::of(&["/bb/env", "-S", "/app"]).fails("busybox-option-missing"),
        Case::of(&["/bb/env", "-i", "-S", "/app"]).fails("busybox-option-missing"),
        Case::of(&["/bb/env", "-v", "/app"]).fails("launch-refused"),
        Case::of(&["/entry"])
            .script("/entry", "#!/bb/env -S /app -x\n")
            .fails("busybox-option-missing script-entry-point"),
        Case::of(&["tini", "--", "/bb/env", "-S", "/app"]).fails("busybox-option-missing"),
        Case::of(&["tini", "--", "/bin/busybox", "no-such"]).fails("busybox-applet-missing"),
        Case::of(&["tini", "--", "/bb/no-such", "/app"]).fails("busybox-applet-missing"),
        Case::of(&["tini", "--", "/bin/busybox", "env", "/app"]),
        Case::of(&["tini", "--", "/bin/busybox", "timeout", "5", "/none"]).fails(missing),
        Case::of(&["gosu", "app", "/bin/busybox", "no-such"]).fails("busybox-applet-missing"),
        Case::of(&["/bin/busybox", "env", "/bin/busybox", "no-such"]).fails("busybox-applet-missing"),
        Case::of(&["env", "/bin/busybox", "gosu", "app", "/app"]).fails("busybox-applet-missing"),
        Case::of(&["/bin/busybox", "gosu", "none", "/app"]).fails("busybox-applet-missing"),
        Case::of(&["/bin/busybox", "sh", "-c", "exec /bin/busybox no-such"]).fails("busybox-applet-missing"),
        Case::of(&["tini", "--", "/bin/busybox", "sh", "-c", "exec /app"]),
        Case::of(&["tini", "--", "/bin/busybox", "sh", "-c", "exec /none"]).fails(missing),
        Case::of(&["/bin/busybox", "chroot", "--userspec=app", "/", "/app"]).fails("launch-refused"),
        Case::of(&["chroot", "--userspec=app:1000", "/", "/app"]),
        Case::of(&["chroot", "--userspec=app", "/", "/own"]).fails("not-executable"),
        Case::of(&["chroot", "--userspec=5", "/", "/app"]).fails("launch-refused"),
        Case::of(&["chroot", "--userspec=5:5", "/", "/app"]),
        Case::of(&["chroot", "--userspec=none", "/", "/app"]).fails("launch-user-unknown"),
        Case::of(&["chroot", "--userspec=app:none", "/", "/app"]).fails("launch-user-unknown"),
        Case::of(&["chroot", "--groups=5", "/", "/none"]).fails(missing),
        Case::of(&["chroot", "/", "/app"]).user("1000").fails("launch-refused"),
        Case::of(&["setpriv", "--regid=5", "/app"]).fails("launch-refused"),
        Case::of(&["setpriv", "--regid=5", "--clear-groups", "/app"]),
        Case::of(&["setpriv", "--reuid= 1000", "--clear-groups", "/app"]),
        Case::of(&["setpriv", "--init-groups", "/app"]).fails("launch-refused"),
        Case::of(&["setpriv", "--reuid=5", "--init-groups", "/app"]).fails("launch-user-unknown"),
        Case::of(&["setpriv", "--reuid=1000", "--init-groups", "/app"]),
        Case::of(&["nice", "-n", "5", "/app"]),
        Case::of(&["nice", "-5", "/none"]).fails(missing),
        Case::of(&["nohup", "/arm"]).fails("wrong-machine"),
        Case::of(&["timeout", "-k", "1", "5", "/app"]),
        Case::of(&["timeout", "5", "/none"]).fails(missing),
        Case::of(&["timeout", "5"]).fails("launch-refused"),
        Case::of(&["setsid", "-w", "/app"]),
        Case::of(&["setsid", "sh", "-c", "/bin/busybox sleep 1; exec /app"]).fails("launch-refused"),
        Case::of(&["/bin/busybox", "setsid", "sh", "-c", "/bin/busybox sleep 1; exec /app"])
            .fails("launch-refused"),
        Case::of(&["sh", "-c", "setsid /app; true"]),
        Case::of(&["tini", "--", "setsid", "-w", "/app"]),
        Case::of(&["dumb-init", "-c", "setsid", "/app"]),
        Case::of(&["dumb-init", "--single", "setsid", "/app"]),
        Case::of(&["timeout", "9", "setsid", "/app"]),
        Case::of(&["tini", "--", "sh", "-c", "setsid /app; true"]),
        later(&["tini", "--", "setsid"]).fails("launch-refused"),
        later(&["dumb-init", "setsid"]).fails("launch-refused"),
        later(&["dumb-init", "-v", "--", "setsid"]).fails("launch-refused"),
        later(&["catatonit", "--", "setsid"]).fails("launch-refused"),
        later(&["env", "A=1", "nice", "setsid"]).fails("launch-refused"),
        later(&["gosu", "app", "setsid"]).fails("launch-refused"),
        later(&["sh", "-c", "exec setsid \"$@\"", "sh"]).fails("launch-refused"),
        later(&["sh", "-c", "(exec setsid \"$@\"); true", "sh"]),
        stdbuf().fails("launch-refused"),
        stdbuf().file(STDBUF_LIBRARY, 0o644, host_file(STDBUF_LIBRARY)),
        Case::of(&["setpriv", "--reuid=app", "--clear-groups", "/app"]),
        Case::of(&["setpriv", "--reuid=app", "--clear-groups", "/own"]).unproven("launch-may-fail"),
        Case::of(&["/entry.sh", "/app"]).script("/entry.sh", &AGAIN.replace("USER", "app")),
        Case::of(&["/entry.sh", "/app"]).script("/entry.sh", &AGAIN.replace("USER", "1000")),
        Case::of(&["/entry.sh", "/arm"])
            .script("/entry.sh", &AGAIN.replace("USER", "app"))
            .fails("wrong-machine"),
        Case::of(&["setpriv", "--reuid", "none", "/app"]).fails("launch-user-unknown"),
        Case::of(&["flock", "/srv/data", "/none"]).fails(missing),
        Case::of(&["chroot", "/", "/app"]),
        Case::of(&[LOADER, "/dynamic"]),
        Case::of(&[LOADER, "/none"]).fails(missing),
        Case::of(&[LOADER, "/arm"]).fails("wrong-machine"),
        Case::of(&[LOADER, "/entry.sh"])
            .script("/entry.sh", "#!/bin/sh\nexec /app\n")
            .fails("launch-refused"),
        Case::of(&[LOADER, "/text"]).fails("launch-refused"),
        Case::of(&[LOADER, "/bin/sh", "/entry.sh"]).script("/entry.sh", "exec /app\n"),
        Case::of(&[LOADER, "--library-path", "/none", "/dynamic"]),
        Case::of(&[LOADER, "/read"]).file("/read", 0o644, dynamic()),
        Case::of(&[LOADER, "/read"]).file("/read", 0o600, dynamic()),
        Case::of(&[LOADER, "/read"]).file("/read", 0o640, dynamic()).user("1000").fails("not-executable"),
        Case::of(&[LOADER, "/srv"]).fails("entry-point-not-a-file"),
        Case::of(&[LOADER, "dynamic"]).fails("launch-file-missing"),
        Case::of(&[LOADER, "./dynamic"]),
        Case::of(&[LOADER, "dynamic"]).env("LD_LIBRARY_PATH=/").unproven("launch-unknown"),
        Case::of(&[LOADER, "--list", "/dynamic"]).fails("launch-refused"),
        Case::of(&[LOADER, "--verify", "/dynamic"]).fails("launch-refused"),
        Case::of(&[MUSL, "--list", "/musl"]).fails("launch-refused"),
        Case::of(&[MUSL, "/musl"]),
        Case::of(&[MUSL, "musl"]),
        Case::of(&[MUSL, "/read"]).file("/read", 0o644, musl()),
        Case::of(&[MUSL, "/app"]).fails("launch-refused"),
        Case::of(&["/ldd", "/musl"]).with_links(&[("/ldd", MUSL)]).unproven("launch-unknown"),
        Case::of(&["/dynamic"]).env("LD_TRACE_LOADED_OBJECTS=1").fails("launch-refused"),
        Case::of(&["/dynamic"]).env("LD_TRACE_LOADED_OBJECTS=").fails("launch-refused"),
        Case::of(&["/musl"]).env("LD_TRACE_LOADED_OBJECTS=1"),
        Case::of(&["/app"]).env("LD_TRACE_LOADED_OBJECTS=1"),
        Case::of(&["tini", "-e", "abc", "--", "/app"]).fails("launch-refused"),
        Case::of(&["tini", "-e", "256", "--", "/app"]).fails("launch-refused"),
        Case::of(&["tini", "-p", "SIGFOO", "--", "/app"]).fails("launch-refused"),
        Case::of(&["tini", "-p", "TERM", "--", "/app"]).fails("launch-refused"),
        Case::of(&["tini", "-p", "SIGCHLD", "--", "/app"]),
        Case::of(&["dumb-init", "--rewrite", "15:99", "--", "/app"]).fails("launch-refused"),
        Case::of(&["dumb-init", "-r", "15:0", "/app"]),
        Case::of(&["dumb-init", "-r", "SIGTERM:3", "/app"]).fails("launch-refused"),
        Case::of(&["timeout", "10x", "/app"]).fails("launch-refused"),
        Case::of(&["timeout", "-k", "x", "5", "/app"]).fails("launch-refused"),
        Case::of(&["timeout", "1e2", "/app"]),
        Case::of(&["/bb/timeout", "1e2", "/app"]).fails("launch-refused"),
        Case::of(&["/bb/timeout", "0.5", "/app"]),
        Case::of(&["/bb/timeout", "-s", "KILL", "-k", "3", "5", "/app"]),
        Case::of(&["/bb/timeout", "--signal=KILL", "5", "/app"]).fails("launch-refused"),
        Case::of(&["/bin/busybox", "setpriv", "--reuid=1000", "/app"]).fails("launch-refused"),
        Case::of(&["/bin/busybox", "setpriv", "--nnp", "/app"]),
        Case::of(&["/bin/busybox", "--", "sh", "-c", "/app"]).fails("busybox-applet-missing"),
        Case::of(&["flock", "/nodir/lock", "/app"]).fails("launch-refused"),
        Case::of(&["flock", "/srv/lock", "/app"]),
        Case::of(&["flock", "/srv/lock", "/app"]).user("1000").seen_failing("launch-may-fail"),
        Case::of(&["flock", "/srv/data", "/app"]).user("1000"),
        Case::of(&["flock", "/nodir/lock", "/app"]).volume("/nodir"),
        su(&["su", "-s", "/bin/sh", "app", "-c", "/app"]).unproven("launch-may-fail"),
        su(&["runuser", "-u", "app", "/app"]).unproven("launch-may-fail"),
        su(&["su", "app", "-c", "/app"]).file("/etc/pam.d/su", 0o644, "").unproven("launch-may-fail"),
        Case::of(&["tini", "/app", "-x"]).fails("launch-refused"),
        Case::of(&["tini", "/app", "-s"]).unproven("launch-unknown"),
        Case::of(&["tini", "--", "/app", "-x"]),
        Case::of(&["tini", "/app", "--", "-x"]),
        Case::of(&["tini", "--", "env", "A=1", "gosu", "app", "/none"]).fails(missing),
        Case::of(&["tini", "--", "gosu", "app", "env", "/arm"]).fails("wrong-machine"),
    ]
}

/// The library that stdbuf preloads, where Debian has it.
const STDBUF_LIBRARY: &str = "/usr/libexec/coreutils/libstdbuf.so";

/// A launcher of a program that says a second later that it has started.
fn later(launcher: &[&str]) -> Case {
    Case::of(&[launcher, &["sh", "-c", "/bin/busybox sleep 1; exec /app"]].concat())
}

fn stdbuf() -> Case {
    Case::of(&["stdbuf", "-oL", "/app"]).file("/usr/bin/stdbuf", 0o755, host_file("/usr/bin/stdbuf"))
}

/// An image with su and runuser, and without PAM's files.
fn su(words: &[&str]) -> Case {
    let programs = ["/bin/su", "/sbin/runuser"];
    let libraries = libraries_of(programs.into_iter());
    let files = programs.into_iter().map(str::to_owned).chain(libraries);
    files.fold(Case::of(words), |case, path| case.file(&path, 0o755, host_file(&path)))
}

/// An image with a program of Python's name, the landmark of its library, and a module, a package and two directories in
/// `/srv`, where it starts.
fn python(words: &[&str]) -> Case {
    let words: Vec<&str> = std::iter::once("python3").chain(words.iter().copied()).collect();
    [
        "/usr/lib/python3.11/os.py",
        "/usr/lib/python3.11/json/tool.py",
        "/usr/lib/python3.11/site-packages/flask/__main__.py",
        "/srv/module.py",
        "/srv/package/__init__.py",
        "/srv/runs/__main__.py",
        "/srv/space/part.py",
    ]
    .iter()
    .fold(Case::of(&words), |case, path| case.file(path, 0o644, ""))
    .file("/usr/bin/python3.11", 0o755, dynamic())
    .with_links(&[("/usr/bin/python3", "python3.11")])
    .directory("/srv")
}

/// An image that runs a module with a virtual environment, as `python3 -m venv` makes it.
fn venv(module: &str) -> Case {
    const CONFIGURATION: &str = "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n";
    python(&["-m", module])
        .env("PATH=/srv/env/bin:/usr/bin")
        .file("/srv/env/pyvenv.cfg", 0o644, CONFIGURATION)
        .with_links(&[("/usr/bin/python3", "python3.11"), ("/srv/env/bin/python3", "/usr/bin/python3")])
}

/// CPython's command lines. Each was given to Python 3.11 in a directory with these files.
fn of_python() -> Vec<Case> {
    let missing = "launch-file-missing";
    let shell = "#!/bin/sh\npip install x\nexec python3 -m absent\n";
    vec![
        python(&["-m", "module"]),
        python(&["-um", "module"]),
        python(&["-m", "absent"]).fails(missing),
        python(&["-m", "absent.part"]).fails(missing),
        python(&["-I", "-m", "module"]).fails(missing),
        python(&["-P", "-m", "module"]).fails(missing),
        python(&["-m", "module"]).env("PYTHONSAFEPATH=1").fails(missing),
        python(&["-E", "-m", "module"]).env("PYTHONSAFEPATH=1"),
        python(&["-m", "module"]).env("PYTHONSAFEPATH="),
        python(&["-P", "-m", "module"]).env("PYTHONPATH=/srv"),
        python(&["-I", "-m", "module"]).env("PYTHONPATH=/srv").fails(missing),
        python(&["-m", "package"]).fails(missing),
        python(&["-m", "runs"]),
        python(&["-m", "space"]).fails(missing),
        python(&["-m", "space.part"]),
        python(&["-m", "json.tool"]),
        python(&["-m", "flask", "run"]),
        python(&["-m", "absent"]).env("PYTHONHOME=/opt"),
        python(&["-m", "absent"]).volume("/srv").unproven("launch-may-fail"),
        python(&["-m", "absent"])
            .file("/usr/lib/python3.11/site-packages/editable.pth", 0o644, "import editable\n")
            .unproven("launch-may-fail"),
        python(&["-m", "absent"])
            .file("/usr/lib/python3.11/site-packages/path.pth", 0o644, "/opt/more\n")
            .file("/opt/more/absent.py", 0o644, ""),
        python(&["-m", "absent"]).file("/usr/lib/python3.11/site-packages/path.pth", 0o644, "inside\n").file(
            "/usr/lib/python3.11/site-packages/inside/absent.py",
            0o644,
            "",
        ),
        // A virtual environment on PATH.
        python(&["-m", "absent"])
            .env("PATH=/srv/env/bin:/usr/bin")
            .file("/srv/env/pyvenv.cfg", 0o644, "home = /usr/bin\n")
            .file("/srv/env/lib/python3.11/site-packages/absent.py", 0o644, "")
            .with_links(&[("/usr/bin/python3", "python3.11"), ("/srv/env/bin/python3", "/usr/bin/python3")]),
        venv("absent").file("/srv/env/lib/python3.11/site-packages/absent.py", 0o644, ""),
        venv("absent").unproven("launch-may-fail"),
        venv("json.tool"),
        venv("module"),
        // It hides what is installed for the interpreter, and searches only the modules of its version.
        venv("flask").unproven("launch-may-fail"),
        venv("absent")
            .file("/srv/env/lib/python3.12/site-packages/absent.py", 0o644, "")
            .unproven("launch-may-fail"),
        venv("absent").file("/srv/env/lib/python3.11/absent.py", 0o644, "").unproven("launch-may-fail"),
        venv("flask").file(
            "/srv/env/pyvenv.cfg",
            0o644,
            "home = /usr/bin\ninclude-system-site-packages = true\n",
        ),
        // One that has a copy of the interpreter.
        venv("absent")
            .with_links(&[("/usr/bin/python3", "python3.11")])
            .file("/srv/env/bin/python3", 0o755, dynamic())
            .file("/srv/env/lib/python3.11/site-packages/absent.py", 0o644, ""),
        venv("absent")
            .with_links(&[("/usr/bin/python3", "python3.11")])
            .file("/srv/env/bin/python3", 0o755, dynamic())
            .unproven("launch-may-fail"),
        python(&["-Z", "module.py"]).fails("launch-refused"),
        python(&["-m"]).fails("launch-refused"),
        python(&["package"]).fails(missing),
        python(&["runs"]),
        python(&["module.py"]),
        Case { image: Case::of(&["/entry.sh"]).directory("/srv").image, ..python(&[]) }
            .script("/entry.sh", shell)
            .unproven("launch-helper-missing launch-may-fail"),
    ]
}

#[test]
fn modules_of_python_are_searched_as_it_does() {
    let wrong = disagreements(&of_python());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The beginning of the entry scripts of many images.
const USUAL: &str = "#!/bin/sh\nset -e\nif [ \"${1#-}\" != \"$1\" ]; then\n\tset -- /app \"$@\"\nfi\n\
                     if [ \"$1\" = /app ] && [ \"$(id -u)\" = 0 ]; then\n\texec gosu app \"$0\" \"$@\"\nfi\nexec \"$@\"\n";

/// A shell that reads a startup file, with a program in `/opt`.
fn login(words: &[&str], file: &'static str, text: &str) -> Case {
    Case::of(words).file(file, 0o644, text).script("/opt/tool", "#!/bin/sh\nexec /app\n")
}

/// Shells and scripts.
fn of_scripts() -> Vec<Case> {
    let missing = "launch-command-missing";
    let shell = |text: &str| Case::of(&["/bin/sh", "-c", text]);
    let entry = |text: &str| Case::of(&["/entry.sh"]).script("/entry.sh", text);
    vec![
        Case::of(&["/bin/busybox", "sh", "/entry"])
            .script("/entry", "set -e\nexport PATH=/nope\nls / >/dev/null\nexec /app\n")
            .unproven("launch-may-fail"),
        Case::of(&["/bin/busybox", "sh", "/entry"])
            .script("/entry", "set -e\nexport PATH=/nope\nabsent / >/dev/null\nexec /app\n")
            .fails(missing),
        Case::of(&["bash", "run"]).file("/usr/bin/run", 0o644, "/app\n").directory("/srv"),
        Case::of(&["dash", "run"])
            .file("/usr/bin/run", 0o755, "/app\n")
            .directory("/srv")
            .fails("launch-file-missing"),
        Case::of(&["/bb/sh", "run"])
            .file("/usr/bin/run", 0o755, "/app\n")
            .directory("/srv")
            .fails("launch-file-missing"),
        Case::of(&["dash", "run"]).file("/srv/run", 0o644, "/app\n").directory("/srv"),
        Case::of(&["bash", "-c", "--login", "/app"]).fails("launch-refused"),
        Case::of(&["bash", "--login", "-c", "/app"]),
        Case::of(&["bash", "-o", "pipefail", "-c", "/app"]),
        Case::of(&["bash", "-o", "nosuch", "-c", "/app"]).fails("launch-refused"),
        Case::of(&["dash", "-o", "pipefail", "-c", "/app"]).fails("launch-refused"),
        Case::of(&["dash", "--login", "-c", "/app"]).fails("launch-refused"),
        Case::of(&["dash", "-c"]).fails("launch-refused"),
        Case::of(&["/bb/sh", "-o", "nosuch", "-c", "/app"]).fails("launch-refused"),
        Case::of(&["/bb/sh", "-o", "pipefail", "-c", "/app"]),
        Case::of(&["/bb/sh", "--nosuch", "-c", "/app"]),
        shell("exec /app"),
        shell("exec /arm").fails("wrong-machine"),
        shell("/none --flag").fails(missing),
        shell("cd /srv && exec ../app"),
        shell("cd /srv && exec ./app").fails(missing),
        shell("exec \"$0\" \"$@\"").cmd(&["/arm"]).fails("wrong-machine"),
        shell("exec app").fails(missing),
        shell("PATH=$PATH:/ exec app"),
        shell("A=1 exec env B=2 /none").fails(missing),
        shell("/app | /bin/busybox cat"),
        shell("/arm | /bin/busybox cat").unproven("launch-may-fail"),
        shell("if true; then exec /app; fi; exec /none"),
        shell("case $0 in sh) exec /none;; *) exec /app;; esac"),
        shell("(exec /arm)").fails("wrong-machine"),
        shell("/app & wait"),
        shell("none || true; exec /app"),
        shell("if [ -n \"$DEBUG\" ]; then exec none; fi; exec /app"),
        shell("if [ -n \"$DEBUG\" ]; then exec /arm; fi; exec /app").unproven("launch-may-fail"),
        shell("exec $PROGRAM").unproven("launch-unknown"),
        shell("exec ${PROGRAM:-/app}").env("PROGRAM=/arm").fails("wrong-machine"),
        shell("eval \"$PROGRAM\"").unproven("launch-unknown"),
        shell("exec \"/app").fails("script-broken"),
        shell("exec /text"),
        shell("exec /bin/busybox no-such").fails("busybox-applet-missing"),
        shell("exec /bb/no-such").fails("busybox-applet-missing"),
        shell("exec /bin/busybox $(id -G)").unproven("launch-unknown"),
        shell("set -e; /bin/busybox no-such; exec /app").fails("busybox-applet-missing"),
        shell("/bin/busybox true; /bb/no-such; exec /app").noting("launch-helper-fails"),
        shell("/bin/busybox true; exec /app"),
        Case::of(&["sh", "/entry.sh"]).file("/entry.sh", 0o644, "exec /app\n"),
        Case::of(&["sh", "/entry.sh"]).file("/entry.sh", 0o644, "exec /arm\n").fails("wrong-machine"),
        Case::of(&["sh", "/entry.sh"]).file("/entry.sh", 0o644, "exec /none\n").fails(missing),
        Case::of(&["sh", "/entry.sh"]).fails("launch-file-missing"),
        Case::of(&["sh", "/app"]).fails("launch-file-missing"),
        Case::of(&["sh", "entry.sh"]).file("/srv/entry.sh", 0o644, "exec /app\n").directory("/srv"),
        Case::of(&["sh", "/entry.sh"])
            .file("/entry.sh", 0o600, "exec /app\n")
            .user("1000")
            .fails("script-not-readable"),
        Case::of(&["sh", "/entry.sh"])
            .file("/entry.sh", 0o644, "exec /app\r\n")
            .fails("script-carriage-return"),
        Case::of(&["sh", "/entry.sh"])
            .file("/entry.sh", 0o644, "set -e\r\nexec /app\n")
            .fails("script-carriage-return"),
        Case::of(&["bash", "/entry.sh"])
            .file("/entry.sh", 0o644, "if true; then\r\n\texec /app\r\nfi\r\n")
            .fails("script-carriage-return"),
        entry("#!/bin/sh\nset -e\nfor f in /hooks/*; do\n\tcase $f in *.sh) . \"$f\";; esac\ndone\nexec \"$@\"\n")
            .cmd(&["/app"])
            .file("/hooks/a.sh", 0o644, "PATH=/opt\n")
            .file("/hooks/notes.txt", 0o644, "none"),
        entry("#!/bin/sh\nfor f in /hooks/*.sh; do . \"$f\"; done\nexec tool\n")
            .file("/hooks/a.sh", 0o644, "PATH=/none\n")
            .fails(missing),
        shell("exec /opt/app-*/run").script("/opt/app-1.2/run", "#!/bin/sh\nexec /app\n"),
        login(&["/bin/bash", "-lc", "exec tool"], "/etc/profile", "PATH=/opt:$PATH\n"),
        login(&["/bin/bash", "-lc", "exec tool"], "/etc/profile", "PATH=/usr/bin\n")
            .env("PATH=/opt")
            .fails(missing),
        login(&["/bin/bash", "--login", "/entry.sh"], "/srv/.bash_profile", "PATH=/opt\n")
            .file("/entry.sh", 0o644, "exec tool\n")
            .env("HOME=/srv"),
        login(&["/bin/bash", "-c", "exec tool"], "/etc/profile", "PATH=/opt\n").fails(missing),
        login(&["/bin/bash", "-c", "exec tool"], "/env", "PATH=/opt\n").env("BASH_ENV=/env"),
        login(&["/bin/sh", "-lc", "exec tool"], "/root/.profile", "PATH=/opt\n").env("HOME=/root"),
        login(&["/entry.sh"], "/etc/profile", "PATH=/opt\n")
            .script("/entry.sh", "#!/bin/bash -l\nexec tool\n"),
        entry("#!/bin/sh\nexec \"$@\"\n").cmd(&["/app", "--flag"]),
        entry("#!/bin/sh\nexec \"$@\"\n").cmd(&["/none"]).fails(missing),
        entry("#!/bin/sh\nexec \"$@\"\n").cmd(&["/arm"]).fails("wrong-machine"),
        entry("#!/bin/sh\n/app\n"),
        entry("#!/bin/sh\n/arm\n").fails("wrong-machine"),
        entry("#!/bin/bash\nset -euo pipefail\n[[ -n ${1:-} ]] || set -- /app\nexec \"$@\"\n"),
        entry("#!/usr/bin/env bash\nfunction main() { exec /none; }\nmain\n").fails(missing),
        entry("#!/bb/sh\nexec /bb/timeout 5 /app\n"),
        entry("#!/bin/sh\nset -e\nno-such-command --flag\nexec /app\n").fails(missing),
        entry("#!/bin/sh -e\nno-such-command\nexec /app\n").fails(missing),
        entry("#!/bin/sh\nno-such-command\nexec /app\n").noting("launch-helper-missing"),
        entry("#!/bin/sh\n/arm\nexec /app\n").noting("launch-helper-fails"),
        entry("#!/bin/sh\nset -e\n/arm\nexec /app\n").fails("wrong-machine"),
        entry(USUAL).cmd(&["/app"]),
        entry(USUAL).cmd(&["--port", "80"]),
        entry(USUAL).cmd(&["/none"]).fails(missing),
        entry(USUAL).cmd(&["/arm"]).fails("wrong-machine"),
        entry(&USUAL.replace("gosu app", "gosu nobody")).cmd(&["/app"]).fails("launch-user-unknown"),
        entry("#!/bin/sh\nexec gosu app /own\n").fails("not-executable"),
        entry("#!/bin/sh\nexec gosu \"${RUN_AS:-app}\" /arm\n").fails("wrong-machine"),
        entry("#!/bin/sh\nexec gosu \"$RUN_AS\" /own\n").env("A=").unproven("launch-may-fail"),
        entry("#!/bin/sh\n/bin/busybox ls >/dev/null\nexec env /arm\n").fails("wrong-machine"),
        entry("#!/bin/sh\n/bin/busybox ls >/dev/null\nexec none\n").unproven("launch-unknown"),
        entry("#!/bin/sh\n$FIRST /bin/busybox true\n[ -z \"$1\" ]\n/app\ntrue\n").env("FIRST="),
        entry("#!/bin/sh\nexec tini -- \"$0\" again\n").unproven("launch-unknown"),
        entry("#!/bin/sh\n. /srv/more.sh\nstart\n")
            .file("/srv/more.sh", 0o644, "start() { exec /none; }\n")
            .fails(missing),
        entry("#!/bin/sh\nexec /app-$(uname -m)\n").script("/app-x86_64", "#!/bin/sh\necho started\n"),
        Case::of(&["tini", "--", "/entry.sh"])
            .script("/entry.sh", "#!/bin/sh\n\nexec gosu app /arm\n")
            .fails("wrong-machine"),
        Case::of(&["tini", "--", "/entry"]).script("/entry", "exec /none\n").fails(missing),
    ]
}

pub(crate) fn disagreements(cases: &[Case]) -> Vec<String> {
    let checked = cases.iter().filter_map(|case| {
        let findings = case.verify();
        let (codes, verdict) = summary(&findings);
        let is_right = (codes.as_str(), verdict) == (case.codes, case.verdict);
        (!is_right).then(|| {
            format!(
                "{}: {:?}: {verdict} ({codes}), not {} ({}): {findings:#?}",
                case.words(),
                case.entry_script(),
                case.verdict,
                case.codes
            )
        })
    });
    checked.collect()
}

#[test]
fn launchers_are_followed_to_the_program_that_runs() {
    let wrong = disagreements(&of_launchers());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn scripts_are_followed_to_the_program_that_runs() {
    let wrong = disagreements(&of_scripts());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn findings_name_the_chain() {
    let script = "#!/bin/sh\n\nexec gosu app /arm\n";
    let findings = Case::of(&["tini", "--", "/entry.sh"]).script("/entry.sh", script).verify();
    let chain = "tini starts /entry.sh, of which line 3 runs gosu, which starts /arm: ";
    assert!(findings[0].message.starts_with(chain), "{}", findings[0].message);

    let case = Case::of(&["tini", "--", "env", "A=1", "gosu", "app", "/none"]);
    let findings = case.verify();
    let message = &findings[0].message;
    let chain = "tini starts env, which starts gosu, which starts /none: ";
    assert!(message.starts_with(chain), "{message}");
}

/// A program of a launcher's name may do anything with its arguments.
#[test]
fn a_program_that_only_has_a_launchers_name_proves_nothing() {
    let app = Recipe::parse("gcc -static @main.c").make();
    let with = |words: &[&str]| summary(&Case::of(words).file("/opt/tini", 0o755, app.clone()).verify());
    assert_eq!(with(&["/opt/tini", "/app"]), (String::new(), Verdict::Starts));
    assert_eq!(with(&["/opt/tini", "/none"]), ("launch-may-fail".to_owned(), Verdict::Unproven));
    assert_eq!(with(&["/opt/tini", "-x"]), ("launch-may-fail".to_owned(), Verdict::Unproven));
}

/// Writes the image to a bundle of runc and starts it; returns what the program and runc print.
#[expect(clippy::disallowed_methods, reason = "the test writes and starts the image that it verified")]
fn started(case: &Case, number: usize) -> String {
    let bundle =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("launch-{}-{number}", std::process::id()));
    let root = bundle.join("rootfs");
    for (path, mode, content) in base().iter().chain(&case.files) {
        let path = place(&root, path);
        std::fs::write(&path, content).expect("a file can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(*mode)).expect("a mode can be set");
    }
    for (path, target) in case.links() {
        std::os::unix::fs::symlink(target, place(&root, path)).expect("a link can be made");
    }
    let volumes = case.image.volumes.iter().map(|volume| &volume[1..]);
    for directory in ["proc", "tmp", "dev"].into_iter().chain(volumes) {
        std::fs::create_dir_all(root.join(directory)).expect("a directory can be made");
    }
    let everyone = std::fs::Permissions::from_mode(0o1777);
    std::fs::set_permissions(root.join("tmp"), everyone).expect("a mode can be set");
    std::fs::write(bundle.join("config.json"), configuration(case)).expect("a file can be written");
    let name = format!("crossdock-launch-{}-{number}", std::process::id());
    let output = Command::new("runc").args(["run", "--bundle"]).arg(&bundle).arg(&name).output();
    let output = output.expect("this test needs runc");
    std::fs::remove_dir_all(&bundle).expect("the test's own directory");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn place(root: &Path, path: &str) -> PathBuf {
    let path = root.join(&path[1..]);
    std::fs::create_dir_all(path.parent().expect("it is below the root")).expect("a directory can be made");
    path
}

/// Returns the configuration of a container as an engine makes it from the image.
fn configuration(case: &Case) -> String {
    let uid: u32 = case.image.user.parse().unwrap_or(0);
    let capabilities =
        serde_json::json!(["CAP_SETUID", "CAP_SETGID", "CAP_SYS_CHROOT", "CAP_DAC_OVERRIDE", "CAP_CHOWN"]);
    let granted = if uid == 0 { capabilities.clone() } else { serde_json::json!([]) };
    let mount = |to: &str, kind: &str| serde_json::json!({ "destination": to, "type": kind, "source": kind });
    let configuration = serde_json::json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": { "uid": uid, "gid": uid },
            "args": case.image.command().collect::<Vec<_>>(),
            "env": case.image.env,
            "cwd": case.image.working_directory(),
            "capabilities": {
                "bounding": capabilities, "effective": granted, "permitted": granted,
            },
        },
        "root": { "path": "rootfs" },
        "mounts": [mount("/proc", "proc"), mount("/dev", "tmpfs")],
        "linux": { "namespaces": [{ "type": "pid" }, { "type": "mount" }, { "type": "ipc" }] },
    });
    configuration.to_string()
}

/// An image that `starts` prints `started` under runc; one that `fails` does not.
#[test]
#[ignore = "long: starts every case with runc, as root"]
fn long_runc_agrees_about_launchers_and_scripts() {
    let mut wrong = Vec::new();
    for (number, case) in of_launchers()
        .iter()
        .chain(&of_scripts())
        .chain(&crate::scripts::cases())
        .chain(&crate::entries::cases())
        .chain(&crate::steps::cases())
        .chain(&crate::applets::cases())
        .chain(&crate::tails::cases())
        .chain(&crate::standard_input::cases())
        .chain(&crate::startups::cases())
        // No run contradicts `unproven`.
        .filter(|case| case.verdict != Verdict::Unproven || case.is_seen_failing)
        .enumerate()
    {
        let said = started(case, number);
        let has_started = said.lines().any(|line| line.trim() == "started");
        let is_right = match case.verdict {
            Verdict::Starts => has_started,
            Verdict::Fails | Verdict::Unproven => !has_started,
        };
        if !is_right {
            wrong.push(format!("{} ({}): {said}", case.words(), case.verdict));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
