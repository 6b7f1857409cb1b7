//! Stores and removes credentials, where docker and podman find them too.

use std::io::Write;
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::{AtomicFile, FileError, FileLock, read_text};
use serde_json::value::{RawValue, to_raw_value};

use super::Secret;
use super::edit::Object;
use super::file::{AuthFile, HelperSetting, encode_auth};
use super::helper::{HelperError, Helpers, program};
use super::key::server;
use super::search::{Search, Written};
use crate::host::Host;

/// Stores and removes credentials.
///
/// They go to the credential helper that the configuration names; else to one of the system's own helpers, which is then set
/// for this registry; else as plain text into the file, whose mode becomes 0600.
#[derive(Debug, Clone)]
pub struct Logins {
    search: Search,
    helpers: Helpers,
}

/// Where a credential was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stored {
    /// Nowhere: the registry asks for no login, so that nothing shows whether it would accept the credential.
    Nowhere,
    /// By a helper.
    Helper {
        /// The program.
        program: String,
        /// The file in which this registry's helper was set; `None` if it was set before.
        set_in: Option<Utf8PathBuf>,
    },
    /// As plain text.
    PlainText {
        /// The file.
        path: Utf8PathBuf,
        /// The reason why no helper was used, as a clause.
        why: String,
    },
}

/// The places from which credentials were removed; may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Removed {
    /// The helper that was told to remove them.
    pub helper: Option<String>,
    /// The file that held them as plain text.
    pub file: Option<Utf8PathBuf>,
}

