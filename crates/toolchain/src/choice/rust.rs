//! The choice of the toolchain for Rust programs: routes in order of preference, one of them for all platforms of an
//! image if possible, and always one C library.

use std::collections::BTreeMap;

use camino::Utf8Path;
use crossdock_platform::{BuildTarget, Libc, Linkage, Os, Platform, RustTarget};

use super::cross_tools::{BundledLinker, CCode, CrossTools, ToolSearch, clang_includes};
use super::{RustChoice, RustRequest, gnu_hint};
use crate::host::{Host, Manager, RustToolchain, ToolchainOrigin, remedies};
use crossdock_project::NativeCode;
use crossdock_project::config::{Route, Sourced};
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::process::quote;

/// A candidate's C library with its answers, one for each platform of a request.
type Tried = (Libc, Vec<Result<RustChoice, Unavailable>>);

/// Returns, in the order of the request, the tools that build each platform, or why it cannot be built.
///
/// The candidates are the project's own toolchain and then the routes of the request. All platforms get one C library,
/// which does not depend on what is installed: a static program uses musl, a dynamic one the GNU C library. Only a
/// configured route may replace musl by the GNU C library, which is all that most distributions package.
///
/// The first candidate that builds all platforms is chosen. If none does, each platform gets the first that builds it,
/// among those of one C library. If a platform has none, its answer names what is missing and the commands that install
/// it: those for the first candidate that could then build all platforms, followed by those for later ones.
pub fn choose_rust(
    request: &RustRequest<'_>,
    host: &Host,
    cache: &Utf8Path,
) -> Vec<Availability<RustChoice>> {
    let context = Context { request, host, cache };
    let tried: Vec<Tried> = Candidate::all(request, host)
        .iter()
        .map(|candidate| (candidate.libc, candidate.build_all(&context)))
        .collect();
    if let Some((_, all)) = tried.iter().find(|(_, answers)| answers.iter().all(Result::is_ok)) {
        return all.iter().cloned().map(availability).collect();
    }
    if let Some(mixed) = mixed(&tried, request) {
        return mixed;
    }
    let decides_libc = gnu_instead(&context);
    let routes_would_help = request.routes.is_empty() && host.rust_toolchain(request.directory).is_ok();
    refused(tried)
        .into_iter()
        .map(|answer| match answer {
            Availability::Unavailable(mut missing) => {
                missing.why.extend(decides_libc);
                // Routes are suggested if no command would install what is missing.
                missing.why.extend((routes_would_help && missing.remedies.is_empty()).then_some(ROUTES));
                Availability::Unavailable(missing)
            }
            answer => answer,
        })
        .collect()
}

const ROUTES: &str = r#"; `toolchain = ["distribution", "build-std"]` would allow the system's compiler, and a standard library built from source"#;

/// Returns the suggestion to decide on the GNU C library: `None` if the user decided on a C library, or if the project's
/// own toolchain could not build all platforms with it.
fn gnu_instead(context: &Context<'_>) -> Option<&'static str> {
    if context.request.libc.is_some() || context.request.linkage.value != Linkage::Static {
        return None;
    }
    let toolchain = Ok(context.host.rust_toolchain(context.request.directory).ok()?);
    let origin = ToolchainOrigin::Project;
    let answers =
        Candidate { origin, toolchain, std: StdSource::Prebuilt, libc: Libc::GNU }.build_all(context);
    gnu_hint(answers.iter().map(|answer| answer.as_ref().map(|_| ())))
}

fn availability(answer: Result<RustChoice, Unavailable>) -> Availability<RustChoice> {
    answer.map_or_else(Availability::Unavailable, Availability::Available)
}

/// Returns for each platform the first candidate of one C library that builds it; `None` if no C library has one for
/// every platform.
fn mixed(tried: &[Tried], request: &RustRequest<'_>) -> Option<Vec<Availability<RustChoice>>> {
    let first = |libc: Libc, place: usize| {
        let mut same = tried.iter().filter(|(other, _)| *other == libc);
        same.find_map(|(_, answers)| answers.get(place)?.as_ref().ok().cloned())
    };
    let explained = |mut choice: RustChoice| {
        choice.why.push_str("; no single toolchain builds all platforms of the image");
        Availability::Available(choice)
    };
    let platforms = request.platforms.len();
    all_libcs(request)
        .into_iter()
        .find_map(|libc| (0..platforms).map(|place| first(libc, place).map(explained)).collect())
}

/// Returns what each platform lacks for the first candidate with remedies for all platforms, followed by the remedies
/// of later candidates.
fn refused(tried: Vec<Tried>) -> Vec<Availability<RustChoice>> {
    let can_be_done = |(_, answers): &Tried| {
        answers.iter().all(|answer| answer.as_ref().err().is_none_or(|missing| !missing.remedies.is_empty()))
    };
    let start = tried.iter().position(can_be_done).unwrap_or(0);
    let mut tried = tried.into_iter().skip(start);
    let Some((_, mut first)) = tried.next() else { return Vec::new() };
    for (_, later) in tried {
        for (mine, theirs) in first.iter_mut().zip(later) {
            if let (Err(mine), Err(theirs)) = (mine, theirs) {
                let new = theirs.remedies.into_iter().filter(|remedy| !mine.remedies.contains(remedy));
                mine.remedies.extend(new.collect::<Vec<_>>());
            }
        }
    }
    first.into_iter().map(availability).collect()
}

/// The inputs of the choice.
#[derive(Clone, Copy)]
struct Context<'a> {
    request: &'a RustRequest<'a>,
    host: &'a Host,
    cache: &'a Utf8Path,
}

