//! Finds the keys of a bake file that `docker buildx bake` ignored.

use std::collections::BTreeMap;

use serde_json::Value;

use super::bake_file::from_environment;
use super::csv;

/// Replaces the escapes of bake's expression language (HCL): `$${` means `${`.
fn unescaped(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("$${", "${").replace("%%{", "%{")),
        Value::Array(items) => items.iter().map(unescaped).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), unescaped(value)));
            fields.collect::<serde_json::Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// Returns the keys whose values in the output of `bake --print` differ from the file, as `target.http-api.contexts`. Bake
/// silently drops keys that its version does not know.
///
/// # Errors
/// If one of the two texts is not JSON.
pub(crate) fn ignored(file: &str, printed: &str) -> Result<Vec<String>, serde_json::Error> {
    let (file, printed): (Value, Value) = (serde_json::from_str(file)?, serde_json::from_str(printed)?);
    let mut ignored = Vec::new();
    let targets = file["target"].as_object().into_iter().flatten();
    for (name, target) in targets {
        let printed = &printed["target"][name];
        for (key, value) in target.as_object().into_iter().flatten() {
            let (given, printed) = (fixed(key, value, value), fixed(key, value, &printed[key]));
            if !same(key, &unescaped(&given), &printed) {
                ignored.push(format!("target.{name}.{key}"));
            }
        }
    }
    Ok(ignored)
}

