//! How a Dockerfile compiles: linking, compiler, flags, and the sources in the build context.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_dockerfile::render::{self, Base, Debian, Linking, Modules, Private};
use crossdock_platform::{JEMALLOC_LG_PAGE, Platform};

use super::super::error::{DockerfileError, PlanError};
use super::super::images::SelectedImage;
use super::carried::{Carried, is_sent};
use crossdock_project::config::{ImageConfig, Libc, Linkage, PrivateConfig, Source, Sourced};
use crossdock_project::{CargoWorkspace, GoModule, GoModules, Program, Project, Sources};

/// The oldest Go with images on the Debian of the builders. A newer Go compiles older modules by the rules of the version
/// that they name (<https://go.dev/doc/toolchain>).
const OLDEST_GO: (u32, u32) = (1, 25);

/// The first Rust with images on Debian 13, and on Debian 12
/// (<https://github.com/docker-library/official-images/commits/master/library/rust>).
const FIRST_RUST_ON_TRIXIE: (u32, u32) = (1, 89);
const FIRST_RUST_ON_BOOKWORM: (u32, u32) = (1, 70);

/// Returns how the programs are linked.
pub(in crate::planner) fn linking(selected: &SelectedImage<'_>) -> Result<Linking, PlanError> {
    let image = &selected.config;
    if matches!(selected.project, Project::Go(_)) {
        return go_linking(selected);
    }
    Ok(match (image.linkage.value, image.libc.as_ref().map(|libc| libc.value)) {
        // As in a plan, a platform without musl is an error that suggests the GNU C library.
        (Linkage::Static, None | Some(Libc::Musl)) => Linking::RustMusl,
        (Linkage::Static, _) => Linking::RustGlibcStatic,
        (Linkage::Dynamic, Some(Libc::Musl)) => Linking::RustMuslDynamic,
        (Linkage::Dynamic, _) => Linking::RustGlibc,
    })
}

fn go_linking(selected: &SelectedImage<'_>) -> Result<Linking, PlanError> {
    let image = &selected.config;
    if let Some(libc) =
        explicit_static_musl(image).filter(|_| image.cgo.as_ref().is_some_and(|cgo| cgo.value))
    {
        return Err(static_musl(image, libc));
    }
    let on_alpine = image.dockerfile.base.as_ref().is_some_and(|base| base.value == Base::Alpine);
    match image.cgo.as_ref().map(|cgo| cgo.value) {
        Some(true) => Ok(match (image.linkage.value, image.libc.as_ref().map(|libc| libc.value)) {
            (_, Some(Libc::Musl)) => Linking::GoCgoMusl,
            (Linkage::Static, _) => Linking::GoCgoStatic,
            (Linkage::Dynamic, None) if on_alpine => Linking::GoCgoMusl,
            (Linkage::Dynamic, _) => Linking::GoCgoGlibc,
        }),
        Some(false) | None => Ok(Linking::GoStatic),
    }
}

/// Returns the configured musl if the user asked for static linking too. If only `libc` is configured, the base is one that
/// has musl; a user who configures both gets both or an error.
fn explicit_static_musl(image: &ImageConfig) -> Option<&Sourced<Libc>> {
    let is_explicit =
        image.linkage.value == Linkage::Static && !matches!(image.linkage.source, Source::Default(_));
    image.libc.as_ref().filter(|libc| is_explicit && libc.value == Libc::Musl)
}

fn static_musl(image: &ImageConfig, libc: &Sourced<Libc>) -> PlanError {
    PlanError::Conflict {
        image: image.name.value.clone(),
        theirs: format!(
            "`libc = \"musl\"` ({}) with `linkage = \"static\"` ({})",
            libc.source, image.linkage.source
        ),
        ours: "the Dockerfile, in which a Go program with cgo is static only with glibc".to_owned(),
        help: "leave `libc` out, or build without an engine, where zig links musl".to_owned(),
    }
}

