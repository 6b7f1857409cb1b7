//! The naming rules of Azure's machines (learn.microsoft.com/azure/virtual-machines/vm-naming-conventions).

use crate::architecture::Architecture;
use crate::facts::Facts;
use crate::rules::clouds::{GRACE, is_accelerator};
use crate::rules::hosts::is_number;
use crate::rules::levels;

/// The family letters of Azure sizes.
const FAMILIES: &[&str] = &[
    "A", "B", "D", "DC", "DS", "E", "EC", "F", "FX", "G", "GS", "H", "HB", "HC", "HX", "L", "M", "MD", "N",
    "NC", "NCC", "ND", "NG", "NP", "NV", "PB",
];

/// The letters that may follow the number of processors. Each is a feature and occurs once.
const FEATURES: &[u8] = b"abcdefilmnoprstx";

/// The newest version whose processors were recorded. Higher versions are read by the rule, with a note.
const NEWEST: u8 = 7;

/// Reads a size such as `Standard_D4pls_v5`. A lower-case `p` after the number of processors is an Arm processor. Azure
/// ignores the case of sizes, but here it tells families from features, so that another case is corrected first.
pub(super) fn size(text: &str) -> Option<Facts> {
    cased(text).or_else(|| cased(&recased(text)?))
}

/// Returns a size in the case that Azure uses, or `None` if its tier is unknown.
fn recased(text: &str) -> Option<String> {
    let mut parts = text.split('_');
    let tier = parts.next()?;
    let mut out =
        ["Standard", "Basic"].into_iter().find(|known| known.eq_ignore_ascii_case(tier))?.to_owned();
    for (place, part) in parts.enumerate() {
        out.push('_');
        match place {
            0 => {
                let digit = part.find(|letter: char| letter.is_ascii_digit())?;
                let (family, rest) = part.split_at_checked(digit)?;
                out.push_str(&family.to_ascii_uppercase());
                out.push_str(&rest.to_ascii_lowercase());
            }
            _ if part.eq_ignore_ascii_case("promo") => out.push_str("Promo"),
            _ if part.eq_ignore_ascii_case("cc") => out.push_str("cc"),
            // A short part that begins with `v` is a version or invalid, but never an accelerator.
            _ if part.len() < 4 && part.starts_with(['v', 'V']) => out.push_str(&part.to_ascii_lowercase()),
            _ => out.push_str(&part.to_ascii_uppercase()),
        }
    }
    Some(out)
}

fn cased(text: &str) -> Option<Facts> {
    let (tier, rest) = text.split_once('_')?;
    if !matches!(tier, "Standard" | "Basic") {
        return None;
    }
    let digit = rest.find(|letter: char| letter.is_ascii_digit())?;
    let (family, rest) = rest.split_at_checked(digit)?;
    if !FAMILIES.contains(&family) {
        return None;
    }
    let mut parts = rest.split('_');
    let features = features_of(parts.next()?)?;
    let mut version = None;
    for part in parts {
        match version_of(part) {
            None if part == "Promo" => {}
            _ if version.is_some() => return None,
            Some(number) => version = Some(number),
            None if part.starts_with("GB") && is_accelerator(part) => {
                return Some(Facts::new(None, Architecture::Arm64).note(GRACE));
            }
            None if is_accelerator(part) => {}
            // `M896ixds_32_v3` has a second number, and `DC16ads_cc_v5` runs confidential containers.
            None if (part == "cc" || (part.len() < 3 && is_number(part))) && text.contains("_v") => {}
            None => return None,
        }
    }
    Some(facts(family, features, version))
}

/// Returns the letters after the number of processors. A size that uses fewer processors than its machine has states the
/// number after a hyphen: `8-2ms`.
fn features_of(text: &str) -> Option<&str> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, features) = text.split_at_checked(digits(text))?;
    let features = match features.strip_prefix('-') {
        Some(rest) => rest.split_at_checked(digits(rest)).filter(|(number, _)| !number.is_empty())?.1,
        None => features,
    };
    let plausible =
        number.len() <= 4 && (number == "0" || !number.starts_with('0')) && are_features(features);
    plausible.then_some(features)
}

fn are_features(letters: &str) -> bool {
    let once = |(at, letter)| !letters.bytes().skip(at + 1).any(|other| other == letter);
    letters.bytes().all(|letter| FEATURES.contains(&letter)) && letters.bytes().enumerate().all(once)
}

/// Reads `v1` to `v9`. No size has a higher version.
fn version_of(text: &str) -> Option<u8> {
    let number = text.strip_prefix('v').filter(|number| number.len() == 1 && is_number(number))?;
    number.parse().ok().filter(|version| *version > 0)
}

/// Reads a family with its features and its version, such as `Dpsv5`.
pub(super) fn family(text: &str) -> Option<Facts> {
    let lower = text.find(|letter: char| !letter.is_ascii_uppercase())?;
    let (family, rest) = text.split_at_checked(lower)?;
    let (features, version) = rest.split_at_checked(rest.rfind('v')?)?;
    let plausible = FAMILIES.contains(&family) && are_features(features);
    let version = version_of(version)?;
    plausible.then(|| facts(family, features, Some(version)))
}

fn facts(family: &str, features: &str, version: Option<u8>) -> Facts {
    const NEWER: &str =
        "the version is newer than the recorded ones: its architecture follows from the naming rule";
    let newer = version.is_some_and(|version| version > NEWEST).then_some(NEWER);
    if !features.contains('p') {
        let level = levels::azure(family, features, version);
        return Facts { level, ..Facts::new(None, Architecture::Amd64).note(newer) };
    }
    let facts = Facts::new(None, Architecture::Arm64).note(newer);
    match version {
        Some(2 | 5) => Facts { level: Some("v8.2"), cpu: Some("neoverse-n1"), ..facts }.note("Ampere Altra"),
        Some(6) => Facts { level: Some("v9"), cpu: Some("neoverse-n2"), ..facts }.note("Cobalt 100"),
        _ => facts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_azure_rule_reads_only_sizes_that_azure_could_offer() {
        let architecture = |text: &str| size(text).and_then(|facts| facts.architecture);
        assert_eq!(architecture("Standard_D4plds_v5"), Some(Architecture::Arm64));
        assert_eq!(architecture("Standard_NP10s"), Some(Architecture::Amd64));
        assert_eq!(architecture("Standard_M8-2ms"), Some(Architecture::Amd64));
        assert_eq!(architecture("Standard_HB120-16rs_v3"), Some(Architecture::Amd64));
        assert_eq!(architecture("standard_d4ps_v5"), Some(Architecture::Arm64));
        assert_eq!(architecture("STANDARD_D2S_V3"), Some(Architecture::Amd64));
        assert_eq!(architecture("Standard_M96ds_1_v3"), Some(Architecture::Amd64));
        assert_eq!(architecture("Standard_DC16ads_cc_v5"), Some(Architecture::Amd64));
        assert_eq!(architecture("Standard_D11_v2_Promo"), Some(Architecture::Amd64));
        for wrong in ["Standard_", "Standard_P4s_v5", "Standard_D4s_5", "D2s_v3"] {
            assert_eq!(architecture(wrong), None, "{wrong}");
        }
    }
}
