//! Shows the tools that a call waits for before a run has steps: they answer about projects and this machine.

use crossdock::process::{Command, LineReceiver, Watch};

use super::live::{First, Live};
use super::text::plain;

/// Returns a watch that shows tools that do not answer soon.
pub(crate) fn watch(live: &Live) -> Watch {
    let live = live.clone();
    Watch::new(move |command| -> LineReceiver {
        let work = live.start(&title(command), First::WhenSlow);
        Box::new(move |line| {
            let line = plain(line);
            if !line.is_empty() {
                work.detail(line.strip_prefix("go: ").unwrap_or(&line));
            }
        })
    })
}

/// Returns what a command is run for.
fn title(command: &Command) -> String {
    let program = camino::Utf8Path::new(&command.program);
    let program = program.file_stem().unwrap_or(&command.program);
    match (program, command.arguments.first().map(String::as_str)) {
        ("go", Some("list")) => "reading modules".to_owned(),
        ("cargo", Some("metadata")) => "reading packages".to_owned(),
        (_, Some(argument)) if !argument.starts_with('-') => format!("running {program} {argument}"),
        _ => format!("running {program}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_named_by_its_purpose_or_its_program() {
        let name =
            |program: &str, arguments: &[&str]| title(&Command::new(program, "/").args(arguments.to_vec()));
        assert_eq!(name("/usr/lib/go/bin/go", &["list", "-e"]), "reading modules");
        assert_eq!(name("cargo", &["metadata", "--offline"]), "reading packages");
        assert_eq!(name("rustup", &["target", "list"]), "running rustup target");
        assert_eq!(name("git", &["-c", "core.pager=cat", "status"]), "running git");
    }
}
