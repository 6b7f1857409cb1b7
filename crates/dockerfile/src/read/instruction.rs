//! One instruction with its place in the file.

use super::error::Problem;
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

/// A flag of an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The name without its dashes: `platform`.
    pub name: String,
    /// The value, where one is given.
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

    /// The value of a key in a flag whose value is a list such as `type=cache,target=/x`.
    pub fn key(&self, key: &str) -> Option<&str> {
        self.value.as_deref()?.split(',').find_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            name.trim().eq_ignore_ascii_case(key).then(|| value.trim())
        })
    }
}

/// The flags at the beginning of an instruction's arguments, and where the arguments go on.
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

/// A word without its quotes and escapes, its length in the text, and whether it had quotes.
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

/// The arguments of an instruction, in the form that its name asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arguments {
    /// There are none.
    None,
    /// One text: the shell form of `RUN`, `CMD`, `ENTRYPOINT`, and what `WORKDIR`, `USER`, `STOPSIGNAL` take.
    Text(String),
    /// A JSON array: the exec form.
    Exec(Vec<String>),
    /// Words between blanks: `FROM`, `EXPOSE`, `ARG`, and `COPY`, `ADD`, `VOLUME` when they are no JSON array. The
    /// words of `ARG` keep their quotes.
    Words(Vec<String>),
    /// Names with values, whose quotes stay: `ENV`, `LABEL`.
    Pairs(Vec<Pair>),
    /// `HEALTHCHECK`'s kind (`CMD`, `NONE`) with what follows it.
    Kind(String, Box<Arguments>),
    /// The instruction that `ONBUILD` keeps for later.
    Trigger(Box<Instruction>),
}

/// A name with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The name.
    pub name: String,
    /// The value as it was written, with its quotes.
    pub value: String,
    /// Whether it is in the old form, with a blank instead of `=`.
    pub legacy: bool,
}

impl Arguments {
    /// The text, where it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The words of a word list or of an exec form.
    pub fn words(&self) -> &[String] {
        match self {
            Self::Words(words) | Self::Exec(words) => words,
            _ => &[],
        }
    }

    /// The pairs.
    pub fn pairs(&self) -> &[Pair] {
        match self {
            Self::Pairs(pairs) => pairs,
            _ => &[],
        }
    }

    /// Whether it is a JSON array, that of a health check included.
    pub fn is_exec(&self) -> bool {
        match self {
            Self::Exec(_) => true,
            Self::Kind(_, rest) => rest.is_exec(),
            _ => false,
        }
    }

    /// The arguments of every instruction but `ONBUILD`.
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

/// The exec form. What is no JSON at all is another form; JSON of other things than strings is an error.
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

/// Words between runs of the blanks that BuildKit splits at.
fn words(text: &str) -> Arguments {
    if text.is_empty() {
        return Arguments::None;
    }
    let words = text.split(is_blank).filter(|word| !word.is_empty());
    Arguments::Words(words.map(str::to_owned).collect())
}

/// `[\t\v\f\r ]`
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

/// Words between blanks, where quotes and the escape character keep blanks together and stay in the word.
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
