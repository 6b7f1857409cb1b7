//! Checks that the file is in a format that the target's kernel executes.

use crossdock_platform::{Architecture, Os};

use super::Subject;
use crate::program::inspect::Inspection;
use crate::{Code, Finding, codes};

pub(super) fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    match expected_format(subject.target.os()) {
        Format::Elf => elf_system(subject, findings),
        Format::Other(name) => other_system(subject, name, findings),
        Format::Unknown => {
            let message = format!("crossdock has no rule for programs of {}.", subject.target.name());
            findings.push(subject.finding(codes::UNKNOWN_TARGET, message));
        }
    }
}

enum Format {
    Elf,
    Other(&'static str),
    Unknown,
}

fn expected_format(os: Os) -> Format {
    match os {
        Os::Linux
        | Os::Android
        | Os::Freebsd
        | Os::Netbsd
        | Os::Openbsd
        | Os::Dragonfly
        | Os::Solaris
        | Os::Illumos => Format::Elf,
        Os::Darwin | Os::Ios => Format::Other("Mach-O"),
        Os::Windows => Format::Other("PE"),
        Os::Wasip1 | Os::Wasi | Os::Js => Format::Other("WebAssembly"),
        _ => Format::Unknown,
    }
}

fn elf_system(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let (code, what) = match subject.facts {
        // Other checks cover these two formats.
        Inspection::Elf(_) | Inspection::Script(_) => return,
        Inspection::Empty => (codes::EMPTY_FILE, "is empty".to_owned()),
        Inspection::MachO(_) => (codes::MACH_O_PROGRAM, "is a macOS program (Mach-O)".to_owned()),
        Inspection::Pe(_) => (codes::WINDOWS_PROGRAM, "is a Windows program (PE)".to_owned()),
        Inspection::Wasm => (codes::WASM_PROGRAM, "is a WebAssembly module".to_owned()),
        Inspection::Compressed(name) => (codes::COMPRESSED_FILE, format!("is a {name} file")),
        Inspection::GoArchive => (codes::GO_ARCHIVE, "is a compiled Go package, not a program".to_owned()),
        Inspection::Response(format) => {
            let what = format!("is an answer of a server in {format}, saved in place of a program");
            (codes::DOWNLOAD_FAILED, what)
        }
        Inspection::GitLfsPointer => {
            (codes::GIT_LFS_POINTER, "is a Git LFS pointer, not the file itself".to_owned())
        }
        Inspection::ByteOrderMark => {
            (codes::BYTE_ORDER_MARK, "has a byte order mark before its `#!`".to_owned())
        }
        Inspection::Text => {
            (codes::TEXT_WITHOUT_INTERPRETER, "is text that does not begin with `#!`".to_owned())
        }
        Inspection::Unknown => {
            (codes::NOT_A_PROGRAM, "is not in a format that the kernel recognizes".to_owned())
        }
    };
    findings.push(refused(subject, code, &what));
}

/// Creates the finding about a file that execve answers with ENOEXEC.
fn refused(subject: &Subject<'_>, code: Code, what: &str) -> Finding {
    let path = subject.path;
    let message = format!("{path} {what}: a node shows `exec {path}: exec format error`.");
    subject.finding(code, message).with_evidence("first bytes", first_bytes(subject))
}

fn first_bytes(subject: &Subject<'_>) -> String {
    let head: Vec<String> = subject.content.head(8).iter().map(|byte| format!("{byte:02x}")).collect();
    if head.is_empty() { "none".to_owned() } else { head.join(" ") }
}

/// Checks format and processor of a program for macOS, Windows or WebAssembly. Loaders and libraries of these systems
/// are not covered.
fn other_system(subject: &Subject<'_>, expected: &str, findings: &mut Vec<Finding>) {
    let path = subject.path;
    let fits = match subject.facts {
        Inspection::MachO(program) => {
            expected == "Mach-O"
                && program.cpu_types.iter().any(|cpu| macho_fits(*cpu, subject.target.architecture()))
        }
        Inspection::Pe(program) => {
            expected == "PE" && pe_fits(program.machine, subject.target.architecture())
        }
        Inspection::Wasm => expected == "WebAssembly" && subject.target.architecture() == Architecture::Wasm,
        _ => false,
    };
    if fits && matches!(subject.facts, Inspection::Pe(program) if program.is_library) {
        let message = format!(
            "{path} is a library (DLL), not a program: {} reports `not a valid Win32 application`.",
            subject.target.name()
        );
        findings.push(subject.finding(codes::SHARED_LIBRARY, message));
        return;
    }
    if fits {
        let message =
            format!("{path}: only format and processor were verified for {}.", subject.target.name());
        findings.push(subject.finding(codes::SHALLOW_CHECKS, message));
        return;
    }
    let right_format = matches!(
        (subject.facts, expected),
        (Inspection::MachO(_), "Mach-O") | (Inspection::Pe(_), "PE") | (Inspection::Wasm, "WebAssembly")
    );
    let code = if right_format { codes::WRONG_MACHINE } else { codes::NOT_A_PROGRAM };
    let what = if right_format { "is for another processor" } else { "is in another format" };
    let message =
        format!("{path} {what}: {} starts {expected} programs for its own processor.", subject.target.name());
    findings.push(subject.finding(code, message).with_evidence("first bytes", first_bytes(subject)));
}

fn macho_fits(cpu: u32, architecture: Architecture) -> bool {
    use object::macho::{CPU_TYPE_ARM64, CPU_TYPE_X86, CPU_TYPE_X86_64};
    match architecture {
        Architecture::Amd64 => cpu == CPU_TYPE_X86_64.0,
        Architecture::Arm64 => cpu == CPU_TYPE_ARM64.0,
        Architecture::I386 => cpu == CPU_TYPE_X86.0,
        _ => false,
    }
}

fn pe_fits(machine: u16, architecture: Architecture) -> bool {
    use object::pe::{
        IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_MACHINE_ARM64, IMAGE_FILE_MACHINE_ARMNT, IMAGE_FILE_MACHINE_I386,
    };
    match architecture {
        Architecture::Amd64 => machine == IMAGE_FILE_MACHINE_AMD64.0,
        Architecture::Arm64 => machine == IMAGE_FILE_MACHINE_ARM64.0,
        Architecture::I386 => machine == IMAGE_FILE_MACHINE_I386.0,
        Architecture::Arm => machine == IMAGE_FILE_MACHINE_ARMNT.0,
        _ => false,
    }
}
