//! How a Dockerfile compiles: linking, compiler, flags, sources.

use camino::Utf8Path;
use crossdock_dockerfile::render::{self, Base, Debian, Linking, Mode, Private};
use crossdock_platform::{BuildTarget, Platform};

use super::super::error::PlanError;
use super::super::select::Selected;
use super::RecipeError;
use crossdock_project::config::{ImageConfig, Libc, Linkage, PrivateConfig, Source};
use crossdock_project::{CargoWorkspace, GoModule, Program, Project};

/// The oldest Go whose images are made from the Debian that builders have. A newer Go compiles older modules by the
/// rules of the version that they name (<https://go.dev/doc/toolchain>).
const OLDEST_GO: (u32, u32) = (1, 25);

/// The first Rust whose images are made from Debian 13, and from Debian 12
/// (<https://github.com/docker-library/official-images/commits/master/library/rust>).
const FIRST_RUST_ON_TRIXIE: (u32, u32) = (1, 89);
const FIRST_RUST_ON_BOOKWORM: (u32, u32) = (1, 70);

/// How the programs are linked.
pub(super) fn linking(selected: &Selected<'_>, mode: &Mode) -> Result<Linking, RecipeError> {
    let image = &selected.config;
    if matches!(selected.project, Project::Go(_)) {
        return go_linking(selected);
    }
    Ok(match (image.linkage.value, image.libc.as_ref().map(|libc| libc.value)) {
        (Linkage::Static, Some(Libc::Musl)) => Linking::RustMusl,
        (Linkage::Static, None) if platforms(mode).iter().all(has_musl) => Linking::RustMusl,
        (Linkage::Static, _) => Linking::RustGlibcStatic,
        (Linkage::Dynamic, Some(Libc::Musl)) => Linking::RustMuslDynamic,
        (Linkage::Dynamic, _) => Linking::RustGlibc,
    })
}

fn platforms(mode: &Mode) -> &[Platform] {
    match mode {
        Mode::Cross(platforms) => platforms,
        Mode::Fixed(platform) => std::slice::from_ref(platform),
    }
}

/// Whether rustup has a standard library with musl for the platform.
fn has_musl(platform: &Platform) -> bool {
    let target = BuildTarget::new(platform.clone(), Linkage::Static).with_libc(Libc::Musl);
    target.rust().is_ok_and(|rust| rust.has_prebuilt_std)
}

fn go_linking(selected: &Selected<'_>) -> Result<Linking, RecipeError> {
    let image = &selected.config;
    let on_alpine = image.dockerfile.base.as_ref().is_some_and(|base| base.value == Base::Alpine);
    match image.cgo.as_ref().map(|cgo| cgo.value) {
        Some(true) if is_static_musl(image) => Err(static_musl(image).into()),
        Some(true) => Ok(match (image.linkage.value, image.libc.as_ref().map(|libc| libc.value)) {
            (_, Some(Libc::Musl)) => Linking::GoCgoMusl,
            (Linkage::Static, _) => Linking::GoCgoStatic,
            (Linkage::Dynamic, None) if on_alpine => Linking::GoCgoMusl,
            (Linkage::Dynamic, _) => Linking::GoCgoGlibc,
        }),
        Some(false) => Ok(Linking::GoStatic),
        None => match cgo_packages(selected) {
            packages if packages.is_empty() => Ok(Linking::GoStatic),
            packages => Err(PlanError::Cgo { image: image.name.value.clone(), packages }.into()),
        },
    }
}

/// Where only `libc` is configured, the base is one that has musl; who asks for both gets both or an error.
fn is_static_musl(image: &ImageConfig) -> bool {
    image.linkage.value == Linkage::Static
        && !matches!(image.linkage.source, Source::Default(_))
        && image.libc.as_ref().is_some_and(|libc| libc.value == Libc::Musl)
}

fn static_musl(image: &ImageConfig) -> PlanError {
    let at = image.libc.as_ref().map(|libc| format!(" ({})", libc.source)).unwrap_or_default();
    PlanError::Conflict {
        image: image.name.value.clone(),
        theirs: format!("`libc = \"musl\"`{at} with `linkage = \"static\"` ({})", image.linkage.source),
        ours: "the Dockerfile, in which a Go program with cgo is static with glibc alone".to_owned(),
        help: "leave `libc` out, or build without an engine, where zig links musl".to_owned(),
    }
}