/// Returns the value of a key in the file or in what bake printed, without the build arguments that the file takes from the
/// environment: bake prints their values.
fn fixed(key: &str, file: &Value, of: &Value) -> Value {
    match (key, of) {
        ("args", Value::Object(fields)) => {
            let is_inherited =
                |name: &str| file[name].as_str().is_some_and(|text| text == from_environment(name));
            let fields = fields.iter().filter(|(name, _)| !is_inherited(name));
            fields
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
        _ => of.clone(),
    }
}

/// The fields of one item of a list.
type Entry = BTreeMap<String, String>;

fn same(key: &str, given: &Value, printed: &Value) -> bool {
    let (Value::Array(given), Value::Array(printed)) = (given, printed) else { return given == printed };
    let (given, printed) = (entries(key, given), entries(key, printed));
    // Versions before 0.20 add credentials from the environment to caches, so that printed entries may hold more.
    let holds =
        |printed: &Entry, given: &Entry| given.iter().all(|(name, value)| printed.get(name) == Some(value));
    given.iter().all(|given| printed.iter().any(|printed| holds(printed, given)))
        && printed.iter().all(|printed| given.iter().any(|given| holds(printed, given)))
}

/// Returns the items of a list. Of two with the same ID only the later one counts, as newer versions print it.
fn entries(key: &str, items: &[Value]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for entry in items.iter().flat_map(|item| entries_of(key, item)) {
        let id = entry.get("id");
        match entries.iter_mut().find(|earlier| id.is_some() && earlier.get("id") == id) {
            Some(earlier) => *earlier = entry,
            None => entries.push(entry),
        }
    }
    entries
}

/// Returns the fields of an item, as `util/buildflags` of buildx reads them. Newer versions print `type=oci,dest=x` as an
/// object with its fields in another order.
fn entries_of(key: &str, item: &Value) -> Vec<Entry> {
    match (key, item) {
        (_, Value::Object(fields)) => vec![of_object(fields)],
        ("ssh", Value::String(text)) => vec![ssh(text)],
        ("secret", Value::String(text)) => vec![secret(text)],
        ("cache-from" | "cache-to", Value::String(text)) => caches(text),
        ("output", Value::String(text)) => vec![pairs(text)],
        (_, Value::String(text)) => vec![plain(text)],
        (_, other) => vec![plain(&other.to_string())],
    }
}

fn plain(text: &str) -> Entry {
    Entry::from([(String::new(), text.to_owned())])
}

fn of_object(fields: &serde_json::Map<String, Value>) -> Entry {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        // The paths of an SSH agent.
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    };
    fields.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn pairs(text: &str) -> Entry {
    // Buildx refuses a quote that is not closed; until then the text is compared as it is.
    let Some(fields) = csv::fields(text) else { return plain(text) };
    let pair = |field: &String| match field.split_once('=') {
        Some((name, value)) => (name.trim().to_lowercase(), value.to_owned()),
        None => (String::new(), field.clone()),
    };
    fields.iter().map(pair).collect()
}

/// Reads `default`, or `ID=SOCKET[,KEY…]`.
fn ssh(text: &str) -> Entry {
    let (id, paths) = text.split_once('=').unwrap_or((text, ""));
    let paths = (!paths.is_empty()).then(|| ("paths".to_owned(), paths.to_owned()));
    paths.into_iter().chain([("id".to_owned(), id.to_owned())]).collect()
}

fn secret(text: &str) -> Entry {
    let mut entry = pairs(text);
    let source = entry.remove("source").or_else(|| entry.remove("src"));
    let is_variable = entry.remove("type").as_deref() == Some("env") && !entry.contains_key("env");
    let place = if is_variable { "env" } else { "src" };
    entry.extend(source.map(|source| (place.to_owned(), source)));
    entry
}

/// Reads a cache. Without any `=` it is a list of image references.
fn caches(text: &str) -> Vec<Entry> {
    if text.contains('=') {
        return vec![pairs(text)];
    }
    let registry =
        |reference| Entry::from([("type".to_owned(), "registry".to_owned()), ("ref".to_owned(), reference)]);
    csv::fields(text).map_or_else(|| vec![plain(text)], |fields| fields.into_iter().map(registry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The forms that newer versions of buildx print, from their `util/buildflags`. Older ones print the texts unchanged.
    #[test]
    fn a_value_that_bake_prints_in_another_form_is_the_same() {
        let rows = [
            (
                "ssh",
                r#"["default","build=/run/a.sock"]"#,
                r#"[{"id":"build","paths":["/run/a.sock"]},{"id":"default"}]"#,
            ),
            (
                "cache-from",
                r#"["user/app:cache","user/app:cache"]"#,
                r#"[{"type":"registry","ref":"user/app:cache"}]"#,
            ),
            (
                "cache-from",
                r#"["a/b,c/d"]"#,
                r#"[{"ref":"a/b","type":"registry"},{"ref":"c/d","type":"registry"}]"#,
            ),
            (
                "cache-to",
                r#"["Type=gha,mode=max"]"#,
                r#"[{"type":"gha","mode":"max","token":"t","url":"u"}]"#,
            ),
            ("secret", r#"["id=t,type=env,env=TOKEN"]"#, r#"[{"id":"t","env":"TOKEN"}]"#),
            ("secret", r#"["id=t,type=env,src=TOKEN"]"#, r#"[{"id":"t","env":"TOKEN"}]"#),
            ("secret", r#"["id=n,source=/a","id=n,\"src=/b,c\""]"#, r#"[{"id":"n","src":"/b,c"}]"#),
            ("output", r#"["type=oci,\"dest=/a,b/x.tar\""]"#, r#"[{"dest":"/a,b/x.tar","type":"oci"}]"#),
            ("platforms", r#"["linux/arm64","linux/amd64"]"#, r#"["linux/amd64","linux/arm64"]"#),
        ];
        for (key, given, printed) in rows {
            let [given, printed]: [Value; 2] =
                [given, printed].map(|text| serde_json::from_str(text).unwrap());
            assert!(same(key, &given, &printed), "{key}: {given} is {printed}");
            assert!(same(key, &given, &given), "{key}: {given} is itself");
            assert!(!same(key, &given, &Value::Null), "{key}: {given} is not nothing");
        }
        let differ = |key: &str, given: &str, printed: &str| {
            let [given, printed]: [Value; 2] =
                [given, printed].map(|text| serde_json::from_str(text).unwrap());
            !same(key, &given, &printed)
        };
        assert!(differ("ssh", r#"["build=/run/a.sock"]"#, r#"[{"id":"build"}]"#));
        assert!(differ("secret", r#"["id=t,src=/a"]"#, r#"[{"id":"t"}]"#));
        assert!(differ("cache-from", r#"["a/b","c/d"]"#, r#"[{"type":"registry","ref":"a/b"}]"#));
        assert!(differ("platforms", r#"["linux/arm64"]"#, r#"["linux/arm64","linux/386"]"#));
    }

    #[test]
    fn keys_that_bake_does_not_print_were_ignored() {
        let file = r#"{"group":{"default":{"targets":["app_v2"]}},"target":{"app_v2":{"context":"/p/$${home}","dockerfile":"/p/out/app.engine/Dockerfile","contexts":{"golang:1.26-trixie":"oci-layout:///b@sha256:0"},"platforms":["linux/amd64","linux/arm64"],"output":["type=oci,dest=/p/out/app.engine/image.tar"]}}}"#;
        let whole = r#"{"target":{"app_v2":{"context":"/p/${home}","dockerfile":"/p/out/app.engine/Dockerfile","contexts":{"golang:1.26-trixie":"oci-layout:///b@sha256:0"},"platforms":["linux/amd64","linux/arm64"],"output":[{"dest":"/p/out/app.engine/image.tar","type":"oci"}]}}}"#;
        assert_eq!(ignored(file, whole).unwrap(), Vec::<String>::new());
        assert_eq!(ignored(file, &whole.replace("type=oci,dest", "dest")).unwrap(), Vec::<String>::new());
        let without = whole.replace(r#""contexts":{"golang:1.26-trixie":"oci-layout:///b@sha256:0"},"#, "");
        assert_eq!(ignored(file, &without).unwrap(), ["target.app_v2.contexts"]);
        let other = whole.replace(r#""linux/arm64""#, r#""linux/arm""#);
        assert_eq!(ignored(file, &other).unwrap(), ["target.app_v2.platforms"]);
        assert!(ignored(file, "#1 building").is_err());
        let file = r#"{"target":{"app":{"args":{"A":"1","TOKEN":"${TOKEN}","B":"$${B}"}}}}"#;
        let whole = r#"{"target":{"app":{"args":{"A":"1","TOKEN":"hunter2","B":"${B}"}}}}"#;
        assert_eq!(ignored(file, whole).unwrap(), Vec::<String>::new());
        for (old, new) in [("\"1\"", "\"2\""), ("${B}", "b"), ("args", "x")] {
            assert_eq!(ignored(file, &whole.replace(old, new)).unwrap(), ["target.app.args"], "{old}");
        }
    }
}
