//! The projects of a configuration, discovered all at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::thread;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::Platform;
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::process::Processes;

use crate::config::{BuildVcs, Config, ImageConfig};
use crate::discover::{DiscoverOptions, Network, Program, Project, ProjectError, discover, read_manifests};
use crate::git::{Git, checkout_root, git, go_checkout};

/// Everything that the directories of a configuration's projects say. The keys are the directories that the images'
/// `path` names, or the configuration's root if it declares no image.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Projects {
    /// The projects.
    pub projects: BTreeMap<Utf8PathBuf, Project>,
    /// README and license files, sorted. They belong into release archives.
    pub documents: BTreeMap<Utf8PathBuf, Vec<Utf8PathBuf>>,
    /// The commits of the projects' directories and of their [programs' directories](Program::source_directory). A
    /// directory outside of every git checkout has no entry.
    pub git: BTreeMap<Utf8PathBuf, Availability<Git>>,
    /// The missing tool of each project that was read from its manifests instead.
    pub missing_tools: BTreeMap<Utf8PathBuf, String>,
}

/// Options of [`Projects::discover`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ProjectsOptions {
    /// The images, by name, whose projects are discovered; empty means all.
    pub images: BTreeSet<String>,
    /// The platforms of each project, by its directory; those of [`DiscoverOptions::default`] for a directory without an
    /// entry.
    pub platforms: BTreeMap<Utf8PathBuf, Vec<Platform>>,
    /// Whether cargo and go may use the network.
    pub network: Network,
    /// The behavior if cargo or go is missing.
    pub without_tools: WithoutTools,
    /// The directory of answers of `go list` that are remembered from run to run; `None` if none are.
    pub answers: Option<Utf8PathBuf>,
}

/// The behavior if the project's own tool, cargo or go, is not installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WithoutTools {
    /// Fail: the build on this machine needs the tool anyway.
    #[default]
    Fail,
    /// Read the manifests: a container engine brings the tool.
    ReadManifests,
}

/// The number of directories that are asked about at once, each by a few processes: thousands would exceed the limits of open
/// files and processes.
const AT_ONCE: usize = 32;

/// The error for a project that cannot be discovered.
#[derive(Debug, thiserror::Error)]
#[error("the project in {directory} cannot be discovered")]
pub struct DiscoverError {
    /// The project's directory, as an image's `path` names it.
    pub directory: Utf8PathBuf,
    /// The reason.
    #[source]
    pub error: Box<ProjectError>,
}

