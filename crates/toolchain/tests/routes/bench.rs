//! A directory of projects, this machine, and the manual execution of a choice.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::{Libc, Linkage, Platform};
use crossdock_project::NativeCode;
use crossdock_project::config::{Route, Sourced};
use crossdock_system::availability::Availability;
use crossdock_system::environment::Environment;
use crossdock_system::process::{Cancel, Command, Processes};
use crossdock_toolchain::choice::{
    GoChoice, GoRequest, RustChoice, RustRequest, Wrapper, choose_go, choose_rust,
};
use crossdock_toolchain::host::{Host, Needs, Probe, detect};

/// A directory with projects and its own cache, on this machine.
pub(crate) struct Bench {
    directory: Arc<tempfile::TempDir>,
    /// The directory of wrappers and programs, below `directory`.
    cache: String,
    processes: Processes,
    pub(crate) host: Host,
}

/// The languages of a project.
pub(crate) enum Language {
    Rust,
    RustAndC,
    RustAndCplusplus,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap().to_owned();
        let mut environment = Environment::from_process().unwrap();
        environment.directory = root.clone();
        // Variables that this test's own cargo set would reach the cargo under test.
        let inherited = ["CARGO", "CARGO_MANIFEST_DIR", "RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO_TARGET_DIR"];
        environment
            .variables
            .retain(|name, _| !inherited.contains(&name.as_str()) && !name.starts_with("CARGO_PKG_"));
        let processes = Processes::new(Arc::new(environment), Cancel::default());
        let needs = Needs::default()
            .with_rust([root.clone()])
            .with_go([root])
            .with_probes([Probe::CCompiler, Probe::Distribution]);
        let host = detect(&processes, &needs).unwrap();
        Self { directory: Arc::new(directory), cache: "cache".to_owned(), processes, host }
    }

    /// Returns the same projects with another directory for wrappers and programs.
    pub(crate) fn with_cache(&self, cache: &str) -> Self {
        let (directory, processes) = (self.directory.clone(), self.processes.clone());
        Self { directory, cache: cache.to_owned(), processes, host: self.host.clone() }
    }

    pub(crate) fn directory(&self) -> &Utf8Path {
        Utf8Path::from_path(self.directory.path()).unwrap()
    }

    fn path(&self, name: &str) -> Utf8PathBuf {
        self.directory().join(name)
    }

    pub(crate) fn write(&self, files: &[(&str, &str)]) {
        for (path, content) in files {
            let path = self.path(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
    }

    /// Chooses for one platform. Panics with the reason if it cannot be built.
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
        let linkage = Sourced::default_because(Linkage::Static, "tests");
        let native_code = match language {
            Language::Rust => Vec::new(),
            Language::RustAndC => vec![vec!["cc".to_owned()]],
            Language::RustAndCplusplus => vec![vec!["link-cplusplus".to_owned(), "cc".to_owned()]],
        };
        let native_code = NativeCode::everywhere(native_code);
        let (root, platforms) = (self.path(""), [Platform::parse(platform).unwrap()]);
        let routes: Vec<_> = routes.iter().map(asked).collect();
        let request = RustRequest::new(&root, &platforms, &linkage)
            .with_libc(libc.as_ref())
            .with_native_code(&native_code)
            .with_routes(&routes);
        available(choose_rust(&request, host, &self.path(&self.cache)).remove(0))
    }

    pub(crate) fn go(&self, host: &Host, platform: &str, cgo: Option<bool>, libc: Option<Libc>) -> GoChoice {
        let cgo = cgo.map(|cgo| Sourced::default_because(cgo, "tests"));
        let libc = libc.map(|libc| Sourced::default_because(libc, "tests"));
        let linkage = Sourced::default_because(Linkage::Static, "tests");
        let (root, platform) = (self.path(""), Platform::parse(platform).unwrap());
        let request =
            GoRequest::new(&root, &platform, &linkage).with_cgo(cgo.as_ref()).with_libc(libc.as_ref());
        available(choose_go(&request, host, &self.path(&self.cache)))
    }

    /// Builds the Cargo project `name`, whose program has the same name, and checks that it is static.
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

    /// Builds the Go module `name`, and checks that its program is static.
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

    /// Returns the output of a program, run natively or under qemu-user for at most 30 seconds.
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

/// Asserts that a program is ELF and has no PT_INTERP program header (gABI, "Program Header").
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
