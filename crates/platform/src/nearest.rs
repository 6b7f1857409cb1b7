//! "Did you mean": the known names that a mistyped one resembles.

/// Returns the candidate closest to `word`, if a typing slip explains the difference: at most one edit for every three
/// characters of `word`, and none in a shorter word. Of equally close candidates it returns the first.
///
/// An edit inserts, deletes or replaces a character or swaps two neighbours (Damerau–Levenshtein distance). Case is
/// ignored.
///
/// ```
/// use crossdock_platform::nearest;
///
/// assert_eq!(nearest("repositry", ["path", "repository"]), Some("repository"));
/// assert_eq!(nearest("colour", ["path", "repository"]), None);
/// ```
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    closest(word, &mut candidates.into_iter())
}

// Not generic over the iterator, as `most_similar` below: callers pass some twenty kinds of iterators, and compiling
// the search for each of them took a third of the crate's build time.
fn closest<'a>(word: &str, candidates: &mut dyn Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = folded(word);
    let limit = word.len() / 3;
    candidates
        .filter_map(|candidate| Some((distance_within(&word, &folded(candidate), limit)?, candidate)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Returns a list for a message, such as `` `a`, `b` and `c` ``, or `nothing` if there are no names.
///
/// ```
/// use crossdock_platform::listed;
///
/// assert_eq!(listed(["amd64", "arm64", "riscv64"]), "`amd64`, `arm64` and `riscv64`");
/// ```
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.pop() {
        None => "nothing".to_owned(),
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} and {last}", names.join(", ")),
    }
}

/// A name longer than this is not compared: no known name is near it, and the comparison takes quadratic time.
const LONGEST: usize = 64;

/// Returns at most three of `names`, nearest first: those within a third of the word's length, or two edits. It accepts
/// more than [`nearest`], because the names of vocabularies are short and its callers verify each suggestion.
pub(crate) fn similar<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    most_similar(word, &mut names.into_iter())
}

fn most_similar<'a>(given: &str, names: &mut dyn Iterator<Item = &'a str>) -> Vec<&'a str> {
    // Measured in bytes before anything is copied: the text may be of any length.
    if given.len() > LONGEST || given.is_empty() {
        return Vec::new();
    }
    let word = folded(given);
    let limit = (given.len() / 3).max(if given.len() < 3 { 1 } else { 2 });
    let mut found: Vec<(usize, &'a str)> = Vec::new();
    for name in names.filter(|name| name.len() <= LONGEST && name.len().abs_diff(given.len()) <= limit) {
        let Some(distance) = distance_within(&word, &folded(name), limit) else { continue };
        let entry = (distance, name);
        if distance < given.len().max(name.len()) && !found.contains(&entry) {
            found.push(entry);
        }
    }
    // Among equally near names those in lower case come first if the word is in lower case; otherwise the order stays.
    let has_capital = |text: &str| text.bytes().any(|byte| byte.is_ascii_uppercase());
    let lower = !has_capital(given);
    found.sort_by_key(|(distance, name)| (*distance, lower && has_capital(name)));
    found.truncate(3);
    found.into_iter().map(|(_, name)| name).collect()
}

/// Returns the characters of a text without regard to case.
fn folded(text: &str) -> Vec<char> {
    if text.is_ascii() {
        return text.bytes().map(|byte| char::from(byte.to_ascii_lowercase())).collect();
    }
    text.to_lowercase().chars().collect()
}

/// Returns the number of edits between two texts, or `None` if it is greater than `limit`.
fn distance_within(left: &[char], right: &[char], limit: usize) -> Option<usize> {
    if left.len().abs_diff(right.len()) > limit {
        return None;
    }
    Some(distance(left, right)).filter(|distance| *distance <= limit)
}

/// The Damerau–Levenshtein distance: the least number of insertions, deletions, replacements and swaps of neighbours.
///
/// It is the unrestricted form, in which characters between swapped neighbours may be edited too (`ca` to `abc` is 2).
/// R. Lowrance and R. Wagner, "An Extension of the String-to-String Correction Problem", 1975.
fn distance(left: &[char], right: &[char]) -> usize {
    let (rows, columns) = (left.len() + 1, right.len() + 1);
    let mut cells = vec![0; rows * columns];
    let at = |i: usize, j: usize| i * columns + j;
    for i in 0..rows {
        cells[at(i, 0)] = i;
    }
    for j in 0..columns {
        cells[at(0, j)] = j;
    }
    for i in 1..rows {
        // The last column in this row's character of `left` occurred in `right`, counted from 1.
        let mut last_match = None;
        for j in 1..columns {
            let same = left[i - 1] == right[j - 1];
            let mut least = cells[at(i - 1, j - 1)] + usize::from(!same);
            least = least.min(cells[at(i - 1, j)] + 1).min(cells[at(i, j - 1)] + 1);
            // The last row before this one whose character is that of this column.
            let row = left[..i - 1].iter().rposition(|letter| *letter == right[j - 1]).map(|index| index + 1);
            if let (Some(k), Some(l)) = (row, last_match) {
                least = least.min(cells[at(k - 1, l - 1)] + (i - k - 1) + 1 + (j - l - 1));
            }
            cells[at(i, j)] = least;
            if same {
                last_match = Some(j);
            }
        }
    }
    cells[at(rows - 1, columns - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_candidate_is_one_that_a_slip_explains() {
        let known = ["amd64", "arm64", "images", "expose"];
        assert_eq!(nearest("amd46", known), Some("amd64"));
        assert_eq!(nearest("EXPOSE", known), Some("expose"));
        assert_eq!(nearest("imges", known), Some("images"));
        assert_eq!(nearest("windows", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest("c", ["a"]), None);
        assert_eq!(nearest("Ärger", ["ärger"]), Some("ärger"));
    }

    #[test]
    fn lists_read_as_a_sentence() {
        assert_eq!(listed([]), "nothing");
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
    }

    #[test]
    fn similar_names_are_sorted_by_distance() {
        let names = ["amd64", "arm64", "arm", "386", "loong64"];
        assert_eq!(similar("amd46", names), ["amd64"]);
        assert_eq!(similar("ARM64", names)[0], "arm64");
        assert_eq!(similar("amr", names), ["arm"]);
        assert_eq!(similar("linux-", ["LINUX", "Linux", "linux"]), ["linux", "LINUX", "Linux"]);
        assert_eq!(similar("Linux-", ["LINUX", "Linux", "linux"])[0], "LINUX");
        assert!(similar("sparkle", names).is_empty());
        assert!(similar(&"a".repeat(5000), names).is_empty());
        assert!(similar("", names).is_empty());
    }

    #[test]
    fn distances_count_edits() {
        for (left, right, edits) in [
            ("amd64", "amd64", 0),
            ("adm64", "amd64", 1),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("ca", "abc", 2),
            ("a cat", "an abct", 3),
        ] {
            assert_eq!(distance(&folded(left), &folded(right)), edits, "{left} {right}");
            assert_eq!(distance(&folded(right), &folded(left)), edits, "{right} {left}");
        }
    }
}
