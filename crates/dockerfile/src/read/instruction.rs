//! One instruction with its place in the file.

use super::arguments::{Arguments, is_blank};
use super::error::Problem;
use super::flags::{Flag, take_flags};
use super::heredoc::Heredoc;
use super::keyword::Keyword;

/// How deep `ONBUILD` may stand in `ONBUILD`: BuildKit's parser knows no bound, and its next step allows none.
const DEEPEST: usize = 16;

/// An instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Which one.
    pub keyword: Keyword,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// Its arguments.
    pub arguments: Arguments,
    /// Its here-documents.
    pub heredocs: Vec<Heredoc>,
    /// Its lines in the file.
    pub lines: Lines,
    /// The text as one line: continuations joined, comments between them left out.
    pub(crate) joined: String,
    /// Where the arguments begin in the joined text.
    pub(crate) arguments_at: usize,
    /// Where each line of the file begins in the joined text, with its number.
    pub(super) origins: Vec<(usize, usize)>,
    /// The text of the file.
    pub(super) text: String,
}

/// The lines of the file that an instruction takes, counted from 1; both belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    /// The first.
    pub first: usize,
    /// The last.
    pub last: usize,
}

impl Instruction {
    /// An instruction from its joined line.
    pub(super) fn parse(joined: String, escape: char, depth: usize) -> Result<Self, Problem> {
        let start = joined.len() - joined.trim_start().len();
        let line = joined.trim();
        let name = line.split(is_blank).next().unwrap_or_default();
        let keyword = Keyword::parse(name);
        let blanks = line[name.len()..].find(|character| !is_blank(character)).unwrap_or(0);
        let rest_at = name.len() + blanks;
        let (flags, skipped) = take_flags(&line[rest_at..], escape);
        let rest = &line[rest_at + skipped..];
        let text = rest.trim();
        let arguments_at = start + rest_at + skipped + (rest.len() - rest.trim_start().len());
        let arguments = match keyword {
            Keyword::Onbuild if text.is_empty() => Arguments::None,
            Keyword::Onbuild if depth == DEEPEST => return Err(Problem::TooDeep),
            Keyword::Onbuild => {
                Arguments::Trigger(Box::new(Self::parse(text.to_owned(), escape, depth + 1)?))
            }
            _ => Arguments::parse(&keyword, text, escape)?,
        };
        let lines = Lines { first: 0, last: 0 };
        let (heredocs, origins, text) = (Vec::new(), Vec::new(), String::new());
        Ok(Self { keyword, flags, arguments, heredocs, lines, joined, arguments_at, origins, text })
    }

    /// Whether here-documents may follow it.
    pub(super) fn takes_heredocs(&self) -> bool {
        let inner = match &self.arguments {
            Arguments::Trigger(trigger) => trigger,
            _ => self,
        };
        inner.keyword.takes_heredocs() && !inner.arguments.is_exec()
    }

    /// The first flag of a name.
    pub fn flag(&self, name: &str) -> Option<&Flag> {
        self.flags.iter().find(|flag| flag.name.eq_ignore_ascii_case(name))
    }

    /// The text of the file, with its line ends.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The instruction as one line: continuations joined, comments between them left out.
    pub fn joined(&self) -> &str {
        &self.joined
    }

    /// The arguments as they stand in the joined line.
    pub fn argument_text(&self) -> &str {
        self.joined.get(self.arguments_at..).unwrap_or_default().trim_end()
    }

    /// The line of the file where a byte of the arguments' text stands.
    pub(crate) fn line_of_argument(&self, position: usize) -> usize {
        let position = self.arguments_at + position;
        let at_or_before = self.origins.iter().rev().find(|(offset, _)| *offset <= position);
        at_or_before.map_or(self.lines.first, |(_, line)| *line)
    }
}
