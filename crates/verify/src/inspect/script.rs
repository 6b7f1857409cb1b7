//! The first line of a script, as `fs/binfmt_script.c` reads it.

/// Linux reads this much of a file to find out what it is (`BINPRM_BUF_SIZE`, since 5.1).
const HEAD: usize = 256;

/// What a `#!` line says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Script {
    /// The path of the interpreter; empty when the line names none.
    pub interpreter: String,
    /// Everything after it, as one argument, the way Linux hands it over.
    pub argument: Option<String>,
    /// The line ends in a carriage return, which becomes part of the last word.
    pub has_carriage_return: bool,
    /// The interpreter's path goes beyond the 256 bytes that the kernel reads.
    pub is_cut: bool,
}

impl Script {
    /// The program that `/usr/bin/env` is asked to start: the first word of its argument that is neither an option nor
    /// an assignment.
    pub fn env_target(&self) -> Option<&str> {
        if self.interpreter.rsplit('/').next() != Some("env") {
            return None;
        }
        let argument = self.argument.as_deref()?;
        match argument.strip_prefix("-S") {
            Some(words) => {
                words.split_whitespace().find(|word| !word.starts_with('-') && !word.contains('='))
            }
            None => Some(argument),
        }
    }
}

/// Reads the `#!` line, if the file begins with one.
pub(super) fn read(bytes: &[u8]) -> Option<Script> {
    let head = &bytes[..bytes.len().min(HEAD)];
    let rest = head.strip_prefix(b"#!")?;
    let end = memchr::memchr(b'\n', rest);
    let line = &rest[..end.unwrap_or(rest.len())];
    let has_carriage_return = end.is_some() && line.last() == Some(&b'\r');
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let line = line.trim_ascii_start();
    let name_end = line.iter().position(blank).unwrap_or(line.len());
    let argument = line[name_end..].iter().position(|byte| !blank(byte)).map(|skip| &line[name_end + skip..]);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches([' ', '\t']).to_owned();
    Some(Script {
        interpreter: text(&line[..name_end]),
        argument: argument.map(text).filter(|argument| !argument.is_empty()),
        has_carriage_return,
        is_cut: end.is_none() && bytes.len() > HEAD && name_end == line.len(),
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
            ("#!/bin/sh\r\n", "/bin/sh\r", None, None),
            ("#!", "", None, None),
            ("#!/bin/sh", "/bin/sh", None, None),
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
        assert!(read(line.as_bytes()).unwrap().is_cut);
    }
}
