//! The order in which `sort` prints lines, as far as every `sort` agrees.

use std::cmp::Ordering;

use crate::evaluate::state::{Content, State};

/// The rules by which lines are ordered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// By bytes, as in the locale `C`.
    Bytes,
    /// By a language, in which punctuation counts less than letters.
    Language,
    /// By numbers, as `sort -V` does.
    Version,
}

impl Order {
    /// Returns the order of `sort` without options: the environment decides. A variable that may be set counts as unset.
    pub(super) fn of_locale(state: &State) -> Self {
        let text = |name: &str| match state.variable(name) {
            Content::Scalar(value) => value.text().filter(|text| !text.is_empty()).map(str::to_owned),
            _ => None,
        };
        let locale = ["LC_ALL", "LC_COLLATE", "LANG"].into_iter().find_map(text).unwrap_or_default();
        match locale.split('.').next() {
            Some("" | "C" | "POSIX") => Order::Bytes,
            _ => Order::Language,
        }
    }
}

/// Returns the lines in order, each with a newline. `None` if implementations or locales may order them in another way.
pub(super) fn sorted(text: &str, order: Order) -> Option<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    match order {
        Order::Bytes | Order::Language => lines.sort_unstable(),
        Order::Version => lines.sort_by_cached_key(|line| parts(line)),
    }
    // An order is transitive, so that neighbors decide.
    let is_certain = |pair: &[&str]| is_before(pair[0], pair[1], order);
    lines.windows(2).all(is_certain).then(|| lines.iter().map(|line| format!("{line}\n")).collect())
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Digits, the fewer the smaller.
    Number(usize, String),
    Byte(u8),
}

fn parts(line: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = line;
    while let Some(byte) = rest.bytes().next() {
        let digits = &rest[..rest.bytes().take_while(u8::is_ascii_digit).count()];
        if digits.is_empty() {
            parts.push(Part::Byte(byte));
            rest = rest.get(1..).unwrap_or_default();
        } else {
            parts.push(Part::Number(digits.len(), digits.to_owned()));
            rest = &rest[digits.len()..];
        }
    }
    parts
}

/// Returns whether a line is equal to another or certainly before it.
fn is_before(one: &str, other: &str, order: Order) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let (Some(ours), Some(theirs)) = (one.get(same), other.get(same)) else {
        // The beginning of a line is before the line.
        return one.len() <= other.len();
    };
    match order {
        Order::Bytes => one < other,
        Order::Language => is_one_kind(*ours, *theirs) && ours < theirs,
        Order::Version => version(one, other, same) == Some(Ordering::Less),
    }
}

/// Compares lines that differ from this place on, as GNU's `filevercmp` and as `strverscmp`, which BusyBox calls. `None` if
/// they may not agree: about leading zeros, endings such as `.sh`, and letters next to punctuation.
fn version(one: &[u8], other: &[u8], at: usize) -> Option<Ordering> {
    let start = one[..at].iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |before| before + 1);
    let digits = |line: &[u8]| line[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (ours, theirs) = (one[at], other[at]);
    match (digits(one), digits(other)) {
        (0, 0) => is_one_kind(ours, theirs).then(|| ours.cmp(&theirs)),
        (0, _) => is_word(ours).then_some(Ordering::Greater),
        (_, 0) => is_word(theirs).then_some(Ordering::Less),
        (count, others) if count == others => Some(ours.cmp(&theirs)),
        (count, others) => (one[start] != b'0' && other[start] != b'0').then(|| count.cmp(&others)),
    }
}

fn is_one_kind(one: u8, other: u8) -> bool {
    let kinds = [u8::is_ascii_digit, u8::is_ascii_lowercase, u8::is_ascii_uppercase];
    kinds.iter().any(|kind| kind(&one) && kind(&other))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_sorted_as_far_as_all_agree() {
        let cases: [(&str, Order, Option<&str>); 12] = [
            ("10-b 9-a 2-c", Order::Version, Some("2-c 9-a 10-b")),
            ("d/10.sh d/9.sh d/05.sh", Order::Version, None),
            ("20-x.sh 10-y.sh 05-z.sh", Order::Version, Some("05-z.sh 10-y.sh 20-x.sh")),
            ("b a ab", Order::Version, Some("a ab b")),
            ("a.sh a-b.sh", Order::Version, None),
            ("x1 xa", Order::Version, Some("x1 xa")),
            ("x1 x-", Order::Version, None),
            ("b B a", Order::Bytes, Some("B a b")),
            ("b B a", Order::Language, None),
            ("20-b 10-c a-1 a-1", Order::Language, None),
            ("20-b 10-c", Order::Language, Some("10-c 20-b")),
            ("é é1", Order::Version, Some("é é1")),
        ];
        for (lines, order, expected) in cases {
            let text: String = lines.split(' ').map(|line| format!("{line}\n")).collect();
            let found = sorted(&text, order).map(|text| text.trim_end().replace('\n', " "));
            assert_eq!(found.as_deref(), expected, "{lines}");
        }
    }
}
