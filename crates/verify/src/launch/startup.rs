//! The files that a shell reads before its commands, which often set PATH (bash(1), "INVOCATION"; dash(1), "Invocation").

use crossdock_shell::{Dialect, ShellCall};

use super::Context;
use super::accounts::Accounts;
use super::call::Call;
use super::process::Process;
use crate::program::container::{Container, Credentials};
use crate::root::EntryKind;

/// Returns commands, on one line, that read the startup files of a shell; empty if it reads none.
pub(super) fn commands(call: &Call<'_>, shell: &ShellCall, dialect: Dialect) -> String {
    let container = call.process.within(call.context.container);
    let home = home(call.context, call.process);
    let of_user = |name: &str| format!("{}/{name}", home.trim_end_matches('/'));
    // A login shell's name begins with a dash.
    let is_login = shell.is_login || call.process.name().is_some_and(|name| name.starts_with('-'));
    let mut files = Vec::new();
    if is_login {
        files.push("/etc/profile".to_owned());
        let names: &[&str] = match dialect {
            Dialect::Bash => &[".bash_profile", ".bash_login", ".profile"],
            _ => &[".profile"],
        };
        files.extend(names.iter().map(|name| of_user(name)).find(|file| is_file(container, file)));
    }
    match (dialect, shell.is_interactive) {
        // A login shell reads these only through its own files.
        (Dialect::Bash, true) if !is_login => {
            files.extend(["/etc/bash.bashrc".to_owned(), of_user(".bashrc")]);
        }
        (Dialect::Bash, false) => files.extend(call.process.environment.get("BASH_ENV").map(str::to_owned)),
        (_, true) => files.extend(call.process.environment.get("ENV").map(str::to_owned)),
        _ => {}
    }
    // Only an interactive shell has a prompt, which many of these files ask for.
    let prompt = if shell.is_interactive { "PS1='$ '; " } else { "" };
    let read = files.iter().filter(|file| is_file(container, file)).map(|file| format!(". '{file}'; "));
    std::iter::once(prompt.to_owned()).chain(read).collect()
}

/// Returns the home directory of the user, as the runtime or a launcher sets it.
pub(super) fn home(context: Context<'_>, process: &Process) -> String {
    let of_user = || {
        let uid = process.user.as_ref()?.uid;
        // The runtime reads the file as root.
        Accounts::read(context.container.root, &Credentials::default()).home(uid)
    };
    let known = process.environment.get("HOME").map(str::to_owned);
    known.or_else(of_user).unwrap_or_else(|| "/".to_owned())
}

/// Returns whether the file exists under a name that a shell's text can quote.
fn is_file(container: Container<'_>, path: &str) -> bool {
    path.starts_with('/')
        && !path.contains(['\'', '\n'])
        && container.resolve(path).is_ok_and(|found| found.entry.kind == EntryKind::File)
}
