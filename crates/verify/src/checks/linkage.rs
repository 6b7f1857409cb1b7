//! Is the program linked as the plan says?

use crate::expectation::Linkage;
use crate::inspect::{Inspection, Interpreter};
use crate::subject::Subject;
use crate::{Finding, codes};

pub(super) fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let (Inspection::Elf(elf), Some(expectation)) = (subject.facts, subject.expectation) else { return };
    match (expectation.linkage, &elf.interpreter) {
        (Linkage::Static, Some(interpreter)) => {
            let loader = match interpreter {
                Interpreter::Path(path) => path.as_str(),
                Interpreter::Malformed => "a loader whose name is damaged",
            };
            let message = format!(
                "{} was planned to be static, and it needs the dynamic loader {loader}: without that in the image a node shows \
                 `exec {}: no such file or directory`.",
                subject.path, subject.path
            );
            findings.push(
                subject.finding(codes::DYNAMIC_NOT_PLANNED, message).with_evidence("PT_INTERP", loader),
            );
        }
        (Linkage::Dynamic, None) if elf.is_executable_type() && !elf.segments.is_empty() => {
            let message = format!("{} was planned to be dynamic, and it is static.", subject.path);
            findings.push(subject.finding(codes::STATIC_NOT_PLANNED, message));
        }
        _ => {}
    }
}
