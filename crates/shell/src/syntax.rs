//! The parser.

mod commands;
mod compound;
mod reader;
pub(crate) mod tree;
mod words;

use crate::outcome::Position;
use crate::start::Dialect;
use reader::Parser;
use tree::Script;

pub(crate) use words::{is_name_char, is_name_start};

/// Reads a script. Positions count from `first`.
pub(crate) fn parse(text: &str, dialect: Dialect, first: Position) -> Script {
    Parser::new(text, dialect, first, 0).script()
}

/// Whether a text is the name of a variable.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(is_name_start) && text.chars().all(is_name_char)
}
