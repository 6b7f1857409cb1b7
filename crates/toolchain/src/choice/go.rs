//! The choice of the toolchain for Go programs.

use std::collections::BTreeMap;

use camino::Utf8Path;
use crossdock_platform::{BuildTarget, Libc, Linkage, Os};

use super::cross_tools::{BundledLinker, CCode, CrossTools, ToolSearch};
use super::{GoChoice, GoRequest, gnu_hint};
use crate::host::{GoToolchain, Host};
use crossdock_project::config::Source;
use crossdock_system::availability::{Availability, Unavailable};

/// Returns the tools that build a platform, or why it cannot be built.
///
/// Without cgo, Go needs no other tool. If `CGO_ENABLED=0` would silently drop a part of packages, the user must decide
/// about cgo.
pub fn choose_go(request: &GoRequest<'_>, host: &Host, cache: &Utf8Path) -> Availability<GoChoice> {
    choose(request, host, cache).map_or_else(Availability::Unavailable, Availability::Available)
}

fn choose(request: &GoRequest<'_>, host: &Host, cache: &Utf8Path) -> Result<GoChoice, Unavailable> {
    let go = host.go_toolchain(request.directory)?;
    match request.cgo.map(|cgo| cgo.value) {
        None if !request.cgo_packages.is_empty() => Err(undecided(request.cgo_packages)),
        None => pure(request, go, "no package needs cgo"),
        Some(false) => pure(request, go, &decided(request)),
        Some(true) => with_cgo(request, go, host, cache),
    }
}

fn undecided(packages: &[String]) -> Unavailable {
    Unavailable::because(format!(
        "CGO_ENABLED=0 would silently leave out the C code of {}: set `cgo = true` or `cgo = false`",
        packages.join(", ")
    ))
}

/// Returns who decided about cgo, as a reason.
fn decided(request: &GoRequest<'_>) -> String {
    match request.cgo.map(|cgo| &cgo.source) {
        Some(source @ (Source::CommandLine(_) | Source::Caller(_))) => format!("{source} says so"),
        _ => "the configuration says so".to_owned(),
    }
}

fn pure(request: &GoRequest<'_>, go: &GoToolchain, reason: &str) -> Result<GoChoice, Unavailable> {
    let environment = go_settings(request)?;
    Ok(GoChoice {
        platform: request.platform.clone(),
        go: go.go.clone(),
        release: format!("go{}", go.version),
        environment,
        arguments: Vec::new(),
        ldflags: Vec::new(),
        wrappers: Vec::new(),
        tools: Vec::new(),
        why: format!("Go {} without cgo: {reason}", go.version),
    })
}

/// Returns the variables that a program's build information records: GOOS, GOARCH, the level variable and CGO_ENABLED.
/// They do not depend on the host.
///
/// # Errors
/// [`Unavailable`] if Go has no port for the platform.
pub fn go_settings(request: &GoRequest<'_>) -> Result<BTreeMap<String, String>, Unavailable> {
    let go = target(request).go().map_err(|unsupported| Unavailable::because(unsupported.to_string()))?;
    let cgo = request.cgo.is_some_and(|cgo| cgo.value);
    let cgo = ("CGO_ENABLED".to_owned(), if cgo { "1" } else { "0" }.to_owned());
    Ok(go.env().into_iter().chain([cgo]).collect())
}

fn target(request: &GoRequest<'_>) -> BuildTarget {
    let target = BuildTarget::new(request.platform.clone(), request.linkage.value);
    request.float.into_iter().fold(target, BuildTarget::with_float)
}

/// Chooses with cgo. zig with musl makes the same static program on every host, while the target's gcc links the host's
/// glibc.
fn with_cgo(
    request: &GoRequest<'_>,
    go: &GoToolchain,
    host: &Host,
    cache: &Utf8Path,
) -> Result<GoChoice, Unavailable> {
    let (target, cross_tools) = find_tools(request, host, cache)?;
    let mut environment = go_settings(request)?;
    let tools = &cross_tools.tools;
    for (name, value) in [("CC", &tools.cc), ("CXX", &tools.cxx), ("AR", &tools.ar)] {
        environment.extend(value.iter().map(|value| (name.to_owned(), word(value))));
    }
    let (arguments, ldflags) = link_flags(request.linkage.value, target.libc());
    Ok(GoChoice {
        platform: request.platform.clone(),
        go: go.go.clone(),
        release: format!("go{}", go.version),
        environment,
        arguments,
        ldflags,
        wrappers: cross_tools.wrappers,
        tools: cross_tools.used,
        why: format!("Go {} with cgo, {}, {}", go.version, cross_tools.why, target.libc()),
    })
}

/// Quotes a path for CC, CXX and AR, which Go reads as a command with arguments (`cmd/internal/quoted`).
fn word(path: &str) -> String {
    match (path.contains(char::is_whitespace), path.contains('\'')) {
        (false, false) => path.to_owned(),
        (_, false) => format!("'{path}'"),
        (_, true) => format!("\"{path}\""),
    }
}

/// Returns the target with its C library: the one that the user chose, or else musl for a static program and glibc for a
/// dynamic one, on every host.
fn find_tools(
    request: &GoRequest<'_>,
    host: &Host,
    cache: &Utf8Path,
) -> Result<(BuildTarget, CrossTools), Unavailable> {
    let linked = |libc: Libc| match request.platform.os() {
        Os::Linux => target(request).with_libc(libc),
        _ => target(request),
    };
    let find = |target: BuildTarget| {
        let search = ToolSearch {
            target: &target,
            bundled_linker: BundledLinker::None,
            c_code: CCode::Some,
            host,
            cache,
        };
        search.find().map(|cross_tools| (target.clone(), cross_tools))
    };
    match (request.libc.map(|libc| libc.value), request.linkage.value) {
        (Some(libc), _) => find(linked(libc)),
        (None, Linkage::Dynamic) => find(linked(Libc::GNU)),
        (None, Linkage::Static) => find(linked(Libc::Musl)).map_err(|mut missing| {
            // Other systems have one C library each.
            if request.platform.os() == Os::Linux {
                let gnu = find(linked(Libc::GNU));
                missing.why.extend(gnu_hint(std::iter::once(gnu.as_ref().map(|_| ()))));
            }
            missing
        }),
    }
}

/// Returns arguments of `go build`, and words for its linker. zig links musl statically unless told otherwise. The
/// build id is emptied because it depends on the path of the C compiler, which may be a wrapper in a user's cache
/// directory.
fn link_flags(linkage: Linkage, libc: Libc) -> (Vec<String>, Vec<String>) {
    let how = match (linkage, libc) {
        (Linkage::Static, _) => Some("-static"),
        (Linkage::Dynamic, Libc::Musl) => Some("-dynamic"),
        (Linkage::Dynamic, _) => None,
    };
    let external = how.map(|how| ["-linkmode", "external", "-extldflags", how]);
    let ldflags = std::iter::once("-buildid=").chain(external.into_iter().flatten()).map(str::to_owned);
    let tags = (linkage == Linkage::Static).then(|| "-tags=netgo,osusergo".to_owned());
    (tags.into_iter().collect(), ldflags.collect())
}
