//! The naming rules of clouds' machines.

use std::borrow::Cow;

use crate::architecture::Architecture;
use crate::meaning::{Meaning, row};
use crate::os::Os;
use crate::rules::hosts::is_number;
use crate::rules::levels;
use crate::vocabulary::Vocabulary;

const GRACE: &str = "NVIDIA Grace, not verified";

const BY_RULE: &str = "the family is not in the table: its architecture follows from the naming rule";

/// The classes of EC2 families: the letters before the generation.
const EC2_CLASSES: &[&str] = &[
    "c", "d", "dl", "f", "g", "gr", "h", "hpc", "i", "im", "inf", "is", "m", "p", "r", "t", "trn", "u", "vt",
    "x", "z",
];

/// An EC2 family such as `m7g`: a `g` among the letters after the generation is AWS's own arm64 processor.
pub(super) fn ec2_family(text: &str) -> Option<Meaning> {
    let (stem, rest) = text.split_once('-').map_or((text, ""), |(stem, rest)| (stem, rest));
    if rest.strip_prefix("gb").is_some_and(|number| number.len() == 3 && is_number(number)) {
        let accelerated = stem.starts_with('p') && stem.ends_with('e') && ec2_family(stem).is_some();
        return accelerated.then(|| Meaning::new(None, Architecture::Arm64).note(GRACE));
    }
    if text != stem && rest != "flex" {
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
    let level = levels::ec2(class, rest.get(..1)?, attributes);
    Some(Meaning { level, ..Meaning::new(None, architecture).note(BY_RULE) })
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
    number.is_some_and(|number| number.len() <= 3 && is_number(number) && !number.starts_with('0'))
}

/// The shapes of GCE machine types that say how many processors or accelerators there are.
pub(crate) const GCE_SHAPES: &[&str] = &[
    "standard",
    "highmem",
    "highcpu",
    "megamem",
    "ultramem",
    "hypermem",
    "highgpu",
    "megagpu",
    "edgegpu",
    "ultragpu",
    "maxgpu",
    "hightpu",
    "lightload",
    "custom",
];

/// A GCE machine type such as `c4a-standard-8` or `a3-megagpu-8g-nolssd`: what counts is the family.
pub(super) fn gce_type(text: &str) -> Option<Meaning> {
    let (family, rest) = text.split_once('-')?;
    if family == "custom" {
        // Without a family it is N1's.
        let named = rest.contains('-') && is_gce_count(rest);
        return named.then(|| row("n1", Vocabulary::GceMachineFamily)).flatten();
    }
    let (shape, count) = rest.split_once('-').map_or((rest, None), |(shape, count)| (shape, Some(count)));
    let plausible = match count {
        None => matches!(shape, "micro" | "small" | "medium"),
        Some(count) => GCE_SHAPES.contains(&shape) && is_gce_count(count),
    };
    plausible.then(|| row(family, Vocabulary::GceMachineFamily)).flatten()
}

/// `8`, `8g` (accelerators), `4-8192` (megabytes), and after that what the machine has beside it.
fn is_gce_count(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    is_number(first.strip_suffix(['g', 't']).unwrap_or(first))
        && parts.all(|part| {
            is_number(part)
                || matches!(part, "ext" | "metal" | "lssd" | "nolssd" | "standardlssd" | "highlssd")
        })
}

/// The family letters of Azure sizes.
const AZURE_FAMILIES: &[&str] = &[
    "A", "B", "D", "DC", "DS", "E", "EC", "F", "FX", "G", "GS", "H", "HB", "HC", "HX", "L", "M", "MD", "N",
    "NC", "NCC", "ND", "NG", "NP", "NV", "PB",
];

/// What the letters after the number of processors may be: each is a feature, and stands once.
const AZURE_FEATURES: &[u8] = b"abcdefilmnoprstx";

/// The newest version that was recorded; the rule reads single digits above it.
const AZURE_NEWEST: u8 = 7;

/// `Standard_D4pls_v5`: a lower-case `p` after the number of processors is an Arm processor.
///
/// Azure reads its sizes in any case.
pub(super) fn azure_size(text: &str) -> Option<Meaning> {
    azure_cased(text).or_else(|| azure_cased(&recased(text)?))
}

/// A size in the case in which Azure writes it; none where its tier is none.
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
            // What is no version after all is no accelerator either.
            _ if part.len() < 4 && part.starts_with(['v', 'V']) => out.push_str(&part.to_ascii_lowercase()),
            _ => out.push_str(&part.to_ascii_uppercase()),
        }
    }
    Some(out)
}

