//! Finds configuration files and joins them into one configuration.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::{FileError, project_path, read_project_text};
use toml::Spanned;

use super::document::Document;
use super::grammar::{lexical, normalized_path};
use super::image::{image, variables, version_tag};
use super::node::NodeDescription;
use super::problem::{ConfigError, Problem};
use super::raw::{RawConfig, RawDeploy};
use super::resolver::{Resolver, relative_to};
use super::{Builder, Config, Defaults, Deploy, ImageConfig, Source, Sourced};
use crate::boundary::{is_project, project_boundary};
use crate::language::Language;
use crate::template;
use crossdock_platform::{listed, nearest};

/// The name of a configuration file.
pub const FILE_NAME: &str = "crossdock.toml";

impl Config {
    /// Finds and reads the configuration for an absolute working directory: the nearest `crossdock.toml` there or
    /// above, up to the root of the git checkout, or outside of a checkout up to the topmost directory of a project. A
    /// file above those belongs to something else. If there is none, the configuration declares no image, and its root
    /// is the nearest directory of a project.
    ///
    /// # Errors
    /// A file that cannot be read or is invalid.
    pub fn find(directory: &Utf8Path) -> Result<Self, ConfigError> {
        let boundary = project_boundary(directory);
        for ancestor in directory.ancestors() {
            let file = ancestor.join(FILE_NAME);
            // A pipe or a broken link of this name is refused where it is read, not overlooked.
            if file.symlink_metadata().is_ok_and(|metadata| !metadata.is_dir()) {
                return Self::read(&file);
            }
            if ancestor == boundary {
                break;
            }
        }
        let project = directory.ancestors().find(|ancestor| is_project(ancestor));
        Ok(Self::unconfigured(project.unwrap_or(directory)))
    }

    /// Reads a configuration file and the files that it includes. The path is absolute. No file may be a symbolic link
    /// that leads out of the project around it ([`project_boundary`]).
    ///
    /// # Errors
    /// A file that cannot be read or is invalid.
    pub fn read(path: &Utf8Path) -> Result<Self, ConfigError> {
        let path = &normalized_path(path);
        Self::of_document(Document::read(path, project_boundary(directory_of(path)))?)
    }

    /// Parses text as if it were the file at an absolute path, which need not exist.
    ///
    /// # Errors
    /// Invalid text, and an included file that cannot be read or is invalid.
    pub fn from_text(path: &Utf8Path, text: String) -> Result<Self, ConfigError> {
        Self::of_document(Document::new(path.to_owned(), text))
    }

    fn of_document(document: Document) -> Result<Self, ConfigError> {
        let mut loader = Loader::new(Self::unconfigured(directory_of(&document.path)));
        loader.file(document)?;
        loader.finish()
    }

    /// Returns the configuration of a directory without configuration files.
    pub fn unconfigured(root: &Utf8Path) -> Self {
        Self {
            root: root.to_owned(),
            files: Vec::new(),
            deploys: BTreeMap::new(),
            images: Vec::new(),
            builder: None,
            defaults: Defaults::default(),
            templates: None,
        }
    }
}

fn directory_of(path: &Utf8Path) -> &Utf8Path {
    path.parent().unwrap_or(path)
}

impl Document {
    fn read(path: &Utf8Path, project: &Utf8Path) -> Result<Self, ConfigError> {
        let text = read_project_text(path.as_std_path(), project.as_std_path());
        let text = text.map_err(|FileError { source, .. }| ConfigError::Read {
            path: path.to_owned(),
            help: match source.kind() {
                std::io::ErrorKind::NotFound => "give the path of an existing file",
                std::io::ErrorKind::InvalidInput => "give the path of a regular file of the project",
                std::io::ErrorKind::InvalidData => "save it as UTF-8",
                std::io::ErrorKind::FileTooLarge => "split it with `include`",
                _ => "make it readable",
            }
            .to_owned(),
            source,
        })?;
        Ok(Self::new(path.to_owned(), text))
    }
}

/// Joins files into one configuration.
struct Loader {
    config: Config,
    problems: Vec<Problem>,
    /// The files, each with its position in [`Config::files`].
    files: HashMap<Utf8PathBuf, usize>,
    /// The places of the images' names.
    names: HashMap<String, Source>,
    /// The first image of each directory, and the language of its project; `None` if it has none.
    languages: HashMap<Utf8PathBuf, (String, Option<Language>)>,
}

impl Loader {
    fn new(config: Config) -> Self {
        Self {
            config,
            problems: Vec::new(),
            files: HashMap::new(),
            names: HashMap::new(),
            languages: HashMap::new(),
        }
    }

