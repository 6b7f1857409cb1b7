//! The images that a call selects, with their programs, configuration, annotations and tags.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::bases;
use super::error::PlanError;
use super::output::output_directory;
use super::path_conflicts::check_files;
use super::request::{Pack, Request, Tagging};
use crate::plan::{
    Container, FilePlan, PlatformPlan, ProjectId, ReleaseArchive, ReleasePlan, ResolvedBase, SkippedTag,
};
use crate::text::{platform_slug, rfc3339, short_hash};
use crossdock_platform::nearest;
use crossdock_project::config::{Base, Config, ExtraFile, ImageConfig, Source, Sourced, base_environment};
use crossdock_project::template::{self, Values};
use crossdock_project::{Git, GoModule, PackageMetadata, Program, Project, Projects, SelectError};

/// The user that images run as by default. It is numeric, because `runAsNonRoot` of Kubernetes cannot check a name; the
/// number is the convention of distroless images.
const NON_ROOT: &str = "65532:65532";

/// An image that a call selects, with its project and programs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SelectedImage<'a> {
    /// The configuration.
    pub config: ImageConfig,
    /// The project that it is built from.
    pub project: &'a Project,
    /// The programs; the first is the entry point.
    pub programs: Vec<Program<'a>>,
    /// The program that starts.
    pub entry_point: Program<'a>,
}

/// A program of an image, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SelectedProgram {
    /// The image.
    pub image: String,
    /// The program.
    pub name: String,
    /// The Cargo package or the Go import path of the program.
    pub package: String,
}

/// Returns the programs of the images that a call selects. It needs no host: they follow from the configuration and the
/// projects.
///
/// # Errors
/// If names, programs or `files` of the configuration do not fit the project, as in [`plan`](super::plan).
pub fn programs(
    config: &Config,
    projects: &Projects,
    request: &Request,
) -> Result<Vec<SelectedProgram>, PlanError> {
    let programs_of = |image: &SelectedImage<'_>| {
        let each = image.programs.iter().map(|program| SelectedProgram {
            image: image.config.name.value.clone(),
            name: program.name().to_owned(),
            package: program.package().to_owned(),
        });
        each.collect::<Vec<_>>()
    };
    Ok(select(config, projects, request)?.iter().flat_map(programs_of).collect())
}

/// Returns the values of the templates of each image that a call selects, for [`Config::rendered`].
///
/// # Errors
/// As [`programs`].
pub fn template_values(
    config: &Config,
    projects: &Projects,
    request: &Request,
) -> Result<BTreeMap<String, Values>, PlanError> {
    let selected = select(config, projects, request)?;
    let values = selected
        .iter()
        .map(|selected| (selected.config.name.value.clone(), values(selected, projects, request)));
    Ok(values.collect())
}

/// Returns the images that the call selects, in the order of the configuration.
///
/// # Errors
/// As [`programs`].
pub fn select<'a>(
    config: &Config,
    projects: &'a Projects,
    request: &Request,
) -> Result<Vec<SelectedImage<'a>>, PlanError> {
    let images = if config.images.is_empty() {
        project(&config.root, projects)?.default_images(&config.defaults)?
    } else {
        config.images.clone()
    };
    reject_equal_names(&images)?;
    let wanted = chosen(images, request)?.into_iter();
    let mut selected: Vec<SelectedImage<'a>> =
        wanted.map(|config| SelectedImage::new(config, projects)).collect::<Result<_, _>>()?;
    if let Some(cgo) = &request.cgo {
        decide_cgo(&mut selected, cgo)?;
    }
    Ok(selected)
}

