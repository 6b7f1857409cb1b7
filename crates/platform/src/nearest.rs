//! The known names that are nearest to a mistyped one.

/// A name longer than this is not compared: nothing known comes near it.
const LONGEST: usize = 64;

/// At most three of `names`, nearest first: those within a third of the name's length (and at least two edits) of
/// the given one. Case counts for nothing.
pub(crate) fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let text: Vec<u8> = given.bytes().take(LONGEST + 1).map(|byte| byte.to_ascii_lowercase()).collect();
    if text.len() > LONGEST || text.is_empty() {
        return Vec::new();
    }
    let limit = (text.len() / 3).max(if text.len() < 3 { 1 } else { 2 });
    let mut found: Vec<(usize, &'a str)> = Vec::new();
    for name in names {
        let name_bytes = name.as_bytes();
        if name_bytes.len() > LONGEST || name_bytes.len().abs_diff(text.len()) > limit {
            continue;
        }
        let distance = distance(&text, name_bytes);
        let entry = (distance, name);
        if distance <= limit && distance < text.len().max(name_bytes.len()) && !found.contains(&entry) {
            found.push(entry);
        }
    }
    // Of equally near names those in small letters come first where the text is, and else their order stays.
    let capital = |text: &str| text.bytes().any(|byte| byte.is_ascii_uppercase());
    let small = !capital(given);
    found.sort_by_key(|(distance, name)| (*distance, small && capital(name)));
    found.truncate(3);
    found.into_iter().map(|(_, name)| name).collect()
}

/// The number of insertions, deletions, replacements and swaps of neighbours between two names, without case.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let width = right.len() + 1;
    let mut before_last = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    let mut row = vec![0; width];
    for (i, l) in left.iter().enumerate() {
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let replaced = last[j] + usize::from(!l.eq_ignore_ascii_case(r));
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            let swapped = i > 0
                && j > 0
                && l.eq_ignore_ascii_case(&right[j - 1])
                && left[i - 1].eq_ignore_ascii_case(r);
            if swapped {
                row[j + 1] = row[j + 1].min(before_last[j - 1] + 1);
            }
        }
        std::mem::swap(&mut before_last, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last[width - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_comes_first() {
        let names = ["amd64", "arm64", "arm", "386", "loong64"];
        assert_eq!(nearest("amd46", names), ["amd64"]);
        assert_eq!(nearest("ARM64", names)[0], "arm64");
        assert_eq!(nearest("amr", names), ["arm"]);
        assert_eq!(nearest("linux-", ["LINUX", "Linux", "linux"]), ["linux", "LINUX", "Linux"]);
        assert_eq!(nearest("Linux-", ["LINUX", "Linux", "linux"])[0], "LINUX");
        assert!(nearest("sparkle", names).is_empty());
        assert!(nearest(&"a".repeat(5000), names).is_empty());
        assert!(nearest("", names).is_empty());
    }

    #[test]
    fn distances_count_edits() {
        assert_eq!(distance(b"amd64", b"amd64"), 0);
        assert_eq!(distance(b"adm64", b"amd64"), 1);
        assert_eq!(distance(b"", b"abc"), 3);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
    }
}
