//! Debian itself, in this machine's release and from the mirror that its own apt uses. Replaces `debian`, `golang` and
//! `rust` where the `apt-get install` of a rendered file has to work.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Base;
use crate::fixture::write;
use crate::outcome::{Outcome, run};
use crate::tools::need;

/// The time limit for an installation from a mirror, which may be slow.
const LIMIT: Duration = Duration::from_secs(1200);

const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";

/// The Debian packages that `golang` and `rust` have on top of the smallest system.
const TOOLS: [&str; 6] = ["ca-certificates", "gcc", "git", "libc6-dev", "make", "pkg-config"];

/// A release that debootstrap installs, kept in a directory from one run to the next.
#[derive(Debug)]
pub struct Debian {
    directory: PathBuf,
    /// `bookworm`
    pub release: String,
    sources: Vec<Source>,
}

/// A line of apt's sources.
#[derive(Debug)]
struct Source {
    mirror: String,
    suite: String,
    component: String,
}

impl Debian {
    /// Returns this machine's release, kept in `directory`, which is `CARGO_TARGET_TMPDIR`.
    pub fn of_this_machine(directory: &str) -> Self {
        let release = run(
            Command::new(need("sh")).args(["-c", ". /etc/os-release; echo $ID $VERSION_CODENAME"]),
            LIMIT,
        );
        let release = release.success().stdout;
        let Some(("debian", release)) = release.trim().split_once(' ') else {
            panic!("this test installs Debian with debootstrap and needs a Debian to do so, not {release}");
        };
        let format = "$(REPO_URI) $(CODENAME) $(COMPONENT) $(ARCHITECTURE)";
        let mut asked = Command::new(need("apt-get"));
        asked.args(["indextargets", "--format", format, "Identifier: Packages", "Origin: Debian"]);
        let asked = run(&mut asked, LIMIT).success().stdout;
        let source = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
            [mirror, suite, component, "amd64" | "arm64"] => Some(Source {
                mirror: mirror.to_owned(),
                suite: suite.to_owned(),
                component: component.to_owned(),
            }),
            _ => None,
        };
        let sources: Vec<Source> = asked.lines().filter_map(source).collect();
        Self { directory: directory.into(), release: release.to_owned(), sources }
    }

    /// Returns the smallest system, like `debian:…-slim`. A foreign architecture is unpacked but not configured, which
    /// needs no emulator: a build only copies its results onto it, and programs only find their libraries in it.
    pub fn slim(&self, architecture: &str) -> Base {
        let root = self.once(&format!("slim-{architecture}"), |root| self.install(architecture, root));
        Base::on(root, None)
    }

    /// Returns this machine's system with the packages of `golang` and this machine's Go.
    pub fn golang(&self) -> Base {
        let version = run(Command::new(need("go")).args(["env", "GOVERSION"]), LIMIT).success().stdout;
        self.with_compiler(&format!("golang-{}", version.trim()), "/usr/local/go/bin", Base::with_go)
    }

    /// Returns this machine's system with the packages of `rust` and this machine's Rust.
    pub fn rust(&self) -> Base {
        let version = run(Command::new(need("rustc")).arg("--version"), LIMIT).success().stdout;
        let version = version.split_whitespace().nth(1).expect("rustc has a version").to_owned();
        self.with_compiler(&format!("rust-{version}"), "/usr/local/rust/bin", |base| {
            base.with_rust_for(&["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"])
        })
    }

    fn with_compiler(&self, name: &str, path: &str, add: fn(Base) -> Base) -> Base {
        let tools = self.tools();
        let root = self.once(name, |root| {
            // Copies instead of hard links: another test may be packing the same files now, and tar reports a new link as a
            // change.
            copy(&tools, root);
            let _added = add(Base::on(root.to_owned(), None));
        });
        Base::on(root, Some(path))
    }

    /// Returns the root of the smallest system with the packages that compiler images have.
    fn tools(&self) -> PathBuf {
        let slim = self.slim(super::base::MACHINE);
        self.once("tools", |root| {
            copy(slim.root(), root);
            std::fs::copy("/etc/resolv.conf", root.join("etc/resolv.conf"))
                .expect("this machine resolves names");
            in_root(root, "apt-get", &["update"]).success();
            let install = ["install", "--yes", "--no-install-recommends"];
            in_root(root, "apt-get", &[&install[..], &TOOLS[..]].concat()).success();
            copy_certificates(root);
            clean(root);
        })
    }

    /// Returns the directory of that name, which `make` fills if it does not exist. An interrupted run leaves nothing that
    /// looks complete.
    fn once(&self, name: &str, make: impl FnOnce(&Path)) -> PathBuf {
        // Tests that need the same directory wait for each other; if one fails to make it, the next tries again.
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let root = self.directory.join(format!("debian-{}-{name}", self.release));
        if !root.exists() {
            let partial = self.directory.join(format!("debian-{}-{name}.partial", self.release));
            let mut remove = Command::new(need("rm"));
            run(remove.args(["--recursive", "--force", "--one-file-system"]).arg(&partial), LIMIT).success();
            make(&partial);
            std::fs::rename(&partial, &root).expect("a directory can be renamed");
        }
        root
    }

    fn install(&self, architecture: &str, root: &Path) {
        let own = self.sources.iter().find(|source| source.suite == self.release);
        let own = own.unwrap_or_else(|| panic!("this machine's apt has no source of {}", self.release));
        let mut debootstrap = Command::new(need("debootstrap"));
        debootstrap.args(["--variant=minbase", "--arch", architecture]);
        if architecture != super::base::MACHINE {
            debootstrap.arg("--foreign");
        }
        run(debootstrap.arg(&self.release).arg(root).arg(&own.mirror), LIMIT).success();
        self.configure(root);
        clean(root);
    }

    /// Configures the sources, the proxy and the certificates of this machine.
    fn configure(&self, root: &Path) {
        let mut lines: Vec<String> = self
            .sources
            .iter()
            .map(|source| format!("deb {} {} {}\n", source.mirror, source.suite, source.component))
            .collect();
        lines.sort();
        lines.dedup();
        write(root.join("etc/apt/sources.list"), lines.concat());
        let mut dump = Command::new(need("apt-config"));
        let acquire = run(dump.args(["dump", "--format", "%F \"%v\";%n", "Acquire"]), LIMIT).success().stdout;
        write(root.join("etc/apt/apt.conf.d/90-as-on-this-machine"), acquire);
        copy_certificates(root);
    }
}

