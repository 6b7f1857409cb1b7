use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::descriptor::PlatformObject;
use super::digest::Digest;
use super::document::null_as_default;

/// The configuration of an image for one platform: its layers and how a container starts (image-spec, config.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// The time of creation, RFC 3339. Kept as text, since other tools write fractions of a second and offsets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The platform that the image runs on.
    #[serde(flatten)]
    pub platform: PlatformObject,
    /// The settings of its containers.
    #[serde(default, deserialize_with = "null_as_default")]
    pub config: RuntimeConfig,
    /// The layers, by the digests of their uncompressed tars.
    pub rootfs: RootFs,
    /// The history of the layers: empty, or with one entry for each layer besides those marked as empty.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<History>,
}

/// The settings with which a container starts by default (image-spec, config.md § Properties, `config`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RuntimeConfig {
    /// The user, or `user:group`, by name or number; empty means root.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Ports such as `2222/tcp`. A hint: engines publish them only if asked to.
    #[serde(with = "set_as_map", skip_serializing_if = "BTreeSet::is_empty")]
    pub exposed_ports: BTreeSet<String>,
    /// The environment as `NAME=value`, in order.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// The entry point: the program and its first arguments.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// Further arguments, or the program and its arguments if there is no entry point.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Paths at which engines mount volumes.
    #[serde(with = "set_as_map", skip_serializing_if = "BTreeSet::is_empty")]
    pub volumes: BTreeSet<String>,
    /// The working directory; empty means `/`.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Labels: metadata by key.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The signal that stops the container, such as `SIGINT`; empty means `SIGTERM`.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// The health check: Docker's extension of the specification, which docker and podman run and Kubernetes ignores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// The shell that runs the line of a health check, with its options: Docker's extension of the specification. Empty
    /// means `/bin/sh -c`.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub shell: Vec<String>,
}

/// Adds variables of the form `NAME=value` to those of a base: one of the same name takes the place of the base's.
pub fn merge_environment(mut base: Vec<String>, own: impl IntoIterator<Item = String>) -> Vec<String> {
    let name = |line: &str| line.split_once('=').map_or_else(|| line.to_owned(), |(name, _)| name.to_owned());
    for line in own {
        match base.iter_mut().find(|other| name(other) == name(&line)) {
            Some(other) => *other = line,
            None => base.push(line),
        }
    }
    base
}

/// A health check of a container (Docker image specification v1.3, § `Healthcheck`). Times are in nanoseconds; 0 means
/// the engine's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `CMD` and the words of a command, `CMD-SHELL` and a line for the image's shell, or `NONE`.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// The time between two checks.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_zero")]
    pub interval: i64,
    /// The time after which a check counts as failed.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_zero")]
    pub timeout: i64,
    /// The time after the container's start in which failures do not count.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_zero")]
    pub start_period: i64,
    /// The number of consecutive failures that make the container unhealthy.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_zero")]
    pub retries: i64,
}

/// The layers of an image by their uncompressed content (image-spec, config.md § Properties, `rootfs`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Digests of the layers' uncompressed tars, lowest first.
    #[serde(deserialize_with = "null_as_default")]
    pub diff_ids: Vec<Digest>,
}

impl RootFs {
    /// Creates the list of these layers, lowest first.
    pub fn new(diff_ids: Vec<Digest>) -> Self {
        Self { kind: "layers".to_owned(), diff_ids }
    }
}

/// The history of one layer (image-spec, config.md § Properties, `history`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// The time of creation, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The command that created the layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// A free-form comment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether this step created no layer.
    #[serde(skip_serializing_if = "is_false")]
    pub empty_layer: bool,
}

fn is_zero(value: &i64) -> bool {
    *value == 0
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Serializes a set as Go's `map[string]struct{}`: an object whose values are empty objects.
mod set_as_map {
    use std::collections::{BTreeMap, BTreeSet};

    use serde::de::IgnoredAny;
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(serde::Serialize)]
    struct Empty {}

    pub(super) fn serialize<S: Serializer>(set: &BTreeSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(set.iter().map(|key| (key, Empty {})))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeSet<String>, D::Error> {
        // Docker writes `null` for an empty set.
        let map = Option::<BTreeMap<String, IgnoredAny>>::deserialize(deserializer)?;
        Ok(map.unwrap_or_default().into_keys().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Document;

    #[test]
    fn dockers_nulls_and_extensions_are_read() {
        let raw = br#"{"architecture":"amd64","os":"linux","created":"2024-01-01T00:00:00.123456789Z",
            "config":{"Hostname":"","User":"","Env":["PATH=/bin"],"Cmd":null,"Image":"x","Volumes":null,
            "ExposedPorts":{"80/tcp":{}},"OnBuild":null,"Labels":null,
            "Healthcheck":{"Test":["CMD","/web","check"],"Interval":30000000000,"Retries":3}},"container":"c",
            "rootfs":{"type":"layers","diff_ids":null},"history":[{"created_by":"x","empty_layer":true}]}"#;
        let config = Document::<ImageConfig>::parse(raw.to_vec(), "image configuration").unwrap().value;
        assert_eq!(config.platform, PlatformObject::new("linux", "amd64"));
        assert_eq!(config.config.env, ["PATH=/bin"]);
        assert!(config.config.exposed_ports.contains("80/tcp"));
        assert!(config.history[0].empty_layer);
        let check = Healthcheck {
            test: ["CMD", "/web", "check"].map(str::to_owned).to_vec(),
            interval: 30_000_000_000,
            retries: 3,
            ..Healthcheck::default()
        };
        assert_eq!(config.config.healthcheck, Some(check));
    }

    #[test]
    fn a_configuration_has_one_canonical_form() {
        let config = ImageConfig {
            created: Some("1970-01-01T00:00:00Z".into()),
            platform: PlatformObject { variant: Some("v8".into()), ..PlatformObject::new("linux", "arm64") },
            config: RuntimeConfig {
                exposed_ports: ["2222/tcp".to_owned()].into(),
                entrypoint: vec!["/app".into()],
                healthcheck: Some(Healthcheck { timeout: 1, ..Healthcheck::default() }),
                ..RuntimeConfig::default()
            },
            rootfs: RootFs::new(vec![]),
            history: vec![],
        };
        let document = Document::new(config).unwrap();
        assert_eq!(
            String::from_utf8(document.raw.clone()).unwrap(),
            r#"{"created":"1970-01-01T00:00:00Z","architecture":"arm64","os":"linux","variant":"v8","config":{"ExposedPorts":{"2222/tcp":{}},"Entrypoint":["/app"],"Healthcheck":{"Timeout":1}},"rootfs":{"type":"layers","diff_ids":[]}}"#
        );
        assert_eq!(Document::parse(document.raw.clone(), "image configuration").unwrap(), document);
    }

    #[test]
    fn a_missing_rootfs_is_an_error() {
        let raw = br#"{"architecture":"amd64","os":"linux"}"#.to_vec();
        assert!(Document::<ImageConfig>::parse(raw, "image configuration").is_err());
    }
}
