//! Errors of the parser, and of the checks in [`refused`](super::refused).

use thiserror::Error;

use super::keyword::Keyword;

/// A mistake in a Dockerfile with its line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct ReadError {
    /// The line, counted from 1, on which the instruction begins.
    pub line: usize,
    /// The mistake.
    pub problem: Problem,
}

/// A mistake that BuildKit refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file has comments and empty lines only.
    #[error("the file has no instruction: begin with FROM")]
    NoInstruction,
    /// A line exceeds the buffer of BuildKit's scanner.
    #[error("the line has more than 65535 bytes, which BuildKit does not read: break it up")]
    LineTooLong,
    /// A parser directive is repeated.
    #[error("the parser directive `{0}` is given twice: keep one")]
    DirectiveTwice(String),
    /// The escape character is neither a backslash nor a backquote.
    #[error("`{0}` cannot be the escape character: write `\\` or a backquote")]
    EscapeCharacter(String),
    /// A here-document is not terminated.
    #[error("the here-document `{0}` does not end: add a line that holds only `{0}`")]
    UnendedHeredoc(String),
    /// The name of a here-document has unbalanced quotes.
    #[error("the name of the here-document in `{0}` cannot be read: close its quotes")]
    HeredocName(String),
    /// An element of a JSON array is not a string.
    #[error("an element of the JSON array is not a string: quote every element")]
    NotStrings,
    /// `ENV` or `LABEL` has a name without a value.
    #[error("{0} needs a name and a value: write {0} name=value")]
    NoValue(&'static str),
    /// A word among pairs lacks its `=`.
    #[error("`{0}` is not of the form name=value: quote the blanks of the value before it")]
    NotAPair(String),
    /// The arguments are too few, too many, or of the wrong kind.
    #[error("{0} needs {1}")]
    Arguments(Keyword, &'static str),
    /// The instruction does not take the flag.
    #[error("{0} has no flag --{1}")]
    UnknownFlag(Keyword, String),
    /// A flag that takes one value is repeated.
    #[error("the flag --{0} is given twice: keep one")]
    FlagTwice(String),
    /// The value of a flag is missing or invalid.
    #[error("the value of the flag --{0} is missing or invalid: write --{0}=value")]
    FlagValue(String),
    /// The name of a stage is malformed.
    #[error("`{0}` cannot be a stage's name: it begins with a letter, and letters, digits and `-_.` follow")]
    StageName(String),
    /// The image of a stage is empty, whatever build arguments are given.
    #[error("`{0}` is empty: no ARG before the first FROM declares its variable")]
    BlankImage(String),
    /// The platform of a stage is malformed.
    #[error("`{0}` is not a platform: write one such as linux/amd64, or $BUILDPLATFORM")]
    Platform(String),
    /// `ONBUILD` is nested beyond any file that BuildKit would accept.
    #[error("ONBUILD triggers are nested too deep: a trigger holds one instruction")]
    TooDeep,
}
