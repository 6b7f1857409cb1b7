//! The architecture of the program against that of the image.

use crossdock_platform::Platform;

use super::correct;
use crate::lint::Options;
use crate::lint::compile::{Compile, CompileTarget};
use crate::lint::finding::{Finding, Severity, codes};
use crate::lint::images::ImageLibc;
use crate::lint::model::{Model, PlatformChoice, StageModel};

/// Compile steps whose target is not the platform of the image that carries the program.
pub(in crate::lint) fn architecture(model: &Model<'_>, _: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (shipped, stage, compile) in model.programs() {
        let image = &model.stages[shipped].platform;
        findings.extend(match &compile.target {
            CompileTarget::Constant { platform, line, .. }
                if !stage.picked && !model.has_several(shipped, stage) =>
            {
                constant(model, shipped, compile, (platform, *line))
            }
            // Without a target, in a stage of the image's platform.
            CompileTarget::Native
                if *image == PlatformChoice::Build && stage.platform == PlatformChoice::Target =>
            {
                fixed_base(model, shipped, compile)
            }
            CompileTarget::Native if !model.hands_out(shipped) => native(model, stage, image, compile),
            CompileTarget::Builder { .. }
                if stage.platform == PlatformChoice::Build && !model.hands_out(shipped) =>
            {
                native(model, stage, image, compile)
            }
            CompileTarget::Image if !model.hands_out(shipped) => fixed_base(model, shipped, compile),
            CompileTarget::Composed { value, line, .. } => Some(composed(model, compile, value, *line)),
            _ => None,
        });
    }
    findings
}

/// A constant target, against an image of the same constant platform or of another one.
fn constant(
    model: &Model<'_>,
    shipped: usize,
    compile: &Compile,
    (platform, line): (&Platform, usize),
) -> Option<Finding> {
    let image = &model.stages[shipped];
    match &image.platform {
        PlatformChoice::Constant(labelled) if same_machine(labelled, platform) => None,
        PlatformChoice::Constant(labelled) => {
            let message = format!(
                "the program is compiled for {platform} and the image of line {} is {labelled}: `exec format error`; \
                 compile for {labelled}",
                image.line()
            );
            let corrected = correct::for_platform(model, compile, labelled);
            Some(Finding::new(codes::ARCHITECTURE_AGAINST_PLATFORM, line, message, corrected))
        }
        PlatformChoice::Unknown => None,
        PlatformChoice::Target | PlatformChoice::Build => {
            let (severity, when) = match model.hands_out(shipped) {
                true => (Severity::Warning, "where this is an image and not a folder for --output, "),
                false => (Severity::Error, ""),
            };
            let message = format!(
                "{when}the program is always compiled for {platform}, and nothing says that the image of line {} is \
                 {platform}: built for another platform it is labelled with that one, and its program does not start \
                 (`exec format error`); compile for the image's platform{}, or write `FROM --platform={platform} {}` there",
                image.line(),
                correct::missing_arguments(compile, line),
                image.stage.base
            );
            let corrected = correct::for_the_image(model, compile);
            Some(Finding::new(codes::CONSTANT_ARCHITECTURE, line, message, corrected).with_severity(severity))
        }
    }
}

const BUILDER: &str = "the machine that builds";

/// A program of the image's platform on a base that always has another one.
fn fixed_base(model: &Model<'_>, shipped: usize, compile: &Compile) -> Option<Finding> {
    let image = &model.stages[shipped];
    let (severity, is) = match &image.platform {
        // Of an empty base the flag decides no more than the label, and that in some engines alone.
        PlatformChoice::Build if image.image.libc == ImageLibc::None => {
            (Severity::Warning, BUILDER.to_owned())
        }
        PlatformChoice::Build => (Severity::Error, BUILDER.to_owned()),
        PlatformChoice::Constant(platform) => (Severity::Warning, platform.to_string()),
        PlatformChoice::Target | PlatformChoice::Unknown => return None,
    };
    let pinned = model.pinned(shipped);
    let message = format!(
        "the program of line {} is of the platform that the image is built for, and the base of line {} is always that \
         of {is}: built for another platform, one of the two does not start (`exec format error`); leave --platform away \
         here",
        compile.line,
        image.line(),
    );
    let corrected = correct::without_platform(model, pinned);
    let finding = Finding::new(codes::ARCHITECTURE_AGAINST_PLATFORM, pinned.line(), message, corrected);
    Some(finding.with_severity(severity))
}

