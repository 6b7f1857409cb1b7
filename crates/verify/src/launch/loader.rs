//! Dynamic loaders that are started as programs: `ld-linux-x86-64.so.2 --library-path /opt/lib /app`.

use super::call::Call;
use super::options::{Given, Grammar, OptionError, Value};
use super::process::{Libc, Process, Search, TextFile, Word};
use super::{Next, next};

/// The options of glibc's loader (`elf/rtld.c`). It takes a value only as the next word, and no beginnings of names.
const GLIBC: &[(&str, Value)] = &[
    ("--argv0", Value::Required),
    ("--audit", Value::Required),
    ("--glibc-hwcaps-mask", Value::Required),
    ("--glibc-hwcaps-prepend", Value::Required),
    ("--help", Value::None),
    ("--inhibit-cache", Value::None),
    ("--inhibit-rpath", Value::Required),
    ("--library-path", Value::Required),
    ("--list", Value::None),
    ("--list-diagnostics", Value::None),
    ("--list-tunables", Value::None),
    ("--preload", Value::Required),
    ("--verify", Value::None),
    ("--version", Value::None),
];

/// The options of musl's loader (`ldso/dynlink.c`).
const MUSL: Grammar = Grammar {
    short: "",
    long: &[
        ("argv0", Value::Required),
        ("library-path", Value::Required),
        ("list", Value::None),
        ("preload", Value::Required),
    ],
};

/// Reads the arguments of a loader.
pub(super) fn read(call: &Call<'_>, libc: Libc) -> Next {
    let read = match libc {
        Libc::Glibc => glibc(call.arguments()),
        Libc::Musl => MUSL.read(call.arguments()),
    };
    let (options, rest) = match read {
        Ok(read) => read,
        Err(error) => return next::refused(call, error),
    };
    if options.iter().any(|option| option.value.is_none() && option.name != "inhibit-cache") {
        // It prints, and starts nothing.
        return Next::Nothing;
    }
    if rest.is_empty() {
        return next::no_command(call);
    }
    let mut process = call.process.starting(&call.program, rest.to_vec());
    for option in options {
        let variable = match option.name.as_str() {
            "library-path" => "LD_LIBRARY_PATH",
            "preload" => "LD_PRELOAD",
            _ => continue,
        };
        match option.value.as_ref().and_then(Word::known) {
            Some(value) => process.environment.set(variable, value),
            None => process.environment.forget(variable),
        }
    }
    let loader = Some(call.program.clone());
    Next::Start(Box::new(Process {
        search: Search::AsGiven,
        text_file: TextFile::Refused,
        loader,
        ..process
    }))
}

fn glibc(words: &[Word]) -> Result<(Vec<Given>, &[Word]), OptionError> {
    let (mut options, mut rest) = (Vec::new(), words);
    while let Some((word, after)) = rest.split_first() {
        let text = word.known().ok_or_else(|| OptionError::Unknown(word.to_string()))?;
        if !text.starts_with("--") {
            break;
        }
        let refused = || OptionError::Refused(text.to_owned());
        let (name, value) = GLIBC.iter().find(|(name, _)| *name == text).ok_or_else(refused)?;
        rest = after;
        let mut given = None;
        if *value == Value::Required {
            let (value, after) = rest.split_first().ok_or_else(refused)?;
            (given, rest) = (Some(value.clone()), after);
        }
        options.push(Given { name: name[2..].to_owned(), value: given });
    }
    Ok((options, rest))
}
