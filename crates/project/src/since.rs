//! The images whose inputs changed since a commit.
//!
//! An image is left out only if every input is known to be the same. The commit itself is not an input: its id, date and
//! tags name the source and do not change what it does.

mod cargo;
mod config;
mod go;
mod pins;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::config::{Base, BaseImage, Config, ImageConfig, LOCK_FILE};
use crate::discover::{Program, Project};
use crate::git::{Changes, PathState};

/// A kind of inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ChangeKind {
    /// Source files, and files that they embed.
    Sources,
    /// Manifests and lock files, which decide about dependencies.
    Dependencies,
    /// Entries of `files`, and the documents of release archives.
    Files,
    /// `crossdock.toml` and the files that it includes.
    Configuration,
    /// The base image.
    Base,
    /// Templates of Dockerfiles, and what else a container engine reads.
    Dockerfile,
    /// Files that choose or configure a compiler.
    Toolchain,
    /// The version of crossdock.
    Crossdock,
    /// The commit had no such image.
    New,
    /// Inputs about which git says nothing.
    Unknown,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sources => "sources",
            Self::Dependencies => "dependencies",
            Self::Files => "files",
            Self::Configuration => "configuration",
            Self::Base => "base",
            Self::Dockerfile => "dockerfile",
            Self::Toolchain => "toolchain",
            Self::Crossdock => "crossdock",
            Self::New => "new",
            Self::Unknown => "unknown",
        })
    }
}

/// A reason for which an image is built again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChangeReason {
    /// The kind of the inputs.
    pub kind: ChangeKind,
    /// The changed files, relative to the root of the checkout, or sentences; at least one.
    pub detail: Vec<String>,
}

/// The reasons for one image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Reasons(BTreeMap<ChangeKind, BTreeSet<String>>);

impl Reasons {
    fn add(&mut self, kind: ChangeKind, detail: impl Into<String>) {
        self.0.entry(kind).or_default().insert(detail.into());
    }

    fn add_all<S: Into<String>>(&mut self, kind: ChangeKind, details: impl IntoIterator<Item = S>) {
        details.into_iter().for_each(|detail| self.add(kind, detail));
    }

    fn extend(&mut self, other: &Self) {
        for (kind, details) in &other.0 {
            self.add_all(*kind, details.iter().cloned());
        }
    }

    /// Adds a file that an image is built from, unless it is the same.
    fn add_state(&mut self, kind: ChangeKind, state: PathState) {
        match state {
            PathState::Same => {}
            PathState::Changed(path) => self.add(kind, path),
            PathState::Unknown(why) => self.add(ChangeKind::Unknown, why),
        }
    }

    fn finish(self) -> Vec<ChangeReason> {
        let reason = |(kind, detail): (_, BTreeSet<String>)| ChangeReason {
            kind,
            detail: detail.into_iter().collect(),
        };
        self.0.into_iter().map(reason).collect()
    }
}

/// An image with the project and the programs that it is built from.
#[derive(Debug, Clone, Copy)]
pub struct ImageInputs<'a> {
    /// The configuration; its templates have their values.
    pub config: &'a ImageConfig,
    /// The project.
    pub project: &'a Project,
    /// The programs.
    pub programs: &'a [Program<'a>],
}

/// The inputs of a build besides a project.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct BuildInputs {
    /// Whether a container engine builds, from a Dockerfile.
    pub by_engine: bool,
    /// The documents that go into release archives, by the directories of projects; empty if none are made.
    pub documents: BTreeMap<Utf8PathBuf, Vec<Utf8PathBuf>>,
}

