//! The toolchain routes with real tools: targets of rustup, the distribution's packages, a standard library built from
//! source, and zig as the linker; each while the servers of the others are unreachable.
//!
//! They download toolchains and build standard libraries, so all are `long_…`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use crossdock_tests::outcome::run;
use crossdock_tests::tools::need;
use crossdock_tests::{Layout, MachO, Machine, Outcome, Sandbox, fixture};

/// The time limit for a program under an emulator, far above what any of them takes.
const LIMIT: Duration = Duration::from_secs(60);

/// A rustup home with only the minimal toolchain, downloaded once for all tests.
static MINIMAL: LazyLock<PathBuf> = LazyLock::new(|| {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rustup");
    let mut sandbox = Sandbox::new();
    sandbox.set("RUSTUP_HOME", &home);
    let install = ["toolchain", "install", "stable", "--profile", "minimal", "--no-self-update"];
    let outcome = sandbox.tool(&sandbox.work(), "rustup", &install);
    assert_eq!(outcome.code, Some(0), "this test needs rustup's server, which gave no toolchain: {outcome}");
    home
});

/// Creates a sandbox with its own minimal toolchain, and a Rust project whose image sets `toolchain`.
fn fresh(toolchain: &str) -> (Sandbox, PathBuf) {
    let mut sandbox = Sandbox::new();
    let home = sandbox.work().join("rustup");
    sandbox.tool(&sandbox.work(), "cp", &["-r", MINIMAL.to_str().unwrap(), home.to_str().unwrap()]).success();
    sandbox.set("RUSTUP_HOME", home);
    // zig builds a C library for minutes before the first link for a target, and remembers it here.
    let own = || Path::new(env!("CARGO_TARGET_TMPDIR")).join("zig").into_os_string();
    sandbox.set("ZIG_GLOBAL_CACHE_DIR", std::env::var_os("ZIG_GLOBAL_CACHE_DIR").unwrap_or_else(own));
    let project = fixture::rust_package(&sandbox.work(), "hello");
    fixture::write(project.join("crossdock.toml"), format!("[image.hello]\ntoolchain = {toolchain}\n"));
    (sandbox, project)
}

/// Prevents every tool from reaching a server from now on.
fn out_of_reach(sandbox: &mut Sandbox) {
    const NOBODY: &str = "http://127.0.0.1:9";
    let proxies = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"];
    for variable in proxies.into_iter().chain(["RUSTUP_DIST_SERVER", "RUSTUP_UPDATE_ROOT", "PIP_INDEX_URL"]) {
        sandbox.set(variable, NOBODY);
    }
    sandbox.unset("NO_PROXY").set("RUSTUP_MAX_RETRIES", "0").set("PIP_RETRIES", "0");
    for tool in ["apt-get", "dpkg"] {
        sandbox.shim(tool, "echo 'E: no server can be reached' >&2\nexit 100");
    }
}

/// Runs the program of a platform under its emulator and returns its output.
fn output_of(sandbox: &Sandbox, project: &Path, platform: &str, emulator: &str) -> String {
    let layout = Layout::open(project.join("target/crossdock/hello"));
    let root = sandbox.work().join(platform.replace('/', "-"));
    let program = layout.program(platform, &root);
    run(Command::new(need(emulator)).arg(program), LIMIT).success().stdout
}

fn starts_on_both(sandbox: &Sandbox, project: &Path) {
    let layout = Layout::open(project.join("target/crossdock/hello"));
    for machine in Machine::ALL {
        let program = layout.program(machine.platform(), &sandbox.work().join(machine.name()));
        assert_eq!(
            machine.run(&program, &[], LIMIT).success().stdout,
            format!("hello from {}\n", machine.name())
        );
    }
}

fn set_up(sandbox: &Sandbox, project: &Path, arguments: &[&str]) -> Outcome {
    sandbox.crossdock(project, &[&["dist", "--setup"], arguments].concat())
}

