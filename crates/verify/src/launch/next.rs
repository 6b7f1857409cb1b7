//! The results that the readers of launchers and loaders share.

use std::fmt;

use super::Next;
use super::call::Call;
use super::options::OptionError;
use super::process::{Process, Role, Search, TextFile, Word};
use crate::{Finding, codes};

/// Starts a command as the launcher's own user, with `execvp`.
pub(super) fn start(call: &Call<'_>, command: &[Word]) -> Next {
    started_by(call, call.process.starting(&call.program, command.to_vec()))
}

/// Starts a process with `execvp` of the launcher's C library.
pub(super) fn started_by(call: &Call<'_>, process: Process) -> Next {
    // Once, because it reads the program and its loader.
    let libc = call.libc();
    let (search, text_file) = (Search::Path(libc), TextFile::of_execvp(libc));
    Next::Start(Box::new(Process { search, text_file, ..process }))
}

/// Returns the result for a word that hides the command.
pub(super) fn unknown_word(word: &impl fmt::Display) -> Next {
    Next::Unknown(format!("`{word}` is only known when it runs"))
}

/// Returns the result for a program below another root directory.
pub(super) fn other_root() -> Next {
    Next::Unknown("programs below another root directory are not followed".to_owned())
}

/// Returns the result for a shell that reads its commands from the standard input, which is empty.
pub(super) fn reads_input(call: &Call<'_>) -> Next {
    if call.process.role != Role::Program {
        return Next::Nothing;
    }
    let message = format!(
        "{} is started without commands: it reads them from the standard input, which is empty unless the container runs with \
         `-i`, and ends at once with status 0.",
        call.program
    );
    let target = call.context.target.name();
    Next::Fails(Finding::new(codes::LAUNCH_READS_INPUT, target, &call.found.path, message))
}

/// Returns the result for options that the launcher refuses.
pub(super) fn refused(call: &Call<'_>, error: OptionError) -> Next {
    match error {
        OptionError::Unknown(word) => unknown_word(&word),
        OptionError::Refused(option) => {
            fails(call, format!("it has no option `{option}`, or the option lacks its value"))
        }
    }
}

/// Returns the result for a launcher without a command.
pub(super) fn no_command(call: &Call<'_>) -> Next {
    fails(call, "no command follows its options".to_owned())
}

/// Returns the result for a working directory that is not there.
pub(super) fn no_directory(call: &Call<'_>, path: &str) -> Next {
    fails(call, format!("it changes to the directory {path}, which the image does not have"))
}

/// Returns the result for a file that the program is to run and cannot open.
pub(super) fn no_file(call: &Call<'_>, name: &str, why: &str) -> Next {
    if call.process.may_be_made(name) {
        return Next::Unknown(format!("{} runs {name}, which an earlier command may create", call.program));
    }
    let message = format!("{} runs {name}, and {why}: it stops at once.", call.program);
    Next::Fails(Finding::new(codes::LAUNCH_FILE_MISSING, call.context.target.name(), name, message))
}

/// Returns the finding that the launcher stops instead of starting anything; `why` completes "X starts nothing: …".
pub(super) fn fails(call: &Call<'_>, why: String) -> Next {
    let words: Vec<String> = call.process.words.iter().take(20).map(ToString::to_string).collect();
    let message = format!("{} starts nothing: {why}.", call.program);
    let finding = Finding::new(codes::LAUNCH_REFUSED, call.context.target.name(), &call.found.path, message);
    Next::Fails(finding.with_evidence("command", words.join(" ")))
}
