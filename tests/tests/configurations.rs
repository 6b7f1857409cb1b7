//! Images with odd configurations: crossdock's verdict on each next to those of Docker, containerd's `ctr` and podman.

#![cfg(target_arch = "x86_64")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use crossdock_tests::engine::{Docker, Engine, Podman};
use crossdock_tests::handmade::{Entry, EntryKind, Image};
use crossdock_tests::outcome::run;
use crossdock_tests::tools::need;
use crossdock_tests::{Outcome, Sandbox, fixture};
use serde::Deserialize;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(120);

/// The word with which the table says that an engine starts the image.
const STARTS: &str = "starts";

/// One image of the table `configurations/cases.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// `KIND PATH MODE`, `link PATH TARGET` and `file PATH MODE CONTENT`, with `UID:` before a mode if it is not root's.
    entries: Vec<String>,
    /// The settings of its containers, as JSON.
    config: String,
    /// Further fields of the configuration, as JSON.
    document: Option<String>,
    /// Whether the index names the platform.
    #[serde(default)]
    platform: Platform,
    verdict: String,
    codes: String,
    docker: String,
    ctr: String,
    podman: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Platform {
    #[default]
    Named,
    Capitals,
    None,
}

fn cases() -> Vec<Case> {
    #[derive(Deserialize)]
    struct Table {
        case: Vec<Case>,
    }
    let table: Table = toml::from_str(include_str!("configurations/cases.toml")).unwrap();
    table.case
}

/// The programs that the entries of the table name.
struct Programs {
    own: Vec<u8>,
    foreign: Vec<u8>,
    busybox: Vec<u8>,
}

static SANDBOX: LazyLock<Sandbox> =
    LazyLock::new(|| Sandbox::lasting(env!("CARGO_TARGET_TMPDIR"), "configurations"));

static PROGRAMS: LazyLock<Programs> = LazyLock::new(|| {
    let work = SANDBOX.work();
    let source = work.join("main.c");
    fixture::write(
        &source,
        "#include <unistd.h>\nint main(void) { return write(1, \"STARTED\\n\", 8) != 8; }\n",
    );
    let compile = |compiler: &str| {
        let program = work.join(compiler);
        let mut command = Command::new(need(compiler));
        run(command.args(["-static", "-s", "-o"]).args([&program, &source]), LIMIT).success();
        std::fs::read(program).unwrap()
    };
    Programs {
        own: compile("gcc"),
        foreign: compile("aarch64-linux-gnu-gcc"),
        busybox: std::fs::read(need("busybox")).unwrap(),
    }
});

