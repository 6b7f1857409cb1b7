//! The checks of a program, in the order in which they run.

mod capabilities;
mod format;
mod interpreter;
mod level;
mod libraries;
mod loadable;
mod machine;
mod plan;
mod script;

use super::container::Container;
use super::inspect::{Inspection, inspect_file};
use crate::root::Resolved;
use crate::{Code, Expectation, Finding, Target, codes};

/// A program to judge, with everything around it that a check may need.
pub(crate) struct Subject<'a> {
    /// Where it stands: in the image, else on the developer's disk.
    pub(crate) path: &'a str,
    /// Its first bytes at least.
    pub(crate) bytes: &'a [u8],
    pub(crate) facts: &'a Inspection,
    pub(crate) target: &'a Target,
    pub(crate) expectation: Option<&'a Expectation>,
    pub(crate) container: Option<Container<'a>>,
    /// How many scripts led here.
    pub(crate) depth: u8,
}

impl Subject<'_> {
    /// A finding about this program.
    pub(crate) fn finding(&self, code: Code, message: impl Into<String>) -> Finding {
        Finding::new(code, self.target.name(), self.path, message)
    }
}

/// A check of one program. It adds what it finds, and says nothing about what another check looks at.
type Check = fn(&Subject<'_>, &mut Vec<Finding>);

/// Every check of a program, in the order of the catalogue.
const PROGRAM_CHECKS: &[Check] = &[
    format::check,
    loadable::check,
    machine::check,
    plan::linkage,
    interpreter::check,
    machine::float_abi,
    libraries::check,
    plan::go_build_info,
    level::check,
    loadable::page_size,
    capabilities::check,
    script::check,
];

/// Runs every check of a program.
pub(crate) fn run(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for check in PROGRAM_CHECKS {
        check(subject, &mut findings);
    }
    findings
}

/// Runs every check of a program on a file of an image.
pub(crate) fn check_file(
    found: &Resolved,
    target: &Target,
    expectation: Option<&Expectation>,
    image: Container<'_>,
    depth: u8,
) -> Vec<Finding> {
    match inspect_file(image.root, &found.path, found.entry.size) {
        Ok(file) => run(&Subject {
            path: &found.path,
            bytes: &file.bytes,
            facts: &file.facts,
            target,
            expectation,
            container: Some(image),
            depth,
        }),
        Err(error) => vec![Finding::new(codes::UNREADABLE, target.name(), &found.path, format!("{error}."))],
    }
}

/// True for a finding that says no more than that the file is not a program.
pub(crate) fn concerns_no_program(code: Code) -> bool {
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
