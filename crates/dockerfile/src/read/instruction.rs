//! An instruction: its name, flags and arguments, and its lines in the file.

use super::error::Problem;
use super::heredoc::Heredoc;
use super::keyword::Keyword;

/// The deepest nesting of `ONBUILD` that is parsed. BuildKit's parser has no limit, but its next step refuses any
/// nesting.
const DEEPEST: usize = 16;

/// An instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Its name.
    pub keyword: Keyword,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// Its arguments.
    pub arguments: Arguments,
    /// Its here-documents.
    pub heredocs: Vec<Heredoc>,
    /// The lines that it takes in the file.
    pub lines: Lines,
    /// The instruction as one line: continuations joined, comments between them left out.
    pub(crate) joined: String,
    /// The byte at which the arguments begin in the joined text.
    pub(crate) arguments_at: usize,
    /// The byte at which each line of the file begins in the joined text, with its number.
    pub(super) origins: Vec<(usize, usize)>,
    /// The text in the file.
    pub(super) text: String,
}

/// An inclusive range of lines, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    /// The first line.
    pub first: usize,
    /// The last line.
    pub last: usize,
}

impl Instruction {
    /// Parses an instruction from its joined line. The lines and here-documents are the reader's to fill in.
    pub(super) fn parse(joined: String, escape: char, depth: usize) -> Result<Self, Problem> {
        let start = joined.len() - joined.trim_start().len();
        let line = joined.trim();
        // BuildKit trims every Unicode space here, but splits at `[\t\v\f\r ]` only.
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

    /// Returns whether here-documents may follow it.
    pub(super) fn takes_heredocs(&self) -> bool {
        let inner = match &self.arguments {
            Arguments::Trigger(trigger) => trigger,
            _ => self,
        };
        inner.keyword.takes_heredocs() && !inner.arguments.is_exec()
    }

    /// Returns the first flag with a name.
    pub fn flag(&self, name: &str) -> Option<&Flag> {
        self.flags.iter().find(|flag| flag.name.eq_ignore_ascii_case(name))
    }

    /// Returns the text in the file with its line ends.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the instruction as one line: continuations joined, comments between them left out.
    pub fn joined(&self) -> &str {
        &self.joined
    }

    /// Returns the arguments as they are in the joined line.
    pub fn argument_text(&self) -> &str {
        self.joined[self.arguments_at..].trim_end()
    }

    /// Returns the line of the file that holds a byte of the arguments' text.
    pub(crate) fn line_of_argument(&self, position: usize) -> usize {
        let position = self.arguments_at + position;
        let at_or_before = self.origins.iter().rev().find(|(offset, _)| *offset <= position);
        at_or_before.map_or(self.lines.first, |(_, line)| *line)
    }
}

/// A flag of an instruction: `--mount=type=cache,target=/x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The name without its dashes: `platform`.
    pub name: String,
    /// The value; `None` for a switch such as `--link`.
    pub value: Option<String>,
}

impl Flag {
    fn parse(word: &str) -> Self {
        let bare = word.strip_prefix("--").unwrap_or(word);
        match bare.split_once('=') {
            Some((name, value)) => Self { name: name.to_owned(), value: Some(value.to_owned()) },
            None => Self { name: bare.to_owned(), value: None },
        }
    }

    /// Returns the value of a key in a flag whose value is a list such as `type=cache,target=/x`.
    pub fn key(&self, key: &str) -> Option<&str> {
        self.value.as_deref()?.split(',').find_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            name.trim().eq_ignore_ascii_case(key).then(|| value.trim())
        })
    }
}

/// Returns the flags at the beginning of an instruction's arguments, and the byte at which they end.
fn take_flags(text: &str, escape: char) -> (Vec<Flag>, usize) {
    let mut flags = Vec::new();
    let mut position = 0;
    loop {
        let rest = &text[position..];
        let blanks = rest.len() - rest.trim_start().len();
        let start = position + blanks;
        if !text[start..].starts_with("--") {
            return (flags, start);
        }
        let (word, end, quoted) = take_word(&text[start..], escape);
        position = start + end;
        if word == "--" {
            return (flags, position);
        }
        if quoted || !word.is_empty() {
            flags.push(Flag::parse(&word));
        }
    }
}

/// Returns the first word without its quotes and escapes, its length in the text, and whether it had quotes.
fn take_word(text: &str, escape: char) -> (String, usize, bool) {
    let mut word = String::new();
    let mut quote = None;
    let mut quoted = false;
    let mut characters = text.char_indices();
    while let Some((position, character)) = characters.next() {
        match quote {
            None if character.is_whitespace() => return (word, position, quoted),
            None if character == '\'' || character == '"' => (quote, quoted) = (Some(character), true),
            Some(open) if character == open => quote = None,
            _ if character == escape => word.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => word.push(character),
        }
    }
    (word, text.len(), quoted)
}

/// The arguments of an instruction, in the form that its name determines.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arguments {
    /// No arguments.
    None,
    /// One text: the shell form of `RUN`, `CMD`, `ENTRYPOINT`, and the argument of `WORKDIR`, `USER`, `STOPSIGNAL`.
    Text(String),
    /// A JSON array: the exec form.
    Exec(Vec<String>),
    /// Words between blanks: `FROM`, `EXPOSE`, `ARG`, and `COPY`, `ADD`, `VOLUME` unless they are a JSON array. The
    /// words of `ARG` keep their quotes.
    Words(Vec<String>),
    /// Names with values, which keep their quotes: `ENV`, `LABEL`.
    Pairs(Vec<Pair>),
    /// The kind of a `HEALTHCHECK` (`CMD`, `NONE`) and its arguments.
    Kind(String, Box<Arguments>),
    /// The instruction that `ONBUILD` defers.
    Trigger(Box<Instruction>),
}

