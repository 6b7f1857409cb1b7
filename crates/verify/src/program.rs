//! Program files, and whether they start on a target.

pub(crate) mod busybox;
pub(crate) mod checks;
pub(crate) mod container;
pub(crate) mod go_accounts;
pub(crate) mod inspect;
pub(crate) mod loader;
pub(crate) mod machine;
mod toybox;

use std::fmt;
use std::io;

use crate::root::Root;
use crate::{Expectation, Finding, ReadAt, Target, codes};
use checks::Subject;
use container::{Container, Credentials};
use inspect::{Content, inspect_content};

/// A program file.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Program<'a> {
    /// The path, for messages.
    pub path: &'a str,
    /// The permission bits; `None` if unknown.
    pub mode: Option<u32>,
    source: Source<'a>,
}

/// The content of a program.
#[derive(Clone, Copy)]
enum Source<'a> {
    Bytes(&'a [u8]),
    File(&'a dyn ReadAt),
}

impl ReadAt for Source<'_> {
    fn size(&self) -> u64 {
        match self {
            Source::Bytes(bytes) => bytes.size(),
            Source::File(file) => file.size(),
        }
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::Bytes(bytes) => bytes.read_at(offset, buffer),
            Source::File(file) => file.read_at(offset, buffer),
        }
    }
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.size())
    }
}

impl<'a> Program<'a> {
    /// Creates a program of bytes in memory, whose permission bits are unknown.
    pub fn new(path: &'a str, bytes: &'a [u8]) -> Program<'a> {
        Program { path, mode: None, source: Source::Bytes(bytes) }
    }

    /// Creates a program whose content is read by ranges as far as its checks need it, so that a program of any size
    /// takes little memory. Its permission bits are unknown.
    pub fn from_file(path: &'a str, file: &'a dyn ReadAt) -> Program<'a> {
        Program { path, mode: None, source: Source::File(file) }
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
    let content = Content::new(Box::new(&program.source));
    let facts = inspect_content(&content);
    if let Some(error) = content.failure() {
        let message = format!("{} cannot be read: {error}.", program.path);
        return vec![Finding::new(codes::UNREADABLE, target.name(), program.path, message)];
    }
    let mut findings = checks::run(&Subject {
        path: program.path,
        content: &content,
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
