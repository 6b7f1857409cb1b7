//! `env`, of coreutils and of BusyBox.

use super::call::Call;
use super::options::{Given, Grammar, OptionError, Value, is_given};
use super::process::{Environment, Process, Word};
use super::{Next, next};
use crate::program::busybox::{has_known_env, splits_text};
use crate::program::inspect::text_to_split;
use crate::root::EntryKind;

const COREUTILS: Grammar = Grammar {
    short: "C:iS:u:v0a:",
    long: &[
        ("argv0", Value::Required),
        ("block-signal", Value::Attached),
        ("chdir", Value::Required),
        ("debug", Value::None),
        ("default-signal", Value::Attached),
        ("help", Value::None),
        ("ignore-environment", Value::None),
        ("ignore-signal", Value::Attached),
        ("list-signal-handling", Value::None),
        ("null", Value::None),
        ("split-string", Value::Required),
        ("unset", Value::Required),
        ("version", Value::None),
    ],
};

const BUSYBOX: Grammar = Grammar {
    short: "iu:0",
    long: &[("ignore-environment", Value::None), ("null", Value::None), ("unset", Value::Required)],
};

/// The number of `-S` that are split, one in the text of another.
const MAX_SPLITS: usize = 8;

/// Reads the arguments of `env`.
pub(super) fn read(call: &Call<'_>) -> Next {
    let is_busybox = call.is_busybox();
    if is_busybox {
        let words: Vec<&str> = call.arguments().iter().map_while(Word::known).collect();
        if splits_text(&words) {
            // The check of BusyBox has reported it (`busybox::check`).
            return Next::Nothing;
        }
    }
    let grammar = if is_busybox { BUSYBOX } else { COREUTILS };
    let split = match split_strings(call.arguments(), &grammar, &call.process.environment) {
        Ok(words) => words,
        Err(error) => return next::refused(call, error),
    };
    let (options, mut rest) = match grammar.read(&split) {
        Ok(read) => read,
        Err(OptionError::Refused(option)) if is_busybox && !has_known_env(|text| call.contains(text)) => {
            return Next::Unknown(format!(
                "it is unknown whether this BusyBox has the option `{option}` of env"
            ));
        }
        Err(error) => return next::refused(call, error),
    };
    let (mut environment, mut directory) = (call.process.environment.clone(), call.process.directory.clone());
    for option in &options {
        if let Some(next) = apply(option, &mut environment, &mut directory, call) {
            return next;
        }
    }
    // A single `-` means `-i`.
    if rest.first().and_then(Word::known) == Some("-") {
        environment = Environment::default();
        rest = &rest[1..];
    }
    while let Some((word, after)) = rest.split_first() {
        let Some(text) = word.known() else { return next::unknown_word(word) };
        let Some((name, value)) = text.split_once('=') else { break };
        environment.set(name, value);
        rest = after;
    }
    if rest.is_empty() {
        // It prints the environment.
        return Next::Nothing;
    }
    let process = call.process.starting(&call.program, rest.to_vec());
    let process = Process { environment, directory, ..process };
    // The program may do something else under another name.
    let is_renamed = is_given(&options, &["a", "argv0"]);
    next::started_by(call, if is_renamed { process.doubtful() } else { process })
}

/// Applies one option; returns what `env` does instead of starting a program.
fn apply(
    option: &Given,
    environment: &mut Environment,
    directory: &mut Option<String>,
    call: &Call<'_>,
) -> Option<Next> {
    let value = option.value.as_ref();
    match option.name.as_str() {
        "i" | "ignore-environment" => *environment = Environment::default(),
        "u" | "unset" => match value.and_then(Word::known) {
            Some(name) => environment.unset(name),
            None => return value.map(next::unknown_word),
        },
        "C" | "chdir" => match value.and_then(Word::known) {
            Some(path) => {
                let container = call.process.within(call.context.container);
                match container.resolve(path) {
                    Ok(found) if found.entry.kind == EntryKind::Directory => *directory = Some(found.path),
                    _ => return Some(next::no_directory(call, path)),
                }
            }
            None => *directory = None,
        },
        "help" | "version" => return Some(Next::Nothing),
        _ => {}
    }
    None
}

