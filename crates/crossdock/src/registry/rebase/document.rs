//! The documents of an image with another base: pure.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The parts of one platform's image that decide about a rebase.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    pub(super) manifest: Value,
    pub(super) config: Value,
}

/// Keys of a container's settings that are maps, whose entries are inherited one by one.
const MAPS: [&str; 3] = ["Labels", "Volumes", "ExposedPorts"];

impl Parts {
    /// Returns the digests of the uncompressed layers.
    pub(super) fn diff_ids(&self) -> Vec<&str> {
        let ids = self.config["rootfs"]["diff_ids"].as_array().into_iter().flatten();
        ids.filter_map(Value::as_str).collect()
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
    /// A setting that is that of the old base becomes that of the new one; others stay. Environment variables, labels,
    /// volumes and ports are inherited one by one.
    pub(super) fn config_on(&self, old: &Self, new: &Self) -> Value {
        let mut config = self.config.clone();
        let settings = |parts: &Self| parts.config["config"].as_object().cloned().unwrap_or_default();
        config["config"] = Value::Object(inherited(&settings(self), &settings(old), &settings(new)));
        let above = old.diff_ids().len();
        let ids = new.diff_ids().into_iter().chain(self.diff_ids().into_iter().skip(above));
        config["rootfs"]["diff_ids"] = ids.map(Value::from).collect();
        match history(&self.config, &old.config, &new.config) {
            Some(history) => config["history"] = history,
            None => {
                config.as_object_mut().and_then(|config| config.remove("history"));
            }
        }
        config
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
            layer["mediaType"] = layer_type(named, is_docker).into();
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
fn layer_type(named: &str, is_docker: bool) -> String {
    const DOCKER: &str = "application/vnd.docker.image.rootfs.diff.tar";
    const OCI: &str = "application/vnd.oci.image.layer.v1.tar";
    match (named.strip_prefix(DOCKER), named.strip_prefix(OCI)) {
        (Some(coding), _) if !is_docker => format!("{OCI}{}", coding.replace('.', "+")),
        (_, Some(coding)) if is_docker => format!("{DOCKER}{}", coding.replace('+', ".")),
        _ => named.to_owned(),
    }
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
    let name = |line: &str| line.split_once('=').map_or(line.to_owned(), |(name, _)| name.to_owned());
    let (own, old, mut result) = (lines(own), lines(old), lines(new));
    for line in own.into_iter().filter(|line| !old.contains(line)) {
        match result.iter_mut().find(|other| name(other) == name(&line)) {
            Some(other) => *other = line,
            None => result.push(line),
        }
    }
    (!result.is_empty()).then(|| result.into())
}

/// Returns the history on the new base; `None` if one of the histories does not fit its layers.
fn history(own: &Value, old: &Value, new: &Value) -> Option<Value> {
    let entries = |config: &Value| -> Option<Vec<Value>> {
        let entries = config["history"].as_array().cloned().unwrap_or_default();
        let layers = config["rootfs"]["diff_ids"].as_array().map_or(0, Vec::len);
        let made = entries.iter().filter(|entry| entry["empty_layer"] != true).count();
        (made == layers).then_some(entries)
    };
    let (own, old, new) = (entries(own)?, entries(old)?, entries(new)?);
    let above = own.get(old.len()..).filter(|_| own.starts_with(&old))?;
    Some(new.into_iter().chain(above.iter().cloned()).collect())
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
            }),
            &["a", "b", "own"],
        );
        assert_eq!(image.layers_above(&old), Ok(2));
        assert_eq!((image.layers_above(&new), old.layers_above(&image)), (Err(1), Err(3)));
        let config = image.config_on(&old, &new);
        assert_eq!(
            config["config"],
            json!({
                "Env": ["PATH=/new", "LANG=de", "ADDED=1", "OWN=1"], "WorkingDir": "/srv", "Cmd": null,
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
    fn a_history_that_does_not_fit_is_dropped() {
        let (old, new) = (parts(json!({}), &["a"]), parts(json!({}), &["b"]));
        let mut image = parts(json!({}), &["a", "own"]);
        image.config["history"] = json!([{ "created_by": "squashed" }]);
        assert!(image.config_on(&old, &new).get("history").is_none());
    }
}
