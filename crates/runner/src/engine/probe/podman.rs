//! Podman: a program that builds by itself, or the client of a podman in a virtual machine.

use crossdock_platform::Platform;
use serde::Deserialize;

use super::{Client, at_least, emulation};
use crate::engine::{Builder, CacheExport, Engine, Frontend};
use crossdock_system::availability::Unavailable;

/// The answer of `podman version --format json`.
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

/// The answer of `podman info --format '{{json .Host}}'`, as far as it is used.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Machine {
    kernel: String,
    hostname: String,
    /// Since version 4.8.
    #[serde(default)]
    emulated_architectures: Vec<String>,
}

/// Returns the platforms that podman reports as emulated, else those that this machine's kernel runs if it is podman's
/// machine.
fn runs(info: &str, platform: &Platform) -> Option<Vec<Platform>> {
    let machine: Machine = serde_json::from_str(info).ok()?;
    let emulated = machine.emulated_architectures.iter().filter_map(|name| Platform::parse(name).ok());
    let emulated: Vec<Platform> = emulated.map(|platform| platform.normalized()).collect();
    if !emulated.is_empty() {
        return Some(emulation::with_native(platform, emulated));
    }
    emulation::is_here(&machine.kernel, &machine.hostname).then(|| emulation::of_this_machine(platform))
}

pub(super) fn probe(client: &Client<'_>) -> Result<Engine, Unavailable> {
    let answer = client.stdout(&["podman", "version", "--format", "json"])?;
    let Version { client: program, server } = serde_json::from_str(&answer)
        .map_err(|error| Unavailable::because(format!("podman's answer cannot be read: {error}")))?;
    // The first version whose buildah knows cache mounts, secrets and named contexts.
    at_least("podman", &program.version, [4, 2])?;
    // `podman version` works even if podman cannot open its storage, and then no build does.
    let info = client.stdout(&["podman", "info", "--format", "{{json .Host}}"])?;
    let os_arch = server.as_ref().map_or(&program.os_arch, |server| &server.os_arch);
    let platform = Platform::parse(os_arch).map_err(|error| {
        Unavailable::because(format!("podman reports a platform that cannot be read: {error}"))
    })?;
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
