//! The project as found on disk and as its own tools describe it, or the starter program of `--template`.

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_dockerfile::read::{Dockerfile, Keyword, stages};
use crossdock_fs::{read_project_text, read_text};
use crossdock_project::project_boundary;
use serde::Serialize;
use tempfile::TempDir;

use super::desired_file::{
    CommentStyle, DesiredFile, GeneratedText, Owner, parse_generated, render_template,
};
use super::error::ScaffoldError;
use super::file_state::{OnDisk, read_on_disk};
use super::options::{InitOptions, Part};
use crossdock_platform::Platform;
use crossdock_project::config::grammar::{self, component};
use crossdock_project::config::{Config, FILE_NAME, ImageConfig, NodeDescription};
use crossdock_project::{self as project, DiscoverOptions, Language, Project, ProjectError};
use crossdock_runner::planner::Projects;
use crossdock_system::process::Processes;

/// The project as found on disk.
pub(super) struct ProjectState {
    /// The directory into which files are written.
    pub(super) root: Utf8PathBuf,
    /// The directory in which the project was discovered: `root`, or a temporary copy of the starter program that is not
    /// written yet.
    pub(super) discovered_at: Utf8PathBuf,
    /// The project's language.
    pub(super) language: Language,
    /// The project as its own tools describe it.
    pub(super) project: Project,
    /// The files of the starter program; empty without `--template`.
    pub(super) starter: Vec<DesiredFile>,
    /// The `crossdock.toml` in `root`; `None` if there is none.
    pub(super) existing_config: Option<ExistingConfig>,
    /// Removes the temporary copy on drop.
    _temporary_copy: Option<TempDir>,
}

/// A `crossdock.toml` found on disk.
pub(super) struct ExistingConfig {
    pub(super) text: String,
    pub(super) config: Config,
    /// The parsed header; `None` if the file was written by hand.
    pub(super) generated: Option<GeneratedText>,
}

impl ProjectState {
    /// Reads the project's directory and asks the project's tools.
    ///
    /// # Errors
    /// Fails if the directory holds no project, if the project's tools refuse it, if it is a member of a workspace
    /// elsewhere, or if its `crossdock.toml` is invalid.
    pub(super) fn read(options: &InitOptions, processes: &Processes) -> Result<Self, ScaffoldError> {
        let root = options.project_directory.clone();
        let existing_config = read_existing_config(&root)?;
        let (discovered_at, starter, temporary_copy) = match options.template {
            None => (root.clone(), Vec::new(), None),
            Some(language) => {
                check_directory_is_free(&root, language)?;
                let starter = starter_files(language, &root)?;
                match Language::detect(&root, None) {
                    Ok(_) => (root.clone(), starter, None),
                    Err(_) => {
                        let (temporary_copy, discovered_at) =
                            write_temporary_copy(&starter, &options.scratch_directory)?;
                        (discovered_at, starter, Some(temporary_copy))
                    }
                }
            }
        };
        let images = existing_config.iter().flat_map(|existing| &existing.config.images);
        let images: Vec<&ImageConfig> = images.filter(|image| image.path.value == root).collect();
        let stated = images.iter().find_map(|image| image.language.as_ref()).map(|language| language.value);
        let language = Language::detect(&discovered_at, stated).map_err(ProjectError::from)?;
        let mut discovery = DiscoverOptions::for_images(images, options.network);
        discovery.language = Some(language);
        discovery.platforms = platforms(options, existing_config.as_ref().map(|existing| &existing.config));
        let project = discover_without_traces(&discovered_at, &discovery, processes)?;
        if project.root() != project.directory() && !is_same_directory(project.root(), &discovered_at) {
            return Err(ScaffoldError::WorkspaceMember { directory: root, root: project.root().to_owned() });
        }
        Ok(Self {
            root,
            discovered_at,
            language,
            project,
            starter,
            existing_config,
            _temporary_copy: temporary_copy,
        })
    }

    /// Returns the `crossdock.toml` if a person edited or wrote it.
    pub(super) fn user_config(&self) -> Option<&ExistingConfig> {
        let is_ours =
            |existing: &&ExistingConfig| existing.generated.as_ref().is_some_and(|made| made.unedited);
        self.existing_config.as_ref().filter(|existing| !is_ours(existing))
    }

    /// Discovers the projects of all images in a configuration, which may lie in other directories; includes this one.
    ///
    /// # Errors
    /// Fails if the tools of one of the projects refuse it.
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
                let mut discovery = DiscoverOptions::for_images(images, options.network);
                discovery.platforms = platforms(options, Some(config));
                projects
                    .projects
                    .insert(directory.clone(), discover_without_traces(directory, &discovery, processes)?);
            }
        }
        Ok(projects)
    }
}

