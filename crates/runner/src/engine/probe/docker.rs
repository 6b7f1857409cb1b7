//! Docker: a client and a server, each with a version of its own.

use crossdock_platform::Platform;
use serde::Deserialize;

use super::{Client, at_least, buildx, emulation, refusal};
use crate::engine::{Builder, CacheExport, Engine, Frontend, Node, version_numbers};
use crossdock_system::availability::Unavailable;

/// The answer of `docker version --format '{{json .}}'`.
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

/// The first client that calls its plugin buildx for every build with BuildKit. Older clients speak to BuildKit themselves.
const NEEDS_PLUGIN: [u32; 2] = [23, 0];

pub(super) fn probe(client: &Client<'_>) -> Result<Engine, Unavailable> {
    let output = client.output(&["docker", "version", "--format", "{{json .}}"])?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let version: Version = serde_json::from_slice(&output.stdout).map_err(|_| refusal("docker", &stderr))?;
    let server = version.server.ok_or_else(|| refusal("docker", &stderr))?;
    at_least("docker's server", &server.version, [20, 10])?;
    let platform = Platform::parse(&format!("{}/{}", server.os, server.arch)).map_err(|error| {
        Unavailable::because(format!("docker's server reports a platform that cannot be read: {error}"))
    })?;
    let switched_off = client.environment("DOCKER_BUILDKIT") == Some("0");
    let plugin = || client.stdout(&["docker", "buildx", "version"]).is_ok();
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

/// Returns the platforms that buildx reports for its node, else those that this machine's kernel runs if it is the server's
/// machine.
fn runs(client: &Client<'_>, nodes: &[Node], platform: &Platform) -> Option<Vec<Platform>> {
    if let Some(node) = nodes.first()
        && let Ok(inspected) = client.stdout(&["docker", "buildx", "inspect", &node.name])
    {
        return buildx::runs(&inspected);
    }
    let info = client.stdout(&["docker", "info", "--format", "{{.KernelVersion}} {{.Name}}"]).ok()?;
    let (kernel, machine) = info.trim().split_once(' ')?;
    emulation::is_here(kernel, machine).then(|| emulation::of_this_machine(platform))
}

/// Returns where docker writes caches to: only with images in containerd's store it can write them outside of an image.
fn caches(client: &Client<'_>, frontend: Frontend) -> CacheExport {
    let status =
        || client.stdout(&["docker", "info", "--format", "{{json .DriverStatus}}"]).unwrap_or_default();
    if frontend == Frontend::Buildx && !status().contains("io.containerd.snapshotter") {
        CacheExport::Inline
    } else {
        CacheExport::Anywhere
    }
}

/// Returns the node of the server's own BuildKit, which buildx names after docker's context. It has to be named, because
/// the user may have selected another builder, whose images docker's store does not hold.
fn own_builder(client: &Client<'_>, frontend: Frontend, platform: &Platform) -> Vec<Node> {
    if frontend != Frontend::Buildx {
        return Vec::new();
    }
    let context = client.stdout(&["docker", "context", "show"]).unwrap_or_default();
    let name = Some(context.trim()).filter(|name| !name.is_empty()).unwrap_or("default").to_owned();
    vec![Node { endpoint: name.clone(), name, platforms: vec![platform.normalized()], error: None }]
}
