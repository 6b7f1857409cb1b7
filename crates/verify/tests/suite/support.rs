//! Compiles the programs of the tests, each once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock};

use crossdock_verify::{
    CompiledC, CpuLevel, Expectation, Finding, Language, Linkage, Program, Target, Verdict, verify_program,
};

/// The directory for compiled programs, inside the workspace's target directory.
fn output_directory() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("verify-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("the target directory is writable");
        directory
    })
}

/// A source file of the tests.
pub(crate) fn source(name: &str) -> String {
    format!("{}/tests/programs/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs a compiler. Fails with its name if it is missing, and with its output if it fails.
pub(crate) fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    #[expect(clippy::disallowed_methods, reason = "a test compiles what it looks at")]
    let output = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(output_directory())
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

/// The recipe of a program: a compiler, its arguments (`OUT` is replaced by the output's path) and its environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Recipe {
    pub(crate) compiler: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

impl Recipe {
    /// Parses `NAME=VALUE… compiler argument…`, where `@file` is a source file of the tests. The compiler `go` means `go build`
    /// of the test program, and `go:NAME` that of `NAME.go`.
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
        let (compiler, main) = match compiler.strip_prefix("go:") {
            Some(name) => ("go".to_owned(), format!("{name}.go")),
            None => (compiler, "main.go".to_owned()),
        };
        if compiler == "go" {
            arguments.insert(0, "build".to_owned());
            arguments.extend(["-o".to_owned(), "OUT".to_owned(), source(&main)]);
        } else if !arguments.iter().any(|argument| argument == "OUT") {
            arguments.extend(["-o".to_owned(), "OUT".to_owned()]);
        }
        Recipe { compiler, arguments, environment }
    }

    /// Returns the program.
    pub(crate) fn make(&self) -> Vec<u8> {
        std::fs::read(self.path()).expect("the compiler wrote its output")
    }

    /// Returns the path of the program, which is compiled at most once in a test run.
    pub(crate) fn path(&self) -> PathBuf {
        static MADE: Mutex<BTreeMap<Recipe, PathBuf>> = Mutex::new(BTreeMap::new());
        let mut made = MADE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let next = made.len();
        let path = made.entry(self.clone()).or_insert_with(|| {
            let path = output_directory().join(format!("program-{next}"));
            let output = path.to_str().expect("the target directory has a UTF-8 name");
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

/// Damages a program in one of these ways:
///
/// `byte AT VALUE`, `cut LENGTH`, `half` (keeps the first half), `replace FROM TO` (the first occurrence).
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

/// Parses the expectations of a plan: `-`, `static`, `dynamic`, `go:NAME=VALUE,…`, `rust:LEVEL`, `c:LEVEL`.
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
                let mut settings: BTreeMap<String, String> =
                    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                let version = settings.remove("version");
                expectation.with_language(Language::Go { settings, version })
            }
            Some(("rust", "baseline")) => {
                expectation.with_language(Language::Rust { level: CpuLevel::Baseline })
            }
            Some(("rust", "native")) => {
                expectation.with_language(Language::Rust { level: CpuLevel::Unknown("native".to_owned()) })
            }
            Some(("c", "native")) => {
                let level = CpuLevel::Unknown("native".to_owned());
                expectation.with_c_code(vec![CompiledC::new(level, "-march=native", "CFLAGS")])
            }
            Some(("c", level)) => {
                let flag = format!("-march=x86-64-{level}");
                let level = CpuLevel::Level(level.to_owned());
                expectation.with_c_code(vec![CompiledC::new(level, flag, "CFLAGS")])
            }
            Some(("rust", level)) => {
                expectation.with_language(Language::Rust { level: CpuLevel::Level(level.to_owned()) })
            }
            _ => panic!("unknown expectation {word:?}"),
        };
    }
    Some(expectation)
}

/// Returns the codes of findings, sorted, and the verdict.
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
