//! Writes the projects that tests build.

use std::path::{Path, PathBuf};

use crate::program::repository;
use crate::sandbox::{EPOCH, Sandbox};

/// Writes a file and creates its parent directories.
pub fn write(path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
    let path = path.as_ref();
    let parent = path.parent().expect("a file has a parent directory");
    std::fs::create_dir_all(parent).unwrap_or_else(|error| panic!("{}: {error}", parent.display()));
    std::fs::write(path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Writes a Go module with one main package that prints `hello from GOARCH`.
pub fn go_module(dir: &Path, name: &str) -> PathBuf {
    let root = dir.join(name);
    write(root.join("go.mod"), format!("module example.com/{name}\n\ngo 1.24\n"));
    write(
        root.join("main.go"),
        "package main\n\nimport \"runtime\"\n\nfunc main() { println(\"hello from \" + runtime.GOARCH) }\n",
    );
    root
}

/// Configures the image `hello` to have a file or directory of the project below `/srv/files`.
pub fn configure_files(project: &Path, from: &str) {
    let config = format!("[image.hello]\nfiles = [{{ from = \"{from}\", to = \"/srv/files\" }}]\n");
    write(project.join("crossdock.toml"), config);
}

/// Writes a Rust package with one binary that prints `hello from ARCH`. The directory's name need not be valid for a
/// package.
pub fn rust_package(dir: &Path, package: &str) -> PathBuf {
    let root = dir.join(package);
    let manifest = format!(
        "[package]\nname = \"{package}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n\n\
         [profile.release]\nopt-level = 0\n"
    );
    write(root.join("Cargo.toml"), manifest);
    write(
        root.join("Cargo.lock"),
        format!("version = 4\n\n[[package]]\nname = \"{package}\"\nversion = \"0.1.0\"\n"),
    );
    write(
        root.join("src/main.rs"),
        "fn main() {\n    println!(\"hello from {}\", std::env::consts::ARCH);\n}\n",
    );
    root
}

/// Writes a Cargo workspace whose members each have one binary. All but the first enable a feature of a shared library,
/// which the first must not get.
pub fn workspace(dir: &Path, members: &[&str]) -> PathBuf {
    let root = dir.join("workspace");
    let manifest = |name: &str, rest: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n{rest}")
    };
    write(
        root.join("Cargo.toml"),
        "[workspace]\nmembers = [\"*\"]\nexclude = [\"target\"]\nresolver = \"2\"\n",
    );
    write(root.join("shared/Cargo.toml"), manifest("shared", "[features]\nloud = []\n"));
    write(
        root.join("shared/src/lib.rs"),
        "pub fn greeting() -> &'static str {\n    if cfg!(feature = \"loud\") { \"HELLO\" } else { \"hello\" }\n}\n",
    );
    for (place, member) in members.iter().enumerate() {
        let features = if place == 0 { "" } else { "\"loud\"" };
        let needs = format!("[dependencies]\nshared = {{ path = \"../shared\", features = [{features}] }}\n");
        write(root.join(member).join("Cargo.toml"), manifest(member, &needs));
        let source =
            "fn main() {\n    println!(\"{} from {}\", shared::greeting(), env!(\"CARGO_PKG_NAME\"));\n}\n";
        write(root.join(member).join("src/main.rs"), source);
    }
    root
}

/// Turns a directory into a git repository with one commit of a fixed identity and date.
pub fn commit(sandbox: &Sandbox, root: &Path) {
    let git = |arguments: &[&str]| {
        let mut command = sandbox.command(crate::tools::need("git"), root);
        command.args([
            "-c",
            "user.name=Test",
            "-c",
            "user.email=test@example.com",
            "-c",
            "commit.gpgsign=false",
        ]);
        command.envs([
            ("GIT_AUTHOR_DATE", format!("{EPOCH} +0000")),
            ("GIT_COMMITTER_DATE", format!("{EPOCH} +0000")),
        ]);
        crate::outcome::run(command.args(arguments), std::time::Duration::from_secs(60)).success();
    };
    if !root.join(".git").exists() {
        git(&["init", "--quiet", "--initial-branch=main"]);
    }
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--allow-empty", "--message", "a commit"]);
}

/// Returns the abbreviated id of the current commit, as `git.short` has it.
pub fn short_commit(sandbox: &Sandbox, root: &Path) -> String {
    sandbox.tool(root, "git", &["rev-parse", "--short=7", "HEAD"]).success().stdout.trim().to_owned()
}

/// Returns the files that are neither committed nor ignored, one per line, as `git status` lists them.
pub fn uncommitted(sandbox: &Sandbox, root: &Path) -> String {
    sandbox.tool(root, "git", &["status", "--porcelain"]).success().stdout
}

/// Copies one of the repository's examples without its build output.
pub fn example(dir: &Path, name: &str) -> PathBuf {
    let to = dir.join(name);
    copy(&repository().join("examples").join(name), &to);
    to
}

/// Copies a directory recursively without build output.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory can be created");
    for entry in std::fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("a directory can be listed");
        let (name, path) = (entry.file_name(), entry.path());
        if ["target", ".crossdock"].iter().any(|built| name == *built) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(&name));
        } else {
            std::fs::copy(&path, to.join(&name))
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}
