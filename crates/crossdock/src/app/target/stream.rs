//! Answers to JSON lines on standard input, one line each, as soon as the question is there.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::thread;

use crossdock_platform::Vocabulary;
use serde::{Deserialize, Serialize};

use crate::app::error::{CommandError, Exit};
use crate::target::{Outcome, SCHEMA, answer, match_platforms};

/// A longer line is no question.
const LONGEST: u64 = 1 << 20;

/// So many lines are held at once.
const BATCH: usize = 4096;

/// A question after a description. Other keys are left alone, so that a table's own lines can be asked.
#[derive(Deserialize)]
struct Question<'a> {
    #[serde(borrow, default)]
    vocabulary: Option<Cow<'a, str>>,
    #[serde(borrow)]
    input: Cow<'a, str>,
}

/// A question after what a host accepts.
#[derive(Deserialize)]
struct MatchQuestion {
    host: String,
    platforms: Vec<String>,
}

/// The answer to a line that is no question.
#[derive(Serialize)]
struct Wrong<'a> {
    schema: u32,
    line: usize,
    result: &'static str,
    error: &'a str,
}

/// The answer to a host that is none.
#[derive(Serialize)]
struct UnknownHost<'a> {
    schema: u32,
    host: &'a str,
    error: &'a str,
}

/// Answers descriptions; the exit code is 1 when one is unknown or ambiguous, and 2 when a line is no question.
pub(super) fn descriptions() -> Result<Exit, CommandError> {
    answer_lines(|text, out| {
        let question: Question<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let vocabulary = match question.vocabulary.as_deref() {
            None => None,
            Some(name) => {
                Some(Vocabulary::from_name(name).ok_or_else(|| format!("there is no vocabulary {name:?}"))?)
            }
        };
        let answer = answer(&question.input, vocabulary);
        serde_json::to_writer(out, &answer).map_err(|error| error.to_string())?;
        Ok(if answer.result == Outcome::Exact { Exit::Done } else { Exit::No })
    })
}

/// Answers which platforms hosts accept; the exit code is 1 when a host is unknown.
pub(super) fn matches() -> Result<Exit, CommandError> {
    answer_lines(|text, out| {
        let question: MatchQuestion = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match match_platforms(&question.host, &question.platforms) {
            Ok(answer) => serde_json::to_writer(out, &answer).map(|()| Exit::Done),
            Err(error) => {
                let wrong = UnknownHost { schema: SCHEMA, host: &question.host, error: &error.to_string() };
                serde_json::to_writer(out, &wrong).map(|()| Exit::No)
            }
        }
        .map_err(|error| error.to_string())
    })
}

/// Answers each line of standard input, in its order. The worst answer decides the exit code.
///
/// What is there already is answered side by side; a single line is answered at once, for a program that waits for
/// each answer before it asks again.
fn answer_lines(
    answer: impl Fn(&str, &mut Vec<u8>) -> Result<Exit, String> + Sync,
) -> Result<Exit, CommandError> {
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
            let answer = &answer;
            let chunks: Vec<_> = chunks
                .map(|(place, chunk)| scope.spawn(move || answer_chunk(chunk, first(place), answer)))
                .collect();
            chunks.into_iter().map(thread::ScopedJoinHandle::join).collect::<Result<Vec<_>, _>>()
        });
        let ended = |_| {
            CommandError::message(Exit::InputOutput, "a thread that answered ended early; please report this")
        };
        for (text, exit) in answers.map_err(ended)? {
            worst = worse(worst, exit);
            output.write_all(&text).map_err(|error| broken("output cannot be written", &error))?;
        }
        output.flush().map_err(|error| broken("output cannot be written", &error))?;
        number += lines.len();
    }
}

/// The lines that can be read without waiting, of which the first is waited for; none at the end.
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

/// The answers to some lines, the first of which has a number, and the worst of their exit codes.
fn answer_chunk(
    lines: &[Vec<u8>],
    first: usize,
    answer: &impl Fn(&str, &mut Vec<u8>) -> Result<Exit, String>,
) -> (Vec<u8>, Exit) {
    let (mut all, mut one, mut worst) = (Vec::new(), Vec::new(), Exit::Done);
    for (place, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim_ascii().is_empty()) {
        one.clear();
        let question = str::from_utf8(line).map_err(|_| "the line is not UTF-8".to_owned());
        let exit = question.and_then(|text| answer(text, &mut one)).unwrap_or_else(|error| {
            one.clear();
            let wrong = Wrong { schema: SCHEMA, line: first + place + 1, result: "unknown", error: &error };
            // A line number and a string are always JSON.
            let _always = serde_json::to_writer(&mut one, &wrong);
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

/// A reader that went away wants no more answers and no message.
fn broken(what: &str, error: &std::io::Error) -> CommandError {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => CommandError::silent(Exit::Done),
        _ => CommandError::message(Exit::InputOutput, format!("standard {what}: {error}")),
    }
}
