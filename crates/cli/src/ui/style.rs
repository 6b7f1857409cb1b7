//! The styles of crossdock's output. anstream removes them if the output is not a terminal.

use anstyle::{AnsiColor, Style};

/// The style of success.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// The style of failure.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// The style of warnings.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// The style of details.
pub(crate) const DIM: Style = Style::new().dimmed();
/// The style of names.
pub(crate) const BOLD: Style = Style::new().bold();

/// Returns text in a style.
pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}
