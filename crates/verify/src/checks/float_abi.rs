//! Do a 32-bit ARM program and its dynamic loader pass floating-point numbers in the same way?

use object::elf::{EF_ARM_ABI_FLOAT_HARD, EF_ARM_ABI_FLOAT_SOFT, EF_ARM_EABI_VER5, EF_ARM_EABIMASK, EM_ARM};

use crate::inspect::{Elf, Inspection, Interpreter, inspect_file};
use crate::resolve::resolve;
use crate::root::EntryKind;
use crate::subject::{Subject, Surroundings};
use crate::{Finding, codes};

/// Where functions take their floating-point arguments from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FloatAbi {
    Soft,
    Hard,
}

impl FloatAbi {
    /// What the file's header says (linkers write it), else its attributes. These say only that floating-point
    /// registers are used: a file without the attribute may as well pass no such number.
    fn of(elf: &Elf) -> Option<FloatAbi> {
        let has = |flag: u32| elf.flags & EF_ARM_EABIMASK == EF_ARM_EABI_VER5.0 && elf.flags & flag != 0;
        match (has(EF_ARM_ABI_FLOAT_HARD), has(EF_ARM_ABI_FLOAT_SOFT)) {
            (true, false) => Some(FloatAbi::Hard),
            (false, true) => Some(FloatAbi::Soft),
            _ => elf.arm.filter(|arm| arm.passes_floats_in_registers).map(|_| FloatAbi::Hard),
        }
    }

    /// What the loader's name says, as glibc and musl choose it.
    fn of_name(interpreter: &str) -> Option<FloatAbi> {
        match interpreter.rsplit('/').next()? {
            "ld-linux-armhf.so.3" | "ld-musl-armhf.so.1" => Some(FloatAbi::Hard),
            "ld-linux.so.3" | "ld-musl-arm.so.1" => Some(FloatAbi::Soft),
            _ => None,
        }
    }

    fn describe(self) -> &'static str {
        match self {
            FloatAbi::Soft => "in core registers (soft float, armel)",
            FloatAbi::Hard => "in floating-point registers (hard float, armhf)",
        }
    }
}

pub(super) fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Inspection::Elf(elf) = subject.facts else { return };
    let Some(Interpreter::Path(interpreter)) = &elf.interpreter else { return };
    // A program that needs no library calls none with floating-point numbers.
    let calls_libraries = elf.dynamic.as_ref().is_some_and(|dynamic| !dynamic.needed.is_empty());
    if elf.machine != EM_ARM.0 || !calls_libraries {
        return;
    }
    let of_loader = match subject.surroundings {
        Some(image) => in_image(image, interpreter),
        None => FloatAbi::of_name(interpreter),
    };
    let (Some(own), Some(of_loader)) = (FloatAbi::of(elf), of_loader) else { return };
    if own == of_loader {
        return;
    }
    let message = format!(
        "{path} passes floating-point numbers {}, and the libraries of its loader {interpreter} take them {}: every call with such a \
         number goes wrong (other numbers, or exit 139).",
        own.describe(),
        of_loader.describe(),
        path = subject.path
    );
    findings.push(
        subject
            .finding(codes::WRONG_ABI, message)
            .with_evidence("e_flags", format!("{:#x}", elf.flags))
            .with_evidence("PT_INTERP", interpreter),
    );
}

/// What the loader in the image is, whatever its name: old distributions had hard float under the other one.
fn in_image(image: Surroundings<'_>, interpreter: &str) -> Option<FloatAbi> {
    let found = resolve(image.root, interpreter).ok().filter(|found| found.entry.kind == EntryKind::File)?;
    let file = inspect_file(image.root, &found.path, found.entry.size).ok()?;
    let Inspection::Elf(loader) = file.facts else { return None };
    FloatAbi::of(&loader).or_else(|| FloatAbi::of_name(interpreter))
}
