//! The documents of an image with another base: pure.

use std::collections::BTreeSet;

use crossdock_oci::{PlatformObject, media_type, merge_environment};
use crossdock_platform::Platform;
use crossdock_subjects::parse_platform;
use serde_json::{Map, Value};

/// The parts of one platform's image that decide about a rebase.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    pub(super) manifest: Value,
    pub(super) config: Value,
}

/// Keys of a container's settings that are maps, whose entries are inherited one by one.
const MAPS: [&str; 3] = ["Labels", "Volumes", "ExposedPorts"];
/// Keys that stay as they are: what starts and as whom must not change with the base.
const KEPT: [&str; 3] = ["User", "Entrypoint", "Cmd"];

impl Parts {
    /// Returns the digests of the uncompressed layers.
    pub(super) fn diff_ids(&self) -> Vec<&str> {
        let ids = self.config["rootfs"]["diff_ids"].as_array().into_iter().flatten();
        ids.filter_map(Value::as_str).collect()
    }

    /// Returns the platform of the configuration; `None` if it names none that crossdock knows.
    pub(super) fn platform(&self) -> Option<Platform> {
        parse_platform(&serde_json::from_value::<PlatformObject>(self.config.clone()).ok()?)
    }

    /// Returns the descriptors of the layers.
    pub(super) fn layers(&self) -> &[Value] {
        self.manifest["layers"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the number of layers of `base` if they are the first layers of this image; else the number of the first
    /// layer that differs, counted from 1.
    pub(super) fn layers_above(&self, base: &Self) -> Result<usize, usize> {
        let (own, of_base) = (self.diff_ids(), base.diff_ids());
        let differs = of_base.iter().enumerate().find(|(place, id)| own.get(*place) != Some(id));
        match differs {
            Some((place, _)) => Err(place + 1),
            None => Ok(of_base.len()),
        }
    }

    /// Returns the configuration of this image, which is built on `old`, as it is on `new`.
    ///
    /// A setting that is that of the old base becomes that of the new one; others stay, as do user, entry point and arguments.
    /// Environment variables, labels, volumes and ports are inherited one by one. ONBUILD instructions are for builds.
    pub(super) fn config_on(&self, old: &Self, new: &Self) -> Value {
        let mut config = self.config.clone();
        let settings = |parts: &Self| parts.config["config"].as_object().cloned().unwrap_or_default();
        config["config"] = Value::Object(inherited(&settings(self), &settings(old), &settings(new)));
        let above = old.diff_ids().len();
        let ids = new.diff_ids().into_iter().chain(self.diff_ids().into_iter().skip(above));
        config["rootfs"]["diff_ids"] = ids.map(Value::from).collect();
        config["history"] = history(&self.config, &old.config, &new.config);
        config
    }

    /// Returns a sentence for each setting that differs in another configuration.
    pub(super) fn changes(&self, config: &Value) -> Vec<String> {
        let settings = |config: &Value| config["config"].as_object().cloned().unwrap_or_default();
        let (before, after) = (settings(&self.config), settings(config));
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let shown = |value: Option<&Value>| value.map_or_else(|| "none".to_owned(), Value::to_string);
        let differ = keys.into_iter().filter(|key| !is_same(before.get(*key), after.get(*key)));
        let change =
            |key: &String| format!("{key}: {} instead of {}", shown(after.get(key)), shown(before.get(key)));
        differ.map(change).collect()
    }

    /// Returns why the image of a base cannot be below an image with this manifest; `None` if it can.
    pub(super) fn unusable(&self, base: &Self) -> Option<String> {
        let is_docker = is_docker(&self.manifest);
        let kinds = base.layers().iter().map(|layer| layer["mediaType"].as_str().unwrap_or_default());
        let refused =
            kinds.map(|named| (named, layer_type(named, is_docker))).find(|(_, kind)| kind.is_none());
        refused.map(|(named, _)| match is_docker && layer_type(named, false).is_some() {
            true => format!("it has a layer of type `{named}`, and the image's manifest is one of docker, which has no such layers"),
            false => format!("it has a layer of type `{named}`, which an image cannot take over"),
        })
    }

    /// Returns the manifest of this image, which is built on `old`, as it is on `new`, with a new configuration.
    pub(super) fn manifest_on(&self, old: &Self, new: &Self, config: (&str, usize)) -> Value {
        let mut manifest = self.manifest.clone();
        manifest["config"]["digest"] = config.0.into();
        manifest["config"]["size"] = config.1.into();
        let is_docker = is_docker(&self.manifest);
        let of_base = new.layers().iter().map(|layer| {
            let mut layer = layer.clone();
            let named = layer["mediaType"].as_str().unwrap_or_default();
            layer["mediaType"] = layer_type(named, is_docker).unwrap_or(named).into();
            layer
        });
        let own = self.layers().iter().skip(old.layers().len()).cloned();
        manifest["layers"] = of_base.chain(own).collect();
        manifest
    }
}

fn is_docker(manifest: &Value) -> bool {
    manifest["config"]["mediaType"].as_str().is_some_and(|named| named.contains(".docker."))
}

/// Returns the media type of a layer in the family of its manifest: OCI's or Docker's. The bytes are the same.
fn layer_type(named: &str, is_docker: bool) -> Option<&'static str> {
    if is_docker { media_type::docker_layer(named) } else { media_type::oci_layer(named) }
}

/// Returns settings of a container with what they inherit.
fn inherited(
    own: &Map<String, Value>,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Map<String, Value> {
    let mut result = Map::new();
    let keys: BTreeSet<&String> = own.keys().chain(new.keys()).collect();
    for key in keys {
        let (own, old, new) = (own.get(key), old.get(key), new.get(key));
        let value = match key.as_str() {
            "Env" => env(own, old, new),
            key if MAPS.contains(&key) => map(own, old, new),
            key if KEPT.contains(&key) => own.cloned(),
            "OnBuild" => own.filter(|_| !is_same(own, old)).cloned(),
            _ if is_same(own, old) => new.cloned(),
            _ => own.cloned(),
        };
        if let Some(value) = value {
            result.insert(key.clone(), value);
        }
    }
    result
}

/// Returns whether two settings are equal. Tools write an empty one as `null`, as an empty value, or not at all.
fn is_same(one: Option<&Value>, other: Option<&Value>) -> bool {
    let plain = |value: Option<&Value>| {
        value.cloned().filter(|value| {
            !value.is_null() && value.as_str() != Some("") && *value != Value::Array(Vec::new())
        })
    };
    plain(one) == plain(other)
}

fn map(own: Option<&Value>, old: Option<&Value>, new: Option<&Value>) -> Option<Value> {
    let entries = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let (own, old, mut result) = (entries(own), entries(old), entries(new));
    result.extend(own.into_iter().filter(|(name, value)| old.get(name) != Some(value)));
    (!result.is_empty()).then_some(Value::Object(result))
}

/// Merges variables: those of the new base in their order, then the image's own.
fn env(own: Option<&Value>, old: Option<&Value>, new: Option<&Value>) -> Option<Value> {
    let lines = |value: Option<&Value>| -> Vec<String> {
        let lines = value.and_then(Value::as_array).into_iter().flatten();
        lines.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (own, old) = (lines(own), lines(old));
    let result = merge_environment(lines(new), own.into_iter().filter(|line| !old.contains(line)));
    (!result.is_empty()).then(|| result.into())
}

/// Returns the history on the new base: that of the base, then the image's own from the first layer above the old base on.
/// One that does not fit its layers is replaced by a plain one.
fn history(own: &Value, old: &Value, new: &Value) -> Value {
    let layers = |config: &Value| config["rootfs"]["diff_ids"].as_array().map_or(0, Vec::len);
    let entries = |config: &Value, whose: &str| -> Vec<Value> {
        let entries = config["history"].as_array().cloned().unwrap_or_default();
        let made = entries.iter().filter(|entry| makes_layer(entry)).count();
        match made == layers(config) {
            true => entries,
            false => {
                vec![serde_json::json!({ "comment": format!("a layer of the {whose}") }); layers(config)]
            }
        }
    };
    let of_old = entries(old, "base").len();
    let own_entries = entries(own, "image");
    // Tools rewrite the entries of the base, as their dates; the number of layers is what counts.
    let mut made = 0;
    let of_base = own_entries.iter().take_while(|entry| {
        made += usize::from(makes_layer(entry));
        made <= layers(old)
    });
    let above = of_base.count().min(of_old.max(layers(old)));
    let own = own_entries.into_iter().skip(above);
    entries(new, "base").into_iter().chain(own).collect()
}

fn makes_layer(entry: &Value) -> bool {
    entry["empty_layer"] != true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parts(settings: Value, layers: &[&str]) -> Parts {
        let media_type = "application/vnd.docker.image.rootfs.diff.tar.gzip";
        let history: Value = layers.iter().map(|layer| json!({ "created_by": layer })).collect();
        Parts {
            manifest: json!({
                "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": "old", "size": 1 },
                "layers": layers.iter().map(|layer| json!({ "mediaType": media_type, "digest": layer })).collect::<Value>(),
                "annotations": { "a": "b" },
            }),
            config: json!({
                "architecture": "amd64", "config": settings, "history": history,
                "rootfs": { "type": "layers", "diff_ids": layers },
            }),
        }
    }

    #[test]
    fn what_was_inherited_is_inherited_again_and_the_rest_stays() {
        let old = parts(
            json!({
                "Env": ["PATH=/old", "LANG=C", "GONE=1"], "User": "", "WorkingDir": "/", "Cmd": ["sh"],
                "Labels": { "version": "1", "gone": "x" }, "StopSignal": "SIGQUIT", "OnBuild": ["RUN x"],
            }),
            &["a", "b"],
        );
        let new = parts(
            json!({
                "Env": ["PATH=/new", "LANG=C.UTF-8", "ADDED=1"], "WorkingDir": "/srv", "Cmd": ["bash"],
                "Labels": { "version": "2" }, "Volumes": { "/data": {} },
            }),
            &["c"],
        );
        let image = parts(
            json!({
                "Env": ["PATH=/old", "LANG=de", "GONE=1", "OWN=1"], "User": null, "WorkingDir": "/", "Cmd": null,
                "Entrypoint": ["/app"], "Labels": { "version": "1", "gone": "x", "team": "a" }, "StopSignal": "SIGINT",
                "OnBuild": ["RUN x"],
            }),
            &["a", "b", "own"],
        );
        assert_eq!(image.layers_above(&old), Ok(2));
        assert_eq!((image.layers_above(&new), old.layers_above(&image)), (Err(1), Err(3)));
        let config = image.config_on(&old, &new);
        assert_eq!(
            config["config"],
            json!({
                "Env": ["PATH=/new", "LANG=de", "ADDED=1", "OWN=1"], "WorkingDir": "/srv", "Cmd": null, "User": null,
                "Entrypoint": ["/app"], "Labels": { "version": "2", "team": "a" }, "Volumes": { "/data": {} },
                "StopSignal": "SIGINT",
            })
        );
        assert_eq!(config["rootfs"]["diff_ids"], json!(["c", "own"]));
        assert_eq!(config["history"], json!([{ "created_by": "c" }, { "created_by": "own" }]));
        let manifest = image.manifest_on(&old, &new, ("new", 2));
        assert_eq!(
            manifest["layers"],
            json!([
                { "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "c" },
                { "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "digest": "own" },
            ])
        );
        assert_eq!(
            (&manifest["config"]["digest"], &manifest["annotations"]["a"]),
            (&json!("new"), &json!("b"))
        );
    }

    #[test]
    fn a_history_has_an_entry_for_each_layer() {
        let (old, new) = (parts(json!({}), &["a"]), parts(json!({}), &["b"]));
        let mut image = parts(json!({}), &["a", "own"]);
        let mut history = |entries: Value| {
            image.config["history"] = entries;
            image.config_on(&old, &new)["history"].clone()
        };
        let plain = json!([{ "created_by": "b" }, { "comment": "a layer of the image" }]);
        assert_eq!(history(json!([{ "created_by": "squashed" }])), plain);
        // buildah dates the entries of the base.
        let dated = json!([{ "created_by": "a", "created": "0001" }, { "created_by": "ENV x", "empty_layer": true }, { "created_by": "own" }]);
        let kept = json!([{ "created_by": "b" }, { "created_by": "ENV x", "empty_layer": true }, { "created_by": "own" }]);
        assert_eq!(history(dated), kept);
    }

    #[test]
    fn layers_that_a_manifest_cannot_name_are_refused() {
        let base = |named: &str| {
            let mut base = parts(json!({}), &["a"]);
            base.manifest["layers"][0]["mediaType"] = named.into();
            base
        };
        let mut image = parts(json!({}), &["a"]);
        let zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
        let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
        assert_eq!(image.unusable(&base(zstd)), None);
        assert!(image.unusable(&base(foreign)).unwrap().contains("cannot take over"));
        image.manifest["config"]["mediaType"] = "application/vnd.docker.container.image.v1+json".into();
        assert!(image.unusable(&base(zstd)).unwrap().contains("one of docker"));
    }
}
