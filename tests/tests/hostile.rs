//! A project that somebody else wrote: looking at it runs nothing that it brings.

use std::path::{Path, PathBuf};

use crossdock_tests::{Sandbox, fixture};

/// Creates a checkout with a committed bare repository, which is a Go module too, and whose `core.fsmonitor` writes the
/// second path.
fn clone_with_a_bare_repository(sandbox: &Sandbox) -> (PathBuf, PathBuf) {
    let ran = sandbox.work().join("ran");
    let project = fixture::go_module(&sandbox.work().join("clone"), "hello");
    fixture::commit(sandbox, &project);
    // Its index names a file, so that `git status` has something to ask the monitor about.
    for entry in ["objects", "refs", "HEAD", "index"] {
        std::fs::rename(project.join(".git").join(entry), project.join(entry)).unwrap();
    }
    std::fs::remove_dir_all(project.join(".git")).unwrap();
    fixture::write(
        project.join("config"),
        format!(
            "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n\tfsmonitor = \"touch {}; false\"\n",
            ran.display()
        ),
    );
    fixture::commit(sandbox, &sandbox.work().join("clone"));
    (project, ran)
}

#[test]
fn a_bare_repository_in_a_clone_runs_nothing() {
    let sandbox = Sandbox::new();
    let (project, ran) = clone_with_a_bare_repository(&sandbox);
    sandbox.tool(&project, "git", &["status"]).success();
    assert!(ran.exists(), "a plain `git status` runs the monitor");
    std::fs::remove_file(&ran).unwrap();

    let plan = sandbox.crossdock(&project, &["plan"]).success();
    plan.says("is a bare repository, whose settings may come with a clone");
    for call in [
        &["doctor"][..],
        &["render", "dockerfile"],
        &["init", "--dry-run"],
        &["verify", "--for", "linux/amd64"],
        &["config", "check"],
    ] {
        let outcome = sandbox.crossdock(&project, call);
        assert!(outcome.signal.is_none() && outcome.code != Some(101), "{outcome}");
        assert!(!ran.exists(), "{outcome}");
    }
    assert!(!ran.exists(), "`plan` ran the monitor");
}

/// Puts shims of every tool that a project could steer in front of PATH. Each writes its name to the returned file.
fn watch_tools(sandbox: &mut Sandbox) -> PathBuf {
    let ran = sandbox.work().join("ran");
    let tools = ["cargo", "rustc", "rustup", "go", "git", "cc", "gcc", "zig", "docker", "podman", "sh"];
    for tool in tools {
        // An absolute path, because `sh` itself is among the shims.
        sandbox.shim(tool, &format!("echo {tool} >> '{}'\nexec \"$REAL\" \"$@\"", ran.display()));
    }
    ran
}

fn runs_nothing(sandbox: &Sandbox, ran: &Path, project: &Path, call: &[&str]) {
    let outcome = sandbox.crossdock(project, call).success();
    let tools = std::fs::read_to_string(ran).unwrap_or_default();
    assert_eq!(tools, "", "{outcome}");
}

#[test]
fn commands_that_only_read_run_no_tool() {
    for project in [fixture::go_module, fixture::rust_package] {
        let mut sandbox = Sandbox::new();
        let project = project(&sandbox.work(), "hello");
        fixture::commit(&sandbox, &project);
        fixture::write(project.join("crossdock.toml"), "[image.hello]\npath = \".\"\n");
        fixture::write(
            project.join("Dockerfile"),
            "FROM scratch\nCOPY hello /hello\nENTRYPOINT [\"/hello\"]\n",
        );
        let program = crossdock_tests::program::crossdock().to_str().unwrap();
        let ran = watch_tools(&mut sandbox);
        for call in [
            &["config", "check"][..],
            &["lint", "Dockerfile"],
            &["target", "linux/arm64"],
            &["target", "list"],
            &["verify", program, "--for", "linux/amd64"],
            &["cache", "info"],
            &["completions", "bash"],
            &["version"],
        ] {
            runs_nothing(&sandbox, &ran, &project, call);
        }
        sandbox.crossdock(&project, &["plan"]).success();
        assert!(ran.exists(), "the shims of a plan's tools write the file");
    }
}

#[test]
fn a_go_workspace_is_not_asked_by_config_check() {
    let mut sandbox = Sandbox::new();
    let root = sandbox.work();
    fixture::go_module(&root, "api");
    fixture::write(root.join("go.work"), "go 1.22\n\nuse ./api\n");
    let ran = watch_tools(&mut sandbox);
    runs_nothing(&sandbox, &ran, &root, &["config", "check"]);
}
