//! The naming rules of clouds' machines.

use std::borrow::Cow;

use crate::architecture::Architecture;
use crate::meaning::{Meaning, row};
use crate::os::Os;
use crate::vocabulary::Vocabulary;

const BY_RULE: &str = "the family is not in the table: its architecture follows from the naming rule";

/// The classes of EC2 families: the letters before the generation.
const EC2_CLASSES: &[&str] = &[
    "c", "d", "dl", "f", "g", "gr", "h", "hpc", "i", "im", "inf", "is", "m", "p", "r", "t", "trn", "u", "vt",
    "x", "z",
];

/// An EC2 family such as `m7g`: a `g` among the letters after the generation is AWS's own arm64 processor.
pub(super) fn ec2_family(text: &str) -> Option<Meaning> {
    let stem = text.split_once('-').map_or(text, |(stem, _)| stem);
    if text != stem && !text.ends_with("-flex") {
        return None;
    }
    let digit = stem.find(|letter: char| letter.is_ascii_digit())?;
    let (class, rest) = stem.split_at_checked(digit)?;
    let attributes = rest.get(1..)?;
    let known = |letter: u8| b"abdefginz".contains(&letter);
    if !EC2_CLASSES.contains(&class) || rest.starts_with('0') || !attributes.bytes().all(known) {
        return None;
    }
    // Each attribute stands once, and at most one of them says who made the processor.
    let makers = attributes.bytes().filter(|letter| b"agi".contains(letter)).count();
    let repeated = attributes
        .bytes()
        .enumerate()
        .any(|(at, letter)| attributes.bytes().skip(at + 1).any(|l| l == letter));
    if makers > 1 || repeated || attributes.len() > 4 {
        return None;
    }
    let architecture = if attributes.contains('g') { Architecture::Arm64 } else { Architecture::Amd64 };
    Some(Meaning::new(None, architecture).note(BY_RULE))
}

/// An EC2 instance type such as `m7g.large`: a family and a size.
pub(super) fn ec2_type(text: &str) -> Option<Meaning> {
    let (family, size) = text.split_once('.')?;
    if !is_size(size) {
        return None;
    }
    row(family, Vocabulary::Ec2InstanceFamily).or_else(|| ec2_family(family))
}

