//! The request to the renderer of Dockerfiles for an image, and what the call of an engine adds to the file.
//!
//! A request follows only from configuration and projects, so that a machine without a compiler renders the same file.

pub mod bake;
mod carried;
mod compile;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_dockerfile::render::{self, Base, File, Linking, Mode, Rendered, nearest_base};
use crossdock_oci::RegistryReference;
use crossdock_platform::{Os, Platform};

use super::bases;
use super::build_info;
use super::error::{DockerfileError, PlanError};
use super::go::{check_cgo, go_only};
use super::images::{self, SelectedImage, select};
use super::path_conflicts::check_references;
use super::platforms::Platforms;
use super::program_platforms::program_platforms;
use super::request::{DockerfileSettings, Request};
use carried::Carried;
use compile::BuildContext;

use crate::plan::ResolvedBase;

pub(super) use compile::linking;
use crossdock_project::config::{self, BaseImage, DockerfileMode, ExtraFile, RenderedConfig, Source};
use crossdock_project::{Program, Project, Projects};

/// A Dockerfile of an image, and what the call of an engine adds to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DockerfileRequest {
    /// The name of the image.
    pub image: String,
    /// The source of the request for the image.
    pub source: Source,
    /// The build context. Absolute.
    pub context: Utf8PathBuf,
    /// The platforms that the file builds; in fixed mode one.
    pub platforms: Vec<Platform>,
    /// Whether this is the only file of the image.
    pub is_only: bool,
    /// `repository:tag` for each tag.
    pub references: Vec<String>,
    /// OCI annotations of the index and its manifests.
    pub annotations: BTreeMap<String, String>,
    /// The image's date in seconds since the Unix epoch: the value of SOURCE_DATE_EPOCH.
    pub created: i64,
    /// A sentence about each setting of the user's that a build on this machine has and the file has not.
    pub left_out: Vec<String>,
    /// The request to the renderer.
    pub file: render::Request,
    /// Sentences for a person, besides those of the renderer.
    pub notes: Vec<String>,
    /// The values in the file that another commit or another environment changes, such as
    /// `` `git.short` in `labels.commit` ``. `None` for the build by an engine, which renders the file for each build.
    pub varying: Option<String>,
}

impl DockerfileRequest {
    /// Renders the Dockerfile and its `.dockerignore`.
    ///
    /// # Errors
    /// If the renderer rejects the request.
    pub fn render(&self) -> Result<Rendered, DockerfileError> {
        render::render(&self.file)
            .map_err(|source| DockerfileError::Render { image: self.image.clone(), source: Box::new(source) })
    }
}

/// Returns the requests for the images that a call selects: one for each image, in fixed mode one for each platform of each
/// image.
///
/// # Errors
/// If the call, the configuration or a project is wrong, as in [`plan`](super::plan), or an image cannot be built from a
/// Dockerfile.
pub fn dockerfile_requests(
    rendered: &RenderedConfig,
    projects: &Projects,
    request: &Request,
    settings: &DockerfileSettings,
) -> Result<Vec<DockerfileRequest>, PlanError> {
    let config = rendered.config();
    let selected = select(config, projects, request)?;
    let mut requests = Vec::new();
    for image in &selected {
        let Platforms { built, warnings, .. } = program_platforms(config, image, request)?;
        // A plan only warns of nodes without a built platform, because verification rejects the image; nothing verifies a file.
        if let Some(why) = warnings.into_iter().next() {
            return Err(PlanError::Unserved { why });
        }
        let built = built.into_iter().map(|(platform, _)| platform);
        let linux: Vec<Platform> = built.filter(|platform| platform.os() == Os::Linux).collect();
        let call = Call { root: &config.root, images: selected.len(), projects, request, settings };
        let varying = rendered.varying(&image.config.name.value).map(str::to_owned);
        let of_image = for_image(image, linux, &call)?.into_iter();
        requests.extend(of_image.map(|request| DockerfileRequest { varying: varying.clone(), ..request }));
    }
    check_references(
        requests.iter().map(|request| (request.image.as_str(), &request.source, request.references.clone())),
    )?;
    Ok(requests)
}

/// The settings that all images of a call share.
pub(super) struct Call<'a> {
    /// The directory of the configuration.
    pub(super) root: &'a Utf8Path,
    /// The number of images.
    pub(super) images: usize,
    pub(super) projects: &'a Projects,
    pub(super) request: &'a Request,
    pub(super) settings: &'a DockerfileSettings,
}

