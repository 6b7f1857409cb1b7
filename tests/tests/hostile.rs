//! A project that somebody else wrote: looking at it runs nothing that it brings.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crossdock_tests::terminal::crossdock_on_terminal;
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

/// Text that moves the cursor, sets the window's title, rings, hides, reverses, and begins a line of its own.
const HOSTILE: &str =
    "a\u{1b}[5;5H\u{1b}]0;title\u{7}\u{9b}8m\u{202e}\u{2066}\u{200f}\u{61c}\u{7f}\u{8}\n├─ starts: forged";

/// Checks that a terminal gets none of the characters of [`HOSTILE`] raw.
fn harmless(call: &str, written: &str) {
    for raw in [
        "\u{1b}[5;5H",
        "\u{1b}]",
        "\u{7}",
        "\u{9b}",
        "\u{202e}",
        "\u{2066}",
        "\u{200f}",
        "\u{61c}",
        "\u{7f}",
        "\u{8}",
    ] {
        assert!(!written.contains(raw), "{call} writes {raw:?}: {written:?}");
    }
    assert!(!written.lines().any(|line| line.starts_with("├─ starts: forged")), "{call}: {written:?}");
}

#[test]
fn a_terminal_gets_no_control_character_of_a_project() {
    let mut sandbox = Sandbox::new();
    sandbox.set("TERM", "xterm-256color");
    // A directory's name cannot hold a line break here: go refuses it.
    let place = HOSTILE.split('\n').next().unwrap().replace(['[', ']'], "");
    let project = fixture::go_module(&sandbox.work().join(place), "hello");
    let hostile = serde_json::to_string(HOSTILE).unwrap();
    let good = format!("[image.hello]\npath = \".\"\ncmd = [{hostile}]\nlabels = {{ note = {hostile} }}\n");
    // JSON's strings are TOML's, but for DEL, which TOML wants escaped.
    let good = good.replace('\u{7f}', "\\u007f");
    fixture::write(project.join("crossdock.toml"), &good);
    // Its colours stay and all else goes.
    let noise = "printf '\\033[31mred\\033[0m\\033[5;5H\\033]0;title\\007 noise\\n' >&2";
    sandbox.shim("go", &format!("case \"$1\" in build) {noise};; esac\nexec \"$REAL\" \"$@\""));

    let on_terminal = |call: &str| crossdock_on_terminal(&sandbox, &project, 200, call).stdout;
    for call in ["plan", "plan -v", "plan --json", "config check", "config check --json"] {
        let written = on_terminal(call);
        harmless(call, &written);
        assert!(written.contains("starts: forged"), "{call} shows the value: {written:?}");
        let visible = if call.contains("json") { "\\u001b" } else { "\\u{1b}" };
        assert!(written.contains(visible), "{call} shows the character: {written:?}");
    }
    let dist = "dist --platform linux/amd64 --color always";
    let written = on_terminal(dist);
    harmless(dist, &written);
    assert!(written.contains("\u{1b}[31mred\u{1b}[0m noise"), "a tool keeps its colours: {written:?}");
    assert!(written.contains("digest") && written.contains("sha256:"), "the table: {written:?}");

    let wrong = good.replace("labels", "\"lab\\u001b]0;x\\u0007els\\n├─ starts: forged\"");
    fixture::write(project.join("crossdock.toml"), wrong);
    let written = on_terminal("plan");
    harmless("plan of a wrong file", &written);
    assert!(written.contains("error:"), "{written:?}");
}

/// Files that are links to the machine's own: nothing of them is printed or packed.
#[test]
fn links_to_files_of_the_machine_are_refused() {
    let mut sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::commit(&sandbox, &project);
    sandbox.set("TOKEN", "hunter2");
    let secret = sandbox.work().join("secret");
    fixture::write(&secret, "hunter2\n");
    let refused = |call: &[&str], exit: i32| {
        let outcome = sandbox.crossdock(&project, call).ends_with(exit);
        assert!(!outcome.stdout.contains("hunter2") && !outcome.stderr.contains("hunter2"), "{outcome}");
        outcome
    };
    let config = project.join("crossdock.toml");
    for target in [Path::new("/proc/self/environ"), &secret, Path::new(".git/config")] {
        symlink(target, &config).unwrap();
        for call in [&["plan"][..], &["config", "check"], &["init", "--dry-run"]] {
            refused(call, 2).complains("it leads to");
        }
        std::fs::remove_file(&config).unwrap();
    }
    fixture::write(&config, "templates = \"templates\"\n");
    std::fs::create_dir(project.join("templates")).unwrap();
    symlink("/proc/self/environ", project.join("templates/Dockerfile.j2")).unwrap();
    refused(&["render", "dockerfile"], 2).complains("outside of");
    std::fs::remove_file(&config).unwrap();
    symlink(&secret, project.join("crossdock.lock")).unwrap();
    refused(&["render", "dockerfile"], 2).complains("outside of");
    std::fs::remove_file(project.join("crossdock.lock")).unwrap();
    symlink(&secret, project.join("Dockerfile")).unwrap();
    refused(&["lint", "Dockerfile"], 2).complains("outside of");
    refused(&["render", "dockerfile", "--output", "Dockerfile", "--force"], 5).complains("outside of");
    symlink(&secret, project.join("README.md")).unwrap();
    refused(&["dist", "--platform", "linux/amd64", "--pack"], 5).complains("outside of");
}

/// A pipe blocks whoever opens it, and a device has no end.
#[test]
fn files_that_are_not_regular_are_refused() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    for name in ["crossdock.toml", "crossdock.lock", "Dockerfile"] {
        let path = project.join(name);
        sandbox.tool(&project, "mkfifo", &[name]).success();
        let call: &[&str] = match name {
            "Dockerfile" => &["lint", "Dockerfile"],
            _ => &["render", "dockerfile"],
        };
        sandbox.crossdock(&project, call).ends_with(2).complains("it is not a regular file");
        std::fs::remove_file(&path).unwrap();
    }
    sandbox.crossdock(&project, &["lint", "/dev/zero"]).ends_with(2).complains("it is not a regular file");
    sandbox
        .crossdock(&project, &["plan", "--config", "/dev/zero"])
        .ends_with(2)
        .complains("it is not a regular file");
}

/// A line break in a foreign value does not begin a line that looks like one of crossdock's.
#[test]
fn a_line_break_in_an_error_forges_no_line() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let forged = "linux/x\nerror: forged\n  help: forged\nwarning: forged";
    let config = "[image.hello]\ndeploy = [\"x\\n  help: forged\"]\n";
    for call in [&["plan", "--platform", forged][..], &["target", forged], &["verify", forged], &["plan"]] {
        if call == ["plan"] {
            fixture::write(project.join("crossdock.toml"), config);
        }
        let outcome = sandbox.crossdock(&project, call);
        assert!(outcome.stderr.contains("forged"), "the value is shown: {outcome}");
        let is_forged = |line: &str| {
            ["error:", "  help:", "warning:", "note:"].iter().any(|label| line.starts_with(label))
                && line.ends_with("forged")
        };
        assert!(!outcome.stderr.lines().any(is_forged), "{outcome}");
    }
}