fn azure_cased(text: &str) -> Option<Meaning> {
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
    let features = azure_features(parts.next()?)?;
    let mut version = None;
    for part in parts {
        match azure_version(part) {
            None if part == "Promo" => {}
            _ if version.is_some() => return None,
            Some(number) => version = Some(number),
            None if part.starts_with("GB") && is_accelerator(part) => {
                return Some(Meaning::new(None, Architecture::Arm64).note(GRACE));
            }
            None if is_accelerator(part) => {}
            // `M896ixds_32_v3` has a second number, and `DC16ads_cc_v5` runs confidential containers.
            None if (part == "cc" || (part.len() < 3 && is_number(part))) && text.contains("_v") => {}
            None => return None,
        }
    }
    Some(azure(family, features, version))
}

/// The letters after the number of processors, which a size with fewer of them than its machine repeats after a
/// hyphen: `8-2ms`.
fn azure_features(text: &str) -> Option<&str> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, features) = text.split_at_checked(digits(text))?;
    let features = match features.strip_prefix('-') {
        Some(rest) => rest.split_at_checked(digits(rest)).filter(|(number, _)| !number.is_empty())?.1,
        None => features,
    };
    let plausible =
        number.len() <= 4 && (number == "0" || !number.starts_with('0')) && are_azure_features(features);
    plausible.then_some(features)
}

fn are_azure_features(letters: &str) -> bool {
    let once = |(at, letter)| !letters.bytes().skip(at + 1).any(|other| other == letter);
    letters.bytes().all(|letter| AZURE_FEATURES.contains(&letter)) && letters.bytes().enumerate().all(once)
}

/// `v1` to `v9`: no size has a greater version.
fn azure_version(text: &str) -> Option<u8> {
    let number = text.strip_prefix('v').filter(|number| number.len() == 1 && is_number(number))?;
    number.parse().ok().filter(|version| *version > 0)
}

