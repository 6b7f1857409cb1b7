//! The result of a verification: a subject, its target and the findings, from which the verdict follows.

use std::fmt;

use crossdock_platform::Platform;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::{Effect, Finding};

/// Whether a subject starts on its target. Verdicts are ordered from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No check found an obstacle.
    Starts,
    /// A check that matters could not be completed.
    Unproven,
    /// It does not start, or is not what the plan asked for.
    Fails,
}

impl Verdict {
    /// Returns the gravest verdict of several targets. A subject that was verified for no target is not proven to start
    /// anywhere.
    pub fn gravest(verifications: &[Verification]) -> Verdict {
        verifications.iter().map(Verification::verdict).max().unwrap_or(Verdict::Unproven)
    }

    /// Returns the verdict that follows from findings: the worst effect decides.
    pub fn of(findings: &[Finding]) -> Verdict {
        match findings.iter().map(|finding| finding.code.effect()).max() {
            None | Some(Effect::None) => Verdict::Starts,
            Some(Effect::Unproven) => Verdict::Unproven,
            Some(Effect::Fails) => Verdict::Fails,
        }
    }

    /// Returns the word used in JSON.
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

/// The findings about one subject on one target.
///
/// It serializes as the object of the schema [`SCHEMA`](Verification::SCHEMA), with the keys `schema`, `subject`, `for`,
/// `verdict` and `findings`. [`serialize_entries`] writes the form without a schema that is part of a run's report.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// The name of the subject: a file's path, or an image's reference with its digest.
    pub subject: String,
    /// The target as it was named, such as `m7g.large` or `linux/arm64`.
    pub target: String,
    /// The platform of the image that a node of the target pulls; `None` if it pulls none.
    pub platform: Option<Platform>,
    /// The findings, most severe first.
    pub findings: Vec<Finding>,
}

impl Verification {
    /// The version of the JSON object. It grows when a key changes its meaning or is removed; new keys do not change it.
    pub const SCHEMA: &'static str = "crossdock.verify/1";

    /// Creates the verification with these findings: sorts them, most severe first, and removes duplicates.
    pub fn new(
        subject: impl Into<String>,
        target: impl Into<String>,
        mut findings: Vec<Finding>,
    ) -> Verification {
        // Sorting by content keeps the output independent of the order of checks.
        findings.sort_by(|a, b| {
            (b.severity, &a.path, a.code.id(), &a.message).cmp(&(
                a.severity,
                &b.path,
                b.code.id(),
                &b.message,
            ))
        });
        findings.dedup();
        Verification { subject: subject.into(), target: target.into(), platform: None, findings }
    }

    /// Sets the platform of the image that a node of the target pulls.
    #[must_use]
    pub fn with_platform(mut self, platform: Option<Platform>) -> Verification {
        self.platform = platform;
        self
    }

    /// Returns the verdict that follows from the findings.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&self.findings)
    }
}

impl Serialize for Verification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Verification", 5)?;
        object.serialize_field("schema", Verification::SCHEMA)?;
        object.serialize_field("subject", &self.subject)?;
        object.serialize_field("for", &self.target)?;
        object.serialize_field("verdict", &self.verdict())?;
        object.serialize_field("findings", &self.findings)?;
        object.end()
    }
}

/// A verification as an entry of a larger object, which names the subject and the schema itself.
#[derive(Serialize)]
struct ReportEntry<'a> {
    r#for: &'a str,
    platform: Option<&'a Platform>,
    verdict: Verdict,
    findings: &'a [Finding],
}

/// Serializes verifications as a list of objects with the keys `for`, `platform`, `verdict` and `findings`, for use with
/// serde's `serialize_with`.
///
/// # Errors
/// If the serializer fails.
pub fn serialize_entries<S: Serializer>(
    verifications: &[Verification],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(verifications.iter().map(|verification| ReportEntry {
        r#for: &verification.target,
        platform: verification.platform.as_ref(),
        verdict: verification.verdict(),
        findings: &verification.findings,
    }))
}
