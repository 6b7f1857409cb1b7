//! The architecture of the program against that of the image.

use crossdock_platform::{Architecture, Platform};

use crate::lint::Options;
use crate::lint::compile::{Compile, CompileTarget};
use crate::lint::finding::{Finding, Severity, codes};
use crate::lint::images::Language;
use crate::lint::model::{Model, PlatformChoice, StageModel};

/// Compile steps whose target is not the platform of the image that carries the program.
pub(in crate::lint) fn architecture(model: &Model<'_>, _: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (shipped, stage, compile) in programs(model) {
        let image = &model.stages[shipped].platform;
        findings.extend(match &compile.target {
            CompileTarget::Constant { platform, value, line } => {
                constant(model, shipped, compile, (platform, value, *line))
            }
            CompileTarget::Native => native(model, stage, image, compile),
            CompileTarget::Composed { value, line } => Some(composed(model, value, *line)),
            _ => None,
        });
    }
    findings
}

/// Every shipped stage with each compile step whose program may come into it.
fn programs<'m, 'a>(model: &'m Model<'a>) -> impl Iterator<Item = (usize, &'m StageModel<'a>, &'m Compile)> {
    model.shipped.iter().flat_map(move |shipped| {
        let stages = model.sources_of(*shipped).into_iter().chain(model.chain(*shipped));
        stages.flat_map(move |stage| {
            let stage = &model.stages[stage];
            stage.compiles.iter().map(move |compile| (*shipped, stage, compile))
        })
    })
}

/// A constant target, against an image of the same constant platform or of another one.
fn constant(
    model: &Model<'_>,
    shipped: usize,
    compile: &Compile,
    (platform, value, line): (&Platform, &str, usize),
) -> Option<Finding> {
    let image = &model.stages[shipped];
    match &image.platform {
        PlatformChoice::Constant(labelled) if same_machine(labelled, platform) => None,
        PlatformChoice::Constant(labelled) => {
            let right = spelled(compile.language, labelled, value);
            let message = format!(
                "the program is compiled for {platform} and the image of line {} is {labelled}: `exec format error`; \
                 compile for {labelled}",
                image.line()
            );
            let corrected = model.source.replaced(line, value, &right, &right);
            Some(Finding::new(codes::ARCHITECTURE_AGAINST_PLATFORM, line, message, corrected))
        }
        PlatformChoice::Unknown => None,
        PlatformChoice::Target | PlatformChoice::Build => {
            let message = format!(
                "the program is always compiled for {platform}, and nothing says that the image of line {} is \
                 {platform}: built for another platform it is labelled with that one, and its program does not start \
                 (`exec format error`); compile for the image's platform, or write `FROM --platform={platform} {}` there",
                image.line(),
                image.stage.base
            );
            Some(Finding::new(
                codes::CONSTANT_ARCHITECTURE,
                line,
                message,
                for_the_image(model, compile, value, line),
            ))
        }
    }
}

/// The Rust target of the image's platform, as a shell says it.
const TRIPLE: &str =
    "\"$(case $TARGETARCH in amd64) echo x86_64 ;; arm64) echo aarch64 ;; esac)-unknown-linux-musl\"";

/// The line with the target of the image instead of a constant one.
fn for_the_image(model: &Model<'_>, compile: &Compile, value: &str, line: usize) -> String {
    let corrected = match compile.language {
        Language::Go => model.source.replaced(line, value, "$TARGETARCH", "GOARCH=$TARGETARCH"),
        Language::Rust => model.source.replaced(line, value, TRIPLE, &format!("--target {TRIPLE}")),
    };
    declared(compile, line, corrected)
}

/// The line after the `ARG` that it needs, where that can stand before it.
fn declared(compile: &Compile, line: usize, corrected: String) -> String {
    let names = match compile.language {
        Language::Go if corrected.contains("$TARGETOS") => "TARGETOS TARGETARCH",
        _ => "TARGETARCH",
    };
    match compile.lacks_argument {
        Some(first) if first >= line => format!("ARG {names}\n{corrected}"),
        _ => corrected,
    }
}

/// No target on a builder that has the build machine's platform.
fn native(
    model: &Model<'_>,
    stage: &StageModel<'_>,
    image: &PlatformChoice,
    compile: &Compile,
) -> Option<Finding> {
    let differs = match (&stage.platform, image) {
        (PlatformChoice::Build, PlatformChoice::Build) => false,
        (PlatformChoice::Build, _) => true,
        (PlatformChoice::Constant(builder), PlatformChoice::Constant(image)) => !same_machine(builder, image),
        (PlatformChoice::Constant(_), PlatformChoice::Target) => true,
        _ => false,
    };
    if !differs {
        return None;
    }
    let corrected = declared(compile, compile.line, targeted(model, compile));
    let what = match &stage.platform {
        PlatformChoice::Constant(platform) => format!("always compiles for {platform}"),
        _ => "compiles for the machine that builds".to_owned(),
    };
    let message = format!(
        "the stage of line {} has --platform={}, so this step {what}, whatever the image's platform: `exec format \
         error` on all others; declare ARG TARGETOS and TARGETARCH in the stage and compile for them",
        stage.line(),
        stage.stage.platform.unwrap_or("$BUILDPLATFORM"),
    );
    Some(Finding::new(codes::HOST_PROGRAM, compile.line, message, corrected))
}