/// Returns the platforms of the nodes that a call or a configuration names, and the default ones: a program may have files
/// for some of them only. The configuration reports an invalid description.
fn platforms(options: &InitOptions, config: Option<&Config>) -> Vec<Platform> {
    let asked = options.nodes.iter().filter_map(|node| Some(NodeDescription::parse(node).ok()?.platform));
    let deploys = config.into_iter().flat_map(|config| config.deploys.values());
    let declared = deploys.flat_map(|deploy| &deploy.nodes).map(|node| node.value.platform.clone());
    let mut platforms = DiscoverOptions::default().platforms;
    for platform in asked.chain(declared) {
        if !platforms.contains(&platform) {
            platforms.push(platform);
        }
    }
    platforms
}

/// Discovers a project without leaving files behind: `cargo metadata` writes a missing `Cargo.lock`.
fn discover_without_traces(
    directory: &Utf8Path,
    discovery: &DiscoverOptions,
    processes: &Processes,
) -> Result<Project, ScaffoldError> {
    let project = project::discover(directory, discovery, processes)?;
    if let Project::Rust(workspace) = &project
        && workspace.lock_created
    {
        let lock = workspace.root.join("Cargo.lock");
        std::fs::remove_file(&lock).map_err(|source| ScaffoldError::Write {
            path: lock,
            written: "cargo generated it".to_owned(),
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
    let text = read_project_text(path.as_std_path(), project_boundary(root).as_std_path());
    let text = text.map_err(|error| ScaffoldError::Read { path, source: error.source })?;
    let generated = parse_generated(&text);
    Ok(Some(ExistingConfig { text, config, generated }))
}

/// Writes the starter program into a temporary directory, so that it can be discovered before anything is written to the
/// project.
fn write_temporary_copy(
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
        // cargo looks for a workspace in every parent directory and would take this package for a member of one.
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

/// Returns the ports that a hand-written `Dockerfile` exposes in its last stage, as `8080` or `53/udp`; empty if there is
/// no such file or it cannot be read. Ranges, and variables that only a build resolves, are skipped.
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

/// The port on which the starter programs listen.
pub(super) const STARTER_PORT: &str = "8080";

/// Entries that a directory may hold and still count as empty.
const IGNORED_ENTRIES: [&str; 6] =
    [".git", ".github", ".gitignore", ".gitattributes", ".editorconfig", ".idea"];
/// First words of file names, upper case, with the same meaning.
const IGNORED_DOCUMENTS: [&str; 4] = ["README", "LICENSE", "LICENCE", "COPYING"];

#[derive(Serialize)]
struct StarterValues {
    name: String,
}

/// Returns the files of the starter program.
fn starter_files(language: Language, directory: &Utf8Path) -> Result<Vec<DesiredFile>, ScaffoldError> {
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

/// Checks that the starter program is not written among other files. A starter program of an earlier call is allowed.
///
/// # Errors
/// Fails if the directory holds other files or cannot be listed, or if an earlier call wrote a program in another language.
fn check_directory_is_free(directory: &Utf8Path, language: Language) -> Result<(), ScaffoldError> {
    let manifests = [("Cargo.toml", Language::Rust), ("go.mod", Language::Go)];
    let is_generated = |manifest: &&(&str, Language)| {
        read_text(directory.join(manifest.0).as_std_path()).is_ok_and(|text| parse_generated(&text).is_some())
    };
    if let Some((_, found)) = manifests.iter().find(is_generated) {
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

/// Derives a name for the program, its package or module, and its image from the name of the directory.
fn package_name(directory: &Utf8Path) -> String {
    /// Names that cargo refuses or warns about for a package, and the name of our own crate.
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

/// Returns whether cargo refuses the name because it is a keyword of Rust.
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
    fn ports_come_from_the_last_stage() {
        let text = "FROM golang AS build\nEXPOSE 1\nFROM alpine\nexpose 2222/TCP 53/udp $PORT 8000-8010\nEXPOSE 2222\n";
        assert_eq!(exposed_ports_in(text), ["2222", "53/udp"]);
        assert!(exposed_ports_in("not a Dockerfile").is_empty());
        assert!(exposed_ports_in("").is_empty());
    }

    #[test]
    fn every_directory_yields_a_name_that_cargo_go_and_registries_accept() {
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
    fn a_starter_program_needs_an_empty_directory() {
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
