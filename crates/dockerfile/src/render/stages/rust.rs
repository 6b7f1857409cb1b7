//! The compile steps of Rust programs.

use std::collections::BTreeMap;

use crossdock_platform::{BuildTarget, Libc, Linkage, Platform, Tools};

use super::super::combination::Linking;
use super::super::error::RenderError;
use super::super::request::{Caching, Mode, Request};
use super::super::script::{undated, word};

/// The folder that holds CARGO_HOME as a whole: cargo's lock lies in it, so that builds of several platforms wait for
/// each other. It is not the image's own, which holds the programs.
const CARGO_HOME: &str = "/var/cache/cargo";

/// Where cargo puts what it compiles.
const TARGET: &str = "/src/target";

/// The target of a platform.
pub(super) fn target(request: &Request, platform: &Platform) -> BuildTarget {
    let (linkage, libc) = match request.linking {
        Linking::RustGlibc => (Linkage::Dynamic, Libc::GNU),
        Linking::RustGlibcStatic => (Linkage::Static, Libc::GNU),
        _ => (Linkage::Static, Libc::Musl),
    };
    BuildTarget::new(platform.clone(), linkage).with_libc(libc)
}

/// Whether zig compiles and links: it brings musl for every platform, which Debian's cross compilers do not.
pub(super) fn uses_zig(request: &Request) -> bool {
    request.linking == Linking::RustMusl && request.build.c_code
}

/// Cargo's variables for one platform.
pub(super) fn exports(
    request: &Request,
    platform: &Platform,
) -> Result<BTreeMap<String, String>, RenderError> {
    let target = target(request, platform);
    let rust = target.rust()?;
    if !rust.has_prebuilt_std {
        return Err(RenderError::NoToolchain {
            platform: platform.clone(),
            reason: format!("rustup has no standard library for {}", rust.triple),
            remedy: "link it to glibc (`libc = \"gnu\"`), or leave the platform out",
        });
    }
    let mut tools = Tools::default();
    match request.linking {
        Linking::RustMusl if uses_zig(request) => {}
        Linking::RustMusl => tools.linker = Some("rust-lld".to_owned()),
        _ => glibc_tools(&target, &mut tools),
    }
    let mut env = target.cross_env(&tools)?;
    // Without C code nothing reads the variables of C compilers.
    env.retain(|name, _| name.starts_with("CARGO_TARGET_") || (request.build.c_code && !uses_zig(request)));
    env.insert("CARGO_BUILD_TARGET".to_owned(), rust.triple.to_owned());
    Ok(env)
}

fn glibc_tools(target: &BuildTarget, tools: &mut Tools) {
    let names = target.names();
    tools.linker.clone_from(&names.gcc);
    tools.cc = names.gcc;
    tools.ar = names.gnu_prefix.map(|prefix| format!("{prefix}-ar"));
    tools.pkg_config_libdir =
        names.multiarch.map(|folder| format!("/usr/lib/{folder}/pkgconfig:/usr/share/pkgconfig"));
}

/// The variables that are the same for all platforms.
pub(super) fn env(request: &Request) -> BTreeMap<String, String> {
    let mut env = BTreeMap::from([
        ("CARGO_INCREMENTAL".to_owned(), "0".to_owned()),
        // Whatever the project's own cargo configuration says.
        ("CARGO_TARGET_DIR".to_owned(), TARGET.to_owned()),
    ]);
    if request.caching == Caching::Mounts {
        env.insert("CARGO_HOME".to_owned(), CARGO_HOME.to_owned());
    }
    env
}

pub(super) fn mounts(request: &Request) -> Vec<String> {
    if request.caching == Caching::Layer {
        return Vec::new();
    }
    let platform = match &request.mode {
        Mode::Cross(_) => "$TARGETARCH$TARGETVARIANT".to_owned(),
        Mode::Fixed(platform) => platform.normalized().to_string().replace('/', "-"),
    };
    let project = request.programs.first().map_or("", |program| program.name.as_str());
    vec![
        format!("type=cache,target={CARGO_HOME}"),
        format!("type=cache,id={project}-target-{platform},target={TARGET},sharing=locked"),
    ]
}

/// The lines that compile dependencies alone, from cargo-chef's list of them.
pub(super) fn cook(request: &Request) -> Vec<String> {
    let zig = if uses_zig(request) { " --zigbuild" } else { "" };
    vec![format!("cargo chef cook{zig} --locked{} --recipe-path /recipe.json", flags(request))]
}

/// The lines that compile every program.
pub(super) fn compile(request: &Request) -> Vec<String> {
    let command = if uses_zig(request) { "cargo zigbuild" } else { "cargo build" };
    let mut lines = Vec::new();
    if request.caching == Caching::Mounts {
        // Cargo compares dates: sources older than what another checkout left in the cache would count as unchanged.
        lines.push("find . -path ./target -prune -o -name '*.rs' -exec touch {} +;".to_owned());
    }
    // One call for each package: features of several would unify.
    for program in &request.programs {
        let (package, name) = (word(&program.package), &program.name);
        lines.push(format!("{command} --locked{} --package {package} --bin {name};", flags(request)));
        let folder = request.build.profile.as_deref().map_or("release", folder_of);
        lines.push(format!(
            "install -D -m 0755 \"target/$CARGO_BUILD_TARGET/{folder}/{name}\" /out/usr/local/bin/{name};"
        ));
    }
    lines.push(undated("/out"));
    lines
}

/// The folder of a profile below the target's.
fn folder_of(profile: &str) -> &str {
    match profile {
        "dev" | "test" => "debug",
        "bench" => "release",
        other => other,
    }
}

fn flags(request: &Request) -> String {
    let profile = match &request.build.profile {
        Some(profile) => format!(" --profile {profile}"),
        None => " --release".to_owned(),
    };
    let features = match request.build.features.as_slice() {
        [] => String::new(),
        features => format!(" --features {}", word(&features.join(","))),
    };
    let all = if request.build.all_features { " --all-features" } else { "" };
    let no_default = if request.build.no_default_features { " --no-default-features" } else { "" };
    format!("{profile}{all}{no_default}{features} --target \"$CARGO_BUILD_TARGET\"")
}