/// `A100`, `T4`, `NDR`
fn is_accelerator(part: &str) -> bool {
    part.starts_with(|letter: char| letter.is_ascii_uppercase())
        && part.len() <= 8
        && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// `Dpsv5`: the family, its features and its version.
pub(super) fn azure_family(text: &str) -> Option<Meaning> {
    let lower = text.find(|letter: char| !letter.is_ascii_uppercase())?;
    let (family, rest) = text.split_at_checked(lower)?;
    let (features, version) = rest.split_at_checked(rest.rfind('v')?)?;
    let plausible = AZURE_FAMILIES.contains(&family) && are_azure_features(features);
    let version = azure_version(version)?;
    plausible.then(|| azure(family, features, Some(version)))
}

fn azure(family: &str, features: &str, version: Option<u8>) -> Meaning {
    const NEWER: &str =
        "the version is newer than the recorded ones: its architecture follows from the naming rule";
    let newer = version.is_some_and(|version| version > AZURE_NEWEST).then_some(NEWER);
    if !features.contains('p') {
        let level = levels::azure(family, features, version);
        return Meaning { level, ..Meaning::new(None, Architecture::Amd64).note(newer) };
    }
    let meaning = Meaning::new(None, Architecture::Arm64).note(newer);
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
    let rest_of_shape = |part: &str| matches!(part, "Flex" | "Micro" | "Generic") || is_number(part);
    if !parts.clone().all(rest_of_shape) || parts.clone().count() > 2 {
        return None;
    }
    let amd64 =
        || Meaning { level: levels::oracle(class, series), ..Meaning::new(None, Architecture::Amd64) };
    match series.split_at_checked(1) {
        Some(("A", number)) if class_name == "Standard" => {
            let rest =
                text.find(number).and(text.get(..text.len() - parts.map(|p| p.len() + 1).sum::<usize>()))?;
            let newer = || is_number(number).then(|| Meaning::new(None, Architecture::Arm64).note(BY_RULE));
            row(rest, Vocabulary::OracleCloudShape).or_else(newer)
        }
        _ if class == "GPU" && is_oracle_gpu(series) => {
            let grace = series.starts_with("GB");
            let architecture = if grace { Architecture::Arm64 } else { Architecture::Amd64 };
            Some(Meaning::new(None, architecture).note(grace.then_some(GRACE)))
        }
        Some(("E", number)) if is_number(number) => Some(amd64()),
        _ if series == "Flex" || series.is_empty() || is_number(series) => {
            class.ends_with(|letter: char| letter.is_ascii_digit()).then(amd64)
        }
        _ => None,
    }
}

/// `H100`, `A100-v2`: the accelerator of a shape.
fn is_oracle_gpu(series: &str) -> bool {
    let (name, version) = series.split_once("-v").map_or((series, "2"), |(name, version)| (name, version));
    let numbered = name.bytes().any(|byte| byte.is_ascii_digit());
    numbered && is_accelerator(name) && version.len() == 1 && is_number(version)
}

/// The classes of Alibaba's families with processors of Intel and AMD.
const ALIBABA_CLASSES: &[&str] = &[
    "c", "d", "ebmc", "ebmg", "ebmgn", "ebmr", "f", "g", "gn", "hfc", "hfg", "hfr", "i", "r", "re", "s",
    "sgn", "t", "u", "vgn",
];

/// `ecs.g8y.large`, or the family alone: `y` and `r` after the generation are Arm processors, and others are in the
/// table or Intel's and AMD's.
pub(super) fn alibaba_family(text: &str) -> Option<Meaning> {
    let (family, size) = match text.strip_prefix("ecs.") {
        Some(rest) => rest.split_once('.').map_or((rest, None), |(family, size)| (family, Some(size))),
        None if text.contains('.') => return None,
        None => (text, None),
    };
    if !size.is_none_or(is_size) {
        return None;
    }
    row(family, Vocabulary::AlibabaEcsFamily).or_else(|| alibaba_amd64(family))
}

fn alibaba_amd64(family: &str) -> Option<Meaning> {
    let (class, rest) = family.split_at_checked(family.find(|letter: char| letter.is_ascii_digit())?)?;
    let (generation, attributes) = rest.split_at_checked(1)?;
    let known = ALIBABA_CLASSES.contains(&class)
        && generation != "0"
        && matches!(
            attributes,
            "" | "a" | "ae" | "e" | "h" | "i" | "ie" | "ne" | "nex" | "re" | "s" | "se" | "t"
        );
    known.then(|| Meaning::new(None, Architecture::Amd64).note(BY_RULE))
}

/// `AL2023_x86_64_STANDARD`, in any case: an image's system with the architecture in its name. Each of EKS's types
/// (`AMITypes` of its API) exists for these architectures alone.
pub(super) fn eks_ami(text: &str) -> Option<Meaning> {
    let plausible =
        text.len() <= 64 && text.contains("_64") && text.starts_with(['A', 'a', 'B', 'b', 'W', 'w']);
    if !plausible {
        return None;
    }
    let upper = text.to_ascii_uppercase();
    let (architecture, (system, kind)) = match upper.split_once("_X86_64") {
        Some(parts) => (Architecture::Amd64, parts),
        None => (Architecture::Arm64, upper.split_once("_ARM_64")?),
    };
    let arm = architecture == Architecture::Arm64;
    let exists = match system {
        "AL2" => kind.is_empty() || (kind == "_GPU" && !arm),
        "AL2023" => matches!(kind, "_STANDARD" | "_NVIDIA") || (kind == "_NEURON" && !arm),
        "BOTTLEROCKET" => matches!(kind, "" | "_FIPS" | "_NVIDIA" | "_NVIDIA_FIPS"),
        _ => kind.is_empty() && !arm,
    };
    if !exists {
        return None;
    }
    let build = match system {
        "AL2" | "AL2023" | "BOTTLEROCKET" => return Some(Meaning::new(Os::Linux, architecture)),
        "WINDOWS_CORE_2019" | "WINDOWS_FULL_2019" => "10.0.17763",
        "WINDOWS_CORE_2022" | "WINDOWS_FULL_2022" => "10.0.20348",
        "WINDOWS_CORE_2025" | "WINDOWS_FULL_2025" => "10.0.26100",
        _ => return None,
    };
    let meaning = Meaning { version: Some(Cow::Borrowed(build)), ..Meaning::new(Os::Windows, architecture) };
    Some(meaning)
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
