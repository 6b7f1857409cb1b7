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

pub(crate) use words::{is_name, is_name_char, is_name_start};

/// Reads a script. Positions count from `first`.
pub(crate) fn parse(text: &str, dialect: Dialect, first: Position) -> Script {
    Parser::new(text, dialect, first, 0).script()
}
