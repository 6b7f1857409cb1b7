//! Every toolchain route builds programs, which then run.
//!
//! A test that needs a missing tool fails and names it. Tests that take minutes are named `long_…` and ignored.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests write their projects and run what they built"
)]

mod bench;
mod projects;

use crossdock_platform::Libc;
use crossdock_project::config::Route;
use crossdock_system::availability::Availability;
use crossdock_toolchain::host::Host;

use bench::{Bench, Language};

const BOTH: [(&str, &str, &str); 2] =
    [("linux/amd64", "x86_64", "amd64"), ("linux/arm64", "aarch64", "arm64")];

#[test]
fn rust_lld_links_the_std_of_rustup() {
    let bench = Bench::new();
    bench.write(projects::PLAIN);
    for (platform, arch, _) in BOTH {
        let choice = bench.rust(&bench.host, platform, Language::Rust, &[], None);
        assert!(choice.triple.ends_with("-musl") && choice.tools.is_empty(), "{choice:?}");
        let program = bench.cargo("plain", &choice);
        assert_eq!(bench.run(platform, &program), format!("14 true {arch}\n"));
    }
}

#[test]
fn rust_lld_links_c_that_zig_compiled() {
    let bench = Bench::new();
    bench.write(projects::WITH_C);
    for (platform, arch, _) in BOTH {
        let choice = bench.rust(&bench.host, platform, Language::RustAndC, &[], None);
        assert_eq!(choice.tools, ["zig"]);
        let program = bench.cargo("withc", &choice);
        assert_eq!(bench.run(platform, &program), format!("15.588\n7 true {arch}\n"));
    }
}

#[test]
fn programs_do_not_depend_on_the_cache_or_target_directory() {
    let bench = Bench::new();
    bench.write(projects::WITH_C);
    let built = ["one", "a longer name"].map(|cache| {
        let bench = bench.with_cache(cache);
        let mut choice = bench.rust(&bench.host, "linux/arm64", Language::RustAndC, &[], None);
        choice.remap_c([(bench.directory(), "/src")]);
        std::fs::read(bench.cargo("withc", &choice)).unwrap()
    });
    assert!(built[0] == built[1], "two cache directories give two programs");
    bench.write(projects::CGO);
    let built = ["one", "a longer name"].map(|cache| {
        let bench = bench.with_cache(cache);
        let choice = bench.go(&bench.host, "linux/arm64", Some(true), None);
        assert_eq!(choice.tools, ["zig"]);
        std::fs::read(bench.go_build("cgo", &choice)).unwrap()
    });
    assert!(built[0] == built[1], "two cache directories give two Go programs");
}

#[test]
fn the_cross_gcc_links_the_std_of_the_distribution() {
    let bench = Bench::new();
    bench.write(projects::WITH_C);
    let host = without_project_std(&bench.host);
    for (platform, arch, _) in BOTH {
        let choice = bench.rust(&host, platform, Language::RustAndC, &[Route::Distribution], None);
        assert!(choice.triple.ends_with("-gnu") && choice.environment.contains_key("RUSTC"), "{choice:?}");
        let program = bench.cargo("withc", &choice);
        assert_eq!(bench.run(platform, &program), format!("15.588\n7 true {arch}\n"));
    }
}

#[test]
fn musl_gcc_compiles_c_for_the_native_platform() {
    let bench = Bench::new();
    bench.write(projects::WITH_C);
    let (platform, arch, _) = native(&bench);
    let host = without(&bench.host, &["zig"]);
    let choice = bench.rust(&host, platform, Language::RustAndC, &[], Some(Libc::Musl));
    assert_eq!(choice.tools, ["musl-gcc"]);
    let program = bench.cargo("withc", &choice);
    assert_eq!(bench.run(platform, &program), format!("15.588\n7 true {arch}\n"));
}

#[test]
#[ignore = "zig builds musl for minutes while its cache is empty, and cargo builds std"]
fn long_zig_links_std_built_from_source() {
    let bench = Bench::new();
    bench.write(projects::WITH_C);
    let host = without_project_std(&bench.host);
    let routes = [Route::Distribution, Route::BuildStd];
    let choice = bench.rust(&host, "linux/arm64", Language::RustAndC, &routes, Some(Libc::Musl));
    assert_eq!(choice.cargo_arguments, ["-Zbuild-std=std,panic_unwind"]);
    let program = bench.cargo("withc", &choice);
    assert_eq!(bench.run("linux/arm64", &program), "15.588\n7 true aarch64\n");
}

