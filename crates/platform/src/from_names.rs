//! Platforms and build targets from the names that hosts and other tools use.

use crate::abi::Linkage;
use crate::architecture::Architecture;
use crate::build_target::BuildTarget;
use crate::facts;
use crate::interpret::interpret;
use crate::interpretation::{Interpretation, PlatformFacts, UnknownDescription};
use crate::os::Os;
use crate::platform::Platform;
use crate::tables::{CrtStatic, RustSpec};
use crate::vocabulary::Vocabulary;

impl Platform {
    /// Returns the platform this code was compiled for, or `None` if Go and OCI have no name for it.
    ///
    /// The variant is unspecified. On 32-bit ARM that matters: stable Rust does not tell a program its ARM version, and
    /// containerd takes an unspecified one for v7. [`Platform::from_uname`] knows the version.
    ///
    /// ```
    /// use crossdock_platform::Platform;
    ///
    /// if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
    ///     assert_eq!(Platform::host(), Some(Platform::LINUX_AMD64));
    /// }
    /// ```
    #[must_use]
    pub fn host() -> Option<Self> {
        let os = facts::row(std::env::consts::OS, Vocabulary::RustCfgTargetOs)?.os?;
        let architecture = facts::row(std::env::consts::ARCH, Vocabulary::RustCfgTargetArch)?.architecture?;
        let big = cfg!(target_endian = "big");
        Some(Self::new(os, if big { big_endian(architecture) } else { architecture }))
    }

    /// Returns the platform of a host from what `uname -s` and `uname -m` print there.
    ///
    /// The result is the platform of the kernel. A 32-bit userland on a 64-bit kernel runs other programs.
    ///
    /// # Errors
    /// [`UnknownDescription`] if either is unknown, or if Go and OCI have no name for the machine.
    ///
    /// ```
    /// use crossdock_platform::Platform;
    ///
    /// assert_eq!(Platform::from_uname("Linux", "armv6l")?.to_string(), "linux/arm/v6");
    /// assert_eq!(Platform::from_uname("Darwin", "arm64")?.to_string(), "darwin/arm64");
    /// # Ok::<(), crossdock_platform::UnknownDescription>(())
    /// ```
    pub fn from_uname(system: &str, machine: &str) -> Result<Self, UnknownDescription> {
        let facts = exact(system, Some(Vocabulary::UnameS))?;
        let os = facts.os.ok_or_else(|| without_platform(system, &facts))?;
        let vocabulary = match os {
            Os::Darwin => Vocabulary::UnameMDarwin,
            Os::Freebsd => Vocabulary::UnameMFreebsd,
            Os::Solaris | Os::Illumos => Vocabulary::UnameMSunos,
            _ => Vocabulary::UnameMLinux,
        };
        let facts = PlatformFacts { os: Some(os), ..exact(machine, Some(vocabulary))? };
        facts.platform().ok_or_else(|| without_platform(machine, &facts))
    }

    /// Returns the platform that a name means in one vocabulary or, with `None`, in all of them. An operating system
    /// that the name does not state is assumed to be Linux.
    ///
    /// Use [`interpret`] to tell an ambiguous name from an unknown one, or to learn which facts are stated.
    ///
    /// # Errors
    /// [`UnknownDescription`] if the name is unknown, has several meanings, or means nothing that Go and OCI have a name
    /// for.
    ///
    /// Tables that keep the names they do not list make platforms that no machine matches. Here such a name is either
    /// translated or an error:
    ///
    /// ```
    /// use crossdock_platform::{Platform, Vocabulary};
    ///
    /// let named = |name, vocabulary| Platform::from_name(name, vocabulary).map(|platform| platform.to_string());
    /// assert_eq!(named("riscv64gc-unknown-linux-gnu", None)?, "linux/riscv64");
    /// assert_eq!(named("loongarch64", Some(Vocabulary::RpmArch))?, "linux/loong64");
    /// assert_eq!(named("x86", Some(Vocabulary::AlpineArch))?, "linux/386");
    /// assert_eq!(named("GOOS=linux GOARCH=arm GOARM=6", None)?, "linux/arm/v6");
    /// assert!(named("armhf", None).is_err(), "Debian and Alpine mean different versions by it");
    ///
    /// let error = Platform::parse("linux/riscv64gc").unwrap_err();
    /// assert_eq!(error.suggestions(), ["linux/riscv64"]);
    /// # Ok::<(), crossdock_platform::UnknownDescription>(())
    /// ```
    pub fn from_name(name: &str, vocabulary: Option<Vocabulary>) -> Result<Self, UnknownDescription> {
        let facts = exact(name, vocabulary)?;
        facts.platform_or_linux().map(|(platform, _)| platform).ok_or_else(|| without_platform(name, &facts))
    }
}

