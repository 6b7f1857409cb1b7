//! What came of a run: the answer that `--json` and `--metadata-file` give.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use crossdock_oci::Digest;
use crossdock_platform::Platform;
use crossdock_verify::{Verdict, Verification, serialize_entries};
use serde::Serialize;

use crate::plan::{ImagePlan, SkippedTag};

/// The version of the JSON form of a [`Report`].
pub const SCHEMA: &str = "crossdock.report/1";

/// What came of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The images that were assembled or found, in the plan's order.
    pub images: Vec<ImageReport>,
    /// The images of the plan that the run did not bring to their end, and why. One that stands here alone was not
    /// reached; one that was refused stands among `images` too, with its verdicts.
    pub unfinished: Vec<Unfinished>,
    /// How long each step took, in milliseconds, by the step's id.
    pub steps: BTreeMap<String, u128>,
}

/// An image that the run did not bring to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    /// Its name.
    pub image: String,
    /// Why, in a word.
    pub reason: Reason,
    /// Why, in a sentence.
    pub why: String,
}

/// Why an image was not brought to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Verification said no.
    Refused,
    /// It was to be verified or tagged, and no earlier run built it.
    NotBuilt,
    /// Something else ended the run before.
    Ended,
}

/// How far an image came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It was assembled, or found as an earlier run left it.
    Built,
    /// It was judged; its verdicts say how.
    Judged,
    /// It was judged, and that keeps it from its tags: they still point where they did before.
    Refused,
    /// It was judged and has its tags.
    Tagged,
}

/// What came of one image.
#[derive(Debug, Clone, Serialize)]
pub struct ImageReport {
    /// Its name.
    pub name: String,
    /// How far it came.
    pub status: Status,
    /// Its OCI image layout.
    pub layout: Utf8PathBuf,
    /// The digest of its index.
    pub digest: Digest,
    /// `repository:tag@digest` of each tag; `repository@digest` when there is no tag.
    pub references: Vec<String>,
    /// Its platforms, in the index's order.
    pub platforms: Vec<PlatformReport>,
    /// What it was judged against, and the verdict; empty when it was not judged.
    #[serde(serialize_with = "serialize_entries")]
    pub verdicts: Vec<Verification>,
    /// Tags that have no value here.
    pub skipped_tags: Vec<SkippedTag>,
    /// The archive, when one was written.
    pub archive: Option<Utf8PathBuf>,
    /// What the engine calls the image, when one got it.
    pub loaded: Option<String>,
    /// How long it took from the start of the run until the image was done, in milliseconds.
    pub milliseconds: u64,
}

/// One platform of an image.
#[derive(Debug, Clone, Serialize)]
pub struct PlatformReport {
    /// The platform.
    pub platform: Platform,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The sum of its compressed layers and its configuration, in bytes: what a node pulls.
    pub size: u64,
}

impl Default for Report {
    /// A run that did nothing.
    fn default() -> Self {
        Self { schema: SCHEMA, images: Vec::new(), unfinished: Vec::new(), steps: BTreeMap::new() }
    }
}

impl ImageReport {
    /// An image that was assembled or found, not yet judged or tagged.
    pub(crate) fn new(plan: &ImagePlan, digest: Digest, platforms: Vec<PlatformReport>) -> Self {
        Self {
            name: plan.name.clone(),
            status: Status::Built,
            layout: plan.layout.clone(),
            digest,
            references: vec![format!("{}@{digest}", plan.repository)],
            platforms,
            verdicts: Vec::new(),
            skipped_tags: plan.skipped_tags.clone(),
            archive: None,
            loaded: None,
            milliseconds: 0,
        }
    }

    /// The image has its tags now.
    pub(crate) fn tagged(&mut self, plan: &ImagePlan) {
        self.status = Status::Tagged;
        if !plan.tags.is_empty() {
            self.references =
                plan.references().map(|reference| format!("{reference}@{}", self.digest)).collect();
        }
    }

    /// The gravest verdict; none when the image was not judged.
    pub fn verdict(&self) -> Option<Verdict> {
        self.verdicts.iter().map(Verification::verdict).max()
    }
}
