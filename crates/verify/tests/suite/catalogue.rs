//! The catalogue of codes is complete, unique and documented, and the JSON has its documented form.

use std::collections::BTreeSet;

use crossdock_platform::Platform;
use crossdock_verify::{
    Effect, Program, Severity, Target, Verdict, Verification, catalogue_markdown, codes, verify_program,
};

/// The codes that only `crossdock-subjects` reports, since they depend on the index and on single layers.
const FOUND_ABOVE: [(&str, &str); 6] = [
    ("DIRECTORY_DIFFERS", "directory-differs"),
    ("LAMBDA_INDEX", "lambda-index"),
    ("LAMBDA_LAYER", "lambda-layer"),
    ("LAYER_REFUSED", "layer-refused"),
    ("LINK_REPLACED", "link-replaced"),
    ("PLATFORM_MISSING", "platform-missing"),
];

#[test]
fn every_code_is_unique_and_documented() {
    let mut seen = BTreeSet::new();
    for code in codes::CATALOGUE.codes() {
        assert!(seen.insert(code.id()), "{code} is there twice");
        assert!(
            code.id()
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
        );
        assert!(code.title().starts_with(char::is_lowercase) || code.title().starts_with("Go"), "{code}");
        assert!(
            code.explanation().len() > 30 && code.explanation().ends_with('.'),
            "{code}: {}",
            code.explanation()
        );
        let remedy = code.remedy().unwrap_or_default();
        assert!(remedy.len() > 10 && remedy.ends_with('.'), "{code}: {remedy}");
        assert_eq!(codes::CATALOGUE.find(code.id()), Some(*code));
        assert_eq!(code.effect() == Effect::Fails, code.severity() == Severity::Error, "{code}");
        assert!(code.severity() != Severity::Note || code.effect() == Effect::None, "{code}");
    }
    assert_eq!(codes::CATALOGUE.find("no-such-code"), None);
}

/// Takes the names of all codes from the source. Each must be used by a check, so that a test can produce it.
#[test]
fn every_code_is_used_by_a_check() {
    let registry = include_str!("../../src/codes.rs");
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let mut sources = String::new();
    let mut directories = vec![std::path::PathBuf::from(directory)];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).expect("the source is there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if !path.ends_with("codes.rs") {
                sources.push_str(&std::fs::read_to_string(path).expect("a source file"));
            }
        }
    }
    let names: Vec<&str> = registry
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.split_once(" = \"").map(|(name, _)| name))
        .filter(|name| !name.starts_with(' ') && !name.contains(' '))
        .collect();
    assert_eq!(names.len(), codes::CATALOGUE.codes().len());
    for name in names.into_iter().filter(|name| FOUND_ABOVE.iter().all(|(above, _)| above != name)) {
        assert!(sources.contains(&format!("codes::{name}")), "no check uses {name}");
    }
}

/// A code without a test may never have worked.
#[test]
fn every_code_is_tried_by_a_test() {
    let tests = [
        include_str!("cases.tsv"),
        include_str!("configurations.rs"),
        include_str!("images.rs"),
        include_str!("odd_images.rs"),
        include_str!("launchers.rs"),
        include_str!("loaders/cases.txt"),
        include_str!("nodes.rs"),
        include_str!("steps.rs"),
        include_str!("symbols.rs"),
    ]
    .concat();
    // Compares whole words, since some codes begin with another's name.
    let words: BTreeSet<&str> =
        tests.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').collect();
    let untried: Vec<&str> = codes::CATALOGUE
        .codes()
        .iter()
        .map(|code| code.id())
        .filter(|id| !words.contains(id) && FOUND_ABOVE.iter().all(|(_, above)| above != id))
        .collect();
    assert!(untried.is_empty(), "no test expects {untried:?}");
}

#[test]
fn the_table_has_a_line_for_every_code() {
    let table = catalogue_markdown();
    for code in codes::CATALOGUE.codes() {
        assert!(table.contains(&format!("\n| `{code}` | {} |", code.severity())), "{code}");
    }
    assert_eq!(table.lines().count(), codes::CATALOGUE.codes().len() + 2);
}

#[test]
fn a_verification_is_one_object_with_the_documented_keys() {
    let target = Target::new(&Platform::LINUX_ARM64);
    let findings = verify_program(&Program::new("app", b"").with_mode(0o644), &target, None, None);
    let verification = Verification::new("app", target.description(), findings);
    assert_eq!(verification.verdict(), Verdict::Fails);
    let json = serde_json::to_value(&verification).expect("a verification is JSON");
    let keys: Vec<&str> = json.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["findings", "for", "schema", "subject", "verdict"]);
    assert_eq!(json["for"], "linux/arm64");
    assert_eq!(json["verdict"], "fails");
    let finding = &json["findings"][0];
    for key in ["code", "severity", "platform", "path", "message", "help"] {
        assert!(finding[key].is_string(), "{key}: {finding}");
    }
    assert_eq!((&finding["code"], &finding["severity"]), (&"empty-file".into(), &"error".into()));
}
