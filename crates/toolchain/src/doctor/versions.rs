//! Versions of tools, where detection did not need them.

use std::thread;

use super::Check;
use crate::host::Tool;
use crossdock_system::availability::Availability;
use crossdock_system::process::{Command, Processes};

/// Asks every tool that was found, and whose version is not known yet, for its version, all side by side. A tool that
/// gives none keeps none.
pub fn ask_versions(checks: &mut [Check], processes: &Processes) {
    thread::scope(|scope| {
        for check in checks {
            if let Availability::Available(tool) = &mut check.found
                && tool.version.is_none()
            {
                scope.spawn(|| tool.version = ask(tool, processes));
            }
        }
    });
}

fn ask(tool: &Tool, processes: &Processes) -> Option<String> {
    let (program, arguments) = tool.command.split_first()?;
    let command = Command::new(program, processes.environment().directory.clone())
        .args(arguments.iter().cloned())
        .args(["--version"]);
    let output = processes.output(&command).ok().filter(|output| output.status.success())?;
    first_version(&String::from_utf8_lossy(&output.stdout))
}

/// The first word of a tool's answer that looks like a version: `gcc (Debian 12.2.0-14+deb12u1) 12.2.0` means 12.2.0.
fn first_version(text: &str) -> Option<String> {
    let words = text.lines().next()?.split(|c: char| c.is_whitespace() || c == '(' || c == ')' || c == ',');
    let numbers = words.map(|word| word.trim_start_matches('v')).filter(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        parts.len() > 1
            && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    });
    numbers.map(str::to_owned).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_plain_number_is_the_version() {
        for (text, version) in [
            ("git version 2.39.5", "2.39.5"),
            ("aarch64-linux-gnu-gcc (Debian 12.2.0-14) 12.2.0\nCopyright", "12.2.0"),
            ("Docker version 20.10.24+dfsg1, build 297e128", ""),
            ("podman version 4.3.1", "4.3.1"),
            ("qemu-aarch64 version 7.2.22 (Debian 1:7.2+dfsg)", "7.2.22"),
            ("Debian clang version v14.0.6", "14.0.6"),
            ("usage: …", ""),
            ("", ""),
        ] {
            assert_eq!(first_version(text).unwrap_or_default(), version, "{text}");
        }
    }
}
