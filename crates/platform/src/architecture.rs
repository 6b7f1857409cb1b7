//! Architectures and their variants.

use crate::closed_names::closed_names;

closed_names! {
    /// A processor architecture in Go's and OCI's spelling.
    ///
    /// The set consists of Go's `GOARCH` values and those that Go reserves, which is also containerd's list.
    pub enum Architecture {
        I386 = "386",
        Amd64 = "amd64",
        Amd64p32 = "amd64p32",
        Arm = "arm",
        Arm64 = "arm64",
        Arm64be = "arm64be",
        Armbe = "armbe",
        Loong64 = "loong64",
        Mips = "mips",
        Mips64 = "mips64",
        Mips64le = "mips64le",
        Mips64p32 = "mips64p32",
        Mips64p32le = "mips64p32le",
        Mipsle = "mipsle",
        Ppc = "ppc",
        Ppc64 = "ppc64",
        Ppc64le = "ppc64le",
        Riscv = "riscv",
        Riscv64 = "riscv64",
        S390 = "s390",
        S390x = "s390x",
        Sparc = "sparc",
        Sparc64 = "sparc64",
        Wasm = "wasm",
    }
}

/// The byte order of a processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endianness {
    /// The least significant byte comes first.
    Little,
    /// The most significant byte comes first.
    Big,
}

impl Endianness {
    /// Returns `little-endian` or `big-endian`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Little => "little-endian",
            Self::Big => "big-endian",
        }
    }
}

impl Architecture {
    /// Returns the width of a pointer in bits: 32 or 64.
    #[must_use]
    pub const fn pointer_width(self) -> u8 {
        match self {
            Self::I386
            | Self::Amd64p32
            | Self::Arm
            | Self::Armbe
            | Self::Mips
            | Self::Mips64p32
            | Self::Mips64p32le
            | Self::Mipsle
            | Self::Ppc
            | Self::Riscv
            | Self::S390
            | Self::Sparc
            | Self::Wasm => 32,
            Self::Amd64
            | Self::Arm64
            | Self::Arm64be
            | Self::Loong64
            | Self::Mips64
            | Self::Mips64le
            | Self::Ppc64
            | Self::Ppc64le
            | Self::Riscv64
            | Self::S390x
            | Self::Sparc64 => 64,
        }
    }

    /// Returns the byte order.
    #[must_use]
    pub const fn endianness(self) -> Endianness {
        match self {
            Self::Arm64be
            | Self::Armbe
            | Self::Mips
            | Self::Mips64
            | Self::Mips64p32
            | Self::Ppc
            | Self::Ppc64
            | Self::S390
            | Self::S390x
            | Self::Sparc
            | Self::Sparc64 => Endianness::Big,
            _ => Endianness::Little,
        }
    }

