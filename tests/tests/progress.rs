//! The progress of a run: on terminals of any width, and in a log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crossdock_tests::outcome::run;
use crossdock_tests::program::{crossdock, repository};
use crossdock_tests::terminal::{crossdock_on_terminal, on_terminal};
use crossdock_tests::{Sandbox, Screen, fixture};

/// Creates a Go module whose image has a long name, several nodes and tags.
fn project(sandbox: &Sandbox) -> PathBuf {
    let project = fixture::go_module(&sandbox.work(), "k8s-ssh-server");
    let config = r#"
[deploy.eks]
nodes = ["m5.large"]

[deploy.graviton]
nodes = ["m7g.large"]

[image.k8s-ssh-server]
path = "."
deploy = ["eks", "graviton"]
repository = "registry.example/team/k8s-ssh-server"
tags = ["1.0.0", "1.0", "stable-and-rather-long"]
"#;
    fixture::write(project.join("crossdock.toml"), config);
    project
}

/// The lines that a person may copy: crossdock does not divide them.
fn is_for_copying(line: &str) -> bool {
    ["next: ", "      or ", "registry.example/"].iter().any(|start| line.starts_with(start))
}

#[test]
fn a_run_fits_into_a_terminal_of_any_width() {
    let mut sandbox = Sandbox::new();
    sandbox.set("TERM", "xterm-256color");
    sandbox.shim("go", "[ \"$1\" = build ] && sleep 1\nexec \"$REAL\" \"$@\"");
    let project = project(&sandbox);
    for columns in [40, 60, 80, 132, 200] {
        let outcome = crossdock_on_terminal(&sandbox, &project, columns, "dist").success();
        let screen = Screen::show(columns, &outcome.stdout);
        let lines = screen.lines();
        let wrapped: Vec<String> =
            screen.wrapped().into_iter().filter(|line| !is_for_copying(line)).collect();
        assert_eq!(wrapped, [""; 0], "{columns} columns: {lines:#?}");
        assert!(outcome.stdout.contains('⠋'), "there were live lines: {outcome}");
        assert!(
            !lines.iter().any(|line| line.contains(|c| ('⠀'..='⣿').contains(&c))),
            "a live line is left: {lines:#?}"
        );
        let steps = lines.iter().filter(|line| line.starts_with("  ok  ")).count();
        assert!(steps >= 7, "{steps} steps: {lines:#?}");
        let text = lines.join("\n");
        assert!(text.matches("sha256:").count() >= 4, "the step, the table and the answer: {lines:#?}");
        for part in ["m5.large", "graviton", "stable-and-rather-long", "assemble k8s-ssh-server"] {
            assert!(text.contains(part), "no {part} at {columns}: {lines:#?}");
        }
    }
}

#[test]
fn ctrl_c_leaves_no_live_line() {
    let mut sandbox = Sandbox::new();
    sandbox.set("TERM", "xterm-256color");
    let started = sandbox.work().join("started");
    sandbox.shim(
        "go",
        &format!(
            "[ \"$1\" = build ] && touch '{}' && exec sleep 600\nexec \"$REAL\" \"$@\"",
            started.display()
        ),
    );
    let project = project(&sandbox);
    for columns in [50, 100] {
        let call = format!("'{}' dist --platform linux/amd64", crossdock().display());
        // A person presses Ctrl-C once live lines were drawn.
        let keys = format!(
            "while [ ! -e '{0}' ]; do sleep 0.1; done; sleep 1; printf '\\003'; sleep 5; rm '{0}'",
            started.display()
        );
        let terminal = on_terminal(&sandbox, &project, columns, &call);
        let mut shell = sandbox.command("/bin/sh", &project);
        shell.args(["-c", &format!("({keys}) | \"$@\""), "sh"]);
        shell.arg(terminal.get_program()).args(terminal.get_args());
        let outcome = run(&mut shell, Duration::from_secs(120)).ends_with(130);
        let screen = Screen::show(columns, &outcome.stdout);
        let lines = screen.lines();
        assert!(outcome.stdout.contains("^C") && outcome.stdout.contains('⠋'), "{outcome}");
        assert_eq!(screen.wrapped(), [""; 0], "{lines:#?}");
        assert!(lines.iter().any(|line| line.starts_with("  end compile")), "{lines:#?}");
        assert_eq!(lines.last().unwrap(), "error: interrupted");
        for dead in ["^C", "⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] {
            assert!(!lines.iter().any(|line| line.contains(dead)), "a dead line with {dead}: {lines:#?}");
        }
    }
}

