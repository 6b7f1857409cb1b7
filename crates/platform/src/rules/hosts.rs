//! What hosts and build services say of themselves.

use std::borrow::Cow;

use crate::architecture::Architecture;
use crate::libc::{GlibcVersion, Libc};
use crate::meaning::{Meaning, row};
use crate::os::Os;
use crate::vocabulary::Vocabulary;

/// The Unix emulations on Windows, which add its version to their name.
pub(super) fn uname_s(text: &str) -> Option<Meaning> {
    let emulation = ["MINGW", "MSYS_NT", "CYGWIN_NT", "UCRT64_NT", "CLANGARM64_NT", "CLANG64_NT"];
    emulation.iter().any(|prefix| text.starts_with(prefix)).then(|| Meaning::new(Os::Windows, None))
}

/// `system processor`, from which rustup chooses the host's target.
pub(super) fn rustup(text: &str) -> Option<Meaning> {
    let (system, processor) = text.split_once(' ')?;
    let os = row(system, Vocabulary::UnameS).or_else(|| uname_s(system))?.os?;
    // rustup runs 32-bit programs where the processor is named as 32-bit, so v8 is v7 and a bare arm is v6.
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
    let note = (os == Os::Linux).then_some("the musl target where ldd --version names musl");
    Some(Meaning::new(os, architecture).variant(variant).note(note))
}

/// `10.0.BUILD`, as Kubernetes labels Windows nodes.
pub(super) fn windows_build(text: &str) -> Option<Meaning> {
    let build = text.strip_prefix("10.0.")?;
    let number = build.len() == 5 && build.bytes().all(|byte| byte.is_ascii_digit());
    number.then(|| Meaning { version: Some(Cow::Owned(text.to_owned())), ..Meaning::new(Os::Windows, None) })
}

/// A GitHub-hosted runner's label, as of November 2026. Labels move: `latest` most of all.
pub(super) fn github_label(text: &str) -> Option<Meaning> {
    let (system, rest) = text.split_once('-')?;
    let (version, suffix) = rest.split_once('-').map_or((rest, ""), |(version, suffix)| (version, suffix));
    let arm = || match suffix {
        "" => Some(Architecture::Amd64),
        "arm" | "arm64" => Some(Architecture::Arm64),
        _ => None,
    };
    let dated = "what the label means was recorded in November 2026";
    match system {
        "ubuntu" if version == "slim" || version == "latest" || is_ubuntu(version) => {
            Some(Meaning::new(Os::Linux, arm()?).note(dated))
        }
        "windows" if version == "latest" || matches!(version, "2016" | "2019" | "2022" | "2025" | "11") => {
            let architecture = if suffix.starts_with("vs") { Architecture::Amd64 } else { arm()? };
            Some(Meaning::new(Os::Windows, architecture).note(dated))
        }
        "macos" | "xcode" => Some(Meaning::new(Os::Darwin, apple(system, version, suffix)?).note(dated)),
        _ => None,
    }
}

fn is_ubuntu(version: &str) -> bool {
    matches!(version.split_once('.'), Some((year, "04" | "10")) if year.len() == 2 && year.parse::<u8>().is_ok())
}

/// Since macOS 14 the plain runners have Apple silicon; `large` and `intel` have Intel processors.
fn apple(system: &str, version: &str, suffix: &str) -> Option<Architecture> {
    let number: Option<u8> = version.parse().ok();
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

/// `saas-system-size-machine`, as GitLab tags its hosted runners.
pub(super) fn gitlab_tag(text: &str) -> Option<Meaning> {
    let mut parts = text.strip_prefix("saas-")?.split('-');
    let (system, size, machine) = (parts.next()?, parts.next()?, parts.next()?);
    if !matches!(size, "small" | "medium" | "large" | "xlarge" | "2xlarge") {
        return None;
    }
    match (system, machine) {
        ("linux", "amd64") => Some(Meaning::new(Os::Linux, Architecture::Amd64)),
        ("linux", "arm64") => Some(Meaning::new(Os::Linux, Architecture::Arm64)),
        ("windows", "amd64") => Some(Meaning::new(Os::Windows, Architecture::Amd64)),
        ("macos", "m1" | "m2pro" | "m4pro") => Some(Meaning::new(Os::Darwin, Architecture::Arm64)),
        _ => None,
    }
}

/// `platform arch [libc [version]]`, as a running Node says it.
pub(super) fn node_measured(text: &str) -> Option<Meaning> {
    let mut words = text.split(' ');
    let os = row(words.next()?, Vocabulary::NodeProcessPlatform)?.os?;
    let architecture = row(words.next()?, Vocabulary::NodeProcessArch)?.architecture?;
    let libc = match (words.next(), words.next()) {
        (Some("glibc"), Some(version)) => Some(Libc::Gnu { minimum: version.parse::<GlibcVersion>().ok() }),
        (Some("glibc"), None) => Some(Libc::GNU),
        (Some("musl"), _) => Some(Libc::Musl),
        (None, _) => None,
        _ => return None,
    };
    Some(Meaning::new(os, architecture).libc(libc))
}

/// Java's `os.name`, of which only the beginning counts, without case and punctuation.
pub(super) fn jvm_os_name(text: &str) -> Option<Meaning> {
    const NAMES: &[(&str, Option<Os>)] = &[
        ("aix", Some(Os::Aix)),
        ("hpux", None),
        ("os400", None),
        ("linux", Some(Os::Linux)),
        ("macosx", Some(Os::Darwin)),
        ("osx", Some(Os::Darwin)),
        ("freebsd", Some(Os::Freebsd)),
        ("openbsd", Some(Os::Openbsd)),
        ("netbsd", Some(Os::Netbsd)),
        ("solaris", Some(Os::Solaris)),
        ("sunos", Some(Os::Solaris)),
        ("windows", Some(Os::Windows)),
        ("zos", Some(Os::Zos)),
    ];
    if !text.starts_with(|letter: char| letter.is_ascii_alphabetic()) || text.len() > 40 {
        return None;
    }
    let mut letters = [0_u8; 8];
    let kept = text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    let mut count = 0;
    for (slot, byte) in letters.iter_mut().zip(kept) {
        *slot = byte;
        count += 1;
    }
    let start = letters.get(..count)?;
    let (name, os) = NAMES.iter().find(|(name, _)| start.starts_with(name.as_bytes()))?;
    // More words may follow (`Windows Server 2022`), but not more letters.
    let whole = start.len() == name.len() && text.len() <= name.len() + 1;
    if !whole && !text.contains(' ') {
        return None;
    }
    let meaning = Meaning::new(*os, None);
    Some(if os.is_none() { meaning.note("no Go port and no OCI name") } else { meaning })
}

/// The emulators' statically linked builds have the same names with `-static`.
pub(super) fn qemu_static(text: &str) -> Option<Meaning> {
    row(text.strip_suffix("-static")?, Vocabulary::QemuUserBinary)
}
