//! The three questions that can be asked: about a program, a file in an image, and an image.

use std::collections::BTreeMap;

use crate::checks::{self, config_agrees, entry_point, judge_in_image, ports, user};
use crate::image::{ImageFacts, PlatformText};
use crate::inspect::inspect;
use crate::resolve::{ResolveError, Resolved, resolve};
use crate::root::{EntryKind, Root};
use crate::subject::{Credentials, Subject, Surroundings};
use crate::{Expectation, Finding, Target, codes};

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

/// Judges an image for a target: its configuration, the program that it starts, and every program that the plan put into it.
///
/// `planned` maps absolute paths in the image to what the plan says of the program there.
pub fn verify_image(
    image: &ImageFacts,
    root: &dyn Root,
    target: &Target,
    planned: &BTreeMap<String, Expectation>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    config_agrees::check(image, target, &mut findings);
    let credentials = user::find(image, target, root, &mut findings);
    ports::check(image, target, &credentials, &mut findings);
    let surroundings = in_image(image, root, &credentials);
    let started = entry_point::find(image, target, surroundings, &mut findings);
    let mut judged = Vec::new();
    for (path, expectation) in planned {
        if let Some(found) = planned_file(path, target, surroundings, &mut findings) {
            findings.extend(judge_in_image(&found, target, Some(expectation), surroundings, 0));
            judged.push(found.path);
        }
    }
    if let Some(started) = started.filter(|started| !judged.contains(&started.path)) {
        findings.extend(judge_in_image(&started, target, None, surroundings, 0));
    }
    findings
}

/// Judges executable files of an image that the plan does not speak of and that the image does not start.
///
/// A program is judged as the one that is started would be. Of a shared library only the machine is judged, for it is
/// never started by itself, and a file that is no program at all gives no finding: data files often carry execute bits.
pub fn verify_others(
    paths: impl IntoIterator<Item = String>,
    image: &ImageFacts,
    root: &dyn Root,
    target: &Target,
) -> Vec<Finding> {
    let credentials = user::find(image, target, root, &mut Vec::new());
    let surroundings = in_image(image, root, &credentials);
    let judged = paths.into_iter().flat_map(|path| match resolve(root, &path) {
        Ok(found) => judge_in_image(&found, target, None, surroundings, 0),
        Err(error) => vec![Finding::new(codes::UNREADABLE, target.name(), &path, format!("{error}."))],
    });
    judged.filter(|finding| !checks::is_about_no_program(finding.code)).collect()
}

fn in_image<'a>(image: &'a ImageFacts, root: &'a dyn Root, user: &'a Credentials) -> Surroundings<'a> {
    Surroundings { root, environment: &image.env, working_directory: image.working_directory(), user }
}

/// Judges an index by itself: what only shows when all its entries are seen together.
pub fn verify_index(platforms: &[PlatformText]) -> Vec<Finding> {
    let mut findings = Vec::new();
    config_agrees::duplicates(platforms, &mut findings);
    findings
}

/// The planned program's path without links. It has to be there and executable even when the image starts another one.
fn planned_file(
    path: &str,
    target: &Target,
    image: Surroundings<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Resolved> {
    match resolve(image.root, path) {
        Ok(found) => {
            findings.extend(entry_point::not_executable(target, path, &found, image.user));
            (found.entry.kind == EntryKind::File).then_some(found)
        }
        Err(ResolveError::Unreadable(error)) => {
            findings.push(Finding::new(codes::UNREADABLE, target.name(), path, format!("{error}.")));
            None
        }
        Err(error) => {
            let message = format!("The plan puts a program at {path}, and {error}.");
            findings.push(Finding::new(codes::ENTRY_POINT_MISSING, target.name(), path, message));
            None
        }
    }
}
