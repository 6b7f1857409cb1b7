//! The records as files, and the comparison of two sets of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use similar::TextDiff;

use crate::shell::{Failure, say};

/// Files next to the records that are not records.
const OTHERS: [&str; 3] = ["calls.toml", "settings.toml", "cold-xtask.json"];

/// All records, by the path of their file below the directory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records(BTreeMap<String, String>);

/// The kind of a difference between records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// A digest, an exit code, a field, an option, or a value other than prose.
    Behaviour,
    /// Text for people: help, or a JSON string with a space.
    Words,
}

impl Records {
    /// Adds a record.
    pub(super) fn add(&mut self, name: &str, text: String) {
        self.0.insert(name.to_owned(), text);
    }

    /// Reads all records.
    pub(super) fn read(directory: &Path) -> Result<Self, Failure> {
        let mut records = Self::default();
        for (prefix, directory) in [("", directory.to_owned()), ("json/", directory.join("json"))] {
            for entry in std::fs::read_dir(&directory).map_err(Failure::file(&directory))? {
                let path = entry.map_err(Failure::file(&directory))?.path();
                let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
                if path.is_file() && !OTHERS.contains(&name.as_str()) {
                    records.add(&name, std::fs::read_to_string(&path).map_err(Failure::file(&path))?);
                }
            }
        }
        Ok(records)
    }

    /// Replaces all records.
    pub(super) fn write(&self, directory: &Path) -> Result<(), Failure> {
        super::sandbox::remove(&directory.join("json"))?;
        self.0.iter().try_for_each(|(name, text)| super::write(&directory.join(name), text))?;
        say(&format!("recorded {} files in {}", self.0.len(), directory.display()));
        Ok(())
    }
}

/// Fails if a record differs, after showing every difference. Accepts changed words if `words`.
pub(super) fn check(recorded: &Records, observed: &Records, words: bool) -> Result<(), Failure> {
    let names: BTreeSet<&String> = recorded.0.keys().chain(observed.0.keys()).collect();
    let (mut behaviour, mut prose) = (Vec::new(), Vec::new());
    for name in names {
        let text = |records: &Records| records.0.get(name).cloned().unwrap_or_default();
        let (old, new) = (text(recorded), text(observed));
        let Some(change) = change(name, &old, &new) else { continue };
        say(&TextDiff::from_lines(&old, &new).unified_diff().header("recorded", name).to_string());
        match change {
            Change::Behaviour => behaviour.push(name.as_str()),
            Change::Words => prose.push(name.as_str()),
        }
    }
    if !prose.is_empty() {
        say(&format!("only words differ: {}", prose.join(", ")));
    }
    if let Some((old, new)) = other_compilers(recorded, observed) {
        say(&format!("recorded with {old}, compared with {new}: digests differ for that reason"));
    }
    if !behaviour.is_empty() {
        return Err(Failure::Answer(format!("behaviour differs: {}", behaviour.join(", "))));
    }
    if !prose.is_empty() && !words {
        let advice = "pass --words to accept changed words, or review and record them with --record";
        return Err(Failure::Answer(format!("words differ: {advice}")));
    }
    say(&format!("{} records compared: no difference of behaviour", observed.0.len()));
    Ok(())
}

/// Classifies the change of a record; `None` if it is unchanged.
fn change(name: &str, old: &str, new: &str) -> Option<Change> {
    if old == new {
        return None;
    }
    let same = if name == "help.txt" {
        options(old) == options(new)
    } else if name.starts_with("json/") {
        match (serde_json::from_str::<Value>(old), serde_json::from_str::<Value>(new)) {
            (Ok(old), Ok(new)) => without_prose(&old) == without_prose(&new),
            _ => false,
        }
    } else {
        false
    };
    Some(if same { Change::Words } else { Change::Behaviour })
}

/// Returns the commands, usages and options of a help, without their descriptions.
fn options(help: &str) -> Vec<&str> {
    let lines = help.lines().map(str::trim_start);
    lines
        .filter_map(|line| {
            if line.starts_with("====") || line.starts_with("Usage:") {
                Some(line)
            } else if line.starts_with('-') {
                line.split("  ").next()
            } else {
                None
            }
        })
        .collect()
}

/// Returns a document with its prose blanked. A string with a space counts as prose: no code, name or path contains one.
fn without_prose(value: &Value) -> Value {
    match value {
        Value::String(text) if text.contains(' ') => "…".into(),
        Value::Array(items) => items.iter().map(without_prose).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), without_prose(value))).collect()
        }
        other => other.clone(),
    }
}

fn other_compilers(recorded: &Records, observed: &Records) -> Option<(Value, Value)> {
    let compilers = |records: &Records| {
        let digests: Value = serde_json::from_str(records.0.get("digests.json")?).ok()?;
        digests.get("compilers").cloned()
    };
    let (old, new) = (compilers(recorded)?, compilers(observed)?);
    (old != new).then_some((old, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(name: &str, text: &str) -> Records {
        Records(BTreeMap::from([(name.to_owned(), text.to_owned())]))
    }

    #[test]
    fn a_field_a_value_and_a_missing_record_are_behaviour() {
        let old = r#"{ "code": "XD1", "message": "it is bad" }"#;
        for new in
            [r#"{ "code": "XD2", "message": "it is bad" }"#, r#"{ "code": "XD1", "text": "it is bad" }"#, ""]
        {
            assert_eq!(change("json/a.json", old, new), Some(Change::Behaviour), "{new}");
        }
        assert!(check(&records("json/a.json", old), &Records::default(), true).is_err());
    }

    #[test]
    fn a_sentence_of_a_document_is_words() {
        let (old, new) = (r#"{ "message": "it is bad" }"#, r#"{ "message": "this is bad" }"#);
        assert_eq!(change("json/a.json", old, new), Some(Change::Words));
        assert!(check(&records("json/a.json", old), &records("json/a.json", new), false).is_err());
        assert!(check(&records("json/a.json", old), &records("json/a.json", new), true).is_ok());
    }

    #[test]
    fn an_option_is_behaviour_and_its_description_is_words() {
        let old = "==== crossdock\n  -q, --quiet  Say less\n";
        assert_eq!(
            change("help.txt", old, "==== crossdock\n  -q, --quiet  Print less\n"),
            Some(Change::Words)
        );
        assert_eq!(
            change("help.txt", old, "==== crossdock\n  -q, --silent  Say less\n"),
            Some(Change::Behaviour)
        );
    }

    #[test]
    fn digests_and_exit_codes_are_always_behaviour() {
        for name in ["digests.json", "exit-codes.txt"] {
            assert_eq!(change(name, "a b", "a c"), Some(Change::Behaviour));
        }
    }

    #[test]
    fn equal_records_pass() {
        assert!(check(&records("help.txt", "x"), &records("help.txt", "x"), false).is_ok());
    }
}
