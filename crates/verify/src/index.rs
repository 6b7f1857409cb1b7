//! The checks of an index as a whole.

use crate::image::PlatformText;
use crate::{Finding, codes};

/// Verifies an index: the problems that only all its entries together show.
pub fn verify_index(platforms: &[PlatformText]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: Vec<PlatformText> = Vec::new();
    for platform in platforms {
        // Compared in normal form, as runtimes match: `arm64` and `arm64/v8` are one platform to them.
        let normal = platform.normalized();
        if seen.contains(&normal) {
            let message = format!(
                "The index names {platform} twice: runtimes take the first entry, and the other is never started."
            );
            findings.push(Finding::new(codes::DUPLICATE_PLATFORM, &normal.to_string(), "", message));
        }
        seen.push(normal);
    }
    findings
}
