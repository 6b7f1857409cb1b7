//! A program file, and whether it starts on the target.

pub(crate) mod checks;
pub(crate) mod container;
pub(crate) mod inspect;
pub(crate) mod loader;
pub(crate) mod machine;

use crate::root::Root;
use crate::{Expectation, Finding, Target, codes};
use checks::Subject;
use container::{Credentials, Surroundings};
use inspect::inspect;

/// A program file.
#[derive(Debug, Clone, Copy)]
pub struct Program<'a> {
    /// Where it stands, for messages.
    pub path: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
    /// Its permission bits, where they are known.
    pub mode: Option<u32>,
}

/// Judges one program file for a target, and against what the plan says of it.
///
/// With a root, the program's loader and libraries are looked for in it, as they would be for root. Without, a program that
/// needs them stays unproven.
pub fn verify_program(
    program: &Program<'_>,
    target: &Target,
    expectation: Option<&Expectation>,
    root: Option<&dyn Root>,
) -> Vec<Finding> {
    let user = Credentials::default();
    let facts = inspect(program.bytes);
    let mut findings = checks::judge(&Subject {
        path: program.path,
        bytes: program.bytes,
        facts: &facts,
        target,
        expectation,
        surroundings: root.map(|root| Surroundings {
            root,
            environment: &[],
            working_directory: "/",
            user: &user,
        }),
        depth: 0,
    });
    if let Some(mode) = program.mode.filter(|mode| mode & 0o111 == 0) {
        let message = format!(
            "{path} has mode {mode:04o}, which lets nobody execute it: a runtime shows `exec: \"{path}\": permission denied`, exit 126.",
            path = program.path
        );
        findings.push(
            Finding::new(codes::NOT_EXECUTABLE, target.name(), program.path, message)
                .with_evidence("mode", format!("{mode:04o}")),
        );
    }
    findings
}
