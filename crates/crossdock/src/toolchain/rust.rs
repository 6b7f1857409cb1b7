//! The choice for Rust: routes and C libraries in order of preference, and one of them for all platforms if one can.

use camino::Utf8Path;
use crossdock_platform::{BuildTarget, Os, Platform, RustTarget};

use super::equip::{CCode, OwnLinker, Work};
use super::{RustChoice, RustRequest};
use crate::availability::{Availability, Unavailable};
use crate::config::{Libc, Linkage, Route};
use crate::host::{Host, RustToolchain, ToolchainOrigin, remedies};

/// How each platform is built, in the order of the request, or why it cannot be.
///
/// The routes are the project's own toolchain and then those that the request names; within a route a static program
/// takes musl before the GNU C library. The first that builds all platforms is taken. Where none does, each platform
/// takes the first that builds it, and where a platform has none, it says what it misses and what brings that: on the
/// first route that could then build all platforms.
pub fn choose_rust(
    request: &RustRequest<'_>,
    host: &Host,
    cache: &Utf8Path,
) -> Vec<Availability<RustChoice>> {
    let tried: Vec<Vec<Result<RustChoice, Unavailable>>> = candidates(request, host)
        .iter()
        .map(|candidate| {
            request.platforms.iter().map(|platform| candidate.build(request, host, cache, platform)).collect()
        })
        .collect();
    if let Some(all) = tried.iter().find(|results| results.iter().all(Result::is_ok)) {
        return all.iter().cloned().map(availability).collect();
    }
    let mixed: Vec<_> = (0..request.platforms.len()).map(|place| first_for(&tried, place)).collect();
    if mixed.iter().all(Option::is_some) {
        return mixed.into_iter().flatten().map(explained).collect();
    }
    refuse(tried, request.platforms.len())
}

fn availability(result: Result<RustChoice, Unavailable>) -> Availability<RustChoice> {
    result.map_or_else(Availability::Unavailable, Availability::Available)
}

fn first_for(tried: &[Vec<Result<RustChoice, Unavailable>>], place: usize) -> Option<RustChoice> {
    tried.iter().find_map(|results| results.get(place)?.as_ref().ok().cloned())
}

fn explained(mut choice: RustChoice) -> Availability<RustChoice> {
    choice.why.push_str("; no single toolchain builds all platforms of the image");
    Availability::Available(choice)
}

/// What each platform misses on the first route that something could be done about, and after that route's remedies
/// those of the later ones.
fn refuse(
    tried: Vec<Vec<Result<RustChoice, Unavailable>>>,
    platforms: usize,
) -> Vec<Availability<RustChoice>> {
    let can_be_done = |results: &Vec<Result<RustChoice, Unavailable>>| {
        results.iter().all(|result| result.as_ref().err().is_none_or(|missing| !missing.remedies.is_empty()))
    };
    let start = tried.iter().position(can_be_done).unwrap_or(0);
    let mut tried = tried.into_iter().skip(start);
    let Some(mut first) = tried.next() else { return Vec::new() };
    for later in tried {
        for (mine, theirs) in first.iter_mut().zip(later) {
            if let (Err(mine), Err(theirs)) = (mine, theirs) {
                mine.remedies.extend(theirs.remedies);
            }
        }
    }
    debug_assert_eq!(first.len(), platforms);
    first.into_iter().map(availability).collect()
}

/// One way to build all platforms of an image.
struct Candidate<'a> {
    toolchain: Result<&'a RustToolchain, Unavailable>,
    std: Std,
    libc: Option<Libc>,
}

/// Where the standard library comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Std {
    Prebuilt,
    Built,
}

fn candidates<'a>(request: &RustRequest<'_>, host: &'a Host) -> Vec<Candidate<'a>> {
    let project = || host.rust_of(request.folder);
    let distribution = || match &host.distribution {
        Availability::Available(toolchain) => Ok(toolchain),
        Availability::Unavailable(missing) => Err(missing.clone()),
    };
    let may_be_distribution = request.routes.iter().any(|route| route.value == Route::Distribution);
    let mut sources = vec![(project(), Std::Prebuilt)];
    for route in request.routes {
        match route.value {
            Route::Distribution => sources.push((distribution(), Std::Prebuilt)),
            // The project's compiler is replaced only where the distribution's was named too.
            Route::BuildStd => {
                sources.push((project(), Std::Built));
                sources.extend(may_be_distribution.then(|| (distribution(), Std::Built)));
            }
        }
    }
    let libcs = libcs(request);
    let with_libcs = |(toolchain, std): (Result<&'a RustToolchain, Unavailable>, Std)| {
        let candidates =
            libcs.iter().map(|libc| Candidate { toolchain: toolchain.clone(), std, libc: Some(*libc) });
        candidates.collect::<Vec<_>>()
    };
    sources.into_iter().flat_map(with_libcs).collect()
}

