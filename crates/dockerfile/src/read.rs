//! A line-accurate reader of Dockerfiles.
//!
//! It follows BuildKit's parser, which defines the language (`frontend/dockerfile/parser` in moby/buildkit): parser
//! directives, the escape character, continuations with comments and empty lines between them, flags, exec and shell
//! form, here-documents. No text is lost: printing a parsed file gives the original bytes.

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

/// A parsed Dockerfile: its parts in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    pub(crate) parts: Vec<Part>,
    pub(crate) escape: char,
}

/// A part of a Dockerfile. Each keeps its text with its line ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// An empty line, or a byte order mark.
    Blank(String),
    /// A comment between instructions.
    Comment(String),
    /// A parser directive.
    Directive(Directive),
    /// An instruction with its continuations and here-documents.
    Instruction(Box<Instruction>),
}

impl Dockerfile {
    /// Parses a Dockerfile.
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
    /// Text that BuildKit's parser refuses, with the line: an unterminated here-document, a JSON array with an element
    /// that is not a string, `ENV` without a value, a repeated directive, or a file without instructions. An
    /// instruction with an unknown name is not an error but [`Keyword::Unknown`].
    pub fn read(text: &str) -> Result<Self, ReadError> {
        reader::read(text)
    }

    /// Returns the parts in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns the instructions in order.
    pub fn instructions(&self) -> impl Iterator<Item = &Instruction> {
        self.parts.iter().filter_map(|part| match part {
            Part::Instruction(instruction) => Some(&**instruction),
            _ => None,
        })
    }

    /// Returns the parser directives in order.
    pub fn directives(&self) -> impl Iterator<Item = &Directive> {
        self.parts.iter().filter_map(|part| match part {
            Part::Directive(directive) => Some(directive),
            _ => None,
        })
    }

    /// Returns the escape character: a backslash unless the directive `escape` sets a backquote.
    pub fn escape(&self) -> char {
        self.escape
    }
}

impl Part {
    /// Returns the text as it is in the file.
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
