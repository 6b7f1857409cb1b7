//! Do the program's segments fit the nodes' pages?

use crate::inspect::{Elf, Inspection, Segment};
use crate::subject::Subject;
use crate::{Finding, codes};

pub(super) fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Inspection::Elf(elf) = subject.facts else { return };
    let pages = &subject.target.node().page_sizes;
    let failing: Vec<u64> = pages.iter().copied().filter(|page| first_unfit(elf, *page).is_some()).collect();
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

/// The first segment that the kernel cannot map with pages of this many bytes: address and offset differ within a page.
fn first_unfit(elf: &Elf, page: u64) -> Option<&Segment> {
    elf.loaded().find(|segment| page != 0 && segment.address.wrapping_sub(segment.offset) % page != 0)
}
