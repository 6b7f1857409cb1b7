//! Reads the command line of a shell: `sh -eu -c text name argument…`.

use crate::start::Options;
use crate::value::Value;

/// Where a shell's commands are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptSource {
    /// The text after `-c`.
    Command(Value),
    /// A file, which the shell also looks up in PATH if it has no slash and is not in the working directory.
    File(Value),
    /// Standard input: an interactive shell, or whatever is piped into it.
    Input,
}

/// The command line of a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellCall {
    /// Its options.
    pub options: Options,
    /// `-l` or `--login`: it reads the startup files of a login shell first.
    pub is_login: bool,
    /// `-i`: it reads the startup files of an interactive shell first.
    pub is_interactive: bool,
    /// Where its commands are from.
    pub source: ScriptSource,
    /// `$0`. `None` if unspecified: it is the shell's own name.
    pub name: Option<Value>,
    /// `$1` and those that follow.
    pub arguments: Vec<Value>,
}

/// Reads the words after the shell's name. `None` if an option is not known.
///
/// ```
/// use crossdock_shell::{ScriptSource, Value, read_shell_arguments};
///
/// let words = ["-ec", "exec \"$@\"", "sh", "/app"].map(Value::from);
/// let call = read_shell_arguments(&words).unwrap();
/// assert_eq!(call.source, ScriptSource::Command("exec \"$@\"".into()));
/// assert!(call.options.errexit);
/// assert_eq!(call.arguments, ["/app".into()]);
/// ```
pub fn read_shell_arguments(words: &[Value]) -> Option<ShellCall> {
    let mut options = Options::default();
    let (mut command, mut input) = (false, false);
    let (mut is_login, mut is_interactive) = (false, false);
    let mut rest = words;
    while let [word, after @ ..] = rest {
        let Some(text) = word.text() else {
            // Nothing after it is certain.
            if may_be_options(word) {
                return None;
            }
            break;
        };
        if !text.starts_with(['-', '+']) || text.len() < 2 {
            rest = if text == "-" { after } else { rest };
            break;
        }
        rest = after;
        if text == "--" {
            break;
        }
        if let Some(long) = text.strip_prefix("--") {
            // bash's options with an argument.
            match long {
                "rcfile" | "init-file" => rest = rest.get(1..)?,
                "login" => is_login = true,
                _ => {}
            }
            continue;
        }
        let on = text.starts_with('-');
        for letter in text.chars().skip(1) {
            match letter {
                'c' => command = true,
                's' => input = true,
                'l' => is_login = on,
                'i' => is_interactive = on,
                'o' | 'O' => {
                    let (name, after) = rest.split_first()?;
                    rest = after;
                    if let Some(option) = options.of_name(name.text()?) {
                        *option = on;
                    }
                }
                letter if letter.is_ascii_alphabetic() => {
                    if let Some(option) = options.of_letter(letter) {
                        *option = on;
                    }
                }
                _ => return None,
            }
        }
    }
    let mut rest = rest.iter().cloned();
    let (source, name) = if command {
        // `sh -c` without a text is an error of its own, which the shell reports.
        (ScriptSource::Command(rest.next()?), rest.next())
    } else if input {
        (ScriptSource::Input, None)
    } else {
        match rest.next() {
            Some(file) => (ScriptSource::File(file.clone()), Some(file)),
            None => (ScriptSource::Input, None),
        }
    };
    Some(ShellCall { options, is_login, is_interactive, source, name, arguments: rest.collect() })
}

/// Whether a word whose text is not known may be options of a shell or of `set`.
pub(crate) fn may_be_options(word: &Value) -> bool {
    word.is_many() || matches!(word.prefix(), "" | "-" | "+")
}
