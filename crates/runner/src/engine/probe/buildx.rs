//! Builders of buildx, which is a plugin of docker or a program of its own.

use crossdock_platform::Platform;

use super::{Client, at_least};
use crate::engine::{Builder, CacheExport, Engine, Frontend, Node};
use crossdock_system::availability::Unavailable;
use crossdock_toolchain::host::remedies;

/// The answer of `buildx inspect`.
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
    // Without `--bootstrap`: starting a stopped builder takes long and pulls an image, which only a build may do.
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
    // A builder that was not started yet reports no platforms. It is described by the one that most builders run on.
    let native = runs.first().cloned().unwrap_or(Platform::LINUX_AMD64);
    Ok(Engine {
        builder: Builder::Buildx(name.map(str::to_owned)),
        client: version,
        server: builder.versions.first().cloned(),
        frontend: Frontend::Buildx,
        platform: native,
        runs: (!runs.is_empty()).then_some(runs),
        program: program.into_iter().map(str::to_owned).collect(),
        nodes: builder.nodes,
        caches: CacheExport::Anywhere,
    })
}

/// Returns the platforms that all nodes run, from the answer of `buildx inspect`; `None` if none of them was started yet,
/// because buildx does not know them before.
pub(super) fn runs(inspected: &str) -> Option<Vec<Platform>> {
    let nodes = read(inspected).nodes;
    let runs: Vec<Platform> = nodes.into_iter().flat_map(|node| node.platforms).collect();
    (!runs.is_empty()).then_some(runs)
}

/// Returns the words that call buildx, as docker's plugin if it is installed, and its version.
fn program(client: &Client<'_>) -> Result<(Vec<&'static str>, String), Unavailable> {
    let candidates: [Vec<&'static str>; 2] = [vec!["docker", "buildx"], vec!["buildx"]];
    for program in candidates {
        let words: Vec<&str> = program.iter().copied().chain(["version"]).collect();
        if let Ok(answer) = client.stdout(&words) {
            // `github.com/docker/buildx v0.19.3 48d6a39`
            return Ok((program, answer.split_whitespace().nth(1).unwrap_or("unknown").to_owned()));
        }
    }
    Err(Unavailable::because(
        "buildx is not installed, neither as docker's plugin nor as a program: https://github.com/docker/buildx says how",
    ))
}

fn no_builder(program: &[&str], name: Option<&str>, stderr: &str) -> Unavailable {
    let text = stderr.trim().trim_start_matches("ERROR:").trim();
    // Any other reason, as an unreadable configuration, is not remedied by creating a builder.
    let Some(name) = name.filter(|_| text.contains("no builder")) else {
        return super::refusal("buildx", stderr);
    };
    let create = ["create", "--name", name, "--driver", "docker-container"];
    let words = program.iter().copied().skip(1).chain(create);
    Unavailable {
        why: format!("buildx has no builder `{name}`: {text}"),
        remedies: vec![remedies::user([remedies::command(program[0], words)])],
    }
}

/// Refuses a builder that does not answer or that cannot export images as files.
fn usable(program: &[&str], builder: &Inspected) -> Result<(), Unavailable> {
    // A builder works as long as one of its nodes answers.
    let first = builder.nodes.iter().find_map(|node| node.error.as_ref());
    let unreachable = first.filter(|_| builder.nodes.iter().all(|node| node.error.is_some()));
    if let Some(error) = builder.error.as_ref().or(unreachable) {
        return Err(super::refusal("buildx", error));
    }
    if builder.driver != "docker" {
        return Ok(());
    }
    // Not a remedy that `--setup` could run: besides creating a builder, the user has to name it.
    Err(Unavailable::because(format!(
        "the builder `{}` is docker's own, which exports no multi-platform image as a file: make another one (`{} create \
         --name crossdock --driver docker-container`) and name it with --builder buildx=crossdock, or use --builder docker",
        builder.name,
        program.join(" "),
    )))
}

/// Reads the answer of `buildx inspect`, as buildx 0.8 to 0.30 write it: the builder's fields, an empty line, the fields of
/// each node. Indented lines belong to a part of a node, as its labels and devices.
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

/// Reads `linux/amd64*, linux/amd64/v2, linux/386`. A star marks a platform that the user set.
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
    fn devices_are_not_nodes_and_one_unreachable_node_does_not_make_a_builder_unusable() {
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
    fn dockers_own_builder_and_an_unreachable_one_are_refused() {
        let own = "Name:   default\nDriver: docker\n\nNodes:\nName:             default\nEndpoint:         default\nStatus:           running\nPlatforms:        linux/amd64, linux/386\n";
        let why = usable(&["docker", "buildx"], &read(own)).unwrap_err();
        assert!(why.why.contains("exports no multi-platform image"), "{why}");
        let dead = "Name:   default\nDriver: \nError:  Cannot connect to the Docker daemon at unix:///nope. Is the docker daemon running?\n";
        let why = usable(&["docker", "buildx"], &read(dead)).unwrap_err();
        assert!(why.why.contains("does not answer"), "{why}");
    }

    #[test]
    fn a_missing_builder_has_the_command_that_creates_it_as_remedy() {
        let why = no_builder(&["buildx"], Some("farm"), "ERROR: no builder \"farm\" found\n");
        assert_eq!(why.why, "buildx has no builder `farm`: no builder \"farm\" found");
        assert_eq!(why.remedies[0].to_string(), "buildx create --name farm --driver docker-container");
        let other =
            no_builder(&["buildx"], Some("farm"), "ERROR: open /c/buildx/current: permission denied\n");
        assert!(other.remedies.is_empty() && !other.why.contains("no builder"), "{other}");
    }
}
