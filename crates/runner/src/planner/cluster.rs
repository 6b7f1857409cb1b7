//! Which part of an image each node of a cluster gets.

use camino::Utf8Path;
use crossdock_platform::Platform;
use crossdock_platform::matching::{Only, Specifier};
use crossdock_system::process::Command;

use super::error::PlanError;
use crate::engine::listed;
use crate::plan::{Cluster, ClusterLoad, NodeLoad};
use crate::text::platform_slug;

/// Plans the load of an image into each node. `base` is the path of its archives without their platform and extension.
///
/// # Errors
/// If a node runs none of the built platforms.
pub(super) fn cluster_load(
    cluster: &Cluster,
    image: &str,
    built: &[Platform],
    base: &Utf8Path,
    directory: &Utf8Path,
) -> Result<ClusterLoad, PlanError> {
    let load = |(node, platform): &(String, Platform)| {
        let taken = taken(platform, built).ok_or_else(|| PlanError::NodeNotBuilt {
            image: image.to_owned(),
            node: format!("node {node} of the cluster `{}` is {platform}", cluster.name),
            built: listed(built),
        })?;
        let archive = format!("{base}.{}.tar", platform_slug(taken)).into();
        let command = import(cluster, node, directory).input(&archive);
        Ok(NodeLoad { node: node.clone(), platform: taken.clone(), archive, command })
    };
    let nodes = cluster.nodes.iter().map(load).collect::<Result<Vec<NodeLoad>, PlanError>>()?;
    Ok(ClusterLoad { cluster: cluster.name.clone(), nodes })
}

/// Returns the platform that a node takes of an image, by containerd's rule.
fn taken<'p>(node: &Platform, built: &'p [Platform]) -> Option<&'p Platform> {
    let offered: Vec<Specifier> = built.iter().map(Specifier::from).collect();
    Only::for_platform(node).select(&offered).accepted.first().and_then(|best| built.get(*best))
}

/// Returns the command that imports an archive from its standard input. The kubelet's containerd keeps its images in the
/// namespace k8s.io. They are not unpacked here: only the kubelet's plugin knows the node's snapshotter, and it unpacks an
/// image when a container needs it.
fn import(cluster: &Cluster, node: &str, directory: &Utf8Path) -> Command {
    Command::new(&cluster.engine, directory.to_owned()).args([
        "exec",
        "--interactive",
        node,
        "ctr",
        "--namespace=k8s.io",
        "images",
        "import",
        "--no-unpack",
        "-",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(nodes: &[(&str, &str)], built: &[&str]) -> Result<Vec<String>, String> {
        let platform = |name: &str| Platform::parse(name).unwrap();
        let cluster = Cluster {
            name: "kind".to_owned(),
            engine: "docker".to_owned(),
            nodes: nodes.iter().map(|(node, name)| ((*node).to_owned(), platform(name))).collect(),
        };
        let built: Vec<Platform> = built.iter().map(|name| platform(name)).collect();
        let load = cluster_load(&cluster, "app", &built, "/out/app".into(), "/p".into());
        let line = |load: NodeLoad| format!("{} {}", load.platform, load.command);
        load.map(|load| load.nodes.into_iter().map(line).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_node_gets_the_platform_that_it_would_pull() {
        let nodes = [("one", "linux/amd64"), ("two", "linux/arm64"), ("three", "linux/amd64")];
        let import = |node: &str, name: &str, slug: &str| {
            format!(
                "{name} cd /p && docker exec --interactive {node} ctr --namespace=k8s.io images import --no-unpack - < \
                 /out/app.{slug}.tar"
            )
        };
        assert_eq!(
            load(&nodes, &["linux/arm64", "linux/amd64"]).unwrap(),
            [
                import("one", "linux/amd64", "linux-amd64"),
                import("two", "linux/arm64", "linux-arm64"),
                import("three", "linux/amd64", "linux-amd64"),
            ]
        );
        insta::assert_snapshot!(
            load(&nodes, &["linux/amd64"]).unwrap_err(),
            @"image `app`: node two of the cluster `kind` is linux/arm64, which is not built: the image has linux/amd64; add it to --platform"
        );
    }
}
