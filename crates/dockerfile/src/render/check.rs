//! Checks of a request before anything is rendered.

use crossdock_platform::{Os, Platform};

use super::combination::{Base, Linking, Verdict, nearest_base, nearest_linking, verdict};
use super::error::RenderError;
use super::request::{Caching, Engine, Mode, Request};
use super::values;

/// Refuses a request whose file would not build, or whose program would not start.
pub(super) fn check(request: &Request) -> Result<(), RenderError> {
    if request.programs.is_empty() {
        return Err(RenderError::NoProgram);
    }
    values::check(request)?;
    platforms(request)?;
    // Verification finds out whether the program starts on another base.
    if request.base_reference.is_none() {
        combination(request.linking, request.base)?;
        glibc(request)?;
    }
    packages(request)?;
    alpine_cgo(request)?;
    classic_builder(request)
}

fn platforms(request: &Request) -> Result<(), RenderError> {
    let platforms = request.platforms();
    if platforms.is_empty() {
        return Err(RenderError::NoPlatform);
    }
    let other = platforms.into_iter().find(|platform| platform.os() != Os::Linux);
    other.map_or(Ok(()), |platform| Err(RenderError::NotLinux(platform)))
}

fn combination(linking: Linking, base: Base) -> Result<(), RenderError> {
    match verdict(linking, base) {
        Verdict::Starts | Verdict::StartsUnlessNewer => Ok(()),
        Verdict::Fails(reason) if linking == Linking::RustMuslDynamic => {
            Err(RenderError::Linking { linking, reason, nearest: nearest_linking(linking, base) })
        }
        Verdict::Fails(reason) => Err(RenderError::Combination {
            linking,
            base,
            reason,
            nearest_base: nearest_base(linking),
            nearest_linking: nearest_linking(linking, base),
        }),
    }
}

fn glibc(request: &Request) -> Result<(), RenderError> {
    let builder = request.builder_debian.unwrap_or(request.debian);
    let base = request.debian;
    let matters = verdict(request.linking, request.base) == Verdict::StartsUnlessNewer;
    if matters && builder.glibc() > base.glibc() {
        return Err(RenderError::GlibcTooNew { builder, has: builder.glibc(), base, needs: base.glibc() });
    }
    Ok(())
}

/// Refuses runtime packages without a package manager, and Debian's libraries for a musl program, which cannot link
/// them.
fn packages(request: &Request) -> Result<(), RenderError> {
    if let (Some(reference), Some(package)) =
        (&request.base_reference, request.build.runtime_packages.first())
    {
        let base = reference.clone();
        return Err(RenderError::UnknownPackages { package: package.clone(), base });
    }
    if !request.build.runtime_packages.is_empty() && !request.base.has_packages() {
        return Err(RenderError::NoPackages(request.base));
    }
    let library = request.build.packages.iter().find(|package| package.ends_with("-dev"));
    match (request.linking, library) {
        (Linking::RustMusl, Some(library)) => Err(values::refused(
            "package of the builder",
            library,
            "Debian's libraries are linked to glibc: link as rust-glibc (`linkage = \"dynamic\"`), or let the crate build its own copy",
        )),
        _ => Ok(()),
    }
}

/// Refuses cgo against musl for several platforms: Alpine packages no cross compilers, so that its compiler has to run
/// on the image's own platform.
fn alpine_cgo(request: &Request) -> Result<(), RenderError> {
    let Mode::Cross(platforms) = &request.mode else { return Ok(()) };
    match (request.linking, platforms.first()) {
        (Linking::GoCgoMusl, Some(platform)) => Err(RenderError::NoToolchain {
            platform: Platform::clone(platform),
            reason: "Alpine has no cross compiler for cgo".to_owned(),
            remedy: "link it statically (`linkage = \"static\"` without `libc`), or render a fixed file for each platform",
        }),
        _ => Ok(()),
    }
}

/// Refuses features that only BuildKit has if the classic builder reads the file.
fn classic_builder(request: &Request) -> Result<(), RenderError> {
    let Engine::Classic(host) = &request.engine else { return Ok(()) };
    let host = host.normalized();
    match &request.mode {
        Mode::Cross(_) => return Err(RenderError::ClassicCross { host }),
        Mode::Fixed(asked) if asked.baseline() != host.baseline() => {
            return Err(RenderError::ClassicForeign { host: Box::new(host), asked: Box::new(asked.clone()) });
        }
        Mode::Fixed(_) => {}
    }
    if request.caching == Caching::Mounts {
        let remedy = "keep dependencies in a layer, or build with BuildKit";
        return Err(RenderError::ClassicFeature { feature: "cache mounts", remedy });
    }
    if request.sources.is_empty() {
        let remedy = "name the directories that hold the sources";
        return Err(RenderError::ClassicFeature {
            feature: "patterns that reach into directories in .dockerignore",
            remedy,
        });
    }
    if request.files.iter().any(|file| file.mode.is_some()) {
        let remedy = "leave out the mode, and give the file its mode in the project";
        return Err(RenderError::ClassicFeature { feature: "COPY --chmod", remedy });
    }
    if !request.private.is_empty() {
        let remedy = "build with BuildKit: a secret in a build argument stays in the image's history";
        return Err(RenderError::ClassicFeature { feature: "secrets", remedy });
    }
    Ok(())
}
