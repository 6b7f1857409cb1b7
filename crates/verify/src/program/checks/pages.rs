//! Checks that an allocator supports the pages of the nodes.

use crossdock_platform::JEMALLOC_LG_PAGE;

use super::Subject;
use crate::program::inspect::{self, Inspection, Jemalloc};
use crate::{Finding, codes};

/// The smallest pages of arm64 kernels, which every jemalloc supports.
const SMALLEST_PAGE: u64 = 4 << 10;

/// Checks the jemalloc in a program.
pub(super) fn jemalloc(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let (Inspection::Elf(elf), Some(_)) = (subject.facts, subject.target.large_page_on_arm64()) else {
        return;
    };
    let found = inspect::jemalloc(subject.content, elf);
    findings.extend(found.and_then(|jemalloc| unsupported_page(subject, subject.path, jemalloc)));
}

/// Returns the finding about a jemalloc in a program or library; `None` if it supports the pages of every node.
pub(super) fn unsupported_page(subject: &Subject<'_>, path: &str, jemalloc: Jemalloc) -> Option<Finding> {
    let supported = jemalloc.page_size.unwrap_or(SMALLEST_PAGE);
    let largest = subject.target.large_page_on_arm64().map(u64::from).filter(|page| *page > supported)?;
    let built = match jemalloc.page_size {
        Some(size) => format!("built for pages of at most {} KiB", size / 1024),
        None => "whose build for certain pages is unknown".to_owned(),
    };
    let message = format!(
        "{path} has jemalloc, {built}: a node with pages of {} KiB may show `<jemalloc>: Unsupported system page size`, and the \
         program stops.",
        largest / 1024
    );
    let help = format!(
        "Build with {JEMALLOC_LG_PAGE}={} (`--with-lg-page={0}` of jemalloc itself), or name nodes with smaller pages with `--for`.",
        largest.ilog2()
    );
    let finding = subject.finding(codes::ALLOCATOR_PAGE_SIZE, message).with_help(help);
    let size = jemalloc.page_size.map_or_else(|| "unknown".to_owned(), |size| size.to_string());
    Some(finding.with_evidence("largest page size", size))
}
