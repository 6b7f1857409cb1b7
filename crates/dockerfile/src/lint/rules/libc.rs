//! The C library of the program against that of the image.

use crate::lint::Options;
use crate::lint::compile::{Compile, Links};
use crate::lint::finding::{Finding, Severity, codes};
use crate::lint::images::{Image, ImageLibc, Language};
use crate::lint::model::{Model, StageModel};

/// Programs that need a C library which the image does not have, or only an older one.
pub(in crate::lint) fn linked_program(model: &Model<'_>, _: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    for shipped in &model.shipped {
        for source in model.sources_of(*shipped) {
            let builder = &model.stages[source];
            let image = &model.stages[*shipped];
            findings
                .extend(builder.compiles.iter().filter_map(|compile| judge(model, builder, image, compile)));
        }
    }
    findings
}

fn judge(
    model: &Model<'_>,
    builder: &StageModel<'_>,
    image: &StageModel<'_>,
    compile: &Compile,
) -> Option<Finding> {
    let needed = match (compile.links, image.image.libc) {
        (Links::Glibc | Links::GlibcWithCgo, ImageLibc::None | ImageLibc::Musl) => "the GNU C library",
        (Links::Musl, ImageLibc::None | ImageLibc::Glibc(_)) => "musl",
        (Links::Glibc | Links::GlibcWithCgo, ImageLibc::Glibc(_)) => {
            return too_old(model, builder, image, compile);
        }
        _ => return None,
    };
    let has = match image.image.libc {
        ImageLibc::None => "no C library",
        ImageLibc::Musl => "musl",
        _ => "the GNU C library",
    };
    let (maybe, severity) = match compile.links {
        Links::GlibcWithCgo => ("when a package uses cgo, as net and os/user do, ", Severity::Warning),
        _ => ("", Severity::Error),
    };
    let message = format!(
        "{maybe}the program of this step is linked to {needed} of {}, and the image of line {} ({}) has {has}: the node \
         shows `no such file or directory`; {}",
        builder.stage.base,
        image.line(),
        image.stage.base,
        remedy(compile.language),
    );
    let corrected = make_static(model, compile);
    Some(Finding::new(codes::LIBC_MISMATCH, compile.line, message, corrected).with_severity(severity))
}

fn remedy(language: Language) -> &'static str {
    match language {
        Language::Go => "compile with CGO_ENABLED=0, or take a base with that library",
        Language::Rust => {
            "compile for a musl target, or take a base with that library, such as debian:trixie-slim"
        }
    }
}

fn make_static(model: &Model<'_>, compile: &Compile) -> String {
    let line = model.source.line(compile.line);
    match compile.language {
        Language::Go if line.contains("CGO_ENABLED=1") => line.replacen("CGO_ENABLED=1", "CGO_ENABLED=0", 1),
        Language::Go => {
            let old = &compile.compiler;
            model.source.replaced(compile.line, old, &format!("CGO_ENABLED=0 {old}"), "CGO_ENABLED=0")
        }
        Language::Rust if line.contains("-gnu") => line.replacen("-gnu", "-musl", 1),
        Language::Rust => {
            let words = ["cargo build", "cargo install", "cargo rustc"];
            let found = words.iter().find(|command| line.contains(**command));
            found.map_or_else(
                || "--target x86_64-unknown-linux-musl".to_owned(),
                |command| line.replacen(command, &format!("{command} --target x86_64-unknown-linux-musl"), 1),
            )
        }
    }
}

/// A newer C library in the builder than in the image.
fn too_old(
    model: &Model<'_>,
    builder: &StageModel<'_>,
    image: &StageModel<'_>,
    compile: &Compile,
) -> Option<Finding> {
    let version = |image: &Image| match image.libc {
        ImageLibc::Glibc(version) => version,
        _ => None,
    };
    let (newer, older) = (version(&builder.image)?, version(&image.image)?);
    if newer <= older {
        return None;
    }
    let (severity, maybe) = match compile.links {
        Links::GlibcWithCgo => (Severity::Warning, "when a package uses cgo, "),
        _ => (Severity::Error, ""),
    };
    let message = format!(
        "{maybe}the program is linked to glibc {newer} of {}, and {} has glibc {older}: the loader shows ``version \
         `GLIBC_{newer}' not found`` as soon as one newer symbol is used; take both from one release",
        builder.stage.base, image.stage.base,
    );
    let corrected = match builder.image.release {
        Some(release) if release.distribution == "debian" => {
            let root = &model.stages[image.root];
            model.source.replaced(root.line(), root.stage.base, &same_release(root, builder), root.stage.base)
        }
        _ => model.source.line(image.line()).to_owned(),
    };
    Some(
        Finding::new(codes::GLIBC_TOO_OLD, model.stages[image.root].line(), message, corrected)
            .with_severity(severity),
    )
}

/// The image's base in the builder's release.
fn same_release(image: &StageModel<'_>, builder: &StageModel<'_>) -> String {
    match (image.image.release, builder.image.release) {
        (Some(old), Some(new)) => old.renamed_in(image.stage.base, new),
        _ => image.stage.base.to_owned(),
    }
}
