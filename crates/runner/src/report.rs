//! The results of a run, as `--json` and `--metadata-file` give them.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use crossdock_oci::Digest;
use crossdock_platform::Platform;
use crossdock_verify::{Verdict, Verification, serialize_entries};
use serde::Serialize;

use crate::plan::{ImagePlan, Since, SkippedTag};

/// The version of the JSON form of a [`Report`]. It grows when a field changes its meaning or goes away; new fields may
/// appear at any time.
pub const SCHEMA: &str = "crossdock.report/1";

/// The results of a run.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The images that were built, or found as an earlier run built them, in the plan's order.
    pub images: Vec<ImageReport>,
    /// The images of the plan that the run did not complete. A refused image is in `images` too, with its verdicts; an
    /// image that is only here was not reached.
    pub unfinished: Vec<UnfinishedImage>,
    /// The comparison with a commit, with the images that were left out; `None` if the plan has every image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// The time that each step took, in milliseconds, by the step's ID.
    pub steps: BTreeMap<String, u128>,
}

/// An image that the run did not complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UnfinishedImage {
    /// The image's name.
    pub image: String,
    /// The class of the reason.
    pub reason: UnfinishedReason,
    /// The reason as a sentence.
    pub why: String,
}

/// The reason why an image was not completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UnfinishedReason {
    /// Verification rejected it.
    Refused,
    /// It was to be verified or tagged, but no run has built it.
    NotBuilt,
    /// Another error ended the run before.
    #[serde(rename = "ended")]
    RunEnded,
}

/// The last stage that an image reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ImageStatus {
    /// It was assembled, or found as an earlier run left it.
    Built,
    /// It was verified, with any verdict.
    #[serde(rename = "judged")]
    Verified,
    /// It was verified and rejected. Its tags point where they pointed before the run.
    Refused,
    /// It was verified, and its tags point at it.
    Tagged,
}

/// The results for one image.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ImageReport {
    /// The image's name.
    pub name: String,
    /// The last stage that it reached.
    pub status: ImageStatus,
    /// The directory of its OCI image layout.
    pub layout: Utf8PathBuf,
    /// The digest of its index.
    pub digest: Digest,
    /// Whether its layout had an image with the same layers and settings before the run. Its digest may be another one: that
    /// names the commit, too.
    #[serde(skip)]
    pub is_as_before: bool,
    /// `repository:tag@digest` for each tag; only `repository@digest` if it was not tagged.
    pub references: Vec<String>,
    /// Its platforms, in the order of the index.
    pub platforms: Vec<PlatformReport>,
    /// The verdict for each target that it was verified for; empty if it was not verified.
    #[serde(serialize_with = "serialize_entries")]
    pub verdicts: Vec<Verification>,
    /// The tags that were left out because their templates have no value here.
    pub skipped_tags: Vec<SkippedTag>,
    /// The archive; `None` if none was written.
    pub archive: Option<Utf8PathBuf>,
    /// The ID that the engine gives the image; `None` if it was not loaded into one.
    pub loaded: Option<String>,
    /// The nodes of a cluster that have the image now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
    /// The time from the start of the run until the image's last step ended, in milliseconds.
    pub milliseconds: u64,
}

/// One platform of an image.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PlatformReport {
    /// The platform.
    pub platform: Platform,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The bytes that a node pulls: compressed layers and configuration.
    pub size: u64,
}

impl Default for Report {
    /// Returns the report of a run that did nothing.
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            images: Vec::new(),
            unfinished: Vec::new(),
            since: None,
            steps: BTreeMap::new(),
        }
    }
}

impl ImageReport {
    /// Returns the report of an image that is not verified or tagged yet.
    pub(crate) fn new(plan: &ImagePlan, digest: Digest, platforms: Vec<PlatformReport>) -> Self {
        Self {
            name: plan.name.clone(),
            status: ImageStatus::Built,
            layout: plan.layout.clone(),
            digest,
            is_as_before: false,
            references: vec![format!("{}@{digest}", plan.repository)],
            platforms,
            verdicts: Vec::new(),
            skipped_tags: plan.skipped_tags.clone(),
            archive: None,
            loaded: None,
            nodes: Vec::new(),
            milliseconds: 0,
        }
    }

    /// Records that the image has its tags, if the plan gives it any.
    pub(crate) fn tagged(&mut self, plan: &ImagePlan) {
        if plan.tags.is_empty() {
            self.status = ImageStatus::Verified;
            return;
        }
        self.status = ImageStatus::Tagged;
        self.references = plan.references().map(|reference| format!("{reference}@{}", self.digest)).collect();
    }

    /// Returns the most severe verdict; `None` if the image was not verified.
    pub fn verdict(&self) -> Option<Verdict> {
        self.verdicts.iter().map(Verification::verdict).max()
    }
}
