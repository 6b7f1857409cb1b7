//! A finding and the facts that support it.

use serde::Serialize;

use crate::output::Annotation;
use crate::{Code, Severity};

/// One problem that a check found: its kind, place, consequence and remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The kind of finding.
    pub code: Code,
    /// The weight of this finding.
    pub severity: Severity,
    /// The platform that the check was for, in normal form, such as `linux/arm64`.
    pub platform: String,
    /// The path of the file that has the problem; empty if the subject as a whole has it.
    pub path: String,
    /// The problem, and what the node or runtime will show.
    pub message: String,
    /// The remedy.
    pub help: String,
    /// The facts that support the finding, such as `e_machine = 183`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

/// A fact that supports a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Evidence {
    /// The property that was read, such as `e_machine`.
    pub what: String,
    /// Its value.
    pub found: String,
}

impl Finding {
    /// Creates a finding with the severity and the remedy of its code.
    pub fn new(code: Code, platform: &str, path: &str, message: impl Into<String>) -> Finding {
        Finding {
            code,
            severity: code.severity(),
            platform: platform.to_owned(),
            path: path.to_owned(),
            message: message.into(),
            help: code.remedy().map(str::to_owned).unwrap_or_default(),
            evidence: Vec::new(),
        }
    }

    /// Replaces the remedy by one that fits this case better than the code's.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Finding {
        self.help = help.into();
        self
    }

    /// Adds a fact that supports the finding.
    #[must_use]
    pub fn with_evidence(mut self, what: impl Into<String>, found: impl Into<String>) -> Finding {
        self.evidence.push(Evidence { what: what.into(), found: found.into() });
        self
    }

    /// Returns the finding in the form that the [output formats](crate::output) write.
    pub fn annotation(&self) -> Annotation<'_> {
        Annotation {
            code: self.code,
            severity: self.severity,
            path: &self.path,
            line: None,
            message: &self.message,
            replacement: None,
        }
    }
}
