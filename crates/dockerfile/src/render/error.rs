//! Errors of the renderer.

use crossdock_platform::{GlibcVersion, Platform, Unsupported};
use thiserror::Error;

use super::combination::{Base, Debian, Linking};

/// A reason why no Dockerfile is rendered, with the nearest valid choice.
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
        /// The requested base.
        base: Base,
        /// The reason, as the end of a sentence.
        reason: &'static str,
        /// A base on which it starts.
        nearest_base: Base,
        /// A linking that starts on the base.
        nearest_linking: Linking,
    },
    /// A linking that starts on no base.
    #[error("{linking} is not supported: {reason}; link as {nearest} ({})", .nearest.keys())]
    Linking {
        /// How the program is linked.
        linking: Linking,
        /// The reason.
        reason: &'static str,
        /// A supported linking.
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
        /// Its glibc.
        has: GlibcVersion,
        /// The base's release.
        base: Debian,
        /// Its glibc.
        needs: GlibcVersion,
    },
    /// The request names no platform.
    #[error("no platform was requested: name at least one, such as linux/amd64")]
    NoPlatform,
    /// A platform other than Linux.
    #[error("{0} is not supported: crossdock's Dockerfiles make Linux images; choose a linux platform")]
    NotLinux(Platform),
    /// A platform for which the language has no target.
    #[error("the platform cannot be compiled for")]
    Unsupported(#[from] Unsupported),
    /// A platform for which the builder's image lacks a part of the toolchain.
    #[error("{platform} cannot be cross-compiled in the builder's image: {reason}; {remedy}")]
    NoToolchain {
        /// The platform.
        platform: Platform,
        /// The missing part.
        reason: String,
        /// The remedy, as an imperative.
        remedy: &'static str,
    },
    /// A file for several platforms, for a builder that does not tell it the requested one.
    #[error(
        "the classic builder sets neither BUILDPLATFORM nor TARGETARCH: build with BuildKit (docker buildx), or render a \
         fixed file for the builder's own platform {host}"
    )]
    ClassicCross {
        /// The builder's platform.
        host: Platform,
    },
    /// A platform other than the classic builder's own.
    #[error(
        "the classic builder on {host} builds only for {host}, but {asked} was requested: build with BuildKit, or on a \
         machine of {asked}"
    )]
    ClassicForeign {
        /// The builder's platform.
        host: Box<Platform>,
        /// The requested platform.
        asked: Box<Platform>,
    },
    /// A feature that the classic builder lacks.
    #[error("the classic builder has no {feature}: {remedy}")]
    ClassicFeature {
        /// The feature.
        feature: &'static str,
        /// The remedy, as an imperative.
        remedy: &'static str,
    },
    /// Runtime packages for a base whose package manager is unknown.
    #[error(
        "the package `{package}` cannot be installed in {base}, whose package manager is not known: take an image that has it"
    )]
    UnknownPackages {
        /// The package.
        package: String,
        /// The base.
        base: String,
    },
    /// Runtime packages for a base without a package manager.
    #[error(
        "the base {0} has no package manager: take debian-slim or alpine, or leave out the runtime packages"
    )]
    NoPackages(Base),
    /// A value that is not valid at its place in a Dockerfile.
    #[error("`{value}` cannot be the {field}: {why}")]
    Value {
        /// The name of the value.
        field: &'static str,
        /// The beginning of the value, with control characters escaped.
        value: String,
        /// The rule that it violates, or what to do.
        why: &'static str,
    },
    /// The request names no program.
    #[error("no program was requested: name at least one")]
    NoProgram,
    /// A template that does not parse or render.
    #[error("template `{template}`, line {line}: {message}\n{snippet}")]
    Template {
        /// The template.
        template: String,
        /// The line, counted from 1.
        line: usize,
        /// The template engine's message.
        message: String,
        /// The lines around it.
        snippet: String,
    },
    /// A template that renders to a file that is too long for any engine.
    #[error("template `{template}` makes a file of more than {} MiB; shorten it", limit >> 20)]
    TooLong {
        /// The template.
        template: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// Templates that render to text that engines do not read.
    #[error(
        "the templates do not make a valid Dockerfile: line {line} of the result{made_by}: {problem}\n{snippet}"
    )]
    Unreadable {
        /// The line of the rendered text, counted from 1.
        line: usize,
        /// The template's name and line, in parentheses; empty if unknown.
        made_by: String,
        /// The mistake.
        problem: String,
        /// The rendered lines around it.
        snippet: String,
    },
    /// A template that uses an unknown variable or block.
    #[error("template `{template}`, line {line}: there is no `{name}`{nearest}\n{snippet}")]
    UnknownName {
        /// The template.
        template: String,
        /// The line, counted from 1.
        line: usize,
        /// The name.
        name: String,
        /// The nearest known name, as the end of a sentence; empty if none is near.
        nearest: String,
        /// The lines around it.
        snippet: String,
    },
}
