//! A folder of projects, this machine, and how a choice is carried out by hand.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::Platform;
use crossdock_project::config::{Libc, Linkage, Route, Sourced};
use crossdock_system::availability::Availability;
use crossdock_system::environment::Environment;
use crossdock_system::process::{Cancel, Command, Processes};
use crossdock_toolchain::choice::{
    GoChoice, GoRequest, RustChoice, RustRequest, Wrapper, choose_go, choose_rust,
};
use crossdock_toolchain::host::{Also, Host, Needs, detect};

/// A folder with projects and a cache of its own, and this machine.
pub(crate) struct Bench {
    folder: Arc<tempfile::TempDir>,
    /// The folder of wrappers and programs, below `folder`.
    cache: String,
    processes: Processes,
    pub(crate) host: Host,
}

/// What a project is written in.
pub(crate) enum Language {
    Rust,
    RustAndC,
    RustAndCplusplus,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap().to_owned();
        let mut environment = Environment::from_process().unwrap();
        environment.directory = root.clone();
        // What this test's own cargo set would reach the cargo under test.
        let inherited = ["CARGO", "CARGO_MANIFEST_DIR", "RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO_TARGET_DIR"];
        environment
            .variables
            .retain(|name, _| !inherited.contains(&name.as_str()) && !name.starts_with("CARGO_PKG_"));
        let processes = Processes::new(Arc::new(environment), Cancel::default());
        let needs = Needs {
            rust: [root.clone()].into(),
            go: [root].into(),
            also: [Also::CCompiler, Also::Distribution].into(),
        };
        let host = detect(&processes, &needs).unwrap();
        Self { folder: Arc::new(folder), cache: "cache".to_owned(), processes, host }
    }

    /// The same projects with another folder for wrappers and programs.
    pub(crate) fn with_cache(&self, cache: &str) -> Self {
        let (folder, processes) = (self.folder.clone(), self.processes.clone());
        Self { folder, cache: cache.to_owned(), processes, host: self.host.clone() }
    }

    pub(crate) fn folder(&self) -> &Utf8Path {
        Utf8Path::from_path(self.folder.path()).unwrap()
    }

    fn path(&self, name: &str) -> Utf8PathBuf {
        self.folder().join(name)
    }

    pub(crate) fn write(&self, files: &[(&str, &str)]) {
        for (path, content) in files {
            let path = self.path(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
    }

    /// Chooses for one platform; panics with the reason when it cannot be built.
    pub(crate) fn rust(
        &self,
        host: &Host,
        platform: &str,
        language: Language,
        routes: &[Route],
        libc: Option<Libc>,
    ) -> RustChoice {
        let libc = libc.map(|libc| Sourced::default_because(libc, "tests"));
        let asked = |route: &Route| Sourced::default_because(*route, "tests");
        let request = RustRequest {
            folder: &self.path(""),
            platforms: &[Platform::parse(platform).unwrap()],
            linkage: &Sourced::default_because(Linkage::Static, "tests"),
            libc: libc.as_ref(),
            float: None,
            native_code: &match language {
                Language::Rust => Vec::new(),
                Language::RustAndC => vec![vec!["cc".to_owned()]],
                Language::RustAndCplusplus => vec![vec!["link-cplusplus".to_owned(), "cc".to_owned()]],
            },
            routes: &routes.iter().map(asked).collect::<Vec<_>>(),
        };
        available(choose_rust(&request, host, &self.path(&self.cache)).remove(0))
    }

    pub(crate) fn go(&self, host: &Host, platform: &str, cgo: Option<bool>) -> GoChoice {
        let cgo = cgo.map(|cgo| Sourced::default_because(cgo, "tests"));
        let request = GoRequest {
            folder: &self.path(""),
            platform: &Platform::parse(platform).unwrap(),
            cgo: cgo.as_ref(),
            cgo_packages: &[],
            linkage: &Sourced::default_because(Linkage::Static, "tests"),
            libc: None,
            float: None,
        };
        available(choose_go(&request, host, &self.path(&self.cache)))
    }

    /// Builds the Cargo project `name`, whose program has its name. It is static.
    pub(crate) fn cargo(&self, name: &str, choice: &RustChoice) -> Utf8PathBuf {
        write_wrappers(&choice.wrappers);
        let upper = choice.triple.replace('-', "_").to_uppercase();
        let mut command = Command::new(choice.cargo.as_str(), self.path(name))
            .args(["build", "--release", "--target", &choice.triple])
            .args(choice.cargo_arguments.clone())
            .env(format!("CARGO_TARGET_{upper}_RUSTFLAGS"), choice.rustflags.join(" "))
            .env("CARGO_TARGET_DIR", self.path(&self.cache).join("target"));
        command.environment.extend(choice.environment.clone());
        self.build(&command, &choice.why);
        let program = self.path(&format!("{}/target/{}/release/{name}", self.cache, choice.triple));
        assert_static(&program);
        program
    }

    /// Builds the Go module `name`. Its program is static.
    pub(crate) fn go_build(&self, name: &str, choice: &GoChoice) -> Utf8PathBuf {
        write_wrappers(&choice.wrappers);
        let program = self.path("program");
        let mut command = Command::new(choice.go.as_str(), self.path(name))
            .args(["build", "-trimpath", "-o", program.as_str()])
            .args(choice.arguments.clone())
            .args([format!("-ldflags={}", choice.ldflags.join(" "))]);
        command.environment.extend(choice.environment.clone());
        self.build(&command, &choice.why);
        assert_static(&program);
        program
    }

    fn build(&self, command: &Command, why: &str) {
        if let Err(error) = self.processes.stdout(command) {
            panic!("{why}\n{error}");
        }
    }

    /// What a program prints, natively or under qemu-user, within 30 seconds.
    pub(crate) fn run(&self, platform: &str, program: &Utf8Path) -> String {
        let emulator = match platform {
            native if self.host.platform.to_string() == native => None,
            "linux/amd64" => Some("qemu-x86_64-static"),
            "linux/arm64" => Some("qemu-aarch64-static"),
            _ => Some("qemu-arm-static"),
        };
        let mut command = std::process::Command::new(emulator.unwrap_or(program.as_str()));
        command.args(emulator.map(|_| program)).stdout(std::process::Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("this test needs {emulator:?}: {error}"));
        let deadline = Instant::now() + Duration::from_secs(30);
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                child.kill().unwrap();
                panic!("{program} did not end");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    }
}

fn available<T>(choice: Availability<T>) -> T {
    match choice {
        Availability::Available(choice) => choice,
        Availability::Unavailable(missing) => panic!("this test needs another toolchain: {missing}"),
    }
}

fn write_wrappers(wrappers: &[Wrapper]) {
    for Wrapper { path, content } in wrappers {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// An ELF program without a PT_INTERP program header (gABI, "Program Header").
fn assert_static(program: &Utf8Path) {
    const PT_INTERP: u64 = 3;
    let bytes = std::fs::read(program).unwrap();
    assert_eq!(&bytes[..4], b"\x7fELF", "{program}");
    let number = |at: usize, width: usize| {
        bytes[at..at + width].iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
    };
    let wide = bytes[4] == 2;
    let (offset, size, count) = if wide {
        (number(32, 8), number(54, 2), number(56, 2))
    } else {
        (number(28, 4), number(42, 2), number(44, 2))
    };
    let types = (0..count).map(|place| number((offset + place * size) as usize, 4));
    assert!(types.into_iter().all(|kind| kind != PT_INTERP), "{program} has an interpreter");
}
