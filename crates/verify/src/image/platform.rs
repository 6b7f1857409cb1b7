//! Checks that index, configuration and target name the same platform.

use crossdock_platform::Architecture;

use crate::image::{ImageFacts, PlatformText};
use crate::level::Level;
use crate::program::machine;
use crate::{Finding, Target, codes};

pub(crate) fn check(image: &ImageFacts, target: &Target, findings: &mut Vec<Finding>) {
    spelling(&image.config_platform, "configuration", target, findings);
    if let Some(reason) = unfit(&image.config_platform, target) {
        let message = format!(
            "The image's configuration names {}, but the target is {}: {reason}.",
            image.config_platform,
            target.name()
        );
        // containerd compares the platforms of an index's entries only (`images.Manifest`), and Docker warns.
        let code = match image.index_platform {
            Some(_) => codes::CONFIG_PLATFORM_MISMATCH,
            None => codes::CONFIG_PLATFORM_IGNORED,
        };
        findings.push(
            Finding::new(code, target.name(), "", message)
                .with_evidence("configuration", image.config_platform.to_string()),
        );
    }
    let Some(index) = &image.index_platform else { return };
    spelling(index, "index", target, findings);
    // In normal form: tools write the default variant into one of the two and omit it in the other.
    if index.normalized() != image.config_platform.normalized() {
        let message = format!(
            "The index names {index} for this image, but its configuration names {}: nodes choose by the index and pull an image \
             for another platform.",
            image.config_platform
        );
        findings.push(
            Finding::new(codes::INDEX_PLATFORM_MISMATCH, target.name(), "", message)
                .with_evidence("index", index.to_string())
                .with_evidence("configuration", image.config_platform.to_string()),
        );
    }
}

fn spelling(platform: &PlatformText, place: &str, target: &Target, findings: &mut Vec<Finding>) {
    let normal = platform.normalized();
    // Variants are not compared: an omitted one and the default one mean the same.
    if normal.os == platform.os && normal.architecture == platform.architecture {
        return;
    }
    let message = format!(
        "The {place} spells the platform {platform}; the OCI image specification spells it {normal}. Docker accepts it silently, \
         but tools that compare exactly find no match."
    );
    findings.push(
        Finding::new(codes::UNUSUAL_PLATFORM_NAME, target.name(), "", message)
            .with_evidence(place, platform.to_string()),
    );
}

/// Returns the reason why a node of the target does not pull an image of this platform, by the rules of containerd's
/// default matcher.
fn unfit(platform: &PlatformText, target: &Target) -> Option<String> {
    let normal = platform.normalized();
    // A configuration without a platform is for every node: containerd and Docker start it.
    if platform.os.is_empty() && platform.architecture.is_empty() {
        return None;
    }
    if normal.os != target.os().as_str() {
        return Some(format!("a node runs {}", target.os()));
    }
    let architecture = target.architecture();
    if normal.architecture != architecture.as_str() {
        // containerd lets only amd64 and arm64, among the hosts with a 32-bit sibling, pull its images.
        let compatible = machine::compatible_32_bit(architecture).map(Architecture::as_str);
        let runs_it = compatible == Some(&normal.architecture)
            && matches!(architecture, Architecture::Amd64 | Architecture::Arm64);
        return (!runs_it).then(|| {
            format!("a node is {architecture}, and its runtime finds `no match for platform in manifest`")
        });
    }
    // Without a variant the image is for every node of the architecture.
    let needed = Level::parse(architecture, normal.variant.as_deref()?)?;
    let (level, name) = target.level()?;
    (!level.includes(needed)).then(|| format!("only {name} is guaranteed on a node"))
}
