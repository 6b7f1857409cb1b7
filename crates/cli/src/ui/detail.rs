//! How much a person is shown.

/// The level of detail of plans, reasons and tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Shows the paths of scripts, and of long lists the first entries.
    Brief,
    /// Shows the commands that write scripts, so that a person can run the whole plan by hand, from top to bottom, and all
    /// entries.
    Whole,
}