/// Replaces what the configuration says about cgo.
fn decide_cgo(selected: &mut [SelectedImage<'_>], cgo: &Sourced<bool>) -> Result<(), PlanError> {
    let mut go: Vec<_> =
        selected.iter_mut().filter(|image| matches!(image.project, Project::Go(_))).collect();
    if go.is_empty() {
        return Err(PlanError::CgoWithoutGo { asked: cgo.source.clone() });
    }
    for image in &mut go {
        image.config.cgo = Some(cgo.clone());
    }
    Ok(())
}

impl<'a> SelectedImage<'a> {
    fn new(config: ImageConfig, projects: &'a Projects) -> Result<Self, PlanError> {
        let project = project(&config.path.value, projects)?;
        let programs = project.programs_for(&config).map_err(|error| ambiguous(&config, error))?;
        // The configuration rejects an empty list. Without a program the image would have no entry point.
        let Some(entry_point) = programs.first().copied() else {
            return Err(PlanError::internal(&config.name.value, "it has no programs"));
        };
        let paths: Vec<String> = programs.iter().map(|program| program_path(program.name())).collect();
        check_files(&config, &paths)?;
        Ok(Self { config, project, programs, entry_point })
    }
}

/// Adds the place of the image's declaration to an error that has no place of its own.
fn ambiguous(image: &ImageConfig, error: SelectError) -> PlanError {
    match error {
        SelectError::NoPackage { .. } | SelectError::NoBinary { .. } => PlanError::Programs(error),
        other => PlanError::Declared {
            image: image.name.value.clone(),
            at: image.name.source.clone(),
            source: Box::new(other),
        },
    }
}

fn chosen(images: Vec<ImageConfig>, request: &Request) -> Result<Vec<ImageConfig>, PlanError> {
    let known: Vec<String> = images.iter().map(|image| image.name.value.clone()).collect();
    if let Some(unknown) = request.images.iter().find(|asked| !known.contains(&asked.value)) {
        return Err(PlanError::UnknownImage {
            name: unknown.value.clone(),
            asked: unknown.source.clone(),
            nearest: nearest(&unknown.value, known.iter().map(String::as_str)).map(str::to_owned),
            known,
        });
    }
    let is_asked = |image: &ImageConfig| {
        request.images.is_empty() || request.images.iter().any(|asked| asked.value == image.name.value)
    };
    Ok(images.into_iter().filter(is_asked).collect())
}

fn project<'a>(directory: &Utf8Path, projects: &'a Projects) -> Result<&'a Project, PlanError> {
    projects
        .projects
        .get(directory)
        .ok_or_else(|| PlanError::NotDiscovered { directory: directory.to_owned() })
}

fn reject_equal_names(images: &[ImageConfig]) -> Result<(), PlanError> {
    let mut seen = BTreeMap::new();
    for image in images {
        let name = &image.name;
        if let Some(first) = seen.insert(name.value.clone(), name.source.clone()) {
            return Err(PlanError::SameName { name: name.value.clone(), first, second: name.source.clone() });
        }
    }
    Ok(())
}

/// Returns the absolute path of a program in an image.
pub(super) fn program_path(name: &str) -> String {
    format!("/usr/local/bin/{name}")
}

/// Returns what an image is built from.
pub(super) fn project_id(selected: &SelectedImage<'_>) -> ProjectId {
    ProjectId {
        directory: selected.project.root().to_owned(),
        package: selected.entry_point.package().to_owned(),
        program: selected.entry_point.name().to_owned(),
    }
}

/// Returns the directory into which `go build` writes the programs of a module. It is in the cache, because the project's
/// directory may be read-only, and it is kept from run to run, because Go then does not link unchanged programs again.
pub(super) fn go_build_directory(module: &GoModule, request: &Request) -> Utf8PathBuf {
    let name = module.root.file_name().unwrap_or("module");
    request.cache.join("build").join(format!("{name}-{}", short_hash(module.root.as_str())))
}

/// Returns the runtime part of the image configuration, with the defaults for what is not configured.
pub(super) fn container(selected: &SelectedImage<'_>) -> Container {
    let image = &selected.config;
    let mut env = base_environment(&image.base.value);
    env.extend(image.env.clone());
    Container {
        entrypoint: image
            .entrypoint
            .as_ref()
            .map_or_else(|| vec![program_path(selected.entry_point.name())], |given| given.value.clone()),
        cmd: image.cmd.as_ref().map(|given| given.value.clone()).unwrap_or_default(),
        env,
        workdir: image.workdir.as_ref().map_or_else(|| "/".to_owned(), |given| given.value.clone()),
        user: image.user.as_ref().map_or_else(|| NON_ROOT.to_owned(), |given| given.value.clone()),
        expose: image.expose.iter().map(|port| port.value.clone()).collect(),
        labels: image.labels.clone(),
        stop_signal: image.stop_signal.as_ref().map(|signal| signal.value.clone()),
        health: image.health.as_ref().map(|health| health.value.clone()),
    }
}

