//! Checks that the kernel loads the ELF file, and that the file contains all of the program.

use object::elf::{EM_AARCH64, EM_X86_64, ET_CORE, ET_DYN, ET_REL};

use super::Subject;
use crate::program::inspect::{Class, Elf, Inspection, Segment};
use crate::{Finding, codes};

/// The size of all program headers that the kernel reads (`load_elf_phdrs`).
const MAX_HEADER_BYTES: u32 = 65536;

/// No Linux port has smaller pages.
const MIN_PAGE_SIZE: u64 = 4096;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Inspection::Elf(elf) = subject.facts else { return };
    file_type(subject, elf, findings);
    program_headers(subject, elf, findings);
    if elf.segments.len() < usize::from(elf.program_headers) {
        // Segments without a header cannot be checked.
        return;
    }
    truncation(subject, elf, findings);
    contradictions(subject, elf, findings);
    entry_address(subject, elf, findings);
}

fn file_type(subject: &Subject<'_>, elf: &Elf, findings: &mut Vec<Finding>) {
    if elf.is_header_truncated || elf.is_executable_type() {
        return;
    }
    let what = match object::elf::FileType(elf.file_type) {
        ET_REL => "an object file that was never linked".to_owned(),
        ET_CORE => "a core dump".to_owned(),
        other => format!("an ELF file of type {}, which cannot start", other.0),
    };
    let message =
        format!("{path} is {what}: a node shows `exec {path}: exec format error`.", path = subject.path);
    findings.push(
        subject.finding(codes::OBJECT_FILE, message).with_evidence("e_type", elf.file_type.to_string()),
    );
}

fn program_headers(subject: &Subject<'_>, elf: &Elf, findings: &mut Vec<Finding>) {
    let expected = elf.class.program_header_size();
    let wanted = u32::from(elf.program_headers) * u32::from(expected);
    let why = if elf.is_header_truncated {
        format!("it has {} bytes, fewer than an ELF header", elf.length)
    } else if !elf.is_executable_type() {
        return;
    } else if elf.program_header_size != expected {
        format!(
            "its program headers have a stated size of {} bytes instead of {expected}",
            elf.program_header_size
        )
    } else if wanted == 0 || wanted > MAX_HEADER_BYTES {
        format!("it has {} program headers", elf.program_headers)
    } else if elf.segments.len() < usize::from(elf.program_headers) {
        format!("it ends before its {} program headers do", elf.program_headers)
    } else if elf.loaded().next().is_none() {
        "none of its segments is loaded".to_owned()
    } else {
        return;
    };
    let message = format!(
        "{path} does not load, because {why}: a node shows `exec {path}: exec format error`.",
        path = subject.path
    );
    let finding = subject.finding(codes::BAD_PROGRAM_HEADERS, message);
    findings.push(
        finding
            .with_evidence("e_phentsize", elf.program_header_size.to_string())
            .with_evidence("e_phnum", elf.program_headers.to_string()),
    );
}

fn truncation(subject: &Subject<'_>, elf: &Elf, findings: &mut Vec<Finding>) {
    // Bytes after the last segment, such as debug sections, are not needed to start.
    let Some(end) = elf.missing_end() else { return };
    let message = format!(
        "{} ends at byte {} and its last segment at byte {}: the rest is missing, and the program crashes where it begins \
         (exit 139, segmentation fault).",
        subject.path, elf.length, end
    );
    findings.push(
        subject
            .finding(codes::TRUNCATED_FILE, message)
            .with_evidence("p_offset + p_filesz", end.to_string())
            .with_evidence("file size", elf.length.to_string()),
    );
}

/// Returns the end of the largest address space that Linux gives a program.
fn address_space(elf: &Elf) -> u64 {
    match (elf.class, object::elf::Machine(elf.machine)) {
        (Class::Elf32, _) => 1 << 32,
        (Class::Elf64, EM_X86_64) => 1 << 47,
        // arm64 gives programs up to 52 bits and RISC-V up to 56; an address above that is damage.
        (Class::Elf64, _) => 1 << 56,
    }
}

