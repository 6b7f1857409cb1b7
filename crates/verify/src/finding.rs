//! A finding: one thing that a check saw.

use serde::Serialize;

use crate::{Code, Severity};

/// One thing that a check saw: what, where, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The kind of finding.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// The platform that was judged for, in normal form.
    pub platform: String,
    /// The file it is about; empty when it is about the image as a whole.
    pub path: String,
    /// What is wrong and what the node will show.
    pub message: String,
    /// What to do.
    pub help: String,
    /// The facts that the finding rests on, such as `e_machine = 183`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

/// A fact that a finding rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Evidence {
    /// What was looked at.
    pub what: String,
    /// What stood there.
    pub found: String,
}

impl Finding {
    /// A finding whose help is the remedy of its code.
    pub fn new(code: Code, platform: &str, path: &str, message: impl Into<String>) -> Finding {
        Finding {
            code,
            severity: code.severity(),
            platform: platform.to_owned(),
            path: path.to_owned(),
            message: message.into(),
            help: code.remedy().to_owned(),
            evidence: Vec::new(),
        }
    }

    /// The same finding with a help that fits this case better than the general one.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Finding {
        self.help = help.into();
        self
    }

    /// The same finding with one more fact that it rests on.
    #[must_use]
    pub fn with_evidence(mut self, what: impl Into<String>, found: impl Into<String>) -> Finding {
        self.evidence.push(Evidence { what: what.into(), found: found.into() });
        self
    }
}