/// Returns the reasons for which each image is to be built again, in the order of the images; none for an image whose
/// inputs are the same.
pub fn change_reasons(
    changes: &Changes,
    config: &Config,
    images: &[ImageInputs<'_>],
    build: &BuildInputs,
) -> Vec<Vec<ChangeReason>> {
    let mut common = Reasons::default();
    pins::crossdock(changes, &mut common);
    attributes(changes, &mut common);
    let configured = config::Compared::new(changes, config, &mut common);
    if build.by_engine {
        engine_inputs(changes, config, &mut common);
    }
    if config.images.is_empty() {
        undeclared_images(changes, &mut common);
    }
    let projects = Projects::new(changes, images);
    let reasons = images.iter().map(|image| {
        let mut reasons = common.clone();
        configured.image(image.config, &mut reasons);
        projects.image(image, &mut reasons);
        pins::toolchain(changes, &image.config.path.value, &mut reasons);
        files(changes, image.config, &mut reasons);
        base(changes, config, image.config, &mut reasons);
        if build.by_engine {
            build_context(changes, image.config, &mut reasons);
        }
        for document in build.documents.get(&image.config.path.value).into_iter().flatten() {
            reasons.add_state(ChangeKind::Files, changes.state(document));
        }
        reasons.finish()
    });
    reasons.collect()
}

/// Adds changed attributes, and filters that may store different contents as one: git compares what it stores. LFS stores
/// different contents differently (gitattributes(5)).
fn attributes(changes: &Changes, common: &mut Reasons) {
    const NAME: &str = ".gitattributes";
    let is_one = |path: &&str| path.rsplit('/').next() == Some(NAME);
    let changed = changes.changed().filter(is_one);
    common.add_all(
        ChangeKind::Unknown,
        changed.map(|path| format!("{path} changed, by which git converts files")),
    );
    let tracked = changes.tracked_in(&changes.root).filter(is_one).map(|path| changes.root.join(path));
    for path in tracked.chain([changes.root.join(".git/info/attributes")]) {
        let text = crossdock_fs::read_text(path.as_std_path()).unwrap_or_default();
        let converts = |word: &&str| {
            word.starts_with("filter=") && *word != "filter=lfs" || word.starts_with("working-tree-encoding=")
        };
        if let Some(word) = text.split_whitespace().find(converts) {
            let why = format!("`{word}` in {path}, with which git may store different contents as one");
            common.add(ChangeKind::Unknown, why);
        }
    }
}

/// The comparison of each project, which images share.
struct Projects<'a> {
    changes: &'a Changes,
    go: BTreeMap<&'a Utf8Path, go::Module<'a>>,
    cargo: BTreeMap<&'a Utf8Path, cargo::Workspace<'a>>,
}

impl<'a> Projects<'a> {
    fn new(changes: &'a Changes, images: &[ImageInputs<'a>]) -> Self {
        let mut projects = Self { changes, go: BTreeMap::new(), cargo: BTreeMap::new() };
        for image in images {
            match image.project {
                Project::Go(module) => {
                    let compared = || go::Module::new(changes, module);
                    projects.go.entry(&module.root).or_insert_with(compared);
                }
                Project::Rust(workspace) => {
                    let compared = || cargo::Workspace::new(changes, workspace);
                    projects.cargo.entry(&workspace.directory).or_insert_with(compared);
                }
            }
        }
        projects
    }

    fn image(&self, image: &ImageInputs<'_>, reasons: &mut Reasons) {
        for program in image.programs {
            match (program, image.project) {
                (Program::Go(main), Project::Go(module)) => {
                    self.go[module.root.as_path()].program(main, reasons);
                }
                (Program::Rust { package, .. }, Project::Rust(workspace)) => {
                    self.cargo[workspace.directory.as_path()].program(self.changes, package, reasons);
                }
                _ => reasons.add(ChangeKind::Unknown, format!("the project of `{}`", program.name())),
            }
        }
    }
}

/// Adds the entries of `files`: a file, or a directory with everything in it, ignored files too.
fn files(changes: &Changes, image: &ImageConfig, reasons: &mut Reasons) {
    for file in &image.files {
        everything(changes, &file.value.from, ChangeKind::Files, reasons);
    }
}

fn everything(changes: &Changes, path: &Utf8Path, kind: ChangeKind, reasons: &mut Reasons) {
    reasons.add_all(kind, changes.changed_in(path));
    let ignored = changes.ignored_in(path);
    reasons.add_all(ChangeKind::Unknown, ignored.into_iter().map(|path| format!("git ignores {path}")));
    walk(changes, path, kind, 0, reasons);
}

/// The deepest directory level that is read.
const MAX_DEPTH: usize = 64;

