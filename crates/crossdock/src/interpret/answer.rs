//! The answer to a description.

use std::collections::BTreeMap;

use crossdock_platform::{
    BuildTarget, Interpretation, Linkage, Names, NodeProfile, OsSource, PlatformFacts, Vocabulary, interpret,
};
use serde::Serialize;

use super::SCHEMA;

/// The meaning of a description. Its JSON is one line per input.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Answer {
    /// The version of this JSON.
    pub schema: u32,
    /// The description.
    pub input: String,
    /// The vocabulary that contains it; null if none or several do.
    pub vocabulary: Option<&'static str>,
    /// Whether it has one meaning, several or none.
    pub result: Outcome,
    /// The operating system, if stated. For an ambiguous description, a part that all meanings share; likewise below.
    pub os: Option<&'static str>,
    /// The architecture, if stated.
    pub architecture: Option<&'static str>,
    /// The variant in normal form; null is the baseline.
    pub variant: Option<&'static str>,
    /// The operating system's version, if stated.
    pub os_version: Option<String>,
    /// The platform in normal form; null when operating system or architecture is.
    pub platform: Option<String>,
    /// The meanings of an ambiguous description.
    pub candidates: Vec<Candidate>,
    /// Go's variables; null if Go has no port. Linux is assumed, and noted, if no operating system is stated.
    pub go: Option<BTreeMap<String, String>>,
    /// Rust's targets.
    pub rust: Option<RustAnswer>,
    /// The names that other tools use.
    pub names: Option<Names>,
    /// The machine's profile, if the description names a machine.
    pub node: Option<NodeProfile>,
    /// Notes for a person; for an unknown description, the reason.
    pub notes: Vec<String>,
    /// The nearest known names of an unknown description.
    pub nearest: Vec<String>,
}

/// Whether a description has one meaning, several or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// One meaning.
    Exact,
    /// Several meanings.
    Ambiguous,
    /// No meaning.
    Unknown,
}

/// One of several meanings.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Candidate {
    /// The vocabularies with this meaning, the best known first.
    pub vocabularies: Vec<&'static str>,
    /// The operating system.
    pub os: Option<&'static str>,
    /// The architecture.
    pub architecture: Option<&'static str>,
    /// The variant in normal form.
    pub variant: Option<&'static str>,
    /// The platform in normal form.
    pub platform: Option<String>,
}

/// Rust's targets for a platform.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct RustAnswer {
    /// The target for static programs; null if there is none.
    pub r#static: Option<&'static str>,
    /// The target for dynamic programs; null if there is none.
    pub dynamic: Option<&'static str>,
    /// The value of `-C target-cpu`; null for the targets' own baseline.
    pub target_cpu: Option<String>,
}

/// Returns the meaning of a description in one vocabulary, or in all of them.
pub(super) fn answer(input: &str, vocabulary: Option<Vocabulary>) -> Answer {
    match interpret(input, vocabulary) {
        Interpretation::Exact(description) => exact(input, description),
        Interpretation::Ambiguous { candidates, why } => {
            ambiguous(input, vocabulary, &candidates, super::ambiguity(&candidates, &why))
        }
        Interpretation::Unknown(unknown) => Answer {
            notes: vec![unknown.why],
            nearest: unknown.nearest,
            ..empty(input, vocabulary, Outcome::Unknown)
        },
    }
}

impl Answer {
    /// Returns the answer for input that is not a question: unknown, with the reason as its note.
    pub fn unasked(input: &str, why: String) -> Self {
        Self { notes: vec![why], ..empty(input, None, Outcome::Unknown) }
    }
}

fn empty(input: &str, vocabulary: Option<Vocabulary>, result: Outcome) -> Answer {
    Answer {
        schema: SCHEMA,
        input: input.to_owned(),
        vocabulary: vocabulary.map(Vocabulary::as_str),
        result,
        os: None,
        architecture: None,
        variant: None,
        os_version: None,
        platform: None,
        candidates: Vec::new(),
        go: None,
        rust: None,
        names: None,
        node: None,
        notes: Vec::new(),
        nearest: Vec::new(),
    }
}

