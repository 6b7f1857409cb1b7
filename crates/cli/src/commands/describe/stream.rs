//! Answers to JSON lines on standard input, one line each, as soon as the question has arrived.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::thread;

use crossdock::interpret::{Answer, MatchAnswer, Outcome, interpret, match_platforms};
use crossdock::platform::Vocabulary;
use serde::{Deserialize, Serialize};

use super::{near, near_vocabularies};
use crate::error::{CommandError, Exit};

/// The size limit of a line in bytes. A longer one is invalid.
const LONGEST: u64 = 1 << 20;

/// The number of characters of an invalid line that its answer repeats.
const SHOWN: usize = 256;

/// The number of lines held in memory at once.
const BATCH: usize = 4096;

/// A question about a description. Other keys are ignored, so that the lines of an existing table serve as questions.
#[derive(Deserialize)]
struct Question<'a> {
    #[serde(borrow, default)]
    vocabulary: Option<Cow<'a, str>>,
    #[serde(borrow)]
    input: Cow<'a, str>,
}

/// A question about the platforms that a host accepts.
#[derive(Deserialize)]
struct MatchQuestion {
    host: String,
    #[serde(default)]
    vocabulary: Option<String>,
    platforms: Vec<String>,
}

/// The answer to an invalid line: the keys of every answer, and the line's number.
#[derive(Serialize)]
struct Wrong<T> {
    #[serde(flatten)]
    answer: T,
    line: usize,
    /// The reason, if the answer itself does not have this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Why a line is invalid.
struct Refusal {
    why: String,
    /// The description in the line, if it is readable.
    input: Option<String>,
    nearest: Vec<String>,
}

impl Refusal {
    fn message(&self) -> String {
        match self.nearest.as_slice() {
            [] => self.why.clone(),
            names => format!("{} ({})", self.why, near(names)),
        }
    }
}

fn vocabulary_of(name: &str) -> Result<Vocabulary, Refusal> {
    Vocabulary::from_name(name).ok_or_else(|| Refusal {
        why: format!("unknown vocabulary {name:?}"),
        input: None,
        nearest: near_vocabularies(name),
    })
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self { why: error.to_string(), input: None, nearest: Vec::new() }
    }
}

/// Answers descriptions. The exit code is 1 if one is unknown or ambiguous, and 2 if a line is invalid.
pub(crate) fn descriptions() -> Result<Exit, CommandError> {
    let ask = |text: &str, out: &mut Vec<u8>| {
        let question: Question<'_> = serde_json::from_str(text)?;
        let refused = |refusal| Refusal { input: Some(question.input.clone().into_owned()), ..refusal };
        let vocabulary = question.vocabulary.as_deref().map(vocabulary_of).transpose().map_err(refused)?;
        let answer = interpret(&question.input, vocabulary);
        serde_json::to_writer(out, &answer)?;
        Ok(if answer.result == Outcome::Exact { Exit::Done } else { Exit::Rejected })
    };
    answer_lines(ask, |line, refusal, text| {
        let why = refusal.message();
        let input = refusal.input.unwrap_or_else(|| text.chars().take(SHOWN).collect());
        let answer = Answer::unasked(&input, why.clone());
        serde_json::to_vec(&Wrong { answer, line, error: Some(why) })
    })
}

/// Answers which platforms hosts accept. The exit code is 1 if a host or a platform is unknown, and 2 if a line is
/// invalid.
pub(crate) fn matches() -> Result<Exit, CommandError> {
    let ask = |text: &str, out: &mut Vec<u8>| {
        let question: MatchQuestion = serde_json::from_str(text)?;
        let vocabulary = question.vocabulary.as_deref().map(vocabulary_of).transpose()?;
        let answer = match_platforms(&question.host, vocabulary, &question.platforms)
            .unwrap_or_else(|error| MatchAnswer::without_host(&question.host, error.to_string()));
        serde_json::to_writer(out, &answer)?;
        Ok(if answer.is_known() { Exit::Done } else { Exit::Rejected })
    };
    answer_lines(ask, |line, refusal, text| {
        let host: String = text.chars().take(SHOWN).collect();
        let answer = MatchAnswer::without_host(&host, refusal.message());
        serde_json::to_vec(&Wrong { answer, line, error: None })
    })
}

