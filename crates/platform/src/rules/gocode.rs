//! The vocabularies of Go and its tools.

use crate::abi::FloatAbi;
use crate::architecture::Architecture;
use crate::facts::Facts;
use crate::go_level::{go_level_variable, known_level};
use crate::os::Os;
use crate::platform::Platform;
use crate::tables::PlatformSpec;

/// Reads `GOOS/GOARCH`, as `go tool dist list` prints it.
pub(super) fn dist(text: &str) -> Option<Facts> {
    let (os, architecture) = text.split_once('/')?;
    port(os, architecture).map(|platform| {
        let note = (platform.architecture == Architecture::Arm).then_some("GOARM is 7 unless it is set");
        Facts::of(&platform).note(note)
    })
}

/// Returns the platform of a Go port; `None` if Go has no such port.
pub(crate) fn port(os: &str, architecture: &str) -> Option<Platform> {
    let platform = Platform::new(Os::from_name(os)?, Architecture::from_name(architecture)?).normalized();
    PlatformSpec::find(&platform).map(|_| platform)
}

fn level(variable: &str, text: &str) -> Option<&'static str> {
    known_level(variable, text)
}

pub(super) fn goamd64(text: &str) -> Option<Facts> {
    let level = level("GOAMD64", text)?;
    Some(plain(Architecture::Amd64, level))
}

/// Returns the facts of an architecture at a level: the variant in normal form, `None` for the baseline.
fn plain(architecture: Architecture, level: &'static str) -> Facts {
    let baseline = matches!(level, "v8.0" | "v1" | "rva20u64" | "power8");
    let variant = if baseline { None } else { architecture.normal_variant(Some(level)) };
    Facts::new(None, architecture).variant(variant)
}

pub(super) fn goarm(text: &str) -> Option<Facts> {
    let level = level("GOARM", text)?;
    let float = match (text.split_once(','), level) {
        (Some((_, "softfloat")), _) | (None, "5") => FloatAbi::Soft,
        _ => FloatAbi::Hard,
    };
    let variant = Architecture::Arm.normal_variant(Some(level));
    let facts =
        Facts::new(None, Architecture::Arm).variant(variant).note("OCI has no name for the float ABI");
    Some(Facts { float: Some(float), ..facts })
}

pub(super) fn goarm64(text: &str) -> Option<Facts> {
    let level = level("GOARM64", text)?;
    let note = match (text.contains(','), level) {
        (true, _) => Some("OCI has no name for the options after the comma"),
        (false, "v8.0") => None,
        (false, _) => Some("LSE atomics are used"),
    };
    Some(plain(Architecture::Arm64, level).note(note))
}

pub(super) fn goriscv64(text: &str) -> Option<Facts> {
    level("GORISCV64", text).map(|level| plain(Architecture::Riscv64, level))
}

pub(super) fn goppc64(text: &str) -> Option<Facts> {
    level("GOPPC64", text)
        .map(|level| plain(Architecture::Ppc64le, level).note("it is the level of ppc64 too"))
}

pub(super) fn gomips(text: &str) -> Option<Facts> {
    mips("GOMIPS", Architecture::Mips, text).map(|facts| facts.note("it is the float ABI of mipsle too"))
}

pub(super) fn gomips64(text: &str) -> Option<Facts> {
    mips("GOMIPS64", Architecture::Mips64, text)
        .map(|facts| facts.note("it is the float ABI of mips64le too"))
}

fn mips(variable: &str, architecture: Architecture, text: &str) -> Option<Facts> {
    let float = if level(variable, text)? == "softfloat" { FloatAbi::Soft } else { FloatAbi::Hard };
    Some(Facts { float: Some(float), ..Facts::new(None, architecture) })
}

pub(super) fn go386(text: &str) -> Option<Facts> {
    let float = (level("GO386", text)? == "softfloat").then_some(FloatAbi::Soft);
    Some(Facts { float, ..Facts::new(None, Architecture::I386) })
}

/// Reads `GOOS_GOARCH[_level]`, the names of goreleaser's targets.
pub(super) fn goreleaser(text: &str) -> Option<Facts> {
    let mut parts = text.splitn(3, '_');
    let (os, architecture, given) = (parts.next()?, parts.next()?, parts.next());
    let platform = port(os, architecture)?;
    let architecture = platform.architecture;
    let Some(given) = given else {
        return Some(Facts::of(&platform));
    };
    let level = level(go_level_variable(architecture)?, given)?;
    Some(match architecture {
        Architecture::Amd64
        | Architecture::Arm64
        | Architecture::Ppc64
        | Architecture::Ppc64le
        | Architecture::Riscv64 => Facts { os: Some(platform.os), ..plain(architecture, level) },
        Architecture::Arm => Facts { os: Some(platform.os), ..goarm(given)? },
        Architecture::I386 => Facts { os: Some(platform.os), ..go386(given)? },
        _ => {
            let float = mips(go_level_variable(architecture)?, architecture, given)?.float;
            Facts { float, ..Facts::new(platform.os, architecture) }
        }
    })
}

/// Reads the `GOARCH` value of a Go port, with which Kubernetes labels nodes.
pub(super) fn goarch(text: &str) -> Option<Facts> {
    let architecture = Architecture::from_name(text).filter(|name| has_port(*name))?;
    let note = (architecture == Architecture::Arm).then_some("v6 and v7 have the same name here");
    Some(Facts::new(None, architecture).note(note))
}

/// Reads a `GOARCH` value of Bazel's rules_go, whose `arm` is the constraint `armv7`.
pub(super) fn rules_go(text: &str) -> Option<Facts> {
    let facts = goarch(text)?;
    let variant = if facts.architecture == Some(Architecture::Arm) { Some("v7") } else { None };
    Some(Facts { note: None, ..facts.variant(variant) })
}

pub(crate) fn has_port(architecture: Architecture) -> bool {
    crate::tables::PLATFORMS.iter().any(|row| row.platform.architecture == architecture)
}