/// Returns the requests for one image.
pub(super) fn for_image(
    selected: &SelectedImage<'_>,
    platforms: Vec<Platform>,
    call: &Call<'_>,
) -> Result<Vec<DockerfileRequest>, PlanError> {
    let image = &selected.config;
    let Call { images, projects, request, settings, root } = *call;
    let context = &BuildContext::new(selected, root)?;
    let configured = image.dockerfile.mode.as_ref().map(|mode| mode.value);
    let each: Vec<(Mode, Vec<Platform>)> = match settings.mode.or(configured) {
        Some(DockerfileMode::Fixed) => {
            platforms.into_iter().map(|platform| (Mode::Fixed(platform.clone()), vec![platform])).collect()
        }
        // Compiling on the builder's platform needs no emulation, which is slow where there is any.
        Some(DockerfileMode::Cross) | None => vec![(Mode::Cross(platforms.clone()), platforms)],
    };
    let created = images::created(selected, projects, request);
    let repository = images::repository(image, request, images)?;
    let (tags, _) = images::tags(selected, projects, request)?;
    let is_only = each.len() == 1;
    let resolved = bases::resolved(image, request)?;
    each.into_iter()
        .map(|(mode, platforms)| {
            let (mut file, left_out) = file(selected, context, mode, &platforms, settings)?;
            let resolved = resolved.filter(|_| image.dockerfile.base.is_none());
            file.base_reference = resolved.map(|base| reference(image, base)).transpose()?;
            Ok(DockerfileRequest {
                image: image.name.value.clone(),
                source: image.name.source.clone(),
                context: context.directory.clone(),
                platforms,
                is_only,
                references: tags.iter().map(|tag| format!("{repository}:{tag}")).collect(),
                annotations: annotations(selected, projects, created, resolved),
                created,
                left_out,
                file,
                notes: build_info::dockerfile_note(selected).into_iter().collect(),
                varying: None,
            })
        })
        .collect()
}

fn file(
    selected: &SelectedImage<'_>,
    context: &BuildContext<'_>,
    mode: Mode,
    platforms: &[Platform],
    settings: &DockerfileSettings,
) -> Result<(render::Request, Vec<String>), PlanError> {
    let dockerfile = &selected.config.dockerfile;
    let linking = linking(selected)?;
    let toolchain = compile::toolchain(selected)?;
    let mut file = render::Request::new(linking, toolchain, programs(selected), mode);
    file.base = base(selected, linking);
    if matches!(selected.project, Project::Go(_)) {
        check_cgo(&selected.config, &go_only(&selected.programs), platforms)?;
    }
    let of_user = carried(selected, context, linking, platforms, settings)?;
    file.build = compile::build(selected, &of_user, linking, platforms);
    file.engine = settings.engine.clone();
    file.caching = dockerfile.caching.as_ref().map_or(settings.caching, |caching| caching.value);
    if let Some(debian) = &dockerfile.debian {
        file.debian = debian.value;
    }
    file.builder_debian = compile::builder_debian(selected, &file);
    if let Some(alpine) = &dockerfile.alpine {
        file.alpine.clone_from(&alpine.value);
    }
    file.private = compile::private(&dockerfile.private);
    file.files = files(selected, context)?;
    file.container = container(selected, file.base)?;
    file.syntax = dockerfile.syntax.as_ref().map(|syntax| syntax.value.clone());
    file.sources = context.sources();
    file.modules = context.modules();
    file.context.clone_from(&dockerfile.context);
    file.templates.clone_from(&settings.templates);
    file.digests.clone_from(&settings.digests);
    let mut left_out = of_user.left_out;
    if let Project::Rust(workspace) = selected.project {
        left_out.extend(carried::other_toolchain(&workspace.settings, &selected.config, &file.toolchain));
    }
    Ok((file, left_out))
}

/// Returns the user's flags for the file.
fn carried(
    selected: &SelectedImage<'_>,
    context: &BuildContext<'_>,
    linking: Linking,
    platforms: &[Platform],
    settings: &DockerfileSettings,
) -> Result<Carried, PlanError> {
    let image = &selected.config;
    let build = carried::Build { image, linking, platforms, machine: settings.machine_flags };
    match selected.project {
        Project::Rust(workspace) => {
            let has_c_code = compile::has_c_code(selected, linking, platforms);
            carried::rust(workspace, &build, &context.directory, has_c_code)
        }
        Project::Go(module) => carried::go(module, &build, compile::own_tags(image, linking)),
    }
}

/// Returns the configured base of the Dockerfile, else the configured base of the image, else the smallest base on which
/// programs with this linking start.
fn base(selected: &SelectedImage<'_>, linking: Linking) -> Base {
    let image = &selected.config;
    if let Some(base) = &image.dockerfile.base {
        return base.value;
    }
    match (&image.base.value, &image.base.source) {
        (config::Base::Static, Source::Default(_)) => nearest_base(linking),
        (config::Base::Static, _) => Base::Static,
        (config::Base::Scratch, _) => Base::Scratch,
        (_, _) => Base::Scratch,
    }
}

