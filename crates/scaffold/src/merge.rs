//! What is added to files that are the user's: the workspace's member and the alias. Nothing else of them changes.

use camino::Utf8Path;
use glob::{MatchOptions, Pattern};
use toml_edit::{Array, DocumentMut, Formatted, Item, Table, TableLike, Value};

use super::lines::{as_in, plain};

/// What `cargo xtask` stands for.
const ALIAS: &str = "run --quiet --package xtask --";

/// What a file of the user's becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Merged {
    /// Our entry is there already.
    Present,
    /// The whole file with our entry.
    With(String),
    /// Another entry of that name is there, which stays: the words say which.
    Other(String),
}

/// A `Cargo.toml` whose workspace has these members, and leaves out those of these folders that a glob of its members
/// would take for packages.
///
/// # Errors
/// A file that is no TOML, or whose `workspace` is not what cargo takes.
pub(super) fn workspace(text: &str, members: &[&str], folders: &[String]) -> Result<Merged, String> {
    let mut document = parse(text)?;
    if members.is_empty() && !document.contains_key("workspace") {
        return Ok(Merged::Present);
    }
    let workspace = document.entry("workspace").or_insert_with(|| Item::Table(Table::new()));
    let workspace = workspace.as_table_like_mut().ok_or("`workspace` is not a table")?;
    let known = list(workspace, "members")?;
    let new: Vec<&str> = members.iter().copied().filter(|name| !covered(&known, name)).collect();
    let excluded = list(workspace, "exclude")?;
    let taken = |folder: &&String| covered(&known, folder) && !covered(&excluded, folder);
    let taken: Vec<&str> = folders.iter().filter(taken).map(String::as_str).collect();
    if new.is_empty() && taken.is_empty() {
        return Ok(Merged::Present);
    }
    add(workspace, "members", &new);
    add(workspace, "exclude", &taken);
    Ok(Merged::With(as_in(text, &document.to_string())))
}

