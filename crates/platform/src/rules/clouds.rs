//! The naming rules of the machines of EC2, GCE, Oracle and Alibaba, and of EKS images.

use std::borrow::Cow;

use crate::architecture::Architecture;
use crate::facts::{Facts, row};
use crate::os::Os;
use crate::rules::hosts::is_number;
use crate::rules::levels;
use crate::vocabulary::Vocabulary;

pub(super) const GRACE: &str = "NVIDIA Grace, not verified";

const BY_RULE: &str = "the family is not in the table: its architecture follows from the naming rule";

/// The classes of EC2 families: the letters before the generation.
const EC2_CLASSES: &[&str] = &[
    "c", "d", "dl", "f", "g", "gr", "h", "hpc", "i", "im", "inf", "is", "m", "p", "r", "t", "trn", "u", "vt",
    "x", "z",
];

/// Reads an EC2 family such as `m7g`. A `g` among the letters after the generation is AWS's own arm64 processor.
pub(super) fn ec2_family(text: &str) -> Option<Facts> {
    let (stem, rest) = text.split_once('-').map_or((text, ""), |(stem, rest)| (stem, rest));
    // GB200 and its like are Grace Blackwell: the accelerator's name tells the processor, and no letter of the family
    // does.
    if rest.strip_prefix("gb").is_some_and(|number| number.len() == 3 && is_number(number)) {
        let accelerated = stem.starts_with('p') && stem.ends_with('e') && ec2_family(stem).is_some();
        return accelerated.then(|| Facts::new(None, Architecture::Arm64).note(GRACE));
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
    // Each attribute occurs once, and at most one of them is the maker of the processor.
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
    Some(Facts { level, ..Facts::new(None, architecture).note(BY_RULE) })
}

/// Reads an EC2 instance type, which is a family and a size: `m7g.large`.
pub(super) fn ec2_type(text: &str) -> Option<Facts> {
    let (family, size) = text.split_once('.')?;
    if !is_size(size) {
        return None;
    }
    row(family, Vocabulary::Ec2InstanceFamily).or_else(|| ec2_family(family))
}

/// Returns whether the text is a size: `nano` to `xlarge`, `48xlarge`, `metal`, `metal-24xl`.
fn is_size(size: &str) -> bool {
    if matches!(size, "nano" | "micro" | "small" | "medium" | "large" | "xlarge" | "metal") {
        return true;
    }
    let number = size
        .strip_suffix("xlarge")
        .or_else(|| size.strip_prefix("metal-").and_then(|s| s.strip_suffix("xl")));
    number.is_some_and(|number| number.len() <= 3 && is_number(number) && !number.starts_with('0'))
}

/// The shapes of GCE machine types that a number of processors or accelerators follows.
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

/// Reads a GCE machine type such as `c4a-standard-8` or `a3-megagpu-8g-nolssd`. The family determines the processor.
pub(super) fn gce_type(text: &str) -> Option<Facts> {
    let (family, rest) = text.split_once('-')?;
    if family == "custom" {
        // A custom type without a family is one of N1.
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

/// Returns whether the text is a count: `8`, `8g` (accelerators), `4-8192` (megabytes), then the extras of the machine.
fn is_gce_count(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    is_number(first.strip_suffix(['g', 't']).unwrap_or(first))
        && parts.all(|part| {
            is_number(part)
                || matches!(part, "ext" | "metal" | "lssd" | "nolssd" | "standardlssd" | "highlssd")
        })
}

/// Returns whether the text may be an accelerator or a network: `A100`, `T4`, `NDR`.
pub(super) fn is_accelerator(part: &str) -> bool {
    part.starts_with(|letter: char| letter.is_ascii_uppercase())
        && part.len() <= 8
        && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Reads a shape such as `VM.Standard.A1.Flex`. The series letter A is Ampere, E is AMD, and the others are Intel.
pub(super) fn oracle_shape(text: &str) -> Option<Facts> {
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
    let amd64 = || Facts { level: levels::oracle(class, series), ..Facts::new(None, Architecture::Amd64) };
    match series.split_at_checked(1) {
        Some(("A", number)) if class_name == "Standard" => {
            let rest =
                text.find(number).and(text.get(..text.len() - parts.map(|p| p.len() + 1).sum::<usize>()))?;
            let newer = || is_number(number).then(|| Facts::new(None, Architecture::Arm64).note(BY_RULE));
            row(rest, Vocabulary::OracleCloudShape).or_else(newer)
        }
        _ if class == "GPU" && is_oracle_gpu(series) => {
            let grace = series.starts_with("GB");
            let architecture = if grace { Architecture::Arm64 } else { Architecture::Amd64 };
            Some(Facts::new(None, architecture).note(grace.then_some(GRACE)))
        }
        Some(("E", number)) if is_number(number) => Some(amd64()),
        _ if series == "Flex" || series.is_empty() || is_number(series) => {
            class.ends_with(|letter: char| letter.is_ascii_digit()).then(amd64)
        }
        _ => None,
    }
}

/// Returns whether the text is the accelerator of a shape: `H100`, `A100-v2`.
fn is_oracle_gpu(series: &str) -> bool {
    let (name, version) = series.split_once("-v").map_or((series, "2"), |(name, version)| (name, version));
    let numbered = name.bytes().any(|byte| byte.is_ascii_digit());
    numbered && is_accelerator(name) && version.len() == 1 && is_number(version)
}

/// The classes of Alibaba's families with Intel and AMD processors.
const ALIBABA_CLASSES: &[&str] = &[
    "c", "d", "ebmc", "ebmg", "ebmgn", "ebmr", "f", "g", "gn", "hfc", "hfg", "hfr", "i", "r", "re", "s",
    "sgn", "t", "u", "vgn",
];

/// Reads `ecs.g8y.large` or only the family. Families with Arm processors (`y` and `r` after the generation) are in the
/// table; all others have Intel or AMD processors.
pub(super) fn alibaba_family(text: &str) -> Option<Facts> {
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

fn alibaba_amd64(family: &str) -> Option<Facts> {
    let (class, rest) = family.split_at_checked(family.find(|letter: char| letter.is_ascii_digit())?)?;
    let (generation, attributes) = rest.split_at_checked(1)?;
    let known = ALIBABA_CLASSES.contains(&class)
        && generation != "0"
        && matches!(
            attributes,
            "" | "a" | "ae" | "e" | "h" | "i" | "ie" | "ne" | "nex" | "re" | "s" | "se" | "t"
        );
    known.then(|| Facts::new(None, Architecture::Amd64).note(BY_RULE))
}

/// Reads an `AMITypes` value of the EKS API in any case, such as `AL2023_x86_64_STANDARD`. Only the combinations of
/// system, architecture and kind that the API lists are known.
pub(super) fn eks_ami(text: &str) -> Option<Facts> {
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
        "AL2" | "AL2023" | "BOTTLEROCKET" => return Some(Facts::new(Os::Linux, architecture)),
        "WINDOWS_CORE_2019" | "WINDOWS_FULL_2019" => "10.0.17763",
        "WINDOWS_CORE_2022" | "WINDOWS_FULL_2022" => "10.0.20348",
        "WINDOWS_CORE_2025" | "WINDOWS_FULL_2025" => "10.0.26100",
        _ => return None,
    };
    let facts = Facts { version: Some(Cow::Borrowed(build)), ..Facts::new(Os::Windows, architecture) };
    Some(facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::ROWS;

    #[test]
    fn the_ec2_rule_agrees_with_the_table_except_for_the_first_arm_family() {
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
}
