//! The checks of a program, in the order in which they run.

mod capabilities;
mod circumstances;
mod format;
mod interpreter;
mod level;
mod libraries;
mod loadable;
mod machine;
mod pages;
mod plan;
mod script;
mod script_permission;
mod start;
mod symbols;

pub(crate) use interpreter::loaders_present;

use super::container::Container;
use super::inspect::{Content, Inspection, Interpreter, inspect_file};
use crate::root::Resolved;
use crate::{Code, Expectation, Finding, Target, codes};

/// A program with the context that its checks may need.
pub(crate) struct Subject<'a> {
    /// The path in the image, or on the developer's disk without an image.
    pub(crate) path: &'a str,
    pub(crate) content: &'a Content<'a>,
    pub(crate) facts: &'a Inspection,
    pub(crate) target: &'a Target,
    pub(crate) expectation: Option<&'a Expectation>,
    pub(crate) container: Option<Container<'a>>,
    /// The number of scripts that led to this program.
    pub(crate) depth: u8,
}

impl Subject<'_> {
    /// Creates a finding about this program.
    pub(crate) fn finding(&self, code: Code, message: impl Into<String>) -> Finding {
        Finding::new(code, self.target.name(), self.path, message)
    }
}

/// Names the object that needs a library: the program, or one of its libraries.
fn dependent(subject: &Subject<'_>, by: &str) -> String {
    if by == subject.path { by.to_owned() } else { format!("{by} (a library of {})", subject.path) }
}

/// A check of one program. It adds its findings, and reports nothing that is another check's concern.
type Check = fn(&Subject<'_>, &mut Vec<Finding>);

/// Every check of a program, in the order of the catalogue.
const PROGRAM_CHECKS: &[Check] = &[
    format::check,
    loadable::check,
    machine::check,
    plan::linkage,
    interpreter::check,
    interpreter::packed,
    machine::float_abi,
    libraries::check,
    plan::go_build_info,
    level::check,
    loadable::page_size,
    pages::jemalloc,
    capabilities::check,
    script::check,
    script_permission::check,
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
    match inspect_file(image.root, &found.path) {
        Ok(file) => run(&Subject {
            path: &found.path,
            content: &file.content,
            facts: &file.facts,
            target,
            expectation,
            container: Some(image),
            depth,
        }),
        Err(error) => vec![Finding::new(codes::UNREADABLE, target.name(), &found.path, format!("{error}."))],
    }
}

/// Runs every check of a program on a file of an image that another dynamic loader starts than the one it names:
/// `ld.so /app`. A static program needs none.
pub(crate) fn check_loaded_by(
    found: &Resolved,
    target: &Target,
    image: Container<'_>,
    loader: &str,
) -> Vec<Finding> {
    match inspect_file(image.root, &found.path) {
        Ok(mut file) => {
            if let Inspection::Elf(elf) = &mut file.facts
                && let Some(interpreter) = &mut elf.interpreter
            {
                *interpreter = Interpreter::Path(loader.to_owned());
            }
            let (path, content, facts) = (&*found.path, &file.content, &file.facts);
            run(&Subject {
                path,
                content,
                facts,
                target,
                expectation: None,
                container: Some(image),
                depth: 0,
            })
        }
        Err(error) => vec![Finding::new(codes::UNREADABLE, target.name(), &found.path, format!("{error}."))],
    }
}

/// Returns whether such a finding reports only that the file is not a program.
pub(crate) fn concerns_no_program(code: Code) -> bool {
    [
        codes::EMPTY_FILE,
        codes::COMPRESSED_FILE,
        codes::GO_ARCHIVE,
        codes::DOWNLOAD_FAILED,
        codes::TEXT_WITHOUT_INTERPRETER,
        codes::NOT_A_PROGRAM,
        codes::OBJECT_FILE,
        codes::SHARED_LIBRARY,
        codes::WASM_PROGRAM,
        codes::SCRIPT_ENTRY_POINT,
    ]
    .contains(&code)
}