/// Returns the version of the compiler, which is the tag of its image.
pub(super) fn toolchain(selected: &SelectedImage<'_>) -> Result<String, DockerfileError> {
    if let Some(version) = &selected.config.dockerfile.toolchain {
        return match older(&version.value, selected.project) {
            None => Ok(version.value.clone()),
            Some(asked) => Err(DockerfileError::TooOld {
                image: selected.config.name.value.clone(),
                at: version.source.clone(),
                version: version.value.clone(),
                asked,
            }),
        };
    }
    match selected.project {
        Project::Rust(workspace) => rust_toolchain(selected, workspace),
        Project::Go(module) => Ok(go_toolchain(module)),
    }
}

/// Returns the Go version that a module requires if `version` is older: the images set GOTOOLCHAIN=local, so that go downloads
/// no newer toolchain.
fn older(version: &str, project: &Project) -> Option<String> {
    let Project::Go(GoModule { go_version: Some(asked), .. }) = project else { return None };
    (minor(version)? < minor(asked)?).then(|| format!("go {asked}"))
}

fn rust_toolchain(
    selected: &SelectedImage<'_>,
    workspace: &CargoWorkspace,
) -> Result<String, DockerfileError> {
    let named = workspace.toolchain_file.as_ref().and_then(|file| Some((file, file.channel.as_deref()?)));
    match named {
        Some((_, channel)) if minor(channel).is_some_and(|version| version >= FIRST_RUST_ON_BOOKWORM) => {
            // `1.89-x86_64-unknown-linux-gnu` names the host too, which the tag of an image does not.
            Ok(channel.split('-').next().unwrap_or(channel).to_owned())
        }
        // The tag of the newest stable release. The toolchain of this machine is ignored: the file is the same everywhere.
        Some((_, "stable")) | None => Ok("1".to_owned()),
        Some((file, channel)) => Err(DockerfileError::Toolchain {
            image: selected.config.name.value.clone(),
            channel: channel.to_owned(),
            file: file.path.clone(),
        }),
    }
}

/// Returns the Debian of the builder if it differs from that of the base. Older compilers have images only on Debian 12,
/// whose older C library also works with a newer base.
pub(super) fn builder_debian(selected: &SelectedImage<'_>, file: &render::Request) -> Option<Debian> {
    let old = matches!(selected.project, Project::Rust(_))
        && minor(&file.toolchain).is_some_and(|version| version < FIRST_RUST_ON_TRIXIE);
    (old && file.debian > Debian::Bookworm).then_some(Debian::Bookworm)
}

/// Returns the newest of the versions that the module names and the oldest that has an image. Releases are named by their
/// minor version, so that patches apply.
fn go_toolchain(module: &GoModule) -> String {
    let asked = [module.go_version.as_deref(), module.toolchain.as_deref()];
    let asked = asked.into_iter().flatten().filter_map(|text| Some((minor(text)?, text)));
    match asked.max_by_key(|(version, _)| *version) {
        Some((version, text)) if version >= OLDEST_GO && is_preview(text) => text.to_owned(),
        Some(((major, minor), _)) if (major, minor) >= OLDEST_GO => format!("{major}.{minor}"),
        _ => format!("{}.{}", OLDEST_GO.0, OLDEST_GO.1),
    }
}

/// Parses the first two numbers of a version: `1.26`, `1.26.3`, `1.27rc1`.
fn minor(version: &str) -> Option<(u32, u32)> {
    let (major, rest) = version.split_once('.')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((major.parse().ok()?, rest[..digits].parse().ok()?))
}

fn is_preview(version: &str) -> bool {
    version.contains("rc") || version.contains("beta")
}

/// Returns whether a C compiler builds a part of a Rust image for one of the platforms.
pub(super) fn has_c_code(selected: &SelectedImage<'_>, linking: Linking, platforms: &[Platform]) -> bool {
    let triples = triples(linking, platforms);
    let c_code = |program: &Program<'_>| match program {
        Program::Rust { package, .. } => {
            triples.iter().any(|triple| !package.native_code.of(triple).is_empty())
        }
        Program::Go(_) => false,
    };
    selected.programs.iter().any(c_code)
}

