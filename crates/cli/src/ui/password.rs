//! A password that is typed on a terminal, which does not show it.

use std::io::{self, Read};
use std::os::fd::AsFd;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Reads a line from the terminal of standard input without showing it; `None` if it is given up with Ctrl-C or Ctrl-D. `ask` is
/// called once the terminal shows nothing.
///
/// # Errors
/// If the terminal cannot be set or read.
pub(crate) fn read_password(longest: usize, ask: impl FnOnce()) -> io::Result<Option<String>> {
    let stdin = io::stdin();
    let _hidden = Hidden::set(&stdin)?;
    ask();
    let line = read_line(&mut stdin.lock(), longest)?;
    let text = |bytes| String::from_utf8(bytes).map_err(|_| io::Error::other("the password is not UTF-8"));
    line.map(text).transpose()
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Hidden<'a> {
    stdin: &'a io::Stdin,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn set(stdin: &'a io::Stdin) -> io::Result<Self> {
        let before = tcgetattr(stdin.as_fd())?;
        let mut hidden = before.clone();
        // Ctrl-C is read as a character: a signal would leave the terminal as it is.
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(stdin.as_fd(), OptionalActions::Now, &hidden)?;
        Ok(Self { stdin, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // A terminal that is gone needs no repair.
        let _restored = tcsetattr(self.stdin.as_fd(), OptionalActions::Now, &self.before);
    }
}

const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const CTRL_U: u8 = 0x15;
const BACKSPACE: [u8; 2] = [0x08, 0x7f];

/// Reads a line of characters as a terminal hands them on one by one.
fn read_line(reader: &mut impl Read, longest: usize) -> io::Result<Option<Vec<u8>>> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    loop {
        match reader.read(&mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        match byte[0] {
            b'\n' | b'\r' => return Ok(Some(line)),
            CTRL_C => return Ok(None),
            CTRL_D if line.is_empty() => return Ok(None),
            CTRL_D => return Ok(Some(line)),
            CTRL_U => line.clear(),
            erase if BACKSPACE.contains(&erase) => {
                // The bytes of one character in UTF-8.
                while line.pop().is_some_and(|last| last & 0xc0 == 0x80) {}
            }
            _ if line.len() == longest => {
                return Err(io::Error::other(format!("the password is longer than {longest} bytes")));
            }
            other => line.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_edited_as_on_a_terminal() {
        for (typed, expected) in [
            ("secret\r", Some("secret")),
            ("secret\nmore\n", Some("secret")),
            ("sé\u{7f}ecrex\u{8}t\n", Some("secret")),
            ("wrong\u{15}secret\n", Some("secret")),
            ("secret\u{4}", Some("secret")),
            ("\u{7f}\n", Some("")),
            ("sec\u{3}ret\n", None),
            ("\u{4}", None),
            ("sec", None),
        ] {
            let found = read_line(&mut typed.as_bytes(), 64).unwrap();
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{typed:?}");
        }
        read_line(&mut "x".repeat(65).as_bytes(), 64).unwrap_err();
    }
}