impl Projects {
    /// Asks cargo, go and git about the projects of a configuration, in parallel.
    ///
    /// ```
    /// use crossdock_project::config::Config;
    /// use crossdock_project::{Projects, ProjectsOptions, WithoutTools};
    /// # use std::sync::Arc;
    /// # use crossdock_system::{environment::Environment, process::{Cancel, Processes}};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let directory = camino::Utf8Path::from_path(directory.path()).ok_or("a path in UTF-8")?;
    /// # std::fs::File::create(directory.join("go.mod"))
    /// #     .and_then(|mut file| std::io::Write::write_all(&mut file, b"module example.com/app\n"))?;
    /// # std::fs::File::create(directory.join("main.go"))
    /// #     .and_then(|mut file| std::io::Write::write_all(&mut file, b"package main\n\nfunc main() {}\n"))?;
    /// # let processes = Processes::new(Arc::new(Environment::from_process()?), Cancel::default());
    /// let config = Config::find(directory)?;
    /// let mut options = ProjectsOptions::default();
    /// options.without_tools = WithoutTools::ReadManifests;
    /// let projects = Projects::discover(&config, &options, &processes)?;
    /// let images = projects.projects[directory].default_images(&config.defaults)?;
    /// assert_eq!(images[0].name.value, "app");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The first project, in the order of the directories, that is missing or that its tool refuses.
    pub fn discover(
        config: &Config,
        options: &ProjectsOptions,
        processes: &Processes,
    ) -> Result<Self, DiscoverError> {
        let directories = config.project_directories(&options.images);
        let directories: Vec<Utf8PathBuf> = directories.into_iter().collect();
        let mut images: HashMap<&Utf8Path, Vec<&ImageConfig>> = HashMap::new();
        for image in &config.images {
            images.entry(&image.path.value).or_default().push(image);
        }
        let mut answers = Vec::new();
        for directories in directories.chunks(AT_ONCE) {
            answers.extend(thread::scope(|scope| {
                let threads: Vec<_> = directories
                    .iter()
                    .map(|directory| {
                        let git = scope.spawn(move || git(directory, processes));
                        let images = images.get(directory.as_path()).cloned().unwrap_or_default();
                        let project = scope.spawn(move || project(&images, directory, options, processes));
                        (directory, project, git)
                    })
                    .collect();
                let ended = threads.into_iter();
                ended
                    .map(|(directory, project, git)| (directory, project.join(), git.join()))
                    .collect::<Vec<_>>()
            }));
        }
        let mut settings = config.images.iter().filter_map(|image| image.buildvcs.as_ref());
        let always = settings.find(|buildvcs| buildvcs.value == BuildVcs::Always);
        let buildvcs = always.map_or(BuildVcs::Auto, |always| always.value);
        let mut projects = Self::default();
        for (directory, project, git) in answers {
            let error =
                |error: ProjectError| DiscoverError { directory: directory.clone(), error: error.into() };
            let panicked = || error(ProjectError::Panicked { directory: directory.clone() });
            let (project, missing) = project.map_err(|_| panicked())?.map_err(error)?;
            let git = git.map_err(|_| panicked())?;
            let git = with_go_checkout(buildvcs, &project, git, processes);
            projects.add_checkouts(buildvcs, directory, &project, &git, processes);
            projects.add(directory, project, git);
            projects.missing_tools.extend(missing.map(|tool| (directory.clone(), tool)));
        }
        Ok(projects)
    }

    /// Adds the commits of the programs' directories, which decide about versions. A module of a workspace may be in
    /// another checkout, such as a submodule.
    fn add_checkouts(
        &mut self,
        buildvcs: BuildVcs,
        directory: &Utf8Path,
        project: &Project,
        here: &Availability<Git>,
        processes: &Processes,
    ) {
        let mut known = BTreeMap::from([(checkout_root(directory), here.clone())]);
        let programs = project.programs();
        let below: BTreeSet<&Utf8Path> = programs.iter().map(Program::source_directory).collect();
        for source in below.into_iter().filter(|source| *source != directory) {
            // A directory outside of every checkout has no commit to report.
            let Some(root) = checkout_root(source) else { continue };
            let found = known
                .entry(Some(root))
                .or_insert_with(|| with_go_checkout(buildvcs, project, git(source, processes), processes));
            let seen = match found {
                Availability::Available(git) => Availability::Available(git.seen_from(source, None, None)),
                Availability::Unavailable(why) => Availability::Unavailable(why.clone()),
            };
            self.git.insert(source.to_owned(), seen);
        }
    }

    fn add(&mut self, directory: &Utf8Path, project: Project, git: Availability<Git>) {
        let own = documents(directory);
        let documents = if own.is_empty() { documents(project.root()) } else { own };
        self.documents.insert(directory.to_owned(), documents);
        self.projects.insert(directory.to_owned(), project);
        // A failure of git matters only in a checkout: elsewhere there is no commit to report.
        if git.available().is_some() || checkout_root(directory).is_some() {
            self.git.insert(directory.to_owned(), git);
        }
    }

    /// Returns the commit that a directory is at; `None` outside of a checkout and if git is unavailable.
    pub fn git(&self, directory: &Utf8Path) -> Option<&Git> {
        self.git.get(directory).and_then(Availability::available)
    }

    /// Returns why git says nothing about a directory that is in a checkout.
    pub fn git_unavailable(&self, directory: &Utf8Path) -> Option<&Unavailable> {
        match self.git.get(directory)? {
            Availability::Available(_) => None,
            Availability::Unavailable(unavailable) => Some(unavailable),
        }
    }
}

