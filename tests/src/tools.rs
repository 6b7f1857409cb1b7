//! The tools of this machine.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::outcome::run;

/// Where `tool` is. Panics when it is missing: the test that needs it must fail, not pass silently.
pub fn need(tool: &str) -> PathBuf {
    // Daemons live in folders that are not always on a person's PATH.
    let everywhere = std::env::join_paths(
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .chain(["/usr/sbin", "/sbin"].map(PathBuf::from)),
    );
    which::which_in(tool, everywhere.ok(), "/").unwrap_or_else(|_| {
        panic!("this test needs `{tool}`, which is not on the PATH; `cargo xtask test` installs what the tests need")
    })
}

/// A program of a Go module in a pinned version, which `go install` builds unless it is there from an earlier run.
pub fn need_go(package: &str, version: &str) -> PathBuf {
    let name = package.rsplit('/').next().unwrap_or(package);
    let go = |arguments: &[&str]| {
        let mut command = Command::new(need("go"));
        command.args(arguments).env("GOFLAGS", "-buildvcs=false");
        command
    };
    let minute = Duration::from_secs(60);
    let path = run(&mut go(&["env", "GOPATH"]), minute).success().stdout;
    // A folder for each version: another one of the same name is somebody else's.
    let folder = PathBuf::from(path.trim()).join("crossdock-tests").join(format!("{name}-{version}"));
    let program = folder.join(name);
    if !program.is_file() {
        let mut install = go(&["install", &format!("{package}@{version}")]);
        run(install.env("GOBIN", &folder), 20 * minute).success();
    }
    program
}
