//! One line of the result.

use std::path::Path;

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::shell::{Failure, say};

/// The measurements of both sides, and their goal.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// The comparison's name.
    pub(super) name: &'static str,
    /// The measurements of crossdock, one per round.
    pub(super) ours: Vec<f64>,
    /// The measurements of the other side, one per round; empty if there is no other side.
    pub(super) theirs: Vec<f64>,
    /// The unit of both.
    pub(super) unit: &'static str,
    /// The goal for the median.
    pub(super) goal: Goal,
}

/// A goal that a row should reach.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Goal {
    /// Ours divided by theirs is at most this.
    RatioAtMost(f64),
    /// Ours divided by theirs is at least this.
    RatioAtLeast(f64),
    /// Ours is at most this much above theirs.
    AboveAtMost(f64),
    /// Ours is at most this; there is no other side.
    AtMost(f64),
}

impl Row {
    /// Returns the median over the rounds of the figure that the goal limits.
    fn figure(&self) -> f64 {
        let rounds = self.ours.iter().zip(self.theirs.iter().chain(std::iter::repeat(&0.0)));
        median(&rounds.map(|(ours, theirs)| self.goal.of(*ours, *theirs)).collect::<Vec<_>>())
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let figure = self.figure();
        write!(f, "{}: {:.3} {}", self.name, median(&self.ours), self.unit)?;
        if !self.theirs.is_empty() {
            write!(f, " to {:.3}: {figure:.3}", median(&self.theirs))?;
        }
        let holds = if self.goal.holds(figure) { "holds" } else { "FAILS" };
        write!(f, ", {} {holds}", self.goal)
    }
}

impl Goal {
    fn of(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Self::RatioAtMost(_) | Self::RatioAtLeast(_) => ours / theirs,
            Self::AboveAtMost(_) => ours - theirs,
            Self::AtMost(_) => ours,
        }
    }

    fn holds(self, figure: f64) -> bool {
        match self {
            Self::RatioAtMost(limit) | Self::AboveAtMost(limit) | Self::AtMost(limit) => figure <= limit,
            Self::RatioAtLeast(limit) => figure >= limit,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RatioAtMost(limit) => write!(f, "≤ {limit:.2} ×"),
            Self::RatioAtLeast(limit) => write!(f, "≥ {limit:.2} ×"),
            Self::AboveAtMost(limit) => write!(f, "≤ + {limit:.3}"),
            Self::AtMost(limit) => write!(f, "≤ {limit:.3}"),
        }
    }
}

/// Returns the middle value; the mean of the two middle values for an even number; 0 for an empty slice.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.len() % 2, sorted.get(middle)) {
        (1, Some(value)) => *value,
        (0, Some(value)) => (value + sorted[middle - 1]) / 2.0,
        _ => 0.0,
    }
}

/// Returns the rows as a table for a person.
pub(super) fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["row", "crossdock", "other", "unit", "figure", "goal", "holds", "rounds"]);
    for row in rows {
        let figure = row.figure();
        let other =
            if row.theirs.is_empty() { "–".to_owned() } else { format!("{:.3}", median(&row.theirs)) };
        table.add_row([
            row.name.to_owned(),
            format!("{:.3}", median(&row.ours)),
            other,
            row.unit.to_owned(),
            format!("{figure:.3}"),
            row.goal.to_string(),
            if row.goal.holds(figure) { "yes" } else { "NO" }.to_owned(),
            row.ours.len().to_string(),
        ]);
    }
    table
}

/// Writes the rows with every round's numbers.
pub(super) fn write_json(rows: &[Row], path: &Path) -> Result<(), Failure> {
    let with_figures: Vec<_> = rows
        .iter()
        .map(|row| serde_json::json!({ "row": row, "figure": row.figure(), "holds": row.goal.holds(row.figure()) }))
        .collect();
    let document = serde_json::json!({ "schema": "crossdock-bench/1", "rows": with_figures });
    std::fs::write(path, format!("{document:#}\n")).map_err(Failure::file(path))?;
    say(&format!("wrote {}", path.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn a_row_is_the_median_of_its_rounds_ratios() {
        let goal = Goal::RatioAtMost(1.1);
        let row =
            Row { name: "x", ours: vec![2.0, 30.0, 5.0], theirs: vec![2.0, 20.0, 5.0], unit: "s", goal };
        assert_eq!(row.figure(), 1.0);
        assert!(goal.holds(row.figure()));
        assert!(!goal.holds(1.2) && Goal::RatioAtLeast(2.5).holds(2.6) && Goal::AtMost(100.0).holds(100.0));
    }
}