impl Config {
    /// Returns the directories of the projects of the named images, or of all images if none is named; the root if the
    /// configuration declares no image.
    pub fn project_directories(&self, images: &BTreeSet<String>) -> BTreeSet<Utf8PathBuf> {
        if self.images.is_empty() {
            return BTreeSet::from([self.root.clone()]);
        }
        let selected =
            self.images.iter().filter(|image| images.is_empty() || images.contains(&image.name.value));
        selected.map(|image| image.path.value.clone()).collect()
    }
}

/// Adds what go reads of the checkout, if it may stamp a program of the project with the commit. `buildvcs` is the setting
/// that stamps most of all images, because images of several directories may have the programs of one module.
fn with_go_checkout(
    buildvcs: BuildVcs,
    project: &Project,
    git: Availability<Git>,
    processes: &Processes,
) -> Availability<Git> {
    let may_stamp = |git: &Git| match buildvcs {
        BuildVcs::Always => true,
        BuildVcs::Auto | BuildVcs::Never => !git.tags.is_empty() && !git.dirty,
    };
    match git {
        Availability::Available(mut git) if matches!(project, Project::Go(_)) && may_stamp(&git) => {
            git.go = Some(go_checkout(&git, processes));
            Availability::Available(git)
        }
        other => other,
    }
}

/// Discovers the project of images; returns the missing tool next to it if the manifests were read instead.
fn project(
    images: &[&ImageConfig],
    directory: &Utf8Path,
    options: &ProjectsOptions,
    processes: &Processes,
) -> Result<(Project, Option<String>), ProjectError> {
    let mut question = DiscoverOptions::for_images(images.iter().copied(), options.network);
    if let Some(platforms) = options.platforms.get(directory) {
        question.platforms.clone_from(platforms);
    }
    question.answers.clone_from(&options.answers);
    match discover(directory, &question, processes) {
        Err(ProjectError::NoTool { program, .. }) if options.without_tools == WithoutTools::ReadManifests => {
            Ok((read_manifests(directory, &question, processes.environment())?, Some(program)))
        }
        answer => Ok((answer?, None)),
    }
}

