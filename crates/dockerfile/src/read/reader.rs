//! Splitting a file into its parts: directives, comments, and instructions with their continuations.

use super::error::{Problem, ReadError};
use super::heredoc::announced;
use super::instruction::{Instruction, Lines};
use super::{Dockerfile, Part};

/// The longest line that BuildKit's `bufio.Scanner` takes, its end included (`bufio.MaxScanTokenSize`).
const LONGEST_LINE: usize = 65_536;

pub(super) fn read(text: &str) -> Result<Dockerfile, ReadError> {
    let mut reader = Reader::new(text);
    reader.check_lengths()?;
    while reader.position < reader.lines.len() {
        reader.part()?;
    }
    if reader.parts.iter().any(|part| matches!(part, Part::Instruction(_))) {
        return Ok(Dockerfile { parts: reader.parts, escape: reader.directives.escape });
    }
    Err(ReadError { line: reader.lines.len().max(1), problem: Problem::NoInstruction })
}

struct Reader<'a> {
    lines: Vec<&'a str>,
    position: usize,
    directives: Directives,
    parts: Vec<Part>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        // BuildKit discards a byte order mark before the first line, so that a directive may follow it.
        let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mark = (bare.len() < text.len()).then(|| Part::Blank('\u{feff}'.to_string()));
        Self {
            lines: bare.split_inclusive('\n').collect(),
            position: 0,
            directives: Directives::default(),
            parts: mark.into_iter().collect(),
        }
    }

    fn check_lengths(&self) -> Result<(), ReadError> {
        // The scanner fails once its buffer is full without a line end in it: a line that fills it needs its line end.
        let long = self.lines.iter().position(|line| {
            line.len() > LONGEST_LINE || (line.len() == LONGEST_LINE && !line.ends_with('\n'))
        });
        long.map_or(Ok(()), |index| Err(ReadError { line: index + 1, problem: Problem::LineTooLong }))
    }

    /// Reads one part: a line without an instruction, or an instruction with all its lines.
    fn part(&mut self) -> Result<(), ReadError> {
        let line = self.lines[self.position];
        let content = trim_newline(line).trim_start();
        let number = self.position + 1;
        let located = |problem| ReadError { line: number, problem };
        // Even an empty line ends the directives, so that every line is offered to them first.
        let directive = self.directives.take(content).map_err(located)?;
        let part = match directive {
            Some((name, value)) => {
                Part::Directive(Directive { name, value, line: number, text: line.to_owned() })
            }
            None if content.is_empty() => Part::Blank(line.to_owned()),
            None if content.starts_with('#') => Part::Comment(line.to_owned()),
            None => {
                let instruction = self.instruction(content).map_err(located)?;
                self.parts.push(Part::Instruction(Box::new(instruction)));
                return Ok(());
            }
        };
        self.parts.push(part);
        self.position += 1;
        Ok(())
    }

    fn instruction(&mut self, content: &str) -> Result<Instruction, Problem> {
        let first = self.position;
        let (joined, origins) = self.join(content);
        let escape = self.directives.escape;
        let mut instruction = Instruction::parse(joined, escape, 0)?;
        if instruction.takes_heredocs() {
            for mut heredoc in announced(&instruction.joined)? {
                heredoc.line = self.position + 1;
                loop {
                    let line = self.lines.get(self.position).copied();
                    let line = line.ok_or_else(|| Problem::UnendedHeredoc(heredoc.name.clone()))?;
                    self.position += 1;
                    if heredoc.ends_at(line) {
                        break;
                    }
                    heredoc.content.push_str(line);
                }
                instruction.heredocs.push(heredoc);
            }
        }
        instruction.origins = origins;
        instruction.lines = Lines { first: first + 1, last: self.position };
        instruction.text = self.lines[first..self.position].concat();
        Ok(instruction)
    }

    /// Joins a line with its continuations. Comments and empty lines between them are left out, as BuildKit does.
    ///
    /// Also returns where each line of the file begins in the joined text, with its number.
    fn join(&mut self, content: &str) -> (String, Vec<(usize, usize)>) {
        let escape = self.directives.escape;
        let (start, mut goes_on) = continuation(content, escape);
        let mut joined = start.to_owned();
        let mut origins = vec![(0, self.position + 1)];
        self.position += 1;
        while goes_on && let Some(line) = self.lines.get(self.position) {
            let content = trim_newline(line);
            let bare = content.trim_start();
            if !bare.is_empty() && !bare.starts_with('#') {
                let (text, more) = continuation(content, escape);
                origins.push((joined.len(), self.position + 1));
                joined.push_str(text);
                goes_on = more;
            }
            self.position += 1;
        }
        (joined, origins)
    }
}

fn trim_newline(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}

/// Returns the line without a trailing escape character, and whether it had one. Two of them are an escaped escape.
fn continuation(line: &str, escape: char) -> (&str, bool) {
    match line.trim_end_matches([' ', '\t']).strip_suffix(escape) {
        Some(rest) if !rest.ends_with(escape) => (rest, true),
        _ => (line, false),
    }
}

/// A parser directive: `# syntax=`, `# escape=` or `# check=` before anything else in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// `syntax`, `escape` or `check`, in lower case.
    pub name: String,
    /// The value.
    pub value: String,
    /// The line, counted from 1.
    pub line: usize,
    pub(super) text: String,
}

/// The directives seen so far.
#[derive(Debug)]
struct Directives {
    done: bool,
    seen: Vec<String>,
    escape: char,
}

impl Default for Directives {
    fn default() -> Self {
        Self { done: false, seen: Vec::new(), escape: '\\' }
    }
}

impl Directives {
    /// Returns the directive on a line. The first line without one ends the directives of the file.
    fn take(&mut self, line: &str) -> Result<Option<(String, String)>, Problem> {
        let found = (!self.done).then(|| parse(line)).flatten();
        let Some((name, value)) = found else {
            self.done = true;
            return Ok(None);
        };
        if self.seen.contains(&name) {
            return Err(Problem::DirectiveTwice(name));
        }
        if name == "escape" {
            self.escape = match value.as_str() {
                "\\" => '\\',
                "`" => '`',
                _ => return Err(Problem::EscapeCharacter(value)),
            };
        }
        self.seen.push(name.clone());
        Ok(Some((name, value)))
    }
}

/// Parses `^#\s*name\s*=\s*(.+?)\s*$`, BuildKit's pattern: the lazy group takes the last blank of a blank value.
fn parse(line: &str) -> Option<(String, String)> {
    const BLANKS: [char; 5] = ['\t', '\n', '\u{c}', '\r', ' '];
    let (name, value) = line.strip_prefix('#')?.split_once('=')?;
    let name = name.trim_matches(BLANKS).to_ascii_lowercase();
    if !matches!(name.as_str(), "syntax" | "escape" | "check") {
        return None;
    }
    let trimmed = value.trim_matches(BLANKS);
    let value = if trimmed.is_empty() { value.get(value.len().checked_sub(1)?..)? } else { trimmed };
    Some((name, value.to_owned()))
}