/// Adds the state of each file, since a symbolic link may lead to one that has changed.
fn walk(changes: &Changes, path: &Utf8Path, kind: ChangeKind, depth: usize, reasons: &mut Reasons) {
    let Ok(metadata) = path.symlink_metadata() else { return };
    let is_directory = if metadata.is_symlink() { path.is_dir() } else { metadata.is_dir() };
    if !is_directory {
        return reasons.add_state(kind, changes.state(path));
    }
    let Ok(entries) = path.read_dir_utf8() else {
        return reasons.add(ChangeKind::Unknown, format!("{path} cannot be read"));
    };
    let entries: Vec<_> = entries.flatten().collect();
    if entries.is_empty() {
        reasons.add(ChangeKind::Unknown, format!("git does not track the empty directory {path}"));
    }
    if depth == MAX_DEPTH {
        return reasons.add(ChangeKind::Unknown, format!("{path} is too deep"));
    }
    entries.iter().for_each(|entry| walk(changes, entry.path(), kind, depth + 1, reasons));
}

/// Adds the base image: its digest in the lock file, or its layout.
fn base(changes: &Changes, config: &Config, image: &ImageConfig, reasons: &mut Reasons) {
    match &image.base.value {
        Base::Static | Base::Scratch => {}
        Base::Image(BaseImage::Layout { directory, .. }) => {
            everything(changes, directory, ChangeKind::Base, reasons);
        }
        Base::Image(BaseImage::Registry(reference)) if reference.digest.is_some() => {}
        Base::Image(base @ BaseImage::Registry(_)) => {
            let path = config.root.join(LOCK_FILE);
            if let PathState::Unknown(why) = changes.state(&path) {
                reasons.add(ChangeKind::Unknown, why);
            }
            let Some(below) = changes.below(&path) else { return };
            let name = base.to_string();
            let old = changes.old_text(&below).map(|text| locked(&text, &name));
            let new = crossdock_fs::read_text(path.as_std_path()).map(|text| locked(&text, &name));
            // Whatever cannot be read counts as changed.
            match (old, new) {
                (Some(Some(old)), Ok(Some(new))) if old == new => {}
                _ => reasons.add(ChangeKind::Base, format!("{name} in {below}")),
            }
        }
    }
}

/// Returns the digest of an image in the text of a lock file.
fn locked(text: &str, name: &str) -> Option<String> {
    let lock: toml::Table = text.parse().ok()?;
    Some(lock.get("images")?.get(name)?.as_str()?.to_owned())
}

/// Adds what a container engine reads: the digests of all base images, templates and the user's own files.
fn engine_inputs(changes: &Changes, config: &Config, common: &mut Reasons) {
    let is_for_engines = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.starts_with("Dockerfile") || name.ends_with(".dockerignore") || name == "Containerfile"
    };
    common.add_all(ChangeKind::Dockerfile, changes.changed().filter(is_for_engines));
    common.add_all(ChangeKind::Base, changes.changed_in(&config.root.join(LOCK_FILE)));
    if let Some(templates) = &config.templates {
        everything(changes, &templates.value, ChangeKind::Dockerfile, common);
    }
}

/// Adds the files that the build context has because `[image.NAME.dockerfile] context` names them. Only the part of a pattern
/// before its first wildcard counts.
fn build_context(changes: &Changes, image: &ImageConfig, reasons: &mut Reasons) {
    for pattern in &image.dockerfile.context {
        let end = pattern.find(['*', '?', '[', '\\']).unwrap_or(pattern.len());
        let plain = pattern[..end].trim_start_matches(['!', '/']);
        let directory = plain.rsplit_once('/').map_or("", |(directory, _)| directory);
        let path = image.path.value.join(if end == pattern.len() { plain } else { directory });
        reasons.add_all(ChangeKind::Dockerfile, changes.changed_in(&path));
        let ignored = changes.ignored_in(&path);
        reasons.add_all(ChangeKind::Unknown, ignored.into_iter().map(|path| format!("git ignores {path}")));
    }
}

/// Adds programs that went away. Which of the others become images without configuration depends on them.
fn undeclared_images(changes: &Changes, common: &mut Reasons) {
    let was_program = |path: &str| {
        let is_main = |text: String| text.lines().any(|line| line.trim_start().starts_with("package main"));
        let old = path.ends_with(".go") && !path.ends_with("_test.go");
        old && !changes.root.join(path).exists() && changes.old_text(path).is_some_and(is_main)
    };
    for path in changes.changed().filter(|path| was_program(path)) {
        common.add(ChangeKind::New, format!("{path} is gone: other programs may have become images"));
    }
}
