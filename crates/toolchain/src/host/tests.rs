//! Detection on the machine that runs the tests, compared with the tools' own answers.

use std::sync::Arc;

use super::*;
use crossdock_system::environment::Environment;
use crossdock_system::process::{Cancel, Command, Processes};

#[test]
fn detection_agrees_with_rustc_itself() {
    let environment = Environment::from_process().unwrap();
    let directory = environment.directory.clone();
    let processes = Processes::new(Arc::new(environment), Cancel::default());
    let needs = Needs { rust: [directory.clone()].into(), ..Needs::default() };
    let host = detect(&processes, &needs).unwrap();
    let rust = host.rust_toolchain(&directory).unwrap();
    let ask = |arguments: &[&str]| {
        processes.stdout(&Command::new("rustc", directory.clone()).args(arguments.iter().copied())).unwrap()
    };
    assert_eq!(ask(&["--version"]).trim(), rust.release);
    assert!(rust.std.contains(&rust.host), "{rust:?}");
    for triple in rust.std.iter().chain(rust.addable.iter().take(3)) {
        let libdir = Utf8PathBuf::from(ask(&["--print", "target-libdir", "--target", triple]).trim());
        let has_std = libdir.read_dir_utf8().is_ok_and(|files| {
            files.filter_map(Result::ok).any(|file| file.file_name().starts_with("libstd-"))
        });
        assert_eq!(rust.std.contains(triple), has_std, "{triple}");
    }
    assert!(rust.std.is_disjoint(&rust.addable));
}

#[test]
fn a_toolchain_file_selects_a_toolchain_that_may_be_missing() {
    let mut environment = Environment::from_process().unwrap();
    environment.variables.remove("RUSTUP_TOOLCHAIN");
    environment.variables.remove("RUSTUP_AUTO_INSTALL");
    let directory = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
    let (plain, old) = (path.join("plain"), path.join("old"));
    std::fs::create_dir_all(&plain).unwrap();
    std::fs::create_dir_all(&old).unwrap();
    let text = b"[toolchain]\nchannel = \"1.50.0\"\n";
    crossdock_fs::write_atomically(old.join("rust-toolchain.toml"), text).unwrap();
    let processes = Processes::new(Arc::new(environment), Cancel::default());
    let needs = Needs { rust: [plain.clone(), old.clone()].into(), ..Needs::default() };
    let host = detect(&processes, &needs).unwrap();
    assert!(host.rust_toolchain(&plain.join("member")).is_ok());
    let missing = host.rust_toolchain(&old).unwrap_err();
    assert!(missing.why.contains("1.50.0"), "{missing:?}");
    let remedy = &missing.remedies[0].commands[0];
    assert_eq!((remedy.short().as_str(), &remedy.directory), ("rustup toolchain install", &old));
}

/// The compilers are shims that answer as Debian's do with and without the library.
#[test]
fn a_cross_compiler_without_its_c_library_is_missing() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
    for (name, answer) in [("aarch64", "crt1.o"), ("riscv64", "/usr/riscv64-linux-gnu/lib/crt1.o")] {
        let file = path.join(format!("{name}-linux-gnu-gcc"));
        crossdock_fs::write_atomically(&file, format!("#!/bin/sh\necho {answer}\n").as_bytes()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut environment = Environment::from_process().unwrap();
    environment.variables.insert("PATH".into(), path.as_str().into());
    let processes = Processes::new(Arc::new(environment), Cancel::default());
    let needs = Needs { probes: [Probe::CCompiler].into(), ..Needs::default() };
    let host = detect(&processes, &needs).unwrap();
    assert!(host.tool("riscv64-linux-gnu-gcc").is_ok());
    let missing = host.tool("aarch64-linux-gnu-gcc").unwrap_err();
    assert!(missing.why.contains("the C library that it links is not installed"), "{missing:?}");
}
