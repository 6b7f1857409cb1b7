//! The compile steps of Go programs.

use std::collections::BTreeMap;

use crossdock_platform::{BuildTarget, Linkage, Platform};

use super::combination::Linking;
use super::error::RenderError;
use super::request::{Caching, Request};
use super::script::{undated, word};

/// Go's variables for one platform.
pub(super) fn exports(
    request: &Request,
    platform: &Platform,
) -> Result<BTreeMap<String, String>, RenderError> {
    let target = BuildTarget::new(platform.clone(), Linkage::Dynamic);
    let mut env = target.go()?.env();
    if request.linking == Linking::GoCgoGlibc {
        let names = target.names();
        env.extend(names.gcc.map(|gcc| ("CC".to_owned(), gcc)));
        env.extend(names.multiarch.map(|folder| {
            ("PKG_CONFIG_LIBDIR".to_owned(), format!("/usr/lib/{folder}/pkgconfig:/usr/share/pkgconfig"))
        }));
    }
    Ok(env)
}

/// The variables that are the same for all platforms.
pub(super) fn env(request: &Request) -> BTreeMap<String, String> {
    let cgo = if request.linking.uses_cgo() { "1" } else { "0" };
    BTreeMap::from([
        ("CGO_ENABLED".to_owned(), cgo.to_owned()),
        // The image's own compiler, whatever go.mod would download.
        ("GOTOOLCHAIN".to_owned(), "local".to_owned()),
    ])
}

pub(super) fn download_mounts(request: &Request) -> Vec<String> {
    match request.caching {
        Caching::Mounts => vec!["type=cache,target=/go/pkg/mod".to_owned()],
        Caching::Layer => Vec::new(),
    }
}

pub(super) fn compile_mounts(request: &Request) -> Vec<String> {
    let mut mounts = download_mounts(request);
    if request.caching == Caching::Mounts {
        mounts.push("type=cache,target=/root/.cache/go-build".to_owned());
    }
    mounts
}

/// The lines that compile every program.
pub(super) fn compile(request: &Request) -> Vec<String> {
    let mut flags = vec!["-trimpath".to_owned(), "-buildvcs=false".to_owned()];
    if request.linking == Linking::GoPie {
        flags.push("-buildmode=pie".to_owned());
    }
    if !request.build.features.is_empty() {
        flags.push(format!("-tags={}", word(&request.build.features.join(","))));
    }
    let ldflags =
        ["-s", "-w", "-buildid="].into_iter().chain(request.build.ldflags.iter().map(String::as_str));
    flags.push(format!("-ldflags={}", word(&ldflags.collect::<Vec<_>>().join(" "))));
    let flags = flags.join(" ");
    let programs = request.programs.iter().map(|program| {
        format!("go build {flags} -o /out/usr/local/bin/{} {};", program.name, word(&program.package))
    });
    programs.chain([undated("/out")]).collect()
}