/// A go that takes three seconds to read modules, as the first download of a project's modules does.
const SLOW_TO_READ: &str = "[ \"$1\" = list ] && echo 'go: downloading example.com/big v1.2.3' >&2 && sleep 3\nexec \"$REAL\" \"$@\"";

#[test]
fn a_log_tells_that_modules_are_read() {
    let mut sandbox = Sandbox::new();
    sandbox.shim("go", SLOW_TO_READ);
    let project = project(&sandbox);
    for call in [&["plan", "--json"][..], &["doctor"], &["init", "--dry-run"]] {
        let outcome = sandbox.crossdock(&project, call).success();
        assert_eq!(outcome.stderr.matches("  ... reading modules\n").count(), 1, "{outcome}");
        assert!(
            !outcome.stdout.contains("reading modules") && !outcome.stderr.contains('\u{1b}'),
            "{outcome}"
        );
    }
    let quiet = sandbox.crossdock(&project, &["plan", "--quiet"]).success();
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_terminal_shows_what_go_downloads() {
    let mut sandbox = Sandbox::new();
    sandbox.set("TERM", "xterm-256color").shim("go", SLOW_TO_READ);
    let project = project(&sandbox);
    let outcome = crossdock_on_terminal(&sandbox, &project, 80, "plan").success();
    assert!(
        outcome.stdout.contains("reading modules  \u{1b}[2mdownloading example.com/big v1.2.3"),
        "{outcome}"
    );
    let lines = Screen::show(80, &outcome.stdout).lines();
    assert!(lines[0].starts_with("plan on "), "nothing is left of it: {lines:#?}");

    sandbox.set("NO_COLOR", "1");
    let outcome = crossdock_on_terminal(&sandbox, &project, 80, "plan").success();
    assert!(outcome.stdout.contains("reading modules  downloading example.com/big v1.2.3"), "{outcome}");
    assert!(!outcome.stdout.contains("\u{1b}[2m"), "{outcome}");
}

#[test]
fn a_terminal_without_a_cursor_and_a_pipeline_get_lines() {
    for (name, value) in [("TERM", "dumb"), ("CI", "true")] {
        let mut sandbox = Sandbox::new();
        sandbox.set("TERM", "xterm-256color").set(name, value);
        sandbox.shim("go", SLOW_TO_READ);
        let project = project(&sandbox);
        let outcome = crossdock_on_terminal(&sandbox, &project, 80, "dist --platform linux/amd64").success();
        for part in ["  ... reading modules\r\n", "  ... compile k8s-ssh-server for linux/amd64 (go)\r\n"] {
            assert!(outcome.stdout.contains(part), "{name}={value}: no {part:?} in {outcome}");
        }
        assert!(!outcome.stdout.contains("\u{1b}[2K"), "{name}={value}: {outcome}");
        assert_eq!(outcome.stdout.contains('\u{1b}'), name == "CI", "{name}={value}: {outcome}");
    }
}

/// Writes a package of its own content, so that no cache has it.
fn package(project: &Path, name: &str, imports: &str) {
    let unique = format!("{:?}", std::time::SystemTime::now());
    fixture::write(
        project.join(name).join("code.go"),
        format!("package {name}\n\n{imports}\n\nfunc Say() string {{ return {unique:?} }}\n"),
    );
}

#[test]
fn packages_of_go_are_counted_and_compiled_once() {
    let mut sandbox = Sandbox::new();
    sandbox.set("TERM", "xterm-256color");
    // Slow enough for a live line to show the last package.
    sandbox.shim("go", "\"$REAL\" \"$@\" || exit\n[ \"$1\" = build ] && sleep 1\nexit 0");
    let project = fixture::go_module(&sandbox.work(), "hello");
    package(&project, "first", "");
    package(&project, "second", "import _ \"example.com/hello/first\"");
    let main =
        "package main\n\nimport \"example.com/hello/second\"\n\nfunc main() { println(second.Say()) }\n";
    fixture::write(project.join("main.go"), main);
    let outcome = crossdock_on_terminal(&sandbox, &project, 120, "dist --platform linux/amd64").success();
    let shown = outcome.stdout.split("compile hello for linux/amd64 (go)  \u{1b}[2m").skip(1);
    let counts: Vec<&str> = shown.filter_map(|text| text.split("\u{1b}[0m").next()).collect();
    let last = counts.iter().find(|text| text.ends_with(" example.com/hello"));
    let last = last.unwrap_or_else(|| panic!("no count of the main package: {counts:?}"));
    let (done, total) = last.split_once(' ').unwrap().0.split_once('/').unwrap();
    assert!(done == total && total.parse::<usize>().unwrap() > 10, "{last}");

    // The flag that names packages is not in the identity of a compiled package: a call without it finds all of them.
    let plan = sandbox.crossdock(&project, &["plan", "--platform", "linux/amd64", "--json"]).success().json();
    let command =
        plan["steps"].as_array().unwrap().iter().find_map(|step| step["action"]["command"].as_object());
    let command = command.unwrap_or_else(|| panic!("no command of go in {plan:#}"));
    let mut again = sandbox.command("go", &project);
    let variables = command["environment"].as_object().unwrap();
    again.envs(variables.iter().map(|(name, value)| (name, value.as_str().unwrap())));
    let arguments = command["arguments"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    let again =
        again.args(arguments.flat_map(|word| if word == "build" { vec![word, "-x"] } else { vec![word] }));
    let outcome = run(again, Duration::from_secs(120)).success();
    assert!(!outcome.stderr.contains("/compile -o"), "a package was compiled again: {outcome}");
}

#[test]
#[ignore = "long: waits for more than half a minute"]
fn long_a_log_gets_a_line_every_half_minute() {
    let mut sandbox = Sandbox::new();
    sandbox.shim("go", "[ \"$1\" = build ] && sleep 65\nexec \"$REAL\" \"$@\"");
    let project = project(&sandbox);
    let outcome = sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64"]).success();
    let lines =
        outcome.stderr.lines().filter(|line| line.starts_with("  ... compile k8s-ssh-server")).count();
    assert_eq!(lines, 3, "{outcome}");
}

#[test]
fn the_examples_give_no_warning_in_a_fresh_clone() {
    let sandbox = Sandbox::new();
    let clone = sandbox.work().join("clone");
    std::fs::create_dir(&clone).unwrap();
    std::fs::copy(repository().join("crossdock.toml"), clone.join("crossdock.toml")).unwrap();
    for example in ["k8s-ssh-server", "http-api"] {
        fixture::example(&clone.join("examples"), example);
    }
    fixture::commit(&sandbox, &clone);
    let plan = sandbox.crossdock(&clone, &["plan"]).success();
    assert!(!plan.stdout.contains("warning") && !plan.stderr.contains("warning"), "{plan}");
    let dist = sandbox.crossdock(&clone, &["dist", "--image", "k8s-ssh-server"]).success();
    assert!(!dist.stderr.contains("warning"), "{dist}");
}

#[test]
fn the_next_command_names_a_tool_that_doctor_lists() {
    let mut sandbox = Sandbox::new();
    let project = project(&sandbox);
    sandbox.only(&["go", "git", "sh", "uname"]);
    let dist = sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64"]).success();
    let dist = dist.complains("next: crossdock push registry.example/team/k8s-ssh-server:");
    assert!(
        !dist.stderr.contains("to run it here") && !dist.stderr.contains("--load"),
        "no engine is installed: {dist}"
    );
    let doctor = sandbox.crossdock(&project, &["doctor"]).success();
    doctor.says("absent  `docker` is not in PATH").says("  for running k8s-ssh-server");
    let json = sandbox.crossdock(&project, &["doctor", "--json"]).success().json();
    let check = json["checks"].as_array().unwrap().iter().find(|check| check["name"] == "docker").unwrap();
    assert_eq!(check["optional"], true);

    sandbox.shim("podman", "exit 1");
    let dist = sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64"]).success();
    let dist = dist.complains("or to run it here: crossdock dist --load podman");
    assert!(!dist.stderr.contains("not installed"), "{dist}");
}
