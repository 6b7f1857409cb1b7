//! The nodes of a kind cluster: containers of an engine, each with a containerd of its own.

use crossdock_platform::{Interpretation, Platform, Vocabulary, interpret};
use crossdock_runner::plan::Cluster;
use crossdock_system::process::Command;

use crate::context::Context;
use crate::doctor::engine_to_run;
use crate::error::{Error, ErrorKind};
use crate::options::KindCluster;

/// The container of a cluster with several control planes that only forwards connections (kind,
/// pkg/cluster/constants). It has no containerd.
const BALANCER: &str = "-external-load-balancer";

impl Context {
    /// Asks kind for the nodes of a cluster, and each node for its architecture.
    pub(crate) fn kind_cluster(&self, cluster: &KindCluster) -> Result<Cluster, Error> {
        let name = cluster.name.as_deref().or_else(|| self.environment.get("KIND_CLUSTER_NAME"));
        let name = name.unwrap_or("kind").to_owned();
        // The words of kind's own option (kind, pkg/cluster/provider.go).
        let engine = match self.environment.get("KIND_EXPERIMENTAL_PROVIDER") {
            Some(provider) => provider.to_owned(),
            None => engine_to_run(self).0.to_owned(),
        };
        let command =
            Command::new("kind", self.directory().to_owned()).args(["get", "nodes", "--name", &name]);
        let listed = self.processes.stdout(&command).map_err(|error| {
            Error::new(ErrorKind::Missing, &error)
                .hint("--load kind needs kind and its cluster; install kind, or omit the option")
        })?;
        let nodes: Vec<&str> = listed.split_whitespace().filter(|node| !node.ends_with(BALANCER)).collect();
        if nodes.is_empty() {
            return Err(Error::from_message(ErrorKind::Missing, format!("kind has no cluster `{name}`"))
                .hint(format!(
                    "`kind create cluster --name {name}` makes one; `kind get clusters` lists them"
                )));
        }
        let nodes = nodes.into_iter().map(|node| Ok((node.to_owned(), self.node_platform(&engine, node)?)));
        Ok(Cluster { name, nodes: nodes.collect::<Result<_, Error>>()?, engine })
    }

    /// Returns the platform of a node. Its image may be of another architecture than the engine's machine, which then
    /// emulates it.
    fn node_platform(&self, engine: &str, node: &str) -> Result<Platform, Error> {
        let command = Command::new(engine, self.directory().to_owned()).args(["exec", node, "uname", "-m"]);
        let machine = self.processes.stdout(&command).map_err(|error| {
            Error::new(ErrorKind::Missing, &error).hint(format!(
                "start the node: `{engine} start {node}`; KIND_EXPERIMENTAL_PROVIDER names another engine"
            ))
        })?;
        let machine = machine.trim();
        match interpret(machine, Some(Vocabulary::UnameMLinux)) {
            Interpretation::Exact(facts) => facts.platform(),
            _ => None,
        }
        .ok_or_else(|| {
            let message = format!("node {node} has the unknown architecture `{machine}` (uname -m)");
            Error::from_message(ErrorKind::Program, message)
        })
    }
}