    fn file(&mut self, document: Document) -> Result<(), ConfigError> {
        self.files.insert(document.path.clone(), self.config.files.len());
        self.config.files.push(document.path.clone());
        let raw: RawConfig = match toml::from_str(&document.text) {
            Ok(raw) => raw,
            Err(error) => {
                self.problems.push(document.toml_problem(&error));
                return Ok(());
            }
        };
        let directory = directory_of(&document.path);
        let mut resolver = Resolver { document: &document, directory, problems: Vec::new() };
        let defaults = defaults(&mut resolver, &raw);
        let deploys = deploys(&mut resolver, raw.deploy);
        let mut images: Vec<_> = raw.image.into_iter().collect();
        // The map is sorted by name; the order of the file is that of a plan.
        images.sort_by_key(|(name, _)| name.span().start);
        for (name, raw) in images {
            let span = name.span();
            for name in &raw.deploy {
                known_deploy(&mut resolver, name, &deploys);
            }
            if let Some(image) = image(&mut resolver, name, raw, &defaults) {
                self.one_language(&mut resolver, &span, &image);
                self.add_image(&mut resolver, &span, image);
            }
        }
        self.add_deploys(&mut resolver, deploys);
        // Only the root's file decides for a whole run: an included file may belong to a project of its own.
        if self.config.files.len() == 1 {
            self.config.builder = raw.builder.and_then(|builder| {
                resolver.checked("builder", builder, |text| {
                    text.parse::<Builder>().map_err(|error| error.to_string())
                })
            });
            self.config.defaults = defaults;
            self.config.templates = raw.templates.and_then(|directory| templates(&mut resolver, directory));
        }
        let included = included(&mut resolver, &raw.include);
        self.problems.append(&mut resolver.problems);
        for (span, path) in included {
            self.include(&document, &span, &path)?;
        }
        Ok(())
    }

    fn include(
        &mut self,
        from: &Document,
        span: &std::ops::Range<usize>,
        path: &Utf8Path,
    ) -> Result<(), ConfigError> {
        if self.files.contains_key(path) {
            let message = format!("`include`: {path} is already included");
            self.problems.push(from.problem(span, message, "include each file once, and no file in itself"));
            return Ok(());
        }
        let document = Document::read(path, project_boundary(&self.config.root))?;
        self.file(document)
    }

    fn add_image(&mut self, resolver: &mut Resolver<'_>, span: &std::ops::Range<usize>, image: ImageConfig) {
        match self.names.get(&image.name.value) {
            Some(known) => resolver.report(
                span,
                format!("the image `{}` is already declared at {known}", image.name.value),
                "rename one of them",
            ),
            None => {
                self.names.insert(image.name.value.clone(), image.name.source.clone());
                self.config.images.push(image);
            }
        }
    }

    /// Reports a directory that two images take for projects of two languages: each directory is discovered once.
    fn one_language(
        &mut self,
        resolver: &mut Resolver<'_>,
        span: &std::ops::Range<usize>,
        image: &ImageConfig,
    ) {
        let stated = image.language.as_ref().map(|language| language.value);
        let language = Language::detect(&image.path.value, stated).ok();
        let name = &image.name.value;
        let first = self.languages.entry(image.path.value.clone());
        let (other, known) = first.or_insert_with(|| (name.clone(), language));
        if *known != language {
            let message =
                format!("the images `{other}` and `{name}` use one directory for projects of two languages");
            resolver.report(
                span,
                message,
                "move one project into its own directory, or set the same `language` for both",
            );
        }
    }

    fn add_deploys(&mut self, resolver: &mut Resolver<'_>, deploys: BTreeMap<Spanned<String>, Deploy>) {
        let nodes = |deploy: &Deploy| {
            deploy.nodes.iter().map(|node| node.value.text.clone()).collect::<BTreeSet<_>>()
        };
        for (name, deploy) in deploys {
            match self.config.deploys.get_mut(name.get_ref()) {
                Some(known) if nodes(known) != nodes(&deploy) => {
                    let place = known.nodes.first().map(|node| node.source.to_string()).unwrap_or_default();
                    resolver.report(
                        &name.span(),
                        format!("the deploy target `{}` has different nodes at {place}", name.get_ref()),
                        "rename one of them",
                    );
                }
                // Files that can be used on their own may declare the same deploy target.
                Some(known) => known.repeated.push(deploy.nodes),
                None => drop(self.config.deploys.insert(name.into_inner(), deploy)),
            }
        }
    }

    fn finish(mut self) -> Result<Config, ConfigError> {
        // A person repairs a file from top to bottom, whatever order its keys were checked in.
        let order = |problem: &Problem| self.files.get(&problem.path).copied();
        self.problems.sort_by_cached_key(|problem| (order(problem), problem.line, problem.column));
        if self.problems.is_empty() { Ok(self.config) } else { Err(ConfigError::Invalid(self.problems)) }
    }
}

