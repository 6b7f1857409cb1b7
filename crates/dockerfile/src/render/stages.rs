//! From a request to typed stages: everything that the templates print.

use std::collections::BTreeMap;

use crossdock_platform::{BuildTarget, Libc, Linkage, Platform};
use serde::Serialize;

use super::combination::{Base, Linking};
use super::error::RenderError;
use super::images::{Assignment, Ignore, Images};
use super::request::{Caching, Mode, Private, Request};
use super::script::{Arm, case, undated};
use super::{go, rust};

/// Versions of tools that a builder installs.
const CARGO_CHEF: &str = "0.1.78";
const ZIG: [&str; 2] = ["cargo-zigbuild==0.24.0", "ziglang==0.17.0"];

const NO_SECRET: Ignore = Ignore { rule: "DL3064", reason: "GOPRIVATE holds names of hosts and no secret." };

/// The stages, as the templates see them.
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
struct ToolSteps {
    apt: Vec<String>,
    compilers: Vec<CrossCompiler>,
    apk: Vec<String>,
    setup: Vec<String>,
    /// Whether cargo-chef keeps dependencies in a layer of their own.
    chef: bool,
}

#[derive(Debug, Serialize)]
struct CrossCompiler {
    program: String,
    packages: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
struct Step {
    mounts: Vec<String>,
    script: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Runtime {
    from: String,
    ignores: Vec<Ignore>,
    install: Option<Install>,
    labels: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
    workdir: Option<String>,
    user: String,
    expose: Vec<String>,
    stop_signal: Option<String>,
    health: Option<HealthCheck>,
    entrypoint: Vec<String>,
    cmd: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Install {
    rule: &'static str,
    script: Vec<String>,
}

#[derive(Debug, Serialize)]
struct HealthCheck {
    command: Vec<String>,
    interval: u32,
    timeout: u32,
    start_period: u32,
    retries: u32,
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
                env.extend(arms.iter().flat_map(|arm| arm.exports.clone()));
                Vec::new()
            }
        };
        env.extend(private_env(request));
        let env_ignores = env.contains_key("GOPRIVATE").then_some(NO_SECRET).into_iter().collect();
        let target = match &request.mode {
            Mode::Cross(_) => vec!["TARGETOS", "TARGETARCH", "TARGETVARIANT"],
            Mode::Fixed(_) => Vec::new(),
        };
        let (dependencies, compile) = steps(request, &lines);
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
            foreign: foreign(request, &arms),
            root: root(request),
            dependencies,
            compile,
            runtime: runtime(request, images.runtime, images.runtime_ignores),
            ignore: ignore(request),
            secrets: secrets(request),
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
    format!("{} on {}, {mode} {}.", request.linking, request.base, platforms.join(", "))
}

fn arms(request: &Request) -> Result<Vec<Arm>, RenderError> {
    let platforms = request.platforms().into_iter();
    let arm = |platform: Platform| {
        let exports = match request.linking.is_go() {
            true => go::exports(request, &platform)?,
            false => rust::exports(request, &platform)?,
        };
        Ok(Arm { platform, exports })
    };
    platforms.map(arm).collect()
}

fn steps(request: &Request, lines: &[String]) -> (Step, Step) {
    let strict = || std::iter::once("set -eu;".to_owned()).chain(lines.iter().cloned());
    let exports = private_exports(request);
    let script = |own: Vec<String>| strict().chain(exports.iter().cloned()).chain(own).collect();
    let secret = private_mounts(request);
    let with_secrets = |mounts: Vec<String>| mounts.into_iter().chain(secret.iter().cloned()).collect();
    if request.linking.is_go() {
        let dependencies = Step { mounts: with_secrets(go::download_mounts(request)), script: Vec::new() };
        return (
            dependencies,
            Step { mounts: go::compile_mounts(request), script: script(go::compile(request)) },
        );
    }
    let mounts: Vec<String> = with_secrets(rust::mounts(request));
    let dependencies = match request.caching {
        Caching::Layer => Step { mounts: mounts.clone(), script: script(rust::cook(request)) },
        Caching::Mounts => Step::default(),
    };
    (dependencies, Step { mounts, script: script(rust::compile(request)) })
}

fn tools(request: &Request) -> Result<ToolSteps, RenderError> {
    let on_alpine = request.linking.is_go() && request.base == Base::Alpine;
    let private = !request.private.is_empty();
    let mut tools = ToolSteps::default();
    let mut packages: Vec<String> = Vec::new();
    let mut add = |wanted: bool, names: &[&str]| {
        packages.extend(names.iter().filter(|_| wanted).map(ToString::to_string))
    };
    add(request.linking == Linking::GoCgoMusl, &["gcc", "musl-dev"]);
    add(private && on_alpine, &["git", "openssh-client"]);
    add(matches!(request.base, Base::Static | Base::DebianSlim), &["ca-certificates"]);
    add(copies_zones(request), &["tzdata"]);
    add(rust::uses_zig(request), &["python3-pip"]);
    let foreign = foreign_packages(request);
    packages.extend(request.build.packages.iter().filter(|package| !foreign.contains(package)).cloned());
    if on_alpine {
        tools.apk = packages;
    } else {
        tools.apt = packages;
    }
    if matches!(request.linking, Linking::GoCgoGlibc | Linking::RustGlibc | Linking::RustGlibcStatic) {
        tools.compilers = request.platforms().iter().map(cross_compiler).collect::<Result<_, _>>()?;
    }
    tools.chef = !request.linking.is_go() && request.caching == Caching::Layer;
    tools.setup = setup(request)?;
    Ok(tools)
}

/// The lines that install what no package manager of the distribution has.
fn setup(request: &Request) -> Result<Vec<String>, RenderError> {
    let hosts = ssh_hosts(request).into_iter();
    let mut lines: Vec<String> = hosts
        .map(|host| {
            format!("git config --global --add url.\"ssh://git@{host}/\".insteadOf \"https://{host}/\";")
        })
        .collect();
    if rust::uses_zig(request) {
        lines.push(format!("pip install --no-cache-dir --break-system-packages {};", ZIG.join(" ")));
    }
    if !request.linking.is_go() {
        let platforms = request.platforms().into_iter();
        let triples = platforms.map(|platform| Ok(rust::target(request, &platform).rust()?.triple));
        let mut triples = triples.collect::<Result<Vec<_>, RenderError>>()?;
        triples.dedup();
        lines.push(format!("rustup target add {};", triples.join(" ")));
        if request.caching == Caching::Layer {
            lines.push(format!("cargo install --locked --version {CARGO_CHEF} cargo-chef;"));
        }
    }
    if let Some(last) = lines.last_mut() {
        last.pop();
        lines.insert(0, "set -eu;".to_owned());
    }
    Ok(lines)
}

/// Debian's cross compiler for a platform with its C library's files.
fn cross_compiler(platform: &Platform) -> Result<CrossCompiler, RenderError> {
    let names = BuildTarget::new(platform.clone(), Linkage::Dynamic).with_libc(Libc::GNU).names();
    match (names.gcc, names.gcc_package, names.debian) {
        (Some(program), Some(package), Some(debian)) => {
            Ok(CrossCompiler { program, packages: vec![package, format!("libc6-dev-{debian}-cross")] })
        }
        _ => Err(RenderError::NoToolchain {
            platform: platform.clone(),
            reason: "Debian has no cross compiler for it".to_owned(),
            remedy: "link as go-static or rust-musl",
        }),
    }
}

/// Libraries of the target's architecture: what a cross compiler links, in Debian's multiarch folders.
fn foreign_packages(request: &Request) -> Vec<&String> {
    let glibc =
        matches!(request.linking, Linking::GoCgoGlibc | Linking::RustGlibc | Linking::RustGlibcStatic);
    request.build.packages.iter().filter(|package| glibc && package.ends_with("-dev")).collect()
}

fn foreign(request: &Request, arms: &[Arm]) -> Vec<String> {
    let packages = foreign_packages(request);
    if packages.is_empty() {
        return Vec::new();
    }
    let debian = |arm: &Arm| {
        let names = BuildTarget::new(arm.platform.clone(), Linkage::Dynamic).names();
        let exports =
            BTreeMap::from([("architecture".to_owned(), names.debian.unwrap_or_default().to_owned())]);
        Arm { platform: arm.platform.clone(), exports }
    };
    let arms: Vec<Arm> = arms.iter().map(debian).collect();
    let mut lines = vec!["set -eu;".to_owned()];
    match (&request.mode, arms.first()) {
        (Mode::Fixed(_), Some(arm)) => lines.push(format!("architecture={};", arm.exports["architecture"])),
        _ => lines.extend(case(&arms)),
    }
    let names: Vec<String> = packages.iter().map(|package| format!("{package}:\"$architecture\"")).collect();
    lines.extend([
        "dpkg --add-architecture \"$architecture\";".to_owned(),
        "apt-get update;".to_owned(),
        format!("apt-get install --yes --no-install-recommends {};", names.join(" ")),
        "rm -rf /var/lib/apt/lists/*".to_owned(),
    ]);
    lines
}

/// Whether time zones are copied from the builder: distroless images have them.
fn copies_zones(request: &Request) -> bool {
    let has_none = matches!(request.base, Base::Scratch | Base::Static | Base::Alpine | Base::DebianSlim);
    request.container.timezones && has_none
}

/// The lines that put certificates, users and time zones beside the program, without running anything in the image.
fn root(request: &Request) -> Vec<String> {
    let mut lines = Vec::new();
    if matches!(request.base, Base::Static | Base::DebianSlim) {
        lines.push("mkdir -p /root-files/etc/ssl/certs;".to_owned());
        lines.push("cp /etc/ssl/certs/ca-certificates.crt /root-files/etc/ssl/certs/;".to_owned());
    }
    if request.base == Base::Static {
        let (user, group) = request.container.user;
        lines.push("mkdir -m 1777 /root-files/tmp;".to_owned());
        lines.push(format!(
            "printf 'root:x:0:0::/:/sbin/nologin\\nnonroot:x:{user}:{group}::/:/sbin/nologin\\n' > /root-files/etc/passwd;"
        ));
        lines.push(format!("printf 'root:x:0:\\nnonroot:x:{group}:\\n' > /root-files/etc/group;"));
    }
    if copies_zones(request) {
        lines.push("mkdir -p /root-files/usr/share;".to_owned());
        lines.push("cp -a /usr/share/zoneinfo /root-files/usr/share/;".to_owned());
    }
    if lines.is_empty() {
        return lines;
    }
    lines.insert(0, "set -eu;".to_owned());
    lines.push(undated("/root-files"));
    lines
}

fn runtime(request: &Request, from: String, ignores: Vec<Ignore>) -> Runtime {
    let container = &request.container;
    let program = request.programs.first().map_or("", |program| program.name.as_str());
    let program = format!("/usr/local/bin/{program}");
    Runtime {
        from,
        ignores,
        install: install(request),
        labels: container.labels.clone(),
        env: container.env.clone(),
        workdir: container.workdir.clone(),
        user: format!("{}:{}", container.user.0, container.user.1),
        expose: container.expose.clone(),
        stop_signal: container.stop_signal.clone().filter(|signal| signal != "SIGTERM"),
        health: container.health.as_ref().map(|health| HealthCheck {
            command: health.command.clone(),
            interval: health.interval,
            timeout: health.timeout,
            start_period: health.start_period,
            retries: health.retries,
        }),
        entrypoint: std::iter::once(program).chain(container.arguments.iter().cloned()).collect(),
        cmd: container.cmd.clone(),
    }
}

fn install(request: &Request) -> Option<Install> {
    let packages = request.build.runtime_packages.join(" ");
    match request.base {
        _ if packages.is_empty() => None,
        Base::Alpine => {
            Some(Install { rule: "DL3018", script: vec![format!("apk add --no-cache {packages}")] })
        }
        _ => Some(Install {
            rule: "DL3008",
            script: vec![
                "set -eu;".to_owned(),
                "apt-get update;".to_owned(),
                format!("apt-get install --yes --no-install-recommends {packages};"),
                "rm -rf /var/lib/apt/lists/*".to_owned(),
            ],
        }),
    }
}

fn ignore(request: &Request) -> IgnoreFile {
    let (sources, outputs): (&[&str], &[&'static str]) = match request.linking.is_go() {
        true => (&["go.mod", "go.sum", "vendor", "**/*.go", "**/*.c", "**/*.h", "**/*.s"], &["**/*_test.go"]),
        // No rust-toolchain.toml: rustup would download another compiler than the image's.
        false => (&["Cargo.lock", "**/Cargo.toml", "**/*.rs", ".cargo/config.toml"], &["target"]),
    };
    let sources = sources.iter().map(ToString::to_string).chain(request.context.iter().cloned()).collect();
    IgnoreFile { sources, outputs: outputs.to_vec() }
}

fn ssh_hosts(request: &Request) -> Vec<String> {
    let hosts = request.private.iter().filter_map(|private| match private {
        Private::Ssh(hosts) => Some(hosts.clone()),
        _ => None,
    });
    hosts.flatten().collect()
}

fn private_env(request: &Request) -> BTreeMap<String, String> {
    let hosts: Vec<String> = request
        .private
        .iter()
        .filter_map(|private| match private {
            Private::Netrc(hosts) | Private::Ssh(hosts) => Some(hosts.clone()),
            Private::CargoRegistry(_) => None,
        })
        .flatten()
        .collect();
    match (hosts.is_empty(), request.linking.is_go()) {
        (true, _) => BTreeMap::new(),
        (_, true) => BTreeMap::from([("GOPRIVATE".to_owned(), hosts.join(","))]),
        (_, false) => BTreeMap::from([("CARGO_NET_GIT_FETCH_WITH_CLI".to_owned(), "true".to_owned())]),
    }
}

fn private_mounts(request: &Request) -> Vec<String> {
    let mounts = request.private.iter().flat_map(|private| match private {
        Private::Netrc(_) => vec!["type=secret,id=netrc,target=/root/.netrc,required=true".to_owned()],
        Private::Ssh(_) => vec![
            "type=ssh,required=true".to_owned(),
            "type=secret,id=known_hosts,target=/root/.ssh/known_hosts,required=true".to_owned(),
        ],
        Private::CargoRegistry(name) => vec![format!("type=secret,id=cargo-registry-{name},required=true")],
    });
    mounts.collect()
}

/// Tokens are read where they are used, so that no layer holds them.
fn private_exports(request: &Request) -> Vec<String> {
    let exports = request.private.iter().filter_map(|private| match private {
        Private::CargoRegistry(name) if !request.linking.is_go() => {
            let variable = name.to_ascii_uppercase().replace(['-', '.'], "_");
            let path = format!("/run/secrets/cargo-registry-{name}");
            Some(format!("CARGO_REGISTRIES_{variable}_TOKEN=\"$(cat {path})\"; export CARGO_REGISTRIES_{variable}_TOKEN;"))
        }
        _ => None,
    });
    exports.collect()
}

fn secrets(request: &Request) -> Vec<String> {
    let ids = request.private.iter().map(|private| match private {
        Private::Netrc(_) => "netrc".to_owned(),
        Private::Ssh(_) => "known_hosts".to_owned(),
        Private::CargoRegistry(name) => format!("cargo-registry-{name}"),
    });
    ids.collect()
}

fn notes(request: &Request) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |holds: bool, text: &str| notes.extend(holds.then(|| text.to_owned()));
    note(
        matches!(request.mode, Mode::Fixed(_)),
        "Pass --platform to the engine too, and verify the image: a platform in the file alone does not label it.",
    );
    note(
        request.base == Base::Scratch,
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
