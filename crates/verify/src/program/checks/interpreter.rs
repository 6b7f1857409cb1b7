//! Checks that the program's dynamic loader is in the image, and that the kernel would start it.

use crossdock_platform::Os;

use super::Subject;
use crate::program::container::Container;
use crate::program::inspect::{Elf, Inspection, Interpreter, Packed, inspect_file};
use crate::program::machine;
use crate::root::{EntryKind, ResolveError, Resolved, Root, resolve};
use crate::{Finding, codes};

pub(super) fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Inspection::Elf(elf) = subject.facts else { return };
    let path = match &elf.interpreter {
        None => return,
        Some(Interpreter::Path(path)) if !path.is_empty() => path,
        Some(_) => {
            let message = format!(
                "{path} has a damaged name of its dynamic loader: a node shows `exec {path}: exec format error` \
                 or `no such file or directory`.",
                path = subject.path
            );
            findings.push(subject.finding(codes::INTERPRETER_MALFORMED, message));
            return;
        }
    };
    if !matches!(subject.target.os(), Os::Linux | Os::Android) {
        return;
    }
    if let Some(system) = foreign_system(path) {
        findings.push(wrong_system(subject, path, system));
    }
    match subject.container {
        Some(container) => in_image(subject, elf, path, container, findings),
        None => {
            let message = format!(
                "{} is dynamic and needs the loader {path}; no image was given to search for it.",
                subject.path
            );
            findings.push(
                subject.finding(codes::INTERPRETER_UNCHECKED, message).with_evidence("PT_INTERP", path),
            );
        }
    }
}

/// Returns the system other than Linux that has this loader.
fn foreign_system(interpreter: &str) -> Option<&'static str> {
    match interpreter {
        "/libexec/ld-elf.so.1" | "/usr/libexec/ld-elf.so.1" => Some("FreeBSD"),
        "/libexec/ld.elf_so" | "/usr/libexec/ld.elf_so" => Some("NetBSD"),
        "/usr/libexec/ld.so" => Some("OpenBSD"),
        "/usr/libexec/ld-elf.so.2" => Some("DragonFly BSD"),
        "/usr/lib/amd64/ld.so.1" | "/lib/amd64/ld.so.1" | "/lib/64/ld.so.1" => Some("Solaris"),
        _ => None,
    }
}

fn wrong_system(subject: &Subject<'_>, interpreter: &str, system: &str) -> Finding {
    let message = format!(
        "{path} names {interpreter}, the loader of {system}, but the target is {}: a node shows `exec {path}: no such file or \
         directory`.",
        subject.target.name(),
        path = subject.path
    );
    subject.finding(codes::WRONG_SYSTEM, message).with_evidence("PT_INTERP", interpreter)
}

fn in_image(
    subject: &Subject<'_>,
    elf: &Elf,
    interpreter: &str,
    image: Container<'_>,
    findings: &mut Vec<Finding>,
) {
    match image.resolve(interpreter) {
        Ok(found) => existing(subject, elf, interpreter, &found, image, findings),
        Err(ResolveError::Unreadable(error)) => {
            findings.push(subject.finding(codes::UNREADABLE, format!("{}: {error}.", subject.path)));
        }
        Err(error) => findings.push(missing(subject, interpreter, &error, image.root)),
    }
}

fn missing(subject: &Subject<'_>, interpreter: &str, error: &ResolveError, root: &dyn Root) -> Finding {
    let path = subject.path;
    let others = loaders_present(root);
    let instead = match others.as_slice() {
        [] => "The image has no dynamic loader at all.".to_owned(),
        others => format!("The image has {} instead.", others.join(", ")),
    };
    let message = format!(
        "{path} needs the dynamic loader {interpreter}, and {error}. {instead} A node shows `exec {path}: no such file or \
         directory`, although {path} exists."
    );
    subject.finding(codes::INTERPRETER_MISSING, message).with_evidence("PT_INTERP", interpreter)
}