fn defaults(resolver: &mut Resolver<'_>, raw: &RawConfig) -> Defaults {
    let toolchain = raw.toolchain.clone().unwrap_or_default();
    let tag_env = raw.tag_env.clone().map(|names| variables(resolver, names)).unwrap_or_default();
    Defaults {
        toolchain: toolchain.into_iter().map(|route| resolver.sourced(route)).collect(),
        version_tag: raw.version_tag.clone().and_then(|pattern| version_tag(resolver, pattern)),
        tags: raw.tags.clone().map(|tags| resolver.list("tags", tags, |tag| template::check(tag, &tag_env))),
        tag_env,
    }
}

/// Resolves the directory of the user's templates, which exists and is below the file's directory.
fn templates(resolver: &mut Resolver<'_>, directory: Spanned<String>) -> Option<Sourced<Utf8PathBuf>> {
    let root = resolver.directory;
    resolver.checked("templates", directory, |text| {
        let path = relative_to(root, text)?;
        if !path.is_dir() {
            return Err(format!("{path} is not a directory"));
        }
        if !path.starts_with(root) {
            return Err(format!("`{text}` is outside of the directory of this file"));
        }
        project_path(path.as_std_path(), project_boundary(root).as_std_path())
            .map_err(|error| format!("`{text}` cannot be used: {}", error.source))?;
        Ok(path)
    })
}

fn deploys(
    resolver: &mut Resolver<'_>,
    raw: BTreeMap<Spanned<String>, RawDeploy>,
) -> BTreeMap<Spanned<String>, Deploy> {
    let mut deploys = BTreeMap::new();
    for (name, RawDeploy { nodes }) in raw {
        if nodes.get_ref().is_empty() {
            resolver.report(
                &nodes.span(),
                format!("the deploy target `{}` has no nodes", name.get_ref()),
                "list them, such as [\"m7g.large\"] or [\"linux/arm64\"]",
            );
        }
        let parsed = |text: &String| NodeDescription::parse(text).map_err(|why| format!("`{text}` {why}"));
        let nodes = nodes.into_inner().into_iter();
        let nodes = nodes.filter_map(|node| resolver.checked("nodes", node, parsed)).collect();
        deploys.insert(name.clone(), Deploy { name: name.into_inner(), nodes, repeated: Vec::new() });
    }
    deploys
}

fn known_deploy(
    resolver: &mut Resolver<'_>,
    name: &Spanned<String>,
    deploys: &BTreeMap<Spanned<String>, Deploy>,
) {
    if deploys.contains_key(name.get_ref().as_str()) {
        return;
    }
    let known: Vec<&str> = deploys.values().map(|deploy| deploy.name.as_str()).collect();
    let help = match nearest(name.get_ref(), known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => format!("add [deploy.{}] with its nodes to this file", name.get_ref()),
        None => format!("this file declares {}", listed(known)),
    };
    resolver.report(&name.span(), format!("unknown deploy target `{}`", name.get_ref()), help);
}

/// Returns the files that the patterns match, each with the place of its pattern. A directory is its `crossdock.toml`.
fn included(
    resolver: &mut Resolver<'_>,
    patterns: &[Spanned<String>],
) -> Vec<(std::ops::Range<usize>, Utf8PathBuf)> {
    let mut files = Vec::new();
    for pattern in patterns {
        match matches(resolver.directory, pattern.get_ref()) {
            Ok(found) => files.extend(found.into_iter().map(|path| (pattern.span(), path))),
            Err(why) => resolver.report(&pattern.span(), format!("`include`: {why}"), ""),
        }
    }
    files
}

fn matches(directory: &Utf8Path, pattern: &str) -> Result<Vec<Utf8PathBuf>, String> {
    let relative = lexical(Utf8Path::new(pattern)).filter(|path| path.is_relative());
    let relative = relative.ok_or_else(|| format!("`{pattern}` is outside of the directory of this file"))?;
    // The directory's own name may contain characters that are special in a pattern.
    let whole = format!("{}/{relative}", glob::Pattern::escape(directory.as_str()));
    let paths = glob::glob(&whole).map_err(|error| format!("`{pattern}` is not a pattern: {error}"))?;
    let paths = paths.filter_map(Result::ok).filter_map(|path| Utf8PathBuf::from_path_buf(path).ok());
    // `examples/*` is meant for directories: a README among them is not a configuration file.
    let means_files = pattern.ends_with(".toml");
    let file = |path: Utf8PathBuf| if path.is_dir() { path.join(FILE_NAME) } else { path };
    let is_meant =
        |path: &Utf8PathBuf| path.is_file() && (means_files || path.file_name() == Some(FILE_NAME));
    let files: Vec<Utf8PathBuf> = paths.map(file).filter(is_meant).collect();
    if files.is_empty() {
        return Err(format!("`{pattern}` matches no {FILE_NAME} below {directory}"));
    }
    Ok(files)
}
