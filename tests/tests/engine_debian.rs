//! Rendered files on a real Debian: their `apt-get install` fetches cross compilers and libraries from a mirror.

use std::path::Path;
use std::time::Duration;

use crossdock_tests::engine::{Base, BuildKit, Debian, Podman, builder, compiler_image, install_buildx};
use crossdock_tests::{Layout, Machine, Sandbox, fixture};

/// What the program prints comes from zlib and from the C library, both of the image that it runs in.
const PROGRAM: &str = r#"package main

/*
#cgo pkg-config: zlib
#include <zlib.h>
#include <gnu/libc-version.h>
*/
import "C"
import "runtime"

func main() {
	zlib, libc := C.GoString(C.zlibVersion()), C.GoString(C.gnu_get_libc_version())
	println("hello from " + runtime.GOARCH + " with zlib " + zlib + " on glibc " + libc)
}
"#;

/// A Go program with C code of a library, for `debian:…-slim` of the given release.
fn cgo_project(sandbox: &Sandbox, release: &str) -> std::path::PathBuf {
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(project.join("main.go"), PROGRAM);
    fixture::write(
        project.join("crossdock.toml"),
        format!(
            "[image.hello]\npath = \".\"\ncgo = true\nlinkage = \"dynamic\"\n\n[image.hello.dockerfile]\n\
             base = \"debian-slim\"\ndebian = \"{release}\"\npackages = [\"zlib1g-dev\"]\n"
        ),
    );
    fixture::commit(sandbox, &project);
    project
}

/// Builds for both platforms and starts both programs on the Debian of their image.
fn cgo_is_compiled_and_starts(sandbox: &Sandbox, project: &Path, debian: &Debian, builder: &str) {
    let work = sandbox.work();
    let golang = debian.golang().layout(&work.join("golang"));
    let slim = ["amd64", "arm64"].map(|architecture| debian.slim(architecture));
    let slim = Base::layout_of(&[("amd64", &slim[0]), ("arm64", &slim[1])], &work.join("slim"));
    let compiler = format!("{}=oci:{}", compiler_image(sandbox, project), golang.display());
    let base = format!("debian:{}-slim=oci:{}", debian.release, slim.display());
    let asked = ["dist", "--builder", builder, "--platform", "linux/amd64,linux/arm64"];
    let bases = ["--base-from", &compiler, "--base-from", &base];
    sandbox.crossdock(project, &[&asked[..], &bases].concat()).success();

    let built = Layout::open(project.join("dist/hello"));
    for (machine, word) in [(Machine::Amd64, "amd64"), (Machine::Arm64, "arm64")] {
        let root = work.join(format!("unpacked-{word}"));
        let program = built.program(machine.platform(), &root);
        let program = Path::new("/").join(program.strip_prefix(&root).expect("it is unpacked there"));
        let outcome = machine.run_in(&root, &program.to_string_lossy(), Duration::from_secs(60)).success();
        outcome.complains(&format!("hello from {word} with zlib 1.")).complains(" on glibc 2.");
    }
}

fn debian() -> Debian {
    Debian::of_this_machine(env!("CARGO_TARGET_TMPDIR"))
}

#[test]
#[ignore = "long: installs Debian and cross compilers"]
fn long_buildkit_installs_cross_compilers_and_libraries_from_debian() {
    let mut sandbox = Sandbox::new();
    let debian = debian();
    let project = cgo_project(&sandbox, &debian.release);
    let node = BuildKit::start();
    let buildx = install_buildx(&mut sandbox);
    builder(&sandbox, &buildx, "one", &[(&node, "linux/amd64")]);
    cgo_is_compiled_and_starts(&sandbox, &project, &debian, "buildx=one");
}

#[test]
#[ignore = "long: installs Debian and cross compilers"]
fn long_podman_installs_cross_compilers_and_libraries_from_debian() {
    let mut sandbox = Sandbox::new();
    let debian = debian();
    let project = cgo_project(&sandbox, &debian.release);
    let podman = Podman::start_on_overlays();
    podman.set_up(&mut sandbox);
    cgo_is_compiled_and_starts(&sandbox, &project, &debian, "podman");
}