/// Returns the README and license files of a directory, sorted. A directory that cannot be listed has none.
fn documents(directory: &Utf8Path) -> Vec<Utf8PathBuf> {
    let is_document = |name: &str| {
        let name = name.to_ascii_uppercase();
        ["README", "LICENSE", "LICENCE", "COPYING", "NOTICE"].iter().any(|start| name.starts_with(start))
    };
    let entries = directory.read_dir_utf8().into_iter().flatten().flatten();
    let mut documents: Vec<Utf8PathBuf> = entries
        .filter(|entry| is_document(entry.file_name()) && entry.path().is_file())
        .map(|entry| entry.into_path())
        .collect();
    documents.sort();
    documents
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestDirectory, processes};

    const MAIN: &str = "package main\n\nfunc main() {}\n";

    fn two_projects() -> TestDirectory {
        TestDirectory::new(&[
            ("crossdock.toml", "[image.one]\npath = \"one\"\n[image.two]\npath = \"two\"\n"),
            ("one/go.mod", "module example.com/one\n"),
            ("one/main.go", MAIN),
            ("one/README.md", ""),
            ("one/licence", ""),
            ("one/NOTICE/x", ""),
            ("two/go.mod", "module example.com/two\n"),
            ("two/main.go", MAIN),
        ])
    }

    #[test]
    fn every_image_has_its_project_with_documents() {
        let directory = two_projects();
        let config = Config::find(&directory.path()).unwrap();
        let projects = Projects::discover(&config, &ProjectsOptions::default(), &processes()).unwrap();
        let names = |paths: &[Utf8PathBuf]| -> Vec<String> {
            paths.iter().map(|path| path.file_name().unwrap().to_owned()).collect()
        };
        let (one, two) = (directory.path().join("one"), directory.path().join("two"));
        assert_eq!(projects.projects.keys().collect::<Vec<_>>(), [&one, &two]);
        assert_eq!(names(&projects.documents[&one]), ["README.md", "licence"]);
        assert_eq!(names(&projects.documents[&two]), [""; 0]);
        assert!(projects.git.is_empty() && projects.git_unavailable(&one).is_none(), "no checkout");

        let mut options = ProjectsOptions::default();
        options.images.insert("two".to_owned());
        let projects = Projects::discover(&config, &options, &processes()).unwrap();
        assert_eq!(projects.projects.into_keys().collect::<Vec<_>>(), [two]);
    }

    #[test]
    fn manifests_replace_a_missing_tool_only_if_asked() {
        let directory = two_projects();
        let config = Config::find(&directory.path()).unwrap();
        let mut environment = processes().environment().clone();
        environment.variables.insert("PATH".to_owned(), String::new());
        let processes = Processes::new(environment.into(), crossdock_system::process::Cancel::default());
        let one = directory.path().join("one");
        let refused = Projects::discover(&config, &ProjectsOptions::default(), &processes).unwrap_err();
        assert_eq!(refused.directory, one);
        assert!(matches!(*refused.error, ProjectError::NoTool { .. }), "{refused}");

        let options =
            ProjectsOptions { without_tools: WithoutTools::ReadManifests, ..ProjectsOptions::default() };
        let projects = Projects::discover(&config, &options, &processes).unwrap();
        assert_eq!(projects.missing_tools[&one], "go");
        assert_eq!(projects.projects[&one].programs()[0].name(), "one");
    }

    #[test]
    fn every_program_has_the_version_of_its_module() {
        let directory = TestDirectory::new(&[
            ("go.work", "go 1.22\n\nuse (\n\t./svc\n\t./lib/own\n)\n"),
            ("svc/go.mod", "module example.com/svc\n\ngo 1.22\n"),
            ("svc/cmd/api/main.go", MAIN),
            ("lib/own/go.mod", "module example.com/own\n\ngo 1.22\n"),
            ("lib/own/main.go", MAIN),
        ]);
        let root = directory.path();
        let commit = |directory: &Utf8Path, tags: &[&str]| {
            let identity =
                ["-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgSign=false"];
            let git = |arguments: &[&str]| {
                let command = crossdock_system::process::Command::new("git", directory).args(identity);
                processes().stdout(&command.args(arguments.iter().copied())).unwrap()
            };
            git(&["init", "-q"]);
            git(&["add", "."]);
            git(&["commit", "-q", "-m", "first"]);
            tags.iter().for_each(|tag| drop(git(&["tag", tag])));
        };
        // A checkout of its own, as a submodule is.
        commit(&root.join("lib/own"), &["v3.0.0"]);
        commit(&root, &["v5.0.0", "svc/v1.2.0"]);
        let versions = |start: &Utf8Path| -> BTreeMap<String, Option<String>> {
            let config = Config::find(start).unwrap();
            let projects = Projects::discover(&config, &ProjectsOptions::default(), &processes()).unwrap();
            let programs = projects.projects[start].programs();
            let version = |program: &Program<'_>| {
                let git = projects.git(program.source_directory()).unwrap();
                (program.name().to_owned(), git.version.clone())
            };
            programs.iter().map(version).collect()
        };
        let svc = || ("api".to_owned(), Some("1.2.0".to_owned()));
        assert_eq!(versions(&root), BTreeMap::from([svc(), ("own".to_owned(), Some("3.0.0".to_owned()))]));
        assert_eq!(versions(&root.join("svc")), BTreeMap::from([svc()]));
    }

    #[test]
    fn a_checkout_without_a_commit_says_so() {
        let directory = two_projects();
        let init = crossdock_system::process::Command::new("git", directory.path()).args(["init", "-q"]);
        processes().stdout(&init).unwrap();
        let config = Config::find(&directory.path()).unwrap();
        let projects = Projects::discover(&config, &ProjectsOptions::default(), &processes()).unwrap();
        let one = directory.path().join("one");
        let why = &projects.git_unavailable(&one).unwrap().why;
        assert_eq!(directory.masked(why), "the git checkout of /p/one has no commit yet");
        assert!(projects.git(&one).is_none());
    }
}
