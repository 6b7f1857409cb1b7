//! Published programs by other people: fetched by cargo and go from their registries, built by `dist` without
//! configuration, started on both platforms. The list is `published.toml`.

use std::path::PathBuf;
use std::time::Duration;

use crossdock_tests::{Built, Machine, Sandbox, fixture};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    #[serde(rename = "crate")]
    crates: Vec<Project>,
    #[serde(rename = "module")]
    modules: Vec<Project>,
    workspace: Workspace,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Project {
    name: String,
    version: String,
    programs: Vec<Program>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Program {
    name: String,
    arguments: Vec<String>,
    answer: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workspace {
    members: Vec<String>,
}

fn published() -> Published {
    toml::from_str(include_str!("../published.toml")).unwrap()
}

fn the_crate(name: &str) -> Project {
    published().crates.into_iter().find(|project| project.name == name).unwrap()
}

fn the_module(name: &str) -> Project {
    published().modules.into_iter().find(|project| project.name == name).unwrap()
}

/// Fetches a crate with cargo as a dependency, and copies its source as it was published.
fn fetch_crate(sandbox: &Sandbox, project: &Project) -> PathBuf {
    let (name, version) = (&project.name, &project.version);
    let fetcher = sandbox.work().join("fetch").join(name);
    let manifest = format!(
        "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n\n\
         [dependencies]\n{name} = \"={version}\"\n"
    );
    fixture::write(fetcher.join("Cargo.toml"), manifest);
    fixture::write(fetcher.join("src/lib.rs"), "");
    sandbox.tool(&fetcher, "cargo", &["fetch"]).success();
    let sources = sandbox.cargo_home().join("registry/src");
    let registries = std::fs::read_dir(&sources).unwrap().map(|entry| entry.unwrap().path());
    let source =
        registries.map(|registry| registry.join(format!("{name}-{version}"))).find(|path| path.is_dir());
    let source =
        source.unwrap_or_else(|| panic!("cargo fetched no {name}-{version} into {}", sources.display()));
    let to = sandbox.work().join(name);
    fixture::copy(&source, &to);
    to
}

/// Fetches a module with go, and copies its source as it was published.
fn fetch_module(sandbox: &Sandbox, project: &Project) -> PathBuf {
    let wanted = format!("{}@{}", project.name, project.version);
    let answer = sandbox.tool(&sandbox.work(), "go", &["mod", "download", "-json", &wanted]).success().json();
    let to = sandbox.work().join(project.name.rsplit('/').find(|part| !is_major(part)).unwrap());
    fixture::copy(answer["Dir"].as_str().unwrap().as_ref(), &to);
    to
}

/// Returns whether the last part of a module's path is its major version, such as `v3`, instead of its name.
fn is_major(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Checks that `dist` without configuration gives an image for each program, and that each starts on both machines.
fn builds_and_starts(project: &Project, fetch: fn(&Sandbox, &Project) -> PathBuf) {
    let sandbox = Sandbox::new();
    let source = fetch(&sandbox, project);
    let built = Built::project(sandbox, source, &[]);
    for program in &project.programs {
        starts(&built, program);
    }
    let images = built.report["images"].as_array().unwrap();
    let name = |image: &Value| image["name"].as_str().unwrap().to_owned();
    assert!(images.iter().all(|image| !name(image).contains("example")), "{:?}", images.iter().map(name));
}

fn starts(built: &Built, program: &Program) {
    let layout = built.layout(&program.name);
    let arguments: Vec<&str> = program.arguments.iter().map(String::as_str).collect();
    for machine in Machine::ALL {
        let root = built.sandbox.work().join(format!("root-{}-{}", program.name, machine.name()));
        let path = layout.program(machine.platform(), &root);
        let outcome = machine.run(&path, &arguments, Duration::from_secs(60)).success();
        let output = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(output.contains(&program.answer), "{} on {}: {outcome}", program.name, machine.platform());
    }
}

#[test]
fn eight_programs_are_listed() {
    let list = published();
    assert_eq!((list.crates.len(), list.modules.len()), (4, 4));
    assert!(list.crates.iter().chain(&list.modules).all(|project| !project.programs.is_empty()));
}

#[test]
#[ignore = "long: compiles a published crate for two platforms"]
fn long_hexyl() {
    builds_and_starts(&the_crate("hexyl"), fetch_crate);
}

#[test]
#[ignore = "long: compiles a published crate with C code for two platforms"]
fn long_b3sum() {
    builds_and_starts(&the_crate("b3sum"), fetch_crate);
}

#[test]
#[ignore = "long: compiles a published crate with C code for two platforms"]
fn long_ripgrep() {
    builds_and_starts(&the_crate("ripgrep"), fetch_crate);
}

#[test]
#[ignore = "long: compiles a published crate with C code for two platforms"]
fn long_oxipng() {
    builds_and_starts(&the_crate("oxipng"), fetch_crate);
}

#[test]
#[ignore = "long: compiles a published module for two platforms"]
fn long_age() {
    builds_and_starts(&the_module("filippo.io/age"), fetch_module);
}

#[test]
#[ignore = "long: compiles a published module for two platforms"]
fn long_shfmt() {
    builds_and_starts(&the_module("mvdan.cc/sh/v3"), fetch_module);
}

#[test]
#[ignore = "long: compiles a published module for two platforms"]
fn long_yq() {
    builds_and_starts(&the_module("github.com/mikefarah/yq/v4"), fetch_module);
}

#[test]
#[ignore = "long: compiles a published module for two platforms"]
fn long_gops() {
    builds_and_starts(&the_module("github.com/google/gops"), fetch_module);
}

#[test]
#[ignore = "long: compiles a workspace of published crates for two platforms"]
fn long_workspace_of_published_crates() {
    let (sandbox, list) = (Sandbox::new(), published());
    let members: Vec<&Project> =
        list.crates.iter().filter(|project| list.workspace.members.contains(&project.name)).collect();
    let names: Vec<String> = members.iter().map(|project| format!("{:?}", project.name)).collect();
    for project in &members {
        let member = fetch_crate(&sandbox, project);
        // A member's own lock file is ignored in a workspace.
        std::fs::remove_file(member.join("Cargo.lock")).unwrap();
    }
    let root = sandbox.work();
    fixture::write(
        root.join("Cargo.toml"),
        format!("[workspace]\nresolver = \"2\"\nmembers = [{}]\nexclude = [\"fetch\"]\n", names.join(", ")),
    );
    sandbox.tool(&root, "cargo", &["generate-lockfile"]).success();
    let built = Built::project(sandbox, root, &[]);
    for project in members {
        project.programs.iter().for_each(|program| starts(&built, program));
    }
}