/// A way to build: a compiler, a source of its standard library, and a C library.
struct Candidate<'a> {
    origin: ToolchainOrigin,
    toolchain: Result<&'a RustToolchain, Unavailable>,
    std: StdSource,
    libc: Libc,
}

/// The source of the standard library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StdSource {
    Prebuilt,
    Compiled,
}

impl<'a> Candidate<'a> {
    /// Returns all candidates of a request, in order of preference.
    fn all(request: &RustRequest<'_>, host: &'a Host) -> Vec<Self> {
        let toolchain = |origin| match (origin, &host.distribution) {
            (ToolchainOrigin::Project, _) => host.rust_toolchain(request.directory),
            (ToolchainOrigin::Distribution, Availability::Available(toolchain)) => Ok(toolchain),
            (ToolchainOrigin::Distribution, Availability::Unavailable(missing)) => Err(missing.clone()),
        };
        let with_libcs = |(origin, std)| {
            let candidate = |libc| Self { origin, toolchain: toolchain(origin), std, libc };
            libcs(request, std, origin).into_iter().map(candidate).collect::<Vec<_>>()
        };
        sources(request.routes).into_iter().flat_map(with_libcs).collect()
    }
}

/// Returns compilers with the source of their standard library. The distribution's compiler replaces the project's only
/// if its route was configured.
fn sources(routes: &[Sourced<Route>]) -> Vec<(ToolchainOrigin, StdSource)> {
    use ToolchainOrigin::{Distribution, Project};
    let may_be_distribution = routes.iter().any(|route| route.value == Route::Distribution);
    let mut sources = vec![(Project, StdSource::Prebuilt)];
    for route in routes {
        match route.value {
            Route::Distribution => sources.push((Distribution, StdSource::Prebuilt)),
            Route::BuildStd => {
                sources.push((Project, StdSource::Compiled));
                sources.extend(may_be_distribution.then_some((Distribution, StdSource::Compiled)));
            }
        }
    }
    sources
}

/// Packages that link the C++ library. `link-cplusplus` exists for that purpose; the others do it in their build
/// script.
const CPLUSPLUS: &[&str] =
    &["link-cplusplus", "cxx", "librocksdb-sys", "libduckdb-sys", "esaxx-rs", "snmalloc-sys"];

fn c_code(native_code: Option<&NativeCode>, triple: &str) -> CCode {
    let native_code = native_code.map(|code| code.of(triple)).unwrap_or_default();
    let links_cplusplus = |package: &String| CPLUSPLUS.contains(&package.as_str());
    if native_code.is_empty() {
        CCode::None
    } else if native_code.iter().flatten().any(links_cplusplus) {
        CCode::Cplusplus
    } else {
        CCode::Some
    }
}

/// Returns the C libraries that a toolchain may link, in order of preference. Without a decision of the user's, the
/// project's own toolchain has no second choice: which of the two is installed differs from machine to machine.
fn libcs(request: &RustRequest<'_>, std: StdSource, origin: ToolchainOrigin) -> Vec<Libc> {
    let is_own = (std, origin) == (StdSource::Prebuilt, ToolchainOrigin::Project);
    match (request.libc, request.linkage.value) {
        (Some(libc), _) => vec![libc.value],
        (None, Linkage::Dynamic) => vec![Libc::GNU],
        (None, Linkage::Static) if is_own => vec![Libc::Musl],
        (None, Linkage::Static) => vec![Libc::Musl, Libc::GNU],
    }
}

