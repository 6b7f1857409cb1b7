//! The platform and the nodes that a program must start on.

use crossdock_platform::{Architecture, ImageForms, NodeProfile, Os, Platform};
use serde::{Serialize, Serializer};

use crate::level::Level;

/// A platform and the facts about its nodes.
///
/// ```
/// use crossdock_platform::Platform;
/// use crossdock_verify::{Node, NodeLevel, Target};
///
/// let node = Node::new(NodeLevel::AtLeast("v3".to_owned())).with_page_sizes([4096]);
/// let target = Target::new(&Platform::LINUX_AMD64).on(node).described_as("the old cluster");
/// assert_eq!((target.name(), target.description()), ("linux/amd64", "the old cluster"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    platform: Platform,
    name: String,
    description: Option<String>,
    node: Node,
}

/// The properties of a target's nodes that its platform does not determine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Node {
    /// The processor level that every node has.
    pub level: NodeLevel,
    /// The page sizes that a node may have, in bytes; empty if unknown.
    pub page_sizes: Vec<u32>,
    /// Whether the nodes run the 32-bit programs of their architecture's family.
    pub runs_32_bit: Tristate,
    /// The forms of images that the nodes take.
    #[serde(skip_serializing_if = "ImageForms::is_any", serialize_with = "forms")]
    pub images: ImageForms,
}

fn forms<S: Serializer>(forms: &ImageForms, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match forms {
        ImageForms::AwsLambda => "aws-lambda",
        _ => "any",
    })
}

/// The processor level of nodes. It serializes as the level's name, or as null if no level is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeLevel {
    /// The nodes may be any of the platform: they have its variant, or the architecture's baseline if it has none.
    #[default]
    OfPlatform,
    /// Every node has this level, spelled as OCI or Go does, such as `v3` or `v8.2`.
    AtLeast(String),
    /// The nodes are one kind of machine whose level beyond the platform's is unknown.
    Unknown,
}

/// An answer that may be unknown. It serializes as `true`, `false` or null.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tristate {
    /// Yes.
    Yes,
    /// No.
    No,
    /// The answer is unknown.
    #[default]
    Unknown,
}

impl From<Option<bool>> for Tristate {
    fn from(answer: Option<bool>) -> Tristate {
        match answer {
            Some(true) => Tristate::Yes,
            Some(false) => Tristate::No,
            None => Tristate::Unknown,
        }
    }
}

impl Serialize for Tristate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Tristate::Yes => serializer.serialize_some(&true),
            Tristate::No => serializer.serialize_some(&false),
            Tristate::Unknown => serializer.serialize_none(),
        }
    }
}

impl Serialize for NodeLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            NodeLevel::AtLeast(level) => serializer.serialize_some(level),
            NodeLevel::OfPlatform | NodeLevel::Unknown => serializer.serialize_none(),
        }
    }
}

impl From<&NodeProfile> for Node {
    fn from(profile: &NodeProfile) -> Node {
        let level = profile.highest.map(str::to_owned).map_or(NodeLevel::Unknown, NodeLevel::AtLeast);
        Node {
            level,
            page_sizes: profile.page_sizes.to_vec(),
            runs_32_bit: profile.runs_32bit.into(),
            images: profile.images,
        }
    }
}

impl Node {
    /// Creates a node of this level, of which nothing else is known.
    pub fn new(level: NodeLevel) -> Node {
        Node { level, ..Node::default() }
    }

    /// Sets the page sizes that a node may have, in bytes.
    #[must_use]
    pub fn with_page_sizes(mut self, bytes: impl IntoIterator<Item = u32>) -> Node {
        self.page_sizes = bytes.into_iter().collect();
        self
    }

    /// Sets whether the nodes run 32-bit programs.
    #[must_use]
    pub fn with_32_bit_mode(mut self, runs_32_bit: Tristate) -> Node {
        self.runs_32_bit = runs_32_bit;
        self
    }
}

impl Target {
    /// Creates the target of any node of a platform.
    pub fn new(platform: &Platform) -> Target {
        let platform = platform.normalized();
        Target { name: platform.to_string(), platform, description: None, node: Node::default() }
    }

