//! The vocabularies of containerd, OCI and docker.

use crate::architecture::Architecture;
use crate::facts::Facts;
use crate::os::Os;
use crate::platform::Platform;

/// Reads `os[(version)]/architecture[/variant]`.
pub(super) fn oci_platform(text: &str) -> Option<Facts> {
    if !text.contains('/') {
        return None;
    }
    let platform = Platform::parse(text).ok()?;
    let note = match (platform.os, platform.architecture, platform.variant) {
        (Os::Windows, _, _) if platform.os_version.is_none() => {
            Some("without an os.version it is unclear which Windows hosts run it: write windows(10.0.20348)")
        }
        (Os::Windows, _, _) if !is_build(platform.os_version()) => {
            Some("the os.version is not a build such as 10.0.20348: no versioned Windows host accepts it")
        }
        (_, Architecture::Riscv64 | Architecture::Ppc64le, Some(_)) => {
            Some("containerd accepts this variant only on a host that names exactly the same one")
        }
        (_, Architecture::Arm, None) => Some("containerd reads arm without a version as v7"),
        (_, Architecture::Arm, Some("v8" | "8")) => Some("32-bit programs on an ARMv8 processor, not arm64"),
        (Os::Wasi, _, _) => Some("Go names it wasip1"),
        _ => None,
    };
    Some(Facts::of(&platform).note(note))
}

/// Reads the platform of an image in Cross.toml. cross-rs does not lower its names as containerd does.
pub(super) fn cross_platform(text: &str) -> Option<Facts> {
    oci_platform(text).filter(|_| !text.bytes().any(|byte| byte.is_ascii_uppercase()))
}

/// Returns whether containerd reads the version: three numbers with dots between them, of 8, 8 and 16 bits.
fn is_build(version: Option<&str>) -> bool {
    version.is_some_and(|version| {
        let mut parts = version.split('.');
        let mut number =
            |max: u32| parts.next().and_then(|part| part.parse().ok()).is_some_and(|n: u32| n <= max);
        number(255) && number(255) && number(65_535)
    })
}

/// Reads an architecture by itself. containerd takes the operating system from the host.
pub(super) fn architecture_specifier(text: &str) -> Option<Facts> {
    let known = |text: &str| {
        Architecture::from_alias(text).or_else(|| Architecture::from_name(text).map(|name| (name, None)))
    };
    let (architecture, variant) = known(text).or_else(|| known(&lowered(text)?))?;
    let variant = architecture.normal_variant(variant);
    Some(
        Facts::new(None, architecture)
            .variant(variant)
            .note("containerd takes the operating system from the host"),
    )
}

/// Returns a short text in lower case if it has capital letters.
fn lowered(text: &str) -> Option<String> {
    let capital = text.len() <= 16 && text.bytes().any(|byte| byte.is_ascii_uppercase());
    capital.then(|| text.to_ascii_lowercase())
}

/// Reads an operating system by itself, in any case. containerd takes the architecture from the host.
pub(super) fn os_specifier(text: &str) -> Option<Facts> {
    let known = |text: &str| Os::from_name(text).or_else(|| Os::from_alias(text));
    let os = known(text).or_else(|| known(&lowered(text)?))?;
    (!matches!(os, Os::Wasi | Os::Wasip1)).then(|| Facts::new(os, None))
}

/// Reads `os-architecture[variant]`, to which the cross-compilation helper xx sets `TARGETPAIR`.
pub(super) fn target_pair(text: &str) -> Option<Facts> {
    let (os, rest) = text.split_once('-')?;
    let os = Os::from_name(os)?;
    let architecture = Architecture::ALL
        .iter()
        .copied()
        .filter(|name| rest.starts_with(name.as_str()))
        // The longest name, since `arm64` begins with `arm`.
        .max_by_key(|name| name.as_str().len())?;
    let variant = match rest.strip_prefix(architecture.as_str())? {
        "" => None,
        variant => {
            Some(architecture.variant(variant).filter(|variant| variant.starts_with(['v', 'r', 'p']))?)
        }
    };
    let platform = Platform { variant, ..Platform::new(os, architecture) };
    Some(Facts::of(&platform))
}