/// Returns the C libraries of all toolchains of a request, in order of preference: a route's toolchain, which is the last,
/// may link those of the project's own and more.
fn all_libcs(request: &RustRequest<'_>) -> Vec<Libc> {
    let last = sources(request.routes).last().map(|(origin, std)| libcs(request, *std, *origin));
    last.unwrap_or_default()
}

impl Candidate<'_> {
    /// Returns the answers for the platforms of the request.
    fn build_all(&self, context: &Context<'_>) -> Vec<Result<RustChoice, Unavailable>> {
        context.request.platforms.iter().map(|platform| self.build(context, platform)).collect()
    }

    /// Returns the tools that build a platform, or everything that is missing for it.
    fn build(&self, context: &Context<'_>, platform: &Platform) -> Result<RustChoice, Unavailable> {
        let target = target(context.request, context.host, self.libc, platform);
        let rust = target.rust().map_err(|unsupported| Unavailable::because(unsupported.to_string()))?;
        let search = ToolSearch {
            target: &target,
            bundled_linker: self.bundled_linker(),
            c_code: c_code(context.request.native_code, rust.triple),
            host: context.host,
            cache: context.cache,
        };
        match (self.compiler(context.host, &target, &rust), search.find()) {
            (Ok(toolchain), Ok(cross_tools)) => self.choice(platform, toolchain, &search, cross_tools),
            (Err(missing), Ok(_)) | (Ok(_), Err(missing)) => Err(missing),
            (Err(compiler), Err(_)) if compiler.remedies.is_empty() => Err(compiler),
            (Err(compiler), Err(tools)) => Err(compiler.and(tools)),
        }
    }

    fn choice(
        &self,
        platform: &Platform,
        toolchain: &RustToolchain,
        search: &ToolSearch<'_>,
        cross_tools: CrossTools,
    ) -> Result<RustChoice, Unavailable> {
        let unsupported = |error: crossdock_platform::Unsupported| Unavailable::because(error.to_string());
        let rust = search.target.rust().map_err(unsupported)?;
        let mut environment = search.target.cross_env(&cross_tools.tools).map_err(unsupported)?;
        // Without C code no build script reads the variables of C compilers.
        environment.retain(|name, _| search.c_code != CCode::None || name.ends_with("_LINKER"));
        // The flags are returned as a list, because the caller adds to them.
        environment
            .remove(&format!("CARGO_TARGET_{}_RUSTFLAGS", crossdock_platform::cargo_env_triple(rust.triple)));
        if let Some(arguments) = environment
            .get_mut(&format!("BINDGEN_EXTRA_CLANG_ARGS_{}", crossdock_platform::env_triple(rust.triple)))
        {
            let includes = clang_includes(search.target, &cross_tools.tools, search.host);
            includes.iter().for_each(|argument| arguments.extend([" ", &quote(argument)]));
        }
        environment.extend(self.toolchain_environment(toolchain));
        Ok(RustChoice {
            platform: platform.clone(),
            triple: rust.triple.to_owned(),
            origin: toolchain.origin,
            cargo: toolchain.cargo.clone(),
            release: toolchain.release.clone(),
            cargo_arguments: self.cargo_arguments(),
            environment,
            rustflags: rust.rustflags.iter().chain(&cross_tools.rustflags).cloned().collect(),
            wrappers: cross_tools.wrappers,
            tools: cross_tools.used,
            libc: (platform.os() == Os::Linux).then_some(self.libc),
            why: self.why(toolchain, &rust, &cross_tools.why),
        })
    }

    fn bundled_linker(&self) -> BundledLinker {
        match (self.std, &self.toolchain) {
            (StdSource::Prebuilt, Ok(toolchain)) if toolchain.rust_lld => BundledLinker::LldAndMusl,
            // The remedy installs rustup's toolchain, which includes it.
            (StdSource::Prebuilt, Err(_)) if self.origin == ToolchainOrigin::Project => {
                BundledLinker::LldAndMusl
            }
            (StdSource::Prebuilt, _) => BundledLinker::Musl,
            (StdSource::Compiled, _) => BundledLinker::None,
        }
    }

    /// Returns the compiler, if it is installed and has a standard library for the target.
    fn compiler(
        &self,
        host: &Host,
        target: &BuildTarget,
        rust: &RustTarget,
    ) -> Result<&RustToolchain, Unavailable> {
        let toolchain = match (&self.toolchain, self.origin) {
            (Ok(toolchain), _) => *toolchain,
            (Err(missing), ToolchainOrigin::Project) => return Err(missing.clone()),
            (Err(missing), ToolchainOrigin::Distribution) => {
                let remedies = remedies::distribution(target, host);
                return Err(Unavailable { why: missing.why.clone(), remedies });
            }
        };
        match self.std {
            StdSource::Prebuilt if toolchain.std.contains(rust.triple) => Ok(toolchain),
            StdSource::Compiled if toolchain.source.is_some() => Ok(toolchain),
            StdSource::Prebuilt => Err(Unavailable {
                why: missing_std(toolchain, rust),
                remedies: remedies::add_std(toolchain, target, rust.triple, host),
            }),
            StdSource::Compiled => Err(Unavailable {
                why: format!("{} has no source of the standard library", name(toolchain)),
                remedies: remedies::add_source(toolchain, &host.system),
            }),
        }
    }

    /// Returns cargo's extra arguments. `-Zbuild-std` requires `--target`, which is always given.
    fn cargo_arguments(&self) -> Vec<String> {
        match self.std {
            StdSource::Prebuilt => Vec::new(),
            StdSource::Compiled => vec!["-Zbuild-std=std,panic_unwind".to_owned()],
        }
    }

    /// Returns variables that select the compiler: the distribution's cargo would call the first `rustc` in PATH, which
    /// may be rustup's.
    fn toolchain_environment(&self, toolchain: &RustToolchain) -> BTreeMap<String, String> {
        let rustc = (toolchain.origin == ToolchainOrigin::Distribution)
            .then(|| ("RUSTC".to_owned(), toolchain.rustc.to_string()));
        let unstable =
            (self.std == StdSource::Compiled).then(|| ("RUSTC_BOOTSTRAP".to_owned(), "1".to_owned()));
        rustc.into_iter().chain(unstable).collect()
    }

    fn why(&self, toolchain: &RustToolchain, rust: &RustTarget, cross_tools: &str) -> String {
        let std = match self.std {
            StdSource::Prebuilt => "has the standard library for",
            StdSource::Compiled => "builds the standard library for",
        };
        format!("{} {std} {}; {cross_tools}", name(toolchain), rust.triple)
    }
}

