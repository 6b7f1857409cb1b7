//! Assignments of variables in the syntax of shells and build systems.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::arguments::ShellName;

/// The version of the JSON.
const SCHEMA: u32 = 1;

/// The variables as JSON: one key each, and the version of this form.
#[derive(Serialize)]
struct Answer<'a> {
    schema: u32,
    #[serde(flatten)]
    variables: &'a BTreeMap<String, String>,
}

/// Returns the variables as text for a shell to evaluate.
pub(crate) fn assignments(shell: ShellName, variables: &BTreeMap<String, String>) -> String {
    if shell == ShellName::Json {
        // A number and a map of strings always serialize.
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
        ShellName::Github => github(name, value),
        ShellName::Json => format!("{name}={value}"),
    }
}

/// Returns a variable for the file that `$GITHUB_ENV` names. The runner ends `NAME=value` at a line break and would read
/// the rest of the value as further variables, so such a value is written between delimiters that it does not contain
/// (docs.github.com, "Workflow commands for GitHub Actions", multiline strings).
fn github(name: &str, value: &str) -> String {
    if !value.contains(['\n', '\r']) {
        return format!("{name}={value}");
    }
    let mut delimiter = "EOF".to_owned();
    while value.contains(&delimiter) {
        delimiter.push('_');
    }
    format!("{name}<<{delimiter}\n{value}\n{delimiter}")
}

/// Escapes a value for double quotes in a .env file.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('$', r"\$").replace('`', r"\`")
}

/// Returns text that makes the evaluation fail, so that nothing is built for the wrong machine; empty for formats that
/// cannot express a failure.
pub(crate) fn failure(shell: ShellName) -> &'static str {
    match shell {
        // `false` is a command that fails in sh and fish, and as JSON it is not the expected object.
        ShellName::Sh | ShellName::Fish | ShellName::Json => "false\n",
        ShellName::Powershell => "throw 'crossdock env failed'\n",
        ShellName::Dotenv | ShellName::Github => "",
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

    #[test]
    fn a_value_with_line_breaks_sets_no_other_variable_in_github_env() {
        for (value, text) in [
            ("a b=c", "A=a b=c\n"),
            ("EOF", "A=EOF\n"),
            ("x\nPATH=/evil", "A<<EOF\nx\nPATH=/evil\nEOF\n"),
            ("x\rPATH=/evil", "A<<EOF\nx\rPATH=/evil\nEOF\n"),
            ("x\nEOF\nPATH=/evil", "A<<EOF_\nx\nEOF\nPATH=/evil\nEOF_\n"),
            ("EOF_\nEOF__\n", "A<<EOF___\nEOF_\nEOF__\n\nEOF___\n"),
        ] {
            let variables = BTreeMap::from([("A".to_owned(), value.to_owned())]);
            assert_eq!(assignments(ShellName::Github, &variables), text, "{value:?}");
        }
    }
}
