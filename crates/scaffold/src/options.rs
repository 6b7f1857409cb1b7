//! The input of a call of `init`: its options, the parts of a scaffold, and the source of the crate crossdock-cli.

use std::collections::BTreeSet;
use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crossdock_platform::{listed, nearest};
use crossdock_project::config::grammar::relative_path;
use crossdock_project::{Language, Network};
use crossdock_system::process::quote;

/// The options of a call of `init`. [`new`](Self::new) gives the defaults; set the fields that differ.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InitOptions {
    /// The project's directory; with `template`, one that is empty or does not exist. Absolute.
    pub project_directory: Utf8PathBuf,
    /// The directory that relative paths given by a person refer to. Absolute; the project's directory by default.
    pub working_directory: Utf8PathBuf,
    /// The parts to write; all that fit the project by default.
    pub parts: PartSelection,
    /// The language of a program to begin with (`--template`); `None` for a project that exists.
    pub template: Option<Language>,
    /// The source from which the `xtask` crate, and pipelines without `archives_url`, build crossdock (`--crossdock`); `None`
    /// for the one that the project remembers. Without either, the crate is left out.
    pub crossdock_source: Option<CrossdockSource>,
    /// The https:// address under which pipelines find crossdock's archives (`--archives`), without a slash at its end;
    /// `None` for the one that the project remembers. Without either, pipelines build crossdock from its source, or are left
    /// out.
    pub archives_url: Option<String>,
    /// The platforms or node types on which the images run (`--for`), such as `linux/arm64` or `m7g.large`; if empty,
    /// those that the project remembers, or `linux/amd64` and `linux/arm64`.
    pub nodes: Vec<String>,
    /// The ports of the program (`--expose`), as `8080` or `53/udp`.
    pub expose: Vec<String>,
    /// The repository of the image without a tag (`--repository`); for several images, the prefix of each one's.
    pub repository: Option<String>,
    /// The treatment of files that were edited or written by hand.
    pub edited_files: EditedFiles,
    /// Whether tools may use the network.
    pub network: Network,
    /// A directory for temporary files; created if missing. Absolute.
    pub scratch_directory: Utf8PathBuf,
}

impl InitOptions {
    /// The options of a call without arguments in a project's directory. Both directories must be absolute.
    pub fn new(project_directory: impl Into<Utf8PathBuf>, scratch_directory: impl Into<Utf8PathBuf>) -> Self {
        let project_directory = project_directory.into();
        Self {
            working_directory: project_directory.clone(),
            project_directory,
            parts: PartSelection::default(),
            template: None,
            crossdock_source: None,
            archives_url: None,
            nodes: Vec::new(),
            expose: Vec::new(),
            repository: None,
            edited_files: EditedFiles::default(),
            network: Network::Online,
            scratch_directory: scratch_directory.into(),
        }
    }
}

/// The treatment of files that were edited or written by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EditedFiles {
    /// They stay as they are.
    #[default]
    Keep,
    /// They are replaced, and a backup of each is kept.
    Replace,
}

/// The parts that a call names. Empty lists select every part that the project can have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartSelection {
    /// Only these (`--only`). In a project that has a scaffold this holds for one call; in a new project it is remembered.
    pub only: Vec<Part>,
    /// All but these (`--without`). Remembered by `crossdock.toml`.
    pub without: Vec<Part>,
}

/// A part of a scaffold, as `--only` and `--without` name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Part {
    /// The program of `--template`.
    Program,
    /// `crossdock.toml`.
    Config,
    /// The `xtask` crate, its entry in the workspace, and the alias `cargo xtask`. Only for Rust.
    Xtask,
    /// One Dockerfile for each image.
    Dockerfile,
    /// The `.dockerignore` of each Dockerfile.
    Dockerignore,
    /// The GitHub Actions workflow.
    Github,
    /// The GitLab pipeline.
    Gitlab,
    /// One Kubernetes manifest for each image.
    Kubernetes,
    /// `README.md`, unless the project has one.
    Readme,
}

