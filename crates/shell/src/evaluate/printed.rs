//! The outputs of programs and builtins, where they follow from arguments, input and files.

use crate::evaluate::expand::{BYTES_PER_STEP, LONGEST};
use crate::evaluate::machine::Evaluator;
use crate::evaluate::order::{Order, sorted};
use crate::evaluate::state::{Input, State, Status};
use crate::outcome::{Asked, Found, Position};
use crate::start::Entry;
use crate::value::{Part, Value};

impl Evaluator<'_> {
    /// Returns what a program prints. `None` if it is not known.
    pub(crate) fn printed(
        &mut self,
        state: &mut State,
        words: &[&str],
        position: Position,
    ) -> Option<String> {
        if let Some(text) = self.files.output(words) {
            return Some(text);
        }
        let line = |text: &str| Some(format!("{text}\n"));
        match without_directory(words).as_slice() {
            ["readlink", "-f" | "-e" | "-m", path]
            | ["readlink", "-f" | "-e", "--", path]
            | ["realpath", path]
            | ["realpath", "--", path] => line(&self.files.canonical(&Self::absolute(state, path)?)?),
            ["id", "-u"] => self.start.user.map(|user| format!("{user}\n")),
            ["whoami"] | ["id", "-un"] => {
                self.start.user.filter(|user| *user == 0).map(|_| "root\n".to_owned())
            }
            ["basename", path] | ["basename", "--", path] => line(basename(path)),
            ["basename", path, suffix] => {
                let name = basename(path);
                line(name.strip_suffix(suffix).filter(|name| !name.is_empty()).unwrap_or(name))
            }
            // BusyBox keeps two slashes at the beginning, others do not.
            ["dirname", path] | ["dirname", "--", path] if !path.starts_with("//") => line(dirname(path)),
            ["which", name] => match self.find(state, &Value::from(*name), None) {
                Found::At(path) => line(&path),
                Found::Missing => Some(String::new()),
                _ => None,
            },
            ["cat"] => input(state),
            ["cat", paths @ ..] => paths.iter().map(|path| self.content(state, path, position)).collect(),
            ["sort", "-V"] => input(state).and_then(|text| sorted(&text, Order::Version)),
            ["sort"] => {
                let order = Order::of_locale(state);
                input(state).and_then(|text| sorted(&text, order))
            }
            ["head", "-n1" | "-1"] | ["head", "-n", "1"] => {
                input(state).map(|text| text.split_inclusive('\n').take(1).collect())
            }
            ["tail", "-n1" | "-1"] | ["tail", "-n", "1"] => {
                input(state).and_then(|text| text.split_inclusive('\n').next_back().map(str::to_owned))
            }
            ["tr", "-d", deleted] => {
                let deleted = match *deleted {
                    "\\n" => '\n',
                    "\\r" => '\r',
                    _ => return None,
                };
                input(state).map(|text| text.replace(deleted, ""))
            }
            // The scripts that npm and pnpm write for programs.
            ["sed", "-e", r"s,\\,/,g"] => input(state).map(|text| text.replace('\\', "/")),
            ["find", operands @ ..] => self.find_files(state, operands, position),
            ["ls", operands @ ..] => self.listed(state, operands, position),
            ["run-parts", operands @ ..] => self.listed_parts(state, operands, position),
            _ => None,
        }
    }

    /// Returns the status of a program if it follows from its arguments.
    pub(crate) fn status_of(&self, state: &State, words: &[&str]) -> Option<Status> {
        match without_directory(words).as_slice() {
            ["which", name] => match self.find(state, &Value::from(*name), None) {
                Found::At(_) => Some(Status::Known(0)),
                Found::Missing => {
                    self.asks.add(Asked::Command((*name).to_owned()));
                    Some(Status::Known(1))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the text of a file of the image that the script has not changed. `None` if unknown.
    pub(crate) fn content(&mut self, state: &State, path: &str, position: Position) -> Option<String> {
        let path = Self::absolute(state, path)?;
        if path == "/dev/null" {
            return Some(String::new());
        }
        if Self::is_changed(state, &path) || !matches!(self.entry(state, &path), Entry::File(_)) {
            return None;
        }
        let text = self.files.text(&path)?;
        let is_paid = self.pay(1 + text.len() / BYTES_PER_STEP, position);
        String::from_utf8(text).ok().filter(|text| is_paid && text.len() <= LONGEST)
    }

    /// Returns what `printf` prints, as far as it is known.
    pub(crate) fn formatted(words: &[Value]) -> Value {
        let words = match words {
            [first, rest @ ..] if first.text() == Some("--") => rest,
            [first, ..] if first.prefix().starts_with('-') => return Value::unknown(),
            words => words,
        };
        let Some((format, values)) = words.split_first() else { return Value::from("") };
        let format = format.text().and_then(read_format);
        let (Some(format), false) = (format, values.iter().any(Value::is_many)) else {
            return Value::unknown();
        };
        let takes = format.iter().filter(|piece| **piece == Piece::Value).count();
        let mut values = values.iter();
        let mut printed = Value::from("");
        loop {
            for piece in &format {
                match piece {
                    Piece::Text(text) => printed.push(Part::Text(text.clone())),
                    Piece::Value => values.next().into_iter().for_each(|value| printed.append(value)),
                }
            }
            // The format is used again until no value is left.
            if takes == 0 || values.len() == 0 {
                return printed;
            }
            if printed.size() > LONGEST {
                return Value::unknown();
            }
        }
    }
}

/// A piece of the format of `printf`.
#[derive(PartialEq, Eq)]
enum Piece {
    Text(String),
    Value,
}

/// Reads a format of text, `%s` and the usual escapes. `None` for others.
fn read_format(format: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut chars = format.chars();
    while let Some(char) = chars.next() {
        match char {
            '%' => match chars.next()? {
                '%' => text.push('%'),
                's' => {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                    pieces.push(Piece::Value);
                }
                _ => return None,
            },
            '\\' => match chars.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                '\\' => text.push('\\'),
                _ => return None,
            },
            char => text.push(char),
        }
    }
    pieces.push(Piece::Text(text));
    Some(pieces)
}

/// Returns the words of a command with the file name of its program only.
fn without_directory<'w>(words: &[&'w str]) -> Vec<&'w str> {
    let name = words.first().map(|name| name.rsplit('/').next().unwrap_or(name));
    name.into_iter().chain(words.iter().skip(1).copied()).collect()
}

fn input(state: &mut State) -> Option<String> {
    state.input.text().map(Input::take_rest)
}

fn basename(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() && !path.is_empty() {
        return "/";
    }
    trimmed.rsplit('/').next().unwrap_or(trimmed)
}

fn dirname(path: &str) -> &str {
    match path.trim_end_matches('/').rsplit_once('/') {
        None if path.starts_with('/') => "/",
        None => ".",
        Some((directory, _)) if directory.trim_end_matches('/').is_empty() => "/",
        Some((directory, _)) => directory.trim_end_matches('/'),
    }
}
