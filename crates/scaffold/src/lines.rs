//! Line ends and differences.

use similar::{ChangeTag, TextDiff};

/// What everything here computes with, and what decides whether a file was edited.
pub(super) use crate::header::plain;

/// `new`, computed from the plain form of `old`, as it belongs into the old file: its byte order mark and the end of each
/// line that stayed are kept, new lines end as most do.
pub(super) fn as_in(old: &str, new: &str) -> String {
    let (mark, text) = old.strip_prefix('\u{feff}').map_or(("", old), |text| ("\u{feff}", text));
    let windows = text.matches("\r\n").count() * 2 > text.matches('\n').count();
    let before = plain(old);
    let originals: Vec<&str> = text.split_inclusive('\n').collect();
    let mut result = mark.to_owned();
    for change in TextDiff::from_lines(before.as_str(), new).iter_all_changes() {
        let kept = change.old_index().and_then(|at| originals.get(at));
        match (change.tag(), kept) {
            (ChangeTag::Delete, _) => {}
            (ChangeTag::Equal, Some(original)) => result.push_str(original),
            _ if windows => result.push_str(&change.value().replace('\n', "\r\n")),
            _ => result.push_str(change.value()),
        }
    }
    result
}

/// A unified diff, as `patch` and `git apply` take it; `/dev/null` stands for a file that is not there.
pub(super) fn unified(path: &str, old: Option<&str>, new: &str) -> String {
    let from = if old.is_some() { format!("a/{path}") } else { "/dev/null".to_owned() };
    let diff = TextDiff::from_lines(old.unwrap_or_default(), new);
    diff.unified_diff().context_radius(3).header(&from, &format!("b/{path}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_keeps_its_end() {
        assert_eq!(as_in("a\r\nb\r\n", "a\nx\nb\n"), "a\r\nx\r\nb\r\n");
        assert_eq!(as_in("a\nb\r\nc\n", "a\nb\nx\nc\n"), "a\nb\r\nx\nc\n");
        assert_eq!(as_in("\u{feff}a\n", "a\nb\n"), "\u{feff}a\nb\n");
        assert_eq!(as_in("a", "a\nb\n"), "a\nb\n");
        assert_eq!(as_in("", "a\n"), "a\n");
    }

    #[test]
    fn a_diff_names_both_sides() {
        assert_eq!(unified("f", None, "a\n"), "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n");
        assert_eq!(unified("f", Some("a\n"), "b\n"), "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n");
        assert_eq!(unified("f", Some("a\n"), "a\n"), "");
    }
}
