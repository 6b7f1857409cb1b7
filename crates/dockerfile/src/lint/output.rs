//! Findings in the forms that programs read.

use serde::Serialize;
use serde_json::{Value, json};

use super::finding::{Code, Finding, Severity};

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
    let line = |finding: &Finding| {
        let level = match finding.severity {
            Severity::Note => "notice",
            other => other.as_str(),
        };
        let corrected = finding.corrected.as_deref();
        format!(
            "::{level} file={},line={},title={}::{}{}\n",
            escape_property(report.path),
            finding.line,
            finding.code,
            escape_data(&finding.message),
            corrected.map(|line| format!("%0A{}", escape_data(line))).unwrap_or_default(),
        )
    };
    report.findings.iter().map(line).collect()
}

/// The findings as a [SARIF 2.1.0](https://docs.oasis-open.org/sarif/sarif/v2.1.0/) log. `version` is the tool's.
pub fn sarif(reports: &[Report<'_>], version: &str) -> Value {
    let of_file = |report: &Report<'_>| -> Vec<Value> {
        report.findings.iter().map(|finding| result(report.path, finding)).collect()
    };
    let results: Vec<Value> = reports.iter().flat_map(of_file).collect();
    let rules: Vec<Value> = Code::all().iter().map(|code| rule(*code)).collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "crossdock", "version": version, "rules": rules } },
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.id(),
        "shortDescription": { "text": code.title() },
        "fullDescription": { "text": code.explanation() },
        "defaultConfiguration": { "level": code.severity().as_str() },
    })
}

fn result(path: &str, finding: &Finding) -> Value {
    let region = json!({ "startLine": finding.line });
    let artifact = json!({ "uri": uri(path) });
    let mut result = json!({
        "ruleId": finding.code.id(),
        "level": finding.severity.as_str(),
        "message": { "text": finding.message },
        "locations": [{ "physicalLocation": { "artifactLocation": artifact, "region": region } }],
    });
    if let Some(corrected) = &finding.corrected {
        result["fixes"] = json!([{
            "description": { "text": finding.code.title() },
            "artifactChanges": [{
                "artifactLocation": artifact,
                "replacements": [{ "deletedRegion": region, "insertedContent": { "text": corrected } }],
            }],
        }]);
    }
    result
}

/// A path as a relative reference (RFC 3986): what is no plain character is percent-encoded.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}
