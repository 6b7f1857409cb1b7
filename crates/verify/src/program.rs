//! Program files, and whether they start on a target.

pub(crate) mod checks;
pub(crate) mod container;
pub(crate) mod inspect;
pub(crate) mod loader;
pub(crate) mod machine;

use crate::root::Root;
use crate::{Expectation, Finding, Target, codes};
use checks::Subject;
use container::{Container, Credentials};
use inspect::inspect;

/// A program file.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Program<'a> {
    /// The path, for messages.
    pub path: &'a str,
    /// The content.
    pub bytes: &'a [u8],
    /// The permission bits; `None` if unknown.
    pub mode: Option<u32>,
}

impl<'a> Program<'a> {
    /// Creates a program whose permission bits are unknown.
    pub fn new(path: &'a str, bytes: &'a [u8]) -> Program<'a> {
        Program { path, bytes, mode: None }
    }

    /// Sets the permission bits.
    #[must_use]
    pub fn with_mode(mut self, mode: u32) -> Program<'a> {
        self.mode = Some(mode);
        self
    }
}

/// Verifies one program file for a target, and against the expectation of a plan.
///
/// If there is a root, the program's loader and libraries are searched in it with the permissions of the root user.
/// Without one, a program that needs a loader remains unproven.
pub fn verify_program(
    program: &Program<'_>,
    target: &Target,
    expectation: Option<&Expectation>,
    root: Option<&dyn Root>,
) -> Vec<Finding> {
    let user = Credentials::default();
    let facts = inspect(program.bytes);
    let mut findings = checks::run(&Subject {
        path: program.path,
        bytes: program.bytes,
        facts: &facts,
        target,
        expectation,
        container: root.map(|root| Container { root, environment: &[], working_directory: "/", user: &user }),
        depth: 0,
    });
    if let Some(mode) = program.mode.filter(|mode| mode & 0o111 == 0) {
        let message = format!(
            "{path} has mode {mode:04o}, which lets no user execute it: a runtime shows `exec: \"{path}\": permission denied`, exit 126.",
            path = program.path
        );
        findings.push(
            Finding::new(codes::NOT_EXECUTABLE, target.name(), program.path, message)
                .with_evidence("mode", format!("{mode:04o}")),
        );
    }
    findings
}
