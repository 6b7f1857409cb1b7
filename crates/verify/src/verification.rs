//! The verdict over a subject, and the object that other programs read.

use std::fmt;

use serde::Serialize;

use crate::{Effect, Finding};

/// Whether a subject will start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing that was looked at stands against it.
    Starts,
    /// Something that matters could not be judged.
    Unproven,
    /// It will not start, or is not what the plan asked for.
    Fails,
}

impl Verdict {
    /// The verdict that follows from findings: the gravest effect decides.
    pub fn of(findings: &[Finding]) -> Verdict {
        match findings.iter().map(|finding| finding.code.effect()).max() {
            None | Some(Effect::None) => Verdict::Starts,
            Some(Effect::Unproven) => Verdict::Unproven,
            Some(Effect::Fails) => Verdict::Fails,
        }
    }

    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Starts => "starts",
            Verdict::Unproven => "unproven",
            Verdict::Fails => "fails",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was found out about one subject and one target: one JSON object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The version of this object's form: [`Report::SCHEMA`].
    pub schema: &'static str,
    /// What was judged: a file's path, or an image's reference with its digest.
    pub subject: String,
    /// What it was judged against, as a platform in normal form.
    #[serde(rename = "for")]
    pub for_: String,
    /// The verdict that follows from the findings.
    pub verdict: Verdict,
    /// Everything found, gravest first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The version of the JSON form. It grows when a key changes its meaning or goes away; new keys may appear without.
    pub const SCHEMA: &'static str = "crossdock.verify/1";

    /// The report over these findings. Sorts them, gravest first, and drops repetitions.
    pub fn new(subject: impl Into<String>, for_: impl Into<String>, mut findings: Vec<Finding>) -> Report {
        findings.sort_by(|a, b| {
            (b.severity, &a.path, a.code.id(), &a.message).cmp(&(
                a.severity,
                &b.path,
                b.code.id(),
                &b.message,
            ))
        });
        findings.dedup();
        Report {
            schema: Report::SCHEMA,
            subject: subject.into(),
            for_: for_.into(),
            verdict: Verdict::of(&findings),
            findings,
        }
    }
}
