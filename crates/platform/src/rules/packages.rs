//! The platform names of language package managers.

use crate::abi::AppleAbi;
use crate::abi::FloatAbi;
use crate::abi::{GlibcVersion, Libc};
use crate::architecture::Architecture;
use crate::facts::{Facts, row};
use crate::os::Os;
use crate::rules::hosts::{is_dotted, is_number};
use crate::vocabulary::Vocabulary;

/// Reads the processor in a Linux tag of Python, which is the kernel's name of it.
fn python_linux(processor: &str) -> Option<Facts> {
    let known = [
        "x86_64",
        "i686",
        "i386",
        "aarch64",
        "armv6l",
        "armv7l",
        "armv8l",
        "ppc64",
        "ppc64le",
        "s390x",
        "riscv64",
        "loongarch64",
        "mips64",
        "mips",
    ];
    let facts = known.contains(&processor).then(|| row(processor, Vocabulary::UnameMLinux)).flatten()?;
    Some(Facts { note: None, ..facts })
}

/// Reads the platform tag of a wheel (PEP 425, 513, 571, 599, 600, 656, 730 and 738).
pub(super) fn wheel(text: &str) -> Option<Facts> {
    match text {
        "any" => return Some(Facts::new(None, None).note("architecture independent")),
        "win32" => return Some(Facts::new(Os::Windows, Architecture::I386)),
        "win_amd64" => return Some(Facts::new(Os::Windows, Architecture::Amd64)),
        "win_arm64" => return Some(Facts::new(Os::Windows, Architecture::Arm64)),
        "win_arm32" => return Some(Facts::new(Os::Windows, Architecture::Arm)),
        "win_ia64" => return Some(Facts::new(Os::Windows, None).note("Itanium has no Go port")),
        _ => {}
    }
    let (system, rest) = text.split_once('_')?;
    match system {
        "linux" => python_linux(rest),
        "manylinux" | "musllinux" | "macosx" => versioned(system, rest),
        "manylinux1" => Some(python_linux(rest)?.libc(glibc(2, 5))),
        "manylinux2010" => Some(python_linux(rest)?.libc(glibc(2, 12))),
        "manylinux2014" => Some(python_linux(rest)?.libc(glibc(2, 17))),
        "android" => android(rest.split_once('_').filter(|(api, _)| is_number(api))?.1),
        "ios" => ios(rest),
        "pyodide" | "emscripten" => {
            let version = rest.strip_suffix("_wasm32")?;
            version.split('_').all(is_number).then(emscripten)
        }
        _ => None,
    }
}

fn emscripten() -> Facts {
    Facts::new(None, None).note("Emscripten has no Go port and no OCI name")
}

/// Reads `MAJOR_MINOR_PROCESSOR`.
fn versioned(system: &str, text: &str) -> Option<Facts> {
    let (major, rest) = text.split_once('_')?;
    let (minor, processor) = rest.split_once('_')?;
    if !is_number(major) || !is_number(minor) {
        return None;
    }
    let (major, minor) = (major.parse().ok()?, minor.parse().ok()?);
    match system {
        "manylinux" => Some(python_linux(processor)?.libc(glibc(major, minor))),
        "musllinux" => Some(python_linux(processor)?.libc(Libc::Musl)),
        _ => apple(processor),
    }
}

const fn glibc(major: u16, minor: u16) -> Libc {
    Libc::Gnu { minimum: Some(GlibcVersion::new(major, minor)) }
}

fn apple(processor: &str) -> Option<Facts> {
    let architecture = match processor {
        "arm64" => Architecture::Arm64,
        "x86_64" => Architecture::Amd64,
        "i386" => Architecture::I386,
        "universal2" => return Some(Facts::new(Os::Darwin, None).note("one file with arm64 and amd64")),
        "universal" | "intel" | "fat" | "fat3" | "fat64" => {
            return Some(Facts::new(Os::Darwin, None).note("one file with several architectures"));
        }
        "ppc" | "ppc64" => return Some(Facts::new(Os::Darwin, None).note("no Go port")),
        _ => return None,
    };
    Some(Facts::new(Os::Darwin, architecture))
}

fn android(abi: &str) -> Option<Facts> {
    let (architecture, variant) = match abi {
        "arm64_v8a" => (Architecture::Arm64, None),
        "armeabi_v7a" => (Architecture::Arm, Some("v7")),
        "x86_64" => (Architecture::Amd64, None),
        "x86" => (Architecture::I386, None),
        _ => return None,
    };
    Some(Facts::new(Os::Android, architecture).variant(variant))
}