fn copy(from: &Path, to: &Path) {
    run(Command::new(need("cp")).args(["--archive", "--reflink=auto"]).arg(from).arg(to), LIMIT).success();
}

fn copy_certificates(root: &Path) {
    let bytes = std::fs::read(Path::new("/").join(CERTIFICATES)).expect("this machine has certificates");
    write(root.join(CERTIFICATES), bytes);
}

/// Runs a program in another root, with this machine's devices and processes mounted only for it, and waits for its end.
fn in_root(root: &Path, program: &str, arguments: &[&str]) -> Outcome {
    let script = "mount --rbind /dev \"$1/dev\" && mount --bind /proc \"$1/proc\" && exec chroot \"$@\"";
    let mut command = Command::new(need("unshare"));
    command.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]);
    command.arg(root).arg(program).args(arguments).env_clear();
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("DEBIAN_FRONTEND", "noninteractive");
    run(&mut command, LIMIT)
}

/// Removes what no image contains: devices, downloads, and the files for debootstrap's second stage.
fn clean(root: &Path) {
    for directory in ["dev", "debootstrap", "var/cache/apt", "var/lib/apt/lists"] {
        let mut remove = Command::new(need("rm"));
        run(remove.args(["--recursive", "--force", "--one-file-system"]).arg(root.join(directory)), LIMIT)
            .success();
    }
    for directory in ["dev", "var/cache/apt/archives/partial", "var/lib/apt/lists/partial"] {
        std::fs::create_dir_all(root.join(directory)).expect("a directory can be created");
    }
}
