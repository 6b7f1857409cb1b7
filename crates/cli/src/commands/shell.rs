//! Assignments in the languages of shells and build systems.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::arguments::ShellName;

/// The version of the JSON.
const SCHEMA: u32 = 1;

/// The variables as JSON: one key each, beside the version of this form.
#[derive(Serialize)]
struct Answer<'a> {
    schema: u32,
    #[serde(flatten)]
    variables: &'a BTreeMap<String, String>,
}

/// The variables as the shell evaluates them.
pub(crate) fn assignments(shell: ShellName, variables: &BTreeMap<String, String>) -> String {
    if shell == ShellName::Json {
        // A number and a map of strings are always JSON.
        return serde_json::to_string_pretty(&Answer { schema: SCHEMA, variables }).unwrap_or_default();
    }
    variables.iter().map(|(name, value)| format!("{}\n", assignment(shell, name, value))).collect()
}

fn assignment(shell: ShellName, name: &str, value: &str) -> String {
    match shell {
        ShellName::Sh => format!("export {name}='{}'", value.replace('\'', r"'\''")),
        ShellName::Fish => {
            format!("set -gx {name} '{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
        }
        ShellName::Powershell => format!("$env:{name} = '{}'", value.replace('\'', "''")),
        ShellName::Dotenv => format!("{name}=\"{}\"", escaped(value)),
        ShellName::Github | ShellName::Json => format!("{name}={value}"),
    }
}

/// For double quotes in a .env file.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('$', r"\$").replace('`', r"\`")
}

/// What makes the evaluation fail, so that nothing is built for the wrong machine; empty where text cannot fail.
pub(crate) fn failure(shell: ShellName) -> &'static str {
    match shell {
        ShellName::Sh | ShellName::Fish => "false\n",
        ShellName::Powershell => "throw 'crossdock env failed'\n",
        ShellName::Dotenv | ShellName::Github => "",
        ShellName::Json => "false\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_quoting() {
        let variables = BTreeMap::from([("A".to_owned(), r#"it's $HOME \ "x""#.to_owned())]);
        let line = |shell| assignments(shell, &variables);
        assert_eq!(line(ShellName::Sh), "export A='it'\\''s $HOME \\ \"x\"'\n");
        assert_eq!(line(ShellName::Fish), "set -gx A 'it\\'s $HOME \\\\ \"x\"'\n");
        assert_eq!(line(ShellName::Powershell), "$env:A = 'it''s $HOME \\ \"x\"'\n");
        assert_eq!(line(ShellName::Dotenv), "A=\"it's \\$HOME \\\\ \\\"x\\\"\"\n");
        let json: serde_json::Value = serde_json::from_str(&line(ShellName::Json)).unwrap();
        assert_eq!(json, serde_json::json!({ "schema": 1, "A": variables["A"] }));
    }
}
