//! The state of the parser: a cursor over the text, the nesting depth, and here-documents that wait for their text.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::rc::Rc;

use crate::outcome::{Position, SyntaxError};
use crate::start::Dialect;
use crate::syntax::tree::Word;

/// How deep commands and expansions may be nested. Real scripts stay below 20. The limit keeps the parser, which is
/// recursive, within a stack of 1 MiB.
pub(crate) const DEEPEST: usize = 60;
/// The most commands and words that are kept at the same time: those of one complete command, and of functions. They take
/// some 150 bytes each. The scripts of 300 KiB that exist have half as many in all.
const MOST_HELD: usize = 100_000;

/// A here-document whose text begins after the next newline.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) delimiter: String,
    pub(crate) quoted: bool,
    pub(crate) strip_tabs: bool,
    /// Where the command finds the text.
    pub(crate) text: Rc<OnceCell<Word>>,
}

pub(crate) type Parsed<T> = Result<T, SyntaxError>;

/// A parser of one text.
pub(crate) struct Parser<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
    pub(crate) dialect: Dialect,
    pub(crate) depth: usize,
    pub(crate) pending: Vec<Pending>,
    /// Offsets at which `((` turned out to be no arithmetic, so that nested ones are not tried again and again.
    pub(crate) not_arithmetic: HashSet<usize>,
    /// The commands and words that are kept at the same time.
    pub(crate) held: usize,
    /// Whether a function was defined since the last complete command: its body is kept.
    pub(crate) keeps: bool,
    /// The place and offset up to which lines were counted, so that positions take linear time.
    counted: (usize, Position),
}

impl<'a> Parser<'a> {
    pub(crate) fn new(text: &'a str, dialect: Dialect, first: Position, depth: usize) -> Self {
        Self {
            text,
            at: 0,
            dialect,
            depth,
            pending: Vec::new(),
            not_arithmetic: HashSet::new(),
            held: 0,
            keeps: false,
            counted: (0, first),
        }
    }

    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(crate) fn peek_byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    pub(crate) fn next(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.at += char.len_utf8();
        Some(char)
    }

    pub(crate) fn is_at(&self, text: &str) -> bool {
        self.rest().starts_with(text)
    }

    /// Skips the text if it is next.
    pub(crate) fn take(&mut self, text: &str) -> bool {
        let found = self.is_at(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Takes characters while a condition holds.
    pub(crate) fn take_while(&mut self, condition: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|char| !condition(char)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    pub(crate) fn position(&mut self) -> Position {
        self.position_of(self.at)
    }

    /// Returns the place of an offset. Offsets mostly grow, so counting goes on where it ended.
    pub(crate) fn position_of(&mut self, offset: usize) -> Position {
        let (from, mut position) = self.counted;
        if offset < from {
            let between = &self.text.as_bytes()[offset..from];
            if !between.contains(&b'\n') {
                let back = u32::try_from(between.len()).unwrap_or(u32::MAX);
                position.column = position.column.saturating_sub(back);
            }
            return position;
        }
        for byte in &self.text.as_bytes()[from..offset] {
            if *byte == b'\n' {
                position = Position { line: position.line.saturating_add(1), column: 1 };
            } else {
                position.column = position.column.saturating_add(1);
            }
        }
        self.counted = (offset, position);
        position
    }

    pub(crate) fn error<T>(&mut self, message: impl Into<String>) -> Parsed<T> {
        // dash has read the newline by the time it reports it.
        if self.dialect == Dialect::Dash && self.peek() == Some('\n') {
            self.at += 1;
        }
        Err(SyntaxError { position: self.position(), message: message.into(), limit: false })
    }

    /// Counts a command or a word.
    pub(crate) fn hold(&mut self) -> Parsed<()> {
        self.held += 1;
        if self.held > MOST_HELD {
            let position = self.position();
            let message = format!("it has more than {MOST_HELD} commands and words at once");
            return Err(SyntaxError { position, message, limit: true });
        }
        Ok(())
    }

    /// Reads a text that is a part of this one with another parser.
    pub(crate) fn inner<T>(
        &mut self,
        text: &str,
        position: Position,
        read: impl FnOnce(&mut Parser<'_>) -> T,
    ) -> T {
        let mut inner = Parser::new(text, self.dialect, position, self.depth);
        inner.held = self.held;
        let result = read(&mut inner);
        self.held = inner.held;
        result
    }

    /// Runs a part of the parser one level deeper.
    pub(crate) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEEPEST {
            let position = self.position();
            let message = format!("commands are nested deeper than {DEEPEST} levels");
            return Err(SyntaxError { position, message, limit: true });
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }
}