/// Returns the `-tags` of the file itself, which replace those of GOFLAGS.
pub(super) fn own_tags(image: &ImageConfig, linking: Linking) -> Option<&'static str> {
    match linking {
        Linking::GoCgoStatic => Some("-tags=netgo,osusergo"),
        _ => (!image.features.names.is_empty()).then_some("-tags=… of `features`"),
    }
}

/// Returns the triples of the platforms of a Rust program that is linked in a way.
fn triples(linking: Linking, platforms: &[Platform]) -> Vec<&'static str> {
    let triple = |platform| Some(linking.rust_target(platform).rust().ok()?.triple);
    platforms.iter().filter_map(triple).collect()
}

pub(super) fn build(
    selected: &SelectedImage<'_>,
    of_user: &Carried,
    linking: Linking,
    platforms: &[Platform],
) -> render::Build {
    let image = &selected.config;
    let mut build = render::Build::default();
    build.features.clone_from(&image.features.names);
    build.all_features = image.features.all;
    build.no_default_features = image.features.no_default;
    build.profile = Some(image.profile.value.clone()).filter(|profile| profile != "release");
    build.ldflags = image.ldflags.iter().map(|flags| flags.value.clone()).collect();
    build.c_code = has_c_code(selected, linking, platforms);
    build.jemalloc_pages = jemalloc_pages(selected, of_user, linking, platforms);
    build.variables.clone_from(&of_user.variables);
    build.rustflags.clone_from(&of_user.rustflags);
    build.packages.clone_from(&image.dockerfile.packages);
    build.runtime_packages.clone_from(&image.dockerfile.runtime_packages);
    build
}

/// Returns whether the image has jemalloc for a platform whose pages differ in size, and neither a file in the build context
/// nor a variable of the file decides on it.
fn jemalloc_pages(
    selected: &SelectedImage<'_>,
    of_user: &Carried,
    linking: Linking,
    platforms: &[Platform],
) -> bool {
    let has_large = |platform: &&Platform| linking.rust_target(platform).jemalloc_lg_page().is_some();
    let large: Vec<Platform> = platforms.iter().filter(has_large).cloned().collect();
    let triples = triples(linking, &large);
    let has_jemalloc = |program: &Program<'_>| match program {
        Program::Rust { package, .. } => {
            triples.iter().any(|triple| package.native_code.has_jemalloc(triple))
        }
        Program::Go(_) => false,
    };
    let is_set = match selected.project {
        Project::Rust(workspace) => {
            let sent = workspace.settings.filtered(|place| is_sent(place, &workspace.root));
            let names = sent.variables.iter().map(|variable| &variable.name);
            names.chain(of_user.variables.keys()).any(|name| name.ends_with(JEMALLOC_LG_PAGE))
        }
        Project::Go(_) => true,
    };
    !is_set && selected.programs.iter().any(has_jemalloc)
}

pub(super) fn private(config: &PrivateConfig) -> Vec<Private> {
    let hosts = |hosts: &[String], how: fn(Vec<String>) -> Private| {
        Some(hosts.to_vec()).filter(|hosts| !hosts.is_empty()).map(how)
    };
    let registries = config.registries.iter().cloned().map(Private::CargoRegistry);
    let git = [hosts(&config.netrc, Private::Netrc), hosts(&config.ssh, Private::Ssh)];
    git.into_iter().flatten().chain(registries).collect()
}

/// Returns a directory below the module's root as `go build` names a package: `./cmd/worker`.
pub(super) fn package_path(root: &Utf8Path, directory: &Utf8Path) -> String {
    match directory.strip_prefix(root) {
        Ok(below) if below.as_str().is_empty() => ".".to_owned(),
        Ok(below) => format!("./{}", below.as_str().replace('\\', "/")),
        Err(_) => directory.to_string(),
    }
}

