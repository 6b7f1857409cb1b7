use std::sync::{Arc, Mutex};

use super::*;
use crossdock_system::availability::{Remedy, Scope};
use crossdock_system::environment::Environment;
use crossdock_system::process::{Cancel, Command, Processes};

fn host() -> Host {
    toml::from_str(
        r#"
platform = "linux/amd64"
system = "debian"
root = true
[rust]
[go]
[tools]
git = "2.39.5"
podman = { missing = "`podman` is not in PATH" }
"#,
    )
    .unwrap()
}

#[test]
fn each_requirement_is_listed_once_and_missing_ones_last() {
    let (git, podman, go) =
        (Requirement::Tool("git".into()), Requirement::Tool("podman".into()), Requirement::Go("/a".into()));
    let uses = [("api", &podman), ("api", &git), ("web", &git), ("web", &go)]
        .map(|(by, used)| (by.to_owned(), used));
    let missing = Unavailable::because("there is no standard library");
    let checks = diagnose(uses, [("api".to_owned(), &missing), ("web".to_owned(), &missing)], &host());
    let lines: Vec<String> = checks
        .iter()
        .map(|check| {
            let by: Vec<&str> = check.needed_by.iter().map(String::as_str).collect();
            let found = match &check.found {
                Availability::Available(tool) => {
                    format!("{} {}", tool.command.join(" "), tool.version.as_deref().unwrap_or("?"))
                }
                Availability::Unavailable(missing) => missing.to_string(),
            };
            format!("{} ({}): {found}", check.name, by.join(", "))
        })
        .collect();
    assert_eq!(
        lines,
        [
            "go (web): go 1.26.8",
            "git (api, web): git 2.39.5",
            "podman (api): `podman` is not in PATH\n  run: apt-get install -y podman",
            "api (api, web): there is no standard library",
        ]
    );
}

/// Shim programs: each logs its arguments and fails if the file `fail-NAME` exists.
struct Shims {
    directory: tempfile::TempDir,
    processes: Processes,
}

impl Shims {
    fn new(failing: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = camino::Utf8Path::from_path(directory.path()).unwrap();
        for name in ["rustup", "apt-get", "dpkg", "sudo", "python3"] {
            let log = path.join("log");
            let ending = if failing.contains(&name) { "echo no server >&2; exit 1" } else { "exit 0" };
            let script =
                format!("#!/bin/sh\necho \"{name} $*${{DEBIAN_FRONTEND:+ quiet}}\" >> {log}\n{ending}\n");
            crossdock_fs::write_atomically(path.join(name), script.as_bytes()).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(path.join(name), mode).unwrap();
        }
        let environment = Environment::new(path).with_variable("PATH", format!("{path}:/bin"));
        Self { processes: Processes::new(Arc::new(environment), Cancel::default()), directory }
    }

    fn setup(&self, host: &Host, missing: &[Unavailable], answer: Answer) -> Vec<Outcome> {
        let said = Mutex::new(Vec::new());
        let outcomes = setup(missing, host, &self.processes, &mut |_| answer, &|progress| {
            if let Progress::Runs(command) = progress {
                said.lock().unwrap().push(command.short());
            }
        });
        let said = said.into_inner().unwrap();
        let log = self.log();
        let changes = log.iter().filter(|line| *line != "sudo -n true");
        assert_eq!(said.len(), changes.count(), "each command is said before it runs: {said:?}");
        outcomes.unwrap()
    }

