//! Does Go's build information agree with the target and with the plan?

use crate::expectation::Language;
use crate::inspect::{GoBuildInfo, Inspection};
use crate::machine;
use crate::subject::Subject;
use crate::{Finding, codes};

pub(super) fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Inspection::Elf(elf) = subject.facts else { return };
    if let Some(go) = &elf.go {
        // Where the header already says another machine, saying it twice helps nobody; a contradiction within the file does.
        let in_header = machine::architecture_of(elf);
        platform(subject, go, in_header, findings);
    }
    let Some(Language::Go { settings }) = subject.expectation.map(|expectation| &expectation.language) else {
        return;
    };
    match &elf.go {
        Some(go) if go.go_version.is_some() => {
            for (name, planned) in settings {
                setting(subject, go, name, planned, findings);
            }
        }
        _ => {
            let message = format!(
                "{} was planned as a Go program, and it holds no Go build information.",
                subject.path
            );
            findings.push(subject.finding(codes::GO_BUILD_INFO_MISSING, message));
        }
    }
}

fn platform(subject: &Subject<'_>, go: &GoBuildInfo, in_header: Option<&str>, findings: &mut Vec<Finding>) {
    let (os, architecture) = (go.setting("GOOS"), go.setting("GOARCH"));
    let wrong_os = os.filter(|os| *os != subject.target.os());
    let wrong_architecture = architecture.filter(|architecture| in_header != Some(architecture));
    if wrong_os.is_none() && wrong_architecture.is_none() {
        return;
    }
    let built = format!("{}/{}", os.unwrap_or("?"), architecture.unwrap_or("?"));
    let message = format!(
        "{path} was built by Go for {built}, and the target is {}: it dies at once, or a node shows `exec {path}: exec format \
         error`.",
        subject.target.name(),
        path = subject.path
    );
    findings.push(subject.finding(codes::GO_PLATFORM_MISMATCH, message).with_evidence("GOOS/GOARCH", built));
}

fn setting(subject: &Subject<'_>, go: &GoBuildInfo, name: &str, planned: &str, findings: &mut Vec<Finding>) {
    let found = go.setting(name);
    if found == Some(planned) {
        return;
    }
    let message = format!(
        "{} was planned with {name}={planned}, and Go's build information says {}: it is not the program that the plan describes.",
        subject.path,
        found.map_or_else(|| format!("nothing about {name}"), |found| format!("{name}={found}")),
    );
    findings.push(
        subject.finding(codes::GO_SETTING_MISMATCH, message).with_evidence(name, found.unwrap_or("absent")),
    );
}
