//! Checks that the program is the one that the plan describes.

use crossdock_platform::{Architecture, Linkage};

use super::Subject;
use crate::expectation::Language;
use crate::program::inspect::{GoBuildInfo, Inspection, Interpreter};
use crate::program::machine;
use crate::{Finding, codes};

/// Checks that the program is linked as planned.
pub(super) fn linkage(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let (Inspection::Elf(elf), Some(expectation)) = (subject.facts, subject.expectation) else { return };
    match (expectation.linkage, &elf.interpreter) {
        (Some(Linkage::Static), Some(interpreter)) => {
            let loader = match interpreter {
                Interpreter::Path(path) => path.as_str(),
                Interpreter::Malformed => "a loader whose name is damaged",
            };
            let message = format!(
                "{} was planned to be static, but needs the dynamic loader {loader}: without it in the image a node shows \
                 `exec {}: no such file or directory`.",
                subject.path, subject.path
            );
            findings.push(
                subject.finding(codes::DYNAMIC_NOT_PLANNED, message).with_evidence("PT_INTERP", loader),
            );
        }
        // A file that the kernel does not load is neither static nor dynamic, and has a finding of its own.
        (Some(Linkage::Dynamic), None) if elf.is_executable_type() && !elf.segments.is_empty() => {
            let message = format!("{} was planned to be dynamic, but is static.", subject.path);
            findings.push(subject.finding(codes::STATIC_NOT_PLANNED, message));
        }
        _ => {}
    }
}

/// Checks that Go's build information agrees with the target and with the plan.
pub(super) fn go_build_info(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Inspection::Elf(elf) = subject.facts else { return };
    if let Some(go) = &elf.go {
        // A program for another machine has a finding of its own. Only a contradiction within the file is new
        // information here.
        let in_header = machine::architecture_of(elf);
        platform(subject, go, in_header, findings);
    }
    let Some(Language::Go { settings, version }) =
        subject.expectation.map(|expectation| &expectation.language)
    else {
        return;
    };
    match &elf.go {
        Some(go) if go.go_version.is_some() => {
            for (name, planned) in settings {
                setting(subject, (name, go.setting(name)), planned, findings);
            }
            if let Some(planned) = version {
                setting(subject, ("version", go.version.as_deref()), planned, findings);
            }
        }
        _ => {
            let message =
                format!("{} was planned as a Go program, but has no Go build information.", subject.path);
            findings.push(subject.finding(codes::GO_BUILD_INFO_MISSING, message));
        }
    }
}

fn platform(
    subject: &Subject<'_>,
    go: &GoBuildInfo,
    in_header: Option<Architecture>,
    findings: &mut Vec<Finding>,
) {
    let (os, architecture) = (go.setting("GOOS"), go.setting("GOARCH"));
    let wrong_os = os.filter(|os| *os != subject.target.os().as_str());
    let wrong_architecture = architecture.filter(|name| in_header.map(Architecture::as_str) != Some(name));
    if wrong_os.is_none() && wrong_architecture.is_none() {
        return;
    }
    let built = format!("{}/{}", os.unwrap_or("?"), architecture.unwrap_or("?"));
    let message = format!(
        "{path} was built by Go for {built}, and the target is {}: it crashes at once, or a node shows `exec {path}: exec format \
         error`.",
        subject.target.name(),
        path = subject.path
    );
    findings.push(subject.finding(codes::GO_PLATFORM_MISMATCH, message).with_evidence("GOOS/GOARCH", built));
}

fn setting(
    subject: &Subject<'_>,
    (name, found): (&str, Option<&str>),
    planned: &str,
    findings: &mut Vec<Finding>,
) {
    if found == Some(planned) {
        return;
    }
    let message = format!(
        "{} was planned with {name}={planned}, but Go's build information has {}: it is not the program that the plan describes.",
        subject.path,
        found.map_or_else(|| format!("no {name}"), |found| format!("{name}={found}")),
    );
    findings.push(
        subject.finding(codes::GO_SETTING_MISMATCH, message).with_evidence(name, found.unwrap_or("absent")),
    );
}
