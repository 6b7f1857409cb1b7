//! One interpretation from what several vocabularies state.

use crate::architecture::Architecture;
use crate::facts::Found;
use crate::interpretation::{Interpretation, PlatformFacts};
use crate::vocabulary::Vocabulary;

const OS_DIFFERS: &str = "vocabularies differ on the operating system, so it counts as not stated";
const BASELINE: &str = "the baseline is meant: the name states no level";

/// Merges the facts that vocabularies state about a name, sorted by vocabulary. Returns `None` if there are none.
pub(super) fn merged(found: Vec<Found>) -> Option<Interpretation> {
    let named = found.iter().filter(|(_, one)| one.architecture.is_some()).count();
    match named {
        0 => united(found, &[]),
        all if all == found.len() => by_architecture(found),
        // One vocabulary has an architecture of that name, and in another the name has no architecture.
        _ => Some(ambiguous(found)),
    }
}

fn by_architecture(mut named: Vec<Found>) -> Option<Interpretation> {
    let first = named.first().and_then(|(_, one)| one.architecture);
    if named.iter().any(|(_, one)| one.architecture != first) {
        return Some(ambiguous(named));
    }
    let variant = named.first().and_then(|(_, one)| one.variant);
    if named.iter().all(|(_, one)| one.variant == variant) {
        return united(named, &[]);
    }
    let arm = first == Some(Architecture::Arm);
    if arm && states_one_version(&named) {
        // A name that states no version agrees with one that states it.
        named.retain(|(_, one)| one.variant.is_some());
        return united(named, &[]);
    }
    if !arm && plain_elsewhere(&named) {
        // The baseline's programs run on every level, so between vocabularies the plain meaning wins.
        named.retain(|(_, one)| one.variant.is_none());
        return united(named, &[BASELINE]);
    }
    Some(ambiguous(named))
}

/// Returns whether all that state a version state the same one.
fn states_one_version(named: &[Found]) -> bool {
    let mut versions = named.iter().filter_map(|(_, one)| one.variant);
    let first = versions.next();
    versions.all(|version| Some(version) == first)
}

/// Returns whether the baseline is the only meaning in some vocabulary.
fn plain_elsewhere(named: &[Found]) -> bool {
    let has_one =
        |vocabulary: Vocabulary| named.iter().filter(|(other, _)| *other == vocabulary).count() == 1;
    named.iter().any(|(vocabulary, one)| one.variant.is_none() && has_one(*vocabulary))
}

/// Returns the facts on which all vocabularies agree. They agree on the architecture; other facts that differ count as
/// not stated.
fn united(found: Vec<Found>, notes: &[&'static str]) -> Option<Interpretation> {
    let mut rest = found.into_iter();
    let (vocabulary, mut first) = rest.next()?;
    let (mut os_differs, mut also) = (false, Vec::new());
    for (name, other) in rest {
        if name != vocabulary && !also.contains(&name) {
            also.push(name);
        }
        os_differs |= first.os != other.os;
        first.version = first.version.filter(|version| other.version.as_ref() == Some(version));
        first.libc = first.libc.filter(|libc| other.libc == Some(*libc));
        first.float = first.float.filter(|float| other.float == Some(*float));
        first.apple = first.apple.filter(|apple| other.apple == Some(*apple));
        first.note = first.note.or(other.note);
    }
    if os_differs {
        first.os = None;
        first.version = None;
    }
    let mut description = PlatformFacts::new(vocabulary, first);
    description.also = also;
    description.notes.extend_from_slice(notes);
    description.notes.extend(os_differs.then_some(OS_DIFFERS));
    Some(Interpretation::Exact(description))
}

fn ambiguous(found: Vec<Found>) -> Interpretation {
    let mut candidates: Vec<PlatformFacts> = Vec::new();
    for (vocabulary, one) in found {
        let same = |other: &&mut PlatformFacts| {
            (other.os, other.architecture, other.variant) == (one.os, one.architecture, one.variant)
        };
        match candidates.iter_mut().find(same) {
            Some(known) if known.vocabulary == vocabulary => {}
            Some(known) => known.also.push(vocabulary),
            None => candidates.push(PlatformFacts::new(vocabulary, one)),
        }
    }
    let vocabulary = candidates.first().map(|one| one.vocabulary);
    let within = candidates.iter().all(|one| Some(one.vocabulary) == vocabulary && one.also.is_empty());
    let why = match (within, vocabulary) {
        (true, Some(vocabulary)) => {
            let note = candidates.iter().find_map(|one| one.notes.first().copied());
            format!(
                "{vocabulary} uses the name for several platforms: {}",
                note.unwrap_or("it does not say which")
            )
        }
        _ => "vocabularies clash over the name".to_owned(),
    };
    Interpretation::Ambiguous { candidates, why }
}
