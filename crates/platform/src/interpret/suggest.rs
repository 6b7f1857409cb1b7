//! Known names to suggest instead of an unknown one.

use super::lookup::is_known;
use crate::architecture::Architecture;
use crate::listing::known_names;
use crate::nearest::similar;
use crate::os::Os;
use crate::platform::{Platform, PlatformError};
use crate::rules;
use crate::rules::clouds::GCE_SHAPES;
use crate::tables::{ROWS, RUST_TARGETS};
use crate::vocabulary::Vocabulary;

/// The greatest number of suggestions.
const MOST: usize = 3;

/// The greatest number of successive corrections of one platform: its three parts and its options.
const PARTS: usize = 4;

/// Returns the first three names that are known, without repetition regardless of case. A suggestion that is itself
/// unknown would mislead.
pub(super) fn kept(names: impl IntoIterator<Item = String>, vocabulary: Option<Vocabulary>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        let new = !found.iter().any(|known| known.eq_ignore_ascii_case(&name));
        if found.len() < MOST && new && is_known(&name, vocabulary) {
            found.push(name);
        }
    }
    found
}

/// Returns the names nearest to text that is not a platform, or not a platform of the vocabulary.
pub(super) fn platforms(text: &str, vocabulary: Option<Vocabulary>) -> Vec<String> {
    let baseline = Platform::parse(text).ok().map(|platform| platform.baseline());
    let baseline = baseline.map(|platform| format!("{}/{}", platform.os(), platform.architecture()));
    // Capital letters are read, but a suggestion is written as platforms are printed.
    let lower = text.to_ascii_lowercase();
    let found = kept(put_right(&lower, PARTS).into_iter().chain(baseline), vocabulary);
    match vocabulary {
        Some(vocabulary) if found.is_empty() => {
            let names = known_names(vocabulary);
            owned(similar(text, names.iter().map(String::as_str)))
        }
        _ => found,
    }
}

/// Returns the platforms that a text may mean if up to `parts` of its parts are wrong.
fn put_right(text: &str, parts: usize) -> Vec<String> {
    let Err(error) = Platform::parse(text) else { return vec![text.to_owned()] };
    let Some(rest) = parts.checked_sub(1) else { return Vec::new() };
    let words: Vec<&str> = text.split('/').collect();
    let instead = |place: usize, name: &str| {
        let mut words = words.clone();
        words[place] = name;
        words.join("/")
    };
    let better: Vec<String> = match (&error, words.as_slice()) {
        (PlatformError::UnknownOs { nearest, .. }, [system, _, ..]) => {
            let options = system.find('(').map_or("", |start| &system[start..]);
            nearest.iter().map(|os| instead(0, &format!("{os}{options}"))).collect()
        }
        (PlatformError::UnknownArchitecture { nearest, .. }, [_, _, ..]) => {
            nearest.iter().map(|name| instead(1, name)).collect()
        }
        (PlatformError::UnknownVariant { architecture, .. }, [_, _, variant]) => {
            levels(variant, architecture.variants()).iter().map(|name| instead(2, name)).collect()
        }
        // `amd64/v5` lacks the operating system too.
        (PlatformError::UnknownVariant { .. }, [_, _]) => vec![format!("linux/{text}")],
        (PlatformError::EmptyPart { .. }, words) => {
            vec![words.iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>().join("/")]
        }
        (PlatformError::TooManyParts { .. }, [first, second, third, ..]) => {
            vec![[*first, second, third].join("/")]
        }
        (PlatformError::EmptyOptions { .. }, _) => vec![text.replacen("()", "", 1)],
        _ => error.suggestions(),
    };
    better.iter().filter(|better| *better != text).flat_map(|better| put_right(better, rest)).collect()
}

/// Returns the nearest levels, or all of them, highest first.
fn levels(given: &str, known: &'static [&'static str]) -> Vec<&'static str> {
    let highest_first = || known.iter().rev().copied();
    match similar(given, highest_first()) {
        near if near.is_empty() => highest_first().collect(),
        near => near,
    }
}

/// Returns the nearest names of all vocabularies.
///
/// Only names with the same first letter are compared, because slips in the first letter are rare and a comparison with
/// every name is slow.
pub(super) fn anywhere(text: &str) -> Vec<String> {
    let first = text.as_bytes().first().map(u8::to_ascii_lowercase);
    let begins = |name: &&str| name.as_bytes().first().map(u8::to_ascii_lowercase) == first;
    let names =
        ROWS.iter().map(|row| row.name).chain(RUST_TARGETS.iter().map(|row| row.triple)).filter(begins);
    let examples = rules::RULES
        .iter()
        .flat_map(|(vocabulary, _, _)| rules::examples(*vocabulary))
        .copied()
        .filter(begins);
    let lower = [text.to_ascii_lowercase()].into_iter();
    let repaired = repaired(text);
    let found = owned(similar(text, names.chain(examples)));
    kept(lower.chain(repaired).chain(found), None)
}

