//! Options that a shell refuses.
//!
//! Each shell was asked for each letter and name: dash 0.5.12, bash 5.2 and BusyBox 1.35. Another version may know more names,
//! which its program then contains.

use crossdock_shell::Dialect;

use super::call::Call;
use super::process::Word;

/// The long options of bash, which it also takes after one dash, and only before the letters.
const LONG: &[&str] = &[
    "debug",
    "debugger",
    "dump-po-strings",
    "dump-strings",
    "help",
    "init-file",
    "login",
    "noediting",
    "noprofile",
    "norc",
    "posix",
    "pretty-print",
    "protected",
    "rcfile",
    "restricted",
    "rpm-requires",
    "verbose",
    "version",
    "wordexp",
];

/// Returns the option that the shell of a call surely refuses; `None` if it knows all, or if the shell is another one.
pub(super) fn refused(call: &Call<'_>) -> Option<String> {
    let dialect = if call.contains("illegal option %co %s") && call.is_busybox() {
        Dialect::Ash
    } else if call.contains("GNU bash") {
        Dialect::Bash
    } else if call.contains("Illegal option -%c") && !call.is_busybox() {
        Dialect::Dash
    } else {
        return None;
    };
    refused_by(dialect, call.arguments(), |name| call.contains(name))
}

/// Returns the letters that no option of the shell is.
fn unknown_letters(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Dash => "ABDFGHJKLMNOPQRSTUWXYZdghjkqrtwyz",
        Dialect::Ash => "ABDFGHJKLMNOPQRSTUVWXYZdghjkqrtwyz",
        Dialect::Bash => "AFGIJKLMNQRSUVWXYZdgjqwyz",
    }
}

fn refused_by(dialect: Dialect, words: &[Word], contains: impl Fn(&str) -> bool) -> Option<String> {
    let mut words = words.iter();
    let (mut takes_text, mut has_letters) = (false, false);
    let mut next = words.next();
    while let Some(word) = next {
        let text = word.known()?;
        if text.len() < 2 || !text.starts_with(['-', '+']) {
            break;
        }
        if text == "--" {
            next = words.next();
            break;
        }
        let long = text.strip_prefix("--").or_else(|| {
            // `-login`, but not the letters of `-e`.
            text.strip_prefix('-')
                .filter(|name| dialect == Dialect::Bash && LONG.contains(name) && !has_letters)
        });
        match (dialect, long) {
            (Dialect::Ash, Some(_)) => {}
            (Dialect::Bash, Some(name)) if !has_letters && (LONG.contains(&name) || contains(name)) => {
                if matches!(name, "rcfile" | "init-file") {
                    words.next()?;
                }
            }
            (_, Some(_)) => return Some(text.to_owned()),
            (_, None) => {
                has_letters = true;
                for letter in text.chars().skip(1) {
                    match letter {
                        'c' => takes_text = true,
                        'o' | 'O' if letter == 'o' || dialect == Dialect::Bash => {
                            let name = words.next()?.known()?;
                            if !contains(name) {
                                return Some(format!("{}{letter} {name}", &text[..1]));
                            }
                        }
                        letter if unknown_letters(dialect).contains(letter) => {
                            return Some(format!("{}{letter}", &text[..1]));
                        }
                        _ => {}
                    }
                }
            }
        }
        next = words.next();
    }
    (takes_text && next.is_none()).then(|| "-c".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line was given to the shells.
    #[test]
    fn shells_refuse_the_options_that_they_do_not_have() {
        let contains = |name: &str| ["pipefail", "posix", "errexit", "extglob", "restricted"].contains(&name);
        for (line, by_dash, by_ash, by_bash) in [
            ("-euxc text", None, None, None),
            ("-o nosuch -c text", Some("-o nosuch"), Some("-o nosuch"), Some("-o nosuch")),
            ("+o nosuch -c text", Some("+o nosuch"), Some("+o nosuch"), Some("+o nosuch")),
            ("-co text errexit", Some("-o text"), Some("-o text"), Some("-o text")),
            ("-o errexit -c text", None, None, None),
            ("-c --login text", Some("--login"), None, Some("--login")),
            ("--login -c text", Some("--login"), None, None),
            ("--nosuch -c text", Some("--nosuch"), None, Some("--nosuch")),
            ("--posix --rcfile x -ec text", Some("--posix"), None, None),
            ("-Z -c text", Some("-Z"), Some("-Z"), Some("-Z")),
            ("-O extglob -c text", Some("-O"), Some("-O"), None),
            ("-O nosuch -c text", Some("-O"), Some("-O"), Some("-O nosuch")),
            ("-l -c text", None, None, None),
            ("-c", Some("-c"), Some("-c"), Some("-c")),
            ("-c --", Some("-c"), Some("-c"), Some("-c")),
            ("-- -Z", None, None, None),
            ("- -Z", None, None, None),
            ("file -Z", None, None, None),
            ("-o", None, None, None),
        ] {
            let words: Vec<Word> = line.split(' ').map(|word| Word::Known(word.to_owned())).collect();
            for (dialect, expected) in
                [(Dialect::Dash, by_dash), (Dialect::Ash, by_ash), (Dialect::Bash, by_bash)]
            {
                assert_eq!(refused_by(dialect, &words, contains).as_deref(), expected, "{dialect:?} {line}");
            }
        }
        let login = ["-login", "-c", "text"].map(|word| Word::Known(word.to_owned()));
        assert_eq!(refused_by(Dialect::Bash, &login, contains), None);
        assert_eq!(refused_by(Dialect::Dash, &login, contains).as_deref(), Some("-o -c"));
        let unknown = [Word::Unknown("$OPTION".to_owned()), Word::Known("-Z".to_owned())];
        assert_eq!(refused_by(Dialect::Dash, &unknown, contains), None);
    }
}
