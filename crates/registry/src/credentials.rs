//! Credentials, and the source that a client asks for them.
//!
//! [`Keychain`] reads what `docker login` and `podman login` wrote and asks credential helpers; [`Logins`] writes there.

mod edit;
mod file;
mod helper;
mod key;
mod keychain;
mod login;
mod search;

use std::fmt;

pub use helper::Helpers;
pub use key::{host_of, usual_user};
pub use keychain::{Found, Keychain, Warn};
pub use login::{LoginError, Logins, Removed, Stored};
pub use search::Search;

use crate::host::Host;

/// A source of credentials. The client asks it once for each host and repository, and sends the answer only to this host
/// and to the token server that the host names.
pub trait Credentials: fmt::Debug + Send + Sync {
    /// Returns the credential for a repository of a registry: `registry.example` and `team/app`.
    ///
    /// # Errors
    /// If credentials are configured but cannot be had, as from a helper that fails.
    fn find(&self, host: &Host, repository: &str) -> Result<Credential, CredentialsError>;

    /// Returns where the credential for a repository comes from, or that there is none, as a clause for messages about a refusal;
    /// `None` if the source does not tell.
    fn source(&self, _host: &Host, _repository: &str) -> Option<String> {
        None
    }
}

/// The credential for a registry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Credential {
    /// None: requests are anonymous.
    #[default]
    Anonymous,
    /// A user's name and password.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A refresh token, which the registry's token server exchanges for a short-lived one (`identitytoken`, or the user
    /// `<token>` of a credential helper).
    IdentityToken(Secret),
    /// A token that is sent to the registry as it is (`registrytoken`).
    RegistryToken(Secret),
}

/// A text that no message, log or debug output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text, to be sent and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Sends every request anonymously.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anonymous;

impl Credentials for Anonymous {
    fn find(&self, _: &Host, _: &str) -> Result<Credential, CredentialsError> {
        Ok(Credential::Anonymous)
    }
}

/// The same credential for one host, and none for others.
#[derive(Debug, Clone)]
pub struct OneHost {
    /// The host.
    pub host: Host,
    /// Its credential.
    pub credential: Credential,
}

impl Credentials for OneHost {
    fn find(&self, host: &Host, _: &str) -> Result<Credential, CredentialsError> {
        Ok(if *host == self.host { self.credential.clone() } else { Credential::Anonymous })
    }
}

/// Credentials that are configured but cannot be had. The message contains none of them.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CredentialsError {
    message: String,
}

impl CredentialsError {
    /// Returns an error with a message that says what failed and what to do.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_debug_output_shows_a_secret() {
        let host: Host = "registry.example".parse().unwrap();
        let basic = Credential::Basic { username: "me".into(), password: Secret::new("hunter2") };
        let one = OneHost { host, credential: basic };
        assert!(!format!("{one:?}").contains("hunter2"));
    }
}
