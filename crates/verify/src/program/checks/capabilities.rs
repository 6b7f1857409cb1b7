//! Checks that the program has no capabilities that a container may lack.
//!
//! `execve` refuses a file whose capabilities are marked effective and exceed the bounding set (capabilities(7)).

use super::Subject;
use crate::root::Root;
use crate::{Finding, Inspection, codes};

/// The extended attribute that holds the capabilities.
const ATTRIBUTE: &str = "security.capability";
/// The bounding set that Docker and containerd give a container unless the pod adds to it.
const USUAL: u64 = mask(&[0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31]);
/// The names of capabilities by their numbers (`linux/capability.h`).
const NAMES: &[&str] = &[
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

const fn mask(numbers: &[u8]) -> u64 {
    let mut mask = 0;
    let mut at = 0;
    while at < numbers.len() {
        mask |= 1 << numbers[at];
        at += 1;
    }
    mask
}

pub(super) fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    // The kernel takes those of the file that it loads in the end, for a script its interpreter (`bprm_creds_from_file`).
    if matches!(subject.facts, Inspection::Script(_)) {
        return;
    }
    let Some(image) = subject.container else { return };
    // Root too: the kernel compares before it applies root's own rules (`cap_bprm_creds_from_file`).
    let capabilities = of_file(image.root, subject.path).filter(|capabilities| capabilities.are_effective);
    let beyond = capabilities.map_or(0, |capabilities| capabilities.permitted) & !USUAL;
    if beyond == 0 {
        return;
    }
    let names: Vec<String> = (0..64)
        .filter(|bit| beyond & (1 << bit) != 0)
        .map(|bit: usize| {
            NAMES.get(bit).map_or_else(|| format!("capability {bit}"), |name| format!("cap_{name}"))
        })
        .collect();
    let message = format!(
        "{path} carries {}, which a container does not have unless the pod adds it: a node shows `exec {path}: operation not \
         permitted`.",
        names.join(", "),
        path = subject.path
    );
    findings
        .push(subject.finding(codes::FILE_CAPABILITIES, message).with_evidence(ATTRIBUTE, names.join(" ")));
}

/// The capabilities of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileCapabilities {
    pub(super) permitted: u64,
    /// Whether the program has them from its first instruction on.
    pub(super) are_effective: bool,
}

/// Returns the capabilities of the file at exactly this path; `None` if it has none.
pub(super) fn of_file(root: &dyn Root, path: &str) -> Option<FileCapabilities> {
    read(&root.attribute(path, ATTRIBUTE).ok()??)
}

/// Reads a `struct vfs_cap_data`.
fn read(value: &[u8]) -> Option<FileCapabilities> {
    let word = |index: usize| -> Option<u64> {
        let word: [u8; 4] = value.get(index * 4..index * 4 + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(word).into())
    };
    let magic = word(0)?;
    // The first revision has 32 capabilities, later ones have 64.
    let high = if magic >> 24 == 1 { 0 } else { word(3)? };
    Some(FileCapabilities { permitted: word(1)? | high << 32, are_effective: magic & 1 != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read_with_their_flag() {
        let value = |magic: u32, low: u32, high: u32| {
            [magic, low, 0, high, 0].iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>()
        };
        let found = |value: &[u8]| read(value).map(|found| (found.permitted, found.are_effective));
        assert_eq!(found(&value(0x0200_0001, 1 << 12, 0)), Some((1 << 12, true)));
        assert_eq!(found(&value(0x0200_0000, 1 << 12, 0)), Some((1 << 12, false)));
        assert_eq!(found(&value(0x0300_0001, 0, 1 << 6)), Some((1 << 38, true)));
        assert_eq!(found(&[1]), None);
        assert_eq!(USUAL, 0xa804_25fb, "what a container's /proc/self/status shows as CapBnd");
    }
}
