//! Builders of buildx: by its plugin in docker or as a program of its own.

use crossdock_platform::Platform;

use super::{Client, at_least};
use crate::engine::{Builder, CacheExport, Engine, Frontend, Node};
use crossdock_system::availability::Unavailable;
use crossdock_toolchain::host::remedies;

/// What `buildx inspect` says of a builder.
#[derive(Debug, Default, PartialEq, Eq)]
struct Inspected {
    name: String,
    driver: String,
    error: Option<String>,
    versions: Vec<String>,
    nodes: Vec<Node>,
}

pub(super) fn probe(client: &Client<'_>, name: Option<&str>) -> Result<Engine, Unavailable> {
    let (program, version) = program(client)?;
    at_least("buildx", &version, [0, 10])?;
    let mut words: Vec<&str> = program.clone();
    // Starting a stopped builder takes long and pulls an image: that is the build's affair.
    words.push("inspect");
    words.extend(name);
    let output = client.output(&words)?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(no_builder(&program, name, &stderr));
    }
    let builder = read(&String::from_utf8_lossy(&output.stdout));
    usable(&program, &builder)?;
    let runs: Vec<Platform> = builder.nodes.iter().flat_map(|node| node.platforms.iter().cloned()).collect();
    let native = runs.first().cloned().unwrap_or(Platform::LINUX_AMD64);
    Ok(Engine {
        builder: Builder::Buildx(name.map(str::to_owned)),
        client: version,
        server: builder.versions.first().cloned(),
        frontend: Frontend::Buildx,
        platform: native,
        // A builder that was not started yet does not say.
        runs: (!runs.is_empty()).then_some(runs),
        program: program.into_iter().map(str::to_owned).collect(),
        nodes: builder.nodes,
        caches: CacheExport::Anywhere,
    })
}

/// What the nodes run that `buildx inspect` tells of; none where it does not say, because none of them was started yet.
pub(super) fn runs(inspected: &str) -> Option<Vec<Platform>> {
    let nodes = read(inspected).nodes;
    let runs: Vec<Platform> = nodes.into_iter().flat_map(|node| node.platforms).collect();
    (!runs.is_empty()).then_some(runs)
}

