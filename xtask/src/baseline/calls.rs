//! The table of calls.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::shell::Failure;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    call: Vec<Call>,
}

/// One call of the program. The fields are explained in the table's own head.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) project: String,
    pub(super) arguments: Vec<String>,
    #[serde(default)]
    pub(super) input: String,
    pub(super) output: Option<Output>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
}

/// The part of standard output that is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Output {
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Lines,
    /// Keys and types of one JSON document: its values describe this machine.
    Shape,
}

/// Reads the table.
pub(super) fn read(path: &Path) -> Result<Vec<Call>, Failure> {
    let text = std::fs::read_to_string(path).map_err(Failure::file(path))?;
    let table: Table =
        toml::from_str(&text).map_err(|error| Failure::Answer(format!("{}: {error}", path.display())))?;
    Ok(table.call)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::baseline::projects;
    use crate::shell::repository;

    fn table() -> Vec<Call> {
        read(&repository().join("tests/baseline/calls.toml")).unwrap()
    }

    #[test]
    fn every_call_has_a_unique_name_and_a_known_project() {
        let mut names = BTreeSet::new();
        for call in table() {
            assert!(names.insert(call.name.clone()), "`{}` is listed twice", call.name);
            assert!(projects::NAMES.contains(&call.project.as_str()), "`{}`: unknown project", call.name);
        }
    }

    #[test]
    fn every_project_is_used() {
        let used: BTreeSet<String> = table().into_iter().map(|call| call.project).collect();
        let known: BTreeSet<String> = projects::NAMES.into_iter().map(str::to_owned).collect();
        assert_eq!(used, known);
    }
}
