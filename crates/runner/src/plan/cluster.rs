//! Nodes of a cluster that get an image without a registry.

use camino::Utf8PathBuf;
use crossdock_platform::Platform;
use crossdock_system::process::Command;
use serde::Serialize;

/// A cluster of kind, whose nodes are containers with a containerd of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cluster {
    /// The name of the cluster.
    pub name: String,
    /// The engine in which the nodes are containers: `docker`, `podman`, `nerdctl`.
    pub engine: String,
    /// The nodes, each with its platform.
    pub nodes: Vec<(String, Platform)>,
}

/// A load of an image into every node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ClusterLoad {
    /// The name of the cluster.
    pub cluster: String,
    /// The nodes.
    pub nodes: Vec<NodeLoad>,
}

/// A load of an image into one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NodeLoad {
    /// The name of the node.
    pub node: String,
    /// The platform of the image that the node takes.
    pub platform: Platform,
    /// The archive of that platform. Nodes of one platform share it.
    pub archive: Utf8PathBuf,
    /// The command that imports it.
    pub command: Command,
}
