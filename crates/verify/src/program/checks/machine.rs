//! Checks that the program is for the target's processor, byte order, width, ABI and operating system.

use crossdock_platform::{Architecture, FloatAbi, Os};
use object::elf::{
    EF_ARM_ABI_FLOAT_HARD, EF_ARM_ABI_FLOAT_SOFT, EF_ARM_EABI_VER5, EF_ARM_EABIMASK, EF_MIPS_ABI2,
    EF_RISCV_RVE, EM_ARM, EM_MIPS, EM_X86_64,
};

use super::Subject;
use crate::program::container::Container;
use crate::program::inspect::{Class, Elf, Inspection, Interpreter};
use crate::program::machine::{self, Machine};
use crate::target::Tristate;
use crate::{Finding, codes};

pub(super) fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Inspection::Elf(elf) = subject.facts else { return };
    if elf.is_header_truncated {
        return;
    }
    let planned = subject.expectation.map(|expectation| expectation.platform.architecture());
    let architecture = planned.unwrap_or(subject.target.architecture());
    let Some(machine) = Machine::of(architecture) else {
        let message = format!("crossdock has no rule for ELF programs of {architecture}.");
        findings.push(subject.finding(codes::UNKNOWN_TARGET, message));
        return;
    };
    if machine::architecture_of(elf) == Some(architecture) {
        abi(subject, elf, architecture, findings);
    } else if planned.is_none() && is_32_bit_sibling(elf, architecture) {
        compatibility_mode(subject, elf, findings);
    } else {
        findings.push(mismatch(subject, elf, machine, architecture));
    }
    // An arm64 node pulls the image for arm/v7 if the index has none for arm64 (containerd's `platformVector`): the
    // program is right for its plan, and must start on that node too.
    if planned.is_some_and(|planned| planned != subject.target.architecture()) {
        planned_elsewhere(subject, elf, findings);
    }
    system(subject, elf, findings);
}

fn is_32_bit_sibling(elf: &Elf, architecture: Architecture) -> bool {
    machine::compatible_32_bit(architecture).is_some_and(|name| machine::architecture_of(elf) == Some(name))
}

/// Checks a program that is right for its plan on nodes of another architecture.
fn planned_elsewhere(subject: &Subject<'_>, elf: &Elf, findings: &mut Vec<Finding>) {
    let target = subject.target.architecture();
    if is_32_bit_sibling(elf, target) {
        compatibility_mode(subject, elf, findings);
    } else if let Some(machine) = Machine::of(target)
        && machine::architecture_of(elf) != Some(target)
    {
        findings.push(mismatch(subject, elf, machine, target));
    }
}

fn compatibility_mode(subject: &Subject<'_>, elf: &Elf, findings: &mut Vec<Finding>) {
    let (path, what, target) = (subject.path, machine::describe(elf), subject.target.name());
    let (code, message) = match (subject.target.node().runs_32_bit, subject.target.architecture()) {
        (Tristate::No, _) => (
            codes::NO_32_BIT_MODE,
            format!(
                "{path} is a 32-bit program for {what}, and the nodes have no 32-bit mode: they show `exec {path}: exec format error`."
            ),
        ),
        // Every common x86-64 kernel is built with IA32 emulation.
        (Tristate::Yes, _) | (Tristate::Unknown, Architecture::Amd64) => (
            codes::COMPATIBILITY_MODE,
            format!("{path} is a 32-bit program for {what}; nodes of {target} run it in compatibility mode."),
        ),
        (Tristate::Unknown, _) => (
            codes::COMPATIBILITY_MODE_UNKNOWN,
            format!(
                "{path} is a 32-bit program for {what}; some nodes of {target} run it, others show `exec {path}: exec format error`."
            ),
        ),
    };
    findings.push(subject.finding(code, message).with_evidence("e_machine", elf.machine.to_string()));
}

/// Creates the finding about the most significant difference between a program and the expected machine.
fn mismatch(subject: &Subject<'_>, elf: &Elf, machine: Machine, architecture: Architecture) -> Finding {
    let path = subject.path;
    // x32 programs have the machine number of amd64, and distributions disable that ABI.
    let (code, what) = if elf.machine == EM_X86_64.0
        && elf.class == Class::Elf32
        && architecture == Architecture::Amd64
    {
        (codes::WRONG_ABI, "uses the x32 ABI, which kernels usually omit".to_owned())
    } else if elf.machine != machine.number {
        (codes::WRONG_MACHINE, format!("is for {}", machine::describe(elf)))
    } else if elf.endianness != machine.endianness {
        (codes::WRONG_BYTE_ORDER, format!("is {}, for {}", elf.endianness.as_str(), machine::describe(elf)))
    } else {
        (codes::WRONG_CLASS, format!("is {}-bit, for {}", elf.class.bits(), machine::describe(elf)))
    };
    let message = format!(
        "{path} {what}, but must be for {architecture} (target {}): a node shows `exec {path}: exec format error`.",
        subject.target.name()
    );
    subject
        .finding(code, message)
        .with_evidence("e_machine", elf.machine.to_string())
        .with_evidence("width", format!("{}-bit", elf.class.bits()))
        .with_evidence("byte order", elf.endianness.as_str())
}

