//! What a program is judged for.

use crossdock_platform::{NodeProfile, Platform};

use crate::level::Level;

/// A platform and what is known of its nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    platform: Platform,
    name: String,
    node: Node,
}

/// What the nodes of a target offer beyond its platform's baseline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// What a person calls such a node, as `m7g.large`; the platform's name where it has none of its own.
    pub name: Option<String>,
    /// Which processor level every node has.
    pub level: NodeLevel,
    /// The page sizes that a node may have, in bytes; empty when unknown.
    pub page_sizes: Vec<u64>,
    /// Whether the nodes run 32-bit programs of their family.
    pub runs_32_bit: Known,
}

/// What is known of the processor level of nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NodeLevel {
    /// The nodes are any of the platform: its variant is what they have, else the architecture's baseline.
    #[default]
    OfPlatform,
    /// Every node has this level, as OCI or Go spell it, such as `v3` or `v8.2`.
    AtLeast(String),
    /// They are one kind of machine, and nobody says which level beyond the platform's it has.
    Unknown,
}

/// An answer that may not be known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Known {
    /// Yes.
    Yes,
    /// No.
    No,
    /// Nothing is known.
    #[default]
    Unknown,
}

impl From<&NodeProfile> for Node {
    fn from(profile: &NodeProfile) -> Node {
        Node {
            name: None,
            level: match profile.highest {
                Some(level) => NodeLevel::AtLeast(level.to_owned()),
                None => NodeLevel::Unknown,
            },
            page_sizes: profile.page_sizes.iter().copied().map(u64::from).collect(),
            runs_32_bit: match profile.runs_32bit {
                Some(true) => Known::Yes,
                Some(false) => Known::No,
                None => Known::Unknown,
            },
        }
    }
}

impl Target {
    /// Any node of this platform.
    pub fn new(platform: &Platform) -> Target {
        let platform = platform.normalized();
        Target { name: platform.to_string(), platform, node: Node::default() }
    }

    /// The same platform on nodes of which this much is known.
    #[must_use]
    pub fn on(mut self, node: Node) -> Target {
        self.node = node;
        self
    }

    /// The platform in normal form.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The platform's name in normal form, such as `linux/arm64`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is known of the nodes.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The operating system in Go's spelling.
    pub fn os(&self) -> &str {
        self.platform.os().as_str()
    }

    /// The architecture in Go's spelling.
    pub fn architecture(&self) -> &str {
        self.platform.architecture().as_str()
    }

    /// What a person calls the nodes.
    pub(crate) fn node_name(&self) -> &str {
        self.node.name.as_deref().unwrap_or(&self.name)
    }

    /// The level that every node has, with its spelling: the node's, else the platform's variant, else the baseline.
    pub(crate) fn level(&self) -> Option<(Level, String)> {
        let parse = |text: &str| Some((Level::parse(self.architecture(), text)?, text.to_owned()));
        let node = match &self.node.level {
            NodeLevel::AtLeast(level) => parse(level),
            NodeLevel::OfPlatform | NodeLevel::Unknown => None,
        };
        let variant = self.platform.variant().and_then(parse);
        let best = match (node, variant) {
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
        Target::new(&platform).on(found.node.as_ref().map(Node::from).unwrap_or_default())
    }

    #[test]
    fn a_node_offers_more_than_its_platform() {
        assert_eq!(target("linux/amd64").level().unwrap().1, "v1");
        assert_eq!(target("linux/amd64/v3").level().unwrap().1, "v3");
        assert_eq!(target("m5.large").level().unwrap().1, "v4");
        assert_eq!(target("m5.large").name(), "linux/amd64");
        assert_eq!(target("m8g.large").node().runs_32_bit, Known::No);
    }

    #[test]
    fn the_better_of_node_and_variant_counts() {
        let v3 = Platform::parse("linux/amd64/v3").unwrap();
        let on = |level: &str| {
            Target::new(&v3).on(Node { level: NodeLevel::AtLeast(level.to_owned()), ..Node::default() })
        };
        assert_eq!(on("v2").level().unwrap().1, "v3");
        assert_eq!(on("v4").level().unwrap().1, "v4");
        assert_eq!(on("v9").level().unwrap().1, "v3", "a word that is no level says nothing");
    }
}
