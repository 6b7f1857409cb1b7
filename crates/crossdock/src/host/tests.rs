//! Detection on the machine that runs the tests, held against what the tools say themselves.

use std::sync::Arc;

use super::*;
use crate::environment::Environment;
use crate::process::{Cancel, Command, Processes};

#[test]
fn detection_agrees_with_rustc_itself() {
    let environment = Environment::of_process().unwrap();
    let folder = environment.directory.clone();
    let processes = Processes::new(Arc::new(environment), Cancel::default());
    let needs = Needs { rust: [folder.clone()].into(), ..Needs::default() };
    let host = detect(&processes, &needs).unwrap();
    let rust = host.rust_of(&folder).unwrap();
    let ask = |arguments: &[&str]| {
        processes.stdout(&Command::new("rustc", folder.clone()).args(arguments.iter().copied())).unwrap()
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
