//! The first line of a script, read as by `fs/binfmt_script.c`.

/// The number of bytes that Linux reads to recognize a file (`BINPRM_BUF_SIZE`, since 5.1).
const HEAD: usize = 256;

/// The contents of a `#!` line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Script {
    /// The path of the interpreter; empty if the line names none.
    pub interpreter: String,
    /// The rest of the line, which Linux passes as one argument.
    pub argument: Option<String>,
    /// Whether the line ends in a carriage return, which belongs to the argument, or to the interpreter's name without
    /// an argument.
    pub has_carriage_return: bool,
    /// Whether the interpreter's path exceeds the 256 bytes that the kernel reads.
    pub is_truncated: bool,
}

impl Script {
    /// Returns the program that `/usr/bin/env` starts: its argument, or with `-S` the first word that is neither an
    /// option nor an assignment. `None` if the line alters the lookup: by quotes, variables, or its own PATH or
    /// directory.
    pub fn env_target(&self) -> Option<&str> {
        let argument = self.argument.as_deref().filter(|_| self.interpreter_name() == "env")?;
        match text_to_split(argument) {
            Some(words) => command_of(words),
            None => Some(argument).filter(|argument| !argument.starts_with('-')),
        }
    }

    /// Returns whether the carriage return at the line's end is harmless: `env -S` treats it as a blank, and Perl and
    /// Ruby ignore one after their options.
    pub(crate) fn tolerates_carriage_return(&self) -> bool {
        let Some(argument) = self.argument.as_deref() else { return false };
        match self.interpreter_name() {
            "env" => text_to_split(argument).is_some(),
            name => (name.starts_with("perl") || name.starts_with("ruby")) && argument.starts_with('-'),
        }
    }

    /// Returns whether the kernel finds an interpreter's name in the line that no carriage return spoils.
    pub(crate) fn names_interpreter(&self) -> bool {
        let is_spoiled = self.has_carriage_return && !self.tolerates_carriage_return();
        !is_spoiled && !self.is_truncated && !self.interpreter.is_empty()
    }

    /// Returns whether a shell runs the script, perhaps started by `env`.
    pub(crate) fn is_for_shell(&self) -> bool {
        is_shell(self.env_target().unwrap_or(&self.interpreter))
    }

    /// Returns the interpreter's file name.
    pub(crate) fn interpreter_name(&self) -> &str {
        self.interpreter.rsplit_once('/').map_or(&self.interpreter, |(_, name)| name)
    }
}

/// Returns whether a program of this name or path is a POSIX shell.
pub(crate) fn is_shell(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    ["sh", "ash", "dash", "bash", "hush", "ksh", "ksh93", "mksh", "zsh", "yash", "rbash"].contains(&name)
}

/// Returns the text that `env` splits into words: that after `-S`, `-vS` and the like, or after `--split-string=`.
pub(crate) fn text_to_split(argument: &str) -> Option<&str> {
    let short = || argument.strip_prefix('-')?.trim_start_matches(['i', 'v', '0']).strip_prefix('S');
    argument.strip_prefix("--split-string=").or_else(short)
}

fn command_of(words: &str) -> Option<&str> {
    if words.contains(['"', '\'', '\\', '$', '#']) {
        return None;
    }
    let mut words = words.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "-u" | "--unset" | "-a" | "--argv0" => drop(words.next()),
            "-C" | "--chdir" => return None,
            _ if word.starts_with("PATH=") || word.starts_with("--chdir=") => return None,
            _ if word.starts_with('-') || word.contains('=') => {}
            _ => return Some(word),
        }
    }
    None
}

/// Reads the `#!` line; `None` if the file does not begin with one.
pub(super) fn read(bytes: &[u8]) -> Option<Script> {
    let head = &bytes[..bytes.len().min(HEAD)];
    let rest = head.strip_prefix(b"#!")?;
    let end = memchr::memchr(b'\n', rest);
    let line = &rest[..end.unwrap_or(rest.len())];
    // `load_script` reads the line as C text, and pads a shorter file with NULs: a NUL ends the line, and the name
    // of the interpreter too.
    let nul = memchr::memchr(0, line);
    let line = &line[..nul.unwrap_or(line.len())];
    let has_carriage_return = end.is_some() && line.last() == Some(&b'\r');
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let line = &line[line.iter().take_while(|byte| blank(byte)).count()..];
    let name_end = line.iter().position(blank).unwrap_or(line.len());
    let argument = line[name_end..].iter().position(|byte| !blank(byte)).map(|skip| &line[name_end + skip..]);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches([' ', '\t']).to_owned();
    Some(Script {
        interpreter: text(&line[..name_end]),
        argument: argument.map(text).filter(|argument| !argument.is_empty()),
        has_carriage_return,
        // A file of exactly the head's length is not padded, so that its name has no end either.
        is_truncated: end.or(nul).is_none() && bytes.len() >= HEAD && name_end == line.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_linux_does() {
        let cases: &[(&str, &str, Option<&str>, Option<&str>)] = &[
            ("#!/bin/sh\n", "/bin/sh", None, None),
            ("#! /bin/sh -e -x \n", "/bin/sh", Some("-e -x"), None),
            ("#!/usr/bin/env python3\n", "/usr/bin/env", Some("python3"), Some("python3")),
            ("#!/usr/bin/env -S A=1 -i node --x\n", "/usr/bin/env", Some("-S A=1 -i node --x"), Some("node")),
            ("#!/usr/bin/env -iSnode\n", "/usr/bin/env", Some("-iSnode"), Some("node")),
            (
                "#!/usr/bin/env --split-string=-u A /opt/x y\n",
                "/usr/bin/env",
                Some("--split-string=-u A /opt/x y"),
                Some("/opt/x"),
            ),
            ("#!/usr/bin/env -S python3\r\n", "/usr/bin/env", Some("-S python3\r"), Some("python3")),
            ("#!/usr/bin/env -S PATH=/opt x\n", "/usr/bin/env", Some("-S PATH=/opt x"), None),
            ("#!/usr/bin/env -S ${X}/y\n", "/usr/bin/env", Some("-S ${X}/y"), None),
            ("#!/usr/bin/env -i\n", "/usr/bin/env", Some("-i"), None),
            ("#!/bin/sh\r\n", "/bin/sh\r", None, None),
            ("#!/bin/sh -e\r\n", "/bin/sh", Some("-e\r"), None),
            ("#!", "", None, None),
            ("#!/bin/sh", "/bin/sh", None, None),
            ("#!/bin/sh\0 -e\n", "/bin/sh", None, None),
            ("#!/bin/sh -e\0x\n", "/bin/sh", Some("-e"), None),
            ("#!\t\r/bin/sh\n", "\r/bin/sh", None, None),
        ];
        for (line, interpreter, argument, target) in cases {
            let script = read(line.as_bytes()).unwrap();
            assert_eq!(
                (script.interpreter.as_str(), script.argument.as_deref()),
                (*interpreter, *argument),
                "{line:?}"
            );
            assert_eq!(script.env_target(), *target, "{line:?}");
        }
    }

    #[test]
    fn a_long_line_is_cut() {
        let line = format!("#!/{}\n", "x".repeat(300));
        assert!(read(line.as_bytes()).unwrap().is_truncated);
        // Seen on Linux 6: a file of 255 bytes without a line break runs, and one of 256 is refused.
        for (length, is_truncated) in [(255, false), (256, true)] {
            let name = "x".repeat(length - 3);
            let script = read(format!("#!/{name}").as_bytes()).unwrap();
            assert_eq!((script.is_truncated, script.interpreter), (is_truncated, format!("/{name}")));
        }
    }
}