#[test]
#[ignore = "downloads a toolchain"]
fn long_setup_adds_targets_through_rustup() {
    let (sandbox, project) = fresh("[]");
    sandbox.crossdock(&project, &["dist"]).ends_with(3).complains("rustup target add");
    let outcome = set_up(&sandbox, &project, &[]).success();
    for triple in ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"] {
        assert!(outcome.stderr.contains(&format!("rustup target add {triple}")), "{outcome}");
    }
    starts_on_both(&sandbox, &project);
}

#[test]
#[ignore = "downloads a toolchain"]
fn long_without_rustups_server_the_next_route_is_named_and_the_distributions_serves() {
    let (mut sandbox, project) = fresh("[]");
    out_of_reach(&mut sandbox);
    let outcome = set_up(&sandbox, &project, &[]).ends_with(3);
    let outcome = outcome.complains("` failed: ").complains(r#"toolchain = ["distribution", "build-std"]"#);
    assert!(!outcome.stderr.contains("dist --setup"), "{outcome}");
    fixture::write(project.join("crossdock.toml"), "[image.hello]\ntoolchain = [\"distribution\"]\n");
    set_up(&sandbox, &project, &["-v"]).success();
    starts_on_both(&sandbox, &project);
}

#[test]
#[ignore = "downloads a toolchain, builds the standard library, and zig builds a C library for each platform"]
fn long_std_from_source_serves_processors_for_which_rustup_may_have_none() {
    let (mut sandbox, project) = fresh(r#"["build-std"]"#);
    sandbox.tool(&project, "rustup", &["component", "add", "rust-src"]).success();
    fetch_dependencies_of_std(&sandbox, &project);
    out_of_reach(&mut sandbox);
    for (platform, emulator, name) in [
        ("linux/386", "qemu-i386-static", "x86"),
        ("linux/arm/v7", "qemu-arm-static", "arm"),
        ("linux/riscv64", "qemu-riscv64-static", "riscv64"),
        ("linux/ppc64le", "qemu-ppc64le-static", "powerpc64"),
    ] {
        sandbox.crossdock(&project, &["dist", "--platform", platform]).success();
        assert_eq!(output_of(&sandbox, &project, platform, emulator), format!("hello from {name}\n"));
    }
}

/// Downloads the packages that the standard library depends on: rust-src holds only the library itself, and cargo takes
/// the packages from its registry, which this machine may never have asked for them.
fn fetch_dependencies_of_std(sandbox: &Sandbox, project: &Path) {
    let sysroot = sandbox.tool(project, "rustc", &["--print", "sysroot"]).success().stdout;
    let manifest = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/Cargo.toml");
    let mut fetch = sandbox.command(need("cargo"), project);
    // The library's own manifest uses features of cargo that a stable one refuses otherwise.
    fetch.env("RUSTC_BOOTSTRAP", "1").args(["fetch", "--locked", "--manifest-path"]).arg(manifest);
    run(&mut fetch, Duration::from_secs(120)).success();
}

#[test]
#[ignore = "downloads a toolchain"]
fn long_zig_links_for_macos() {
    let (sandbox, project) = fresh("[]");
    set_up(&sandbox, &project, &["--pack", "--platform", "darwin/arm64,darwin/amd64"]).success();
    let release = project.join("target/crossdock/hello.release");
    let [arm, intel] = ["arm64", "amd64"].map(|cpu| {
        let name = format!("hello-0.1.0-darwin-{cpu}");
        sandbox.tool(&release, "tar", &["xzf", &format!("{name}.tar.gz")]).success();
        MachO::read(&release.join(name).join("hello"))
    });
    // rustc builds for macOS 11.0 and 10.12.
    assert_eq!(arm, MachO { processor: MachO::ARM64, minimum: 11 << 16, is_signed: true });
    assert_eq!((intel.processor, intel.minimum), (MachO::AMD64, 10 << 16 | 12 << 8));
}