/// Returns the reference of a base image by its digest, as `FROM` takes it.
fn reference(image: &config::ImageConfig, base: &ResolvedBase) -> Result<String, DockerfileError> {
    match &base.base {
        BaseImage::Registry(reference) => {
            Ok(RegistryReference { digest: Some(base.digest), ..reference.clone() }.to_string())
        }
        layout => {
            Err(DockerfileError::LayoutBase { image: image.name.value.clone(), base: layout.to_string() })
        }
    }
}

fn programs(selected: &SelectedImage<'_>) -> Vec<render::Program> {
    let programs = selected.programs.iter().map(|program| {
        let package = match (program, selected.project) {
            (Program::Go(main), Project::Go(module)) => compile::package_path(&module.root, &main.directory),
            _ => program.package().to_owned(),
        };
        render::Program::new(program.name(), package)
    });
    programs.collect()
}

fn container(selected: &SelectedImage<'_>, base: Base) -> Result<render::Container, DockerfileError> {
    let image = &selected.config;
    let planned = images::container(selected);
    // `ENV` would replace the environment that other bases bring.
    let is_empty = matches!(base, Base::Scratch | Base::Static) && image.base.value.image().is_none();
    let env = if is_empty { planned.env } else { image.env.clone() };
    let mut container = render::Container::default();
    container.entrypoint = image.entrypoint.as_ref().map(|entrypoint| entrypoint.value.clone());
    container.cmd = planned.cmd;
    container.env = env;
    container.workdir = image.workdir.as_ref().map(|workdir| workdir.value.clone());
    container.user = user(selected, &planned.user)?;
    container.expose = planned.expose.iter().map(|port| port_text(port.number, &port.protocol)).collect();
    container.labels = labels(selected);
    container.health = image.health.as_ref().map(|health| health.value.clone());
    container.stop_signal = image.stop_signal.as_ref().map(|signal| signal.value.clone());
    container.timezones = image.timezones.value;
    Ok(container)
}

fn port_text(number: u16, protocol: &str) -> String {
    match protocol {
        "tcp" => number.to_string(),
        other => format!("{number}/{other}"),
    }
}

/// Parses `UID:GID`. A user without a group has group 0, as engines read it.
fn user(selected: &SelectedImage<'_>, text: &str) -> Result<(u32, u32), DockerfileError> {
    let (user, group) = text.split_once(':').unwrap_or((text, "0"));
    match (user.parse(), group.parse()) {
        (Ok(user), Ok(group)) => Ok((user, group)),
        _ => Err(DockerfileError::User { image: selected.config.name.value.clone(), user: text.to_owned() }),
    }
}

/// Returns the configured labels, and those of the pre-defined annotations that do not change with every commit, because
/// the file is checked in. They are labels, because a Dockerfile has no annotations.
fn labels(selected: &SelectedImage<'_>) -> BTreeMap<String, String> {
    let image = &selected.config;
    let about = images::about(selected);
    let found = [
        ("title", Some(image.name.value.clone())),
        ("description", about.description),
        ("licenses", about.license),
        ("source", about.repository),
        ("url", about.homepage),
    ];
    let found = found.into_iter().filter_map(|(key, value)| {
        let value = value?.split_whitespace().collect::<Vec<_>>().join(" ");
        Some((format!("org.opencontainers.image.{key}"), value))
    });
    let configured = image.annotations.iter().chain(&image.labels);
    found.chain(configured.map(|(key, value)| (key.clone(), value.clone()))).collect()
}

/// Returns the annotations of an image whose base is not crossdock's own: they name no base unless it is configured.
pub(super) fn annotations(
    selected: &SelectedImage<'_>,
    projects: &Projects,
    created: i64,
    resolved: Option<&ResolvedBase>,
) -> BTreeMap<String, String> {
    let mut annotations = images::annotations(selected, projects, created, resolved);
    let base = "org.opencontainers.image.base.name";
    if resolved.is_none() && !selected.config.annotations.contains_key(base) {
        annotations.remove(base);
    }
    annotations
}

/// Returns the configured files by their paths in the build context.
fn files(selected: &SelectedImage<'_>, context: &BuildContext<'_>) -> Result<Vec<File>, DockerfileError> {
    let files = selected.config.files.iter().map(|file| &file.value);
    files.map(|file| copied(selected, context, file)).collect()
}

fn copied(
    selected: &SelectedImage<'_>,
    context: &BuildContext<'_>,
    file: &ExtraFile,
) -> Result<File, DockerfileError> {
    match context.below(&file.from) {
        Some(from) if !from.is_empty() => Ok(File::new(from, &file.to).with_mode(file.mode)),
        Some(_) => Err(DockerfileError::WholeContext {
            image: selected.config.name.value.clone(),
            path: context.directory.clone(),
        }),
        None => Err(DockerfileError::Outside {
            image: selected.config.name.value.clone(),
            what: "the image's file",
            path: file.from.clone(),
            context: context.directory.clone(),
        }),
    }
}
