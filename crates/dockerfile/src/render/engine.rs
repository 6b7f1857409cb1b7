//! What the builder can do.

use super::error::RenderError;
use super::request::{Caching, Engine, Mode, Request};

/// Refuses what the classic builder does not know.
pub(super) fn check(request: &Request) -> Result<(), RenderError> {
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
        let remedy = "name the folders that hold the sources";
        return Err(RenderError::ClassicFeature {
            feature: "patterns that reach into folders in .dockerignore",
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