/// The directory that an engine is sent for a project, and the project's paths below it.
pub(super) struct BuildContext<'a> {
    project: &'a Project,
    /// Absolute.
    pub(super) directory: Utf8PathBuf,
    /// The project's root below the context; empty if it is the context.
    project_path: String,
}

impl<'a> BuildContext<'a> {
    /// Returns the context of a project: its root, or for a Go module with code outside of it the lowest directory above all
    /// code. Such a directory must be the workspace's or below the directory of the configuration (`root`): the context is
    /// sent to an engine, and must not silently grow beyond what the user works on.
    pub(super) fn new(selected: &SelectedImage<'a>, root: &Utf8Path) -> Result<Self, PlanError> {
        let project = selected.project;
        let own = project.root();
        let outside = outside(project);
        let directory = outside.iter().fold(own.to_owned(), |above, path| common(&above, path));
        let workspace =
            matches!(project, Project::Go(module) if module.modules.workspace.as_deref() == Some(&directory));
        let is_allowed = directory == own || workspace || directory.starts_with(root);
        // Paths on two drives of Windows have no directory above both.
        let is_complete = outside.iter().all(|path| path.starts_with(&directory));
        if let Some(path) = outside.first().filter(|_| !is_allowed || !is_complete) {
            return Err(PlanError::from(DockerfileError::Outside {
                image: selected.config.name.value.clone(),
                what: "the project's own code in",
                path: (*path).to_owned(),
                context: own.to_owned(),
            }));
        }
        let Some(project_path) = below(&directory, own) else {
            let image = &selected.config.name.value;
            return Err(PlanError::internal(
                image,
                format!("its project is not below its build context {directory}"),
            ));
        };
        Ok(Self { project, directory, project_path })
    }

    /// Returns a path below the context; `None` for another one.
    pub(super) fn below(&self, path: &Utf8Path) -> Option<String> {
        below(&self.directory, path)
    }

    /// Returns the files and directories of sources, below the context.
    pub(super) fn sources(&self) -> Vec<String> {
        let Sources { inside, outside } = sources(self.project);
        let own = &self.project_path;
        let inside =
            inside.iter().map(|path| if own.is_empty() { path.clone() } else { format!("{own}/{path}") });
        let outside = outside.iter().filter_map(|path| self.below(path));
        let all: BTreeSet<String> = inside.chain(outside).filter(|path| !path.is_empty()).collect();
        all.into_iter().collect()
    }

    /// Returns the Go modules, below the context.
    pub(super) fn modules(&self) -> Modules {
        let Project::Go(module) = self.project else { return Modules::default() };
        let GoModules { directories, workspace, vendored } = &module.modules;
        let mut modules = Modules::default();
        modules.directory.clone_from(&self.project_path);
        modules.directories = directories.iter().filter_map(|directory| self.below(directory)).collect();
        modules.workspace = workspace.as_deref().and_then(|directory| self.below(directory));
        modules.vendored = *vendored;
        modules
    }
}

fn below(directory: &Utf8Path, path: &Utf8Path) -> Option<String> {
    path.strip_prefix(directory).ok().map(|below| below.as_str().replace('\\', "/"))
}

fn sources(project: &Project) -> &Sources {
    match project {
        Project::Rust(workspace) => &workspace.sources,
        Project::Go(module) => &module.sources,
    }
}

/// Returns the directories of sources outside of the project's root.
fn outside(project: &Project) -> Vec<&Utf8Path> {
    let mut directories: Vec<&Utf8Path> = sources(project).outside.iter().map(Utf8PathBuf::as_path).collect();
    if let Project::Go(module) = project {
        directories.extend(
            module.modules.directories.iter().chain(&module.modules.workspace).map(Utf8PathBuf::as_path),
        );
    }
    directories.retain(|directory| !directory.starts_with(project.root()));
    directories
}

/// Returns the lowest directory above both paths.
fn common(one: &Utf8Path, other: &Utf8Path) -> Utf8PathBuf {
    one.ancestors().find(|above| other.starts_with(above)).unwrap_or(one).to_owned()
}