/// Returns the common loaders that the image has. They tell an image with glibc from one with musl.
pub(crate) fn loaders_present(root: &dyn Root) -> Vec<&'static str> {
    const LOADERS: &[&str] = &[
        "/lib64/ld-linux-x86-64.so.2",
        "/lib/ld-musl-x86_64.so.1",
        "/lib/ld-linux-aarch64.so.1",
        "/lib/ld-musl-aarch64.so.1",
        "/lib/ld-linux-armhf.so.3",
        "/lib/ld-musl-armhf.so.1",
        "/lib/ld-linux.so.3",
        "/lib/ld-musl-arm.so.1",
        "/lib/ld-linux.so.2",
        "/lib/ld-musl-i386.so.1",
        "/lib64/ld64.so.2",
        "/lib/ld-musl-powerpc64le.so.1",
        "/lib/ld-linux-riscv64-lp64d.so.1",
        "/lib/ld-musl-riscv64.so.1",
        "/lib/ld64.so.1",
        "/lib/ld-musl-s390x.so.1",
        "/lib64/ld-linux-loongarch-lp64d.so.1",
        "/lib/ld-musl-loongarch64.so.1",
        "/lib64/ld.so.1",
        "/lib/ld.so.1",
    ];
    LOADERS.iter().copied().filter(|path| resolve(root, path).is_ok()).collect()
}

fn existing(
    subject: &Subject<'_>,
    elf: &Elf,
    interpreter: &str,
    found: &Resolved,
    image: Container<'_>,
    findings: &mut Vec<Finding>,
) {
    let path = subject.path;
    let is_file = found.entry.kind == EntryKind::File;
    // The kernel opens the loader with `open_exec`, with the demands that it makes of the program: a regular file
    // that the user may execute, below directories that the user may search.
    if !image.user.may_start(found) {
        let message = format!(
            "{path} needs the dynamic loader {interpreter}, and {} may not execute it: a node shows `exec {path}: permission \
             denied`.",
            image.user
        );
        let mode = format!("{:04o}", found.entry.mode);
        findings.push(
            subject.finding(codes::INTERPRETER_NOT_EXECUTABLE, message).with_evidence(&*found.path, mode),
        );
    }
    if !is_file {
        return;
    }
    match inspect_file(image.root, &found.path) {
        Ok(loader) => {
            let Some(why) = unfit(&loader.facts, elf) else { return };
            let message = format!("{path} needs the dynamic loader {interpreter}, and {} {why}.", found.path);
            findings.push(
                subject.finding(codes::INTERPRETER_WRONG, message).with_evidence("PT_INTERP", interpreter),
            );
        }
        Err(error) => findings.push(subject.finding(codes::UNREADABLE, format!("{path}: {error}."))),
    }
}

/// The effect of ELIBBAD.
const CORRUPTED: &str = "a node shows `accessing a corrupted shared library`";

/// Returns the reason why the kernel cannot start the loader, or not for this program.
fn unfit(loader: &Inspection, program: &Elf) -> Option<String> {
    // `load_elf_binary` answers EIO if the file is shorter than an ELF header, and ELIBBAD without the ELF magic or for
    // another architecture.
    match loader {
        Inspection::Elf(loader) => unfit_elf(loader, program),
        Inspection::Empty => Some("is empty: a node shows `input/output error`".to_owned()),
        _ => Some(format!("is not an ELF program: {CORRUPTED}")),
    }
}

/// Returns the reason why the kernel cannot start an ELF file as the loader of this program.
pub(super) fn unfit_elf(loader: &Elf, program: &Elf) -> Option<String> {
    if loader.is_header_truncated {
        return Some("is truncated: a node shows `input/output error`".to_owned());
    }
    if !loader.has_machine_of(program) {
        return Some(format!("is for {}: {CORRUPTED}", machine::describe(loader)));
    }
    // The kernel maps pages beyond the end of a file without an error; the loader fails when it touches them
    // (mmap(2)).
    if loader.missing_end().is_some() {
        return Some("is truncated: the program crashes at once (exit 139, segmentation fault)".to_owned());
    }
    let is_program = loader.is_executable_type() && loader.loaded().next().is_some();
    (!is_program).then(|| format!("is not an ELF program: {CORRUPTED}"))
}

/// Checks a program that UPX packed: it has no `PT_INTERP`, and may still need a loader.
pub(super) fn packed(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Inspection::Elf(elf) = subject.facts else { return };
    let (Some(packed), None) = (elf.packed, &elf.interpreter) else { return };
    let what = match packed {
        Packed::Static => return,
        Packed::Dynamic => "which hides the dynamic loader that it needs and its libraries",
        Packed::Unknown => "in a way that hides whether it needs a dynamic loader and libraries",
    };
    let message = format!(
        "{} is packed by UPX, {what}: if the image lacks one, the program stops with exit 127, without a message.",
        subject.path
    );
    findings.push(subject.finding(codes::PACKED_PROGRAM, message).with_evidence("magic", "UPX!"));
}