fn libcs(request: &RustRequest<'_>) -> Vec<Libc> {
    match (request.libc, request.linkage.value) {
        (Some(libc), _) => vec![libc.value],
        (None, Linkage::Static) => vec![Libc::Musl, Libc::Gnu],
        (None, Linkage::Dynamic) => vec![Libc::Gnu, Libc::Musl],
    }
}

impl Candidate<'_> {
    fn build(
        &self,
        request: &RustRequest<'_>,
        host: &Host,
        cache: &Utf8Path,
        platform: &Platform,
    ) -> Result<RustChoice, Unavailable> {
        let target = self.target(request, platform);
        let rust = target.rust().map_err(|unsupported| Unavailable::because(unsupported.to_string()))?;
        let toolchain = self.toolchain.clone()?;
        let c = if request.native_code.is_empty() { CCode::None } else { CCode::Some };
        let work = Work { target: &target, own_linker: self.own_linker(toolchain), c, host, cache };
        let equipment = match (self.missing_std(toolchain, &target, &rust, host), work.equip()) {
            (None, Ok(equipment)) => equipment,
            (Some(missing), Ok(_)) | (None, Err(missing)) => return Err(missing),
            (Some(std), Err(tools)) => return Err(std.and(tools)),
        };
        let mut environment = target
            .cross_env(&equipment.tools)
            .map_err(|unsupported| Unavailable::because(unsupported.to_string()))?;
        environment.retain(|name, _| c == CCode::Some || name.ends_with("_LINKER"));
        environment.remove(&format!("CARGO_TARGET_{}_RUSTFLAGS", rust.upper()));
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
            libc: self.libc.filter(|_| platform.os() == Os::Linux),
            why: self.why(toolchain, &rust, &equipment.why),
        })
    }

    fn target(&self, request: &RustRequest<'_>, platform: &Platform) -> BuildTarget {
        let linkage = match request.linkage.value {
            Linkage::Static => crossdock_platform::Linkage::Static,
            Linkage::Dynamic => crossdock_platform::Linkage::Dynamic,
        };
        let target = BuildTarget::new(platform.clone(), linkage);
        match self.libc.filter(|_| platform.os() == Os::Linux) {
            Some(Libc::Musl) => target.with_libc(crossdock_platform::Libc::Musl),
            Some(Libc::Gnu) => target.with_libc(crossdock_platform::Libc::GNU),
            None => target,
        }
    }

    fn own_linker(&self, toolchain: &RustToolchain) -> OwnLinker {
        match (self.std, toolchain.rust_lld) {
            (Std::Prebuilt, true) => OwnLinker::LldAndMusl,
            (Std::Prebuilt, false) => OwnLinker::Musl,
            (Std::Built, _) => OwnLinker::None,
        }
    }

    /// Why the target has no standard library, if it has none.
    fn missing_std(
        &self,
        toolchain: &RustToolchain,
        target: &BuildTarget,
        rust: &RustTarget,
        host: &Host,
    ) -> Option<Unavailable> {
        match self.std {
            Std::Prebuilt if toolchain.std.contains(rust.triple) => None,
            Std::Prebuilt => Some(Unavailable {
                why: format!("{} has no standard library for {}", name(toolchain), rust.triple),
                remedies: remedies::add_std(toolchain, target, rust.triple, &host.system),
            }),
            Std::Built if toolchain.source.is_some() => None,
            Std::Built => Some(Unavailable {
                why: format!("{} has no source of the standard library", name(toolchain)),
                remedies: remedies::add_source(toolchain, &host.system),
            }),
        }
    }

    fn cargo_arguments(&self) -> Vec<String> {
        match self.std {
            Std::Prebuilt => Vec::new(),
            Std::Built => vec!["-Zbuild-std=std,panic_unwind".to_owned()],
        }
    }

    /// The distribution's cargo would call whatever `rustc` PATH finds first.
    fn toolchain_environment(&self, toolchain: &RustToolchain) -> Vec<(String, String)> {
        let rustc = (toolchain.origin == ToolchainOrigin::Distribution)
            .then(|| ("RUSTC".to_owned(), toolchain.rustc.to_string()));
        let nightly = (self.std == Std::Built).then(|| ("RUSTC_BOOTSTRAP".to_owned(), "1".to_owned()));
        rustc.into_iter().chain(nightly).collect()
    }

    fn why(&self, toolchain: &RustToolchain, rust: &RustTarget, equipment: &str) -> String {
        let std = match self.std {
            Std::Prebuilt => "has the standard library for",
            Std::Built => "builds the standard library for",
        };
        format!("{} {std} {}; {equipment}", name(toolchain), rust.triple)
    }
}

/// The toolchain in a sentence.
fn name(toolchain: &RustToolchain) -> String {
    match toolchain.origin {
        ToolchainOrigin::Project => format!("the project's toolchain (Rust {})", toolchain.version),
        ToolchainOrigin::Distribution => format!("the distribution's toolchain (Rust {})", toolchain.version),
    }
}
