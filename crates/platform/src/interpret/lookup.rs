//! The facts that vocabularies state about a name.

use crate::facts::{Facts, Found};
use crate::rules;
use crate::tables::{self, Row};
use crate::vocabulary::Vocabulary;

/// Returns whether a vocabulary, or with `None` any, has the name.
pub(super) fn is_known(text: &str, vocabulary: Option<Vocabulary>) -> bool {
    !found(text, vocabulary).is_empty()
}

/// Returns what a vocabulary, or with `None` each of them, states about the name.
pub(super) fn found(text: &str, vocabulary: Option<Vocabulary>) -> Vec<Found> {
    match vocabulary {
        Some(vocabulary) => in_one(text, vocabulary),
        None => in_all(text),
    }
}

fn in_one(text: &str, vocabulary: Vocabulary) -> Vec<Found> {
    let rows = tables::rows(text).iter().filter(|row| row.vocabulary == vocabulary);
    let mut found: Vec<Found> = rows.map(|row| (vocabulary, Facts::from(row))).collect();
    if found.is_empty() {
        found.extend(rules::read(vocabulary, text).map(|facts| (vocabulary, facts)));
    }
    // The scan over all rows comes last: a name in the usual case never needs it.
    if found.is_empty() && vocabulary.ignores_case() {
        let same = |row: &&Row| row.vocabulary == vocabulary && row.name.eq_ignore_ascii_case(text);
        found.extend(tables::ROWS.iter().filter(same).map(|row| (vocabulary, Facts::from(row))));
    }
    found
}

const _: () =
    assert!(Vocabulary::ALL.len() <= u128::BITS as usize, "a set of vocabularies has a bit for each");

/// Returns the vocabulary's bit in a set of vocabularies.
const fn bit(vocabulary: Vocabulary) -> u128 {
    1 << (vocabulary as u8)
}

fn in_all(text: &str) -> Vec<Found> {
    let rows = tables::rows(text);
    let marks = rules::Marks::of(text);
    let mut found: Vec<Found> = Vec::with_capacity(rows.len() + 4);
    found.extend(rows.iter().map(|row| (row.vocabulary, Facts::from(row))));
    let have_rows = rows.iter().fold(0, |bits, row| bits | bit(row.vocabulary));
    for (vocabulary, shape, rule) in rules::RULES {
        if marks.fit(*shape) && have_rows & bit(*vocabulary) == 0 {
            found.extend(rule(text).map(|facts| (*vocabulary, facts)));
        }
    }
    if found.is_empty() && marks.fit(rules::LAST.1) {
        let (vocabulary, _, rule) = rules::LAST;
        found.extend(rule(text).map(|facts| (vocabulary, facts)));
    }
    found.sort_by_key(|(vocabulary, _)| *vocabulary);
    found
}