/// The plugin, else the program; and its version.
fn program(client: &Client<'_>) -> Result<(Vec<&'static str>, String), Unavailable> {
    let ways: [Vec<&'static str>; 2] = [vec!["docker", "buildx"], vec!["buildx"]];
    for program in ways {
        let words: Vec<&str> = program.iter().copied().chain(["version"]).collect();
        if let Ok(said) = client.said(&words) {
            // `github.com/docker/buildx v0.19.3 48d6a39`
            return Ok((program, said.split_whitespace().nth(1).unwrap_or("unknown").to_owned()));
        }
    }
    Err(Unavailable::because(
        "buildx is not installed, neither as docker's plugin nor as a program: https://github.com/docker/buildx says how",
    ))
}

fn no_builder(program: &[&str], name: Option<&str>, stderr: &str) -> Unavailable {
    let said = stderr.trim().trim_start_matches("ERROR:").trim();
    // Another reason, as a configuration that cannot be read, is not cured by another builder.
    let Some(name) = name.filter(|_| said.contains("no builder")) else {
        return super::refusal("buildx", stderr);
    };
    let create = ["create", "--name", name, "--driver", "docker-container"];
    let words = program.iter().copied().skip(1).chain(create);
    Unavailable {
        why: format!("buildx has no builder `{name}`: {said}"),
        remedies: vec![remedies::user([remedies::command(program[0], words)])],
    }
}

/// A builder must be there and hand out images as files.
fn usable(program: &[&str], builder: &Inspected) -> Result<(), Unavailable> {
    // A node that is away takes nothing from the others.
    let first = builder.nodes.iter().find_map(|node| node.error.as_ref());
    let away = first.filter(|_| builder.nodes.iter().all(|node| node.error.is_some()));
    if let Some(error) = builder.error.as_ref().or(away) {
        return Err(super::refusal("buildx", error));
    }
    if builder.driver != "docker" {
        return Ok(());
    }
    // Another builder must be named too: no command alone brings what is missing.
    Err(Unavailable::because(format!(
        "the builder `{}` is docker's own, which exports no multi-platform image as a file: make another one (`{} create \
         --name crossdock --driver docker-container`) and name it with --builder buildx=crossdock, or take --builder docker",
        builder.name,
        program.join(" "),
    )))
}

/// Reads `buildx inspect`: the builder's fields, an empty line, then each node's, as buildx 0.8 to 0.30 write them. What
/// is indented belongs to a part of a node, as its labels and devices.
fn read(text: &str) -> Inspected {
    let mut builder = Inspected::default();
    for line in text.lines().filter(|line| !line.starts_with(char::is_whitespace)) {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match (key.trim(), builder.nodes.last_mut()) {
            ("Name", None) if builder.name.is_empty() => builder.name = value.to_owned(),
            ("Driver", None) => builder.driver = value.to_owned(),
            ("Name", _) => builder.nodes.push(Node {
                name: value.to_owned(),
                endpoint: String::new(),
                platforms: Vec::new(),
                error: None,
            }),
            ("Endpoint", Some(node)) => node.endpoint = value.to_owned(),
            ("Error", Some(node)) => node.error = Some(value.to_owned()),
            ("Error", None) => builder.error = Some(value.to_owned()),
            ("BuildKit" | "BuildKit version" | "Buildkit", Some(_)) => {
                builder.versions.push(value.to_owned());
            }
            ("Platforms", Some(node)) => node.platforms = platforms(value),
            _ => {}
        }
    }
    builder
}

/// `linux/amd64*, linux/amd64/v2, linux/386`; a star marks what a person fixed.
fn platforms(text: &str) -> Vec<Platform> {
    let names = text.split(',').map(|name| name.trim().trim_end_matches('*'));
    names.filter_map(|name| Platform::parse(name).ok()).map(|platform| platform.normalized()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "Name:          two\nDriver:        remote\nLast Activity: 2026-11-21 11:00:00 +0000 UTC\n\nNodes:\nName:                  one\nEndpoint:              unix:///run/one.sock\nStatus:                running\nBuildKit version:      v0.18.2\nPlatforms:             linux/amd64*, linux/amd64/v2, linux/386\nLabels:\n org.mobyproject.buildkit.worker.executor:         oci\nGC Policy rule#0:\n All:            false\n\nName:      other\nEndpoint:  tcp://127.0.0.1:1234\nStatus:    running\nBuildKit version: v0.18.2\nPlatforms: linux/arm64*\n";

    #[test]
    fn a_builder_with_two_nodes_is_read() {
        let builder = read(TWO);
        assert_eq!((builder.name.as_str(), builder.driver.as_str()), ("two", "remote"));
        let nodes: Vec<(&str, &str, usize)> = builder
            .nodes
            .iter()
            .map(|node| (node.name.as_str(), node.endpoint.as_str(), node.platforms.len()))
            .collect();
        assert_eq!(nodes, [("one", "unix:///run/one.sock", 3), ("other", "tcp://127.0.0.1:1234", 1)]);
        assert_eq!(builder.nodes[1].platforms, [Platform::LINUX_ARM64]);
        assert_eq!(builder.versions, ["v0.18.2", "v0.18.2"]);
        assert!(usable(&["docker", "buildx"], &builder).is_ok());
    }

    #[test]
    fn a_device_is_no_node_and_one_node_that_is_away_is_no_reason_to_refuse_the_others() {
        let farm = format!(
            "{TWO}Devices:\n Name:                 vendor.example/gpu=0\n Automatically allowed: true\n\nName: gone\nEndpoint: tcp://127.0.0.1:1\nError: connection refused\n"
        );
        let builder = read(&farm);
        let names: Vec<&str> = builder.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["one", "other", "gone"]);
        assert_eq!(builder.nodes[2].error.as_deref(), Some("connection refused"));
        assert!(usable(&["buildx"], &builder).is_ok());
        let alone = "Name: gone\nDriver: remote\n\nNodes:\nName: gone\nError: dial tcp: connection refused\n";
        assert!(usable(&["buildx"], &read(alone)).unwrap_err().why.contains("connection refused"));
    }

    #[test]
    fn dockers_own_builder_and_a_dead_one_are_refused() {
        let own = "Name:   default\nDriver: docker\n\nNodes:\nName:             default\nEndpoint:         default\nStatus:           running\nPlatforms:        linux/amd64, linux/386\n";
        let why = usable(&["docker", "buildx"], &read(own)).unwrap_err();
        assert!(why.why.contains("exports no multi-platform image"), "{why}");
        let dead = "Name:   default\nDriver: \nError:  Cannot connect to the Docker daemon at unix:///nope. Is the docker daemon running?\n";
        let why = usable(&["docker", "buildx"], &read(dead)).unwrap_err();
        assert!(why.why.contains("does not answer"), "{why}");
    }

    #[test]
    fn a_builder_that_is_not_there_names_the_command_that_makes_it() {
        let why = no_builder(&["buildx"], Some("farm"), "ERROR: no builder \"farm\" found\n");
        assert_eq!(why.why, "buildx has no builder `farm`: no builder \"farm\" found");
        assert_eq!(why.remedies[0].to_string(), "buildx create --name farm --driver docker-container");
        let other =
            no_builder(&["buildx"], Some("farm"), "ERROR: open /c/buildx/current: permission denied\n");
        assert!(other.remedies.is_empty() && !other.why.contains("no builder"), "{other}");
    }
}