fn entry(text: &str) -> Entry {
    let mut words = text.splitn(4, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (kind, path, third, content) = (word(), word(), word(), word());
    let path = path.trim_start_matches('/').to_owned();
    if kind == "link" {
        return Entry { path, mode: 0o777, owner: 0, kind: EntryKind::Link(third.to_owned()) };
    }
    let (owner, mode) = third.split_once(':').unwrap_or(("0", third));
    let kind = match kind {
        "program" => EntryKind::File(PROGRAMS.own.clone()),
        "foreign" => EntryKind::File(PROGRAMS.foreign.clone()),
        "busybox" => EntryKind::File(PROGRAMS.busybox.clone()),
        "file" => EntryKind::File(content.as_bytes().to_vec()),
        "directory" => EntryKind::Directory,
        _ => panic!("unknown kind in {text:?}"),
    };
    let mode = u32::from_str_radix(mode, 8).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    Entry { path, mode, owner: owner.parse().unwrap(), kind }
}

impl Case {
    fn repository(&self) -> String {
        let letters = self.name.to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
        letters.trim_matches('-').replace("--", "-").replace("--", "-")
    }

    fn reference(&self) -> String {
        format!("docker.io/t/{}:latest", self.repository())
    }

    fn archive(&self, to: &Path) -> PathBuf {
        let mut configuration = json!({ "architecture": "amd64", "os": "linux" });
        let more: Value =
            self.document.as_ref().map_or(json!({}), |text| serde_json::from_str(text).unwrap());
        for (key, value) in more.as_object().unwrap() {
            configuration[key] = value.clone();
        }
        let named = json!({ "os": "linux", "architecture": configuration["architecture"] });
        configuration["config"] = serde_json::from_str(&self.config).unwrap();
        let image = Image {
            name: self.repository(),
            entries: self.entries.iter().map(|text| entry(text)).collect(),
            configuration,
            platform: match self.platform {
                Platform::Named => Some(named),
                Platform::Capitals => Some(json!({ "os": "Linux", "architecture": "AMD64" })),
                Platform::None => None,
            },
        };
        image.archive(to)
    }
}

/// A verdict of a case that no engine supports would be a false alarm or a miss.
#[test]
fn verdicts_agree_with_what_the_engines_said() {
    let cases = cases();
    assert!(cases.len() >= 100, "{}", cases.len());
    for case in cases {
        let engines = [&case.docker, &case.ctr, &case.podman];
        let started = engines.iter().filter(|word| *word == &STARTS).count();
        match case.verdict.as_str() {
            "fails" => assert_eq!(started, 0, "an engine starts what is said to fail: {case:#?}"),
            "starts" => assert!(started >= 2, "two engines refuse what is said to start: {case:#?}"),
            "unproven" => assert!(!case.codes.is_empty(), "{case:#?}"),
            other => panic!("{other}"),
        }
        assert!(started == 3 || !case.codes.is_empty(), "no word about an engine that refuses: {case:#?}");
    }
}

#[test]
fn odd_configurations_have_the_verdicts_of_the_table() {
    let directory = SANDBOX.work().join("verified");
    let mut wrong = Vec::new();
    for case in cases() {
        let archive = case.archive(&directory);
        let call = ["verify", archive.to_str().unwrap(), "--for", "linux/amd64", "--json"];
        let lines = SANDBOX.crossdock(&directory, &call).json_lines();
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        let mut codes: Vec<&str> = line["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| finding["code"].as_str().unwrap())
            .collect();
        codes.sort_unstable();
        codes.dedup();
        let found = (line["verdict"].as_str().unwrap(), codes.join(" "));
        if found != (&case.verdict, case.codes.clone()) {
            wrong.push(format!("{}: {found:?}, expected {:?} {:?}", case.name, case.verdict, case.codes));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Judges every case by an engine, of which `start` loads an archive and starts the image.
fn judge(word: impl Fn(&Case) -> &String, start: impl Fn(&Case, &str) -> Outcome) {
    let directory = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for case in cases() {
        let archive = case.archive(directory.path());
        let outcome = start(&case, archive.to_str().unwrap());
        std::fs::remove_file(archive).unwrap();
        let (says, expected) = (format!("{}{}", outcome.stdout, outcome.stderr), word(&case));
        let is_right = match expected.as_str() {
            STARTS => outcome.stdout.contains("STARTED"),
            words => !outcome.stdout.contains("STARTED") && says.contains(words),
        };
        if !is_right {
            wrong.push(format!("{}: expected {expected:?}: {outcome}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn load_and_run(engine: &dyn Engine, case: &Case, archive: &str) -> Outcome {
    let loaded = engine.run(&["load", "--input", archive]);
    if loaded.code != Some(0) {
        return loaded;
    }
    let outcome = engine.run(&["run", "--rm", "--network", "host", &case.reference()]);
    engine.run(&["rmi", "--force", &case.reference()]);
    outcome
}

#[test]
#[ignore = "long: starts more than a hundred containers"]
fn long_docker_judges_odd_configurations() {
    let docker = Docker::start();
    judge(|case| &case.docker, |case, archive| load_and_run(&docker, case, archive));
}

#[test]
#[ignore = "long: starts more than a hundred containers"]
fn long_podman_judges_odd_configurations() {
    let podman = Podman::start();
    judge(|case| &case.podman, |case, archive| load_and_run(&podman, case, archive));
}

#[test]
#[ignore = "long: starts more than a hundred containers"]
fn long_containerd_judges_odd_configurations() {
    let docker = Docker::start();
    judge(
        |case| &case.ctr,
        |case, archive| {
            let imported = docker.ctr(&["image", "import", archive]);
            if imported.code != Some(0) {
                return imported;
            }
            let outcome = docker.ctr(&["run", "--rm", &case.reference(), &case.repository()]);
            // A container that did not start is left.
            docker.ctr(&["container", "rm", &case.repository()]);
            docker.ctr(&["image", "rm", &case.reference()]);
            outcome
        },
    );
}
