//! The compile steps of Go programs.

use std::collections::BTreeMap;

use crossdock_platform::{BuildTarget, Linkage, Platform};

use super::super::combination::Linking;
use super::super::error::RenderError;
use super::super::request::{Caching, Request};
use super::super::script::{exec, undated, word};

/// Go's variables for one platform.
pub(super) fn exports(
    request: &Request,
    platform: &Platform,
) -> Result<BTreeMap<String, String>, RenderError> {
    let target = BuildTarget::new(platform.clone(), Linkage::Dynamic);
    let mut env = target.go()?.env();
    if request.linking.uses_glibc_compiler() {
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

/// What is copied before dependencies are fetched: `COPY`'s arguments, one line for each folder.
pub(super) fn manifests(request: &Request) -> Vec<String> {
    let modules = &request.modules;
    let line = |folder: &String, names: [&str; 2]| {
        let mut words = names.map(|name| below(folder, name)).to_vec();
        words.push(if folder.is_empty() { "./".to_owned() } else { format!("./{folder}/") });
        match words.iter().any(|word| word.contains(char::is_whitespace)) {
            true => exec(words),
            false => words.join(" "),
        }
    };
    let workspace = modules.workspace.iter().map(|folder| line(folder, ["go.work", "go.work.sum*"]));
    workspace.chain(folders(request).iter().map(|folder| line(folder, ["go.mod", "go.sum*"]))).collect()
}

/// The folders that have a `go.mod`.
fn folders(request: &Request) -> &[String] {
    match request.modules.directories.as_slice() {
        [] => std::slice::from_ref(&request.modules.directory),
        folders => folders,
    }
}

/// What `.dockerignore` lets in so that Go knows the modules.
pub(super) fn manifest_patterns(request: &Request) -> Vec<String> {
    let modules = &request.modules;
    let workspace = modules
        .workspace
        .iter()
        .flat_map(|folder| ["go.work", "go.work.sum"].map(|name| below(folder, name)));
    let manifests =
        folders(request).iter().flat_map(|folder| ["go.mod", "go.sum"].map(|name| below(folder, name)));
    workspace.chain(manifests).chain([below(&modules.directory, "vendor")]).collect()
}

fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Go's first flag, where it is not started in the project's root.
fn in_folder(request: &Request) -> String {
    match request.modules.directory.as_str() {
        "" => String::new(),
        folder => format!(" -C {}", word(folder)),
    }
}

/// The line that fetches dependencies; none where they lie in the project.
pub(super) fn download(request: &Request) -> Vec<String> {
    let line = || format!("go mod download{}", in_folder(request));
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

/// The lines that compile every program.
pub(super) fn compile(request: &Request) -> Vec<String> {
    let mut flags = vec!["-trimpath".to_owned(), "-buildvcs=false".to_owned()];
    if request.linking == Linking::GoPie {
        flags.push("-buildmode=pie".to_owned());
    }
    // What glibc looks users and hosts up with, it loads when it runs; Go's own code does both.
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
            in_folder(request),
            program.name,
            word(&program.package)
        )
    });
    programs.chain([undated("/out")]).collect()
}
