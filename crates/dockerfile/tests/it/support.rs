//! BuildKit's own view of Dockerfiles, from its Go packages.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

/// A Dockerfile to parse.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) text: String,
    /// Whether to run the linter too.
    pub(crate) lint: bool,
}

/// BuildKit's answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Seen {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) error: String,
    pub(crate) nodes: Vec<Node>,
    #[serde(default)]
    pub(crate) stage_error: String,
    pub(crate) stages: Vec<SeenStage>,
    pub(crate) warnings: Vec<Warning>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Node {
    pub(crate) command: String,
    pub(crate) flags: Vec<String>,
    pub(crate) words: Vec<String>,
    pub(crate) json: bool,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) heredocs: Vec<SeenHeredoc>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct SeenHeredoc {
    pub(crate) name: String,
    pub(crate) expand: bool,
    pub(crate) chomp: bool,
    pub(crate) content: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct SeenStage {
    pub(crate) name: String,
    pub(crate) base: String,
    pub(crate) platform: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Warning {
    pub(crate) rule: String,
    pub(crate) detail: String,
    pub(crate) line: i32,
}

/// Parses files with BuildKit.
#[expect(clippy::disallowed_methods, reason = "the test compares with the program itself")]
pub(crate) fn buildkit(files: &[Asked]) -> Vec<Seen> {
    let mut child = Command::new(oracle())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program that was just built starts");
    let mut stdin = child.stdin.take().expect("it was piped");
    let question = serde_json::to_vec(files).expect("strings and booleans are JSON");
    let writer = std::thread::spawn(move || stdin.write_all(&question));
    let output = child.wait_with_output().expect("its output is read");
    writer.join().expect("the thread does not panic").expect("it reads its input");
    assert!(output.status.success(), "BuildKit's parser crashed");
    serde_json::from_slice(&output.stdout).expect("it answers in JSON")
}

/// Builds the program that calls BuildKit, once in a run.
#[expect(clippy::disallowed_methods, reason = "the test builds the program that it compares with")]
fn oracle() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("buildkit-oracle");
        let output = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/buildkit"))
            .output()
            .unwrap_or_else(|error| panic!("this test needs Go, which cannot be started: {error}"));
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "this test needs BuildKit's Go packages, which do not build:\n{words}"
        );
        program
    })
}

/// Returns the Dockerfiles of the corpus, by name.
pub(crate) fn corpus() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<(String, String)> = std::fs::read_dir(directory)
        .expect("the corpus is there")
        .map(|entry| entry.expect("the corpus can be listed").path())
        .map(|path| {
            let name = path.file_stem().expect("files have names").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("the corpus is text"))
        })
        .collect();
    files.sort();
    assert!(files.len() >= 30, "the corpus lost its files");
    files
}
