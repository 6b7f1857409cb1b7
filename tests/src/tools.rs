//! Finds and installs the tools that tests need.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::outcome::run;

/// Returns the path of `tool`. Panics if it is missing: a test that needs it must fail instead of passing silently.
pub fn need(tool: &str) -> PathBuf {
    // Daemons are in directories that a user's PATH may lack.
    let everywhere = std::env::join_paths(
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .chain(["/usr/sbin", "/sbin"].map(PathBuf::from)),
    );
    which::which_in(tool, everywhere.ok(), "/").unwrap_or_else(|_| {
        panic!("this test needs `{tool}`, which is not on the PATH; `cargo xtask test` installs what the tests need")
    })
}

/// Returns a program of a Go module in a pinned version. `go install` builds it once for each version of Go; later test
/// programs and runs find it in `GOPATH/crossdock-tests`.
pub fn need_go(package: &str, version: &str) -> PathBuf {
    let place = place(&go_cache(), &go_env("GOVERSION"), package, version);
    install_once(&place, |staging| {
        let mut install = go(&["install", &format!("{package}@{version}")]);
        install.env("GOBIN", staging);
        install
    });
    place.join(package.rsplit('/').next().unwrap_or(package))
}

/// Returns the program of a Go module of this repository, a directory of `tests`. It is built once for each state of its
/// sources.
pub fn need_own_go(directory: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let files = ["go.mod", "go.sum", "main.go"].map(|name| {
        let path = source.join(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    });
    let state: String = Sha256::digest(files.concat()).iter().map(|byte| format!("{byte:02x}")).collect();
    let place = place(&go_cache(), &go_env("GOVERSION"), directory, &state);
    install_once(&place, |staging| {
        let mut build = go(&["build", "-trimpath", "-o"]);
        build.arg(staging.join(directory)).arg(".").current_dir(&source);
        build
    });
    place.join(directory)
}

const MINUTE: Duration = Duration::from_secs(60);

fn go(arguments: &[&str]) -> Command {
    let mut command = Command::new(need("go"));
    command.args(arguments).env("GOFLAGS", "-buildvcs=false");
    command
}

fn go_env(name: &str) -> String {
    run(&mut go(&["env", name]), MINUTE).success().stdout.trim().to_owned()
}

/// Returns the directory of all programs.
fn go_cache() -> PathBuf {
    PathBuf::from(go_env("GOPATH")).join("crossdock-tests")
}

/// Creates the directory of a program by a command that fills a staging directory, unless it exists.
fn install_once(place: &Path, command: impl Fn(&Path) -> Command) {
    if place.is_dir() {
        return;
    }
    let cache = place.parent().expect("a program's directory is in the cache");
    std::fs::create_dir_all(cache).expect("a directory can be made");
    // Built in a staging directory and renamed: no other test program sees half of it.
    let staging = TempDir::with_prefix_in("install-", cache).expect("a directory can be made");
    run(&mut command(staging.path()), 20 * MINUTE).success();
    if let Err(error) = std::fs::rename(staging.path(), place) {
        // Another test program was faster and built the same program.
        assert!(place.is_dir(), "{}: {error}", place.display());
    }
}

/// Returns the directory of one program. Its name holds the package, its version and the compiler's version, which together
/// decide the bytes.
fn place(cache: &Path, go: &str, package: &str, version: &str) -> PathBuf {
    cache.join(format!("{}@{version}-{go}", package.replace('/', "-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_another_module_version_or_compiler_has_another_place() {
        let place = |go, package, version| place(Path::new("/c"), go, package, version);
        let first = place("go1.26.8", "example.com/a/cmd/tool", "v1.0.0");
        assert_eq!(first, Path::new("/c/example.com-a-cmd-tool@v1.0.0-go1.26.8"));
        for other in [
            place("go1.26.9", "example.com/a/cmd/tool", "v1.0.0"),
            place("go1.26.8", "example.com/b/cmd/tool", "v1.0.0"),
            place("go1.26.8", "example.com/a/cmd/tool", "v1.0.1"),
        ] {
            assert_ne!(first, other);
        }
    }
}
