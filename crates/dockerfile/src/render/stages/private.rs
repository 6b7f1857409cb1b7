//! Private dependencies. Secrets are mounted for the steps that use them, so that no layer holds them.

use std::collections::BTreeMap;

use super::super::request::{Private, Request};

pub(super) fn ssh_hosts(request: &Request) -> Vec<String> {
    let hosts = request.private.iter().filter_map(|private| match private {
        Private::Ssh(hosts) => Some(hosts.clone()),
        _ => None,
    });
    hosts.flatten().collect()
}

pub(super) fn env(request: &Request) -> BTreeMap<String, String> {
    let hosts: Vec<String> = request
        .private
        .iter()
        .filter_map(|private| match private {
            Private::Netrc(hosts) | Private::Ssh(hosts) => Some(hosts.clone()),
            Private::CargoRegistry(_) => None,
        })
        .flatten()
        .collect();
    match (hosts.is_empty(), request.linking.is_go()) {
        (true, _) => BTreeMap::new(),
        (_, true) => BTreeMap::from([("GOPRIVATE".to_owned(), hosts.join(","))]),
        (_, false) => BTreeMap::from([("CARGO_NET_GIT_FETCH_WITH_CLI".to_owned(), "true".to_owned())]),
    }
}

/// Returns the mounts of secrets. They are required: BuildKit skips an optional secret that is missing, and the step
/// would fail later, for a reason that does not name it.
pub(super) fn mounts(request: &Request) -> Vec<String> {
    let mounts = request.private.iter().flat_map(|private| match private {
        Private::Netrc(_) => vec!["type=secret,id=netrc,target=/root/.netrc,required=true".to_owned()],
        Private::Ssh(_) => vec![
            "type=ssh,required=true".to_owned(),
            "type=secret,id=known_hosts,target=/root/.ssh/known_hosts,required=true".to_owned(),
        ],
        Private::CargoRegistry(name) => vec![format!("type=secret,id=cargo-registry-{name},required=true")],
    });
    mounts.collect()
}

/// Returns the lines that export registry tokens: read from the mounted secret, as a build argument would stay in the
/// image's history.
pub(super) fn exports(request: &Request) -> Vec<String> {
    let exports = request.private.iter().filter_map(|private| match private {
        Private::CargoRegistry(name) if !request.linking.is_go() => {
            let variable = name.to_ascii_uppercase().replace(['-', '.'], "_");
            let path = format!("/run/secrets/cargo-registry-{name}");
            Some(format!("CARGO_REGISTRIES_{variable}_TOKEN=\"$(cat {path})\"; export CARGO_REGISTRIES_{variable}_TOKEN;"))
        }
        _ => None,
    });
    exports.collect()
}

pub(super) fn secrets(request: &Request) -> Vec<String> {
    let ids = request.private.iter().map(|private| match private {
        Private::Netrc(_) => "netrc".to_owned(),
        Private::Ssh(_) => "known_hosts".to_owned(),
        Private::CargoRegistry(name) => format!("cargo-registry-{name}"),
    });
    ids.collect()
}
