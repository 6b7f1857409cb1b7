//! The nodes that an image must start on.

use crossdock_platform::Platform;
use crossdock_project::config::Source;
use crossdock_verify::{Node, Target as VerifiedTarget};
use serde::Serialize;

/// A node that an image must start on, and the origin of the requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Target {
    /// The node as it was named: `m7g.large`, `linux/arm64`.
    pub description: String,
    /// Its platform.
    pub platform: Platform,
    /// The properties of the machine; `None` if the description names only a platform.
    pub node: Option<Node>,
    /// The command line, environment or file that named it.
    pub source: Source,
}

impl Target {
    /// Returns the target as verification sees it, without its source.
    pub fn for_verification(&self) -> VerifiedTarget {
        let target = VerifiedTarget::new(&self.platform).described_as(&self.description);
        match &self.node {
            Some(node) => target.on(node.clone()),
            None => target,
        }
    }
}