/// `nano` to `xlarge`, `48xlarge`, `metal`, `metal-24xl`.
fn is_size(size: &str) -> bool {
    if matches!(size, "nano" | "micro" | "small" | "medium" | "large" | "xlarge" | "metal") {
        return true;
    }
    let number = size
        .strip_suffix("xlarge")
        .or_else(|| size.strip_prefix("metal-").and_then(|s| s.strip_suffix("xl")));
    number.is_some_and(|number| {
        (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A GCE machine type such as `c4a-standard-8`: what counts is the family.
pub(super) fn gce_type(text: &str) -> Option<Meaning> {
    let (family, rest) = text.split_once('-')?;
    let shape = rest.split('-').next()?;
    let known =
        ["standard", "highmem", "highcpu", "megamem", "ultramem", "hypermem", "micro", "small", "medium"];
    let accelerator = ["highgpu", "megagpu", "edgegpu", "ultragpu", "maxgpu", "hightpu", "lightload"];
    (known.contains(&shape) || accelerator.contains(&shape))
        .then(|| row(family, Vocabulary::GceMachineFamily))
        .flatten()
}

/// The family letters of Azure sizes.
const AZURE_FAMILIES: &[&str] = &[
    "A", "B", "D", "DC", "DS", "E", "EC", "F", "FX", "G", "GS", "H", "HB", "HC", "HX", "L", "M", "MD", "N",
    "NC", "ND", "NG", "NP", "NV",
];

/// `Standard_D4pls_v5`: a lower-case `p` after the number of processors is an Arm processor.
pub(super) fn azure_size(text: &str) -> Option<Meaning> {
    let (tier, rest) = text.split_once('_')?;
    if !matches!(tier, "Standard" | "Basic") {
        return None;
    }
    let digit = rest.find(|letter: char| letter.is_ascii_digit())?;
    let (family, rest) = rest.split_at_checked(digit)?;
    if !AZURE_FAMILIES.contains(&family) {
        return None;
    }
    let mut parts = rest.split('_');
    let features = parts.next()?.trim_start_matches(|letter: char| letter.is_ascii_digit());
    // A size with fewer processors than its machine says so after a hyphen: `M8-2ms`.
    let features = features
        .strip_prefix('-')
        .map_or(features, |rest| rest.trim_start_matches(|l: char| l.is_ascii_digit()));
    if !features.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let mut version = None;
    for part in parts {
        match part.strip_prefix('v').and_then(|number| number.parse::<u8>().ok()) {
            Some(number) => version = Some(number),
            None if part.starts_with("GB") => {
                return Some(Meaning::new(None, Architecture::Arm64).note("NVIDIA Grace, not verified"));
            }
            None if part == "Promo" || is_accelerator(part) => {}
            None => return None,
        }
    }
    Some(azure(features.contains('p'), version))
}

/// `A100`, `T4`, `NDR`
fn is_accelerator(part: &str) -> bool {
    part.starts_with(|letter: char| letter.is_ascii_uppercase())
        && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// `Dpsv5`: the family, its features and its version.
pub(super) fn azure_family(text: &str) -> Option<Meaning> {
    let lower = text.find(|letter: char| !letter.is_ascii_uppercase())?;
    let (family, rest) = text.split_at_checked(lower)?;
    let (features, version) = rest.rsplit_once('v')?;
    let plausible =
        AZURE_FAMILIES.contains(&family) && features.bytes().all(|byte| b"abcdeilmprst".contains(&byte));
    let version = version.parse().ok().filter(|version| (1..=9).contains(version))?;
    plausible.then(|| azure(features.contains('p'), Some(version)))
}

fn azure(arm: bool, version: Option<u8>) -> Meaning {
    if !arm {
        return Meaning::new(None, Architecture::Amd64);
    }
    let meaning = Meaning::new(None, Architecture::Arm64);
    match version {
        Some(2 | 5) => {
            Meaning { level: Some("v8.2"), cpu: Some("neoverse-n1"), ..meaning }.note("Ampere Altra")
        }
        Some(6) => Meaning { level: Some("v9"), cpu: Some("neoverse-n2"), ..meaning }.note("Cobalt 100"),
        _ => meaning,
    }
}

/// `VM.Standard.A1.Flex`: the series letter A is Ampere, E is AMD, and the others are Intel.
pub(super) fn oracle_shape(text: &str) -> Option<Meaning> {
    let mut parts = text.split('.');
    let (kind, class) = (parts.next()?, parts.next()?);
    if !matches!(kind, "VM" | "BM") {
        return None;
    }
    let class_name = class.trim_end_matches(|letter: char| letter.is_ascii_digit());
    if !matches!(class_name, "Standard" | "DenseIO" | "Optimized" | "GPU" | "HPC") {
        return None;
    }
    let series = parts.next().unwrap_or_default();
    match series.split_at_checked(1) {
        Some(("A", number)) if class_name == "Standard" => {
            let rest =
                text.find(number).and(text.get(..text.len() - parts.map(|p| p.len() + 1).sum::<usize>()))?;
            row(rest, Vocabulary::OracleCloudShape)
        }
        Some(("E", number)) if number.parse::<u8>().is_ok() => Some(Meaning::new(None, Architecture::Amd64)),
        _ if series == "Flex" || series.is_empty() || series.parse::<u16>().is_ok() => class
            .ends_with(|letter: char| letter.is_ascii_digit())
            .then(|| Meaning::new(None, Architecture::Amd64)),
        _ => None,
    }
}

/// `ecs.g8y.large`, or the family alone: a `y` after the generation is Alibaba's arm64 processor.
pub(super) fn alibaba_family(text: &str) -> Option<Meaning> {
    let rest = text.strip_prefix("ecs.")?;
    let family = rest.split_once('.').map_or(rest, |(family, _)| family);
    row(family, Vocabulary::AlibabaEcsFamily)
}

/// `AL2023_x86_64_STANDARD`, in any case: an image's system with the architecture in its name.
pub(super) fn eks_ami(text: &str) -> Option<Meaning> {
    let plausible =
        text.len() <= 64 && text.contains("_64") && text.starts_with(['A', 'a', 'B', 'b', 'W', 'w']);
    if !plausible {
        return None;
    }
    let upper = text.to_ascii_uppercase();
    let (architecture, system) = if let Some((system, _)) = upper.split_once("_X86_64") {
        (Architecture::Amd64, system)
    } else {
        (Architecture::Arm64, upper.split_once("_ARM_64")?.0)
    };
    let build = match system {
        "AL2" | "AL2023" | "BOTTLEROCKET" => return Some(Meaning::new(Os::Linux, architecture)),
        "WINDOWS_CORE_2019" | "WINDOWS_FULL_2019" => "10.0.17763",
        "WINDOWS_CORE_2022" | "WINDOWS_FULL_2022" => "10.0.20348",
        "WINDOWS_CORE_2025" | "WINDOWS_FULL_2025" => "10.0.26100",
        _ => return None,
    };
    let meaning = Meaning { version: Some(Cow::Borrowed(build)), ..Meaning::new(Os::Windows, architecture) };
    (architecture == Architecture::Amd64).then_some(meaning)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::vocabulary::ROWS;

    #[test]
    fn the_ec2_rule_agrees_with_the_table_but_for_the_first_arm_family() {
        let families = ROWS.iter().filter(|row| row.vocabulary == Vocabulary::Ec2InstanceFamily);
        let mut read = 0;
        for row in families {
            let Some(by_rule) = ec2_family(row.name) else { continue };
            assert_eq!(by_rule.architecture, row.architecture, "{}", row.name);
            read += 1;
        }
        assert!(read > 165, "{read}");
        assert!(ec2_family("a1").is_none());
    }

    #[test]
    fn the_azure_rule_reads_only_what_azure_could_have_named() {
        let architecture = |size| azure_size(size).and_then(|meaning| meaning.architecture);
        assert_eq!(architecture("Standard_D4plds_v5"), Some(Architecture::Arm64));
        assert_eq!(architecture("Standard_NP10s"), Some(Architecture::Amd64));
        assert_eq!(architecture("Standard_M8-2ms"), Some(Architecture::Amd64));
        assert_eq!(architecture("Standard_HB120-16rs_v3"), Some(Architecture::Amd64));
        for wrong in [
            "Standard_",
            "Standard_P4s_v5",
            "Standard_D4pS_v5",
            "Standard_D4s_5",
            "standard_D2s_v3",
            "D2s_v3",
        ] {
            assert_eq!(architecture(wrong), None, "{wrong}");
        }
    }
}
