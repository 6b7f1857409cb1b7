//! Explanations why a host does not run a platform.

use super::{Only, Specifier, windows};
use crate::architecture::Architecture;

/// Returns the reason as a clause without a full stop. The host must be in normal form.
pub(super) fn rejected(host: &Specifier, given: &Specifier) -> String {
    let platform = given.normalized();
    if (platform.os.as_str(), platform.architecture.as_str()) == ("unknown", "unknown") {
        return "it marks an attestation, not a program".to_owned();
    }
    if host.os != platform.os {
        return format!("it is for {}, and the host runs {}", platform.os, host.os);
    }
    if let Some(meant) = misspelled(&platform) {
        return meant;
    }
    let without_options = |platform: &Specifier| Specifier {
        os_version: String::new(),
        os_features: Vec::new(),
        ..platform.clone()
    };
    if !Only::new(&without_options(host)).accepts(&without_options(&platform)) {
        return architecture(host, &platform);
    }
    if host.os == "windows" && !windows::accepts(&host.os_version, &platform.os_version) {
        let range = windows::range(&host.os_version);
        return format!("its Windows version is {}, and the host runs {range}", platform.os_version);
    }
    let missing = platform.os_features.iter().find(|feature| !host.os_features.contains(feature));
    missing.map_or_else(
        || "the host does not match it".to_owned(),
        |name| format!("the host has no feature {name}"),
    )
}

/// Explains a misspelled architecture. containerd keeps it, so that the platform matches no real host.
fn misspelled(platform: &Specifier) -> Option<String> {
    let (architecture, variant) = Architecture::from_other_spelling(&platform.architecture)?;
    let variant = variant.map(|variant| format!("/{variant}")).unwrap_or_default();
    Some(format!(
        "containerd does not know the architecture {}: write {}/{architecture}{variant}",
        platform.architecture, platform.os
    ))
}

fn architecture(host: &Specifier, platform: &Specifier) -> String {
    if host.architecture != platform.architecture {
        return format!("a host with {} does not run {}", host.architecture, platform.architecture);
    }
    let shown = |variant: &str| if variant.is_empty() { "no variant".to_owned() } else { variant.to_owned() };
    let (has, needs) = (shown(&host.variant), shown(&platform.variant));
    match host.architecture.as_str() {
        "amd64" | "arm" | "arm64" if platform.variant.is_empty() => {
            format!("the host's variant {has} is not one that containerd knows")
        }
        "amd64" | "arm64" if host.variant.is_empty() => {
            format!("it needs {needs}, and the host states only the baseline of {}", host.architecture)
        }
        "amd64" | "arm" | "arm64" => format!("it needs {needs}, and the host has {has}"),
        _ => format!("its variant is {needs} and the host's {has}: containerd compares them exactly"),
    }
}
