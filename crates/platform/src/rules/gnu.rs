//! GNU triples: `processor[-vendor]-kernel[-abi]`, as autoconf's `config.sub` reads them.

use crate::abi::AppleAbi;
use crate::abi::FloatAbi;
use crate::abi::Libc;
use crate::architecture::Architecture;
use crate::facts::Facts;
use crate::os::Os;
use crate::rules::hosts::is_dotted;

const NO_NAME: &str = "no Go port and no OCI name";

/// Reads a triple of any vendor.
pub(super) fn triple(text: &str) -> Option<Facts> {
    let parts: Vec<&str> = text.splitn(5, '-').collect();
    let (processor, kernel, abi) = match parts.as_slice() {
        [processor, kernel @ ("linux" | "windows"), abi] => (processor, *kernel, Some(*abi)),
        [processor, vendor, kernel] if is_vendor(vendor) => (processor, *kernel, None),
        [processor, vendor, kernel, abi] if is_vendor(vendor) => (processor, *kernel, Some(*abi)),
        _ => return None,
    };
    let (processor, system) = (self::processor(processor)?, system(kernel, abi)?);
    Some(together(&processor, &system))
}

fn is_vendor(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !matches!(text, "linux" | "windows")
}

fn together(processor: &Processor, system: &System) -> Facts {
    let Some(os) = system.os else { return Facts::new(None, None).note(system.note) };
    let other = match (processor.architecture, system.abi) {
        (Err(why), _) => Some(why),
        (_, "gnux32" | "muslx32") => Some("the x32 ABI has no Go port and no OCI name"),
        (_, "gnu_ilp32") => Some("the ILP32 ABI has no Go port"),
        (Ok(Architecture::Mips64 | Architecture::Mips64le), "gnu" | "gnuabin32" | "muslabin32") => {
            Some("the n32 ABI has no Go port")
        }
        (_, "ohos") => Some("OpenHarmony has its own libc and loader, and no Go or OCI name"),
        _ => None,
    };
    if let Some(why) = other {
        return Facts::new(os, None).libc(system.libc).note(why);
    }
    let architecture = processor.architecture.ok();
    let arm = architecture == Some(Architecture::Arm);
    let stated = if system.abi.ends_with("eabihf") || processor.has_unit {
        Some(FloatAbi::Hard)
    } else {
        system.abi.ends_with("eabi").then_some(FloatAbi::Soft)
    };
    let version = arm && processor.variant.is_none();
    let note = system.note.or(system.apple.map(AppleAbi::note));
    let note = note.or(version.then_some("the version of the processor is not in the triple"));
    let facts = Facts::new(os, architecture).variant(processor.variant).libc(system.libc).note(note);
    let float = if arm { stated } else { processor.float };
    Facts { float, apple: system.apple, ..facts }
}

/// The first part of a triple.
struct Processor {
    /// The architecture, or the reason why Go and OCI have none.
    architecture: Result<Architecture, &'static str>,
    variant: Option<&'static str>,
    float: Option<FloatAbi>,
    /// Whether the name promises a float unit. Fedora's names of 32-bit ARM do (`armv7hl`), and its ABI does not.
    has_unit: bool,
}

fn processor(name: &str) -> Option<Processor> {
    use Architecture as A;
    let plain = |architecture| Processor { architecture, variant: None, float: None, has_unit: false };
    let architecture = match name {
        "x86_64" | "amd64" => A::Amd64,
        "i386" | "i686" | "i786" => A::I386,
        // Neither promises SSE2, as Rust's i586 targets and Go's GO386=softfloat do not.
        "i486" | "i586" => return Some(Processor { float: Some(FloatAbi::Soft), ..plain(Ok(A::I386)) }),
        "aarch64" | "arm64" => A::Arm64,
        "arm" => A::Arm,
        "loongarch64" => A::Loong64,
        "mips" => A::Mips,
        "mipsel" => A::Mipsle,
        "mips64" => A::Mips64,
        "mips64el" => A::Mips64le,
        "powerpc64" | "ppc64" => A::Ppc64,
        "powerpc64le" | "ppc64le" => A::Ppc64le,
        "riscv64" => A::Riscv64,
        "s390x" => A::S390x,
        "wasm32" => A::Wasm,
        "aarch64_be" => return Some(plain(Err("big-endian AArch64 has no Go port"))),
        "armeb" => return Some(plain(Err("big-endian ARM has no Go port"))),
        "powerpc" | "ppc" | "powerpcle" => return Some(plain(Err("32-bit PowerPC has no Go port"))),
        "riscv32" => return Some(plain(Err("32-bit RISC-V has no Go port"))),
        "alpha" | "arc" | "avr" | "csky" | "hexagon" | "hppa" | "hppa64" | "ia64" | "m68k" | "microblaze"
        | "nios2" | "or1k" | "s390" | "sh4" | "sparc" | "sparc64" | "sparcv9" | "wasm64" | "xtensa" => {
            return Some(plain(Err("the architecture has no Go port and no OCI name")));
        }
        _ => return arm(name),
    };
    Some(plain(Ok(architecture)))
}

