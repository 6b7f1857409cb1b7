//! Rendered files on a real Debian: their `apt-get install` fetches cross compilers and libraries from a mirror. Only
//! `rustup` is replaced, by a script that does nothing, because the standard libraries are included.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crossdock_tests::engine::{Base, BuildKit, Debian, Podman, builder, compiler_image, install_buildx};
use crossdock_tests::{Layout, Machine, Sandbox, fixture};

/// Both programs print a text from zlib and from the C library of the image in which they run.
const GO: &str = r#"package main

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

const RUST: &str = r#"use std::ffi::{CStr, c_char};

#[link(name = "z")]
unsafe extern "C" {
    safe fn zlibVersion() -> *const c_char;
    safe fn gnu_get_libc_version() -> *const c_char;
}

fn main() {
    let [zlib, libc] = [zlibVersion(), gnu_get_libc_version()].map(|text| unsafe { CStr::from_ptr(text) });
    let (zlib, libc) = (zlib.to_string_lossy(), libc.to_string_lossy());
    eprintln!("hello from {} with zlib {zlib} on glibc {libc}", std::env::consts::ARCH);
}
"#;

/// Writes the configuration of an image on `debian:…-slim` of the given release, with a library for its builder.
fn configure(sandbox: &Sandbox, project: &Path, name: &str, image: &str, release: &str) {
    let configuration = format!(
        "[image.{name}]\npath = \".\"\nlinkage = \"dynamic\"\n{image}\n\n[image.{name}.dockerfile]\n\
         base = \"debian-slim\"\ndebian = \"{release}\"\npackages = [\"zlib1g-dev\"]\n"
    );
    fixture::write(project.join("crossdock.toml"), configuration);
    fixture::commit(sandbox, project);
}

/// Builds for both platforms and starts both programs on the Debian of their image; `words` is the name that they print for
/// themselves.
fn is_built_and_starts(
    sandbox: &Sandbox,
    project: &Path,
    (debian, compiler): (&Debian, &Base),
    builder: &str,
    words: [&str; 2],
) {
    let work = sandbox.work();
    let compiler = compiler.layout(&work.join("compiler"));
    let slim = ["amd64", "arm64"].map(|architecture| debian.slim(architecture));
    let slim = Base::layout_of(&[("amd64", &slim[0]), ("arm64", &slim[1])], &work.join("slim"));
    let compiler = format!("{}=oci:{}", compiler_image(sandbox, project), compiler.display());
    let base = format!("debian:{}-slim=oci:{}", debian.release, slim.display());
    let asked = ["dist", "--json", "--builder", builder, "--platform", "linux/amd64,linux/arm64"];
    let bases = ["--base-from", &compiler, "--base-from", &base];
    let report = sandbox.crossdock(project, &[&asked[..], &bases].concat()).success().json();

    let layout = report["images"][0]["layout"].as_str().expect("the answer names the layout");
    let built = Layout::open(project.join(layout));
    for (machine, word) in Machine::ALL.into_iter().zip(words) {
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
fn long_buildkit_installs_the_packages_of_cgo_from_debian() {
    let mut sandbox = Sandbox::new();
    let debian = debian();
    let project: PathBuf = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(project.join("main.go"), GO);
    configure(&sandbox, &project, "hello", "cgo = true", &debian.release);
    let node = BuildKit::start();
    let buildx = install_buildx(&mut sandbox);
    builder(&sandbox, &buildx, "one", &[(&node, "linux/amd64")]);
    let words = ["amd64", "arm64"];
    is_built_and_starts(&sandbox, &project, (&debian, &debian.golang()), "buildx=one", words);
}

#[test]
#[ignore = "long: installs Debian and cross compilers"]
fn long_podman_installs_the_libraries_of_rust_programs_from_debian() {
    let mut sandbox = Sandbox::new();
    let debian = debian();
    let project: PathBuf = fixture::rust_package(&sandbox.work(), "greeter");
    fixture::write(project.join("src/main.rs"), RUST);
    configure(&sandbox, &project, "greeter", "libc = \"gnu\"", &debian.release);
    let podman = Podman::start_on_overlays();
    podman.set_up(&mut sandbox);
    let words = ["x86_64", "aarch64"];
    is_built_and_starts(&sandbox, &project, (&debian, &debian.rust()), "podman", words);
}