impl BuildTarget {
    /// Returns what a Rust target builds for, with its C library, float ABI and default linkage.
    ///
    /// # Errors
    /// [`UnknownDescription`] if rustc has no such target, or if Go and OCI have no name for its platform.
    ///
    /// ```
    /// use crossdock_platform::{BuildTarget, Libc, Linkage};
    ///
    /// let target = BuildTarget::from_rust_triple("armv7-unknown-linux-musleabihf")?;
    /// assert_eq!(target.platform().to_string(), "linux/arm/v7");
    /// assert_eq!((target.libc(), target.linkage()), (Libc::Musl, Linkage::Static));
    /// assert_eq!(target.names().alpine, Some("armv7"));
    /// # Ok::<(), crossdock_platform::UnknownDescription>(())
    /// ```
    pub fn from_rust_triple(triple: &str) -> Result<Self, UnknownDescription> {
        let facts = exact(triple, Some(Vocabulary::RustTriple))?;
        let linkage = match RustSpec::find(triple).map(|spec| spec.crt_static) {
            Some(CrtStatic::Default) => Linkage::Static,
            _ => Linkage::Dynamic,
        };
        // `target` by itself would take a triple without an operating system for one of Linux.
        facts.platform().and(facts.target(linkage)).ok_or_else(|| without_platform(triple, &facts))
    }
}

/// Returns the one meaning of a name.
fn exact(name: &str, vocabulary: Option<Vocabulary>) -> Result<PlatformFacts, UnknownDescription> {
    match interpret(name, vocabulary) {
        Interpretation::Exact(facts) => Ok(facts),
        Interpretation::Unknown(unknown) => Err(unknown),
        Interpretation::Ambiguous { candidates, why } => {
            let platforms = candidates.iter().filter_map(PlatformFacts::platform_or_linux);
            let nearest = platforms.map(|(platform, _)| platform.to_string()).collect();
            Err(UnknownDescription::new(&format!("`{name}` is ambiguous: {why}"), nearest))
        }
    }
}

/// The error for a known name without a platform; its note says why there is none.
fn without_platform(name: &str, facts: &PlatformFacts) -> UnknownDescription {
    let why = facts.notes.first().copied().unwrap_or("the name states no architecture");
    UnknownDescription::new(&format!("`{name}` is not a platform: {why}"), Vec::new())
}

/// `target_arch` is the same for both byte orders, and its vocabulary means the little-endian architecture by it.
const fn big_endian(architecture: Architecture) -> Architecture {
    match architecture {
        Architecture::Arm => Architecture::Armbe,
        Architecture::Arm64 => Architecture::Arm64be,
        Architecture::Mipsle => Architecture::Mips,
        Architecture::Mips64le => Architecture::Mips64,
        Architecture::Ppc64le => Architecture::Ppc64,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::Endianness;
    use crate::tables::{known_platforms, rust_targets};

    #[test]
    fn the_platform_of_the_host_has_its_width_and_byte_order() {
        let host = Platform::host().unwrap();
        assert_eq!(u32::from(host.architecture().pointer_width()), usize::BITS);
        let endianness = if cfg!(target_endian = "big") { Endianness::Big } else { Endianness::Little };
        assert_eq!(host.architecture().endianness(), endianness);
    }

    #[test]
    fn uname_keeps_the_version_of_32_bit_arm() {
        for (system, machine, platform) in [
            ("Linux", "x86_64", "linux/amd64"),
            ("Linux", "armv5tel", "linux/arm/v5"),
            ("Linux", "armv6l", "linux/arm/v6"),
            ("Linux", "armv7l", "linux/arm/v7"),
            ("Linux", "loongarch64", "linux/loong64"),
            ("FreeBSD", "amd64", "freebsd/amd64"),
            ("MINGW64_NT-10.0-19045", "x86_64", "windows/amd64"),
        ] {
            assert_eq!(Platform::from_uname(system, machine).unwrap().to_string(), platform);
        }
        for (system, machine, words) in [
            ("Linux", "ia64", "no Go port"),
            ("Haiku", "x86_64", "no Go port"),
            ("Linux", "x68_64", "x86_64"),
            ("Linus", "x86_64", "Linux"),
        ] {
            let error = Platform::from_uname(system, machine).unwrap_err().to_string();
            assert!(error.contains(words), "{system} {machine}: {error}");
        }
    }

    #[test]
    fn an_ambiguous_name_is_an_error_that_names_its_meanings() {
        let error = Platform::from_name("armhf", None).unwrap_err();
        assert!(error.why.contains("ambiguous"), "{error}");
        assert!(error.nearest.iter().any(|name| name == "linux/arm/v6"), "{error}");
        assert!(error.nearest.iter().any(|name| name == "linux/arm/v7"), "{error}");
    }

    #[test]
    fn every_rust_target_with_a_platform_becomes_a_build_target_of_that_platform() {
        for spec in rust_targets() {
            let target = BuildTarget::from_rust_triple(spec.triple);
            assert_eq!(
                target.ok().map(|target| target.platform().clone()),
                spec.platform(),
                "{}",
                spec.triple
            );
        }
    }

    #[test]
    fn the_rust_target_of_a_platform_leads_back_to_the_same_triple() {
        for platform in known_platforms() {
            for linkage in [Linkage::Static, Linkage::Dynamic] {
                let Ok(rust) = BuildTarget::new(platform.clone(), linkage).rust() else { continue };
                let back = BuildTarget::from_rust_triple(rust.triple).unwrap();
                assert_eq!(back.rust().unwrap().triple, rust.triple, "{platform}");
            }
        }
    }
}
