//! The nodes that a subject must start on, and what was found for each.

use crossdock_platform::Platform;
use crossdock_project::config::Source;
use crossdock_verify::Verdict;
use serde::Serialize;

/// A node that an image must start on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Target {
    /// As a person named it: `m7g.large`, `linux/arm64`.
    pub description: String,
    /// Its platform.
    pub platform: Platform,
    /// What is known of the machine, where the description names one.
    pub node: Option<Node>,
    /// Who asked.
    pub source: Source,
}

/// What a machine is known to offer beyond its platform's baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// The highest processor level that every such machine has, in OCI's spelling; none where it is not known.
    pub level: Option<String>,
    /// The page sizes that its system may have, in bytes.
    pub page_sizes: Vec<u32>,
    /// Whether it runs the 32-bit programs of its family; none where that is not known.
    pub runs_32_bit: Option<bool>,
}

/// The verdict for one target.
#[derive(Debug, Clone, Serialize)]
pub struct TargetReport {
    /// The target as it was named.
    #[serde(rename = "for")]
    pub for_: String,
    /// The platform of the index that such a node takes, when there is one.
    pub platform: Option<Platform>,
    /// The verdict.
    pub verdict: Verdict,
    /// Everything that was found.
    pub findings: Vec<crossdock_verify::Finding>,
}

/// Which programs of an image are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Those that start and those that the plan put there.
    #[default]
    Planned,
    /// Every one.
    All,
}
