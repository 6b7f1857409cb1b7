//! The processor of a node, as far as glibc chooses directories by it.

use crossdock_platform::Architecture;

use crate::Target;
use crate::level::Level;

/// A processor for which glibc chooses directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Processor {
    /// The feature that distinguishes it, for messages: `x86-64-v3`.
    pub(crate) name: String,
    /// The directories below `glibc-hwcaps`, best first.
    pub(super) hwcaps: Vec<&'static str>,
    /// The subdirectories that glibc before 2.37 searches, best first.
    pub(super) legacy: &'static [&'static str],
    /// The value of `$PLATFORM`; `None` if the kernel chooses it.
    pub(super) platform: Option<&'static str>,
}

/// The subdirectories that glibc before 2.37 searches on every amd64 processor: its hardware capability and its platform
/// have the same name.
const LEGACY_AMD64: &[&str] = &["tls/x86_64/x86_64", "tls/x86_64", "tls", "x86_64/x86_64", "x86_64"];

/// The subdirectory that glibc before 2.37 searches on every processor. Other machines have more, which depend on the
/// processor.
const LEGACY_ANY: &[&str] = &["tls"];

/// Those on Intel's processors with AVX2, whose platform is `haswell` (`init_cpu_features` of
/// sysdeps/x86/cpu-features.c), and in addition those with AVX-512.
const LEGACY_HASWELL: &[&str] =
    &["tls/haswell/x86_64", "tls/haswell", "tls/x86_64", "tls", "haswell/x86_64", "haswell", "x86_64"];
const LEGACY_AVX512: &[&str] = &[
    "tls/haswell/avx512_1/x86_64",
    "tls/haswell/avx512_1",
    "tls/haswell/x86_64",
    "tls/haswell",
    "tls/avx512_1/x86_64",
    "tls/avx512_1",
    "tls/x86_64",
    "tls",
    "haswell/avx512_1/x86_64",
    "haswell/avx512_1",
    "haswell/x86_64",
    "haswell",
    "avx512_1/x86_64",
    "avx512_1",
    "x86_64",
];

/// The first parts of all subdirectories for certain processors.
pub(crate) const SUBDIRECTORIES: &[&str] = &["glibc-hwcaps", "tls", "x86_64", "haswell", "avx512_1"];

impl Processor {
    /// Returns the processor that every node of the target has at least.
    pub(crate) fn guaranteed(target: &Target) -> Processor {
        Processor::of_rank(target.architecture(), guaranteed_rank(target))
    }

    /// Returns the processors that nodes of the target may have and for which glibc searches other directories, lowest
    /// first.
    pub(crate) fn others(target: &Target) -> Vec<Processor> {
        let (architecture, rank) = (target.architecture(), guaranteed_rank(target));
        let better = rank + 1..=hwcaps(architecture).len();
        let mut found: Vec<Processor> = better.map(|rank| Processor::of_rank(architecture, rank)).collect();
        if architecture == Architecture::Amd64 {
            let intel = [(2, "Intel's x86-64-v3", LEGACY_HASWELL), (3, "Intel's x86-64-v4", LEGACY_AVX512)];
            found.extend(intel.into_iter().filter(|(level, ..)| *level >= rank).map(
                |(level, name, legacy)| {
                    let same = Processor::of_rank(architecture, level);
                    Processor { name: name.to_owned(), legacy, platform: Some("haswell"), ..same }
                },
            ));
        }
        found
    }

    /// Returns the processor that uses this many of the architecture's `glibc-hwcaps` directories.
    fn of_rank(architecture: Architecture, rank: usize) -> Processor {
        let used = &hwcaps(architecture)[..rank];
        let platform = match (architecture, rank) {
            (Architecture::Amd64, _) => Some("x86_64"),
            (Architecture::Arm64, _) => Some("aarch64"),
            (Architecture::Ppc64le, 0) => Some("power8"),
            (Architecture::Ppc64le | Architecture::S390x, 1..) => used.last().copied(),
            _ => None,
        };
        Processor {
            name: used.last().map_or_else(|| architecture.to_string(), |name| (*name).to_owned()),
            hwcaps: used.iter().rev().copied().collect(),
            legacy: if architecture == Architecture::Amd64 { LEGACY_AMD64 } else { LEGACY_ANY },
            platform,
        }
    }
}

/// Returns the directories below `glibc-hwcaps` of an architecture, lowest first (`dl-hwcaps-subdirs.c` of each).
fn hwcaps(architecture: Architecture) -> &'static [&'static str] {
    match architecture {
        Architecture::Amd64 => &["x86-64-v2", "x86-64-v3", "x86-64-v4"],
        Architecture::Ppc64le => &["power9", "power10"],
        Architecture::S390x => &["z13", "z14", "z15", "z16"],
        _ => &[],
    }
}

/// Returns the number of `glibc-hwcaps` directories that every node of the target uses.
fn guaranteed_rank(target: &Target) -> usize {
    let architecture = target.architecture();
    let Some((level, _)) = target.level() else { return 0 };
    let is_included = |name: &&&str| {
        let name = name.strip_prefix("x86-64-").unwrap_or(name);
        Level::parse(architecture, name).is_some_and(|needed| level.includes(needed))
    };
    hwcaps(architecture).iter().take_while(is_included).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(platform: &str) -> Target {
        Target::new(&crossdock_platform::Platform::parse(platform).unwrap())
    }

    fn names(processors: &[Processor]) -> Vec<&str> {
        processors.iter().map(|processor| processor.name.as_str()).collect()
    }

    #[test]
    fn the_guaranteed_processor_is_that_of_the_platform() {
        for (platform, hwcaps) in [
            ("linux/amd64", &[][..]),
            ("linux/amd64/v3", &["x86-64-v3", "x86-64-v2"]),
            ("linux/ppc64le", &[]),
            ("linux/s390x", &[]),
            ("linux/arm64", &[]),
        ] {
            assert_eq!(Processor::guaranteed(&target(platform)).hwcaps, hwcaps, "{platform}");
        }
    }

    #[test]
    fn other_processors_are_the_better_ones() {
        for (platform, expected) in [
            (
                "linux/amd64",
                &["x86-64-v2", "x86-64-v3", "x86-64-v4", "Intel's x86-64-v3", "Intel's x86-64-v4"][..],
            ),
            ("linux/amd64/v3", &["x86-64-v4", "Intel's x86-64-v3", "Intel's x86-64-v4"]),
            ("linux/amd64/v4", &["Intel's x86-64-v4"]),
            ("linux/ppc64le", &["power9", "power10"]),
            ("linux/s390x", &["z13", "z14", "z15", "z16"]),
            ("linux/arm64", &[]),
        ] {
            assert_eq!(names(&Processor::others(&target(platform))), expected, "{platform}");
        }
    }
}
