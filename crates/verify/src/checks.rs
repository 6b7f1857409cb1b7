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

use crate::subject::Subject;
use crate::{Code, Finding, codes};

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

/// True for a finding that says no more than that the file is not a program.
pub(crate) fn is_about_no_program(code: Code) -> bool {
    [
        codes::EMPTY_FILE,
        codes::COMPRESSED_FILE,
        codes::TEXT_WITHOUT_INTERPRETER,
        codes::NOT_A_PROGRAM,
        codes::OBJECT_FILE,
        codes::SHARED_LIBRARY,
        codes::WASM_PROGRAM,
        codes::SCRIPT_ENTRY_POINT,
    ]
    .contains(&code)
}