/// Replaces each `-S` and its text by the words in it.
fn split_strings(
    words: &[Word],
    grammar: &Grammar,
    environment: &Environment,
) -> Result<Vec<Word>, OptionError> {
    let mut words = words.to_vec();
    if !grammar.short.contains('S') {
        return Ok(words);
    }
    for _ in 0..MAX_SPLITS {
        let Some((at, taken, text)) = first_split(&words) else { return Ok(words) };
        let text = text.known().ok_or_else(|| OptionError::Unknown(text.to_string()))?;
        let split = split_string(text, environment)?;
        words.splice(at..at + taken, split.into_iter().map(Word::Known));
    }
    Err(OptionError::Unknown("-S".to_owned()))
}

/// Returns the place of the first `-S` among the options, the number of its words, and its text.
fn first_split(words: &[Word]) -> Option<(usize, usize, Word)> {
    let mut at = 0;
    while let Some(text) = words.get(at).and_then(Word::known) {
        match (text, text_to_split(text)) {
            ("--split-string", _) | (_, Some("")) => return Some((at, 2, words.get(at + 1)?.clone())),
            (_, Some(text)) => return Some((at, 1, Word::Known(text.to_owned()))),
            ("-u" | "-C" | "-a" | "--unset" | "--chdir" | "--argv0", None) => at += 2,
            _ if text.len() > 1 && text.starts_with('-') && text != "--" => at += 1,
            _ => return None,
        }
    }
    None
}

/// Splits a text as `env -S` does (coreutils' `build_argv`).
fn split_string(text: &str, environment: &Environment) -> Result<Vec<String>, OptionError> {
    let refused = || OptionError::Refused(format!("-S {text}"));
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' if quote.is_none() => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            _ if quote == Some(letter) => quote = None,
            ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r' if quote.is_none() => words.extend(word.take()),
            '#' if quote.is_none() && word.is_none() => break,
            '\\' if quote != Some('\'') => match letters.next().ok_or_else(refused)? {
                '_' if quote.is_none() => words.extend(word.take()),
                '_' => word.get_or_insert_default().push(' '),
                'c' if quote.is_none() => break,
                escape => word.get_or_insert_default().push(unescaped(escape).ok_or_else(refused)?),
            },
            '\\' if matches!(letters.peek(), Some('\\' | '\'')) => {
                word.get_or_insert_default().extend(letters.next());
            }
            '$' if quote != Some('\'') => {
                let name: String = letters.by_ref().take_while(|letter| *letter != '}').collect();
                let name = name.strip_prefix('{').ok_or_else(refused)?;
                if environment.is_unknown(name) {
                    return Err(OptionError::Unknown(format!("${{{name}}}")));
                }
                word.get_or_insert_default().push_str(environment.get(name).unwrap_or_default());
            }
            letter => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err(refused());
    }
    words.extend(word);
    Ok(words)
}

fn unescaped(letter: char) -> Option<char> {
    Some(match letter {
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '"' | '#' | '$' | '\'' | '\\' => letter,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line was given to `env -S` of coreutils 9.1.
    #[test]
    fn texts_are_split_as_env_does() {
        let mut environment = Environment::default();
        environment.set("X", "a b");
        for (text, expected) in [
            ("node --x", Some(&["node", "--x"][..])),
            ("  a\tb  ", Some(&["a", "b"])),
            ("'a b' \"c d\"e ''", Some(&["a b", "c de", ""])),
            ("a\\_b \"a\\_b\" a\\tb", Some(&["a", "b", "a b", "a\tb"])),
            ("p${X}q '${X}'", Some(&["pa bq", "${X}"])),
            ("a # b", Some(&["a"])),
            ("a#b \\# c\\c d", Some(&["a#b", "#", "c"])),
            ("'a\\'b'", Some(&["a'b"])),
            ("'a", None),
            ("$X", None),
            ("\\q", None),
        ] {
            let found = split_string(text, &environment).ok();
            let found: Option<Vec<&str>> =
                found.as_ref().map(|words| words.iter().map(String::as_str).collect());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
