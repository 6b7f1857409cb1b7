//! Starts the cases with their real loaders.

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cases::{Case, Content, all};
use crate::support::Recipe;

/// Writes the root of a case below a directory.
fn write(case: &Case, directory: &Path) {
    let at = |path: &str| directory.join(path.trim_start_matches('/'));
    for file in &case.files {
        let path = at(&file.path);
        std::fs::create_dir_all(path.parent().expect("a directory above")).expect("a directory");
        #[expect(clippy::disallowed_methods, reason = "the test's own directory, which nothing else reads")]
        let wrote = match &file.content {
            Content::Bytes(bytes) => std::fs::write(&path, bytes),
            Content::Link(target) => symlink(target, &path),
            Content::Directory => std::fs::create_dir_all(&path),
        };
        wrote.unwrap_or_else(|error| panic!("{}: {}: {error}", case.name, file.path));
    }
    // Directories last, and owners before modes, since a new owner takes the set-ID bits away.
    for file in case.files.iter().filter(|file| !matches!(file.content, Content::Link(_))) {
        chown(at(&file.path), Some(file.owner), Some(file.owner)).expect("this test is run by root");
        std::fs::set_permissions(at(&file.path), std::fs::Permissions::from_mode(file.mode)).expect("a mode");
    }
    if let Some(capabilities) = &case.capabilities {
        let program = at(&case.program);
        let program = program.to_str().expect("the target directory has a UTF-8 name");
        crate::support::run("setcap", &[capabilities, program], &[]);
    }
}

/// Starts a case; returns what it says when it stops, or nothing if it starts.
fn start(case: &Case, root: &Path, privileges: &str) -> String {
    let launcher = Recipe::parse("gcc -static @launch.c").path();
    let (user, group) = case.user.split_once(':').unwrap_or((&case.user, "0"));
    let root = root.to_str().expect("the target directory has a UTF-8 name");
    #[expect(clippy::disallowed_methods, reason = "the test starts the program that it verified")]
    let output = Command::new(launcher)
        .args([root, &case.directory, user, group, privileges, &case.program])
        .args(&case.environment)
        .output()
        .expect("the launcher starts");
    if output.status.success() {
        return String::new();
    }
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        None => format!("{} {said}", output.status),
        Some(_) => format!("stops: {said}"),
    }
}

#[test]
#[ignore = "changes the root directory of a process, which only root may"]
fn long_real_loaders_agree_with_every_case() {
    let directory =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("loaders-{}", std::process::id()));
    let mut wrong = Vec::new();
    let cases = all();
    for (index, case) in cases.iter().enumerate().filter(|(_, case)| case.platform.starts_with("linux/amd64"))
    {
        let root = directory.join(index.to_string());
        write(case, &root);
        for (privileges, expected) in ["new", "none"].iter().zip(&case.real) {
            let found = start(case, &root, privileges);
            if found.is_empty() != expected.is_empty() || !found.contains(expected.as_str()) {
                wrong.push(format!("{} ({privileges}):\n  expected {expected}\n  found {found}", case.name));
            }
        }
    }
    std::fs::remove_dir_all(&directory).expect("the test's own directory");
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