    fn log(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

fn remedy(scope: Scope, commands: &[&[&str]]) -> Remedy {
    let command = |words: &&[&str]| Command::new(words[0], "/").args(words[1..].iter().copied());
    Remedy { commands: commands.iter().map(command).collect(), scope }
}

fn std_for(triple: &str) -> Unavailable {
    let rustup = remedy(Scope::User, &[&["rustup", "target", "add", triple]]);
    let package = format!("libstd-{triple}");
    let apt = remedy(
        Scope::System,
        &[
            &["dpkg", "--add-architecture", "arm64"],
            &["apt-get", "update"],
            &["apt-get", "install", "-y", &package],
        ],
    );
    Unavailable { why: format!("no std for {triple}"), remedies: vec![rustup, apt] }
}

#[test]
fn the_first_remedy_that_works_is_enough() {
    let shims = Shims::new(&[]);
    let outcomes = shims.setup(&host(), &[std_for("one"), std_for("two"), std_for("one")], Answer::No);
    assert!(outcomes.iter().all(Outcome::is_done));
    assert_eq!(shims.log(), ["rustup target add one", "rustup target add two"]);
}

#[test]
fn rustup_is_not_asked_again_after_a_failure_and_the_next_remedy_follows() {
    let shims = Shims::new(&["rustup"]);
    let outcomes = shims.setup(&host(), &[std_for("one"), std_for("two")], Answer::Yes);
    assert!(outcomes.iter().all(|outcome| outcome.is_done() && outcome.rustup_failed()));
    assert!(matches!(&outcomes[0].attempts[0].1, Attempt::Failed(why) if why.contains("no server")));
    assert_eq!(
        shims.log(),
        [
            "rustup target add one",
            "dpkg --add-architecture arm64 quiet",
            "apt-get update quiet",
            "apt-get install -y libstd-one quiet",
            "apt-get install -y libstd-two quiet",
        ]
    );
}

#[test]
fn system_changes_require_consent() {
    let shims = Shims::new(&["rustup"]);
    let outcomes = shims.setup(&host(), &[std_for("one")], Answer::No);
    assert_eq!(outcomes[0].attempts[1].1, Attempt::Declined);
    assert!(!outcomes[0].is_done());
    assert_eq!(shims.log(), ["rustup target add one"]);
}

#[test]
fn package_managers_run_through_sudo_unless_root() {
    let mut user = Host { root: false, ..host() };
    let missing = Unavailable {
        why: String::new(),
        remedies: vec![remedy(
            Scope::System,
            &[&["dpkg", "--add-architecture", "arm64"], &["python3", "-m", "pip"]],
        )],
    };
    let shims = Shims::new(&[]);
    let outcomes = shims.setup(&user, std::slice::from_ref(&missing), Answer::Yes);
    assert!(
        matches!(&outcomes[0].attempts[0].1, Attempt::Failed(why) if why.contains("no sudo")),
        "{outcomes:?}"
    );
    let sudo = Tool { command: vec!["sudo".to_owned()], version: None };
    user.tools.insert("sudo".to_owned(), Availability::Available(sudo));
    assert!(shims.setup(&user, &[missing], Answer::Yes)[0].is_done());
    let expected = [
        "sudo -n true",
        "sudo -n env DEBIAN_FRONTEND=noninteractive dpkg --add-architecture arm64",
        "python3 -m pip",
    ];
    assert_eq!(shims.log(), expected);
}

/// With `-n`, a sudo that needs a password fails at once; without it, it would wait forever.
#[test]
fn a_sudo_that_needs_a_password_is_left_to_the_user() {
    let sudo = Tool { command: vec!["sudo".to_owned()], version: None };
    let mut user = Host { root: false, ..host() };
    user.tools.insert("sudo".to_owned(), Availability::Available(sudo));
    let shims = Shims::new(&["rustup", "sudo"]);
    let outcomes = shims.setup(&user, &[std_for("one"), std_for("two")], Answer::Yes);
    let by_hand: Vec<&str> = outcomes.iter().filter_map(Outcome::by_hand).collect();
    let expected = ["one", "two"].map(|triple| {
        format!(
            "sudo dpkg --add-architecture arm64 && sudo apt-get update && sudo apt-get install -y libstd-{triple}"
        )
    });
    assert_eq!(by_hand, expected);
    assert_eq!(shims.log(), ["rustup target add one", "sudo -n true"]);
}

#[test]
fn a_cancelled_setup_runs_nothing_more() {
    let shims = Shims::new(&[]);
    let cancel = Cancel::default();
    let processes = Processes::new(Arc::new(shims.processes.environment().clone()), cancel.clone());
    cancel.cancel();
    let result = setup(&[std_for("one")], &host(), &processes, &mut |_| Answer::Yes, &|_| {});
    assert!(matches!(result, Err(SetupError::Cancelled)));
    assert!(shims.log().is_empty());
}

#[test]
fn the_first_plain_number_is_the_version() {
    for (text, version) in [
        ("git version 2.39.5", "2.39.5"),
        ("aarch64-linux-gnu-gcc (Debian 12.2.0-14) 12.2.0\nCopyright", "12.2.0"),
        ("Docker version 20.10.24+dfsg1, build 297e128", ""),
        ("podman version 4.3.1", "4.3.1"),
        ("qemu-aarch64 version 7.2.22 (Debian 1:7.2+dfsg)", "7.2.22"),
        ("Debian clang version v14.0.6", "14.0.6"),
        ("usage: …", ""),
        ("", ""),
    ] {
        assert_eq!(first_version(text).unwrap_or_default(), version, "{text}");
    }
}