impl Part {
    /// The parts that a person can select: all but the program, which `--template` implies.
    pub const ALL: [Self; 8] = [
        Self::Config,
        Self::Xtask,
        Self::Dockerfile,
        Self::Dockerignore,
        Self::Github,
        Self::Gitlab,
        Self::Kubernetes,
        Self::Readme,
    ];

    /// Returns the name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Config => "config",
            Self::Xtask => "xtask",
            Self::Dockerfile => "dockerfile",
            Self::Dockerignore => "dockerignore",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Kubernetes => "kubernetes",
            Self::Readme => "readme",
        }
    }

    /// Parses the name of a part.
    ///
    /// # Errors
    /// Fails if the name is unknown; the message suggests the nearest name, or lists all.
    pub fn parse(name: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::as_str);
        Self::ALL.into_iter().find(|part| part.as_str() == name).ok_or_else(|| match nearest(name, names) {
            Some(meant) => format!("`{name}` is not a part of a scaffold; did you mean `{meant}`?"),
            None => format!("`{name}` is not a part of a scaffold; the parts are {}", listed(names)),
        })
    }

    /// Returns the parts that a project in this language can have.
    pub(super) fn available_for(language: Language) -> BTreeSet<Self> {
        let has = |part: &Self| language == Language::Rust || *part != Self::Xtask;
        Self::ALL.into_iter().filter(has).collect()
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The version of crossdock that generated files refer to and are stamped with.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The source from which the `xtask` crate and pipelines take crossdock-cli: `path:DIR`, `git:URL` or `registry[:VERSION]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "from", content = "place")]
#[non_exhaustive]
pub enum CrossdockSource {
    /// The directory of the crate or of its repository: absolute, or relative to the project's root.
    Path(Utf8PathBuf),
    /// The URL of a git repository.
    Git(String),
    /// A version requirement for the registry, as cargo takes it.
    Registry(String),
}

impl Default for CrossdockSource {
    fn default() -> Self {
        Self::Registry(VERSION.to_owned())
    }
}

impl CrossdockSource {
    /// Parses the value of `--crossdock`.
    ///
    /// # Errors
    /// Fails if the text has none of the three forms.
    pub fn parse(text: &str) -> Result<Self, String> {
        let plain = |place: &str| !place.is_empty() && !place.chars().any(|c| c.is_control() || c == '"');
        match text.split_once(':') {
            Some(("path", place)) if plain(place) => Ok(Self::Path(place.into())),
            Some(("git", place)) if plain(place) && !place.contains(' ') => Ok(Self::Git(place.to_owned())),
            Some(("registry", version)) if is_version_requirement(version) => {
                Ok(Self::Registry(version.to_owned()))
            }
            None if text == "registry" => Ok(Self::default()),
            _ => Err(format!(
                "`{text}` is not a source; write `path:DIR`, `git:URL`, `registry` or `registry:VERSION`"
            )),
        }
    }

    /// Rewrites a path relative to `directory` as one relative to `root`; an absolute path stays absolute. A path to
    /// crossdock's repository becomes the path to the crate in it.
    #[must_use]
    pub fn rebased(self, root: &Utf8Path, directory: &Utf8Path) -> Self {
        let Self::Path(path) = self else { return self };
        let whole = directory.join(&path);
        let inner = Utf8Path::new("crates/cli");
        let inside = whole.join(inner).join("Cargo.toml").is_file();
        let path = if inside { path.join(inner) } else { path };
        if path.is_absolute() {
            return Self::Path(path);
        }
        Self::Path(path_in_manifest(root, &directory.join(path)))
    }

    /// Returns the value of `crossdock-cli = …` for a manifest in `directory`; a relative path of this source refers to `root`.
    pub(super) fn dependency(&self, root: &Utf8Path, directory: &Utf8Path) -> String {
        match self {
            Self::Path(path) if path.is_absolute() => format!("{{ path = {} }}", toml_string(path.as_str())),
            Self::Path(path) => {
                format!(
                    "{{ path = {} }}",
                    toml_string(path_in_manifest(directory, &root.join(path)).as_str())
                )
            }
            Self::Git(url) => format!("{{ git = {} }}", toml_string(url)),
            Self::Registry(version) => toml_string(version),
        }
    }

    /// Returns the arguments of `cargo install` for this source, quoted for a shell; a relative path refers to the working
    /// directory.
    pub(super) fn install_arguments(&self) -> String {
        match self {
            Self::Path(path) => format!("--path {}", quote(path.as_str())),
            Self::Git(url) => format!("--git {} crossdock-cli", quote(url)),
            // `cargo install` takes a plain number with all three parts as that version, and refuses a shorter one.
            Self::Registry(version) => {
                let is_short = version.starts_with(|c: char| c.is_ascii_digit())
                    && version.split(['-', '+']).next().is_some_and(|number| number.matches('.').count() < 2);
                let requirement = if is_short { format!("^{version}") } else { version.clone() };
                format!("--version {} crossdock-cli", quote(&requirement))
            }
        }
    }
}

impl fmt::Display for CrossdockSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "path:{path}"),
            Self::Git(url) => write!(f, "git:{url}"),
            Self::Registry(version) => write!(f, "registry:{version}"),
        }
    }
}

/// Accepts every version requirement of cargo and some nonsense, which cargo itself reports.
fn is_version_requirement(text: &str) -> bool {
    text.chars().any(|c| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-+=^~<>*, ".contains(c))
}

/// Quotes a TOML string. Every escape of JSON is one of TOML basic strings (TOML 1.0, "String").
pub(super) fn toml_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Returns the path from one absolute directory to another, as manifests write it: `.` for the same directory.
fn path_in_manifest(from: &Utf8Path, to: &Utf8Path) -> Utf8PathBuf {
    let path = relative_path(from, to);
    if path.as_str().is_empty() { ".".into() } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_names_round_trip_and_a_typo_gets_a_suggestion() {
        for part in Part::ALL {
            assert_eq!(Part::parse(part.as_str()), Ok(part));
        }
        assert!(Part::parse("kubernets").unwrap_err().contains("did you mean `kubernetes`?"));
        assert!(Part::parse("helm").unwrap_err().contains("`gitlab`"));
        assert!(!Part::available_for(Language::Go).contains(&Part::Xtask));
    }

    #[test]
    fn sources_have_exactly_three_forms() {
        for text in ["path:../crossdock", "git:https://git.example/crossdock", "registry:0.1"] {
            assert_eq!(CrossdockSource::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(CrossdockSource::parse("registry"), Ok(CrossdockSource::default()));
        for text in ["", "path:", "git:", "../crossdock", "registry:", "registry:new", "svn:x", "path:a\"b"] {
            assert!(CrossdockSource::parse(text).unwrap_err().contains("path:DIR"), "{text}");
        }
    }

    #[test]
    fn every_source_can_be_installed() {
        for (source, arguments) in [
            ("path:tools/my crossdock", "--path 'tools/my crossdock'"),
            ("git:https://git.example/crossdock", "--git https://git.example/crossdock crossdock-cli"),
            ("registry:0.1.0", "--version 0.1.0 crossdock-cli"),
            ("registry:0.1", "--version ^0.1 crossdock-cli"),
            ("registry:>=0.1, <0.3", "--version '>=0.1, <0.3' crossdock-cli"),
        ] {
            assert_eq!(CrossdockSource::parse(source).unwrap().install_arguments(), arguments);
        }
    }

    #[test]
    fn source_paths_become_relative_to_the_manifest() {
        let source = CrossdockSource::parse("path:../tools/crossdock").unwrap();
        let source = source.rebased("/home/ann/app".into(), "/home/ann/other".into());
        assert_eq!(source, CrossdockSource::Path("../tools/crossdock".into()));
        assert_eq!(
            source.dependency("/home/ann/app".into(), "/home/ann/app/xtask".into()),
            r#"{ path = "../../tools/crossdock" }"#
        );
        let absolute = CrossdockSource::Path("/opt/a b".into());
        assert_eq!(absolute.dependency("/a".into(), "/a/xtask".into()), r#"{ path = "/opt/a b" }"#);
    }
}
