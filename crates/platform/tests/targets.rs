//! The Rust targets, Go variables, names and environment of each platform.

use crossdock_platform::{
    BuildTarget, FloatAbi, GlibcVersion, Libc, Linkage, Platform, Tools, known_platforms,
};

fn target(platform: &str, linkage: Linkage) -> BuildTarget {
    BuildTarget::new(Platform::parse(platform).expect("a platform"), linkage)
}

#[test]
fn linux_platforms_have_static_and_dynamic_rust_targets() {
    for (platform, r#static, dynamic, flags) in [
        ("linux/amd64", "x86_64-unknown-linux-musl", "x86_64-unknown-linux-gnu", ""),
        ("linux/amd64/v3", "x86_64-unknown-linux-musl", "x86_64-unknown-linux-gnu", "-Ctarget-cpu=x86-64-v3"),
        ("linux/arm64/v8", "aarch64-unknown-linux-musl", "aarch64-unknown-linux-gnu", ""),
        ("linux/arm", "armv7-unknown-linux-musleabihf", "armv7-unknown-linux-gnueabihf", ""),
        ("linux/arm/v6", "arm-unknown-linux-musleabihf", "arm-unknown-linux-gnueabihf", ""),
        ("linux/arm/v5", "armv5te-unknown-linux-musleabi", "armv5te-unknown-linux-gnueabi", ""),
        ("linux/386", "i686-unknown-linux-musl", "i686-unknown-linux-gnu", ""),
        (
            "linux/riscv64",
            "riscv64gc-unknown-linux-musl",
            "riscv64gc-unknown-linux-gnu",
            "-Ctarget-feature=+crt-static",
        ),
        ("linux/ppc64le", "powerpc64le-unknown-linux-musl", "powerpc64le-unknown-linux-gnu", ""),
        (
            "linux/s390x",
            "s390x-unknown-linux-musl",
            "s390x-unknown-linux-gnu",
            "-Ctarget-feature=+crt-static",
        ),
        (
            "linux/loong64",
            "loongarch64-unknown-linux-musl",
            "loongarch64-unknown-linux-gnu",
            "-Ctarget-feature=+crt-static",
        ),
        (
            "linux/mips64le",
            "mips64el-unknown-linux-muslabi64",
            "mips64el-unknown-linux-gnuabi64",
            "-Ctarget-feature=+crt-static",
        ),
    ] {
        let fixed = target(platform, Linkage::Static).rust().unwrap();
        assert_eq!((fixed.triple, fixed.rustflags.join(" ").as_str()), (r#static, flags), "{platform}");
        assert_eq!(target(platform, Linkage::Dynamic).rust().unwrap().triple, dynamic);
    }
}

#[test]
fn a_static_glibc_program_needs_the_flag() {
    let gnu = target("linux/arm64", Linkage::Static).with_libc(Libc::GNU).rust().unwrap();
    assert_eq!(gnu.triple, "aarch64-unknown-linux-gnu");
    assert_eq!(gnu.rustflags, ["-Ctarget-feature=+crt-static"]);
}

#[test]
fn go_levels_are_spelled_as_go_spells_them() {
    for (platform, level) in [
        ("linux/amd64", "GOAMD64=v1"),
        ("linux/amd64/v4", "GOAMD64=v4"),
        ("linux/arm64", "GOARM64=v8.0"),
        ("linux/arm64/v9", "GOARM64=v9.0"),
        ("linux/arm64/v9.7", "GOARM64=v9.5"),
        ("linux/arm/v8", "GOARM=7"),
        ("linux/ppc64le/power10", "GOPPC64=power10"),
        ("linux/riscv64", "GORISCV64=rva20u64"),
        ("linux/mipsle", "GOMIPS=hardfloat"),
    ] {
        let (name, value) = target(platform, Linkage::Static).go().unwrap().level.unwrap();
        assert_eq!(format!("{name}={value}"), level, "{platform}");
    }
    let soft = target("linux/arm/v7", Linkage::Static).with_float(FloatAbi::Soft);
    assert_eq!(soft.go().unwrap().env()["GOARM"], "7,softfloat");
    assert_eq!(soft.rust().unwrap().triple, "armv7-unknown-linux-musleabi");
}

#[test]
fn tools_have_their_own_names() {
    let arm64 = target("linux/arm64", Linkage::Dynamic)
        .with_libc(Libc::Gnu { minimum: Some(GlibcVersion::new(2, 28)) });
    let names = arm64.names();
    assert_eq!(names.gcc.as_deref(), Some("aarch64-linux-gnu-gcc"));
    assert_eq!(names.gcc_package.as_deref(), Some("gcc-aarch64-linux-gnu"));
    assert_eq!(names.zig.as_deref(), Some("aarch64-linux-gnu.2.28"));
    assert_eq!((names.debian, names.alpine, names.rpm), (Some("arm64"), Some("aarch64"), Some("aarch64")));
    assert_eq!(names.qemu_user, Some("qemu-aarch64"));
    let v6 = target("linux/arm/v6", Linkage::Static).names();
    assert_eq!(v6.zig.as_deref(), Some("arm-linux-musleabihf"));
    assert_eq!(v6.zig_cpu.as_deref(), Some("generic+v6+strict_align+vfp2-d32"));
    assert_eq!(v6.gcc_package, None);
    assert_eq!(target("linux/amd64", Linkage::Static).names().gcc.as_deref(), Some("musl-gcc"));
    assert_eq!(target("linux/amd64/v2", Linkage::Static).names().zig_cpu.as_deref(), Some("x86_64_v2"));
}

#[test]
fn the_variables_of_a_cross_build_affect_only_its_target() {
    let tools = Tools { linker: Some("/t/gcc".into()), cc: Some("/t/gcc".into()), ..Tools::default() };
    let env = target("linux/amd64/v3", Linkage::Static).cross_env(&tools).unwrap();
    assert_eq!(env["CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER"], "/t/gcc");
    assert_eq!(env["CC_x86_64_unknown_linux_musl"], "/t/gcc");
    assert_eq!(env["CFLAGS_x86_64_unknown_linux_musl"], "-march=x86-64-v3");
    assert_eq!(env["CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_RUSTFLAGS"], "-Ctarget-cpu=x86-64-v3");
    assert!(env.keys().all(|name| name.to_ascii_lowercase().contains("x86_64_unknown_linux_musl")));
}

#[test]
fn every_known_platform_is_in_normal_form_and_has_a_compiler() {
    for platform in known_platforms() {
        assert_eq!(platform.normalized(), platform);
        let target = BuildTarget::new(platform.clone(), Linkage::Dynamic);
        assert!(target.go().is_ok() || target.rust().is_ok(), "{platform}");
    }
}

#[test]
fn unsupported_targets_have_a_reason() {
    for (platform, linkage, words) in [
        ("darwin/arm64", Linkage::Static, "always dynamic"),
        ("plan9/amd64", Linkage::Dynamic, "no target for it"),
        ("linux/sparc64", Linkage::Static, "no target for it"),
    ] {
        let error = target(platform, linkage).rust().unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(platform), "{error}");
    }
    assert!(target("linux/arm/v4", Linkage::Static).go().unwrap_err().to_string().contains("ARMv5"));
}

#[test]
fn an_arm64_level_without_a_core_is_built_for_the_baseline_with_a_note() {
    let rust = target("linux/arm64/v8.1", Linkage::Static).rust().unwrap();
    assert_eq!(rust.target_cpu, None);
    assert!(rust.notes[0].contains("baseline"), "{:?}", rust.notes);
    assert_eq!(target("linux/arm64", Linkage::Static).rust().unwrap().notes, [""; 0]);
}
