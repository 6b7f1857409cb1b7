//! What to say about a description that no vocabulary has.

use std::fmt;

use crate::architecture::Architecture;
use crate::describe::LONGEST;
use crate::error::Excerpt;
use crate::generated::rust_targets::RUST_TARGETS;
use crate::generated::vocabulary::ROWS;
use crate::nearest::nearest;
use crate::os::Os;
use crate::platform::Platform;
use crate::rules;
use crate::vocabulary::Vocabulary;

/// A description that no vocabulary has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// What is wrong with it and what the nearest names are, as a sentence without its end.
    pub why: String,
    /// The nearest known names, nearest first.
    pub nearest: Vec<String>,
}

impl Unknown {
    fn new(why: &str, nearest: Vec<String>) -> Self {
        let why = match nearest.as_slice() {
            [] => why.to_owned(),
            names => format!("{why} (nearest: {})", names.join(", ")),
        };
        Self { why, nearest }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// What is wrong with a text that cannot be a description at all.
pub(crate) fn unreadable(text: &str) -> Option<Unknown> {
    let found = |why: String, nearest: Vec<String>| Some(Unknown::new(&why, nearest));
    if text.trim().is_empty() {
        return found(
            "the description is empty: name a platform such as linux/amd64 or a machine such as m7g.large"
                .into(),
            Vec::new(),
        );
    }
    if text.len() > LONGEST {
        let why = format!("{} has {} bytes, a description at most {LONGEST}", Excerpt::new(text), text.len());
        return found(why, Vec::new());
    }
    if text.trim().len() != text.len() {
        return found(format!("{} has blanks around it", Excerpt::new(text)), vec![text.trim().to_owned()]);
    }
    let control = text.chars().find(|character| character.is_control());
    control.and_then(|control| {
        found(format!("{} has the control character {control:?}", Excerpt::new(text)), Vec::new())
    })
}

/// Says why a readable text is no description, with the nearest names.
pub(crate) fn explain(text: &str, vocabulary: Option<Vocabulary>) -> Unknown {
    use Vocabulary as V;
    match vocabulary {
        None if text.contains('/') => as_platform(text),
        Some(V::OciPlatform | V::CrossRsImagePlatform | V::GoDist) => as_platform(text),
        Some(vocabulary) => {
            let why = match rules::refusal(vocabulary, text) {
                Some(why) => format!("{} is not in {vocabulary}: {why}", Excerpt::new(text)),
                None => format!("{} is not in {vocabulary}", Excerpt::new(text)),
            };
            Unknown::new(&why, nearest_in(text, vocabulary))
        }
        None => anywhere(text),
    }
}

fn as_platform(text: &str) -> Unknown {
    match Platform::parse(text) {
        Err(error) => Unknown { why: error.to_string(), nearest: error.suggestions() },
        Ok(platform) => Unknown {
            why: format!("{platform} is a platform, but not one of this vocabulary"),
            nearest: Vec::new(),
        },
    }
}

fn anywhere(text: &str) -> Unknown {
    let why = format!("{} is in none of the vocabularies", Excerpt::new(text));
    let first = text.as_bytes().first().map(u8::to_ascii_lowercase);
    let begins = |name: &&str| name.as_bytes().first().map(u8::to_ascii_lowercase) == first;
    let names =
        ROWS.iter().map(|row| row.name).chain(RUST_TARGETS.iter().map(|row| row.triple)).filter(begins);
    let examples = rules::RULES
        .iter()
        .flat_map(|(vocabulary, _, _)| rules::examples(*vocabulary))
        .copied()
        .filter(begins);
    let mut found = owned(nearest(text, names.chain(examples)));
    if found.is_empty() && text.contains('.') {
        found = nearest_instance_types(text);
    }
    Unknown::new(&why, found)
}

fn nearest_in(text: &str, vocabulary: Vocabulary) -> Vec<String> {
    use Vocabulary as V;
    let oses = || Os::ALL.iter().map(|os| os.as_str());
    let architectures = || Architecture::ALL.iter().map(|name| name.as_str());
    let rows = ROWS.iter().filter(|row| row.vocabulary == vocabulary).map(|row| row.name);
    owned(match vocabulary {
        V::ContainerdOsSpecifier => nearest(text, oses()),
        V::ContainerdArchSpecifier => match crate::parse::spelled_elsewhere(text) {
            Some((architecture, _)) => vec![architecture.as_str()],
            None => nearest(text, architectures().chain(["armhf", "armel", "aarch64", "x86_64", "i386"])),
        },
        V::K8sLabelKubernetesIoArch | V::K8sNodeInfoArchitecture | V::BazelRulesGoGoarch => {
            nearest(text, architectures())
        }
        V::RustTriple => nearest(text, RUST_TARGETS.iter().map(|row| row.triple)),
        V::Ec2InstanceType => return nearest_instance_types(text),
        _ => nearest(text, rows.chain(rules::examples(vocabulary).iter().copied())),
    })
}

/// The nearest families with the size that was given.
fn nearest_instance_types(text: &str) -> Vec<String> {
    let (family, size) = text.split_once('.').unwrap_or((text, "large"));
    let families =
        ROWS.iter().filter(|row| row.vocabulary == Vocabulary::Ec2InstanceFamily).map(|row| row.name);
    nearest(family, families).into_iter().map(|family| format!("{family}.{size}")).collect()
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}
