//! Lines at the bottom of a terminal, which indicatif draws, erases and redraws.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

/// The lines that are drawn now.
pub(crate) struct Drawing {
    /// Its message is all the lines: indicatif then draws once per change, not once per line and change.
    bar: ProgressBar,
    terminal: Terminal,
}

impl Drawing {
    /// Returns a drawing without lines.
    pub(crate) fn new() -> Self {
        let terminal = Terminal::default();
        // Without a limit of drawings per second, which would drop the last one.
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let style =
            ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        Self { bar: ProgressBar::with_draw_target(None, target).with_style(style), terminal }
    }

    /// Replaces the lines by text and new lines. Returns what a terminal of `columns` and `rows` must get, in one
    /// write, so that it does not flicker.
    pub(crate) fn redraw(&mut self, text: &str, lines: &str, (columns, rows): (usize, usize)) -> String {
        // indicatif computes the width of a line modulo the columns, and one character fills up to two.
        let size = [columns.max(2), rows.max(1)].map(|n| n.try_into().unwrap_or(u16::MAX));
        let mut terminal = self.terminal.lock();
        if terminal.size[0] != size[0] && !self.bar.message().is_empty() {
            // A terminal that became narrower wraps the lines: indicatif does not know of the rows below the last one.
            // From the second column, because tmux keeps in its history what is erased from the top left.
            terminal.text.push_str("\u{1b}[C\u{1b}[J");
        }
        terminal.size = size;
        drop(terminal);
        let bar = self.bar.clone().with_message(lines.to_owned());
        bar.suspend(|| self.terminal.lock().text.push_str(text));
        std::mem::take(&mut self.terminal.lock().text)
    }
}

/// The terminal as indicatif sees it. What it writes is collected.
#[derive(Debug, Clone, Default)]
struct Terminal(Arc<Mutex<Collected>>);

#[derive(Debug, Default)]
struct Collected {
    /// The columns and rows.
    size: [u16; 2],
    text: String,
    /// Whether the cursor is behind a drawn line.
    is_behind_line: bool,
}

impl Terminal {
    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, text: &str) -> io::Result<()> {
        self.lock().text.push_str(text);
        Ok(())
    }

    /// Moves the cursor by an escape sequence of ECMA-48, for which 0 means 1.
    fn move_cursor(&self, n: usize, direction: char) -> io::Result<()> {
        if n == 0 { Ok(()) } else { self.push(&format!("\u{1b}[{n}{direction}")) }
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        self.lock().size[0]
    }

    fn height(&self) -> u16 {
        self.lock().size[1]
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'D')
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.push(&format!("{line}\n"))
    }

    /// Writes a line, or the spaces with which indicatif pads each line so that the terminal wraps it. They become a
    /// line feed: a terminal joins wrapped lines when it is resized, and some wrap as soon as the last column is filled.
    fn write_str(&self, text: &str) -> io::Result<()> {
        let mut collected = self.lock();
        if text.trim_matches(' ').is_empty() {
            collected.is_behind_line = true;
            return Ok(());
        }
        if std::mem::take(&mut collected.is_behind_line) {
            collected.text.push('\n');
        }
        collected.text.push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.push("\r\u{1b}[2K")
    }

    /// Ends a drawing at the beginning of its last line, where the terminal echoes `^C`. At the end of a line it would
    /// wrap, and the rest of that line stay.
    fn flush(&self) -> io::Result<()> {
        let mut collected = self.lock();
        if std::mem::take(&mut collected.is_behind_line) {
            collected.text.push('\r');
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_replaced_in_place() {
        let mut drawing = Drawing::new();
        let size = (20, 3);
        assert_eq!(drawing.redraw("", "", size), "");
        assert_eq!(drawing.redraw("", "one\ntwo", size), "one\ntwo\r");
        let erased = "\u{1b}[1A\r\u{1b}[2K\u{1b}[1B\r\u{1b}[2K\u{1b}[1A";
        assert_eq!(drawing.redraw("text\n\nmore\n", "one", size), format!("{erased}text\n\nmore\none\r"));
        assert_eq!(
            drawing.redraw("", "one", (10, 3)),
            "\u{1b}[C\u{1b}[J\r\u{1b}[2Kone\r",
            "it became narrower"
        );
        assert_eq!(drawing.redraw("the end\n", "", (10, 3)), "\r\u{1b}[2Kthe end\n");
        assert_eq!(drawing.redraw("", "", size), "");
    }

    #[test]
    fn every_drawing_is_written() {
        let mut drawing = Drawing::new();
        let frames: Vec<String> =
            (0..1000).map(|n| drawing.redraw("", &format!("frame {n}"), (80, 24))).collect();
        assert!(frames.iter().enumerate().all(|(n, frame)| frame.ends_with(&format!("frame {n}\r"))));
    }

    #[test]
    fn no_size_of_a_terminal_stops_the_drawing() {
        let lines = "漢字漢字\n\u{1b}[2mdim\u{1b}[0m";
        for columns in [0, 1, 2, 3, 8, 80, 100_000] {
            for rows in [0, 1, 2, 100_000] {
                let mut drawing = Drawing::new();
                drawing.redraw("", lines, (columns, rows));
                drawing.redraw("text", lines, (columns, rows));
            }
        }
        assert_eq!(
            Drawing::new().redraw("", "1\n2\n3\n4", (80, 3)),
            "1\n2\n3\r",
            "the top line can be erased"
        );
    }
}