/// Checks the parts of `e_flags` that decide whether the kernel accepts the file, or whether the program can work at
/// all.
fn abi(subject: &Subject<'_>, elf: &Elf, architecture: Architecture, findings: &mut Vec<Finding>) {
    let why = match architecture {
        // The low two bits are the version of the ABI; 0 means that the file does not say (ELFv2 ABI, EF_PPC64_ABI).
        Architecture::Ppc64le if elf.flags & 3 == 1 => {
            "it follows ELFv1, and little-endian Linux supports only ELFv2"
        }
        Architecture::Riscv64 if elf.flags & EF_RISCV_RVE.0 != 0 => "it is for the embedded base RV64E",
        // The highest byte is the version of the EABI. Kernels run programs without one only with CONFIG_OABI_COMPAT.
        Architecture::Arm if elf.machine == EM_ARM.0 && elf.flags >> 24 == 0 => {
            "it follows the old ARM ABI (OABI)"
        }
        Architecture::Mips | Architecture::Mipsle
            if elf.machine == EM_MIPS.0 && elf.flags & EF_MIPS_ABI2.0 != 0 =>
        {
            "it follows the n32 ABI"
        }
        _ => return,
    };
    let message = format!(
        "{path} does not match {}: {why}. A node shows `exec {path}: exec format error`, or the program crashes.",
        subject.target.name(),
        path = subject.path
    );
    findings.push(
        subject.finding(codes::WRONG_ABI, message).with_evidence("e_flags", format!("{:#x}", elf.flags)),
    );
}

/// Checks the operating system by the notes and the loader's name. Linux ignores `EI_OSABI`, so it does not count.
fn system(subject: &Subject<'_>, elf: &Elf, findings: &mut Vec<Finding>) {
    if !matches!(subject.target.os(), Os::Linux | Os::Android) {
        return;
    }
    let Some(system) = elf.notes.system.as_deref().filter(|system| *system != "Android") else { return };
    let message = format!(
        "{path} is a program for {system}, and the target is {}: a node shows `exec {path}: no such file or directory`, or the \
         program crashes at its first system call.",
        subject.target.name(),
        path = subject.path
    );
    findings.push(subject.finding(codes::WRONG_SYSTEM, message).with_evidence("note", system));
}

/// Returns the float ABI of an ARM program: that of its header, which linkers write, else that of its attributes. An
/// attribute states only that floating-point registers are used: without it the program may pass no such number at all.
fn float_abi_of(elf: &Elf) -> Option<FloatAbi> {
    // Before version 5 of the EABI the same two bits meant the format of the floating-point unit.
    let has = |flag: u32| elf.flags & EF_ARM_EABIMASK == EF_ARM_EABI_VER5.0 && elf.flags & flag != 0;
    match (has(EF_ARM_ABI_FLOAT_HARD), has(EF_ARM_ABI_FLOAT_SOFT)) {
        (true, false) => Some(FloatAbi::Hard),
        (false, true) => Some(FloatAbi::Soft),
        _ => elf.arm.filter(|arm| arm.passes_floats_in_registers).map(|_| FloatAbi::Hard),
    }
}

/// Returns the float ABI that a loader's name implies, as glibc and musl choose it.
fn float_abi_of_name(interpreter: &str) -> Option<FloatAbi> {
    match interpreter.rsplit('/').next()? {
        "ld-linux-armhf.so.3" | "ld-musl-armhf.so.1" => Some(FloatAbi::Hard),
        "ld-linux.so.3" | "ld-musl-arm.so.1" => Some(FloatAbi::Soft),
        _ => None,
    }
}

fn argument_registers(abi: FloatAbi) -> &'static str {
    match abi {
        FloatAbi::Soft => "in core registers (soft float, armel)",
        FloatAbi::Hard => "in floating-point registers (hard float, armhf)",
    }
}

/// Checks that a 32-bit ARM program and its dynamic loader pass floating-point numbers in the same way.
pub(super) fn float_abi(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Inspection::Elf(elf) = subject.facts else { return };
    let Some(Interpreter::Path(interpreter)) = &elf.interpreter else { return };
    // A program without libraries passes floating-point numbers to none.
    let calls_libraries = elf.dynamic.as_ref().is_some_and(|dynamic| !dynamic.needed.is_empty());
    if elf.machine != EM_ARM.0 || !calls_libraries {
        return;
    }
    let of_loader = match subject.container {
        Some(image) => loader_abi(image, interpreter),
        None => float_abi_of_name(interpreter),
    };
    let (Some(own), Some(of_loader)) = (float_abi_of(elf), of_loader) else { return };
    if own == of_loader {
        return;
    }
    let message = format!(
        "{path} passes floating-point numbers {}, and the libraries of its loader {interpreter} take them {}: every call with such a \
         number goes wrong (other numbers, or exit 139).",
        argument_registers(own),
        argument_registers(of_loader),
        path = subject.path
    );
    findings.push(
        subject
            .finding(codes::WRONG_ABI, message)
            .with_evidence("e_flags", format!("{:#x}", elf.flags))
            .with_evidence("PT_INTERP", interpreter),
    );
}

/// Returns the float ABI of the loader in the image. The file counts more than its name: old distributions had a
/// hard-float loader under the soft-float name.
fn loader_abi(image: Container<'_>, interpreter: &str) -> Option<FloatAbi> {
    float_abi_of(&image.elf_file(interpreter)?.elf).or_else(|| float_abi_of_name(interpreter))
}
