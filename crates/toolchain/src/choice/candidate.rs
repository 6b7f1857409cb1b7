//! One way to build the platforms of a Rust image, and what it misses on a host.

use std::collections::BTreeMap;

use camino::Utf8Path;
use crossdock_platform::{BuildTarget, Libc, Linkage, Os, Platform, RustTarget};

use super::equip::{CCode, Equipment, OwnLinker, Work};
use super::{RustChoice, RustRequest, helpers};
use crate::host::{Host, Manager, RustToolchain, ToolchainOrigin, remedies};
use crossdock_project::config::{Route, Sourced};
use crossdock_system::availability::{Availability, Unavailable};

/// What a choice is made from.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) request: &'a RustRequest<'a>,
    pub(super) host: &'a Host,
    pub(super) cache: &'a Utf8Path,
}

/// A compiler, where its standard library comes from, and the C library.
pub(super) struct Candidate<'a> {
    origin: ToolchainOrigin,
    toolchain: Result<&'a RustToolchain, Unavailable>,
    std: Std,
    libc: Libc,
}

/// Where the standard library comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Std {
    Prebuilt,
    Built,
}

impl<'a> Candidate<'a> {
    /// All of a request, in order of preference.
    pub(super) fn all(request: &RustRequest<'_>, host: &'a Host) -> Vec<Self> {
        let toolchain = |origin| match (origin, &host.distribution) {
            (ToolchainOrigin::Project, _) => host.rust_of(request.folder),
            (ToolchainOrigin::Distribution, Availability::Available(toolchain)) => Ok(toolchain),
            (ToolchainOrigin::Distribution, Availability::Unavailable(missing)) => Err(missing.clone()),
        };
        let libcs = libcs(request);
        let with_libcs = |(origin, std)| {
            let candidate = |libc: &Libc| Self { origin, toolchain: toolchain(origin), std, libc: *libc };
            libcs.iter().map(candidate).collect::<Vec<_>>()
        };
        sources(request.routes).into_iter().flat_map(with_libcs).collect()
    }
}

/// Compilers and where their standard library comes from. The project's compiler is replaced only where the
/// distribution's was named.
fn sources(routes: &[Sourced<Route>]) -> Vec<(ToolchainOrigin, Std)> {
    use ToolchainOrigin::{Distribution, Project};
    let may_be_distribution = routes.iter().any(|route| route.value == Route::Distribution);
    let mut sources = vec![(Project, Std::Prebuilt)];
    for route in routes {
        match route.value {
            Route::Distribution => sources.push((Distribution, Std::Prebuilt)),
            Route::BuildStd => {
                sources.push((Project, Std::Built));
                sources.extend(may_be_distribution.then_some((Distribution, Std::Built)));
            }
        }
    }
    sources
}

/// Packages that link the C++ library; `link-cplusplus` is how a package says so.
const CPLUSPLUS: &[&str] =
    &["link-cplusplus", "cxx", "librocksdb-sys", "libduckdb-sys", "esaxx-rs", "snmalloc-sys"];

fn code(native_code: &[Vec<String>]) -> CCode {
    match native_code.iter().flatten().any(|package| CPLUSPLUS.contains(&package.as_str())) {
        _ if native_code.is_empty() => CCode::None,
        true => CCode::Cplusplus,
        false => CCode::Some,
    }
}

fn libcs(request: &RustRequest<'_>) -> Vec<Libc> {
    match (request.libc, request.linkage.value) {
        (Some(libc), _) => vec![libc.value],
        (None, Linkage::Static) => vec![Libc::Musl, Libc::GNU],
        (None, Linkage::Dynamic) => vec![Libc::GNU, Libc::Musl],
    }
}

