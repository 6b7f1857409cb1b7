//! crossdock's own release archives, built by crossdock as the README describes.

use std::time::Duration;

use crossdock_tests::program::repository;
use crossdock_tests::{MachO, Machine, Sandbox};

#[test]
#[ignore = "long: compiles crossdock itself for two platforms"]
fn long_crossdock_packs_itself() {
    let mut sandbox = Sandbox::new();
    let target = sandbox.work().join("target");
    sandbox.set("CARGO_TARGET_DIR", target);
    let output = sandbox.work().join("output");
    let packing = ["-C", "crates/cli", "dist", "--pack", "--output", output.to_str().unwrap()];
    sandbox.crossdock(repository(), &packing).success();
    let release = output.join("crossdock.release");
    sandbox.tool(&release, "sha256sum", &["--check", "--strict", "SHA256SUMS"]).success();
    for machine in Machine::ALL {
        let name =
            format!("crossdock-{}-{}", env!("CARGO_PKG_VERSION"), machine.platform().replace('/', "-"));
        sandbox.tool(&release, "tar", &["-xzf", &format!("{name}.tar.gz")]).success();
        let program = release.join(&name).join("crossdock");
        let run = |arguments: &[&str]| machine.run(&program, arguments, Duration::from_secs(60));
        assert!(run(&["version"]).success().stdout.contains(env!("CARGO_PKG_VERSION")));
        let own = program.to_str().unwrap();
        run(&["verify", own, "--for", machine.platform()]).success();
        let other = Machine::ALL.into_iter().find(|other| *other != machine).unwrap();
        let refused = run(&["verify", own, "--for", other.platform()]);
        assert_eq!(
            refused.code,
            Some(1),
            "{} verified for {}: {refused}",
            machine.platform(),
            other.platform()
        );
    }
}

/// The client of registries brings C and assembly with it, by ring. zig links both without Apple's SDK.
#[test]
#[ignore = "long: compiles crossdock itself for two platforms"]
fn long_crossdock_is_linked_for_macos() {
    let mut sandbox = Sandbox::new();
    let target = sandbox.work().join("target");
    sandbox.set("CARGO_TARGET_DIR", target);
    // Only linking is tested, so that the optimiser's minutes are saved, and the symbols are kept to be looked for.
    for (setting, value) in
        [("OPT_LEVEL", "0"), ("LTO", "off"), ("CODEGEN_UNITS", "16"), ("STRIP", "none"), ("DEBUG", "0")]
    {
        sandbox.set(&format!("CARGO_PROFILE_RELEASE_{setting}"), value);
    }
    let output = sandbox.work().join("output");
    let packing =
        ["-C", "crates/cli", "dist", "--pack", "--platform", "darwin/arm64,darwin/amd64", "--output"];
    let packing: Vec<&str> = packing.into_iter().chain(output.to_str()).collect();
    sandbox.crossdock(repository(), &packing).success();
    let release = output.join("crossdock.release");
    for (cpu, processor) in [("arm64", MachO::ARM64), ("amd64", MachO::AMD64)] {
        let name = format!("crossdock-{}-darwin-{cpu}", env!("CARGO_PKG_VERSION"));
        sandbox.tool(&release, "tar", &["-xzf", &format!("{name}.tar.gz")]).success();
        let program = release.join(&name).join("crossdock");
        assert_eq!(MachO::read(&program).processor, processor);
        let bytes = std::fs::read(&program).unwrap();
        // The prefix of ring's functions in C and assembly, after the underscore that Mach-O puts before all names.
        let prefix = b"_ring_core_";
        assert!(bytes.windows(prefix.len()).any(|window| window == prefix), "{cpu}: ring is not linked");
    }
}
