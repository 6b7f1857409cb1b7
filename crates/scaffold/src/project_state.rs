//! The project as found on disk and as its own tools describe it, or the starter program of `--template`.

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_dockerfile::read::{Dockerfile, Keyword, stages};
use serde::Serialize;
use tempfile::TempDir;

use super::desired_file::{
    CommentStyle, DesiredFile, GeneratedText, Owner, parse_generated, render_template,
};
use super::error::ScaffoldError;
use super::file_state::{OnDisk, read_on_disk};
use super::options::{InitOptions, Part};
use crossdock_project::config::grammar::{self, component};
use crossdock_project::config::{Config, FILE_NAME, ImageConfig};
use crossdock_project::{self as project, Discovery, Language, Project, ProjectError, language_of};
use crossdock_runner::plan::Projects;
use crossdock_system::process::Processes;

/// A directory, looked into.
pub(super) struct ProjectState {
    /// Where files go.
    pub(super) root: Utf8PathBuf,
    /// Where the project was looked at: the same directory, or one with the program of `--template` that is not there yet.
    pub(super) discovered_at: Utf8PathBuf,
    /// The project's language.
    pub(super) language: Language,
    /// The project in the directory.
    pub(super) project: Project,
    /// The program of `--template`.
    pub(super) starter: Vec<DesiredFile>,
    /// `crossdock.toml`, where there is one.
    pub(super) existing_config: Option<ExistingConfig>,
    /// Removes `discovered_at` where that is a copy.
    _temporary_copy: Option<TempDir>,
}

/// A `crossdock.toml` that is there.
pub(super) struct ExistingConfig {
    pub(super) text: String,
    pub(super) config: Config,
    /// That crossdock made it, where it did.
    pub(super) generated: Option<GeneratedText>,
}

impl ProjectState {
    /// # Errors
    /// A directory without a project or with one that its tools refuse, a member of a workspace, a wrong `crossdock.toml`.
    pub(super) fn read(options: &InitOptions, processes: &Processes) -> Result<Self, ScaffoldError> {
        let root = options.project_directory.clone();
        let existing_config = read_existing_config(&root)?;
        let (discovered_at, starter, copy) = match options.template {
            None => (root.clone(), Vec::new(), None),
            Some(language) => {
                check_directory_is_free(&root, language)?;
                let starter = starter_files(language, &root)?;
                match language_of(&root, None) {
                    Ok(_) => (root.clone(), starter, None),
                    Err(_) => {
                        let (copy, discovered_at) =
                            write_temporary_temporary_copy(&starter, &options.scratch_directory)?;
                        (discovered_at, starter, Some(copy))
                    }
                }
            }
        };
        let images = existing_config.iter().flat_map(|existing_config| &existing_config.config.images);
        let images: Vec<&ImageConfig> = images.filter(|image| image.path.value == root).collect();
        let stated = images.iter().find_map(|image| image.language.as_ref()).map(|language| language.value);
        let language = language_of(&discovered_at, stated).map_err(ProjectError::from)?;
        let mut discovery = Discovery::of_images(images, options.network);
        discovery.language = Some(language);
        let project = discover_without_traces(&discovered_at, &discovery, processes)?;
        if project.root() != project.folder() && !is_same_directory(project.root(), &discovered_at) {
            return Err(ScaffoldError::WorkspaceMember { directory: root, root: project.root().to_owned() });
        }
        Ok(Self { root, discovered_at, language, project, starter, existing_config, _temporary_copy: copy })
    }

    /// `crossdock.toml`, where a person edited or wrote it.
    pub(super) fn user_config(&self) -> Option<&ExistingConfig> {
        self.existing_config.as_ref().filter(|existing_config| {
            !existing_config.generated.as_ref().is_some_and(|generated| generated.unedited)
        })
    }

    /// The projects of a configuration's images, this one among them.
    ///
    /// # Errors
    /// What their tools refuse.
    pub(super) fn projects(
        &self,
        config: &Config,
        options: &InitOptions,
        processes: &Processes,
    ) -> Result<Projects, ScaffoldError> {
        let mut projects = Projects::default();
        projects.projects.insert(self.discovered_at.clone(), self.project.clone());
        for image in &config.images {
            let directory = &image.path.value;
            if !projects.projects.contains_key(directory) {
                let images = config.images.iter().filter(|other| other.path.value == *directory);
                let discovery = Discovery::of_images(images, options.network);
                projects
                    .projects
                    .insert(directory.clone(), discover_without_traces(directory, &discovery, processes)?);
            }
        }
        Ok(projects)
    }
}

