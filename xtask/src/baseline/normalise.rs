//! The only place that replaces values that depend on the machine or the time.

use serde_json::Value;

use crate::shell::Failure;

/// Replaces paths, versions of tools and durations.
#[derive(Debug)]
pub(super) struct Normaliser {
    /// Paths and their names, longest path first, so that no path is replaced inside a longer one.
    paths: Vec<(String, &'static str)>,
    versions: Vec<(String, &'static str)>,
}

impl Normaliser {
    /// Returns a normaliser.
    ///
    /// # Errors
    /// One of the texts is empty, so that it would match everywhere.
    pub(super) fn new(
        paths: impl IntoIterator<Item = (String, &'static str)>,
        versions: impl IntoIterator<Item = (String, &'static str)>,
    ) -> Result<Self, Failure> {
        let mut paths: Vec<_> = paths.into_iter().collect();
        paths.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        let versions: Vec<_> = versions.into_iter().collect();
        match paths.iter().chain(&versions).find(|(text, _)| text.is_empty()) {
            Some((_, name)) => Err(Failure::Answer(format!("this machine has no value for {name}"))),
            None => Ok(Self { paths, versions }),
        }
    }

    /// Returns the versions of the compilers, on which digests depend.
    pub(super) fn versions(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.versions.iter().map(|(version, name)| (name.trim_matches(['[', ']']), version.as_str()))
    }

    /// Returns a text without this machine's paths and versions.
    pub(super) fn text(&self, text: &str) -> String {
        let text = self.paths.iter().fold(text.to_owned(), |text, (path, name)| text.replace(path, name));
        self.versions.iter().fold(text, |text, (version, name)| replace_version(&text, version, name))
    }

    /// Returns a document without this machine's values and without durations.
    pub(super) fn document(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.document(item)).collect(),
            Value::Object(fields) => {
                let field = |(key, value): (&String, &Value)| {
                    let value = match (key.as_str(), value) {
                        ("milliseconds", Value::Number(_)) => 0.into(),
                        // The steps of a report: names with milliseconds.
                        ("steps", Value::Object(steps)) => {
                            steps.keys().map(|step| (self.text(step), Value::from(0))).collect()
                        }
                        _ => self.document(value),
                    };
                    (self.text(key), value)
                };
                fields.iter().map(field).collect()
            }
            other => other.clone(),
        }
    }
}

/// Returns a document's keys and types; for a list, the distinct types of its items.
pub(super) fn shape(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(items) => {
            let mut shapes: Vec<Value> = Vec::new();
            for item in items.iter().map(shape) {
                if !shapes.contains(&item) {
                    shapes.push(item);
                }
            }
            shapes.into()
        }
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
    }
}

/// Replaces a version that is not part of a longer one: not `1.2.3` in `11.2.3` or `1.2.34`.
fn replace_version(text: &str, version: &str, name: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(version) {
        let (before, after) = (&rest[..start], &rest[start + version.len()..]);
        let joined = |c: char| c.is_ascii_digit();
        let whole = !before.ends_with(|c: char| joined(c) || c == '.') && !after.starts_with(joined);
        output.push_str(before);
        output.push_str(if whole { name } else { version });
        rest = after;
    }
    output.push_str(rest);
    output
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn normaliser() -> Normaliser {
        let paths = [("/h".to_owned(), "[home]"), ("/h/tools".to_owned(), "[tools]")];
        Normaliser::new(paths, [("1.26.8".to_owned(), "[go]")]).unwrap()
    }

    #[test]
    fn paths_versions_and_durations_are_replaced() {
        let document = json!({
            "program": "/h/tools/go", "cache": "/h/cache", "version": "go1.26.8", "other": "11.26.8 and 1.26.80",
            "milliseconds": 17, "steps": { "compile": 5 }, "/h/x": null,
        });
        let expected = json!({
            "program": "[tools]/go", "cache": "[home]/cache", "version": "go[go]", "other": "11.26.8 and 1.26.80",
            "milliseconds": 0, "steps": { "compile": 0 }, "[home]/x": null,
        });
        assert_eq!(normaliser().document(&document), expected);
    }

    #[test]
    fn the_steps_of_a_plan_are_kept() {
        let document = json!({ "steps": [{ "id": "compile" }] });
        assert_eq!(normaliser().document(&document), document);
    }

    #[test]
    fn an_empty_path_is_refused() {
        assert!(Normaliser::new([(String::new(), "[home]")], []).is_err());
    }

    #[test]
    fn a_shape_has_keys_and_types_only() {
        let document = json!({ "a": [1, 2, "x"], "b": { "c": null } });
        assert_eq!(shape(&document), json!({ "a": ["number", "string"], "b": { "c": "null" } }));
    }
}
