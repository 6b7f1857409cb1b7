//! What a call of `env` prints that clap refuses, so that its evaluation fails like that of every other error.

use std::borrow::Cow;
use std::ffi::OsString;

use clap::ValueEnum;

use crate::arguments::ShellName;
use crate::commands::shell::failure;

/// The failure in the language of the shell that the call names; none where the arguments, the program's own name
/// first, call another command than `env`.
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

/// Whether the word is an option whose value is the next word.
fn takes_next(option: &clap::Arg, word: &str) -> bool {
    let long = option.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long));
    let letters = word.strip_prefix('-').filter(|letters| !letters.starts_with('-'));
    let short = option.get_short().zip(letters).is_some_and(|(short, letters)| letters.ends_with(short));
    option.get_action().takes_values() && (long || short)
}

/// The shell that the words name, and sh where they name none, as in a call that can be read.
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

/// An unknown name that begins as PowerShell's names do (`pwsh`) is that one's; `false` fails in every other shell.
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

    fn said(call: &str) -> Option<&'static str> {
        let arguments: Vec<OsString> = call.split(' ').map(OsString::from).collect();
        refused(&Arguments::command(), &arguments)
    }

    #[test]
    fn only_a_call_of_env_is_answered_and_in_its_shell() {
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
            assert_eq!(said(call), Some("false\n"), "{call}");
        }
        for call in [
            "crossdock env --shell powershell",
            "crossdock env --shell=pwsh x",
            "c env x y --shell PowerShell",
        ] {
            assert_eq!(said(call), Some("throw 'crossdock env failed'\n"), "{call}");
        }
        assert_eq!(said("crossdock env x y --shell dotenv"), Some(""));
        for call in ["crossdock", "crossdock plan env", "crossdock --config env", "crossdock nothing"] {
            assert_eq!(said(call), None, "{call}");
        }
    }
}