    /// Returns the variants of the architecture in canonical spelling, lowest first. The slice is empty if it has none.
    ///
    /// The variants are those of the table in the OCI image specification ("Platform Variants") and of containerd's
    /// lists of levels.
    #[must_use]
    pub const fn variants(self) -> &'static [&'static str] {
        match self {
            Self::Amd64 => &["v1", "v2", "v3", "v4"],
            Self::Arm => &["v4", "v5", "v6", "v7", "v8"],
            Self::Arm64 => &[
                "v8", "v8.1", "v8.2", "v8.3", "v8.4", "v8.5", "v8.6", "v8.7", "v8.8", "v8.9", "v9", "v9.1",
                "v9.2", "v9.3", "v9.4", "v9.5", "v9.6", "v9.7",
            ],
            Self::Ppc64 | Self::Ppc64le => &["power8", "power9", "power10"],
            Self::Riscv64 => &["rva20u64", "rva22u64", "rva23u64"],
            _ => &[],
        }
    }

    /// Returns the variant with this spelling, canonical or one that containerd translates (`8`, `v8.0`, `9.0`).
    pub(crate) fn variant(self, text: &str) -> Option<&'static str> {
        let others: &[&'static str] = match self {
            Self::Arm => &["5", "6", "7", "8"],
            Self::Arm64 => &["8", "v8.0", "9", "9.0", "v9.0"],
            _ => &[],
        };
        self.variants().iter().chain(others).copied().find(|known| *known == text)
    }

    /// Returns the architecture and variant of a spelling that containerd translates (`normalizeArch`).
    pub(crate) fn from_alias(spelling: &str) -> Option<(Self, Option<&'static str>)> {
        match spelling {
            "i386" => Some((Self::I386, None)),
            "x86_64" | "x86-64" => Some((Self::Amd64, None)),
            "aarch64" => Some((Self::Arm64, None)),
            // Debian's armhf is v7 too, Raspbian's and Alpine's is v6, and Debian's armel is v5. In a platform
            // containerd's meaning counts, which pulls the image.
            "armhf" => Some((Self::Arm, Some("v7"))),
            "armel" => Some((Self::Arm, Some("v6"))),
            _ => None,
        }
    }

    /// Returns the architecture and variant of a spelling that neither OCI nor containerd knows, but that other
    /// vocabularies use and that people therefore write in platforms. A name kept as it is, such as `riscv64gc`,
    /// makes a platform that no machine matches.
    pub(crate) fn from_other_spelling(name: &str) -> Option<(Self, Option<&'static str>)> {
        Some(match name {
            "x64" | "amd64v1" => (Self::Amd64, None),
            "amd64v2" => (Self::Amd64, Some("v2")),
            "amd64v3" => (Self::Amd64, Some("v3")),
            "amd64v4" => (Self::Amd64, Some("v4")),
            "x86" | "i486" | "i586" | "i686" | "ia32" | "x86_32" => (Self::I386, None),
            "arm64v8" | "armv8" | "armv9" => (Self::Arm64, None),
            "armv5" | "arm32v5" | "armv5l" | "armv5te" | "armv5tel" => (Self::Arm, Some("v5")),
            "armv6" | "arm32v6" | "armv6l" | "armv6hl" => (Self::Arm, Some("v6")),
            "armv7" | "arm32v7" | "armv7l" | "armv7a" | "armv7h" | "armv7hl" => (Self::Arm, Some("v7")),
            "armv8l" => (Self::Arm, Some("v8")),
            "loongarch64" => (Self::Loong64, None),
            "mips64el" => (Self::Mips64le, None),
            "mipsel" => (Self::Mipsle, None),
            "ppc64el" | "powerpc64le" => (Self::Ppc64le, None),
            "powerpc64" => (Self::Ppc64, None),
            "powerpc" => (Self::Ppc, None),
            "riscv64gc" => (Self::Riscv64, None),
            "wasm32" => (Self::Wasm, None),
            _ => return None,
        })
    }

    /// Returns the normal form of a variant, as containerd's `Normalize` does: `None` for the baseline of amd64 and
    /// arm64, and `v7` for arm without a variant.
    pub(crate) fn normal_variant(self, variant: Option<&'static str>) -> Option<&'static str> {
        match (self, variant) {
            (Self::Amd64, Some("v1")) | (Self::Arm64, Some("8" | "v8" | "v8.0")) => None,
            (Self::Arm64, Some("9" | "9.0" | "v9.0")) => Some("v9"),
            (Self::Arm, None | Some("7")) => Some("v7"),
            (Self::Arm, Some("5")) => Some("v5"),
            (Self::Arm, Some("6")) => Some("v6"),
            (Self::Arm, Some("8")) => Some("v8"),
            (_, variant) => variant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_round_trip() {
        for architecture in Architecture::ALL {
            assert_eq!(Architecture::from_name(architecture.as_str()), Some(*architecture));
            assert_eq!(Architecture::from_alias(architecture.as_str()), None);
        }
    }

    #[test]
    fn normalizing_a_variant_is_idempotent_and_stays_in_the_list() {
        for architecture in Architecture::ALL {
            for text in ["5", "6", "7", "8", "9", "9.0", "v8.0", "v9.0"].iter().chain(architecture.variants())
            {
                let Some(variant) = architecture.variant(text) else { continue };
                let normal = architecture.normal_variant(Some(variant));
                assert_eq!(architecture.normal_variant(normal), normal, "{architecture}/{variant}");
                assert!(normal.is_none_or(|normal| architecture.variants().contains(&normal)), "{normal:?}");
            }
        }
    }
}