pub(super) fn files(image: &ImageConfig) -> Vec<FilePlan> {
    let plan = |Sourced { value, source }: &Sourced<ExtraFile>| FilePlan {
        source: source.clone(),
        from: value.from.clone(),
        to: value.to.clone(),
        mode: value.mode,
    };
    image.files.iter().map(plan).collect()
}

/// Returns the release archives, if they are requested.
pub(super) fn release(
    selected: &SelectedImage<'_>,
    platforms: &[PlatformPlan],
    others: &[PlatformPlan],
    projects: &Projects,
    request: &Request,
) -> Option<ReleasePlan> {
    if request.pack == Pack::None {
        return None;
    }
    let image = &selected.config;
    let version = version(selected, projects).map(|version| format!("-{version}")).unwrap_or_default();
    let archives = platforms.iter().chain(others).map(|plan| ReleaseArchive {
        platform: plan.platform.clone(),
        name: format!("{}{version}-{}", image.name.value, platform_slug(&plan.platform)),
    });
    Some(ReleasePlan {
        folder: output_directory(selected.project, request).join(format!("{}.release", image.name.value)),
        archives: archives.collect(),
        documents: projects.documents.get(&image.path.value).cloned().unwrap_or_default(),
    })
}

/// Returns the date of an image in seconds since the Unix epoch: SOURCE_DATE_EPOCH, else the date of the commit, else the
/// epoch itself. It is never the clock, so that two builds of one commit are the same image.
pub(super) fn created(selected: &SelectedImage<'_>, projects: &Projects, request: &Request) -> i64 {
    let commit = || projects.git(selected.entry_point.source_directory()).map(|git| git.time);
    request.source_date_epoch.or_else(commit).unwrap_or(0).max(0)
}

/// Returns the commit of the entry point's package or module, with the tag and the version of its directory.
pub(super) fn git(selected: &SelectedImage<'_>, projects: &Projects) -> Option<Git> {
    git_of(selected, &selected.entry_point, projects)
}

/// Returns the commit of a program's directory, with the tag and the version that the image's `version-tag` selects.
pub(super) fn git_of(
    selected: &SelectedImage<'_>,
    program: &Program<'_>,
    projects: &Projects,
) -> Option<Git> {
    let pattern = selected.config.version_tag.as_ref().map(|pattern| &pattern.value);
    let directory = program.source_directory();
    projects.git(directory).map(|git| git.seen_from(directory, program.go_module(), pattern))
}

/// Returns the version: of a tag that `version-tag` matches, else that of the Cargo package or of the Go module's tags.
pub(super) fn version(selected: &SelectedImage<'_>, projects: &Projects) -> Option<String> {
    let tagged = || git(selected, projects).and_then(|git| git.version);
    match selected.entry_point {
        Program::Rust { package, .. } => {
            let explicit = selected.config.version_tag.as_ref().and_then(|_| tagged());
            Some(explicit.unwrap_or_else(|| package.version.clone()))
        }
        Program::Go(_) => tagged(),
    }
}

/// Returns what the manifest of the entry point says about the program. A `go.mod` says nothing.
pub(super) fn about(selected: &SelectedImage<'_>) -> PackageMetadata {
    match selected.entry_point {
        Program::Rust { package, .. } => package.metadata.clone(),
        Program::Go(_) => PackageMetadata::default(),
    }
}

