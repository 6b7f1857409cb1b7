//! Compiles the programs that the tests look at, each once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock};

use crossdock_verify::{
    CpuLevel, Expectation, Finding, Language, Linkage, Program, Target, Verdict, verify_program,
};

/// The folder for compiled programs, inside the workspace's target folder.
fn output_folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("verify-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the target folder is writable");
        folder
    })
}

/// A source file of the tests.
pub(crate) fn source(name: &str) -> String {
    format!("{}/tests/programs/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs a compiler, and fails with its name when it is missing and with its words when it refuses.
pub(crate) fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    #[expect(clippy::disallowed_methods, reason = "a test compiles what it looks at")]
    let output = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(output_folder())
        .output()
        .unwrap_or_else(|error| {
            panic!("this test needs the compiler `{program}`, which cannot be started: {error}")
        });
    assert!(
        output.status.success(),
        "{program} {} failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// How a program is made: a compiler, its arguments (`OUT` stands for the output) and its environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Recipe {
    pub(crate) compiler: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

impl Recipe {
    /// Reads `NAME=VALUE… compiler argument…`, where `@file` stands for a source file of the tests. `go` alone stands for
    /// `go build` of the test program.
    pub(crate) fn parse(text: &str) -> Recipe {
        let mut words = text.split_whitespace().peekable();
        let mut environment =
            vec![("GOFLAGS".to_owned(), String::new()), ("GO111MODULE".to_owned(), "off".to_owned())];
        while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
            environment.push((name.to_owned(), value.to_owned()));
            words.next();
        }
        let compiler = words.next().expect("a recipe names a compiler").to_owned();
        let mut arguments: Vec<String> =
            words.map(|word| word.strip_prefix('@').map_or_else(|| word.to_owned(), source)).collect();
        if compiler == "go" {
            arguments.insert(0, "build".to_owned());
            arguments.extend(["-o".to_owned(), "OUT".to_owned(), source("main.go")]);
        } else if !arguments.iter().any(|argument| argument == "OUT") {
            arguments.extend(["-o".to_owned(), "OUT".to_owned()]);
        }
        Recipe { compiler, arguments, environment }
    }

    /// The program.
    pub(crate) fn make(&self) -> Vec<u8> {
        std::fs::read(self.path()).expect("the compiler wrote its output")
    }

    /// Where the program stands, compiled at most once a test run.
    pub(crate) fn path(&self) -> PathBuf {
        static MADE: Mutex<BTreeMap<Recipe, PathBuf>> = Mutex::new(BTreeMap::new());
        let mut made = MADE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let next = made.len();
        let path = made.entry(self.clone()).or_insert_with(|| {
            let path = output_folder().join(format!("program-{next}"));
            let output = path.to_str().expect("the target folder has a UTF-8 name");
            let arguments: Vec<&str> = self
                .arguments
                .iter()
                .map(|argument| if argument == "OUT" { output } else { argument })
                .collect();
            let environment: Vec<(&str, &str)> =
                self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            run(&self.compiler, &arguments, &environment);
            path
        });
        path.clone()
    }
}

/// Applies a damage, written as words, to a program.
///
/// `byte AT VALUE`, `cut LENGTH`, `half` (the first half), `replace FROM TO` (the first time that the text occurs).
pub(crate) fn damage(mut bytes: Vec<u8>, how: &str) -> Vec<u8> {
    let words: Vec<&str> = how.split_whitespace().collect();
    let number = |index: usize| -> usize { words[index].parse().expect("a number") };
    match words.as_slice() {
        [] | ["-"] => {}
        ["byte", ..] => bytes[number(1)] = u8::try_from(number(2)).expect("a byte"),
        ["cut", _] => bytes.truncate(number(1)),
        ["half"] => bytes.truncate(bytes.len() / 2),
        ["replace", from, to] => {
            assert_eq!(from.len(), to.len(), "a replacement keeps the length");
            let at = bytes
                .windows(from.len())
                .position(|window| window == from.as_bytes())
                .expect("the text is there");
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
        other => panic!("unknown damage {other:?}"),
    }
    bytes
}

/// What the plan says, written as words: `-`, `static`, `dynamic`, `go:NAME=VALUE,…`, `rust:LEVEL`.
pub(crate) fn expectation(target: &Target, words: &str) -> Option<Expectation> {
    if words == "-" {
        return None;
    }
    let mut expectation = Expectation::new(target.platform().clone());
    for word in words.split_whitespace() {
        expectation = match word.split_once(':') {
            None if word == "static" => expectation.with_linkage(Linkage::Static),
            None if word == "dynamic" => expectation.with_linkage(Linkage::Dynamic),
            Some(("go", settings)) => {
                let pairs = settings.split(';').filter_map(|pair| pair.split_once('='));
                let settings = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                expectation.with_language(Language::Go { settings })
            }
            Some(("rust", "baseline")) => {
                expectation.with_language(Language::Rust { level: CpuLevel::Baseline })
            }
            Some(("rust", "native")) => {
                expectation.with_language(Language::Rust { level: CpuLevel::Unknown("native".to_owned()) })
            }
            Some(("rust", level)) => {
                expectation.with_language(Language::Rust { level: CpuLevel::Level(level.to_owned()) })
            }
            _ => panic!("unknown expectation {word:?}"),
        };
    }
    Some(expectation)
}

/// The codes of findings, sorted, and the verdict.
pub(crate) fn summary(findings: &[Finding]) -> (String, Verdict) {
    let mut codes: Vec<&str> = findings.iter().map(|finding| finding.code.id()).collect();
    codes.sort_unstable();
    codes.dedup();
    (codes.join(" "), Verdict::of(findings))
}

/// Verifies a file by itself.
pub(crate) fn verify(bytes: &[u8], target: &Target, expectation: Option<&Expectation>) -> Vec<Finding> {
    verify_program(&Program::new("/app", bytes).with_mode(0o755), target, expectation, None)
}
