//! Output for a person: live progress, the final table, the plan as a tree, findings.

mod detail;
mod drawing;
mod findings;
mod lint;
pub(crate) mod live;
pub(crate) mod matrix;
pub(crate) mod password;
pub(crate) mod plan;
mod progress;
pub(crate) mod since;
pub(crate) mod style;
mod table;
pub(crate) mod text;
pub(crate) mod transfer;
pub(crate) mod waiting;
mod width;

pub(crate) use crossdock::execute::bytes;
pub(crate) use detail::Detail;
pub(crate) use findings::verdicts;
pub(crate) use lint::{lint, lint_summary};
pub(crate) use progress::{Progress, Verbosity};
pub(crate) use table::{aligned, cell, colored, next, shown_images, table};
pub(crate) use width::fold;

use std::time::Duration;

/// Returns a number of things: `1 file`, `2 files`.
pub(crate) fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// Formats a duration for a person: `0.4s`, `12.3s`, `2m05s`.
pub(crate) fn duration(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    // From here on one decimal would round to 60.0.
    if seconds < 59.95 {
        return format!("{seconds:.1}s");
    }
    let whole = seconds.round() as u64;
    format!("{}m{:02}s", whole / 60, whole % 60)
}

/// Formats the bytes that were moved and those in total: `1.2 MB/12.3 MB`.
pub(crate) fn moved(done: u64, total: u64) -> String {
    format!("{}/{}", bytes(done), bytes(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_are_rounded_to_their_unit() {
        assert_eq!(
            [0, 999, 1000, 4_096, 999_949, 999_999, 12_345_678].map(bytes).join(", "),
            "0 B, 999 B, 1.0 kB, 4.1 kB, 999.9 kB, 1.0 MB, 12.3 MB"
        );
        let durations = [40, 59_940, 59_960, 125_000].map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(durations.join(", "), "0.0s, 59.9s, 1m00s, 2m05s");
    }
}
