//! Docker: what client and server say of themselves.

use crossdock_platform::Platform;
use serde::Deserialize;

use super::{Client, at_least, buildx, emulation, refusal};
use crate::engine::{Builder, CacheExport, Engine, Frontend, Node, version_numbers};
use crossdock_system::availability::Unavailable;

/// `docker version --format '{{json .}}'`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    client: Part,
    server: Option<Part>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    version: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    arch: String,
}

/// The client that began to call the plugin buildx for every build with BuildKit.
const NEEDS_PLUGIN: [u32; 2] = [23, 0];

pub(super) fn probe(client: &Client<'_>) -> Result<Engine, Unavailable> {
    let output = client.output(&["docker", "version", "--format", "{{json .}}"])?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let version: Version = serde_json::from_slice(&output.stdout).map_err(|_| refusal("docker", &stderr))?;
    let server = version.server.ok_or_else(|| refusal("docker", &stderr))?;
    at_least("docker's server", &server.version, [20, 10])?;
    let platform = Platform::parse(&format!("{}/{}", server.os, server.arch))
        .map_err(|error| Unavailable::because(format!("docker's server names no platform: {error}")))?;
    let switched_off = client.environment("DOCKER_BUILDKIT") == Some("0");
    let plugin = || client.said(&["docker", "buildx", "version"]).is_ok();
    let frontend = match version_numbers(&version.client.version).as_slice() < NEEDS_PLUGIN.as_slice() {
        _ if switched_off => Frontend::Classic,
        true => Frontend::Integrated,
        false if plugin() => Frontend::Buildx,
        false => Frontend::Classic,
    };
    let nodes = own_builder(client, frontend, &platform);
    Ok(Engine {
        builder: Builder::Docker,
        client: version.client.version,
        server: Some(server.version),
        frontend,
        runs: runs(client, &nodes, &platform.normalized()),
        nodes,
        platform: platform.normalized(),
        caches: caches(client, frontend),
        program: vec!["docker".to_owned()],
    })
}

/// What buildx says of its node, else what this machine's kernel runs where that is the server's.
fn runs(client: &Client<'_>, nodes: &[Node], platform: &Platform) -> Option<Vec<Platform>> {
    if let Some(node) = nodes.first()
        && let Ok(said) = client.said(&["docker", "buildx", "inspect", &node.name])
    {
        return buildx::runs(&said);
    }
    let said = client.said(&["docker", "info", "--format", "{{.KernelVersion}} {{.Name}}"]).ok()?;
    let (kernel, machine) = said.trim().split_once(' ')?;
    emulation::is_here(kernel, machine).then(|| emulation::of_this_machine(platform))
}

/// Only images in containerd's store have caches outside of themselves.
fn caches(client: &Client<'_>, frontend: Frontend) -> CacheExport {
    let status =
        || client.said(&["docker", "info", "--format", "{{json .DriverStatus}}"]).unwrap_or_default();
    match frontend == Frontend::Buildx && !status().contains("io.containerd.snapshotter") {
        true => CacheExport::Inline,
        false => CacheExport::Anywhere,
    }
}

/// Buildx calls the server's own BuildKit by the context that leads to it. Another builder may be selected, in whose
/// store nothing of ours would be found.
fn own_builder(client: &Client<'_>, frontend: Frontend, platform: &Platform) -> Vec<Node> {
    if frontend != Frontend::Buildx {
        return Vec::new();
    }
    let said = client.said(&["docker", "context", "show"]).unwrap_or_default();
    let name = Some(said.trim()).filter(|name| !name.is_empty()).unwrap_or("default").to_owned();
    vec![Node { endpoint: name.clone(), name, platforms: vec![platform.normalized()], error: None }]
}
