//! The help of every command, found by following the help itself.

use super::sandbox::Sandbox;
use crate::shell::Failure;

/// Returns the help of the program and of all its commands, each below a line with the command's name.
pub(super) fn all(sandbox: &Sandbox) -> Result<String, Failure> {
    let mut text = String::new();
    add(sandbox, &mut Vec::new(), &mut text)?;
    Ok(text)
}

fn add(sandbox: &Sandbox, command: &mut Vec<String>, text: &mut String) -> Result<(), Failure> {
    let arguments: Vec<String> = command.iter().cloned().chain(["--help".to_owned()]).collect();
    let answer = sandbox.call("empty", &arguments, "", [])?;
    let title = std::iter::once("crossdock").chain(command.iter().map(String::as_str));
    text.push_str(&format!("==== {}\n\n{}\n", title.collect::<Vec<_>>().join(" "), answer.stdout));
    for name in commands(&answer.stdout) {
        command.push(name);
        add(sandbox, command, text)?;
        command.pop();
    }
    Ok(())
}

/// Returns the commands that a help lists, without `help` itself.
fn commands(help: &str) -> Vec<String> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let list = list.take_while(|line| !line.is_empty());
    // A command is indented by two; the lines that continue its description are indented further.
    let names = list.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    names
        .filter_map(|rest| rest.split(' ').next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn commands_are_read_from_the_help() {
        let help = "A program\n\nUsage: x\n\nCommands:\n  plan  Show\n        more\n  env   Print\n  help  Print\n\nOptions:\n  -h\n";
        assert_eq!(commands(help), ["plan", "env"]);
        assert_eq!(commands("Usage: x\n"), Vec::<String>::new());
    }
}
