//! crossdock's own release archives, built by crossdock as the README describes.

use std::time::Duration;

use crossdock_tests::program::repository;
use crossdock_tests::{Machine, Sandbox};

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
