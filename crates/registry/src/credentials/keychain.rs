//! The credentials that docker, podman and their helpers keep.

use std::collections::HashMap;
use std::fmt;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossdock_fs::read_text;

use super::file::{AuthFile, HelperSetting};
use super::helper::{HelperError, Helpers};
use super::key::server;
use super::search::{Format, Needed, Place, Search};
use super::{Credential, Credentials, CredentialsError};
use crate::host::Host;

/// Receives warnings.
pub type Warn = Arc<dyn Fn(&str) + Send + Sync>;

/// The credentials that docker, podman and their helpers keep on this machine.
///
/// A file is read once and a helper is asked once for each registry, one helper at a time: some lock their store, and some
/// ask a person.
pub struct Keychain {
    search: Search,
    helpers: Helpers,
    warn: Warn,
    state: Mutex<State>,
}

/// A credential, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The credential; anonymous if there is none.
    pub credential: Credential,
    /// The place of the credential, or where none is, as a clause for a message: `the credentials are those of …`.
    pub source: String,
}

#[derive(Default)]
struct State {
    /// The content of each place; `None` if it is absent.
    files: Option<Vec<(String, AuthFile)>>,
    /// The answers of helpers by name and server.
    answers: HashMap<(String, String), Result<Credential, HelperError>>,
    warned: Vec<String>,
}

impl Keychain {
    /// Looks for credentials in the places of `search`.
    pub fn new(search: Search, helpers: Helpers, warn: Warn) -> Self {
        Self { search, helpers, warn, state: Mutex::default() }
    }

    /// Returns the credential for a repository, and its place.
    ///
    /// # Errors
    /// If a file or the entry of this registry is malformed, or a helper that is configured for this very registry is missing
    /// or fails. A helper for all registries that fails is a warning.
    pub fn look_up(&self, host: &Host, repository: &str) -> Result<Found, CredentialsError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.files.is_none() {
            state.files = Some(self.read()?);
        }
        let files = state.files.clone().unwrap_or_default();
        for (place, file) in &files {
            if let Some(found) = self.look_in(&mut state, place, file, host, repository)? {
                return Ok(found);
            }
        }
        let places: Vec<&str> = files.iter().map(|(place, _)| place.as_str()).collect();
        let places = if places.is_empty() { String::new() } else { format!(" in {}", places.join(", ")) };
        Ok(Found {
            credential: Credential::Anonymous,
            source: format!("no credentials for `{host}` were found{places}"),
        })
    }

    fn look_in(
        &self,
        state: &mut MutexGuard<'_, State>,
        place: &str,
        file: &AuthFile,
        host: &Host,
        repository: &str,
    ) -> Result<Option<Found>, CredentialsError> {
        if let Some(setting) = file.helper(host) {
            let (HelperSetting::OfHost(name) | HelperSetting::OfAll(name)) = &setting;
            match (self.ask(state, name, &server(host)), &setting) {
                (Ok(Credential::Anonymous), _) => {}
                (Ok(credential), _) => {
                    let source = format!("the credentials are those of `docker-credential-{name}`, named in {place}");
                    return Ok(Some(Found { credential, source }));
                }
                (Err(error), HelperSetting::OfHost(_)) => return Err(CredentialsError::new(format!(
                    "{error}; it is the credential helper for `{host}` in {place}: repair it, or remove it from `credHelpers`"
                ))),
                (Err(error), HelperSetting::OfAll(_)) => self.warn_once(state, format!(
                    "{error}; `credsStore` in {place} names it, and the search for credentials goes on without it"
                )),
            }
        }
        match file.find(host, repository) {
            Ok(None) => Ok(None),
            Ok(Some((key, credential))) => {
                let source = format!("the credentials are those of the key `{key}` in {place}");
                Ok(Some(Found { credential, source }))
            }
            Err((key, fault)) => Err(CredentialsError::new(format!(
                "the key `{key}` in {place} is malformed: {fault}; log in again with `crossdock login {host}`"
            ))),
        }
    }

    fn ask(
        &self,
        state: &mut MutexGuard<'_, State>,
        name: &str,
        server: &str,
    ) -> Result<Credential, HelperError> {
        let call = (name.to_owned(), server.to_owned());
        // The lock is held meanwhile, which makes helpers take turns.
        state.answers.entry(call).or_insert_with(|| self.helpers.get(name, server)).clone()
    }

    fn warn_once(&self, state: &mut MutexGuard<'_, State>, warning: String) {
        if !state.warned.contains(&warning) {
            (self.warn)(&warning);
            state.warned.push(warning);
        }
    }

    /// Reads the places that exist, each with its name for messages.
    fn read(&self) -> Result<Vec<(String, AuthFile)>, CredentialsError> {
        let mut files = Vec::new();
        for place in &self.search.places {
            let (name, text, format) = match place {
                Place::Variable { name, content } => {
                    ((*name).to_owned(), content.expose().to_owned(), Format::Config)
                }
                Place::File { path, format, needed } => match read_text(path.as_std_path()) {
                    Ok(text) => (format!("`{path}`"), text, *format),
                    Err(error) if *needed == Needed::No && is_absent(error.source.kind()) => continue,
                    // The home of another user, as in a container that runs without root. docker goes on too.
                    Err(error)
                        if *needed == Needed::No && error.source.kind() == ErrorKind::PermissionDenied =>
                    {
                        (self.warn)(&format!(
                            "`{path}` cannot be read, and its credentials are not used: {}",
                            error.source
                        ));
                        continue;
                    }
                    Err(error) => return Err(CredentialsError::new(format!("{error}: {}", error.source))),
                },
            };
            let parsed = match format {
                Format::Config => AuthFile::parse(&text),
                Format::Dockercfg => AuthFile::parse_dockercfg(&text),
            };
            let malformed = |fault| {
                CredentialsError::new(format!("{name} is not a configuration of docker or podman: {fault}"))
            };
            let file = parsed.map_err(malformed)?;
            files.push((name, file));
        }
        Ok(files)
    }
}

fn is_absent(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}

impl Credentials for Keychain {
    fn find(&self, host: &Host, repository: &str) -> Result<Credential, CredentialsError> {
        self.look_up(host, repository).map(|found| found.credential)
    }

    fn source(&self, host: &Host, repository: &str) -> Option<String> {
        self.look_up(host, repository).ok().map(|found| found.source)
    }
}

impl fmt::Debug for Keychain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keychain").field("places", &self.search.places.len()).finish_non_exhaustive()
    }
}