/// A name with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The name.
    pub name: String,
    /// The value as it was written, with its quotes.
    pub value: String,
    /// Whether it is in the legacy form, with a blank instead of `=`.
    pub legacy: bool,
}

impl Arguments {
    /// Returns the text; `None` for another form.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the words of a word list or of an exec form; empty for another form.
    pub fn words(&self) -> &[String] {
        match self {
            Self::Words(words) | Self::Exec(words) => words,
            _ => &[],
        }
    }

    /// Returns the pairs; empty for another form.
    pub fn pairs(&self) -> &[Pair] {
        match self {
            Self::Pairs(pairs) => pairs,
            _ => &[],
        }
    }

    /// Returns whether the arguments, or those of a health check, are a JSON array.
    pub fn is_exec(&self) -> bool {
        match self {
            Self::Exec(_) => true,
            Self::Kind(_, rest) => rest.is_exec(),
            _ => false,
        }
    }

    /// Parses the arguments of every instruction but `ONBUILD`.
    fn parse(keyword: &Keyword, text: &str, escape: char) -> Result<Self, Problem> {
        match keyword {
            Keyword::Unknown(_) | Keyword::Onbuild => Ok(Self::None),
            Keyword::Add | Keyword::Copy | Keyword::Volume => Ok(exec(text)?.unwrap_or_else(|| words(text))),
            Keyword::Cmd | Keyword::Entrypoint | Keyword::Run | Keyword::Shell => exec_or_text(text),
            Keyword::Expose | Keyword::From => Ok(words(text)),
            Keyword::Arg => Ok(Self::Words(quoted_words(text, escape))),
            Keyword::Env => pairs(text, escape, "ENV"),
            Keyword::Label => pairs(text, escape, "LABEL"),
            Keyword::Healthcheck => health(text),
            _ if text.is_empty() => Ok(Self::None),
            _ => Ok(Self::Text(text.to_owned())),
        }
    }
}

fn exec_or_text(text: &str) -> Result<Arguments, Problem> {
    if text.is_empty() {
        return Ok(Arguments::None);
    }
    Ok(exec(text)?.unwrap_or_else(|| Arguments::Text(text.to_owned())))
}

/// Parses the exec form. Text that is not JSON is in another form; a JSON array with another element than strings is an
/// error, as in BuildKit.
fn exec(text: &str) -> Result<Option<Arguments>, Problem> {
    if !text.trim_start().starts_with('[') {
        return Ok(None);
    }
    let Ok(values) = serde_json::from_str::<Vec<serde_json::Value>>(text) else { return Ok(None) };
    let strings = values.into_iter().map(|value| match value {
        serde_json::Value::String(text) => Ok(text),
        _ => Err(Problem::NotStrings),
    });
    Ok(Some(Arguments::Exec(strings.collect::<Result<_, _>>()?)))
}

/// Splits at runs of the blanks that BuildKit splits at.
fn words(text: &str) -> Arguments {
    if text.is_empty() {
        return Arguments::None;
    }
    let words = text.split(is_blank).filter(|word| !word.is_empty());
    Arguments::Words(words.map(str::to_owned).collect())
}

/// Matches `[\t\v\f\r ]`, the separator of BuildKit's `parseStringsWhitespaceDelimited`.
fn is_blank(character: char) -> bool {
    matches!(character, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

fn health(text: &str) -> Result<Arguments, Problem> {
    if text.is_empty() {
        return Ok(Arguments::None);
    }
    let (kind, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    Ok(Arguments::Kind(kind.to_owned(), Box::new(exec_or_text(rest.trim_start())?)))
}

fn pairs(text: &str, escape: char, keyword: &'static str) -> Result<Arguments, Problem> {
    let words = quoted_words(text, escape);
    let Some(first) = words.first() else { return Ok(Arguments::None) };
    if !first.contains('=') {
        let (name, value) = text.split_once(is_blank).ok_or(Problem::NoValue(keyword))?;
        let value = value.trim_start_matches(is_blank).to_owned();
        return Ok(Arguments::Pairs(vec![Pair { name: name.to_owned(), value, legacy: true }]));
    }
    let pairs = words.into_iter().map(|word| match word.split_once('=') {
        Some((name, value)) => Ok(Pair { name: name.to_owned(), value: value.to_owned(), legacy: false }),
        None => Err(Problem::NotAPair(word)),
    });
    Ok(Arguments::Pairs(pairs.collect::<Result<_, _>>()?))
}

/// Splits at blanks outside quotes and escapes, both of which are kept in the words (BuildKit's `parseWords`).
fn quoted_words(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match quote {
            None if character.is_whitespace() => {
                words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                continue;
            }
            None if character == '\'' || character == '"' => quote = Some(character),
            Some(open) if character == open => quote = None,
            _ => {}
        }
        let escapes = character == escape && quote != Some('\'');
        match escapes.then(|| characters.next()) {
            None => word.push(character),
            Some(Some(escaped)) => word.extend([character, escaped]),
            // An escape character at the very end is dropped.
            Some(None) => {}
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}