#[test]
#[ignore = "zig builds musl for minutes while its cache is empty"]
fn long_zig_links_musl_for_a_compiler_without_lld() {
    let bench = Bench::new();
    bench.write(projects::WITH_C);
    let mut host = bench.host.clone();
    toolchains(&mut host, |toolchain| toolchain.rust_lld = false);
    let choice = bench.rust(&host, "linux/arm64", Language::RustAndC, &[], Some(Libc::Musl));
    assert_eq!(choice.tools, ["zig"]);
    let program = bench.cargo("withc", &choice);
    assert_eq!(bench.run("linux/arm64", &program), "15.588\n7 true aarch64\n");
}

#[test]
fn go_builds_without_cgo() {
    let bench = Bench::new();
    bench.write(projects::GO);
    for (platform, arch) in
        [("linux/amd64", "amd64"), ("linux/arm64", "arm64"), ("linux/arm/v7", "arm"), ("linux/arm/v6", "arm")]
    {
        let choice = bench.go(&bench.host, platform, None, None);
        let program = bench.go_build("go", &choice);
        assert_eq!(bench.run(platform, &program), format!("{arch}\n"));
    }
}

#[test]
fn the_cross_gcc_links_cgo() {
    let bench = Bench::new();
    bench.write(projects::CGO);
    let host = without(&bench.host, &["zig", "musl-gcc"]);
    for (platform, _, arch) in BOTH {
        let choice = bench.go(&host, platform, Some(true), Some(Libc::GNU));
        let program = bench.go_build("cgo", &choice);
        assert_eq!(bench.run(platform, &program), format!("15.588 {arch}\n"));
    }
}

#[test]
#[ignore = "zig builds musl for minutes while its cache is empty"]
fn long_zig_links_cgo() {
    let bench = Bench::new();
    bench.write(projects::CGO);
    for (platform, _, arch) in BOTH {
        let choice = bench.go(&bench.host, platform, Some(true), None);
        assert_eq!(choice.tools, ["zig"]);
        let program = bench.go_build("cgo", &choice);
        assert_eq!(bench.run(platform, &program), format!("15.588 {arch}\n"));
    }
}

#[test]
#[ignore = "compiles SQLite and zstd for both platforms"]
fn long_crates_that_bundle_c_are_built() {
    let bench = Bench::new();
    bench.write(projects::BUNDLED);
    for (platform, arch, _) in BOTH {
        let choice = bench.rust(&bench.host, platform, Language::RustAndC, &[], None);
        let program = bench.cargo("bundled", &choice);
        assert_eq!(bench.run(platform, &program), format!("{arch} true 42 2cf24dba\n"));
    }
}

#[test]
#[ignore = "CMake links many small programs, for each of which zig may build its libraries again"]
fn long_c_that_cmake_builds_is_cross_compiled() {
    let bench = Bench::new();
    bench.write(projects::CMAKE);
    for (platform, arch, _) in BOTH {
        let choice = bench.rust(&bench.host, platform, Language::RustAndC, &[], None);
        let program = bench.cargo("cmade", &choice);
        assert_eq!(bench.run(platform, &program), format!("{arch} 26\n"));
    }
}

#[test]
#[ignore = "zig builds libc++ for minutes while its cache is empty"]
fn long_zig_links_cplusplus() {
    let bench = Bench::new();
    bench.write(projects::CPLUSPLUS);
    for (platform, arch, _) in BOTH {
        let choice = bench.rust(&bench.host, platform, Language::RustAndCplusplus, &[], None);
        assert_eq!(choice.tools, ["zig"]);
        let program = bench.cargo("cplusplus", &choice);
        assert_eq!(bench.run(platform, &program), format!("caught 3 {arch}\n"));
    }
}

fn native(bench: &Bench) -> (&'static str, &'static str, &'static str) {
    let here = bench.host.platform.to_string();
    BOTH.into_iter()
        .find(|(platform, _, _)| *platform == here)
        .expect("the tests run on linux/amd64 or linux/arm64")
}

/// Returns a host without some of its tools.
fn without(host: &Host, tools: &[&str]) -> Host {
    let mut host = host.clone();
    host.tools.retain(|name, _| !tools.contains(&name.as_str()));
    host
}

/// Returns a host whose project toolchain has no standard library, and whose rustup cannot reach its server.
fn without_project_std(host: &Host) -> Host {
    let mut host = host.clone().without_rustup_server();
    toolchains(&mut host, |toolchain| {
        toolchain.std.clear();
        toolchain.source = None;
    });
    host
}

fn toolchains(host: &mut Host, change: impl Fn(&mut crossdock_toolchain::host::RustToolchain)) {
    for toolchain in host.rust.values_mut() {
        if let Availability::Available(toolchain) = toolchain {
            change(toolchain);
        }
    }
}
