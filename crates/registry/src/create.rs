//! Repositories that a registry does not have yet.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::host::Host;

/// Creates repositories in registries that create none by themselves when something is pushed.
pub trait RepositoryCreator: fmt::Debug + Send + Sync {
    /// Creates a repository: `team/app` on a host. One that exists already is success, since another program may have created
    /// it.
    ///
    /// # Errors
    /// If it cannot be created.
    fn create(&self, host: &Host, repository: &str) -> Result<(), CreateError>;
}

/// Why a repository was not created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct CreateError {
    /// The failure and its remedy.
    pub message: String,
    /// Whether a program is missing.
    pub is_missing: bool,
}

impl CreateError {
    /// Returns an error with a message that says what failed and what to do.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_missing: false }
    }

    /// Returns the error of a program that is not installed.
    pub fn missing(message: impl Into<String>) -> Self {
        Self { is_missing: true, ..Self::new(message) }
    }
}

/// The repositories that a client has tried to create, each once.
#[derive(Debug, Default)]
pub(crate) struct Created(Mutex<BTreeMap<(Host, String), Result<(), CreateError>>>);

impl Created {
    /// Creates a repository unless that was tried before. The lock is held meanwhile: parallel pushes to one repository wait.
    pub(crate) fn ensure(
        &self,
        creator: &dyn RepositoryCreator,
        host: &Host,
        path: &str,
    ) -> Result<(), CreateError> {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = tried.entry((host.clone(), path.to_owned()));
        entry.or_insert_with(|| creator.create(host, path)).clone()
    }
}
