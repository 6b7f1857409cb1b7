//! The compile steps of Rust programs.

use std::collections::BTreeMap;

use crossdock_platform::{BuildTarget, JEMALLOC_LG_PAGE, Platform, Tools, cargo_env_triple};

use super::super::combination::Linking;
use super::super::error::RenderError;
use super::super::request::{Caching, Mode, Request};
use super::super::script::{reset_times, word};

/// CARGO_HOME as one cache mount. It contains cargo's lock file, so that builds for several platforms, which share the
/// mount, wait for each other. The image's own CARGO_HOME holds the toolchain and must not be hidden by a mount.
const CARGO_HOME: &str = "/var/cache/cargo";

/// The variable with flags of the user's. Only the steps that compile the project set it: it would also apply to the
/// tools that cargo installs.
pub(super) const RUSTFLAGS: &str = "RUSTFLAGS";

/// Cargo's target directory.
const TARGET: &str = "/src/target";

/// Returns the target of a platform.
pub(super) fn target(request: &Request, platform: &Platform) -> BuildTarget {
    request.linking.rust_target(platform)
}

/// Returns whether zig compiles and links: it includes musl for every platform, which Debian's cross compilers do not.
pub(super) fn uses_zig(request: &Request) -> bool {
    request.linking == Linking::RustMusl && request.build.c_code
}

/// Returns the variables of one platform.
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
    // Without C code no build script reads the variables of C compilers.
    env.retain(|name, _| name.starts_with("CARGO_TARGET_") || (request.build.c_code && !uses_zig(request)));
    env.insert("CARGO_BUILD_TARGET".to_owned(), rust.triple.to_owned());
    if request.build.jemalloc_pages {
        let lg_page = target.jemalloc_lg_page();
        env.extend(lg_page.map(|lg_page| (JEMALLOC_LG_PAGE.to_owned(), lg_page.to_string())));
    }
    for (name, theirs) in &request.build.variables {
        // Other variables, such as `PKG_CONFIG_ALLOW_CROSS_…`, hold one value, and the file needs its own.
        if let Some(ours) = env.get_mut(name).filter(|_| has_flags(name)) {
            // The user's flags come last, so that they take precedence.
            ours.push(' ');
            ours.push_str(theirs);
        }
    }
    let mut rustflags = request.build.rustflags.iter();
    if let Some((_, theirs)) = rustflags.find(|(other, _)| other.normalized() == *platform) {
        // Cargo reads no other flags if this variable is set.
        env.remove(&format!("CARGO_TARGET_{}_RUSTFLAGS", cargo_env_triple(rust.triple)));
        let flags: Vec<&str> = theirs.iter().chain(&rust.rustflags).map(String::as_str).collect();
        env.insert(RUSTFLAGS.to_owned(), flags.join(" "));
    }
    Ok(env)
}

/// Returns whether a variable of [`BuildTarget::cross_env`] is a list of flags for a C compiler.
fn has_flags(name: &str) -> bool {
    ["CFLAGS_", "CXXFLAGS_", "BINDGEN_EXTRA_CLANG_ARGS_"].iter().any(|flags| name.starts_with(flags))
}

fn glibc_tools(target: &BuildTarget, tools: &mut Tools) {
    let names = target.names();
    tools.linker.clone_from(&names.gcc);
    tools.cc = names.gcc;
    tools.ar = names.gnu_prefix.map(|prefix| format!("{prefix}-ar"));
    tools.pkg_config_libdir =
        names.multiarch.map(|directory| format!("/usr/lib/{directory}/pkgconfig:/usr/share/pkgconfig"));
}

/// Returns the variables that are the same for all platforms.
pub(super) fn env(request: &Request) -> BTreeMap<String, String> {
    let mut env = BTreeMap::from([
        ("CARGO_INCREMENTAL".to_owned(), "0".to_owned()),
        // Overrides the project's own `.cargo/config.toml`, as later steps copy programs from there.
        ("CARGO_TARGET_DIR".to_owned(), TARGET.to_owned()),
    ]);
    if request.caching == Caching::Mounts {
        env.insert("CARGO_HOME".to_owned(), CARGO_HOME.to_owned());
    }
    env
}

pub(super) fn mounts(request: &Request) -> Result<Vec<String>, RenderError> {
    if request.caching == Caching::Layer {
        return Ok(Vec::new());
    }
    let platform = match &request.mode {
        Mode::Cross(_) => "$TARGETARCH$TARGETVARIANT".to_owned(),
        Mode::Fixed(platform) => platform.normalized().to_string().replace('/', "-"),
    };
    let project = &request.main_program()?.name;
    Ok(vec![
        format!("type=cache,target={CARGO_HOME}"),
        format!("type=cache,id={project}-target-{platform},target={TARGET},sharing=locked"),
    ])
}

/// Returns the lines that compile only the dependencies, from cargo-chef's list of them.
pub(super) fn cook(request: &Request) -> Vec<String> {
    let zig = if uses_zig(request) { " --zigbuild" } else { "" };
    vec![format!("cargo chef cook{zig} --locked{} --recipe-path /recipe.json", flags(request))]
}

/// Returns the lines that compile every program.
pub(super) fn compile(request: &Request) -> Vec<String> {
    let command = if uses_zig(request) { "cargo zigbuild" } else { "cargo build" };
    let mut lines = Vec::new();
    if request.caching == Caching::Mounts {
        // Cargo compares modification times: sources older than the artifacts that another checkout left in the cache
        // mount would count as unchanged.
        lines.push("find . -path ./target -prune -o -name '*.rs' -exec touch {} +;".to_owned());
    }
    // One call for each package: cargo unifies the features of packages that one call builds.
    for program in &request.programs {
        let (package, name) = (word(&program.package), &program.name);
        lines.push(format!("{command} --locked{} --package {package} --bin {name};", flags(request)));
        let directory = request.build.profile.as_deref().map_or("release", profile_directory);
        lines.push(format!(
            "install -D -m 0755 \"target/$CARGO_BUILD_TARGET/{directory}/{name}\" /out/usr/local/bin/{name};"
        ));
    }
    lines.push(reset_times("/out"));
    lines
}

/// Returns the directory of a profile below the target's.
fn profile_directory(profile: &str) -> &str {
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
