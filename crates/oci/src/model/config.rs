use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::descriptor::PlatformObject;
use super::digest::Digest;
use super::document::null_as_default;

/// What one platform's image holds and how it starts (image-spec, config.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// When the image was made, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Where it runs.
    #[serde(flatten)]
    pub platform: PlatformObject,
    /// How a container from it starts.
    #[serde(default, deserialize_with = "null_as_default")]
    pub config: RuntimeConfig,
    /// The layers' identities.
    pub rootfs: RootFs,
    /// How each layer came to be: absent, or as many non-empty entries as there are layers.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<History>,
}

/// How a container starts unless whoever starts it says otherwise (image-spec, config.md § Properties).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RuntimeConfig {
    /// User, or `user:group`, by name or number; empty means root.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Ports as `2222/tcp`, a hint for people and tools.
    #[serde(with = "set_as_map", skip_serializing_if = "BTreeSet::is_empty")]
    pub exposed_ports: BTreeSet<String>,
    /// Environment as `NAME=value`, in order.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// The program and its first arguments.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// Further arguments, or the program when there is no entrypoint.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Paths that are volumes.
    #[serde(with = "set_as_map", skip_serializing_if = "BTreeSet::is_empty")]
    pub volumes: BTreeSet<String>,
    /// The folder in which the program starts; empty means `/`.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Facts about the image, for people and tools.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The signal that asks the program to end, such as `SIGTERM`.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// How an engine finds out whether a container works: Docker's extension of the specification, which podman and
    /// docker heed and Kubernetes does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
}

/// What an engine does to see whether a container works (Docker image specification v1.3, § `Healthcheck`). Times are
/// nanoseconds; 0 is the engine's own default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `CMD` and the words of a program, `CMD-SHELL` and a line for the image's shell, or `NONE`.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// Between two checks.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_zero")]
    pub interval: i64,
    /// How long one may take.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_zero")]
    pub timeout: i64,
    /// From the container's start, in which failures do not count.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_zero")]
    pub start_period: i64,
    /// Failures in a row that make the container unhealthy.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_zero")]
    pub retries: i64,
}

/// The layers of an image by their uncompressed content (image-spec, config.md § `rootfs`).
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
    /// A root made of these layers.
    pub fn new(diff_ids: Vec<Digest>) -> Self {
        Self { kind: "layers".to_owned(), diff_ids }
    }
}

/// How a layer came to be (image-spec, config.md § `history`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// When, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// By which command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// In anyone's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether this step made no layer.
    #[serde(skip_serializing_if = "is_false")]
    pub empty_layer: bool,
}

fn is_zero(value: &i64) -> bool {
    *value == 0
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Go writes a set as a map to empty objects.
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
        let map = Option::<BTreeMap<String, IgnoredAny>>::deserialize(deserializer)?;
        Ok(map.unwrap_or_default().into_keys().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Document;

    #[test]
    fn reads_what_docker_writes() {
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
    fn canonical_form() {
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
        let document = Document::new(config);
        assert_eq!(
            String::from_utf8(document.raw.clone()).unwrap(),
            r#"{"created":"1970-01-01T00:00:00Z","architecture":"arm64","os":"linux","variant":"v8","config":{"ExposedPorts":{"2222/tcp":{}},"Entrypoint":["/app"],"Healthcheck":{"Timeout":1}},"rootfs":{"type":"layers","diff_ids":[]}}"#
        );
        assert_eq!(Document::parse(document.raw.clone(), "image configuration").unwrap(), document);
    }

    #[test]
    fn a_missing_root_is_an_error() {
        let raw = br#"{"architecture":"amd64","os":"linux"}"#.to_vec();
        assert!(Document::<ImageConfig>::parse(raw, "image configuration").is_err());
    }
}
