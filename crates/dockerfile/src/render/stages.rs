//! The typed stages of a request: every value that the templates print.
//!
//! The field names are an interface: users' own templates read them.

mod go;
mod images;
mod private;
mod runtime;
mod rust;
mod tools;

use std::collections::BTreeMap;

use crossdock_platform::Platform;
use serde::Serialize;

use super::combination::{Base, Linking};
use super::error::RenderError;
use super::request::{Caching, Mode, Request};
use super::script::{Arm, case, export};
use images::{Assignment, Ignore, Images};
use runtime::{Runtime, root, runtime};
use tools::{ToolSteps, foreign, tools};

const NO_SECRET: Ignore = Ignore { rule: "DL3064", reason: "GOPRIVATE holds names of hosts and no secret." };

/// The context of the templates.
#[derive(Debug, Serialize)]
pub(super) struct Stages {
    syntax: Option<String>,
    title: String,
    arguments: Vec<Assignment>,
    build: BuildStage,
    tools: ToolSteps,
    target: Vec<&'static str>,
    foreign: Vec<String>,
    root: Vec<String>,
    manifests: Vec<String>,
    dependencies: Step,
    compile: Step,
    runtime: Runtime,
    ignore: IgnoreFile,
    #[serde(skip)]
    pub(super) secrets: Vec<String>,
    #[serde(skip)]
    pub(super) notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct BuildStage {
    from: String,
    name: String,
    ignores: Vec<Ignore>,
    env: BTreeMap<String, String>,
    env_ignores: Vec<Ignore>,
}

#[derive(Debug, Default, Serialize)]
struct Step {
    mounts: Vec<String>,
    script: Vec<String>,
}

#[derive(Debug, Serialize)]
struct IgnoreFile {
    sources: Vec<String>,
    outputs: Vec<&'static str>,
}

impl Stages {
    pub(super) fn new(request: &Request) -> Result<Self, RenderError> {
        let images = Images::new(request);
        let arms = arms(request)?;
        let mut env = if request.linking.is_go() { go::env(request) } else { rust::env(request) };
        let lines = match &request.mode {
            Mode::Cross(_) => case(&arms),
            Mode::Fixed(_) => {
                // A variable of the user's with the same name must not replace one that holds it too.
                let is_exported =
                    |name: &str| name == rust::RUSTFLAGS || request.build.variables.contains_key(name);
                let (last, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
                    arms.iter().flat_map(|arm| arm.exports.clone()).partition(|(name, _)| is_exported(name));
                env.extend(others);
                export(&last).map(|line| format!("{line};")).into_iter().collect()
            }
        };
        env.extend(private::env(request));
        let env_ignores = env.contains_key("GOPRIVATE").then_some(NO_SECRET).into_iter().collect();
        let target = match &request.mode {
            Mode::Cross(_) => vec!["TARGETOS", "TARGETARCH", "TARGETVARIANT"],
            Mode::Fixed(_) => Vec::new(),
        };
        let (dependencies, compile) = steps(request, &lines)?;
        Ok(Self {
            syntax: request.syntax.clone(),
            title: title(request),
            arguments: images.arguments,
            build: BuildStage {
                from: images.builder,
                name: images.builder_name,
                ignores: images.builder_ignores,
                env,
                env_ignores,
            },
            tools: tools(request)?,
            target,
            foreign: foreign(request, &arms)?,
            root: root(request),
            manifests: if request.linking.is_go() { go::manifests(request) } else { Vec::new() },
            dependencies,
            compile,
            runtime: runtime(request, images.runtime, images.runtime_ignores)?,
            ignore: ignore(request),
            secrets: private::secrets(request),
            notes: notes(request),
        })
    }
}

fn title(request: &Request) -> String {
    let platforms: Vec<String> = request.platforms().iter().map(Platform::to_string).collect();
    let mode = match request.mode {
        Mode::Cross(_) => "compiled on the builder's platform for",
        Mode::Fixed(_) => "fixed to",
    };
    let base = match request.base_reference.as_deref() {
        // The name without the digest.
        Some(reference) => reference.split('@').next().unwrap_or(reference).to_owned(),
        None => request.base.to_string(),
    };
    format!("{} on {base}, {mode} {}.", request.linking, platforms.join(", "))
}

fn arms(request: &Request) -> Result<Vec<Arm>, RenderError> {
    let platforms = request.platforms().into_iter();
    let arm = |platform: Platform| {
        let language = if request.linking.is_go() { go::exports } else { rust::exports };
        let exports = language(request, &platform)?;
        Ok(Arm { platform, exports })
    };
    platforms.map(arm).collect()
}

/// Returns the steps that fetch dependencies and that compile.
fn steps(request: &Request, lines: &[String]) -> Result<(Step, Step), RenderError> {
    // The variables of a platform come last: they hold those of the user too.
    let variables = export(&request.build.variables).map(|line| format!("{line};"));
    let strict =
        || std::iter::once("set -eu;".to_owned()).chain(variables.clone()).chain(lines.iter().cloned());
    let exports = private::exports(request);
    let script = |own: Vec<String>| strict().chain(exports.iter().cloned()).chain(own).collect();
    let secret = private::mounts(request);
    let with_secrets = |mounts: Vec<String>| mounts.into_iter().chain(secret.iter().cloned()).collect();
    if request.linking.is_go() {
        let download = go::download(request);
        // A cache mount may be emptied between two steps: the compiler then fetches dependencies again and needs the
        // secrets. A layer persists.
        let compile = go::compile_mounts(request);
        let fetches = request.caching == Caching::Mounts && !download.is_empty();
        let compile = if fetches { with_secrets(compile) } else { compile };
        let dependencies = Step { mounts: with_secrets(go::download_mounts(request)), script: download };
        return Ok((dependencies, Step { mounts: compile, script: script(go::compile(request)) }));
    }
    let mounts: Vec<String> = with_secrets(rust::mounts(request)?);
    let dependencies = match request.caching {
        Caching::Layer => Step { mounts: mounts.clone(), script: script(rust::cook(request)) },
        Caching::Mounts => Step::default(),
    };
    Ok((dependencies, Step { mounts, script: script(rust::compile(request)) }))
}

/// The directories to which crossdock writes images: in a directory of sources, these would be sent to the engine.
const OUTPUT: &str = "**/.crossdock";

/// Returns the patterns of `.dockerignore`. Source directories are named if the project declares them: engines other
/// than BuildKit do not look for a pattern inside an excluded directory.
fn ignore(request: &Request) -> IgnoreFile {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<String>>();
    let (manifests, by_extension, outputs) = if request.linking.is_go() {
        let by_extension = texts(&["**/*.go", "**/*.c", "**/*.h", "**/*.s"]);
        (go::manifest_patterns(request), by_extension, vec!["**/*_test.go", OUTPUT])
    } else {
        let manifests = texts(&["Cargo.toml", "Cargo.lock", ".cargo/config.toml"]);
        // Without rust-toolchain.toml, which would make rustup download another compiler than the image's.
        let outputs = vec!["target", OUTPUT, "**/rust-toolchain.toml"];
        (manifests, texts(&["**/Cargo.toml", "**/*.rs"]), outputs)
    };
    let sources = if request.sources.is_empty() { by_extension } else { request.sources.clone() };
    let files = request.files.iter().map(|file| file.from.clone());
    let all = manifests.into_iter().chain(sources).chain(request.context.iter().cloned()).chain(files);
    IgnoreFile { sources: all.collect(), outputs }
}

fn notes(request: &Request) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |holds: bool, text: &str| notes.extend(holds.then(|| text.to_owned()));
    note(
        matches!(request.mode, Mode::Fixed(_)),
        "Pass --platform to the engine too, and verify the image: a platform in the file alone does not label it.",
    );
    note(
        request.sources.is_empty(),
        "The .dockerignore includes sources by their extension, which buildah does not follow into directories: name the \
         directories of the sources for it.",
    );
    note(
        request.base == Base::Scratch && request.base_reference.is_none(),
        "The image has no CA certificates, no user names and no /tmp: take the base static where the program needs them.",
    );
    note(
        request.linking == Linking::RustGlibcStatic,
        "A static glibc program looks up host names through libraries that it loads when it runs: this is not verified.",
    );
    note(
        !request.build.runtime_packages.is_empty() || request.linking == Linking::GoCgoMusl,
        "A step runs on the image's platform: a builder of another one needs emulation (binfmt_misc).",
    );
    note(
        true,
        "For equal bytes on every day, pass SOURCE_DATE_EPOCH as a build argument and rewrite-timestamp=true to the exporter.",
    );
    notes
}
