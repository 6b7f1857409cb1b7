//! The platforms that the kernel of this machine emulates, for engines that do not report their own.

use std::path::Path;

use crossdock_platform::Platform;

use crossdock_toolchain::host::{machine_name, platform_of_elf};

/// The directory in which Linux lists the registered interpreters (Documentation/admin-guide/binfmt-misc.rst of the kernel).
const REGISTERED: &str = "/proc/sys/fs/binfmt_misc";

/// Whether an engine runs on this machine's kernel, so that the interpreters registered here serve it too.
pub(super) fn is_here(kernel: &str, machine: &str) -> bool {
    let here = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    !kernel.is_empty() && here.trim() == kernel && machine_name() == machine
}

/// Returns the platforms whose programs containers on this machine run, natively or emulated.
pub(super) fn of_this_machine(native: &Platform) -> Vec<Platform> {
    let entries = std::fs::read_dir(Path::new(REGISTERED)).into_iter().flatten().flatten();
    let texts = entries.filter_map(|entry| std::fs::read_to_string(entry.path()).ok());
    with_native(native, texts.filter_map(|text| emulated(&text)).collect())
}

/// Returns the native platform and the 32-bit platform of its family, which the same processors run, followed by the
/// emulated ones.
pub(super) fn with_native(native: &Platform, emulated: Vec<Platform>) -> Vec<Platform> {
    let family = match native.baseline().to_string().as_str() {
        "linux/amd64" => Some("linux/386"),
        "linux/arm64" => Some("linux/arm/v7"),
        _ => None,
    };
    let family = family.and_then(|name| Platform::parse(name).ok());
    [native.normalized()].into_iter().chain(family).chain(emulated).collect()
}

/// Returns the platform whose programs an entry matches by their magic. Only an interpreter that the kernel keeps open
/// (flag F) works in a container: any other is looked for among the container's own files.
fn emulated(entry: &str) -> Option<Platform> {
    let field = |name: &str| entry.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let holds = entry.starts_with("enabled") && field("flags:")?.contains('F');
    let magic = field("magic").filter(|_| holds)?;
    let bytes =
        (0..magic.len() / 2).map(|place| u8::from_str_radix(magic.get(2 * place..2 * place + 2)?, 16).ok());
    let platform = platform_of_elf("linux", &bytes.collect::<Option<Vec<u8>>>()?)?;
    Some(platform.normalized())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Debian's qemu-user-static and tonistiigi/binfmt register it.
    const ARM64: &str = "enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POCF\noffset 0\n\
                         magic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n";

    #[test]
    fn an_entry_means_the_machine_of_its_magic() {
        assert_eq!(emulated(ARM64), Some(Platform::LINUX_ARM64));
        let s390x = ARM64.replace("7f454c460201", "7f454c460202").replace("0200b700", "00020016");
        assert_eq!(emulated(&s390x).map(|platform| platform.to_string()).as_deref(), Some("linux/s390x"));
        for other in [
            ARM64.replace("enabled", "disabled"),
            // Without the flag F, the emulator would have to be in the image.
            ARM64.replace("POCF", "POC"),
            ARM64.replace("7f454c46", "cafebabe"),
            ARM64.replace("b700", ""),
            "enabled\ninterpreter /usr/bin/python3\nflags: F\nextension .py\n".to_owned(),
            String::new(),
        ] {
            assert_eq!(emulated(&other), None, "{other}");
        }
    }

    #[test]
    fn a_machine_runs_the_32_bit_programs_of_its_family() {
        let names = |native: Platform| {
            let runs = with_native(&native, vec![Platform::LINUX_ARM64]);
            runs.iter().map(Platform::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names(Platform::LINUX_AMD64), ["linux/amd64", "linux/386", "linux/arm64"]);
        assert!(!is_here("", "") && !is_here("1.0-none", &machine_name()));
    }
}
