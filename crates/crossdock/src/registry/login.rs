//! Logging in to registries and out of them.

use std::sync::Arc;

use crossdock_registry::credentials::{
    Credential, Helpers, LoginError, Logins, OneHost, Removed, Secret, Stored,
};
use crossdock_registry::{Host, Registry};

use crate::client::{RegistryOptions, failed, keychain, search, settings};
use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output, usage};

/// Checks a user name and password against a registry, and stores them where docker and podman find them too: in a credential
/// helper, else as plain text in a file of mode 0600.
///
/// # Errors
/// The registry refuses them or cannot be reached, the configuration's helper fails, or the file cannot be replaced.
pub fn login(
    context: &Context,
    options: &RegistryOptions,
    host: &Host,
    username: &str,
    password: &Secret,
) -> Result<Stored, Error> {
    context.unless_cancelled(|| {
        let credential = Credential::Basic { username: username.to_owned(), password: password.clone() };
        let mut settings = settings(context, options)?;
        settings.credentials = Arc::new(OneHost { host: host.clone(), credential: credential.clone() });
        let checked = Registry::new(settings).and_then(|registry| registry.check_access(host));
        checked.map_err(|error| match error.status() {
            Some(status @ (401 | 403)) => Error::from_message(
                // As of any other command that the registry refuses.
                ErrorKind::InputOutput,
                format!("`{host}` does not accept this user name and password (it answers {status}); nothing was stored"),
            ),
            _ => failed(error),
        })?;
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