    /// Restricts the target to nodes with these properties.
    #[must_use]
    pub fn on(mut self, node: Node) -> Target {
        self.node = node;
        self
    }

    /// Sets the description of the nodes, such as `m7g.large`.
    #[must_use]
    pub fn described_as(mut self, description: impl Into<String>) -> Target {
        self.description = Some(description.into());
        self
    }

    /// Returns the platform in normal form.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Returns the platform's name in normal form, such as `linux/arm64`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the description of the nodes; the platform's name if they have none.
    pub fn description(&self) -> &str {
        self.description.as_deref().unwrap_or(&self.name)
    }

    /// Returns the properties of the nodes.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Returns the operating system.
    pub fn os(&self) -> Os {
        self.platform.os()
    }

    /// Returns the architecture.
    pub fn architecture(&self) -> Architecture {
        self.platform.architecture()
    }

    /// Returns the largest page size, in bytes, of arm64 nodes; `None` if all nodes have the smallest pages, or are of
    /// another platform.
    pub(crate) fn large_page_on_arm64(&self) -> Option<u32> {
        // `ARM64_PAGE_SHIFT` in arch/arm64/Kconfig.
        const SMALLEST: u32 = 4 << 10;
        const LARGEST: u32 = 64 << 10;
        let named = self.node.page_sizes.iter().copied().max();
        let is_arm64 = self.architecture() == Architecture::Arm64 && self.os() == Os::Linux;
        Some(named.unwrap_or(LARGEST)).filter(|page| is_arm64 && *page > SMALLEST)
    }

    /// Returns the level that every node has, with its spelling: the higher of the node's and the platform variant's, or
    /// the baseline if neither names one. `None` if the architecture has no levels.
    pub(crate) fn level(&self) -> Option<(Level, String)> {
        let parse = |text: &str| Some((Level::parse(self.architecture(), text)?, text.to_owned()));
        let node = match &self.node.level {
            NodeLevel::AtLeast(level) => parse(level),
            NodeLevel::OfPlatform | NodeLevel::Unknown => None,
        };
        let variant = self.platform.variant().and_then(parse);
        let best = match (node, variant) {
            // The platform's variant is a promise too: a node that pulls `linux/amd64/v3` has v3, whatever its kind
            // guarantees.
            (Some(node), Some(variant)) if variant.0.includes(node.0) => Some(variant),
            (Some(node), _) => Some(node),
            (None, variant) => variant,
        };
        best.or_else(|| parse(Level::baseline_name(self.architecture())?))
    }
}

#[cfg(test)]
mod tests {
    use crossdock_platform::{Interpretation, interpret};

    use super::*;

    fn target(description: &str) -> Target {
        let Interpretation::Exact(found) = interpret(description, None) else {
            panic!("{description} is known")
        };
        let (platform, _) = found.platform_or_linux().unwrap();
        let target = Target::new(&platform);
        match &found.node {
            Some(profile) => target.on(Node::from(profile)),
            None => target,
        }
    }

    #[test]
    fn a_node_offers_more_than_its_platform() {
        assert_eq!(target("linux/amd64").level().unwrap().1, "v1");
        assert_eq!(target("linux/amd64/v3").level().unwrap().1, "v3");
        assert_eq!(target("m5.large").level().unwrap().1, "v4");
        assert_eq!(target("m5.large").name(), "linux/amd64");
        assert_eq!(target("m8g.large").node().runs_32_bit, Tristate::No);
    }

    #[test]
    fn the_higher_level_of_node_and_variant_counts() {
        let v3 = Platform::parse("linux/amd64/v3").unwrap();
        let on = |level: &str| Target::new(&v3).on(Node::new(NodeLevel::AtLeast(level.to_owned())));
        assert_eq!(on("v2").level().unwrap().1, "v3");
        assert_eq!(on("v4").level().unwrap().1, "v4");
        assert_eq!(on("v9").level().unwrap().1, "v3", "an unknown level is ignored");
    }
}
