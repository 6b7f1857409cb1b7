//! The styles of crossdock's output. anstream removes them if the output is not a terminal.
//!
//! Painted text holds marks instead of escape sequences until it is written, so that every escape sequence in it is
//! foreign and is made visible ([`text`](super::text)).

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

/// The styles that have a mark, in the order of the marks.
const STYLES: [Style; 5] = [GOOD, BAD, WARN, DIM, BOLD];
/// The mark of the first style. It and those that follow are noncharacters, which Unicode reserves for use inside of a
/// program; in foreign text they can do no more than change a colour.
const FIRST: u32 = 0xfdd1;
/// The mark that ends a style.
const END: char = '\u{fdd0}';

/// Returns text in a style.
pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    let marks = STYLES.iter().zip(FIRST..).find(|(known, _)| **known == style);
    match marks.and_then(|(_, mark)| char::from_u32(mark)) {
        Some(mark) => format!("{mark}{text}{END}"),
        None => text.to_string(),
    }
}

/// Whether a character is a mark of a style, which a terminal never gets.
pub(super) fn is_mark(c: char) -> bool {
    sequence(c).is_some()
}

/// The escape sequence for which a mark is in painted text; `None` for other characters.
pub(super) fn sequence(mark: char) -> Option<String> {
    if mark == END {
        return Some(anstyle::Reset.to_string());
    }
    let place = u32::from(mark).checked_sub(FIRST)?;
    STYLES.get(usize::try_from(place).ok()?).map(ToString::to_string)
}
