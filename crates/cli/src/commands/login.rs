//! `crossdock login` and `crossdock logout`.

use std::io::{IsTerminal, Read};

use crossdock::registry::{self, Host, Secret, Stored, host_of, usual_user};

use super::push::options;
use crate::arguments::{LoginCommand, LogoutCommand};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui;

/// The length of the longest password that is read, in bytes. A JSON key of Google has 2,400.
const LONGEST_PASSWORD: u64 = 64 * 1024;

pub(crate) fn run(session: &Session, arguments: LoginCommand) -> Result<Exit, CommandError> {
    let host = parse(&arguments.host)?;
    let call = format!("{} login {host} --username USER --password-stdin", session.name);
    if arguments.password.is_some() {
        let message = "a password on the command line is refused: every user of this machine can read it";
        return Err(
            CommandError::message(Exit::Usage, message).hint(format!("pass it on standard input: `{call}`"))
        );
    }
    if !arguments.password_stdin && !std::io::stdin().is_terminal() {
        let message = "no terminal asks for the password";
        return Err(CommandError::message(Exit::Usage, message)
            .hint(format!("pass it on standard input with `--password-stdin`: `{call} < FILE`")));
    }
    let Some(username) = arguments.username.or_else(|| usual_user(&host).map(str::to_owned)) else {
        return Err(CommandError::message(Exit::Usage, "specify the user name with `--username`"));
    };
    // Before a password is asked for.
    session.check_online(false, "login")?;
    registry::check_username(&username)?;
    let password = match arguments.password_stdin {
        true => read_password()?,
        false => ask_password(&host, &username)?,
    };
    let options = options(session, &arguments.connection);
    let stored = registry::login(&session.context, &options, &host, &username, &password)?;
    report(session, &host, &username, &stored)
}

pub(crate) fn logout(session: &Session, arguments: &LogoutCommand) -> Result<Exit, CommandError> {
    let host = parse(&arguments.host)?;
    let removed = registry::logout(&session.context, &options(session, &arguments.connection), &host)?;
    if session.json() {
        output::json(&serde_json::json!({
            "schema": "crossdock.logout/1", "registry": host.to_string(), "helper": removed.helper, "file": removed.file,
        }))?;
        return Ok(Exit::Done);
    }
    let places: Vec<String> = removed.helper.into_iter().chain(removed.file.map(String::from)).collect();
    output::answer(&match places.is_empty() {
        true => format!("there were no credentials for {host}"),
        false => format!("removed the credentials for {host} from {}", places.join(" and ")),
    })?;
    Ok(Exit::Done)
}

fn parse(text: &str) -> Result<Host, CommandError> {
    host_of(text).map_err(|error| CommandError::new(Exit::Usage, &error))
}

/// Asks for the password on the terminal, which does not show it.
fn ask_password(host: &Host, username: &str) -> Result<Secret, CommandError> {
    let ask =
        || output::note(&format!("type the password of {username} for {host}, then Enter; it is not shown"));
    let typed = ui::password::read_password(LONGEST_PASSWORD as usize, ask).map_err(|error| {
        CommandError::message(
            Exit::InputOutput,
            format!("cannot read the password from the terminal: {error}"),
        )
    })?;
    match typed.as_deref() {
        None => Err(CommandError::message(Exit::Interrupted, "interrupted")),
        Some("") => Err(CommandError::message(Exit::Usage, "the password is empty")),
        Some(password) => Ok(Secret::new(password)),
    }
}

/// Reads standard input to its end, without the line break that `echo` and most files end with.
fn read_password() -> Result<Secret, CommandError> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        output::note("type the password, then Enter and Ctrl-D; it is shown while you type");
    }
    let mut bytes = Vec::new();
    let read = stdin.take(LONGEST_PASSWORD + 1).read_to_end(&mut bytes);
    read.map_err(|error| {
        CommandError::message(Exit::InputOutput, format!("cannot read standard input: {error}"))
    })?;
    let usage = |message: &str| CommandError::message(Exit::Usage, message);
    if bytes.len() as u64 > LONGEST_PASSWORD {
        return Err(usage("the password on standard input is longer than 64 KiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| usage("the password on standard input is not UTF-8"))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(usage("standard input has no password"));
    }
    Ok(Secret::new(text))
}

fn report(session: &Session, host: &Host, username: &str, stored: &Stored) -> Result<Exit, CommandError> {
    let (helper, file) = match stored {
        Stored::Helper { program, .. } => (Some(program), None),
        Stored::Nowhere if !session.json() => {
            output::answer(&format!("{host} asks for no login; nothing was stored"))?;
            output::note(&format!(
                "if {host} refuses a push all the same, `docker login {host}` stores a user name and password unchecked"
            ));
            return Ok(Exit::Done);
        }
        Stored::PlainText { path, why } => {
            output::warning(&format!(
                "the password is stored as plain text in {path}, which only you can read: {why}"
            ));
            (None, Some(path))
        }
        // The library's variants may grow.
        _ => (None, None),
    };
    if session.json() {
        output::json(&serde_json::json!({
            "schema": "crossdock.login/1", "registry": host.to_string(), "username": username, "helper": helper, "file": file,
        }))?;
        return Ok(Exit::Done);
    }
    let kept = helper.map_or(String::new(), |program| format!("; {program} keeps the password"));
    output::answer(&format!("logged in to {host} as {username}{kept}"))?;
    Ok(Exit::Done)
}
