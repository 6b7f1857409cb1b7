//! Checks that the kernel and the runtime take the words and the environment with which the program starts.

use crossdock_platform::Architecture;

use crate::image::ImageFacts;
use crate::{Finding, Target, codes};

/// The length of one argument or variable with the NUL at its end, in pages (`MAX_ARG_STRLEN`).
const MAX_PAGES: usize = 32;

pub(super) fn check(image: &ImageFacts, target: &Target, findings: &mut Vec<Finding>) {
    let refused = |message: String| Finding::new(codes::CONFIG_INVALID, target.name(), "", message);
    if let Some(word) = image.command().find(|word| word.contains('\0')) {
        let message =
            format!("The word {word:?} of the command contains a NUL: a runtime shows `invalid argument`.");
        findings.push(refused(message));
    }
    // Both limits of a variable hold for a word too.
    let mut texts = image.command().chain(image.env.iter().map(String::as_str));
    let limit = MAX_PAGES * largest_page(target);
    if let Some(text) = texts.find(|text| text.len() >= limit) {
        let start: String = text.chars().take(40).collect();
        let message = format!(
            "A word of the command or a variable is {} bytes long ({start:?}…), and Linux takes at most {}: a node shows `argument list \
             too long`.",
            text.len(),
            limit - 1
        );
        findings.push(refused(message));
    }
    findings.extend(image.env.iter().filter_map(|variable| in_environment(variable, target)));
}

/// Returns the size of the largest page that a node may have.
fn largest_page(target: &Target) -> usize {
    match target.architecture() {
        Architecture::Amd64 | Architecture::I386 | Architecture::S390x | Architecture::Riscv64 => 4 << 10,
        _ => 64 << 10,
    }
}

/// Returns the finding about a variable. runc refuses those that no program could read (`populateProcessEnvironment`).
fn in_environment(variable: &str, target: &Target) -> Option<Finding> {
    let invalid = match variable {
        _ if variable.starts_with('=') => Some(("has no name", "name can't be empty")),
        _ if variable.contains('\0') => Some(("contains a NUL", "can't contain null")),
        _ => None,
    };
    if let Some((what, shown)) = invalid {
        let message = format!(
            "The variable {variable:?} of the environment {what}: a runtime shows `environment variable {shown}`."
        );
        return Some(Finding::new(codes::CONFIG_INVALID, target.name(), "", message));
    }
    if variable == "PATH" {
        let message = "The environment has a PATH without a value: Docker then finds no program by its name, and `ctr run` refuses it.";
        return Some(Finding::new(codes::ENGINES_DIFFER, target.name(), "", message));
    }
    // Docker and Kubernetes drop a variable without a value.
    let (who, shown) = match variable {
        "" => ("podman", "env fields from image failed to parse"),
        name if !name.contains('=') => ("`ctr run`", "invalid environment variable"),
        _ => return None,
    };
    let message = format!(
        "The variable {variable:?} of the environment has no `=`: Docker and Kubernetes drop it, and {who} refuses: `{shown}`."
    );
    let finding = Finding::new(codes::REFUSED_BY_ONE_ENGINE, target.name(), "", message);
    Some(finding.with_help("Write the variable as `NAME=VALUE`, or remove it."))
}