/// Reads a processor of 32-bit ARM: `armv7l`, `armv5tel`, `armv7hl`.
fn arm(name: &str) -> Option<Processor> {
    let (version, rest) = name.strip_prefix("armv")?.split_at_checked(1)?;
    let variant = ["v4", "v5", "v6", "v7", "v8"].into_iter().find(|known| known.ends_with(version))?;
    let known =
        ["", "a", "ve", "t", "tl", "te", "tel", "tej", "tejl", "j", "k", "kz", "z", "zk", "l", "hl", "hnl"];
    let has_unit = rest.starts_with('h');
    known.contains(&rest).then_some(Processor {
        architecture: Ok(Architecture::Arm),
        variant: Some(variant),
        float: None,
        has_unit,
    })
}

/// The kernel and the ABI of a triple.
#[derive(Default)]
struct System<'a> {
    /// `None` if Go and OCI have no name for it; then there is a note.
    os: Option<Os>,
    libc: Option<Libc>,
    abi: &'a str,
    apple: Option<AppleAbi>,
    note: Option<&'static str>,
}

fn system<'a>(kernel: &str, abi: Option<&'a str>) -> Option<System<'a>> {
    const NAMES: &[(&str, Os)] = &[
        ("aix", Os::Aix),
        ("darwin", Os::Darwin),
        ("macosx", Os::Darwin),
        ("macos", Os::Darwin),
        ("dragonfly", Os::Dragonfly),
        ("freebsd", Os::Freebsd),
        ("illumos", Os::Illumos),
        ("ios", Os::Ios),
        ("netbsdelf", Os::Netbsd),
        ("netbsd", Os::Netbsd),
        ("openbsd", Os::Openbsd),
        ("solaris", Os::Solaris),
        ("wasip1", Os::Wasip1),
        ("wasi", Os::Wasip1),
    ];
    let plain = |os| System { os: Some(os), abi: abi.unwrap_or_default(), ..System::default() };
    match (kernel, abi) {
        ("linux", abi) => return linux(abi),
        ("mingw32" | "mingw64", None) | ("windows", Some("gnu")) => {
            return Some(System { libc: Some(Libc::Mingw), ..plain(Os::Windows) });
        }
        ("windows", Some("msvc")) => return Some(System { libc: Some(Libc::Msvc), ..plain(Os::Windows) }),
        ("gnu", None) => return Some(plain(Os::Hurd)),
        ("elf" | "eabi" | "eabihf" | "none", None) | ("none", Some("elf" | "eabi" | "eabihf")) => {
            return Some(System { note: Some("runs without an operating system"), ..System::default() });
        }
        ("cygwin" | "msys" | "haiku" | "hpux" | "fuchsia" | "emscripten", None) => {
            return Some(System { note: Some(NO_NAME), ..System::default() });
        }
        _ => {}
    }
    let named = |name: &str| {
        kernel.strip_prefix(name).is_some_and(|version| version.is_empty() || is_dotted(version))
    };
    let os = NAMES.iter().find(|(name, _)| named(name)).map(|(_, os)| *os)?;
    let apple = match (os, abi) {
        (Os::Ios, Some("simulator")) => Some(AppleAbi::Simulator),
        (Os::Ios, Some("macabi")) => Some(AppleAbi::Catalyst),
        (Os::Netbsd, Some("eabi" | "eabihf")) | (_, None) => None,
        _ => return None,
    };
    // config.guess prints the same triple on illumos.
    let note = (os == Os::Solaris).then_some("Solaris, or illumos, which has the same triple");
    Some(System { apple, note, ..plain(os) })
}

/// Reads the ABI of Linux. `config.sub` adds `-gnu` if there is none.
fn linux(abi: Option<&str>) -> Option<System<'_>> {
    let abi = abi.unwrap_or("gnu");
    let name = abi.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let (os, libc) = match (abi, name) {
        (_, "android" | "androideabi") => (Os::Android, None),
        ("gnu" | "gnueabi" | "gnueabihf" | "gnuabi64" | "gnuabin32" | "gnux32" | "gnu_ilp32", _) => {
            (Os::Linux, Some(Libc::GNU))
        }
        ("musl" | "musleabi" | "musleabihf" | "muslabi64" | "muslabin32" | "muslx32", _) => {
            (Os::Linux, Some(Libc::Musl))
        }
        ("uclibc" | "uclibceabi" | "uclibceabihf" | "uclibcgnueabi" | "ohos", _) => (Os::Linux, None),
        _ => return None,
    };
    let note = abi.starts_with("uclibc").then_some("a program of uClibc, which needs that library's loader");
    // Android's ABI passes numbers in integer registers although its processors have a float unit. It is not soft float:
    // Go knows the ABI from GOOS.
    let abi = if os == Os::Android { "" } else { abi };
    Some(System { os: Some(os), libc, abi, apple: None, note })
}
