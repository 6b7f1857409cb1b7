//! The labels of nodes that tell their platforms, and requirements on them.

use std::collections::BTreeSet;
use std::fmt;

use super::NodePlatform;

/// A label that every kubelet gives to its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    Os,
    Architecture,
}

/// The operator of a requirement (`NodeSelectorRequirement` of the API) on one of the labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    In,
    NotIn,
    DoesNotExist,
    /// One that every node meets, or that compares numbers, which these labels are not.
    Other,
}

/// A requirement on one of the labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Requirement {
    pub(crate) label: Label,
    pub(crate) operator: Operator,
    pub(crate) values: Vec<String>,
    /// The field as it is written, such as `nodeSelector`.
    pub(crate) field: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Label {
    pub(crate) const ALL: [Self; 2] = [Self::Os, Self::Architecture];

    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Os => "kubernetes.io/os",
            Self::Architecture => "kubernetes.io/arch",
        }
    }

    /// Returns the label of a key. Kubelets still set the labels of old releases, with `beta.`.
    pub(crate) fn of(key: &str) -> Option<Self> {
        let key = key.strip_prefix("beta.").unwrap_or(key);
        Self::ALL.into_iter().find(|label| label.key() == key)
    }

    fn value(self, platform: &NodePlatform) -> &String {
        match self {
            Self::Os => &platform.os,
            Self::Architecture => &platform.architecture,
        }
    }

    /// Returns the values that nodes of some platforms have.
    pub(crate) fn values(self, platforms: &BTreeSet<NodePlatform>) -> BTreeSet<String> {
        platforms.iter().map(|platform| self.value(platform).clone()).collect()
    }

    /// Returns whether requirements allow only some values of the label.
    pub(crate) fn is_bounded(self, requirements: &[Requirement], values: &BTreeSet<String>) -> bool {
        let own = || requirements.iter().filter(|one| one.label == self);
        let mut lists = own().filter(|one| one.operator == Operator::In);
        lists.next().is_some_and(|first| {
            let met = |value: &&String| own().all(|one| one.meets(value));
            first.values.iter().filter(met).all(|value| values.contains(value))
        })
    }
}

impl Operator {
    /// Returns the operator of a name; `None` if Kubernetes does not know it.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "In" => Self::In,
            "NotIn" => Self::NotIn,
            "DoesNotExist" => Self::DoesNotExist,
            "Exists" | "Gt" | "Lt" => Self::Other,
            _ => return None,
        })
    }
}

impl Requirement {
    pub(crate) fn accepts(&self, platform: &NodePlatform) -> bool {
        self.meets(self.label.value(platform))
    }

    fn meets(&self, value: &String) -> bool {
        match self.operator {
            Operator::In => self.values.contains(value),
            Operator::NotIn => !self.values.contains(value),
            Operator::DoesNotExist => false,
            Operator::Other => true,
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.field)
    }
}

pub(crate) fn listed(platforms: &BTreeSet<NodePlatform>) -> String {
    platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