/// Why a credential was not stored or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// No home directory and no variable names a file.
    #[error("no file for credentials is known; set DOCKER_CONFIG to a directory, or HOME")]
    NoFile,
    /// The file is malformed; it is unchanged.
    #[error("`{path}` is not a configuration of docker or podman: {fault}; repair it first")]
    Malformed {
        /// The file.
        path: Utf8PathBuf,
        /// The place of the fault.
        fault: String,
    },
    /// A helper that the configuration names is missing or fails. Plain text instead would be weaker than what was asked for.
    #[error("{message}")]
    Helper {
        /// The fault and its remedy.
        message: String,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The JSON cannot be written.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// The helpers of the operating system, the preferred one first.
const SYSTEM_HELPERS: &[&str] = if cfg!(target_os = "macos") {
    &["osxkeychain"]
} else if cfg!(windows) {
    &["wincred"]
} else {
    &["pass", "secretservice"]
};

impl Logins {
    /// Stores credentials where the first file of `search` to which logins go is.
    pub fn new(search: Search, helpers: Helpers) -> Self {
        Self { search, helpers }
    }

    /// Stores the credential for all repositories of a registry.
    ///
    /// # Errors
    /// If the file is malformed or cannot be replaced, or the helper that it names fails.
    pub fn store(&self, host: &Host, username: &str, password: &Secret) -> Result<Stored, LoginError> {
        self.edit(|file| {
            let stored = self.store_in(file, host, username, password)?;
            if let Stored::Helper { .. } = stored {
                file.remove_plain_text(host)?;
            }
            Ok(stored)
        })
    }

    /// Removes the credential for all repositories of a registry from where [`store`](Self::store) puts it.
    ///
    /// # Errors
    /// As of [`store`](Self::store).
    pub fn remove(&self, host: &Host) -> Result<Removed, LoginError> {
        self.edit(|file| {
            let mut removed = Removed::default();
            if let Some(HelperSetting::OfHost(name) | HelperSetting::OfAll(name)) = file.content.helper(host)
            {
                self.helpers.erase(&name, &server(host)).map_err(|error| file.helper_error(&error))?;
                removed.helper = Some(format!("docker-credential-{name}"));
            }
            removed.file = file.remove_plain_text(host)?.then(|| file.written.path.clone());
            Ok(removed)
        })
    }

    fn store_in(
        &self,
        file: &mut OpenFile<'_>,
        host: &Host,
        username: &str,
        password: &Secret,
    ) -> Result<Stored, LoginError> {
        let store = |name: &str| self.helpers.store(name, &server(host), username, password);
        if let Some(HelperSetting::OfHost(name) | HelperSetting::OfAll(name)) = file.content.helper(host) {
            store(&name).map_err(|error| file.helper_error(&error))?;
            return Ok(Stored::Helper { program: format!("docker-credential-{name}"), set_in: None });
        }
        let mut faults = Vec::new();
        for name in if file.excepts(host) { &[] } else { SYSTEM_HELPERS } {
            match store(name) {
                Ok(()) => {
                    file.set("credHelpers", host, to_raw_value(name)?)?;
                    let set_in = Some(file.written.path.clone());
                    return Ok(Stored::Helper { program: format!("docker-credential-{name}"), set_in });
                }
                Err(HelperError::Missing(_)) => {}
                Err(error) => faults.push(error.to_string()),
            }
        }
        let auth = serde_json::json!({ "auth": encode_auth(username, password) });
        file.remove_plain_text(host)?;
        file.set("auths", host, to_raw_value(&auth)?)?;
        let names: Vec<String> = SYSTEM_HELPERS.iter().filter_map(|name| program(name).ok()).collect();
        let why = match faults.is_empty() {
            true => format!("no credential helper is set, and {} is not installed", names.join(" or ")),
            false => faults.join("; "),
        };
        Ok(Stored::PlainText { path: file.written.path.clone(), why })
    }

    /// Reads the file, changes it, and replaces it if it has changed, while no other process of crossdock does so.
    fn edit<T>(
        &self,
        change: impl FnOnce(&mut OpenFile<'_>) -> Result<T, LoginError>,
    ) -> Result<T, LoginError> {
        let written = self.search.written.as_ref().ok_or(LoginError::NoFile)?;
        let path = resolve(&written.path);
        let directory = parent(&path);
        create_private_directory(directory).map_err(FileError::on("create", directory))?;
        let _lock = FileLock::acquire(&directory.join(".crossdock-login.lock"))?;
        let text = match read_text(&path) {
            Err(error) if error.is_not_found() => String::new(),
            read => read?,
        };
        let malformed = |fault| LoginError::Malformed { path: written.path.clone(), fault };
        let mut file = OpenFile {
            written,
            content: AuthFile::parse(&text).map_err(malformed)?,
            object: Object::parse(&text).map_err(malformed)?,
            is_changed: false,
        };
        let done = change(&mut file)?;
        if file.is_changed {
            replace(&path, &format!("{}\n", file.object.to_json(0)?.get()))?;
        }
        Ok(done)
    }
}

/// A configuration while it is changed.
struct OpenFile<'a> {
    written: &'a Written,
    content: AuthFile,
    object: Object,
    is_changed: bool,
}

impl OpenFile<'_> {
    /// Returns the key of a registry in this file.
    fn key(&self, host: &Host) -> String {
        if host.is_docker_hub() { self.written.hub_key.to_owned() } else { host.to_string() }
    }

    /// Sets the member for a registry in one of the file's objects.
    fn set(&mut self, object: &str, host: &Host, value: Box<RawValue>) -> Result<(), LoginError> {
        let mut members = self.member(object)?;
        members.set(&self.key(host), value);
        self.object.set(object, members.to_json(1)?);
        self.is_changed = true;
        Ok(())
    }

    /// Removes the entries of a registry, in every spelling of its key. Those of namespaces stay.
    fn remove_plain_text(&mut self, host: &Host) -> Result<bool, LoginError> {
        let mut auths = self.member("auths")?;
        let keys = self.content.keys_of(host);
        let removed = keys.iter().filter(|key| auths.remove(key)).count() > 0;
        if removed {
            self.object.set("auths", auths.to_json(1)?);
            self.is_changed = true;
        }
        Ok(removed)
    }

    fn member(&self, name: &str) -> Result<Object, LoginError> {
        let malformed = |fault| LoginError::Malformed { path: self.written.path.clone(), fault };
        self.object.object(name).map_err(malformed)
    }

    /// Returns whether the file excepts a registry from its helpers.
    fn excepts(&self, host: &Host) -> bool {
        self.content.is_excepted(host)
    }

    fn helper_error(&self, error: &HelperError) -> LoginError {
        let path = &self.written.path;
        LoginError::Helper {
            message: format!(
                "{error}; `{path}` names it in `credHelpers` or `credsStore`: repair it, or remove it there"
            ),
        }
    }
}

/// Follows links, so that the file of a person who links it elsewhere is replaced and not the link.
fn resolve(path: &Utf8Path) -> std::path::PathBuf {
    path.as_std_path().canonicalize().unwrap_or_else(|_| path.as_std_path().to_owned())
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Replaces a file by one that only its owner reads.
fn replace(path: &Path, text: &str) -> Result<(), LoginError> {
    let mut file = AtomicFile::create_in(parent(path))?;
    // Before the secret is written.
    make_private(&file, path).map_err(FileError::on("protect", path))?;
    file.write_all(text.as_bytes()).map_err(FileError::on("write", path))?;
    Ok(file.commit(path)?)
}

#[cfg(unix)]
fn make_private(file: &AtomicFile, old: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o600))?;
    // With `sudo` the file of the person would otherwise become root's.
    if let (Ok(old), own) = (old.metadata(), file.as_file().metadata()?)
        && (old.uid(), old.gid()) != (own.uid(), own.gid())
    {
        fchown(file.as_file(), Some(old.uid()), Some(old.gid()))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_private(_: &AtomicFile, _: &Path) -> std::io::Result<()> {
    Ok(())
}

fn create_private_directory(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}
