//! The parser of platforms.
//!
//! Names of operating systems, architectures and variants are read in any case, as containerd's `platforms.Parse` does
//! (`normalizeOS` and `normalizeArch` in its database.go lower them). An os.version and os.features keep their case.

use super::{Platform, PlatformError, options};
use crate::architecture::Architecture;
use crate::excerpt::Excerpt;
use crate::nearest::similar;
use crate::os::Os;

/// The greatest length of a platform in bytes. Real platforms have at most about 50.
const LONGEST: usize = 256;

pub(crate) fn platform(text: &str) -> Result<Platform, PlatformError> {
    check_text(text)?;
    // `split` returns at least one part, which may be empty.
    let mut parts = text.split('/');
    let (system, architecture, variant) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    if parts.next().is_some() {
        return Err(PlatformError::TooManyParts { given: Excerpt::new(text) });
    }
    if system.is_empty() || architecture == Some("") || variant == Some("") {
        return Err(PlatformError::EmptyPart { given: Excerpt::new(text) });
    }
    let Some(architecture) = architecture else {
        return Err(one_part(text));
    };
    // Before the names are looked up, so that the error tells what such an entry is for.
    if system.eq_ignore_ascii_case("unknown") && architecture.eq_ignore_ascii_case("unknown") {
        return Err(PlatformError::Attestation);
    }
    let (os, os_version, os_features) =
        operating_system(system).map_err(|error| without_system(system, text).unwrap_or(error))?;
    let (architecture, implied) = self::architecture(os, architecture)?;
    let variant = match (variant, implied) {
        (None, implied) => implied,
        (Some(text), None) => Some(self::variant(architecture, text)?),
        // `linux/armhf/v7` says the same twice, which containerd accepts.
        (Some(given), Some(implied))
            if architecture.variant(&given.to_ascii_lowercase()) == Some(implied) =>
        {
            Some(implied)
        }
        (Some(_), Some(implied)) => {
            let meant = format!("{os}/{architecture}/{implied}");
            return Err(PlatformError::VariantTwice { given: Excerpt::new(text), meant });
        }
    };
    Ok(Platform { os, architecture, variant, os_version, os_features })
}

/// Returns the variant of `architecture` that `text` spells.
pub(crate) fn variant(architecture: Architecture, text: &str) -> Result<&'static str, PlatformError> {
    architecture
        .variant(&text.to_ascii_lowercase())
        .ok_or_else(|| PlatformError::UnknownVariant { architecture, given: Excerpt::new(text) })
}

/// Verifies the text as a whole, before it is divided into parts.
fn check_text(text: &str) -> Result<(), PlatformError> {
    let given = || Excerpt::new(text);
    if text.trim().is_empty() {
        return Err(PlatformError::Empty);
    }
    if text.len() > LONGEST {
        return Err(PlatformError::TooLong { given: given(), length: text.len(), limit: LONGEST });
    }
    if text.trim() != text {
        return Err(PlatformError::Blanks { given: given(), trimmed: text.trim().to_owned() });
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/._-()+%".contains(c);
    if let Some((position, character)) = text.char_indices().find(|(_, c)| !allowed(*c)) {
        return Err(PlatformError::InvalidCharacter { given: given(), character, position });
    }
    Ok(())
}

/// Returns the error for a text without a slash: half a platform, or a name from another vocabulary.
fn one_part(text: &str) -> PlatformError {
    let example = if named_os(text).is_some() { format!("{text}/amd64") } else { format!("linux/{text}") };
    match platform(&example) {
        Ok(platform) => PlatformError::OnePart { given: Excerpt::new(text), example: platform.to_string() },
        Err(_) => {
            let mut nearest = similar(text, Os::ALL.iter().map(|os| os.as_str()));
            nearest.extend(similar(text, Architecture::ALL.iter().map(|name| name.as_str())));
            PlatformError::NoPlatform { given: Excerpt::new(text), nearest }
        }
    }
}

/// Returns the error for `architecture/variant`, which lacks the operating system.
fn without_system(first: &str, text: &str) -> Option<PlatformError> {
    let name = first.to_ascii_lowercase();
    Architecture::from_name(&name).or(Architecture::from_alias(&name).map(|(name, _)| name))?;
    match platform(&format!("linux/{text}")) {
        Ok(meant) => Some(PlatformError::MissingOs { given: Excerpt::new(text), meant: meant.to_string() }),
        Err(error @ PlatformError::UnknownVariant { .. }) => Some(error),
        Err(_) => None,
    }
}

type System = (Os, Option<String>, Vec<String>);

/// Parses `os[(version[+feature…])]`.
fn operating_system(text: &str) -> Result<System, PlatformError> {
    let invalid = || PlatformError::InvalidOptions { given: Excerpt::new(text) };
    let (name, options) = match text.split_once('(') {
        Some((name, rest)) => (name, Some(rest.strip_suffix(')').ok_or_else(invalid)?)),
        None => (text, None),
    };
    let os = named_os(name).ok_or_else(|| unknown_os(name))?;
    let Some(options) = options else {
        return Ok((os, None, Vec::new()));
    };
    let mut parts = options.split('+');
    let version = options::decode(parts.next().unwrap_or_default()).ok_or_else(invalid)?;
    let features: Vec<String> = parts
        .map(|part| options::decode(part).filter(|feature| !feature.is_empty()))
        .collect::<Option<_>>()
        .ok_or_else(invalid)?;
    if version.is_empty() && features.is_empty() {
        return Err(PlatformError::EmptyOptions { os });
    }
    Ok((os, Some(version).filter(|version| !version.is_empty()), features))
}

fn named_os(name: &str) -> Option<Os> {
    let name = name.to_ascii_lowercase();
    Os::from_name(&name).or_else(|| Os::from_alias(&name))
}

fn unknown_os(name: &str) -> PlatformError {
    let nearest = similar(name, Os::ALL.iter().map(|os| os.as_str()));
    PlatformError::UnknownOs { given: Excerpt::new(name), nearest }
}

fn architecture(os: Os, name: &str) -> Result<(Architecture, Option<&'static str>), PlatformError> {
    let lower = name.to_ascii_lowercase();
    if let Some(architecture) = Architecture::from_name(&lower) {
        return Ok((architecture, None));
    }
    if let Some(alias) = Architecture::from_alias(&lower) {
        return Ok(alias);
    }
    if let Some((architecture, variant)) = Architecture::from_other_spelling(&lower) {
        let variant = variant.map(|variant| format!("/{variant}")).unwrap_or_default();
        let meant = format!("{os}/{architecture}{variant}");
        return Err(PlatformError::ForeignSpelling { given: Excerpt::new(name), meant });
    }
    let nearest = similar(name, Architecture::ALL.iter().map(|name| name.as_str()));
    Err(PlatformError::UnknownArchitecture { given: Excerpt::new(name), nearest })
}
