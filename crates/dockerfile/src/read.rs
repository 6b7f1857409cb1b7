//! A line-accurate reader of Dockerfiles.
//!
//! It follows BuildKit's parser, which defines the language: parser directives, the escape character, continuations
//! with comments and empty lines between them, flags, exec and shell form, here-documents. Nothing of the text is
//! lost: printing what was read gives the text back.

mod error;
mod expand;
mod heredoc;
mod instruction;
mod keyword;
mod reader;
mod refused;
mod stage;

use std::fmt;

pub use error::{Problem, ReadError};
pub(crate) use expand::variables;
pub use expand::{Scope, expand};
pub use heredoc::Heredoc;
pub use instruction::{Arguments, Flag, Instruction, Lines, Pair};
pub use keyword::Keyword;
pub use reader::Directive;
pub use refused::refused;
pub use stage::{Stage, stages};

/// A Dockerfile, as its parts in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    pub(crate) parts: Vec<Part>,
    pub(crate) escape: char,
}

/// A part of a Dockerfile; each keeps its text with its line ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// An empty line, or a byte order mark.
    Blank(String),
    /// A comment that stands between instructions.
    Comment(String),
    /// A parser directive.
    Directive(Directive),
    /// An instruction with its continuations and here-documents.
    Instruction(Box<Instruction>),
}

impl Dockerfile {
    /// Reads a Dockerfile.
    ///
    /// ```
    /// use crossdock_dockerfile::read::{Dockerfile, Keyword};
    ///
    /// let file = Dockerfile::read("from scratch\ncopy app /app\n")?;
    /// assert_eq!(file.instructions().next().map(|first| &first.keyword), Some(&Keyword::From));
    /// assert_eq!(file.to_string(), "from scratch\ncopy app /app\n");
    /// # Ok::<(), crossdock_dockerfile::read::ReadError>(())
    /// ```
    ///
    /// # Errors
    /// What BuildKit's parser refuses too, with the line: a here-document without its end, a JSON array of other
    /// things than strings, `ENV` without a value, a directive given twice, and a file without instructions. An
    /// instruction with an unknown name is read as [`Keyword::Unknown`].
    pub fn read(text: &str) -> Result<Self, ReadError> {
        reader::read(text)
    }

    /// The parts in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The instructions in order.
    pub fn instructions(&self) -> impl Iterator<Item = &Instruction> {
        self.parts.iter().filter_map(|part| match part {
            Part::Instruction(instruction) => Some(&**instruction),
            _ => None,
        })
    }

    /// The parser directives in order.
    pub fn directives(&self) -> impl Iterator<Item = &Directive> {
        self.parts.iter().filter_map(|part| match part {
            Part::Directive(directive) => Some(directive),
            _ => None,
        })
    }

    /// The escape character: a backslash unless the directive `escape` says otherwise.
    pub fn escape(&self) -> char {
        self.escape
    }
}

impl Part {
    /// The text.
    pub fn text(&self) -> &str {
        match self {
            Self::Blank(text) | Self::Comment(text) => text,
            Self::Directive(directive) => &directive.text,
            Self::Instruction(instruction) => &instruction.text,
        }
    }
}

impl fmt::Display for Dockerfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| f.write_str(part.text()))
    }
}
