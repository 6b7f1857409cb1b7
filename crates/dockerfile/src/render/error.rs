//! Why nothing is rendered.

use crossdock_platform::{GlibcVersion, Platform, Unsupported};
use thiserror::Error;

use super::combination::{Base, Debian, Linking};

/// Why no Dockerfile is rendered, and what to choose instead.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The program would not start on the base.
    #[error(
        "a {linking} program does not start on {base}: {reason}; take the base {nearest_base}, or keep {base} and link \
         as {nearest_linking} ({})", .nearest_linking.keys()
    )]
    Combination {
        /// How the program is linked.
        linking: Linking,
        /// What it would lie on.
        base: Base,
        /// Why it does not start.
        reason: &'static str,
        /// A base on which it starts.
        nearest_base: Base,
        /// A linking that starts on the base.
        nearest_linking: Linking,
    },
    /// A kind of program that no base makes right.
    #[error("{linking} is not rendered: {reason}; link as {nearest} ({})", .nearest.keys())]
    Linking {
        /// How the program is linked.
        linking: Linking,
        /// Why not.
        reason: &'static str,
        /// A linking that is.
        nearest: Linking,
    },
    /// The builder's C library is newer than the base's.
    #[error(
        "the builder's {builder} has glibc {has} and the base's {base} has {needs}: programs may not start there; take \
         {base} for the builder"
    )]
    GlibcTooNew {
        /// The builder's release.
        builder: Debian,
        /// Its library.
        has: GlibcVersion,
        /// The base's release.
        base: Debian,
        /// Its library.
        needs: GlibcVersion,
    },
    /// No platform was given.
    #[error("no platform is asked for: name at least one, such as linux/amd64")]
    NoPlatform,
    /// A platform that container engines do not run.
    #[error("{0} is not rendered: Dockerfiles of crossdock make Linux images; choose a linux platform")]
    NotLinux(Platform),
    /// A platform that the language has no target for.
    #[error("the platform cannot be compiled for")]
    Unsupported(#[from] Unsupported),
    /// A platform that lacks a part of the toolchain's image.
    #[error("{platform} cannot be cross-compiled in the builder's image: {reason}; {remedy}")]
    NoToolchain {
        /// The platform.
        platform: Platform,
        /// What is missing.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A file that serves several platforms, for a builder that cannot know them.
    #[error(
        "the classic builder sets neither BUILDPLATFORM nor TARGETARCH: build with BuildKit (docker buildx), or render a \
         fixed file for the builder's own platform {host}"
    )]
    ClassicCross {
        /// The builder's platform.
        host: Platform,
    },
    /// Another platform than that of a classic builder.
    #[error(
        "the classic builder on {host} builds only for {host}, and {asked} is asked for: build with BuildKit, or on a \
         machine of {asked}"
    )]
    ClassicForeign {
        /// The builder's platform.
        host: Box<Platform>,
        /// What is asked for.
        asked: Box<Platform>,
    },
    /// A feature that the classic builder has not.
    #[error("the classic builder has no {feature}: {remedy}")]
    ClassicFeature {
        /// The feature.
        feature: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// Packages for a base that cannot install any.
    #[error(
        "the base {0} has no package manager: take debian-slim or alpine, or leave out the packages for run time"
    )]
    NoPackages(Base),
    /// A value that does not belong into a Dockerfile.
    #[error("`{value}` cannot be the {field}: {why}")]
    Value {
        /// Which value it is.
        field: &'static str,
        /// The beginning of the value, with control characters escaped.
        value: String,
        /// What it must be.
        why: &'static str,
    },
    /// A list that must not be empty.
    #[error("no program is asked for: an image has at least one")]
    NoProgram,
    /// A template that fails.
    #[error("template `{template}`, line {line}: {message}\n{snippet}")]
    Template {
        /// The template.
        template: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
        /// The lines around it.
        snippet: String,
    },
    /// Blocks that render, to something that engines do not read.
    #[error("the templates make no Dockerfile, line {line} of what they make{made_by}: {problem}\n{snippet}")]
    Unreadable {
        /// The line of the rendered text, counted from 1.
        line: usize,
        /// The template's name and line, in parentheses; empty where that is not known.
        made_by: String,
        /// What is wrong with it.
        problem: String,
        /// The rendered lines around it.
        snippet: String,
    },
    /// A template that uses a name which does not exist.
    #[error("template `{template}`, line {line}: there is no `{name}`{nearest}\n{snippet}")]
    UnknownName {
        /// The template.
        template: String,
        /// The line, counted from 1.
        line: usize,
        /// The name.
        name: String,
        /// The nearest one, as the end of a sentence; empty when none comes near.
        nearest: String,
        /// The lines around it.
        snippet: String,
    },
}
