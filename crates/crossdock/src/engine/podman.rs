//! Podman: a program that builds by itself, or the client of one in a virtual machine.

use crossdock_platform::Platform;
use serde::Deserialize;

use super::ask::{Asker, at_least};
use super::{Builder, Engine, Frontend};
use crate::availability::Unavailable;

/// `podman version --format json`
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
    os_arch: String,
}

pub(super) fn ask(asker: &Asker<'_>) -> Result<Engine, Unavailable> {
    let said = asker.said(&["podman", "version", "--format", "json"])?;
    let Version { client, server } = serde_json::from_str(&said)
        .map_err(|error| Unavailable::because(format!("podman's answer cannot be read: {error}")))?;
    // The first whose buildah takes cache mounts, secrets and named contexts.
    at_least("podman", &client.version, [4, 2])?;
    // The version is answered without the storage; a build is not.
    asker.said(&["podman", "info", "--format", "{{.Host.Arch}}"])?;
    let os_arch = server.as_ref().map_or(&client.os_arch, |server| &server.os_arch);
    let platform = Platform::parse(os_arch)
        .map_err(|error| Unavailable::because(format!("podman names no platform: {error}")))?;
    Ok(Engine {
        builder: Builder::Podman,
        client: client.version,
        server: server.map(|server| server.version),
        frontend: Frontend::Buildah,
        platform: platform.normalized(),
        runs: None,
        program: vec!["podman".to_owned()],
        nodes: Vec::new(),
    })
}
