//! The compile steps of Go programs.

use std::collections::BTreeMap;

use crossdock_platform::{BuildTarget, Linkage, Platform};

use super::super::combination::Linking;
use super::super::error::RenderError;
use super::super::request::{Caching, Request};
use super::super::script::{exec, reset_times, word};

/// Returns the variables of one platform.
pub(super) fn exports(
    request: &Request,
    platform: &Platform,
) -> Result<BTreeMap<String, String>, RenderError> {
    let target = BuildTarget::new(platform.clone(), Linkage::Dynamic);
    let mut env = target.go()?.env();
    if request.linking.uses_glibc_compiler() {
        let names = target.names();
        env.extend(names.gcc.map(|gcc| ("CC".to_owned(), gcc)));
        env.extend(names.multiarch.map(|directory| {
            ("PKG_CONFIG_LIBDIR".to_owned(), format!("/usr/lib/{directory}/pkgconfig:/usr/share/pkgconfig"))
        }));
    }
    Ok(env)
}

/// Returns the variables that are the same for all platforms.
pub(super) fn env(request: &Request) -> BTreeMap<String, String> {
    let cgo = if request.linking.uses_cgo() { "1" } else { "0" };
    BTreeMap::from([
        ("CGO_ENABLED".to_owned(), cgo.to_owned()),
        // Without it `go` would download the compiler that go.mod names.
        ("GOTOOLCHAIN".to_owned(), "local".to_owned()),
    ])
}

/// Returns the arguments of each `COPY` of manifests, one for each directory: dependencies are fetched before sources
/// are copied, so that a change of a source keeps their layer.
pub(super) fn manifests(request: &Request) -> Vec<String> {
    let modules = &request.modules;
    let line = |directory: &String, names: [&str; 2]| {
        let mut words = names.map(|name| below(directory, name)).to_vec();
        words.push(if directory.is_empty() { "./".to_owned() } else { format!("./{directory}/") });
        let quoted = words.iter().any(|word| word.contains(char::is_whitespace));
        if quoted { exec(words) } else { words.join(" ") }
    };
    let workspace = modules.workspace.iter().map(|directory| line(directory, ["go.work", "go.work.sum*"]));
    workspace
        .chain(directories(request).iter().map(|directory| line(directory, ["go.mod", "go.sum*"])))
        .collect()
}

/// Returns the directories that have a `go.mod`.
fn directories(request: &Request) -> &[String] {
    match request.modules.directories.as_slice() {
        [] => std::slice::from_ref(&request.modules.directory),
        directories => directories,
    }
}

/// Returns the patterns of `.dockerignore` for the manifests of the modules.
pub(super) fn manifest_patterns(request: &Request) -> Vec<String> {
    let modules = &request.modules;
    let workspace = modules
        .workspace
        .iter()
        .flat_map(|directory| ["go.work", "go.work.sum"].map(|name| below(directory, name)));
    let manifests = directories(request)
        .iter()
        .flat_map(|directory| ["go.mod", "go.sum"].map(|name| below(directory, name)));
    workspace.chain(manifests).chain([below(&modules.directory, "vendor")]).collect()
}

fn below(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// Returns `-C`, which must be Go's first flag, unless `go` runs in the project's root.
fn in_directory(request: &Request) -> String {
    match request.modules.directory.as_str() {
        "" => String::new(),
        directory => format!(" -C {}", word(directory)),
    }
}

/// Returns the line that fetches dependencies; empty if they are vendored.
pub(super) fn download(request: &Request) -> Vec<String> {
    let line = || format!("go mod download{}", in_directory(request));
    (!request.modules.vendored).then(line).into_iter().collect()
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

/// Returns the lines that compile every program.
pub(super) fn compile(request: &Request) -> Vec<String> {
    // Paths and the state of a checkout would make programs of equal sources differ; `.git` is not in the context
    // anyway.
    let mut flags = vec!["-trimpath".to_owned(), "-buildvcs=false".to_owned()];
    if request.linking == Linking::GoPie {
        flags.push("-buildmode=pie".to_owned());
    }
    // A static glibc still loads shared NSS libraries to look up users and hosts. Go's own resolvers load nothing.
    let (tags, link): (&[&str], &[&str]) = match request.linking {
        Linking::GoCgoStatic => (&["netgo", "osusergo"], &["-linkmode external", "-extldflags -static"]),
        _ => (&[], &[]),
    };
    let tags: Vec<&str> =
        tags.iter().copied().chain(request.build.features.iter().map(String::as_str)).collect();
    if !tags.is_empty() {
        flags.push(format!("-tags={}", word(&tags.join(","))));
    }
    let ldflags = ["-s", "-w", "-buildid="].iter().chain(link).copied();
    let ldflags = ldflags.chain(request.build.ldflags.iter().map(String::as_str));
    flags.push(format!("-ldflags={}", word(&ldflags.collect::<Vec<_>>().join(" "))));
    let flags = flags.join(" ");
    let programs = request.programs.iter().map(|program| {
        format!(
            "go build{} {flags} -o /out/usr/local/bin/{} {};",
            in_directory(request),
            program.name,
            word(&program.package)
        )
    });
    programs.chain([reset_times("/out")]).collect()
}
