//! What follows an instruction's name and flags.

use super::error::Problem;
use super::instruction::Instruction;
use super::keyword::Keyword;

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
    pub(super) fn parse(keyword: &Keyword, text: &str, escape: char) -> Result<Self, Problem> {
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
pub(super) fn is_blank(character: char) -> bool {
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
