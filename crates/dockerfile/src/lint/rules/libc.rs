//! The C library of the program against that of the image.

use crate::lint::Options;
use crate::lint::compile::{Compile, Links};
use crate::lint::finding::{Finding, Severity, codes};
use crate::lint::images::{Image, ImageLibc, Language};
use crate::lint::model::{Model, StageModel};
use crate::lint::releases::with_libgcc;
use crate::read::Keyword;

/// Programs that need a C library which the image does not have, or only an older one.
pub(in crate::lint) fn linked_program(model: &Model<'_>, options: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (shipped, builder, compile) in model.programs() {
        let inside = |link: usize| model.stages[link].line() == builder.line();
        if !model.chain(shipped).any(inside) && !model.hands_out(shipped) {
            findings.extend(Judge { model, options, builder, shipped, compile }.finding());
        }
    }
    findings
}

/// A program, the stage that compiles it, and the image that it comes into.
struct Judge<'m, 'a> {
    model: &'m Model<'a>,
    options: &'m Options,
    builder: &'m StageModel<'a>,
    shipped: usize,
    compile: &'m Compile,
}

impl<'m, 'a> Judge<'m, 'a> {
    fn finding(&self) -> Option<Finding> {
        let image = &self.image().carries;
        match (self.compile.links, image.libc) {
            (Links::Glibc | Links::GlibcWithCgo, ImageLibc::None | ImageLibc::Musl) => {
                Some(self.mismatch("the GNU C library"))
            }
            (Links::Musl, ImageLibc::None | ImageLibc::Glibc(_)) => Some(self.mismatch("musl")),
            (Links::Glibc, ImageLibc::Glibc(_))
                if self.compile.language == Language::Rust && !image.has_libgcc =>
            {
                Some(self.without_libgcc())
            }
            (Links::Glibc | Links::GlibcWithCgo, ImageLibc::Glibc(_)) => self.too_old(),
            _ => None,
        }
    }

    fn image(&self) -> &'m StageModel<'a> {
        &self.model.stages[self.shipped]
    }

    /// The stage whose `FROM` names the image's base.
    fn root(&self) -> &'m StageModel<'a> {
        &self.model.stages[self.image().root]
    }

    fn mismatch(&self, needed: &str) -> Finding {
        let has = match self.image().carries.libc {
            ImageLibc::None => "no C library",
            ImageLibc::Musl => "musl",
            _ => "the GNU C library",
        };
        let (maybe, severity) = match self.compile.links {
            Links::GlibcWithCgo => ("when a package uses cgo, as net and os/user do, ", Severity::Warning),
            _ => ("", Severity::Error),
        };
        let (line, corrected, remedy) = self.remedy();
        let message = format!(
            "{maybe}the program of line {} is linked to {needed} of {}, and the image of line {} ({}) has {has}: the \
             node shows `no such file or directory`; {remedy}",
            self.compile.line,
            self.builder.stage.base,
            self.image().line(),
            self.image().stage.base,
        );
        Finding::new(codes::LIBC_MISMATCH, line, message, corrected).with_severity(severity)
    }

    /// The line that is best changed, how it reads then, and the same in words.
    fn remedy(&self) -> (usize, Option<String>, &'static str) {
        if self.compile.language == Language::Go {
            let (line, corrected) = self.without_cgo();
            let remedy = match self.compile.cgo.as_deref() {
                Some("0") => "compile without -buildmode=pie, or take a base with that library",
                Some("1") => {
                    "take a base with that library, or link it in (-ldflags '-linkmode external -extldflags \"-static\"'), or, \
                     if the program can do without cgo, compile with CGO_ENABLED=0"
                }
                _ => "compile with CGO_ENABLED=0, or take a base with that library",
            };
            return (line, corrected, remedy);
        }
        // A musl target would change where the program lies, which later lines name.
        let remedy = "take a base with that library and libgcc, or compile for a musl target and copy the program from its folder";
        match self.base_with_libgcc().filter(|_| self.compile.links == Links::Glibc) {
            Some(corrected) => (self.root().line(), Some(corrected), remedy),
            None => (self.compile.line, None, remedy),
        }
    }

    /// A static Go program, at the compiler's line. Who turns cgo on by name has packages that need it.
    fn without_cgo(&self) -> (usize, Option<String>) {
        let (source, line) = (&self.model.source, self.compile.line);
        let [first, second] = &self.compile.words;
        let corrected = match self.compile.cgo.as_deref() {
            _ if self.compile.exec => None,
            Some("0") => source.without(line, "-buildmode=pie"),
            Some(_) => None,
            None => source.before_command(line, [first, second], "CGO_ENABLED=0 "),
        };
        (line, corrected)
    }

    /// The line of the image's base with one that has glibc and libgcc, no older than the builder's.
    fn base_with_libgcc(&self) -> Option<String> {
        let root = self.root();
        let mut stages = self.model.chain(self.shipped).map(|link| &self.model.stages[link].stage);
        let plain = !stages
            .any(|stage| stage.instructions.iter().any(|instruction| instruction.keyword == Keyword::Run));
        let better = with_libgcc(root.stage.base, self.builder.image.release?, plain)?;
        self.model.source.replaced(root.line(), root.stage.base, &better)
    }

    fn without_libgcc(&self) -> Finding {
        let message = format!(
            "the Rust program of line {} needs libgcc_s.so.1 beside glibc, and {} does not have it: the loader shows \
             `cannot open shared object file`; take gcr.io/distroless/cc or a debian slim image",
            self.compile.line,
            self.image().stage.base,
        );
        Finding::new(codes::LIBGCC_MISSING, self.root().line(), message, self.base_with_libgcc())
    }

    /// A newer C library in the builder than in the image.
    fn too_old(&self) -> Option<Finding> {
        let version = |image: &Image| match image.libc {
            ImageLibc::Glibc(version) => version,
            _ => None,
        };
        let (newer, older) = (version(&self.builder.image)?, version(&self.image().carries)?);
        if newer <= older {
            return None;
        }
        let (severity, maybe) = match self.compile.links {
            Links::GlibcWithCgo => (Severity::Warning, "when a package uses cgo, "),
            _ => (Severity::Error, ""),
        };
        let root = self.root();
        let better = root
            .image
            .release
            .and_then(|release| match self.options.today {
                // A base that has ended is to be replaced anyway, by the newest: one line for both.
                Some(today) if release.end < today => release.renewed(root.stage.base, today),
                today => release.with_glibc(root.stage.base, newer, today),
            })
            .filter(|better| version(&Image::of(better)) >= Some(newer));
        let advice = match &better {
            Some(better) => format!("take {better}"),
            None => "take both from one release".to_owned(),
        };
        let message = format!(
            "{maybe}the program of line {} is linked to glibc {newer} of {}, and {} has glibc {older}: the loader shows \
             ``version `GLIBC_{newer}' not found`` as soon as one newer symbol is used; {advice}",
            self.compile.line,
            self.builder.stage.base,
            self.image().stage.base,
        );
        let corrected =
            better.and_then(|better| self.model.source.replaced(root.line(), root.stage.base, &better));
        Some(Finding::new(codes::GLIBC_TOO_OLD, root.line(), message, corrected).with_severity(severity))
    }
}