/// Reads `MAJOR_MINOR_PROCESSOR_SDK`.
fn ios(text: &str) -> Option<Facts> {
    let mut parts = text.splitn(3, '_');
    let (major, minor, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let (processor, sdk) = rest.rsplit_once('_')?;
    let architecture = match (processor, sdk) {
        ("arm64", "iphoneos" | "iphonesimulator") => Architecture::Arm64,
        ("x86_64", "iphonesimulator") => Architecture::Amd64,
        _ => return None,
    };
    let apple = (sdk == "iphonesimulator").then_some(AppleAbi::Simulator);
    let facts = Facts::new(Os::Ios, architecture).note(apple.map(AppleAbi::note));
    (is_number(major) && is_number(minor)).then_some(Facts { apple, ..facts })
}

/// Reads the result of Python's `sysconfig.get_platform()`.
pub(super) fn sysconfig(text: &str) -> Option<Facts> {
    match text {
        "win32" => return Some(Facts::new(Os::Windows, Architecture::I386)),
        "win-amd64" => return Some(Facts::new(Os::Windows, Architecture::Amd64)),
        "win-arm64" => return Some(Facts::new(Os::Windows, Architecture::Arm64)),
        "win-arm32" => return Some(Facts::new(Os::Windows, Architecture::Arm)),
        _ => {}
    }
    if let Some(environment) = text.strip_prefix("mingw_") {
        return mingw(environment);
    }
    let (system, rest) = text.split_once('-')?;
    match system {
        "linux" => python_linux(rest),
        "android" => android(rest.split_once('-').filter(|(api, _)| is_number(api))?.1),
        "ios" => ios(&rest.replace(['-', '.'], "_")),
        "emscripten" => is_dotted(rest.strip_suffix("-wasm32")?).then(emscripten),
        "macosx" => {
            let (version, processor) = rest.split_once('-')?;
            version.split('.').all(is_number).then(|| apple(processor)).flatten()
        }
        "freebsd" => {
            // `14.0-RELEASE-p3-amd64`
            let (version, processor) = rest.rsplit_once('-')?;
            let mut words = version.split('-');
            let release = |word: &str| matches!(word, "RELEASE" | "STABLE" | "CURRENT");
            let patch = |word: &str| word.strip_prefix('p').is_some_and(is_number);
            let plausible = is_dotted(words.next()?) && words.all(|word| release(word) || patch(word));
            plausible.then(|| row(processor, Vocabulary::UnameMFreebsd)).flatten()
        }
        _ => None,
    }
}

/// Reads a platform of the Python in MSYS2, such as `mingw_x86_64_ucrt`.
fn mingw(environment: &str) -> Option<Facts> {
    let (architecture, rest) =
        [("x86_64", Architecture::Amd64), ("i686", Architecture::I386), ("aarch64", Architecture::Arm64)]
            .into_iter()
            .find_map(|(name, architecture)| Some((architecture, environment.strip_prefix(name)?)))?;
    let known = matches!(
        rest,
        "" | "_ucrt" | "_msvcrt" | "_ucrt_gnu" | "_msvcrt_gnu" | "_ucrt_llvm" | "_msvcrt_llvm"
    );
    known.then(|| Facts::new(Os::Windows, architecture).libc(Libc::Mingw))
}

/// Reads a .NET runtime identifier, `[system[.version]][-libc]-architecture`.
pub(super) fn dotnet(text: &str) -> Option<Facts> {
    if matches!(text, "any" | "base") {
        return Some(Facts::new(None, None).note("architecture independent"));
    }
    let (front, processor) = text.rsplit_once('-')?;
    let (system, libc) = front.split_once('-').filter(|(_, libc)| !libc.is_empty()).unwrap_or((front, ""));
    let linux = |libc: &str| match libc {
        "" => Some((Some(Os::Linux), Some(Libc::GNU))),
        "musl" => Some((Some(Os::Linux), Some(Libc::Musl))),
        "bionic" => Some((Some(Os::Android), None)),
        _ => None,
    };
    let name = system.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let version = &system[name.len()..];
    if !version.is_empty() && !is_dotted(version.strip_prefix('.').unwrap_or(version)) {
        return None;
    }
    let (os, libc) = match name {
        "linux" if version.is_empty() => linux(libc)?,
        "alpine" => (Some(Os::Linux), Some(Libc::Musl)),
        "ubuntu" | "debian" | "rhel" | "centos" | "fedora" | "opensuse" | "sles" | "ol"
            if libc.is_empty() =>
        {
            linux("")?
        }
        _ if !libc.is_empty() => return None,
        "osx" => (Some(Os::Darwin), None),
        "win" => (Some(Os::Windows), None),
        "freebsd" => (Some(Os::Freebsd), None),
        "illumos" if version.is_empty() => (Some(Os::Illumos), None),
        "solaris" => (Some(Os::Solaris), None),
        "android" => (Some(Os::Android), None),
        "wasi" => (Some(Os::Wasip1), None),
        "ios" | "iossimulator" => (Some(Os::Ios), None),
        "openbsd" => (Some(Os::Openbsd), None),
        "netbsd" => (Some(Os::Netbsd), None),
        // .NET in a browser (the runtime pack Microsoft.NETCore.App.Runtime.browser-wasm), which is js/wasm in Go.
        "browser" if processor == "wasm" && version.is_empty() => {
            let note = ".NET reaches the browser through Emscripten, Go through its own wasm_exec.js";
            return Some(Facts::new(Os::Js, Architecture::Wasm).note(note));
        }
        "browser" | "tvos" | "tvossimulator" | "maccatalyst" | "haiku" => (None, None),
        _ => return None,
    };
    let apple = (name == "iossimulator").then_some(AppleAbi::Simulator);
    let facts = dotnet_processor(os, processor)?.libc(libc.filter(|_| processor != "mips64"));
    Some(Facts { apple, ..facts.note(apple.map(AppleAbi::note)) })
}

fn dotnet_processor(os: Option<Os>, processor: &str) -> Option<Facts> {
    let (architecture, variant) = match processor {
        "x64" => (Architecture::Amd64, None),
        "x86" => (Architecture::I386, None),
        "arm64" => (Architecture::Arm64, None),
        "arm" if os == Some(Os::Windows) => (Architecture::Arm, None),
        "arm" => (Architecture::Arm, Some("v7")),
        "armv6" => (Architecture::Arm, Some("v6")),
        "armel" => (Architecture::Arm, None),
        "ppc64le" => (Architecture::Ppc64le, None),
        "s390x" => (Architecture::S390x, None),
        "riscv64" => (Architecture::Riscv64, None),
        "loongarch64" => (Architecture::Loong64, None),
        "wasm" => (Architecture::Wasm, None),
        "mips64" => return Some(Facts::new(os, None).note("the byte order is not stated")),
        _ => return None,
    };
    if os.is_none() {
        return Some(Facts::new(None, None).note("the operating system has no Go port and no OCI name"));
    }
    Some(Facts::new(os, architecture).variant(variant))
}

/// Reads a package architecture of OpenWrt: the processor family, an underscore and the processor.
pub(super) fn openwrt(text: &str) -> Option<Facts> {
    let (family, processor) = text.split_once('_')?;
    let (architecture, variant) = match family {
        "aarch64" => (Architecture::Arm64, None),
        "arm" => (Architecture::Arm, Some(openwrt_arm(processor)?)),
        "i386" => (Architecture::I386, None),
        "mips" => (Architecture::Mips, None),
        "mipsel" => (Architecture::Mipsle, None),
        "mips64" => (Architecture::Mips64, None),
        "mips64el" => (Architecture::Mips64le, None),
        "powerpc" => (Architecture::Ppc, None),
        "powerpc64" => (Architecture::Ppc64, None),
        "riscv64" => (Architecture::Riscv64, None),
        "loongarch64" => (Architecture::Loong64, None),
        _ => return None,
    };
    // Names such as `x86_64`, which also have an underscore, are rows and take precedence.
    let known = architecture == Architecture::Arm || OPENWRT_PROCESSORS.contains(&processor);
    let float = (processor == "pentium-mmx").then_some(FloatAbi::Soft);
    let facts = Facts::new(Os::Linux, architecture).variant(variant).libc(Libc::Musl);
    known.then_some(Facts { float, ..facts })
}

/// The processors of OpenWrt's targets other than 32-bit ARM.
const OPENWRT_PROCESSORS: &[&str] = &[
    "generic",
    "cortex-a35",
    "cortex-a53",
    "cortex-a57",
    "cortex-a72",
    "cortex-a73",
    "cortex-a76",
    "pentium-mmx",
    "pentium4",
    "4kec",
    "24kc",
    "24kc_24kf",
    "74kc",
    "mips32",
    "mips64r2",
    "octeonplus",
    "464fp",
    "8540",
    "8548",
    "e5500",
    "riscv64",
];

fn openwrt_arm(processor: &str) -> Option<&'static str> {
    match processor {
        "cortex-a5" | "cortex-a7" | "cortex-a8" | "cortex-a9" | "cortex-a15" | "cortex-a17" => Some("v7"),
        cortex if cortex.starts_with("cortex-a") => {
            let (core, unit) = cortex.split_once('_')?;
            let known = matches!(unit, "vfpv3" | "vfpv3-d16" | "vfpv4" | "neon" | "neon-vfpv4");
            known.then(|| openwrt_arm(core)).flatten()
        }
        "arm1176jzf-s_vfp" | "mpcore" => Some("v6"),
        "arm926ej-s" | "xscale" => Some("v5"),
        "fa526" => Some("v4"),
        _ => None,
    }
}
