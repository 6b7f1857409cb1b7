//! The images that changed since a commit, and why.

use crossdock::plan::{ChangeReason, Since};

use super::counted;
use super::detail::Detail;
use super::style::{BOLD, DIM, paint};
use super::text::one_line;

/// The number of images and of files that are shown unless everything is asked for.
const SHOWN_IMAGES: usize = 20;
const SHOWN_FILES: usize = 3;

/// Returns how many images changed: `since origin/main (0123456789ab): 2 of 40 images changed`.
pub(crate) fn headline(since: &Since) -> String {
    let (changed, left_out) = (since.changed.len(), since.unchanged.len());
    let commit = since.commit.get(..12).unwrap_or(&since.commit);
    let count = match (changed, left_out) {
        (0, left_out) => format!("nothing changed, {} left out", are(left_out)),
        (changed, 0) => format!("all {} changed", counted(changed, "image")),
        (changed, left_out) => format!("{changed} of {} changed", counted(changed + left_out, "image")),
    };
    format!("since {} ({commit}): {count}", one_line(&since.revision))
}

fn are(images: usize) -> String {
    format!("{} {}", counted(images, "image"), if images == 1 { "is" } else { "are" })
}

/// Returns a line for each changed image, with its reasons.
pub(crate) fn lines(since: &Since, detail: Detail) -> Vec<String> {
    let shown = if detail == Detail::Whole { usize::MAX } else { SHOWN_IMAGES };
    let line = |name: &str, rest: String| {
        format!("  {}  {}", paint(BOLD, one_line(name)), paint(DIM, one_line(&rest)))
    };
    let taken = since.changed.iter().take(shown);
    let mut lines: Vec<String> =
        taken.map(|image| line(&image.image, reasons(&image.reasons, detail))).collect();
    if let Some(more) = since.changed.len().checked_sub(shown).filter(|more| *more > 0) {
        lines.push(format!("  and {more} more; -v lists all"));
    }
    if detail == Detail::Whole {
        let unchanged = since.unchanged.iter();
        lines.extend(unchanged.map(|image| line(&image.image, "left out: unchanged".to_owned())));
    }
    lines
}

/// Returns the reasons of an image: `sources: lib/a.go, lib/b.go and 2 more; dependencies: go.mod`.
pub(crate) fn reasons(reasons: &[ChangeReason], detail: Detail) -> String {
    let shown = if detail == Detail::Whole { usize::MAX } else { SHOWN_FILES };
    let one = |reason: &ChangeReason| {
        let first = reason.detail.iter().take(shown).map(String::as_str).collect::<Vec<_>>().join(", ");
        match reason.detail.len().saturating_sub(shown) {
            0 => format!("{}: {first}", reason.kind),
            more => format!("{}: {first} and {more} more", reason.kind),
        }
    };
    reasons.iter().map(one).collect::<Vec<_>>().join("; ")
}
