//! The projects in which the calls run: each is a git repository with one commit and one tag that never change, so
//! that a recorded digest does not depend on this repository's history.

use std::path::Path;

use super::sandbox::{Sandbox, remove};
use crate::shell::{Failure, copy, repository};

/// The date of every commit.
const DATE: &str = "2025-06-15T15:06:40+00:00";

/// The projects, examples first.
pub(super) const NAMES: [&str; 11] = [
    "http-api",
    "k8s-ssh-server",
    "empty",
    "settings",
    "workspace",
    "module",
    "dockerfiles",
    "unknown-key",
    "contradiction",
    "not-toml",
    "does-not-compile",
];

/// Writes every project again. Cargo's output for the Rust example is kept from the last run: the digests depend on the
/// compilers' output, not on whether it was cached.
pub(super) fn write_all(sandbox: &Sandbox) -> Result<(), Failure> {
    for name in NAMES {
        let project = sandbox.project(name);
        clear(&project)?;
        match name {
            "http-api" | "k8s-ssh-server" => copy(&repository().join("examples").join(name), &project)?,
            _ => FILES
                .iter()
                .filter(|(owner, ..)| *owner == name)
                .try_for_each(|(_, path, text)| super::write(&project.join(path), text))?,
        }
        commit(sandbox, name)?;
    }
    Ok(())
}

/// The files of the small projects: project, path, content.
const FILES: &[(&str, &str, &str)] = &[
    ("empty", "README", "nothing to build\n"),
    // Every kind of value that crossdock.toml may contain.
    ("settings", "go.mod", "module example.com/settings\n\ngo 1.24\n"),
    ("settings", "main.go", "package main\n\nfunc main() { println(\"hello\") }\n"),
    ("settings", "assets/page.html", "<p>\n"),
    ("settings", "crossdock.toml", include_str!("../../../tests/baseline/settings.toml")),
    ("workspace", "Cargo.toml", "[workspace]\nmembers = [\"alpha\", \"beta\"]\nresolver = \"2\"\n"),
    (
        "workspace",
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"alpha\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"beta\"\nversion = \"0.2.0\"\n",
    ),
    (
        "workspace",
        "alpha/Cargo.toml",
        "[package]\nname = \"alpha\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
    ),
    ("workspace", "alpha/src/main.rs", "fn main() {}\n"),
    ("workspace", "beta/Cargo.toml", "[package]\nname = \"beta\"\nversion = \"0.2.0\"\nedition = \"2021\"\n"),
    ("workspace", "beta/src/main.rs", "fn main() {}\n"),
    ("module", "go.mod", "module example.com/module\n\ngo 1.24\n"),
    ("module", "main.go", "package main\n\nfunc main() { println(\"hello\") }\n"),
    (
        "dockerfiles",
        "Dockerfile",
        "FROM golang:1.24 AS build\nWORKDIR /src\nCOPY . .\nRUN GOARCH=amd64 go build -o /app .\nFROM alpine:3.20\nCOPY --from=build /app /app\nRUN curl https://example.com/tool-x86_64 -o /tool\nENTRYPOINT /app\n",
    ),
    (
        "dockerfiles",
        "Dockerfile.good",
        "FROM --platform=$BUILDPLATFORM golang:1.24 AS build\nARG TARGETOS TARGETARCH\nWORKDIR /src\nCOPY . .\nRUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /app .\nFROM scratch\nCOPY --from=build /app /app\nENTRYPOINT [\"/app\"]\n",
    ),
    ("unknown-key", "go.mod", "module example.com/unknown\n\ngo 1.24\n"),
    ("unknown-key", "crossdock.toml", "[image.app]\npath = \".\"\nreposit = \"registry.example/app\"\n"),
    ("contradiction", "go.mod", "module example.com/contradiction\n\ngo 1.24\n"),
    ("contradiction", "main.go", "package main\n\nfunc main() {}\n"),
    ("contradiction", "crossdock.toml", "[image.app]\npath = \".\"\ndeploy = [\"missing\"]\n"),
    ("not-toml", "crossdock.toml", "[image\n"),
    ("does-not-compile", "go.mod", "module example.com/broken\n\ngo 1.24\n"),
    ("does-not-compile", "main.go", "package main\n\nfunc main() { undefined() }\n"),
];

/// Empties a project. Cargo's target directory is kept, because compiling again takes minutes, but not the images that
/// crossdock wrote there.
fn clear(project: &Path) -> Result<(), Failure> {
    remove(&project.join("target/crossdock"))?;
    std::fs::create_dir_all(project).map_err(Failure::file(project))?;
    for entry in std::fs::read_dir(project).map_err(Failure::file(project))? {
        let path = entry.map_err(Failure::file(project))?.path();
        if path.ends_with("target") {
            continue;
        }
        if path.is_dir() {
            remove(&path)?
        } else {
            std::fs::remove_file(&path).map_err(Failure::file(&path))?
        }
    }
    Ok(())
}

/// Creates one commit with a fixed author and date, and one tag.
fn commit(sandbox: &Sandbox, project: &str) -> Result<(), Failure> {
    let git = |words: &[&str]| {
        let identity = [
            "git",
            "-c",
            "user.name=Test",
            "-c",
            "user.email=test@example.com",
            "-c",
            "commit.gpgsign=false",
        ];
        let words: Vec<&str> = identity.into_iter().chain(words.iter().copied()).collect();
        sandbox.tool(project, &words).env("GIT_AUTHOR_DATE", DATE).env("GIT_COMMITTER_DATE", DATE).quietly()
    };
    git(&["init", "--quiet", "--initial-branch=main"])?;
    git(&["add", "--all"])?;
    git(&["commit", "--quiet", "--message", "a commit"])?;
    git(&["tag", "v1.2.3"])
}
