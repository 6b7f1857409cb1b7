//! Podman: a program that builds by itself, or the client of one in a virtual machine.

use crossdock_platform::Platform;
use serde::Deserialize;

use super::{Client, at_least, emulation};
use crate::engine::{Builder, CacheExport, Engine, Frontend};
use crossdock_system::availability::Unavailable;

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

/// Of `podman info`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Machine {
    kernel: String,
    hostname: String,
    /// Since version 4.8.
    #[serde(default)]
    emulated_architectures: Vec<String>,
}

/// What podman says that its machine emulates, else what this machine's kernel runs where that is podman's.
fn runs(info: &str, platform: &Platform) -> Option<Vec<Platform>> {
    let machine: Machine = serde_json::from_str(info).ok()?;
    let said = machine.emulated_architectures.iter().filter_map(|name| Platform::parse(name).ok());
    let said: Vec<Platform> = said.map(|platform| platform.normalized()).collect();
    match said.is_empty() {
        true => emulation::is_here(&machine.kernel, &machine.hostname)
            .then(|| emulation::of_this_machine(platform)),
        false => Some(emulation::with_native(platform, said)),
    }
}

pub(super) fn probe(client: &Client<'_>) -> Result<Engine, Unavailable> {
    let said = client.said(&["podman", "version", "--format", "json"])?;
    let Version { client: program, server } = serde_json::from_str(&said)
        .map_err(|error| Unavailable::because(format!("podman's answer cannot be read: {error}")))?;
    // The first whose buildah takes cache mounts, secrets and named contexts.
    at_least("podman", &program.version, [4, 2])?;
    // The version is answered without the storage; a build is not.
    let info = client.said(&["podman", "info", "--format", "{{json .Host}}"])?;
    let os_arch = server.as_ref().map_or(&program.os_arch, |server| &server.os_arch);
    let platform = Platform::parse(os_arch)
        .map_err(|error| Unavailable::because(format!("podman names no platform: {error}")))?;
    Ok(Engine {
        builder: Builder::Podman,
        client: program.version,
        server: server.map(|server| server.version),
        frontend: Frontend::Buildah,
        runs: runs(&info, &platform.normalized()),
        platform: platform.normalized(),
        caches: CacheExport::Anywhere,
        program: vec!["podman".to_owned()],
        nodes: Vec::new(),
    })
}
