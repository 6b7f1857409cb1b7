//! Why a text is no Dockerfile.

use thiserror::Error;

use super::keyword::Keyword;

/// A text that is no Dockerfile, with the line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct ReadError {
    /// The line, counted from 1, where the instruction begins.
    pub line: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// Neither an instruction nor anything that could be one.
    #[error("the file has no instruction: begin with FROM")]
    NoInstruction,
    /// A line longer than BuildKit reads.
    #[error("the line has more than 65535 bytes, which BuildKit does not read: break it up")]
    LineTooLong,
    /// The same directive a second time.
    #[error("the parser directive `{0}` is given twice: keep one")]
    DirectiveTwice(String),
    /// An escape character that there is not.
    #[error("`{0}` cannot be the escape character: write `\\` or a backquote")]
    EscapeCharacter(String),
    /// A here-document that does not end.
    #[error("the here-document `{0}` does not end: add a line that holds only `{0}`")]
    UnendedHeredoc(String),
    /// A here-document whose name cannot be read.
    #[error("the name of the here-document in `{0}` cannot be read: close its quotes")]
    HeredocName(String),
    /// A JSON array that holds something else than strings.
    #[error("the JSON array holds something else than strings: quote every element")]
    NotStrings,
    /// `ENV` or `LABEL` with a name alone.
    #[error("{0} needs a name and a value: write {0} name=value")]
    NoValue(&'static str),
    /// A word between pairs that is none.
    #[error("`{0}` is not of the form name=value: quote the blanks of the value before it")]
    NotAPair(String),
    /// Too few arguments, too many, or others than there can be.
    #[error("{0} needs {1}")]
    Arguments(Keyword, &'static str),
    /// A flag that an instruction does not have.
    #[error("{0} has no flag --{1}")]
    UnknownFlag(Keyword, String),
    /// A flag a second time.
    #[error("the flag --{0} is given twice: keep one")]
    FlagTwice(String),
    /// A flag without its value, or with one that it cannot have.
    #[error("the flag --{0} has no value, or one that it cannot have: write --{0}=value")]
    FlagValue(String),
    /// A name that no stage can have.
    #[error("`{0}` cannot be a stage's name: it begins with a letter, and letters, digits and `-_.` follow")]
    StageName(String),
    /// A stage whose image is empty.
    #[error("`{0}` is empty: no ARG before the first FROM declares its variable")]
    BlankImage(String),
    /// A platform that is none.
    #[error("`{0}` is no platform: write one such as linux/amd64, or $BUILDPLATFORM")]
    Platform(String),
    /// More instructions inside each other than anyone writes.
    #[error("ONBUILD triggers are nested too deep: a trigger holds one instruction")]
    TooDeep,
}