impl Candidate<'_> {
    /// How it builds a platform, or all that it misses for that.
    pub(super) fn build(
        &self,
        context: &Context<'_>,
        platform: &Platform,
    ) -> Result<RustChoice, Unavailable> {
        let target = target(context.request, context.host, self.libc, platform);
        let rust = target.rust().map_err(|unsupported| Unavailable::because(unsupported.to_string()))?;
        let work = Work {
            target: &target,
            own_linker: self.own_linker(),
            c: code(context.request.native_code),
            host: context.host,
            cache: context.cache,
        };
        match (self.compiler(context.host, &target, &rust), work.equip()) {
            (Ok(toolchain), Ok(equipment)) => self.choice(platform, toolchain, &work, equipment),
            (Err(missing), Ok(_)) | (Ok(_), Err(missing)) => Err(missing),
            (Err(compiler), Err(_)) if compiler.remedies.is_empty() => Err(compiler),
            (Err(compiler), Err(tools)) => Err(compiler.and(tools)),
        }
    }

    fn choice(
        &self,
        platform: &Platform,
        toolchain: &RustToolchain,
        work: &Work<'_>,
        equipment: Equipment,
    ) -> Result<RustChoice, Unavailable> {
        let unsupported = |error: crossdock_platform::Unsupported| Unavailable::because(error.to_string());
        let rust = work.target.rust().map_err(unsupported)?;
        let mut environment = work.target.cross_env(&equipment.tools).map_err(unsupported)?;
        environment.retain(|name, _| work.c != CCode::None || name.ends_with("_LINKER"));
        // The flags are a list of their own, as crossdock's caller has more of them.
        environment
            .remove(&format!("CARGO_TARGET_{}_RUSTFLAGS", crossdock_platform::cargo_env_triple(rust.triple)));
        if let Some(arguments) = environment
            .get_mut(&format!("BINDGEN_EXTRA_CLANG_ARGS_{}", crossdock_platform::env_triple(rust.triple)))
        {
            let includes = helpers::clang_includes(work.target, &equipment.tools, work.host);
            includes
                .iter()
                .for_each(|argument| arguments.extend([" ", &crossdock_system::process::quote(argument)]));
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
            rustflags: rust.rustflags.iter().chain(&equipment.rustflags).cloned().collect(),
            wrappers: equipment.wrappers,
            tools: equipment.used,
            libc: (platform.os() == Os::Linux).then_some(self.libc),
            why: self.why(toolchain, &rust, &equipment.why),
        })
    }

    fn own_linker(&self) -> OwnLinker {
        match (self.std, &self.toolchain) {
            (Std::Prebuilt, Ok(toolchain)) if toolchain.rust_lld => OwnLinker::LldAndMusl,
            // rustup's, which is the one to install, would have it.
            (Std::Prebuilt, Err(_)) if self.origin == ToolchainOrigin::Project => OwnLinker::LldAndMusl,
            (Std::Prebuilt, _) => OwnLinker::Musl,
            (Std::Built, _) => OwnLinker::None,
        }
    }

    /// The compiler, if it is there and has a standard library for the target.
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
            Std::Prebuilt if toolchain.std.contains(rust.triple) => Ok(toolchain),
            Std::Built if toolchain.source.is_some() => Ok(toolchain),
            Std::Prebuilt => Err(Unavailable {
                why: missing_std(toolchain, rust),
                remedies: remedies::add_std(toolchain, target, rust.triple, host),
            }),
            Std::Built => Err(Unavailable {
                why: format!("{} has no source of the standard library", name(toolchain)),
                remedies: remedies::add_source(toolchain, &host.system),
            }),
        }
    }

    /// Cargo's `--target` must stand with `-Zbuild-std`, as it always does here.
    fn cargo_arguments(&self) -> Vec<String> {
        match self.std {
            Std::Prebuilt => Vec::new(),
            Std::Built => vec!["-Zbuild-std=std,panic_unwind".to_owned()],
        }
    }

    /// The distribution's cargo would call whatever `rustc` PATH finds first.
    fn toolchain_environment(&self, toolchain: &RustToolchain) -> BTreeMap<String, String> {
        let rustc = (toolchain.origin == ToolchainOrigin::Distribution)
            .then(|| ("RUSTC".to_owned(), toolchain.rustc.to_string()));
        let unstable = (self.std == Std::Built).then(|| ("RUSTC_BOOTSTRAP".to_owned(), "1".to_owned()));
        rustc.into_iter().chain(unstable).collect()
    }

    fn why(&self, toolchain: &RustToolchain, rust: &RustTarget, equipment: &str) -> String {
        let std = match self.std {
            Std::Prebuilt => "has the standard library for",
            Std::Built => "builds the standard library for",
        };
        format!("{} {std} {}; {equipment}", name(toolchain), rust.triple)
    }
}

/// What a platform may be built as, whether or not this host has what that takes.
pub struct Built {
    /// The compiler's triple.
    pub triple: String,
    /// The flags that the platform needs.
    pub rustflags: Vec<String>,
}

/// All that a platform may be built as, in order of preference; nothing for a platform that Rust does not know.
pub fn possible(request: &RustRequest<'_>, host: &Host, platform: &Platform) -> Vec<Built> {
    let built = |libc: Libc| {
        let target = target(request, host, libc, platform);
        let rust = target.rust().ok()?;
        Some(Built { triple: rust.triple.to_owned(), rustflags: rust.rustflags.clone() })
    };
    libcs(request).into_iter().filter_map(built).collect()
}

fn target(request: &RustRequest<'_>, host: &Host, libc: Libc, platform: &Platform) -> BuildTarget {
    // Darwin has no static programs.
    let linkage = if platform.os() == Os::Darwin { Linkage::Dynamic } else { request.linkage.value };
    let target = BuildTarget::new(platform.clone(), linkage);
    let target = request.float.into_iter().fold(target, BuildTarget::with_float);
    match (platform.os(), libc) {
        (Os::Linux, libc) => target.with_libc(libc),
        // Microsoft's libraries are on Windows alone.
        (Os::Windows, _) if host.platform.os() != Os::Windows => target.with_libc(Libc::Mingw),
        _ => target,
    }
}

fn missing_std(toolchain: &RustToolchain, rust: &RustTarget) -> String {
    let nor = match (&toolchain.manager, rust.has_prebuilt_std) {
        (_, false) => ", and nobody distributes one",
        (Manager::Rustup(_), true) if !toolchain.addable.contains(rust.triple) => {
            ", and rustup cannot add it"
        }
        _ => "",
    };
    format!("{} has no standard library for {}{nor}", name(toolchain), rust.triple)
}

/// The toolchain in a sentence.
fn name(toolchain: &RustToolchain) -> String {
    match toolchain.origin {
        ToolchainOrigin::Project => format!("the project's toolchain (Rust {})", toolchain.version),
        ToolchainOrigin::Distribution => format!("the distribution's toolchain (Rust {})", toolchain.version),
    }
}