/// Checks the contradictions that the kernel answers with `invalid argument`: a segment that is larger in the file than
/// in memory, or whose address and offset differ within the smallest page.
fn contradictions(subject: &Subject<'_>, elf: &Elf, findings: &mut Vec<Finding>) {
    let end = address_space(elf);
    let why = |segment: &Segment| {
        let beyond = segment.address.checked_add(segment.memory_size).is_none_or(|last| last > end);
        // `load_elf_binary` (fs/binfmt_elf.c) answers with EINVAL.
        if segment.file_size > segment.memory_size {
            Some("is larger in the file than in memory")
        // mmap(2) takes only offsets that are multiples of the page size.
        } else if !segment.address.wrapping_sub(segment.offset).is_multiple_of(MIN_PAGE_SIZE) {
            Some("has an address and a file offset that no page size fits")
        } else if beyond {
            Some("exceeds the address space of a program")
        } else {
            None
        }
    };
    let Some((segment, why)) = elf.loaded().find_map(|segment| Some((segment, why(segment)?))) else {
        return;
    };
    let message = format!(
        "{path} contradicts itself: its segment at address {:#x} {why}. A node shows `exec {path}: invalid argument`, or the \
         program crashes at once.",
        segment.address,
        path = subject.path
    );
    let finding = subject.finding(codes::DAMAGED_PROGRAM, message);
    findings.push(
        finding
            .with_evidence("p_offset", format!("{:#x}", segment.offset))
            .with_evidence("p_filesz", format!("{:#x}", segment.file_size))
            .with_evidence("p_memsz", format!("{:#x}", segment.memory_size)),
    );
}

fn entry_address(subject: &Subject<'_>, elf: &Elf, findings: &mut Vec<Finding>) {
    if !elf.is_executable_type() || elf.loaded().next().is_none() {
        return;
    }
    // The first ABI of ppc64 begins at a descriptor, and old 32-bit kernels execute readable memory.
    let wants_code = [EM_X86_64.0, EM_AARCH64.0].contains(&elf.machine);
    let is_inside = elf
        .loaded()
        .filter(|segment| !wants_code || segment.is_executable())
        .any(|segment| elf.entry >= segment.address && elf.entry - segment.address < segment.memory_size);
    // A library has the type of a position-independent program, so only its other traits tell the two from each
    // other.
    let is_library = elf.file_type == ET_DYN.0 && elf.is_static() && has_signs_of_a_library(elf);
    if is_library && !is_loader(elf) {
        let message = format!(
            "{} is a shared library: it has no program interpreter{}, and a node shows `exec format error` or the program \
             crashes at once (exit 139).",
            subject.path,
            if elf.entry == 0 { " and no entry point" } else { "" }
        );
        findings.push(
            subject.finding(codes::SHARED_LIBRARY, message).with_evidence("e_entry", elf.entry.to_string()),
        );
    } else if !is_inside {
        let message = format!(
            "{} has the entry address {:#x}, where no code is loaded: it crashes at once (exit 139, segmentation fault).",
            subject.path, elf.entry
        );
        findings.push(
            subject
                .finding(codes::BAD_ENTRY_ADDRESS, message)
                .with_evidence("e_entry", format!("{:#x}", elf.entry)),
        );
    }
}

/// Returns whether a file looks like a library. A static position-independent program has an entry point, no soname and
/// no libraries.
fn has_signs_of_a_library(elf: &Elf) -> bool {
    let dynamic = elf.dynamic.as_ref();
    elf.entry == 0
        || dynamic.is_some_and(|dynamic| {
            !dynamic.is_pie() && (dynamic.soname.is_some() || !dynamic.needed.is_empty())
        })
}

/// Returns whether the file is a dynamic loader, which is both a shared library and a program.
fn is_loader(elf: &Elf) -> bool {
    let soname = elf.dynamic.as_ref().and_then(|dynamic| dynamic.soname.as_deref()).unwrap_or_default();
    elf.entry != 0
        && (soname.starts_with("ld-") || soname.starts_with("ld.so") || soname.starts_with("ld64.so"))
}

/// Checks that the program's segments fit the nodes' pages.
pub(super) fn page_size(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Inspection::Elf(elf) = subject.facts else { return };
    // A file is mapped by whole pages, so that address and offset must agree modulo the page size.
    let pages = &subject.target.node().page_sizes;
    let failing: Vec<u64> =
        pages.iter().copied().map(u64::from).filter(|page| first_unfit(elf, *page).is_some()).collect();
    let (Some(page), Some(segment)) =
        (failing.first(), failing.first().and_then(|page| first_unfit(elf, *page)))
    else {
        return;
    };
    let code = if failing.len() == pages.len() { codes::PAGE_SIZE } else { codes::PAGE_SIZE_RISK };
    let message = format!(
        "{} has a segment at address {:#x} and file offset {:#x}, which cannot be mapped with pages of {} KiB: a node with such \
         pages shows `ELF load command address/offset not page-aligned`, or kills it.",
        subject.path,
        segment.address,
        segment.offset,
        page / 1024
    );
    findings
        .push(subject.finding(code, message).with_evidence("p_align", format!("{:#x}", segment.alignment)));
}

/// Returns the first segment that the kernel cannot map with pages of this many bytes: its address and offset differ
/// within a page.
fn first_unfit(elf: &Elf, page: u64) -> Option<&Segment> {
    elf.loaded().find(|segment| page != 0 && segment.address.wrapping_sub(segment.offset) % page != 0)
}
