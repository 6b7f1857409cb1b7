//! The parser.

mod commands;
mod compound;
mod reader;
pub(crate) mod tree;
mod words;

use crate::outcome::{Position, SyntaxError};
use crate::start::Dialect;
use reader::{Parsed, Parser};
use tree::{List, Script};

pub(crate) use words::{is_name, is_name_char, is_name_start};

/// Reads a script. Positions count from `first`.
pub(crate) fn parse(text: &str, dialect: Dialect, first: Position) -> Script {
    Parser::new(text, dialect, first, 0).script()
}

/// A text that is read as the shell does: one complete command after the other, so that only one is in memory.
pub(crate) struct Lines<'a> {
    parser: Parser<'a>,
    error: Option<SyntaxError>,
    last: u32,
}

impl<'a> Lines<'a> {
    /// Begins to read a text. Positions count from `first`.
    pub(crate) fn new(text: &'a str, dialect: Dialect, first: Position) -> Self {
        Self { parser: Parser::new(text, dialect, first, 0), error: None, last: 0 }
    }

    /// Reads the commands of the next line, or of several if a command goes on. `None` at the end.
    pub(crate) fn next_line(&mut self) -> Parsed<Option<List>> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let line = self.parser.next_line();
        match &line {
            Ok(line) => {
                let last = line.iter().flatten().last();
                self.last = last.map_or(self.last, |item| item.first.commands[0].position.line);
            }
            Err(error) => self.error = Some(error.clone()),
        }
        line
    }

    /// Reads the rest, and returns the error at which the shell would stop.
    pub(crate) fn finish(&mut self) -> Option<&SyntaxError> {
        while let Ok(Some(_)) = self.next_line() {}
        self.error.as_ref()
    }

    /// Returns the line of the last command so far.
    pub(crate) fn last(&self) -> u32 {
        self.last
    }
}
