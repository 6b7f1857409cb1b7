//! One reading from what several vocabularies say.

use crate::architecture::Architecture;
use crate::describe::{Description, Reading};

const OS_DIFFERS: &str = "vocabularies differ over the operating system, so it counts as not stated";
const BASELINE: &str = "its baseline is meant: the name says no level";

/// The reading of a name with these meanings, of which there is at least one, in the vocabularies' order.
pub(crate) fn merged(found: Vec<Description>) -> Reading {
    let (named, other): (Vec<_>, Vec<_>) = found.into_iter().partition(|one| one.architecture.is_some());
    match (named.is_empty(), other.is_empty()) {
        (true, _) => united(other),
        (false, true) => by_architecture(named),
        // One vocabulary has an architecture of that name, and another says that it has none.
        (false, false) => ambiguous(named.into_iter().chain(other).collect()),
    }
}

fn by_architecture(named: Vec<Description>) -> Reading {
    let mut kinds: Vec<(Option<Architecture>, Option<&'static str>)> = Vec::new();
    for one in &named {
        if !kinds.contains(&(one.architecture, one.variant)) {
            kinds.push((one.architecture, one.variant));
        }
    }
    let same_architecture = kinds.iter().all(|kind| kind.0 == kinds[0].0);
    let arm = kinds[0].0 == Some(Architecture::Arm);
    match kinds.as_slice() {
        [_] => united(named),
        // A name that states no version agrees with one that states it.
        [(_, left), (_, right)] if same_architecture && arm && (left.is_none() || right.is_none()) => {
            united(named.into_iter().filter(|one| one.variant.is_some()).collect())
        }
        // The baseline's programs run on every level, so between vocabularies the plain meaning wins.
        _ if same_architecture && !arm && plain_elsewhere(&named) => {
            let mut reading = united(named.into_iter().filter(|one| one.variant.is_none()).collect());
            if let Reading::Exact(description) = &mut reading {
                description.notes.push(BASELINE);
            }
            reading
        }
        _ => ambiguous(named),
    }
}

/// Whether a vocabulary gives the plain architecture as its only meaning.
fn plain_elsewhere(named: &[Description]) -> bool {
    let alone =
        |one: &Description| named.iter().filter(|other| other.vocabulary == one.vocabulary).count() == 1;
    named.iter().any(|one| one.variant.is_none() && alone(one))
}

/// One description where all agree over the architecture; what they do not agree over is not stated.
fn united(found: Vec<Description>) -> Reading {
    let mut rest = found.into_iter();
    let Some(mut first) = rest.next() else {
        return Reading::Ambiguous { candidates: Vec::new(), why: String::new() };
    };
    let mut os_differs = false;
    for other in rest {
        if other.vocabulary != first.vocabulary && !first.also.contains(&other.vocabulary) {
            first.also.push(other.vocabulary);
        }
        if first.os != other.os {
            first.os = None;
            first.os_version = None;
            os_differs = true;
        }
        first.os_version = first.os_version.filter(|version| other.os_version.as_ref() == Some(version));
        first.libc = first.libc.filter(|libc| other.libc == Some(*libc));
        first.float = first.float.filter(|float| other.float == Some(*float));
        first.node = first.node.or(other.node);
        if first.notes.is_empty() {
            first.notes = other.notes;
        }
    }
    if os_differs {
        first.notes.push(OS_DIFFERS);
    }
    Reading::Exact(first)
}

fn ambiguous(named: Vec<Description>) -> Reading {
    let mut candidates: Vec<Description> = Vec::new();
    for one in named {
        let same = |other: &&mut Description| {
            (other.os, other.architecture, other.variant) == (one.os, one.architecture, one.variant)
        };
        match candidates.iter_mut().find(same) {
            Some(known) if known.vocabulary == one.vocabulary => {}
            Some(known) => known.also.push(one.vocabulary),
            None => candidates.push(one),
        }
    }
    let vocabulary = candidates.first().map(|one| one.vocabulary);
    let within = candidates.iter().all(|one| Some(one.vocabulary) == vocabulary && one.also.is_empty());
    let why = match (within, vocabulary) {
        (true, Some(vocabulary)) => {
            let note = candidates.iter().find_map(|one| one.notes.first().copied());
            format!("{vocabulary} uses the name for several platforms: {}", note.unwrap_or("it does not say which"))
        }
        _ => "vocabularies clash over the name: say which one is meant with --as VOCABULARY, or name the platform".into(),
    };
    Reading::Ambiguous { candidates, why }
}
