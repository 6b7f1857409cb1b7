//! The order of processor levels within an architecture.

use crossdock_platform::Architecture;

/// A processor level in a form that compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// A rank among levels of which each includes the lower ones: amd64, arm, riscv64, ppc64.
    Ordered(u32),
    /// An arm64 level: major, minor, and whether it has atomics (LSE) in addition.
    Arm64 { major: u32, minor: u32, has_lse: bool },
}

impl Level {
    /// Parses a level. `None` if the architecture has no level of this name.
    pub(crate) fn parse(architecture: Architecture, text: &str) -> Option<Level> {
        match architecture {
            Architecture::Amd64 => ordered(&["v1", "v2", "v3", "v4"], text),
            // The profiles of RISC-V and the generations of POWER each include the earlier ones.
            Architecture::Riscv64 => ordered(&["rva20u64", "rva22u64", "rva23u64"], text),
            Architecture::Ppc64 | Architecture::Ppc64le => {
                ordered(&["power8", "power9", "power10", "power11"], text)
            }
            Architecture::Arm | Architecture::Armbe => arm(text),
            Architecture::Arm64 | Architecture::Arm64be => arm64(text),
            _ => None,
        }
    }

    /// Returns the name of the level that every processor of an architecture has; `None` if the architecture has no
    /// levels.
    pub(crate) fn baseline_name(architecture: Architecture) -> Option<&'static str> {
        match architecture {
            Architecture::Amd64 => Some("v1"),
            Architecture::Arm64 | Architecture::Arm64be => Some("v8.0"),
            // containerd reads linux/arm without a variant as v7.
            Architecture::Arm | Architecture::Armbe => Some("v7"),
            Architecture::Riscv64 => Some("rva20u64"),
            Architecture::Ppc64 | Architecture::Ppc64le => Some("power8"),
            _ => None,
        }
    }

    /// Returns whether a processor of this level runs programs built for `needed`.
    pub(crate) fn includes(self, needed: Level) -> bool {
        match (self, needed) {
            (Level::Ordered(own), Level::Ordered(needed)) => own >= needed,
            (Level::Arm64 { .. }, Level::Arm64 { has_lse, .. }) => {
                // Arm makes the atomics (FEAT_LSE) mandatory in Armv8.1, so a level from there on has them without
                // naming them.
                let lse = Level::Arm64 { major: 8, minor: 1, has_lse: false };
                self.includes_arm64(needed) && (!has_lse || self.has_lse() || self.includes_arm64(lse))
            }
            _ => false,
        }
    }

    fn has_lse(self) -> bool {
        matches!(self, Level::Arm64 { has_lse: true, .. })
    }

    /// Compares two arm64 levels. v9.N includes v8.(N+5), according to Arm's manual, Go and containerd.
    fn includes_arm64(self, needed: Level) -> bool {
        let (Level::Arm64 { major, minor, .. }, Level::Arm64 { major: other_major, minor: other_minor, .. }) =
            (self, needed)
        else {
            return false;
        };
        match (major, other_major) {
            (9, 8) => minor + 5 >= other_minor,
            // Even v8.9 lacks what v9 adds, such as SVE2.
            (8, 9) => false,
            _ => major > other_major || (major == other_major && minor >= other_minor),
        }
    }
}

fn ordered(names: &[&str], text: &str) -> Option<Level> {
    let rank = names.iter().position(|name| *name == text)?;
    Some(Level::Ordered(u32::try_from(rank).ok()?))
}

/// Parses `v7`, `7` or Go's `7,softfloat`.
fn arm(text: &str) -> Option<Level> {
    let (version, float) = text.split_once(',').unwrap_or((text, "hardfloat"));
    if !["softfloat", "hardfloat"].contains(&float) {
        return None;
    }
    match version.strip_prefix('v').unwrap_or(version) {
        "4" => Some(Level::Ordered(4)),
        "5" => Some(Level::Ordered(5)),
        "6" => Some(Level::Ordered(6)),
        "7" => Some(Level::Ordered(7)),
        "8" => Some(Level::Ordered(8)),
        _ => None,
    }
}

/// Parses `v8`, `v8.2` or Go's `v8.0,lse,crypto`.
fn arm64(text: &str) -> Option<Level> {
    let mut words = text.split(',');
    let version = words.next()?.strip_prefix('v')?;
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    let (major, minor) = (major.parse().ok()?, minor.parse().ok()?);
    if !matches!((major, minor), (8, 0..=9) | (9, 0..=9)) {
        return None;
    }
    let mut has_lse = false;
    for word in words {
        match word {
            "lse" => has_lse = true,
            // Go accepts the word, and its compiler uses it nowhere (internal/buildcfg, as of 1.26): the program
            // needs no further instructions.
            "crypto" => {}
            _ => return None,
        }
    }
    Some(Level::Arm64 { major, minor, has_lse })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_include_the_lower_ones() {
        let cases = [
            (Architecture::Amd64, "v3", "v2", true),
            (Architecture::Amd64, "v1", "v2", false),
            (Architecture::Arm64, "v8.0", "v8.1", false),
            (Architecture::Arm64, "v8.1", "v8.0,lse", true),
            (Architecture::Arm64, "v8", "v8.0,lse", false),
            (Architecture::Arm64, "v9.0", "v8.5", true),
            (Architecture::Arm64, "v9.0", "v8.6", false),
            (Architecture::Arm64, "v8.9", "v9.0", false),
            (Architecture::Arm64, "v9", "v9.0,lse,crypto", true),
            (Architecture::Arm, "v6", "7", false),
            (Architecture::Arm, "v4", "5", false),
            (Architecture::Arm, "v7", "6,softfloat", true),
            (Architecture::Riscv64, "rva20u64", "rva22u64", false),
            (Architecture::Ppc64le, "power10", "power9", true),
        ];
        for (architecture, node, needed, expected) in cases {
            let level = |text| Level::parse(architecture, text).unwrap();
            assert_eq!(level(node).includes(level(needed)), expected, "{architecture} {node} {needed}");
        }
    }

    #[test]
    fn unknown_levels_are_refused() {
        for (architecture, text) in [
            (Architecture::Amd64, "v5"),
            (Architecture::Amd64, "3"),
            (Architecture::Arm, "v3"),
            (Architecture::Arm64, "8.0"),
            (Architecture::Arm64, "v8.0,x"),
            (Architecture::I386, "sse2"),
        ] {
            assert_eq!(Level::parse(architecture, text), None, "{architecture} {text}");
        }
    }
}