/// No target on a builder that has the build machine's platform.
fn native(
    model: &Model<'_>,
    stage: &StageModel<'_>,
    image: &PlatformChoice,
    compile: &Compile,
) -> Option<Finding> {
    let severity = match (&stage.platform, image) {
        (PlatformChoice::Build, PlatformChoice::Build) => return None,
        (PlatformChoice::Build, _) => Severity::Error,
        (PlatformChoice::Constant(builder), PlatformChoice::Constant(image)) => {
            (!same_machine(builder, image)).then_some(Severity::Error)?
        }
        (PlatformChoice::Constant(_), PlatformChoice::Target) => Severity::Error,
        // Right when every build is told the platform that the file fixes.
        (PlatformChoice::Target, PlatformChoice::Constant(_)) => Severity::Warning,
        _ => return None,
    };
    let asks = matches!(compile.target, CompileTarget::Builder { .. });
    let corrected = match image {
        PlatformChoice::Constant(platform) if asks => correct::for_platform(model, compile, platform),
        PlatformChoice::Constant(platform) => correct::targeted_at(model, compile, platform),
        _ if asks => correct::for_the_image(model, compile),
        _ => correct::targeted(model, compile),
    };
    let what = match &stage.platform {
        PlatformChoice::Constant(platform) => format!("always compiles for {platform}"),
        PlatformChoice::Target => "compiles for the platform that the build is told".to_owned(),
        _ => "compiles for the machine that builds".to_owned(),
    };
    let whose = stage.stage.platform.map_or_else(
        || format!("the stage of line {} has no --platform", stage.line()),
        |platform| format!("the stage of line {} has --platform={platform}", stage.line()),
    );
    let (which, advice) = match image {
        PlatformChoice::Constant(platform) => {
            (format!("and the image is {platform}"), format!("compile for {platform}"))
        }
        _ => (
            "whatever the image's platform".to_owned(),
            "declare ARG TARGETOS and TARGETARCH in the stage and compile for them".to_owned(),
        ),
    };
    let message = format!(
        "{whose}, so this step {what}, {which}: `exec format error` on all others; {advice}{}",
        correct::of_the_path(model, compile),
    );
    Some(Finding::new(codes::HOST_PROGRAM, compile.line, message, corrected).with_severity(severity))
}

fn composed(model: &Model<'_>, compile: &Compile, value: &str, line: usize) -> Finding {
    let message = format!(
        "`{value}` becomes a triple such as amd64-unknown-linux-musl or arm64-unknown-linux-musl, which are no Rust \
         targets: map TARGETARCH with `case` (amd64 is x86_64, arm64 is aarch64){}",
        correct::of_the_path(model, compile),
    );
    Finding::new(codes::ARCHITECTURE_IN_TRIPLE, line, message, correct::for_the_image(model, compile))
}

/// Variables of the target platform that the stage does not declare.
pub(in crate::lint) fn undeclared_target(model: &Model<'_>, _: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    for stage in &model.stages {
        for compile in &stage.compiles {
            if let CompileTarget::Undeclared { name } = &compile.target {
                let message = format!(
                    "${name} is empty here, because the stage of line {} does not declare it: the compiler takes the \
                     build machine's platform; write `ARG {name}` after its FROM",
                    stage.line()
                );
                let corrected = format!("ARG {name}\n{}", model.source.line(compile.first));
                let finding = Finding::new(codes::UNDECLARED_TARGET, compile.first, message, Some(corrected));
                findings.push(finding);
            }
        }
    }
    findings
}

/// Whether a program of one platform starts on the other: levels of an architecture aside, 32-bit ARM versions too.
pub(super) fn same_machine(image: &Platform, program: &Platform) -> bool {
    image.os() == program.os() && image.architecture() == program.architecture()
}
