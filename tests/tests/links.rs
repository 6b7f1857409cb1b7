//! Repositories and cache directories that lead to the user's own files. None of these files is removed or changed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crossdock_tests::{Layout, Sandbox, fixture};

/// Writes the user's own files, which no run may change.
fn letters(sandbox: &Sandbox) -> PathBuf {
    let home = sandbox.work().join("letters");
    fixture::write(home.join("letter"), "dear");
    fixture::write(home.join("a".repeat(64)), "named as a blob is");
    home
}

fn are_unchanged(letters: &Path) -> bool {
    let name = "a".repeat(64);
    names(letters) == [name.as_str(), "letter"]
        && fs::read(letters.join("letter")).unwrap() == b"dear"
        && fs::read(letters.join(name)).unwrap() == b"named as a blob is"
}

/// Git checks out a committed link as it is.
#[test]
fn links_of_a_clone_are_refused_and_not_followed() {
    let sandbox = Sandbox::new();
    let letters = letters(&sandbox);
    let directories = ["", "blobs", "blobs/sha256"].map(|name| (name, letters.clone()));
    let files = ["oci-layout", "index.json", ".lock"].map(|name| (name, letters.join("letter")));
    for (place, (name, target)) in directories.into_iter().chain(files).enumerate() {
        let project = fixture::go_module(&sandbox.work().join(format!("of-a-stranger-{place}")), "hello");
        let link = project.join(".crossdock/hello").join(name);
        let link: PathBuf = link.components().collect();
        if name != "oci-layout" && !name.is_empty() {
            fixture::write(project.join(".crossdock/hello/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
        }
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(target, &link).unwrap();
        fixture::commit(&sandbox, &project);
        let clone = sandbox.work().join(format!("clone-{place}"));
        let (from, to) = (project.to_str().unwrap(), clone.to_str().unwrap());
        sandbox.tool(&sandbox.work(), "git", &["clone", "--quiet", from, to]).success();
        for command in ["build", "dist", "tag"] {
            let outcome = sandbox.crossdock(&clone, &[command]);
            outcome.complains("symbolic link").complains("remove it");
            assert!(are_unchanged(&letters), "{command} with a link at `{name}`");
        }
        fs::remove_file(clone.join(".crossdock/hello").join(name).components().collect::<PathBuf>()).unwrap();
        if place == 0 {
            sandbox.crossdock(&clone, &["dist"]).success();
            Layout::open(clone.join(".crossdock/hello"));
        }
    }
}

/// The directory above a layout may be the link, with layouts of another project behind it.
#[test]
fn a_link_of_a_clone_above_the_layouts_is_refused_and_not_followed() {
    let sandbox = Sandbox::new();
    let other = fixture::go_module(&sandbox.work().join("other"), "hello");
    sandbox.crossdock(&other, &["dist"]).success();
    let layout = other.join(".crossdock/hello");
    // As a layout of another tool, which names no project.
    fs::remove_file(layout.join(".crossdock.json")).unwrap();
    let (digest, blobs) = (Layout::open(&layout).digest().to_owned(), names(&layout.join("blobs/sha256")));
    let refused = |project: &Path, link: &str, target: &Path, why: &str| {
        symlink(target, project.join(link)).unwrap();
        fixture::commit(&sandbox, project);
        for command in ["build", "dist", "tag", "verify"] {
            let outcome = sandbox.crossdock(project, &[command]);
            assert!(outcome.code != Some(0), "{command} with a link at {link}: {outcome}");
            outcome.complains(&project.join(link).display().to_string()).complains(why);
            assert_eq!(names(&layout.join("blobs/sha256")), blobs, "{command} with a link at {link}");
            assert_eq!(Layout::open(&layout).digest(), digest);
        }
    };
    let go = fixture::go_module(&sandbox.work().join("go"), "hello");
    fixture::write(go.join("main.go"), "package main\n\nfunc main() { println(\"clone\") }\n");
    refused(&go, ".crossdock", &other.join(".crossdock"), "it is a symbolic link");
    // A link that the caller names is the caller's.
    symlink(sandbox.work().join("images"), sandbox.work().join("link")).unwrap();
    fs::create_dir(sandbox.work().join("images")).unwrap();
    let output = sandbox.work().join("link");
    sandbox.crossdock(&go, &["dist", "--output", output.to_str().unwrap()]).success();
    Layout::open(sandbox.work().join("images/hello"));
    let rust = fixture::rust_package(&sandbox.work().join("rust"), "hello");
    fs::create_dir(rust.join("target")).unwrap();
    refused(&rust, "target/crossdock", &other.join(".crossdock"), "it is a symbolic link");
    // Cargo's own directory as a link: of the clone it is refused, of the user it is followed.
    fs::remove_dir_all(rust.join("target")).unwrap();
    fs::rename(other.join(".crossdock"), other.join("crossdock")).unwrap();
    let layout = other.join("crossdock/hello");
    symlink(&other, rust.join("target")).unwrap();
    fixture::write(rust.join(".gitignore"), "");
    fixture::commit(&sandbox, &rust);
    for command in ["build", "tag", "verify"] {
        let outcome = sandbox.crossdock(&rust, &[command]);
        outcome.complains("it is a symbolic link of the repository").complains("CARGO_TARGET_DIR");
        assert_eq!(names(&layout.join("blobs/sha256")), blobs, "{command} with a link at target");
    }
    sandbox.tool(&rust, "git", &["rm", "--quiet", "--cached", "target"]).success();
    fixture::write(rust.join(".gitignore"), "/target\n");
    fs::remove_file(rust.join("target")).unwrap();
    symlink(sandbox.work().join("images"), rust.join("target")).unwrap();
    sandbox.crossdock(&rust, &["build", "--platform", "linux/amd64"]).success();
    Layout::open(sandbox.work().join("images/crossdock/hello"));
}

fn names(directory: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn a_directory_that_is_not_a_cache_is_never_pruned() {
    let mut sandbox = Sandbox::new();
    let letters = letters(&sandbox);
    fixture::write(letters.join("build/app/linux/letter"), "dear");
    let project = fixture::go_module(&sandbox.work(), "hello");
    sandbox.set("CROSSDOCK_CACHE_DIR", &letters);
    let refusal = format!("cannot use the cache `{}`: it is not a cache of crossdock", letters.display());
    for command in [&["cache", "prune", "--keep-days", "0"][..], &["cache", "info"], &["dist"]] {
        sandbox
            .crossdock(&project, command)
            .complains(&refusal)
            .complains("set CROSSDOCK_CACHE_DIR to a new or empty directory");
    }
    assert_eq!(fs::read(letters.join("build/app/linux/letter")).unwrap(), b"dear");
    fs::remove_dir_all(letters.join("build")).unwrap();
    assert!(are_unchanged(&letters));
}

#[test]
fn the_cache_is_private_and_marked() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    sandbox.crossdock(&project, &["dist"]).success();
    let cache = sandbox.cache().join("crossdock");
    assert_eq!(fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o700);
    let tag = fs::read_to_string(cache.join("CACHEDIR.TAG")).unwrap();
    assert!(tag.starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"), "{tag}");
}

/// Somebody who may write a program in the cache can write the digest next to it too.
#[test]
fn a_cache_that_others_may_write_is_refused() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    sandbox.crossdock(&project, &["dist"]).success();
    let digest = Layout::open(project.join(".crossdock/hello")).digest().to_owned();
    let cache = sandbox.cache().join("crossdock");
    let module = fs::read_dir(cache.join("build")).unwrap().next().unwrap().unwrap().path();
    let platforms = fs::read_dir(module).unwrap().map(|entry| entry.unwrap().path().join("hello"));
    for program in platforms.filter(|program| program.exists()) {
        let mut bytes = fs::read(&program).unwrap();
        bytes.push(0);
        fixture::write(&program, &bytes);
        fixture::write(program.with_extension("sha256"), crossdock_tests::layout::sha256(&bytes));
    }
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
    for command in [&["dist"][..], &["cache", "info"], &["cache", "prune"]] {
        sandbox.crossdock(&project, command).complains("other users may write it (mode 777)");
    }
    assert_eq!(Layout::open(project.join(".crossdock/hello")).digest(), digest);
    fs::remove_dir_all(&cache).unwrap();
    sandbox.crossdock(&project, &["dist"]).success();
    assert_eq!(Layout::open(project.join(".crossdock/hello")).digest(), digest);
}
