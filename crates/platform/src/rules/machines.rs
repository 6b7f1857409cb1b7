//! The names of single machines of Apple and Raspberry Pi.

use crate::architecture::Architecture;
use crate::facts::{Facts, row};
use crate::os::Os;
use crate::rules::hosts::is_number;
use crate::vocabulary::Vocabulary;

/// Apple's model identifiers with the first number that is Apple silicon; `None` if no model is.
const MODELS: &[(&str, Option<u8>)] = &[
    ("MacBookPro", Some(17)),
    ("MacBookAir", Some(10)),
    ("MacBook", None),
    ("Macmini", Some(9)),
    ("MacPro", None),
    ("iMacPro", None),
    ("iMac", Some(21)),
    // All models since 2022 have this name.
    ("Mac", Some(13)),
];

/// Reads a chip as `sysctl machdep.cpu.brand_string` prints it, such as `Apple M3 Pro`, or a model as `sysctl hw.model`
/// prints it, such as `MacBookPro18,3`.
pub(super) fn mac(text: &str) -> Option<Facts> {
    if let Some(chip) = text.strip_prefix("Apple M") {
        let (number, kind) = chip.split_once(' ').map_or((chip, ""), |(number, kind)| (number, kind));
        let known = is_number(number) && number.len() < 3 && matches!(kind, "" | "Pro" | "Max" | "Ultra");
        return known.then(apple_silicon);
    }
    let (name, revision) = text.split_once(',')?;
    let digits = name.find(|letter: char| letter.is_ascii_digit())?;
    let (model, number) = name.split_at_checked(digits)?;
    let (_, first) = MODELS.iter().find(|(known, _)| *known == model)?;
    let number: u8 = Some(number).filter(|number| is_number(number))?.parse().ok()?;
    if !is_number(revision) || revision.len() > 2 {
        return None;
    }
    match first {
        Some(first) if number >= *first => Some(apple_silicon()),
        _ if model == "Mac" => None,
        _ => Some(Facts { bits32: None, ..Facts::new(Os::Darwin, Architecture::Amd64) }),
    }
}

/// Returns the facts of the M1, whose features all later chips have.
fn apple_silicon() -> Facts {
    Facts { level: Some("v8.4"), bits32: Some(false), ..Facts::new(Os::Darwin, Architecture::Arm64) }
        .note("uname -m says arm64, or x86_64 inside Rosetta")
}

/// Reads the model of the device tree, such as `Raspberry Pi 4 Model B Rev 1.4`. The revision matters for few models, a
/// plus is spelled out, and the first model has no number.
pub(super) fn raspberry_pi(text: &str) -> Option<Facts> {
    let (name, revision) = text.strip_prefix("Raspberry Pi ")?.rsplit_once(" Rev ")?;
    if revision.len() > 4 || !revision.split('.').all(is_number) {
        return None;
    }
    let first = if name.starts_with("Model ") { "1 " } else { "" };
    let name = format!("Raspberry Pi {first}{}", name.replace(" Plus", "+"));
    row(&format!("{name} rev {revision}"), Vocabulary::RaspberryPiModel)
        .or_else(|| row(&name, Vocabulary::RaspberryPiModel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_model_decides_its_processor() {
        let architecture = |text: &str| mac(text).and_then(|facts| facts.architecture);
        for text in ["Apple M3", "Apple M1 Ultra", "MacBookPro18,3", "Macmini9,1", "Mac14,2", "iMac21,1"] {
            assert_eq!(architecture(text), Some(Architecture::Arm64), "{text}");
        }
        for text in ["MacBookPro16,1", "Macmini8,1", "MacPro7,1", "iMac20,2", "MacBook10,1", "iMacPro1,1"] {
            assert_eq!(architecture(text), Some(Architecture::Amd64), "{text}");
        }
        for text in
            ["Apple M", "Apple M3 Nope", "Mac1,1", "MacBookPro,3", "MacNope14,2", "Mac14,", "Apple A12"]
        {
            assert_eq!(architecture(text), None, "{text}");
        }
    }

    #[test]
    fn models_of_the_device_tree_have_a_revision() {
        let read = |text: &str| raspberry_pi(text).map(|pi| (pi.architecture, pi.variant));
        let arm64 = Some((Some(Architecture::Arm64), None));
        assert_eq!(read("Raspberry Pi 4 Model B Rev 1.4"), arm64);
        assert_eq!(read("Raspberry Pi 3 Model B Plus Rev 1.3"), arm64);
        assert_eq!(read("Raspberry Pi 2 Model B Rev 1.2"), arm64);
        assert_eq!(read("Raspberry Pi 2 Model B Rev 1.1"), Some((Some(Architecture::Arm), Some("v7"))));
        assert_eq!(read("Raspberry Pi Model B Rev 2"), Some((Some(Architecture::Arm), Some("v6"))));
        assert_eq!(read("Raspberry Pi 9 Rev 1.0"), None);
        assert_eq!(read("Raspberry Pi 4 Model B Rev x"), None);
    }
}
