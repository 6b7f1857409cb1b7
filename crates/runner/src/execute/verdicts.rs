//! Verdicts that are remembered from run to run, for images that a run finds as the one before left them.
//!
//! A verdict follows from the image, the targets, the plan's expectations, and the rules. The image is known by its digest,
//! and its layers by the stamps that their files had when they were verified: a file that anybody changed since is read
//! again. Commands that only verify or tag take no remembered verdict.

use std::collections::BTreeMap;
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::{FileStamp, read_regular_no_follow, write_record};
use crossdock_oci::{Digest, Layout, SourceImage};
use crossdock_platform::Platform;
use crossdock_subjects::Options;
use crossdock_verify::{Finding, Severity, Verification, codes};
use serde::{Deserialize, Serialize};

/// The directory of remembered verdicts in the cache.
pub const VERDICTS: &str = "verdicts";

/// The length of a record, in bytes; real ones have a few hundred for each layer and finding.
const LIMIT: u64 = 4 * 1024 * 1024;

/// The remembered verdicts.
#[derive(Debug)]
pub(super) struct Verdicts {
    directory: Utf8PathBuf,
    /// The identity of the running program, whose code is the rules.
    rules: String,
}

/// The place of the verdicts on one image.
pub(super) struct Place<'a> {
    path: Utf8PathBuf,
    layout: &'a Layout,
    image: &'a SourceImage,
}

#[derive(Serialize, Deserialize)]
struct Record {
    /// The stamp of each layer, by its digest.
    layers: Stamps,
    verdicts: Vec<Entry>,
}

type Stamps = BTreeMap<Digest, String>;

#[derive(Serialize, Deserialize)]
struct Entry {
    subject: String,
    target: String,
    platform: Option<Platform>,
    findings: Vec<FindingEntry>,
}

#[derive(Serialize, Deserialize)]
struct FindingEntry {
    code: String,
    severity: String,
    platform: String,
    path: String,
    message: String,
    help: String,
    evidence: Vec<(String, String)>,
}

impl Verdicts {
    /// Returns the verdicts in a cache; `None` if the file of the running program is unknown.
    pub(super) fn open(cache: &Utf8Path, program: Option<&Path>) -> Option<Self> {
        let program = FileStamp::of(program?)?;
        let directory = cache.join(VERDICTS);
        crossdock_fs::create_directory_no_follow(directory.as_std_path()).ok()?;
        Some(Self { directory, rules: format!("{} {program}", env!("CARGO_PKG_VERSION")) })
    }

    /// Returns the place of the verdicts for these options.
    pub(super) fn place<'a>(
        &self,
        subject: &str,
        layout: &'a Layout,
        image: &'a SourceImage,
        options: &Options<'_>,
    ) -> Place<'a> {
        let Options { targets, planned, scope, .. } = options;
        // The subject has the image's digest.
        let key = format!("verdict 1\n{}\n{subject}\n{scope:?}\n{targets:?}\n{planned:?}\n", self.rules);
        let name = format!("{}.json", Digest::of(key.as_bytes()).hex());
        Place { path: self.directory.join(name), layout, image }
    }
}

impl Place<'_> {
    /// Returns the stamps of the image's layers now; `None` if one of them has none.
    pub(super) fn stamps(&self) -> Option<Stamps> {
        let layers = self.image.platforms.iter().flat_map(|platform| &platform.manifest.value.layers);
        let stamp = |digest| Some((digest, FileStamp::of(&self.layout.blobs().path(&digest))?.to_string()));
        layers.map(|layer| stamp(layer.digest)).collect()
    }

    /// Returns the verdicts of an earlier run; `None` if there are none, or a layer was changed since.
    pub(super) fn recall(&self) -> Option<Vec<Verification>> {
        let bytes = read_regular_no_follow(self.path.as_std_path(), LIMIT).ok()?;
        let record: Record = serde_json::from_slice(&bytes).ok()?;
        if self.stamps()? != record.layers {
            return None;
        }
        // Pruning goes by the time of last use.
        FileStamp::seal(self.path.as_std_path()).ok();
        record.verdicts.into_iter().map(Entry::verification).collect()
    }

    /// Remembers verdicts. `before` are the stamps from before the layers were read. A failure only costs time later.
    pub(super) fn remember(&self, before: Option<Stamps>, verdicts: &[Verification]) {
        let Some(layers) = before.filter(|before| self.stamps().as_ref() == Some(before)) else { return };
        let record = Record { layers, verdicts: verdicts.iter().map(Entry::new).collect() };
        if let Ok(bytes) = serde_json::to_vec(&record) {
            write_record(&self.path, &bytes).ok();
        }
    }
}

impl Entry {
    fn new(verification: &Verification) -> Self {
        let Verification { subject, target, platform, findings, .. } = verification;
        Self {
            subject: subject.clone(),
            target: target.clone(),
            platform: platform.clone(),
            findings: findings.iter().map(FindingEntry::new).collect(),
        }
    }

    fn verification(self) -> Option<Verification> {
        let findings: Option<Vec<Finding>> = self.findings.into_iter().map(FindingEntry::finding).collect();
        Some(Verification::new(self.subject, self.target, findings?).with_platform(self.platform))
    }
}

impl FindingEntry {
    fn new(finding: &Finding) -> Self {
        let evidence = finding.evidence.iter().map(|fact| (fact.what.clone(), fact.found.clone()));
        Self {
            code: finding.code.id().to_owned(),
            severity: finding.severity.to_string(),
            platform: finding.platform.clone(),
            path: finding.path.clone(),
            message: finding.message.clone(),
            help: finding.help.clone(),
            evidence: evidence.collect(),
        }
    }

    /// Returns the finding; `None` if the record is not one that this program wrote.
    fn finding(self) -> Option<Finding> {
        let code = codes::CATALOGUE.find(&self.code)?;
        let severities = [Severity::Note, Severity::Warning, Severity::Error];
        let severity = severities.into_iter().find(|severity| severity.as_str() == self.severity)?;
        let finding = Finding::new(code, &self.platform, &self.path, self.message).with_help(self.help);
        let with = |finding: Finding, (what, found)| finding.with_evidence(what, found);
        let mut finding = self.evidence.into_iter().fold(finding, with);
        finding.severity = severity;
        Some(finding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remembered_verification_is_the_same() {
        let finding = Finding::new(codes::PLATFORM_MISSING, "linux/arm64", "/app", "a message")
            .with_help("a remedy")
            .with_evidence("e_machine", "62");
        let mut other = finding.clone().with_help("");
        other.severity = Severity::Note;
        for platform in [None, Some(Platform::LINUX_ARM64)] {
            let verification = Verification::new("s", "t", vec![finding.clone(), other.clone()]);
            let verification = verification.with_platform(platform);
            let bytes = serde_json::to_vec(&Entry::new(&verification)).unwrap();
            let read: Entry = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(read.verification(), Some(verification));
        }
    }

    #[test]
    fn a_record_with_an_unknown_code_is_not_used() {
        let finding = Finding::new(codes::PLATFORM_MISSING, "", "", "");
        let known = FindingEntry::new(&finding);
        assert!(FindingEntry::new(&finding).finding().is_some());
        assert!(FindingEntry { code: "no-such-code".to_owned(), ..known }.finding().is_none());
        let known = FindingEntry::new(&finding);
        assert!(FindingEntry { severity: "grave".to_owned(), ..known }.finding().is_none());
    }
}
