//! Runs on a terminal of a given size, and what a person then sees on it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::outcome::{Outcome, run};
use crate::program::crossdock;
use crate::sandbox::Sandbox;
use crate::tools::need;

/// The time limit for one run.
const LIMIT: Duration = Duration::from_secs(300);

/// The screen of a terminal and all lines that were scrolled off it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen {
    columns: usize,
    lines: Vec<Line>,
    row: usize,
    column: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Line {
    cells: Vec<char>,
    /// Whether the text went on at the right edge, so that the terminal continued it on the next line.
    wrapped: bool,
}

/// Returns the command that runs a line of shell on a terminal with this number of columns.
pub fn on_terminal(sandbox: &Sandbox, directory: &Path, columns: usize, line: &str) -> Command {
    let mut command = sandbox.command(need("script"), directory);
    let sized = format!("stty columns {columns} rows 24; {line}");
    command.args(["--quiet", "--return", "--command", &sized, "/dev/null"]);
    command
}

/// Runs a line of shell on a terminal and returns its outcome, whose standard output is what the terminal got.
fn run_on_terminal(sandbox: &Sandbox, directory: &Path, columns: usize, line: &str) -> Outcome {
    run(&mut on_terminal(sandbox, directory, columns, line), LIMIT)
}

/// Runs `crossdock CALL` on a terminal and returns its outcome, whose standard output is what the terminal got.
pub fn crossdock_on_terminal(sandbox: &Sandbox, directory: &Path, columns: usize, call: &str) -> Outcome {
    run_on_terminal(sandbox, directory, columns, &format!("'{}' {call}", crossdock().display()))
}

impl Screen {
    /// Shows what a terminal got. Panics at an escape sequence that crossdock has no reason to write.
    pub fn show(columns: usize, written: &str) -> Self {
        let mut screen = Self { columns, lines: vec![Line::default()], row: 0, column: 0 };
        let mut rest = written;
        while let Some(next) = rest.chars().next() {
            if let Some(sequence) = rest.strip_prefix("\u{1b}[") {
                let end = sequence.find(|c: char| c.is_ascii_alphabetic()).expect("a sequence ends");
                screen.obey(&sequence[..end], &sequence[end..=end]);
                rest = &sequence[end + 1..];
                continue;
            }
            rest = &rest[next.len_utf8()..];
            match next {
                '\n' => screen.down(),
                '\r' => screen.column = 0,
                '\u{1b}' => panic!("an escape sequence without `[`: {rest:?}"),
                c => screen.put(c),
            }
        }
        screen
    }

    fn obey(&mut self, parameter: &str, command: &str) {
        match (parameter, command) {
            (_, "m") => {}
            ("2", "K") => self.lines[self.row] = Line::default(),
            (count, "A") => self.row = self.row.saturating_sub(count.parse().expect("a number of lines")),
            (count, "B") => {
                let row = self.row + count.parse::<usize>().expect("a number of lines");
                self.row = row.min(self.lines.len() - 1);
            }
            other => panic!("the escape sequence {other:?}"),
        }
    }

    fn down(&mut self) {
        self.row += 1;
        if self.row == self.lines.len() {
            self.lines.push(Line::default());
        }
    }

    fn put(&mut self, c: char) {
        if self.column == self.columns {
            self.lines[self.row].wrapped = true;
            self.down();
            self.column = 0;
        }
        let cells = &mut self.lines[self.row].cells;
        cells.resize(cells.len().max(self.column + 1), ' ');
        cells[self.column] = c;
        self.column += 1;
    }

    /// Returns the lines, without spaces at their end and without empty lines at the end.
    pub fn lines(&self) -> Vec<String> {
        let text = |line: &Line| line.cells.iter().collect::<String>().trim_end().to_owned();
        let mut lines: Vec<String> = self.lines.iter().map(text).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// Returns the lines, whole, that the terminal continued on the next line because they were too wide.
    pub fn wrapped(&self) -> Vec<String> {
        let mut whole: Vec<String> = Vec::new();
        let mut continues = false;
        for line in &self.lines {
            let text: String = line.cells.iter().collect();
            match whole.last_mut().filter(|_| continues) {
                Some(whole) => whole.push_str(&text),
                None if line.wrapped => whole.push(text),
                None => {}
            }
            continues = line.wrapped;
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_shows_what_is_left() {
        let screen = Screen::show(
            10,
            "one\r\nlive 1\r\nlive 2\r\u{1b}[1A\u{1b}[2K\u{1b}[1B\u{1b}[2K\u{1b}[1Atwo\u{1b}[0m\r\n",
        );
        assert_eq!((screen.lines(), screen.wrapped()), (vec!["one".to_owned(), "two".to_owned()], vec![]));
        let wide = Screen::show(4, "abcdef\r\u{1b}[2Kx");
        assert_eq!(
            (wide.lines(), wide.wrapped()),
            (vec!["abcd".to_owned(), "x".to_owned()], vec!["abcdx".to_owned()])
        );
    }

    #[test]
    fn a_command_knows_the_columns_of_its_terminal() {
        let sandbox = Sandbox::new();
        let outcome = run_on_terminal(&sandbox, &sandbox.work(), 61, "stty size; exit 3").ends_with(3);
        assert_eq!(outcome.stdout.trim(), "24 61");
    }
}
