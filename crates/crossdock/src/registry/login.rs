//! Logging in to registries and out of them.

use std::sync::Arc;

use crossdock_registry::credentials::{
    Credential, Helpers, LoginError, Logins, OneHost, Removed, Secret, Stored,
};
use crossdock_registry::{Access, Host, Registry};

use crate::client::{RegistryOptions, failed, keychain, search, settings};
use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output, usage};

/// Checks a user name and password against a registry, and stores them where docker and podman find them too: in a credential
/// helper, else as plain text in a file of mode 0600. A registry that asks for no login does not check them, so they are not
/// stored.
///
/// # Errors
/// The user name is invalid (see [`check_username`]), the registry refuses them or cannot be reached, the configuration's helper fails, or the file cannot be replaced.
pub fn login(
    context: &Context,
    options: &RegistryOptions,
    host: &Host,
    username: &str,
    password: &Secret,
) -> Result<Stored, Error> {
    check_username(username)?;
    context.check_online(host)?;
    context.unless_cancelled(|| {
        let credential = Credential::Basic { username: username.to_owned(), password: password.clone() };
        let mut settings = settings(context, options)?;
        settings.credentials = Arc::new(OneHost { host: host.clone(), credential: credential.clone() });
        let checked = Registry::new(settings).and_then(|registry| registry.check_access(host));
        let access = checked.map_err(|error| match error.status() {
            Some(status @ (401 | 403)) => Error::from_message(
                // As of any other command that the registry refuses.
                ErrorKind::InputOutput,
                format!("`{host}` does not accept this user name and password (it answers {status}); nothing was stored"),
            ),
            _ => failed(error),
        })?;
        if access == Access::Open {
            return Ok(Stored::Nowhere);
        }
        let stored = logins(context, options).store(host, username, password).map_err(not_stored)?;
        // Another file may come first. One that is malformed is reported by the first push.
        if let Ok(found) = keychain(context, options).look_up(host, "")
            && found.credential != credential
        {
            context.warn(&format!("other credentials for `{host}` are used before the new ones: {}", found.source));
        }
        Ok(stored)
    })
}

/// Checks that a user name can be sent with a password: the colon ends it there (RFC 7617 § 2).
///
/// # Errors
/// It is empty, or has a colon or a control character.
pub fn check_username(username: &str) -> Result<(), Error> {
    let problem = match username {
        "" => "is empty",
        name if name.contains(':') => "has a colon, which no user name may have",
        name if name.contains(char::is_control) => "has a control character, which no user name may have",
        _ => return Ok(()),
    };
    let message = format!("the user name `{}` {problem}", username.escape_debug());
    let error = Error::from_message(ErrorKind::Usage, message);
    Err(match username.contains(':') {
        true => error.hint("pass only the name with `--username`, and the password on standard input"),
        false => error,
    })
}

/// Removes the credentials of a registry from where [`login`] stores them.
///
/// # Errors
/// The configuration's helper fails, or the file cannot be replaced.
pub fn logout(context: &Context, options: &RegistryOptions, host: &Host) -> Result<Removed, Error> {
    context.unless_cancelled(|| {
        let removed = logins(context, options).remove(host).map_err(not_stored)?;
        if let Ok(found) = keychain(context, options).look_up(host, "")
            && found.credential != Credential::Anonymous
        {
            context.warn(&format!("there are still credentials for `{host}`: {}", found.source));
        }
        Ok(removed)
    })
}

fn logins(context: &Context, options: &RegistryOptions) -> Logins {
    Logins::new(search(context, options), Helpers::new(context.processes.clone()))
}

fn not_stored(error: LoginError) -> Error {
    match error {
        LoginError::File(_) => input_output(error),
        error => usage(error),
    }
}