/// Returns the annotations: the pre-defined keys of the OCI image specification (annotations.md), then the configured ones,
/// which win.
pub(super) fn annotations(
    selected: &SelectedImage<'_>,
    projects: &Projects,
    created: i64,
    base: Option<&ResolvedBase>,
) -> BTreeMap<String, String> {
    let image = &selected.config;
    let git = git(selected, projects);
    let about = about(selected);
    let revision =
        git.as_ref().map(|git| if git.dirty { format!("{}-dirty", git.sha) } else { git.sha.clone() });
    let built_in = || format!("crossdock/static:{}", crossdock_oci::base::CA_CERTIFICATES_DATE);
    let built_in = (image.base.value == Base::Static).then(built_in);
    let found = [
        ("title", Some(image.name.value.clone())),
        ("created", Some(rfc3339(created))),
        ("version", version(selected, projects)),
        ("revision", revision),
        ("source", about.repository.or_else(|| git.and_then(|git| git.source))),
        ("description", about.description),
        ("licenses", about.license),
        ("url", about.homepage),
        ("base.name", built_in),
    ];
    let found = found
        .into_iter()
        .chain(base.into_iter().flat_map(bases::annotations))
        .filter_map(|(key, value)| Some((format!("org.opencontainers.image.{key}"), value?)));
    found.chain(image.annotations.clone()).collect()
}

/// Returns the values of the templates of an image.
fn values(selected: &SelectedImage<'_>, projects: &Projects, request: &Request) -> Values {
    let image = &selected.config;
    let variables = request.variables.iter().filter(|(name, _)| image.tag_env.contains(name));
    let without_git = projects.git_unavailable(selected.entry_point.source_directory());
    Values {
        version: version(selected, projects),
        is_version_of_commit: matches!(selected.entry_point, Program::Go(_)) || image.version_tag.is_some(),
        git: git(selected, projects),
        git_unavailable: without_git.map(|unavailable| unavailable.why.clone()),
        env: variables.map(|(name, value)| (name.clone(), value.clone())).collect(),
        base_env: bases::resolved(image, request).ok().flatten().map(bases::common_env).unwrap_or_default(),
    }
}

/// Returns the tags, and the templates that have no value here.
pub(super) fn tags(
    selected: &SelectedImage<'_>,
    projects: &Projects,
    request: &Request,
) -> Result<(Vec<String>, Vec<SkippedTag>), PlanError> {
    if request.tagging == Tagging::None {
        return Ok((Vec::new(), Vec::new()));
    }
    let image = &selected.config;
    let values = values(selected, projects, request);
    let why = "the version, where there is one, and latest";
    let ours = |tag: &str| Sourced::default_because(tag.to_owned(), why);
    let templates: Vec<Sourced<String>> = match (&request.tags[..], &image.tags) {
        ([], Some(configured)) => {
            let source = &configured.source;
            configured.value.iter().map(|tag| Sourced::new(tag.clone(), source.clone())).collect()
        }
        // A Cargo version may have `+`, which a tag may not.
        ([], None) if values.version.is_some() => vec![ours("{{ version | slug }}"), ours("latest")],
        ([], None) => vec![ours("latest")],
        (given, _) => given.to_vec(),
    };
    let (mut tags, mut skipped) = (Vec::new(), Vec::new());
    for Sourced { value: template, source } in templates {
        match template::tag(&template, &values).map_err(|error| invalid_reference(image, &source, &error))? {
            template::Tag::Value(tag) if tags.contains(&tag) => {}
            template::Tag::Value(tag) => tags.push(tag),
            template::Tag::Skipped { why } => skipped.push(SkippedTag { template, why }),
        }
    }
    Ok((tags, skipped))
}

/// Returns the repository of the references. If there are several images, `--repository` is a prefix of each.
pub(super) fn repository(image: &ImageConfig, request: &Request, images: usize) -> Result<String, PlanError> {
    let name = &image.name.value;
    let (repository, source) = match (&request.repository, &image.repository) {
        (Some(prefix), _) if images > 1 => {
            (format!("{}/{name}", prefix.value.trim_end_matches('/')), &prefix.source)
        }
        (Some(given), _) | (None, Some(given)) => (given.value.clone(), &given.source),
        (None, None) => (name.clone(), &image.name.source),
    };
    repository
        .parse::<crossdock_oci::Repository>()
        .map_err(|error| invalid_reference(image, source, &error))?;
    Ok(repository)
}

fn invalid_reference(image: &ImageConfig, at: &Source, error: &dyn std::error::Error) -> PlanError {
    PlanError::Reference { image: image.name.value.clone(), at: at.clone(), why: error.to_string() }
}
