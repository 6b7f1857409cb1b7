//! Files besides the configuration that Dockerfiles are rendered from: the user's templates and the lock file.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::{FileError, project_path, read_project_text};

use super::{BaseLock, Config, LockFileError};
use crate::boundary::project_boundary;

/// Inputs of Dockerfiles besides the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DockerfileInputs {
    /// Templates by their path below the template directory, without `.j2`.
    pub templates: BTreeMap<String, String>,
    /// Digests of base images by name and tag.
    pub digests: BTreeMap<String, String>,
}

/// The error for inputs that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DockerfileInputError {
    /// A file or directory cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: Utf8PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    Lock(#[from] LockFileError),
}

impl DockerfileInputs {
    /// Reads the templates and the lock file. A project without them has empty inputs.
    ///
    /// # Errors
    /// A file that cannot be read, and a malformed lock file.
    pub fn read(config: &Config) -> Result<Self, DockerfileInputError> {
        let project = project_boundary(&config.root);
        let mut templates = BTreeMap::new();
        if let Some(directory) = &config.templates {
            collect(project, &directory.value, "", 0, &mut templates)?;
        }
        let lock = BaseLock::read(&config.root)?;
        let digests = lock.images().map(|(name, digest)| (name.to_owned(), digest.to_string())).collect();
        Ok(Self { templates, digests })
    }
}

/// The deepest directory level that is read. It ends a walk through a symbolic link that leads back.
const MAX_DEPTH: usize = 8;

fn collect(
    project: &Utf8Path,
    directory: &Utf8Path,
    prefix: &str,
    depth: usize,
    templates: &mut BTreeMap<String, String>,
) -> Result<(), DockerfileInputError> {
    let failed = |path: &Utf8Path| {
        let path = path.to_owned();
        move |source| DockerfileInputError::Read { path, source }
    };
    for entry in directory.read_dir_utf8().map_err(failed(directory))? {
        let entry = entry.map_err(failed(directory))?;
        let (path, name) = (entry.path(), entry.file_name());
        // Editors and file managers leave hidden files behind.
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            project_path(path.as_std_path(), project.as_std_path()).map_err(unreadable(path))?;
            if depth < MAX_DEPTH {
                collect(project, path, &format!("{prefix}{name}/"), depth + 1, templates)?;
            }
        } else {
            let text = read_project_text(path.as_std_path(), project.as_std_path());
            let text = text.map_err(unreadable(path))?;
            templates.insert(format!("{prefix}{}", name.strip_suffix(".j2").unwrap_or(name)), text);
        }
    }
    Ok(())
}

fn unreadable(path: &Utf8Path) -> impl FnOnce(FileError) -> DockerfileInputError {
    move |error| DockerfileInputError::Read { path: path.to_owned(), source: error.source }
}
