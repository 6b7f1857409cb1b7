//! Findings in the forms that programs read.

use crossdock_findings::Severity;
use crossdock_findings::output::Annotation;
use serde::Serialize;
use serde_json::Value;

use super::finding::{Finding, codes};

/// The version of the JSON form of [`Reports`].
pub const SCHEMA: &str = "crossdock.lint/1";

/// The findings of several files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reports<'a> {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// One for each file.
    pub files: &'a [Report<'a>],
}

impl<'a> Reports<'a> {
    /// The reports of files.
    pub const fn new(files: &'a [Report<'a>]) -> Self {
        Self { schema: SCHEMA, files }
    }
}

/// The findings of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report<'a> {
    /// The file.
    pub path: &'a str,
    /// Its findings.
    pub findings: &'a [Finding],
}

impl<'a> Report<'a> {
    /// The report of a file.
    pub const fn new(path: &'a str, findings: &'a [Finding]) -> Self {
        Self { path, findings }
    }

    /// Whether a finding is an error.
    pub fn fails(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// The findings as GitHub's workflow commands, one line each.
pub fn github(report: &Report<'_>) -> String {
    crossdock_findings::output::github(annotations(report))
}

/// The findings as a [SARIF 2.1.0](https://docs.oasis-open.org/sarif/sarif/v2.1.0/) log. `version` is the tool's.
pub fn sarif(reports: &[Report<'_>], version: &str) -> Value {
    crossdock_findings::output::sarif(codes::CATALOGUE, reports.iter().flat_map(annotations), version)
}

fn annotations<'a>(report: &Report<'a>) -> impl Iterator<Item = Annotation<'a>> {
    let path = report.path;
    report.findings.iter().map(move |finding| Annotation {
        code: finding.code,
        severity: finding.severity,
        path,
        line: Some(finding.line),
        message: &finding.message,
        replacement: finding.corrected.as_deref(),
    })
}
