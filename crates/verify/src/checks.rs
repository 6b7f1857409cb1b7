//! The catalogue: one file per kind of trouble.

pub(crate) mod config_agrees;
mod elf_machine;
pub(crate) mod entry_point;
mod file_format;
mod go_build_info;
mod interpreter;
mod level;
mod libraries;
mod linkage;
mod loadable;
mod page_size;
pub(crate) mod ports;
mod script;
pub(crate) mod user;

use crate::Finding;
use crate::subject::Subject;

/// A check of one program. It adds what it finds, and says nothing about what another check looks at.
type Check = fn(&Subject<'_>, &mut Vec<Finding>);

/// Every check of a program, in the order of the catalogue.
const PROGRAM_CHECKS: &[Check] = &[
    file_format::check,
    loadable::check,
    elf_machine::check,
    linkage::check,
    interpreter::check,
    libraries::check,
    go_build_info::check,
    level::check,
    page_size::check,
    script::check,
];

/// Runs every check of a program.
pub(crate) fn judge(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for check in PROGRAM_CHECKS {
        check(subject, &mut findings);
    }
    findings
}
