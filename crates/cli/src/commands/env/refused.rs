//! The output of a call of `env` that clap rejects. Its evaluation fails, as on every other error.

use std::borrow::Cow;
use std::ffi::OsString;

use clap::ValueEnum;

use crate::arguments::ShellName;
use crate::commands::shell::failure;

/// Returns the failure in the language of the shell that the call names. `arguments` begins with the program's name;
/// `None` if it calls another command than `env`.
pub(crate) fn refused(command: &clap::Command, arguments: &[OsString]) -> Option<&'static str> {
    let mut words = arguments.iter().skip(1).map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if command.get_arguments().any(|option| takes_next(option, &word)) {
            words.next();
        } else if let Some(chosen) = command.find_subcommand(word.as_ref()) {
            return (chosen.get_name() == "env").then(|| failure(shell(words)));
        }
    }
    None
}

/// Whether a word is an option whose value is the next word.
fn takes_next(option: &clap::Arg, word: &str) -> bool {
    let long = option.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long));
    let letters = word.strip_prefix('-').filter(|letters| !letters.starts_with('-'));
    let short = option.get_short().zip(letters).is_some_and(|(short, letters)| letters.ends_with(short));
    option.get_action().takes_values() && (long || short)
}

/// Returns the shell that the words name, else the default, sh.
fn shell<'a>(words: impl Iterator<Item = Cow<'a, str>>) -> ShellName {
    let mut words = words.take_while(|word| word != "--");
    while let Some(word) = words.next() {
        let name = match word.strip_prefix("--shell") {
            Some("") => words.next(),
            Some(rest) => rest.strip_prefix('=').map(|name| Cow::Owned(name.to_owned())),
            None => None,
        };
        if let Some(name) = name {
            return known_or_near(&name);
        }
    }
    ShellName::Sh
}

/// Returns the shell with a name. An unknown name that begins with `p` is taken for PowerShell (`pwsh`); `false`, the
/// failure of sh, fails in every other shell.
fn known_or_near(name: &str) -> ShellName {
    let powershell = name.starts_with(['p', 'P']);
    let near = if powershell { ShellName::Powershell } else { ShellName::Sh };
    ShellName::from_str(name, true).unwrap_or(near)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::arguments::Arguments;

    fn failure_of(call: &str) -> Option<&'static str> {
        let arguments: Vec<OsString> = call.split(' ').map(OsString::from).collect();
        refused(&Arguments::command(), &arguments)
    }

    #[test]
    fn only_calls_of_env_fail_and_in_their_shell() {
        for call in [
            "crossdock env",
            "crossdock env m7g.large --lng rust",
            "crossdock env m7g.large --lang rust --shell",
            "crossdock env m7g.large --shell bsh",
            "crossdock --color never -qC plan env x y",
            "crossdock --bogus env x",
            "crossdock env x --shell=fish --lang",
            "crossdock env -- --shell powershell",
        ] {
            assert_eq!(failure_of(call), Some("false\n"), "{call}");
        }
        for call in [
            "crossdock env --shell powershell",
            "crossdock env --shell=pwsh x",
            "c env x y --shell PowerShell",
        ] {
            assert_eq!(failure_of(call), Some("throw 'crossdock env failed'\n"), "{call}");
        }
        assert_eq!(failure_of("crossdock env x y --shell dotenv"), Some(""));
        for call in ["crossdock", "crossdock plan env", "crossdock --config env", "crossdock nothing"] {
            assert_eq!(failure_of(call), None, "{call}");
        }
    }
}