/// Asks the project's tools and leaves no trace: cargo would leave a lock file where there was none.
fn discover_without_traces(
    directory: &Utf8Path,
    asked: &Discovery,
    processes: &Processes,
) -> Result<Project, ScaffoldError> {
    let project = project::discover(directory, asked, processes)?;
    if let Project::Rust(workspace) = &project
        && workspace.lock_made
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

fn is_same_directory(one: &Utf8Path, other: &Utf8Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn read_existing_config(root: &Utf8Path) -> Result<Option<ExistingConfig>, ScaffoldError> {
    let path = root.join(FILE_NAME);
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let config = Config::read(&path)?;
    let text = std::fs::read_to_string(&path).map_err(|source| ScaffoldError::Read { path, source })?;
    let generated = parse_generated(&text);
    Ok(Some(ExistingConfig { text, config, generated }))
}

/// The program of `--template` in a directory of its own, to be looked at before anything is written.
fn write_temporary_temporary_copy(
    starter: &[DesiredFile],
    scratch: &Utf8Path,
) -> Result<(TempDir, Utf8PathBuf), ScaffoldError> {
    let failed = |source: std::io::Error| ScaffoldError::Write {
        path: scratch.to_owned(),
        written: "nothing was written".to_owned(),
        source: source.into(),
    };
    std::fs::create_dir_all(scratch).map_err(failed)?;
    let copy = tempfile::Builder::new().prefix("init-").tempdir_in(scratch).map_err(failed)?;
    let discovered_at = Utf8PathBuf::from_path_buf(copy.path().to_owned());
    let discovered_at = discovered_at.map_err(|_| failed(std::io::ErrorKind::InvalidFilename.into()))?;
    for file in starter {
        let path = discovered_at.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap_or(&discovered_at)).map_err(failed)?;
        // A package in a directory below another workspace would be taken for a member of it.
        let end = if file.path == "Cargo.toml" { "\n[workspace]\n" } else { "" };
        let text = format!("{}{end}", file.body);
        crossdock_fs::write_atomically(&path, text.as_bytes()).map_err(|error| ScaffoldError::Write {
            path,
            written: "nothing was written".to_owned(),
            source: error.into(),
        })?;
    }
    Ok((copy, discovered_at))
}

/// The ports of the last stage of `Dockerfile`, as `8080` or `53/udp`; none without such a file, or of one that cannot be
/// read. What stands for several ports, or for one that only a build knows, is left out.
pub(super) fn exposed_ports(root: &Utf8Path) -> Vec<String> {
    let Ok(OnDisk::File { text, .. }) = read_on_disk(root, "Dockerfile".into()) else { return Vec::new() };
    if parse_generated(&text).is_some() {
        return Vec::new();
    }
    exposed_ports_in(&text)
}

fn exposed_ports_in(text: &str) -> Vec<String> {
    let Ok(file) = Dockerfile::read(text) else { return Vec::new() };
    let stages = stages(&file);
    let instructions = stages.last().into_iter().flat_map(|stage| &stage.instructions);
    let words = instructions
        .filter(|instruction| instruction.keyword == Keyword::Expose)
        .flat_map(|instruction| instruction.arguments.words());
    let mut ports: Vec<String> = Vec::new();
    for word in words.map(|word| word.to_ascii_lowercase()) {
        let port = word.strip_suffix("/tcp").unwrap_or(&word).to_owned();
        if grammar::port(&port).is_ok() && !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

/// The port on which the programs listen.
pub(super) const STARTER_PORT: &str = "8080";

/// What a directory may hold and still count as empty.
const IGNORED_ENTRIES: [&str; 6] =
    [".git", ".github", ".gitignore", ".gitattributes", ".editorconfig", ".idea"];
const IGNORED_DOCUMENTS: [&str; 4] = ["README", "LICENSE", "LICENCE", "COPYING"];

#[derive(Serialize)]
struct StarterValues {
    name: String,
}

/// The files of the program.
pub(super) fn starter_files(
    language: Language,
    directory: &Utf8Path,
) -> Result<Vec<DesiredFile>, ScaffoldError> {
    let values = StarterValues { name: package_name(directory) };
    let file = |template, path: &str, comment| {
        let body = render_template(template, &values)?;
        Ok(DesiredFile { part: Part::Program, path: path.into(), body, comment, owner: Owner::User })
    };
    match language {
        Language::Go => [
            file("go/go.mod", "go.mod", CommentStyle::Slashes),
            file("go/main.go", "main.go", CommentStyle::Slashes),
            file("go/gitignore", ".gitignore", CommentStyle::Hash),
        ],
        Language::Rust => [
            file("rust/main.rs", "src/main.rs", CommentStyle::Slashes),
            file("rust/gitignore", ".gitignore", CommentStyle::Hash),
            file("rust/Cargo.toml", "Cargo.toml", CommentStyle::Hash),
        ],
    }
    .into_iter()
    .collect()
}

/// Refuses a directory in which a program would be lost among other files. One that an earlier call wrote is no other file.
///
/// # Errors
/// A directory that holds something else, and one that cannot be listed.
pub(super) fn check_directory_is_free(directory: &Utf8Path, language: Language) -> Result<(), ScaffoldError> {
    let manifests = [("Cargo.toml", Language::Rust), ("go.mod", Language::Go)];
    let ours = |name: &&(&str, Language)| {
        std::fs::read_to_string(directory.join(name.0)).is_ok_and(|text| parse_generated(&text).is_some())
    };
    if let Some((_, found)) = manifests.iter().find(ours) {
        let (directory, found, asked) = (directory.to_owned(), *found, language);
        return if found == asked {
            Ok(())
        } else {
            Err(ScaffoldError::TemplateMismatch { directory, found, asked })
        };
    }
    let entries = match directory.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(ScaffoldError::Read { path: directory.to_owned(), source }),
    };
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name().to_owned());
    let matters = |name: &String| {
        let document = |start: &&str| name.to_ascii_uppercase().starts_with(*start);
        !IGNORED_ENTRIES.contains(&name.as_str()) && !IGNORED_DOCUMENTS.iter().any(document)
    };
    match names.filter(matters).min() {
        None => Ok(()),
        Some(found) => Err(ScaffoldError::NotEmpty { directory: directory.to_owned(), found }),
    }
}

/// A name for program, package, module and image, from that of the directory.
pub(super) fn package_name(directory: &Utf8Path) -> String {
    /// Names that cargo refuses or warns of for a package, and the one that the chores have.
    const TAKEN: [&str; 8] = ["alloc", "core", "proc-macro", "std", "test", "deps", "build", "xtask"];
    let lower = directory.file_name().unwrap_or_default().to_lowercase();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let spelled: String = lower.chars().map(plain).collect();
    let words: Vec<&str> = spelled.split('-').filter(|word| !word.is_empty()).collect();
    let name = words.join("-");
    match name.as_str() {
        "" => "app".to_owned(),
        name if TAKEN.contains(&name) || is_rust_keyword(name) => format!("{name}-app"),
        name if name.starts_with(|c: char| c.is_ascii_digit()) || component(name).is_err() => {
            format!("app-{name}")
        }
        name => name.to_owned(),
    }
}

/// Keywords of Rust, which cargo refuses as a package's name.
fn is_rust_keyword(name: &str) -> bool {
    let keywords = "abstract as async await become box break const continue crate do dyn else enum extern false final fn \
                    for gen if impl in let loop macro match mod move mut override priv pub ref return self static struct \
                    super trait true try type typeof unsafe unsized use virtual where while yield";
    keywords.split_whitespace().any(|keyword| keyword == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired_file::stamp_header;

    #[test]
    fn the_last_stage_counts() {
        let text = "FROM golang AS build\nEXPOSE 1\nFROM alpine\nexpose 2222/TCP 53/udp $PORT 8000-8010\nEXPOSE 2222\n";
        assert_eq!(exposed_ports_in(text), ["2222", "53/udp"]);
        assert!(exposed_ports_in("not a Dockerfile").is_empty());
        assert!(exposed_ports_in("").is_empty());
    }

    #[test]
    fn any_folder_has_a_name_that_cargo_go_and_registries_take() {
        for (directory, expected) in [
            ("/home/ann/Web Shop", "web-shop"),
            ("/srv/größe", "gr-e"),
            ("/srv/日本", "app"),
            ("/", "app"),
            ("/srv/2048", "app-2048"),
            ("/srv/test", "test-app"),
            ("/srv/match", "match-app"),
            ("/srv/__a__b..c", "a-b-c"),
        ] {
            assert_eq!(package_name(directory.into()), expected);
            assert_eq!(component(expected), Ok(()));
        }
    }

    #[test]
    fn only_an_empty_folder_has_room() {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap();
        assert!(check_directory_is_free(&path.join("new"), Language::Go).is_ok());
        std::fs::create_dir(path.join(".git")).unwrap();
        std::fs::File::create(path.join("README.md")).unwrap();
        assert!(check_directory_is_free(path, Language::Go).is_ok());
        std::fs::File::create(path.join("main.c")).unwrap();
        assert!(check_directory_is_free(path, Language::Go).unwrap_err().to_string().contains("main.c"));
        let manifest = stamp_header("module a\n", CommentStyle::Slashes, "1");
        crossdock_fs::write_atomically(path.join("go.mod"), manifest.as_bytes()).unwrap();
        assert!(check_directory_is_free(path, Language::Go).is_ok());
        assert!(matches!(
            check_directory_is_free(path, Language::Rust),
            Err(ScaffoldError::TemplateMismatch { .. })
        ));
    }
}
