//! The catalogue: one file per kind of trouble.

pub(crate) mod config_agrees;
mod elf_machine;
pub(crate) mod entry_point;
mod file_capabilities;
mod file_format;
mod float_abi;
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

use crate::inspect::inspect_file;
use crate::resolve::Resolved;
use crate::subject::{Subject, Surroundings};
use crate::{Code, Expectation, Finding, Target, codes};

/// A check of one program. It adds what it finds, and says nothing about what another check looks at.
type Check = fn(&Subject<'_>, &mut Vec<Finding>);

/// Every check of a program, in the order of the catalogue.
const PROGRAM_CHECKS: &[Check] = &[
    file_format::check,
    loadable::check,
    elf_machine::check,
    linkage::check,
    interpreter::check,
    float_abi::check,
    libraries::check,
    go_build_info::check,
    level::check,
    page_size::check,
    file_capabilities::check,
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

/// Runs every check of a program on a file of an image.
pub(crate) fn judge_in_image(
    found: &Resolved,
    target: &Target,
    expectation: Option<&Expectation>,
    image: Surroundings<'_>,
    depth: u8,
) -> Vec<Finding> {
    match inspect_file(image.root, &found.path, found.entry.size) {
        Ok(file) => judge(&Subject {
            path: &found.path,
            bytes: &file.bytes,
            facts: &file.facts,
            target,
            expectation,
            surroundings: Some(image),
            depth,
        }),
        Err(error) => vec![Finding::new(codes::UNREADABLE, target.name(), &found.path, format!("{error}."))],
    }
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
