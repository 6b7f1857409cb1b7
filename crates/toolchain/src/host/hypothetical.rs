//! Hosts that are only assumed: `plan --host darwin/arm64`.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use crossdock_platform::{Architecture, BuildTarget, Libc, Linkage, Os, Platform, known_platforms};

use super::{GoToolchain, Host, Manager, RustToolchain, System, Tool, ToolchainOrigin};
use crossdock_system::availability::{Availability, Unavailable};

/// The versions of a hypothetical host: stable when this crossdock was released.
pub(super) const RUST: &str = "1.95.0";
pub(super) const GO: &str = "1.26.8";

impl Host {
    /// Returns a machine on which only rustup, with a stable toolchain, and Go are installed, as their makers document.
    #[must_use]
    pub fn hypothetical(platform: &Platform) -> Self {
        Self {
            platform: platform.clone(),
            system: usual_system(platform),
            root: false,
            processors: 8,
            rust: everywhere(Availability::Available(rustup_toolchain(platform, RUST))),
            distribution: Availability::Unavailable(no_distribution()),
            rustup: Availability::Available(Tool { command: vec!["rustup".to_owned()], version: None }),
            go: everywhere(Availability::Available(go_toolchain(GO))),
            tools: native_tools(platform),
        }
    }
}

/// Returns a map in which every directory has the same toolchain.
pub(super) fn everywhere<T>(toolchain: Availability<T>) -> BTreeMap<Utf8PathBuf, Availability<T>> {
    BTreeMap::from([(Utf8PathBuf::new(), toolchain)])
}

pub(super) fn no_distribution() -> Unavailable {
    Unavailable::because("this host's packages have no Rust")
}

pub(super) fn usual_system(platform: &Platform) -> System {
    match platform.os() {
        Os::Darwin => System::MacOs,
        Os::Windows => System::Windows,
        _ => System::Other,
    }
}

/// Returns the tools that a system includes: a Mac has git and cc with the command line tools that rustup requires;
/// nothing is assumed of others.
fn native_tools(platform: &Platform) -> BTreeMap<String, Availability<Tool>> {
    let names: &[&str] = match platform.os() {
        Os::Darwin => &["cc", "c++", "git"],
        _ => &[],
    };
    let tool = |name: &str| Availability::Available(Tool { command: vec![name.to_owned()], version: None });
    names.iter().map(|name| ((*name).to_owned(), tool(name))).collect()
}

/// Returns rustup's toolchain `version` for a platform, with only that platform's standard library.
pub(super) fn rustup_toolchain(platform: &Platform, version: &str) -> RustToolchain {
    let host = host_triple(platform);
    let std: BTreeSet<String> = host.iter().cloned().collect();
    RustToolchain {
        origin: ToolchainOrigin::Project,
        manager: host.as_ref().map_or(Manager::Unknown, |host| Manager::Rustup(format!("stable-{host}"))),
        cargo: "cargo".into(),
        rustc: "rustc".into(),
        version: version.to_owned(),
        release: format!("rustc {version}"),
        addable: prebuilt().filter(|triple| !std.contains(triple)).collect(),
        host: host.unwrap_or_default(),
        std,
        rust_lld: true,
        source: None,
    }
}

pub(super) fn go_toolchain(version: &str) -> GoToolchain {
    GoToolchain { go: "go".into(), version: version.to_owned(), flags: String::new() }
}

/// Returns the triple of the toolchain that rustup installs on a platform; `None` if Rust has no target for it.
pub(super) fn host_triple(platform: &Platform) -> Option<String> {
    let target = BuildTarget::new(platform.baseline(), Linkage::Dynamic);
    target.rust().ok().map(|rust| rust.triple.to_owned())
}

/// Returns the triples whose standard library rustup distributes.
pub(super) fn prebuilt() -> impl Iterator<Item = String> {
    let triples = known_platforms().flat_map(|platform| {
        let target = |linkage, libc: Option<Libc>| {
            let target = BuildTarget::new(platform.clone(), linkage);
            libc.into_iter().fold(target, BuildTarget::with_libc).rust().ok()
        };
        let linux = platform.os() == Os::Linux && platform.architecture() != Architecture::Wasm;
        let musl = if linux { Some(Libc::Musl) } else { None };
        [target(Linkage::Dynamic, None), target(Linkage::Static, musl)]
    });
    triples.flatten().filter(|rust| rust.has_prebuilt_std).map(|rust| rust.triple.to_owned())
}