fn exact(input: &str, description: PlatformFacts) -> Answer {
    let mut answer = Answer {
        os: description.os.map(|os| os.as_str()),
        architecture: description.architecture.map(|architecture| architecture.as_str()),
        variant: description.variant,
        platform: description.platform().map(|platform| platform.to_string()),
        node: description.node,
        notes: description.notes.iter().map(ToString::to_string).collect(),
        ..empty(input, Some(description.vocabulary), Outcome::Exact)
    };
    if let Some((platform, source)) = description.platform_or_linux() {
        if source == OsSource::Assumed {
            answer
                .notes
                .push("no operating system is stated: linux is assumed for compilers and tools".to_owned());
        }
        let fixed = BuildTarget::new(platform, Linkage::Static);
        let fixed = description.float.into_iter().fold(fixed, BuildTarget::with_float);
        let fixed = description.apple.into_iter().fold(fixed, BuildTarget::with_apple);
        languages(&mut answer, &fixed, description.target(Linkage::Dynamic).as_ref().unwrap_or(&fixed));
    }
    answer.os_version = description.os_version;
    answer
}

/// Adds the targets and names for compilers and tools.
fn languages(answer: &mut Answer, fixed: &BuildTarget, dynamic: &BuildTarget) {
    let mut note = |notes: &[&'static str]| {
        for note in notes {
            if !answer.notes.iter().any(|known| known == note) {
                answer.notes.push((*note).to_owned());
            }
        }
    };
    let mut rust = RustAnswer::default();
    let (static_target, dynamic_target) = (fixed.rust(), dynamic.rust());
    if let (Err(unsupported), Err(_)) = (&static_target, &dynamic_target) {
        answer.notes.push(unsupported.to_string());
    } else {
        for target in [&dynamic_target, &static_target].into_iter().flatten() {
            note(&target.notes);
            rust.target_cpu.clone_from(&target.target_cpu);
        }
        rust.r#static = static_target.ok().map(|target| target.triple);
        rust.dynamic = dynamic_target.ok().map(|target| target.triple);
    }
    match fixed.go() {
        Ok(go) => {
            answer.notes.extend(go.notes.iter().map(ToString::to_string));
            answer.go = Some(go.env());
        }
        Err(unsupported) => answer.notes.push(unsupported.to_string()),
    }
    answer.rust = Some(rust);
    answer.names = Some(dynamic.names());
}

fn ambiguous(
    input: &str,
    vocabulary: Option<Vocabulary>,
    candidates: &[PlatformFacts],
    why: String,
) -> Answer {
    let shared = |part: fn(&PlatformFacts) -> Option<&'static str>| {
        let first = candidates.first().and_then(part);
        first.filter(|_| candidates.iter().all(|candidate| part(candidate) == first))
    };
    Answer {
        os: shared(|candidate| candidate.os.map(|os| os.as_str())),
        architecture: shared(|candidate| candidate.architecture.map(|architecture| architecture.as_str())),
        variant: shared(|candidate| candidate.variant),
        candidates: candidates.iter().map(candidate).collect(),
        notes: vec![why],
        ..empty(input, vocabulary, Outcome::Ambiguous)
    }
}

fn candidate(description: &PlatformFacts) -> Candidate {
    let vocabularies = std::iter::once(&description.vocabulary).chain(&description.also);
    Candidate {
        vocabularies: vocabularies.map(|vocabulary| vocabulary.as_str()).collect(),
        os: description.os.map(|os| os.as_str()),
        architecture: description.architecture.map(|architecture| architecture.as_str()),
        variant: description.variant,
        platform: description.platform().map(|platform| platform.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unstated_parts_are_null_and_assumptions_are_noted() {
        let answer = answer("m7g.large", None);
        assert_eq!((answer.os, answer.architecture, answer.platform.as_deref()), (None, Some("arm64"), None));
        assert_eq!(answer.go.unwrap()["GOARM64"], "v8.0");
        assert_eq!(answer.rust.unwrap().r#static, Some("aarch64-unknown-linux-musl"));
        assert!(answer.notes.iter().any(|note| note.contains("linux is assumed")), "{:?}", answer.notes);
    }

    #[test]
    fn an_ambiguous_description_has_the_parts_that_its_meanings_share() {
        let answer = answer("arm-linux-gnueabi", Some(Vocabulary::GnuTriple));
        assert_eq!(answer.result, Outcome::Ambiguous);
        assert_eq!((answer.os, answer.architecture, answer.variant), (Some("linux"), Some("arm"), None));
        assert_eq!(answer.candidates[0].platform.as_deref(), Some("linux/arm/v5"));
        assert!(answer.go.is_none() && answer.platform.is_none());
    }

    #[test]
    fn a_platform_without_a_compiler_has_a_note() {
        let plan9 = answer("plan9/amd64", None);
        assert!(plan9.go.is_some() && plan9.rust.unwrap().dynamic.is_none());
        assert!(plan9.notes.iter().any(|note| note.contains("Rust cannot build")), "{:?}", plan9.notes);
    }
}