/// Returns the nearest names of a vocabulary.
pub(super) fn within(text: &str, vocabulary: Vocabulary) -> Vec<String> {
    use Vocabulary as V;
    let oses = || Os::ALL.iter().map(|os| os.as_str());
    let architectures = || Architecture::ALL.iter().map(|name| name.as_str());
    let rows = ROWS.iter().filter(|row| row.vocabulary == vocabulary).map(|row| row.name);
    let found = owned(match vocabulary {
        V::ContainerdOsSpecifier => similar(text, oses()),
        V::ContainerdArchSpecifier => match Architecture::from_other_spelling(text) {
            Some((architecture, _)) => vec![architecture.as_str()],
            None => similar(text, architectures().chain(["armhf", "armel", "aarch64", "x86_64", "i386"])),
        },
        V::K8sLabelKubernetesIoArch | V::K8sNodeInfoArchitecture | V::BazelRulesGoGoarch => {
            similar(text, architectures())
        }
        V::RustTriple => similar(text, RUST_TARGETS.iter().map(|row| row.triple)),
        _ if vocabulary.as_str().starts_with("GO") => levels(text, rules::examples(vocabulary)),
        _ => similar(text, rows.chain(rules::examples(vocabulary).iter().copied())),
    });
    kept(repaired(text).into_iter().chain(found), Some(vocabulary))
}

/// Returns what a name of a vocabulary with a rule may have been meant to be. Not all of the names are known.
fn repaired(text: &str) -> Vec<String> {
    let mut found = instance_types(text);
    found.extend(machine_types(text));
    found.extend(azure_sizes(text));
    found
}

/// Returns EC2 instance types of the nearest families with the nearest sizes.
fn instance_types(text: &str) -> Vec<String> {
    let lower = text.to_ascii_lowercase();
    let Some((family, size)) = lower.split_once('.') else { return Vec::new() };
    let families =
        ROWS.iter().filter(|row| row.vocabulary == Vocabulary::Ec2InstanceFamily).map(|row| row.name);
    let families = match is_known(family, Some(Vocabulary::Ec2InstanceFamily)) {
        true => vec![family],
        false => similar(family, families),
    };
    let types = |family: &'_ &str| {
        let sizes = usual_sizes(family);
        let near = if sizes.contains(&size) { vec![size] } else { similar(size, sizes.iter().copied()) };
        let near = if near.is_empty() { sizes.first().copied().into_iter().collect() } else { near };
        near.into_iter().map(|size| format!("{family}.{size}")).collect::<Vec<_>>()
    };
    families.iter().flat_map(types).collect()
}

/// Returns sizes that every family of the class has; none if the families of the class differ.
fn usual_sizes(family: &str) -> &'static [&'static str] {
    let digit = family.find(|letter: char| letter.is_ascii_digit()).unwrap_or(0);
    let (class, rest) = family.split_at(digit);
    match (class, rest.bytes().next()) {
        ("a", _) => &["large", "xlarge", "2xlarge", "4xlarge"],
        ("c" | "m" | "r", Some(b'4'..)) if !rest.contains('z') => &["large", "xlarge", "2xlarge", "4xlarge"],
        ("c" | "m" | "r", Some(b'3'..)) | ("t", Some(b'2'..)) => &["large", "xlarge", "2xlarge"],
        _ => &[],
    }
}

/// Returns GCE machine types of the nearest families and shapes.
fn machine_types(text: &str) -> Vec<String> {
    let lower = text.to_ascii_lowercase();
    let mut parts = lower.splitn(3, '-');
    let (Some(family), Some(shape)) = (parts.next(), parts.next()) else { return Vec::new() };
    if family.len() > 6 || shape.len() > 12 {
        return Vec::new();
    }
    let rest = parts.next().unwrap_or("4");
    let families =
        ROWS.iter().filter(|row| row.vocabulary == Vocabulary::GceMachineFamily).map(|row| row.name);
    let mut found = Vec::new();
    for family in similar(family, families) {
        for shape in similar(shape, GCE_SHAPES.iter().copied()) {
            found.extend([format!("{family}-{shape}-{rest}"), format!("{family}-{shape}-4")]);
        }
    }
    found
}

/// Returns Azure sizes with their tier, in the versions that most sizes have.
fn azure_sizes(text: &str) -> Vec<String> {
    let size = match text.split_once('_') {
        Some((tier, size)) if tier.eq_ignore_ascii_case("standard") => size,
        _ => text,
    };
    if !size.contains('_') {
        return Vec::new();
    }
    let front = size.rsplit_once("_v").map_or(size, |(front, _)| front);
    let versions = azure_versions(front).iter().map(|version| format!("{front}_{version}"));
    // With the tier, the size would have been interpreted as it is.
    let bare = (size == text).then(|| size.to_owned());
    bare.into_iter().chain(versions).map(|size| format!("Standard_{size}")).collect()
}

/// Returns the versions of the D and E series that have this number of processors and these features.
fn azure_versions(front: &str) -> &'static [&'static str] {
    const BOTH: &[&str] = &["s", "ds", "as", "ads", "ps", "pds"];
    let Some(rest) = front.strip_prefix(['D', 'E']) else { return &[] };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, features) = rest.split_at(digits);
    match features {
        _ if !matches!(number, "2" | "4" | "8" | "16" | "32") => &[],
        "" | "d" => &["v5"],
        both if BOTH.contains(&both) => &["v5", "v6"],
        "ls" | "lds" | "pls" | "plds" if front.starts_with('D') => &["v5", "v6"],
        _ => &[],
    }
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}
