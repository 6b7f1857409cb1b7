//! What a folder holds: the project, as its own tools tell it, and what crossdock knows of it already.

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

use super::error::ScaffoldError;
use super::request::Request;
use super::sheet::Sheet;
use super::starter;
use crate::header::{self, Made};
use crossdock_project::config::{Config, FILE_NAME, ImageConfig};
use crossdock_project::{self as project, DiscoverOptions, Language, Project, ProjectError};
use crossdock_runner::plan::Projects;
use crossdock_system::process::Processes;

/// A folder, looked into.
pub(super) struct Ground {
    /// Where files go.
    pub(super) root: Utf8PathBuf,
    /// Where the project was looked at: the same folder, or one with the program of `--template` that is not there yet.
    pub(super) seen: Utf8PathBuf,
    /// The project's language.
    pub(super) language: Language,
    /// The project in the folder.
    pub(super) project: Project,
    /// The program of `--template`.
    pub(super) starter: Vec<Sheet>,
    /// `crossdock.toml`, where there is one.
    pub(super) known: Option<Known>,
    /// Removes `seen` where that is a copy.
    _copy: Option<TempDir>,
}

/// A `crossdock.toml` that is there.
pub(super) struct Known {
    pub(super) text: String,
    pub(super) config: Config,
    /// That crossdock made it, where it did.
    pub(super) made: Option<Made>,
}

impl Ground {
    /// # Errors
    /// A folder without a project or with one that its tools refuse, a member of a workspace, a wrong `crossdock.toml`.
    pub(super) fn find(request: &Request, processes: &Processes) -> Result<Self, ScaffoldError> {
        let root = request.folder.clone();
        let known = known(&root)?;
        let (seen, starter, copy) = match request.template {
            None => (root.clone(), Vec::new(), None),
            Some(language) => {
                starter::room(&root, language)?;
                let starter = starter::sheets(language, &root)?;
                match Language::detect(&root, None) {
                    Ok(_) => (root.clone(), starter, None),
                    Err(_) => {
                        let (copy, seen) = copied(&starter, &request.scratch)?;
                        (seen, starter, Some(copy))
                    }
                }
            }
        };
        let images = known.iter().flat_map(|known| &known.config.images);
        let images: Vec<&ImageConfig> = images.filter(|image| image.path.value == root).collect();
        let stated = images.iter().find_map(|image| image.language.as_ref()).map(|language| language.value);
        let language = Language::detect(&seen, stated).map_err(ProjectError::from)?;
        let mut discovery = DiscoverOptions::for_images(images, request.network);
        discovery.language = Some(language);
        let project = discover(&seen, &discovery, processes)?;
        if project.root() != project.directory() && !same(project.root(), &seen) {
            return Err(ScaffoldError::Member { folder: root, root: project.root().to_owned() });
        }
        Ok(Self { root, seen, language, project, starter, known, _copy: copy })
    }

    /// `crossdock.toml`, where a person edited or wrote it.
    pub(super) fn theirs(&self) -> Option<&Known> {
        self.known.as_ref().filter(|known| !known.made.as_ref().is_some_and(|made| made.unedited))
    }

    /// The projects of a configuration's images, this one among them.
    ///
    /// # Errors
    /// What their tools refuse.
    pub(super) fn projects(
        &self,
        config: &Config,
        request: &Request,
        processes: &Processes,
    ) -> Result<Projects, ScaffoldError> {
        let mut projects = Projects::default();
        projects.projects.insert(self.seen.clone(), self.project.clone());
        for image in &config.images {
            let folder = &image.path.value;
            if !projects.projects.contains_key(folder) {
                let images = config.images.iter().filter(|other| other.path.value == *folder);
                let discovery = DiscoverOptions::for_images(images, request.network);
                projects.projects.insert(folder.clone(), discover(folder, &discovery, processes)?);
            }
        }
        Ok(projects)
    }
}

/// Asks the project's tools and leaves no trace: cargo would leave a lock file where there was none.
fn discover(
    folder: &Utf8Path,
    asked: &DiscoverOptions,
    processes: &Processes,
) -> Result<Project, ScaffoldError> {
    let project = project::discover(folder, asked, processes)?;
    if let Project::Rust(workspace) = &project
        && workspace.lock_created
    {
        let lock = workspace.root.join("Cargo.lock");
        std::fs::remove_file(&lock).map_err(|source| ScaffoldError::Write {
            path: lock,
            written: "it was made by cargo".to_owned(),
            source: source.into(),
        })?;
    }
    Ok(project)
}

fn same(one: &Utf8Path, other: &Utf8Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn known(root: &Utf8Path) -> Result<Option<Known>, ScaffoldError> {
    let path = root.join(FILE_NAME);
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let config = Config::read(&path)?;
    let text = std::fs::read_to_string(&path).map_err(|source| ScaffoldError::Read { path, source })?;
    let made = header::read(&text);
    Ok(Some(Known { text, config, made }))
}

/// The program of `--template` in a folder of its own, to be looked at before anything is written.
fn copied(starter: &[Sheet], scratch: &Utf8Path) -> Result<(TempDir, Utf8PathBuf), ScaffoldError> {
    let failed = |source: std::io::Error| ScaffoldError::Write {
        path: scratch.to_owned(),
        written: "nothing was written".to_owned(),
        source: source.into(),
    };
    std::fs::create_dir_all(scratch).map_err(failed)?;
    let copy = tempfile::Builder::new().prefix("init-").tempdir_in(scratch).map_err(failed)?;
    let seen = Utf8PathBuf::from_path_buf(copy.path().to_owned());
    let seen = seen.map_err(|_| failed(std::io::ErrorKind::InvalidFilename.into()))?;
    for sheet in starter {
        let path = seen.join(&sheet.path);
        std::fs::create_dir_all(path.parent().unwrap_or(&seen)).map_err(failed)?;
        // A package in a folder below another workspace would be taken for a member of it.
        let end = if sheet.path == "Cargo.toml" { "\n[workspace]\n" } else { "" };
        let text = format!("{}{end}", sheet.body);
        crossdock_fs::write_atomically(&path, text.as_bytes()).map_err(|error| ScaffoldError::Write {
            path,
            written: "nothing was written".to_owned(),
            source: error.into(),
        })?;
    }
    Ok((copy, seen))
}