fn cgo_packages(selected: &Selected<'_>) -> String {
    let packages = selected.programs.iter().flat_map(|program| match program {
        Program::Go(main) => main.cgo_packages.as_slice(),
        Program::Rust { .. } => &[],
    });
    packages.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The version of the compiler, as its image's tag has it.
pub(super) fn toolchain(selected: &Selected<'_>) -> Result<String, RecipeError> {
    if let Some(version) = &selected.config.dockerfile.toolchain {
        return match older(&version.value, selected.project) {
            None => Ok(version.value.clone()),
            Some(asked) => Err(RecipeError::TooOld {
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

/// What a Go module asks for, where that is more than a version: go fetches no newer one in an image.
fn older(version: &str, project: &Project) -> Option<String> {
    let Project::Go(GoModule { go_version: Some(asked), .. }) = project else { return None };
    (minor(version)? < minor(asked)?).then(|| format!("go {asked}"))
}

fn rust_toolchain(selected: &Selected<'_>, workspace: &CargoWorkspace) -> Result<String, RecipeError> {
    let named = workspace.toolchain_file.as_ref().and_then(|file| Some((file, file.channel.as_deref()?)));
    match named {
        Some((_, channel)) if minor(channel).is_some_and(|version| version >= FIRST_RUST_ON_BOOKWORM) => {
            // `1.89-x86_64-unknown-linux-gnu` names the machine too, which an image of a compiler does not.
            Ok(channel.split('-').next().unwrap_or(channel).to_owned())
        }
        // The tag of the newest stable release. What this machine has does not count: the file is the same everywhere.
        Some((_, "stable")) | None => Ok("1".to_owned()),
        Some((file, channel)) => Err(RecipeError::Toolchain {
            image: selected.config.name.value.clone(),
            channel: channel.to_owned(),
            file: file.path.clone(),
        }),
    }
}

/// Older compilers have images on Debian 12 alone, whose older C library suits a newer base.
pub(super) fn builder_debian(selected: &Selected<'_>, file: &render::Request) -> Option<Debian> {
    let old = matches!(selected.project, Project::Rust(_))
        && minor(&file.toolchain).is_some_and(|version| version < FIRST_RUST_ON_TRIXIE);
    (old && file.debian > Debian::Bookworm).then_some(Debian::Bookworm)
}

/// The newest of what the module asks for and what has an image, by its minor version: its patches are taken.
fn go_toolchain(module: &GoModule) -> String {
    let asked = [module.go_version.as_deref(), module.toolchain.as_deref()];
    let asked = asked.into_iter().flatten().filter_map(|text| Some((minor(text)?, text)));
    match asked.max_by_key(|(version, _)| *version) {
        Some((version, text)) if version >= OLDEST_GO && is_preview(text) => text.to_owned(),
        Some(((major, minor), _)) if (major, minor) >= OLDEST_GO => format!("{major}.{minor}"),
        _ => format!("{}.{}", OLDEST_GO.0, OLDEST_GO.1),
    }
}

/// `1.26`, `1.26.3` and `1.27rc1` by their first two numbers.
fn minor(version: &str) -> Option<(u32, u32)> {
    let (major, rest) = version.split_once('.')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((major.parse().ok()?, rest[..digits].parse().ok()?))
}

fn is_preview(version: &str) -> bool {
    version.contains("rc") || version.contains("beta")
}

pub(super) fn build(selected: &Selected<'_>) -> render::Build {
    let image = &selected.config;
    let c_code = |program: &Program<'_>| match program {
        Program::Rust { package, .. } => !package.native_code.is_empty(),
        Program::Go(_) => false,
    };
    let mut build = render::Build::default();
    build.features.clone_from(&image.features.names);
    build.all_features = image.features.all;
    build.no_default_features = image.features.no_default;
    build.profile = Some(image.profile.value.clone()).filter(|profile| profile != "release");
    build.ldflags = image.ldflags.iter().map(|flags| flags.value.clone()).collect();
    build.c_code = selected.programs.iter().any(c_code);
    build.packages.clone_from(&image.dockerfile.packages);
    build.runtime_packages.clone_from(&image.dockerfile.runtime_packages);
    build
}

pub(super) fn private(config: &PrivateConfig) -> Vec<Private> {
    let hosts = |hosts: &[String], how: fn(Vec<String>) -> Private| {
        Some(hosts.to_vec()).filter(|hosts| !hosts.is_empty()).map(how)
    };
    let registries = config.registries.iter().cloned().map(Private::CargoRegistry);
    let git = [hosts(&config.netrc, Private::Netrc), hosts(&config.ssh, Private::Ssh)];
    git.into_iter().flatten().chain(registries).collect()
}

/// A folder as `go build` takes one, from the module's root.
pub(super) fn folder(root: &Utf8Path, folder: &Utf8Path) -> String {
    match folder.strip_prefix(root) {
        Ok(below) if below.as_str().is_empty() => ".".to_owned(),
        Ok(below) => format!("./{}", below.as_str().replace('\\', "/")),
        Err(_) => folder.to_string(),
    }
}