/// The line with the image's platform as its target.
fn targeted(model: &Model<'_>, compile: &Compile) -> String {
    let line = model.source.line(compile.line);
    match compile.language {
        Language::Go => {
            let old = &compile.compiler;
            line.replacen(old, &format!("GOOS=$TARGETOS GOARCH=$TARGETARCH {old}"), 1)
        }
        Language::Rust => {
            let commands = ["cargo build", "cargo install", "cargo zigbuild", "cargo rustc"];
            let command = commands.into_iter().find(|command| line.contains(command)).unwrap_or("cargo");
            line.replacen(command, &format!("{command} --target {TRIPLE}"), 1)
        }
    }
}

fn composed(model: &Model<'_>, value: &str, line: usize) -> Finding {
    let message = format!(
        "`{value}` becomes a triple such as amd64-unknown-linux-musl or arm64-unknown-linux-musl, which are no Rust \
         targets: map TARGETARCH with `case` (amd64 is x86_64, arm64 is aarch64)"
    );
    Finding::new(
        codes::ARCHITECTURE_IN_TRIPLE,
        line,
        message,
        model.source.replaced(line, value, TRIPLE, &format!("--target {TRIPLE}")),
    )
}

/// Variables of the target platform that the stage does not declare.
pub(in crate::lint) fn undeclared_target(model: &Model<'_>, _: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    for stage in &model.stages {
        for compile in &stage.compiles {
            if let CompileTarget::Undeclared { name, line } = &compile.target {
                let message = format!(
                    "${name} is empty here, because the stage of line {} does not declare it: the compiler takes the \
                     build machine's platform; write `ARG {name}` after its FROM",
                    stage.line()
                );
                let corrected = format!("ARG {name}\n{}", model.source.line(*line));
                findings.push(Finding::new(codes::UNDECLARED_TARGET, *line, message, corrected));
            }
        }
    }
    findings
}

/// Images that take the platform of whoever builds them, when the file compiles the program.
pub(in crate::lint) fn platform_of_the_builder(model: &Model<'_>, options: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (shipped, stage, compile) in programs(model) {
        let image = &model.stages[shipped];
        let follows = image.platform == PlatformChoice::Target && stage.platform == PlatformChoice::Target;
        if !follows || compile.target != CompileTarget::Native {
            continue;
        }
        let other = options.build_host.as_ref().and_then(|host| {
            let machine = Platform::new(crossdock_platform::Os::Linux, host.architecture());
            options.deploy.iter().find(|node| !same_machine(node, &machine)).map(|node| (machine, node))
        });
        let (severity, message) = match other {
            Some((machine, node)) => (
                Severity::Error,
                format!(
                    "built on this machine the image is {machine}, and it will run on {node}: `exec format error`; \
                     pass --platform {node} to every build, or write it here"
                ),
            ),
            None => (
                Severity::Note,
                "the image has the architecture of the machine that builds it: pass --platform to every build, or \
                 write it here"
                    .to_owned(),
            ),
        };
        let platform = options.deploy.first().cloned().unwrap_or(Platform::LINUX_AMD64);
        let line = image.line();
        let corrected = with_platform(model, image, &platform);
        findings.push(
            Finding::new(codes::PLATFORM_OF_THE_BUILDER, line, message, corrected).with_severity(severity),
        );
    }
    findings.dedup();
    findings
}

fn with_platform(model: &Model<'_>, stage: &StageModel<'_>, platform: &Platform) -> String {
    let base = stage.stage.base;
    model.source.replaced(
        stage.line(),
        base,
        &format!("--platform={platform} {base}"),
        &format!("FROM --platform={platform} {base}"),
    )
}

/// Whether a program of one platform starts on the other: levels of an architecture aside, 32-bit ARM versions too.
fn same_machine(image: &Platform, program: &Platform) -> bool {
    image.os() == program.os() && image.architecture() == program.architecture()
}

/// A platform in the spelling of a language; for Rust with the C library of the triple that stood there.
fn spelled(language: Language, platform: &Platform, before: &str) -> String {
    if language == Language::Go {
        return platform.architecture().to_string();
    }
    let arch = match platform.architecture() {
        Architecture::Amd64 => "x86_64",
        Architecture::Arm64 => "aarch64",
        Architecture::I386 => "i686",
        Architecture::Riscv64 => "riscv64gc",
        Architecture::Ppc64le => "powerpc64le",
        other => other.as_str(),
    };
    before.split_once('-').map_or_else(|| arch.to_owned(), |(_, rest)| format!("{arch}-{rest}"))
}