/// The strings of a list that may be absent.
fn list(workspace: &dyn TableLike, key: &str) -> Result<Vec<String>, String> {
    let Some(item) = workspace.get(key) else { return Ok(Vec::new()) };
    let list = item.as_array().ok_or_else(|| format!("`workspace.{key}` is not a list"))?;
    Ok(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn add(workspace: &mut dyn TableLike, key: &str, names: &[&str]) {
    if names.is_empty() {
        return;
    }
    let item = workspace.entry(key).or_insert_with(|| Item::Value(Value::Array(Array::new())));
    if let Some(list) = item.as_array_mut() {
        names.iter().for_each(|name| append(list, name));
    }
}

/// A cargo configuration with the alias `xtask`.
///
/// # Errors
/// A file that is no TOML, or whose `alias` is not what cargo takes.
pub(super) fn alias(text: &str) -> Result<Merged, String> {
    let mut document = parse(text)?;
    let alias = document.entry("alias").or_insert_with(|| Item::Table(Table::new()));
    let alias: &mut dyn TableLike = alias.as_table_like_mut().ok_or("`alias` is not a table")?;
    match alias.get("xtask") {
        Some(known) if words(known).iter().any(|word| runs_the_crate(word)) => Ok(Merged::Present),
        Some(known) => Ok(Merged::Other(format!("`cargo xtask` stands for {}", known.to_string().trim()))),
        None => {
            alias.insert("xtask", Item::Value(Value::String(Formatted::new(ALIAS.to_owned()))));
            Ok(Merged::With(as_in(text, &document.to_string())))
        }
    }
}

/// Whether a word of `cargo run`'s options names the crate `xtask`, and not one whose name is only like it.
fn runs_the_crate(word: &str) -> bool {
    matches!(word, "xtask" | "-pxtask" | "--package=xtask" | "--bin=xtask")
        || word.ends_with("xtask/Cargo.toml")
}

fn parse(text: &str) -> Result<DocumentMut, String> {
    plain(text).parse::<DocumentMut>().map_err(|error| error.to_string().trim_end().to_owned())
}

/// Whether one of the entries, paths or globs of paths as cargo takes them, stands for a folder of the root.
fn covered(entries: &[String], folder: &str) -> bool {
    let clean = |path: &str| Utf8Path::new(path.trim_start_matches("./").trim_end_matches('/')).to_owned();
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    entries.iter().map(|entry| clean(entry)).any(|entry| {
        entry == folder
            || Pattern::new(entry.as_str()).is_ok_and(|pattern| pattern.matches_with(folder, options))
    })
}

/// Aliases are a string or a list (<https://doc.rust-lang.org/cargo/reference/config.html#alias>).
fn words(item: &Item) -> Vec<String> {
    let list = item.as_array().into_iter().flatten().filter_map(Value::as_str);
    let text = item.as_str().into_iter().flat_map(str::split_whitespace);
    list.chain(text).map(str::to_owned).collect()
}

/// Adds to a list in the way in which it is written: on a line of its own where the others stand so, and without taking
/// a comment away from the entry that it stands behind.
fn append(list: &mut Array, text: &str) {
    let mut value = Value::from(text);
    let Some(last) = list.iter().last() else {
        list.push_formatted(value);
        return;
    };
    let indent = indent(last)
        .or_else(|| list.trailing().as_str().filter(|end| end.contains('\n')).map(|_| "    ".to_owned()));
    let Some(indent) = indent else {
        list.push(text);
        return;
    };
    // Behind the last entry: its own decoration where no comma follows, the list's where one does.
    let behind = match list.trailing_comma() {
        true => list.trailing().as_str().unwrap_or_default().to_owned(),
        false => {
            let suffix =
                |value: &Value| value.decor().suffix().and_then(|raw| raw.as_str()).map(str::to_owned);
            let end = list.trailing().as_str().unwrap_or_default().to_owned();
            list.iter().last().and_then(suffix).unwrap_or_default() + &end
        }
    };
    if !list.trailing_comma()
        && let Some(last) = list.len().checked_sub(1).and_then(|at| list.get_mut(at))
    {
        last.decor_mut().set_suffix("");
    }
    let (comments, end) = behind.rsplit_once('\n').unwrap_or(("", ""));
    value.decor_mut().set_prefix(format!("{}\n{indent}", comments.trim_end()));
    list.push_formatted(value);
    list.set_trailing_comma(true);
    list.set_trailing(format!("\n{end}"));
}

/// The white space before an entry that stands on a line of its own.
fn indent(value: &Value) -> Option<String> {
    let prefix = value.decor().prefix()?.as_str()?;
    let (_, last) = prefix.rsplit_once('\n')?;
    last.trim().is_empty().then(|| last.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_member(text: &str) -> String {
        match workspace(text, &["xtask"], &[]).unwrap() {
            Merged::With(merged) => {
                assert_eq!(workspace(&merged, &["xtask"], &[]), Ok(Merged::Present), "{merged}");
                merged
            }
            other => panic!("{other:?} of {text}"),
        }
    }

    #[test]
    fn a_package_becomes_a_workspace() {
        let package = "# mine\n[package]\nname = \"a\"   # spaced\n\n[dependencies]\n";
        assert_eq!(with_member(package), format!("{package}\n[workspace]\nmembers = [\"xtask\"]\n"));
        assert_eq!(with_member("[workspace]\n"), "[workspace]\nmembers = [\"xtask\"]\n");
        assert_eq!(with_member(""), "[workspace]\nmembers = [\"xtask\"]\n");
        let inline = "workspace = { resolver = \"2\" }\n";
        assert!(with_member(inline).contains("members = [\"xtask\"]"));
    }

    #[test]
    fn a_list_keeps_its_form_and_its_comments() {
        for (before, after) in [
            ("members = [\"a\"]", "members = [\"a\", \"xtask\"]"),
            ("members = []", "members = [\"xtask\"]"),
            (
                "members = [\n    \"a\",\n    \"b\",\n]",
                "members = [\n    \"a\",\n    \"b\",\n    \"xtask\",\n]",
            ),
            ("members = [\n  \"a\",\n  \"b\"\n]", "members = [\n  \"a\",\n  \"b\",\n  \"xtask\",\n]"),
            (
                "members = [\n  \"a\", # one\n  # two\n  \"b\", # three\n  # four\n]",
                "members = [\n  \"a\", # one\n  # two\n  \"b\", # three\n  # four\n  \"xtask\",\n]",
            ),
            ("members = [\n  \"a\" # one\n]", "members = [\n  \"a\", # one\n  \"xtask\",\n]"),
        ] {
            let workspace = |members: &str| format!("[workspace]\n{members} # all\nresolver = \"2\"\n");
            assert_eq!(with_member(&workspace(before)), workspace(after));
        }
    }

    #[test]
    fn line_ends_stay() {
        let text = "[workspace]\r\nmembers = [\r\n  \"a\", # b\r\n]\r\n";
        assert_eq!(with_member(text), "[workspace]\r\nmembers = [\r\n  \"a\", # b\r\n  \"xtask\",\r\n]\r\n");
    }

    fn member(text: &str) -> Result<Merged, String> {
        workspace(text, &["xtask"], &[])
    }

    #[test]
    fn folders_that_a_glob_takes_for_packages_are_left_out() {
        let folders = [".github", "kubernetes"].map(str::to_owned);
        let text = "[workspace]\nmembers = [\"*\"]\nexclude = [\"target\"]\n";
        let left_out =
            "[workspace]\nmembers = [\"*\"]\nexclude = [\"target\", \".github\", \"kubernetes\"]\n";
        assert_eq!(workspace(text, &["xtask"], &folders), Ok(Merged::With(left_out.to_owned())));
        assert_eq!(workspace(left_out, &["xtask"], &folders), Ok(Merged::Present));
        for untouched in ["[package]\n", "[workspace]\nmembers = [\"crates/*\"]\n", "[workspace]\n"] {
            assert_eq!(workspace(untouched, &[], &folders), Ok(Merged::Present));
        }
    }

    #[test]
    fn what_covers_it_is_enough() {
        for entry in ["xtask", "./xtask", "xtask/", "*", "x*", "xta?k"] {
            assert_eq!(
                member(&format!("[workspace]\nmembers = [\"{entry}\"]\n")),
                Ok(Merged::Present),
                "{entry}"
            );
        }
        for entry in ["crates/*", "tools/xtask", "xtask2", "crates/**"] {
            with_member(&format!("[workspace]\nmembers = [\"{entry}\"]\n"));
        }
    }

    #[test]
    fn what_cargo_does_not_take_is_said() {
        assert!(member("[workspace]\nmembers = \"xtask\"\n").unwrap_err().contains("not a list"));
        assert!(member("workspace = 1\n").unwrap_err().contains("not a table"));
        assert!(member("[package\n").is_err());
        assert!(alias("alias = []\n").unwrap_err().contains("not a table"));
    }

    #[test]
    fn an_alias_of_the_users_stays() {
        let ours = format!("[alias]\nxtask = \"{ALIAS}\"\n");
        assert_eq!(alias(""), Ok(Merged::With(ours.clone())));
        assert_eq!(alias(&ours), Ok(Merged::Present));
        assert_eq!(alias("alias.xtask = [\"run\", \"-p\", \"xtask\", \"--\"]\n"), Ok(Merged::Present));
        assert_eq!(
            alias("[alias] # short\nb = \"build\"\n\n[build]\njobs = 1\n"),
            Ok(Merged::With(format!(
                "[alias] # short\nb = \"build\"\nxtask = \"{ALIAS}\"\n\n[build]\njobs = 1\n"
            )))
        );
        let like = alias("[alias]\nxtask = \"run -p my-xtask-tools --\"\n").unwrap();
        assert!(matches!(like, Merged::Other(_)), "{like:?}");
        let other = alias("[alias]\nxtask = \"run -p tools --\"\n").unwrap();
        assert!(matches!(other, Merged::Other(why) if why.contains("run -p tools --")));
    }
}
