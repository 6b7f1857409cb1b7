//! The names that hosts and build services have for themselves.

use std::borrow::Cow;

use crate::abi::{GlibcVersion, Libc};
use crate::architecture::Architecture;
use crate::facts::{Facts, row};
use crate::os::Os;
use crate::vocabulary::Vocabulary;

/// Reads a Unix emulation on Windows: `MINGW64_NT-10.0-19045`, `CYGWIN_NT-10.0-WOW64`. It adds the version of Windows to
/// its name and, if it is translated, the architecture.
pub(super) fn uname_s(text: &str) -> Option<Facts> {
    let (emulation, version) = text.split_once("_NT")?;
    let known = ["MINGW32", "MINGW64", "MSYS", "CYGWIN", "UCRT64", "CLANG32", "CLANG64", "CLANGARM64"];
    let mut parts = version.split('-');
    let plausible = known.contains(&emulation)
        && parts.next() == Some("")
        && parts.next().is_none_or(is_dotted)
        && parts.all(|part| is_number(part) || matches!(part, "WOW64" | "ARM64"));
    plausible.then(|| Facts::new(Os::Windows, None))
}

/// Returns whether the text consists of digits. `str::parse` would also accept a sign.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether the text consists of numbers with dots between them.
pub(super) fn is_dotted(text: &str) -> bool {
    text.split('.').all(is_number)
}

/// Reads `system processor`, from which rustup-init chooses the target of the host.
pub(super) fn rustup(text: &str) -> Option<Facts> {
    let (system, processor) = text.split_once(' ')?;
    let os = row(system, Vocabulary::UnameS).or_else(|| uname_s(system))?.os?;
    // rustup-init installs 32-bit programs for a 32-bit name: it takes armv8l for v7 and an unversioned arm for v6.
    let (architecture, variant) = match processor {
        "arm" | "xscale" | "armv6l" => (Architecture::Arm, Some("v6")),
        "armv7l" | "armv8l" => (Architecture::Arm, Some("v7")),
        "mips64" => (Architecture::Mips64, None),
        "mips" => (Architecture::Mips, None),
        other => {
            let found = row(other, Vocabulary::UnameMLinux)?;
            (found.architecture.filter(|name| *name != Architecture::Arm)?, found.variant)
        }
    };
    let note = (os == Os::Linux).then_some("the musl target if ldd --version names musl");
    Some(Facts::new(os, architecture).variant(variant).note(note))
}

/// Reads `10.0.BUILD`, with which Kubernetes labels Windows nodes.
pub(super) fn windows_build(text: &str) -> Option<Facts> {
    let build = text.strip_prefix("10.0.")?;
    let number = build.len() == 5 && build.bytes().all(|byte| byte.is_ascii_digit());
    number.then(|| Facts { version: Some(Cow::Owned(text.to_owned())), ..Facts::new(Os::Windows, None) })
}

/// Reads the label of a GitHub-hosted runner, as of November 2026. Labels come to mean other runners, `latest` first.
pub(super) fn github_label(text: &str) -> Option<Facts> {
    let (system, rest) = text.split_once('-')?;
    let (version, suffix) = rest.split_once('-').map_or((rest, ""), |(version, suffix)| (version, suffix));
    let arm = || match suffix {
        "" => Some(Architecture::Amd64),
        "arm" | "arm64" => Some(Architecture::Arm64),
        _ => None,
    };
    let dated = "the meaning of the label was recorded in November 2026";
    match system {
        "ubuntu" if version == "slim" || version == "latest" || is_ubuntu(version) => {
            Some(Facts::new(Os::Linux, arm()?).note(dated))
        }
        "windows" if version == "latest" || matches!(version, "2016" | "2019" | "2022" | "2025" | "11") => {
            let studio = suffix.strip_prefix("vs").is_some_and(|year| year.len() == 4 && is_number(year));
            let architecture = if studio { Architecture::Amd64 } else { arm()? };
            Some(Facts::new(Os::Windows, architecture).note(dated))
        }
        "macos" | "xcode" => Some(Facts::new(Os::Darwin, apple(system, version, suffix)?).note(dated)),
        _ => None,
    }
}

/// Returns whether the text is an Ubuntu release with long-term support, which is one of April in an even year.
fn is_ubuntu(version: &str) -> bool {
    let year = version.strip_suffix(".04").filter(|year| is_number(year)).and_then(|year| year.parse().ok());
    year.is_some_and(|year: u8| (14..=40).contains(&year) && year.is_multiple_of(2))
}