/// Answers each line of standard input, in order. The worst answer decides the exit code.
///
/// Lines that have arrived are answered in parallel. A single line is answered at once, for a program that waits for
/// each answer before it sends the next question.
fn answer_lines(ask: impl Ask, refuse: impl Refuse) -> Result<Exit, CommandError> {
    let mut input = BufReader::with_capacity(1 << 20, std::io::stdin().lock());
    let mut output = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let (mut worst, mut number) = (Exit::Done, 0);
    loop {
        let lines = waiting_lines(&mut input).map_err(|error| broken("input cannot be read", &error))?;
        if lines.is_empty() {
            return Ok(worst);
        }
        let size = lines.len().div_ceil(thread::available_parallelism().map_or(1, usize::from)).max(32);
        let answers = thread::scope(|scope| {
            let chunks = lines.chunks(size).enumerate();
            let first = |place: usize| number + place * size;
            let (ask, refuse) = (&ask, &refuse);
            let chunks: Vec<_> = chunks
                .map(|(place, chunk)| scope.spawn(move || answer_chunk(chunk, first(place), ask, refuse)))
                .collect();
            chunks.into_iter().map(thread::ScopedJoinHandle::join).collect::<Result<Vec<_>, _>>()
        });
        let ended = |_| {
            CommandError::message(
                Exit::InputOutput,
                "a thread that answers questions panicked; please report this",
            )
        };
        for (text, exit) in answers.map_err(ended)? {
            worst = worse(worst, exit);
            output.write_all(&text).map_err(|error| broken("output cannot be written", &error))?;
        }
        output.flush().map_err(|error| broken("output cannot be written", &error))?;
        number += lines.len();
    }
}

/// Waits for a line, and returns it with the lines that can be read without waiting; empty at the end of input.
fn waiting_lines(input: &mut BufReader<impl Read>) -> std::io::Result<Vec<Vec<u8>>> {
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        if Read::take(&mut *input, LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(lines);
        }
        lines.push(line);
        if lines.len() == BATCH || !input.buffer().contains(&b'\n') {
            return Ok(lines);
        }
    }
}

/// Writes the answer to a line.
trait Ask: Fn(&str, &mut Vec<u8>) -> Result<Exit, Refusal> + Sync {}
impl<T: Fn(&str, &mut Vec<u8>) -> Result<Exit, Refusal> + Sync> Ask for T {}

/// Returns the answer to an invalid line from its number, the reason and its text.
trait Refuse: Fn(usize, Refusal, &str) -> serde_json::Result<Vec<u8>> + Sync {}
impl<T: Fn(usize, Refusal, &str) -> serde_json::Result<Vec<u8>> + Sync> Refuse for T {}

/// Returns the answers to lines, and the worst of their exit codes. `first` is the index of the first line.
fn answer_chunk(lines: &[Vec<u8>], first: usize, ask: &impl Ask, refuse: &impl Refuse) -> (Vec<u8>, Exit) {
    let (mut all, mut one, mut worst) = (Vec::new(), Vec::new(), Exit::Done);
    for (place, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim_ascii().is_empty()) {
        one.clear();
        let not_utf8 =
            || Refusal { why: "the line is not UTF-8".to_owned(), input: None, nearest: Vec::new() };
        let question = str::from_utf8(line).map_err(|_| not_utf8());
        let exit = question.and_then(|text| ask(text, &mut one)).unwrap_or_else(|refusal| {
            let text = String::from_utf8_lossy(line.trim_ascii());
            // Strings and numbers always serialize.
            one = refuse(first + place + 1, refusal, &text).unwrap_or_default();
            Exit::Usage
        });
        worst = worse(worst, exit);
        all.append(&mut one);
        all.push(b'\n');
    }
    (all, worst)
}

fn worse(one: Exit, other: Exit) -> Exit {
    if other as u8 > one as u8 { other } else { one }
}

/// Returns the error of a stream. A closed pipe ends the call without a message, as with `| head`.
fn broken(what: &str, error: &std::io::Error) -> CommandError {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => CommandError::silent(Exit::Done),
        _ => CommandError::message(Exit::InputOutput, format!("standard {what}: {error}")),
    }
}