/// A target that a platform may be built for, whether or not this host has its tools.
#[non_exhaustive]
pub struct PossibleTarget {
    /// The target triple.
    pub triple: String,
    /// The flags that the platform needs.
    pub rustflags: Vec<String>,
}

/// Returns the targets that a platform may be built for, in order of preference; empty if Rust has none.
pub fn possible_targets(request: &RustRequest<'_>, host: &Host, platform: &Platform) -> Vec<PossibleTarget> {
    let built = |libc: Libc| {
        let target = target(request, host, libc, platform);
        let rust = target.rust().ok()?;
        Some(PossibleTarget { triple: rust.triple.to_owned(), rustflags: rust.rustflags.clone() })
    };
    all_libcs(request).into_iter().filter_map(built).collect()
}

fn target(request: &RustRequest<'_>, host: &Host, libc: Libc, platform: &Platform) -> BuildTarget {
    // Darwin does not support static programs: its system calls are not a stable interface.
    let linkage = if platform.os() == Os::Darwin { Linkage::Dynamic } else { request.linkage.value };
    let target = BuildTarget::new(platform.clone(), linkage);
    let target = request.float.into_iter().fold(target, BuildTarget::with_float);
    match (platform.os(), libc) {
        (Os::Linux, libc) => target.with_libc(libc),
        // Only Windows has Microsoft's C library.
        (Os::Windows, _) if host.platform.os() != Os::Windows => target.with_libc(Libc::Mingw),
        _ => target,
    }
}

fn missing_std(toolchain: &RustToolchain, rust: &RustTarget) -> String {
    let nor = match (&toolchain.manager, rust.has_prebuilt_std) {
        (_, false) => ", and none is distributed",
        (Manager::Rustup(_), true) if !toolchain.addable.contains(rust.triple) => {
            ", and rustup cannot add it"
        }
        _ => "",
    };
    format!("{} has no standard library for {}{nor}", name(toolchain), rust.triple)
}

/// Returns the toolchain's name in a sentence.
fn name(toolchain: &RustToolchain) -> String {
    match toolchain.origin {
        ToolchainOrigin::Project => format!("the project's toolchain (Rust {})", toolchain.version),
        ToolchainOrigin::Distribution => format!("the distribution's toolchain (Rust {})", toolchain.version),
    }
}