/// Reads the processor of a macOS runner. Since macOS 14 runners without a suffix have Apple silicon; `large` and `intel`
/// have Intel processors.
fn apple(system: &str, version: &str, suffix: &str) -> Option<Architecture> {
    let number = version.parse().ok().filter(|number: &u8| is_number(version) && (10..=40).contains(number));
    if number.is_none() && version != "latest" {
        return None;
    }
    match suffix {
        "large" | "intel" => Some(Architecture::Amd64),
        "xlarge" => Some(Architecture::Arm64),
        "" if system == "macos" && number.is_some_and(|number| number < 14) => Some(Architecture::Amd64),
        "" => Some(Architecture::Arm64),
        _ => None,
    }
}

/// Reads `saas-system-size-machine`, the tags of GitLab's hosted runners.
pub(super) fn gitlab_tag(text: &str) -> Option<Facts> {
    let mut parts = text.strip_prefix("saas-")?.split('-');
    let (system, size, machine) = (parts.next()?, parts.next()?, parts.next()?);
    if !matches!(size, "small" | "medium" | "large" | "xlarge" | "2xlarge") {
        return None;
    }
    let accelerator = (parts.next(), parts.next(), parts.next());
    if !matches!(accelerator, (None, ..) | (Some("gpu"), Some("standard"), None)) {
        return None;
    }
    match (system, machine) {
        ("linux", "amd64") => Some(Facts::new(Os::Linux, Architecture::Amd64)),
        ("linux", "arm64") => Some(Facts::new(Os::Linux, Architecture::Arm64)),
        ("windows", "amd64") => Some(Facts::new(Os::Windows, Architecture::Amd64)),
        ("macos", "m1" | "m2pro" | "m4pro") => Some(Facts::new(Os::Darwin, Architecture::Arm64)),
        _ => None,
    }
}

/// Reads `platform arch [libc [version]]`, which a program of Node measures at run time.
pub(super) fn node_measured(text: &str) -> Option<Facts> {
    let mut words = text.split(' ');
    let os = row(words.next()?, Vocabulary::NodeProcessPlatform)?.os?;
    let architecture = row(words.next()?, Vocabulary::NodeProcessArch)?.architecture?;
    let libc = match (words.next(), words.next(), words.next()) {
        (Some("glibc"), Some(version), None) => {
            Some(Libc::Gnu { minimum: Some(version.parse::<GlibcVersion>().ok()?) })
        }
        (Some("glibc"), None, _) => Some(Libc::GNU),
        (Some("musl"), version, None) if version.is_none_or(is_dotted) => Some(Libc::Musl),
        (None, _, _) => None,
        _ => return None,
    };
    Some(Facts::new(os, architecture).libc(libc))
}

/// Reads Java's `os.name` in any case. Windows names have a version.
pub(super) fn jvm_os_name(text: &str) -> Option<Facts> {
    const NAMES: &[(&str, Option<Os>)] = &[
        ("AIX", Some(Os::Aix)),
        ("HP-UX", None),
        ("OS/400", None),
        ("Linux", Some(Os::Linux)),
        ("Mac OS X", Some(Os::Darwin)),
        ("FreeBSD", Some(Os::Freebsd)),
        ("OpenBSD", Some(Os::Openbsd)),
        ("NetBSD", Some(Os::Netbsd)),
        ("Solaris", Some(Os::Solaris)),
        ("SunOS", Some(Os::Solaris)),
        ("Windows", Some(Os::Windows)),
        ("z/OS", Some(Os::Zos)),
    ];
    let found = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, os)| *os);
    let os = match found {
        Some(os) => os,
        None => Some(is_windows(text).then_some(Os::Windows)?),
    };
    let facts = Facts::new(os, None);
    Some(if os.is_none() { facts.note("no Go port and no OCI name") } else { facts })
}

/// Returns whether the text is a Windows name of the JDK: `Windows 11`, `Windows Server 2012 R2`, or one for a version
/// that the JDK does not know.
fn is_windows(text: &str) -> bool {
    let Some((start, version)) = text.split_at_checked("windows ".len()) else { return false };
    if !start.eq_ignore_ascii_case("windows ") {
        return false;
    }
    let server =
        version.split_at_checked("server ".len()).filter(|(word, _)| word.eq_ignore_ascii_case("server "));
    match server {
        Some((_, year)) => {
            let year = year.strip_suffix(" R2").unwrap_or(year);
            year.len() == 4 && year.starts_with("20") && is_number(year)
        }
        None => {
            const VERSIONS: &[&str] =
                &["95", "98", "Me", "NT", "2000", "XP", "2003", "Vista", "7", "8", "8.1", "10", "11"];
            const UNKNOWN: &[&str] = &["(unknown)", "NT (unknown)", "9X (unknown)"];
            VERSIONS.iter().chain(UNKNOWN).any(|known| known.eq_ignore_ascii_case(version))
        }
    }
}

/// Reads a statically linked emulator, which has the name of the dynamic one with `-static`.
pub(super) fn qemu_static(text: &str) -> Option<Facts> {
    row(text.strip_suffix("-static")?, Vocabulary::QemuUserBinary)
}
