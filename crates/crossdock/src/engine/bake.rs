//! Whether `docker buildx bake` understood a bake file.

use serde_json::Value;

/// What a text of a bake file means: `$${` stands for `${`.
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

/// What `bake --print` says otherwise than the file, as `target.http-api.contexts`: bake drops silently what it does not
/// know.
///
/// # Errors
/// When one of the two is not JSON.
pub fn ignored(file: &str, printed: &str) -> Result<Vec<String>, serde_json::Error> {
    let (file, printed): (Value, Value) = (serde_json::from_str(file)?, serde_json::from_str(printed)?);
    let mut ignored = Vec::new();
    let targets = file["target"].as_object().into_iter().flatten();
    for (name, target) in targets {
        let printed = &printed["target"][name];
        for (key, value) in target.as_object().into_iter().flatten() {
            if !same(&unescaped(value), &printed[key]) {
                ignored.push(format!("target.{name}.{key}"));
            }
        }
    }
    Ok(ignored)
}

/// Newer versions print `type=oci,dest=x` as an object, and lists in an order of their own.
fn same(given: &Value, printed: &Value) -> bool {
    match (given, printed) {
        (Value::Array(given), Value::Array(printed)) => {
            given.len() == printed.len()
                && given.iter().all(|item| printed.iter().any(|printed| same(item, printed)))
        }
        (Value::String(text), Value::Object(fields)) => {
            let pairs = text.split(',').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            pairs.clone().count() == fields.len()
                && pairs.into_iter().all(|(name, value)| {
                    fields.get(name).is_some_and(|printed| printed.as_str() == Some(value))
                        || value.is_empty() && fields.get("id").is_some_and(|id| id.as_str() == Some(name))
                })
        }
        (Value::String(given), Value::String(printed)) => {
            let sorted = |text: &str| {
                let mut parts: Vec<String> = text.split(',').map(str::to_owned).collect();
                parts.sort();
                parts
            };
            sorted(given) == sorted(printed)
        }
        (given, printed) => given == printed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bake_does_not_print_again_was_ignored() {
        let file = r#"{"group":{"default":{"targets":["app_v2"]}},"target":{"app_v2":{"context":"/p/$${home}","dockerfile":"/p/out/app.engine/Dockerfile","contexts":{"golang:1.26-trixie":"oci-layout:///b@sha256:0"},"platforms":["linux/amd64","linux/arm64"],"output":["type=oci,dest=/p/out/app.engine/image.tar"]}}}"#;
        let whole = r#"{"target":{"app_v2":{"context":"/p/${home}","dockerfile":"/p/out/app.engine/Dockerfile","contexts":{"golang:1.26-trixie":"oci-layout:///b@sha256:0"},"platforms":["linux/amd64","linux/arm64"],"output":[{"dest":"/p/out/app.engine/image.tar","type":"oci"}]}}}"#;
        assert_eq!(ignored(file, whole).unwrap(), Vec::<String>::new());
        assert_eq!(ignored(file, &whole.replace("type=oci,dest", "dest")).unwrap(), Vec::<String>::new());
        let without = whole.replace(r#""contexts":{"golang:1.26-trixie":"oci-layout:///b@sha256:0"},"#, "");
        assert_eq!(ignored(file, &without).unwrap(), ["target.app_v2.contexts"]);
        let other = whole.replace(r#""linux/arm64""#, r#""linux/arm""#);
        assert_eq!(ignored(file, &other).unwrap(), ["target.app_v2.platforms"]);
        assert!(ignored(file, "#1 building").is_err());
    }
}
