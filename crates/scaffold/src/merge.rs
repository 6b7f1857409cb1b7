//! Entries that are merged into files of the user: the workspace member and the cargo alias. Everything else stays.

use camino::{Utf8Path, Utf8PathBuf};
use glob::{MatchOptions, Pattern};
use similar::{ChangeTag, TextDiff};
use toml_edit::{Array, DocumentMut, Formatted, Item, Table, TableLike, Value};

use super::desired_file::normalize;
use super::options::Part;

/// A file of the user's that gets entries of ours.
#[derive(Debug, Clone)]
pub(super) struct UserFileEdit {
    /// To what it belongs.
    pub(super) part: Part,
    /// Its path below the project's root.
    pub(super) path: Utf8PathBuf,
    /// What it gets.
    pub(super) change: Change,
}

/// What a file of the user's gets.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// The alias `cargo xtask`.
    Alias,
    /// Members of the workspace, and directories that no glob of its members may take for packages.
    Workspace {
        /// The members.
        members: Vec<&'static str>,
        /// The directories.
        directories: Vec<String>,
    },
}

impl Change {
    /// The file with the change.
    ///
    /// # Errors
    /// A file that cannot take it.
    pub(super) fn apply(&self, text: &str) -> Result<MergeResult, String> {
        match self {
            Self::Alias => add_alias(text),
            Self::Workspace { members, directories } => add_workspace_entries(text, members, directories),
        }
    }

    /// The change in words.
    pub(super) fn description(&self) -> &'static str {
        match self {
            Self::Alias => "gets the alias `cargo xtask`",
            Self::Workspace { .. } => "gets entries in [workspace]",
        }
    }
}

/// What `cargo xtask` stands for.
const ALIAS: &str = "run --quiet --package xtask --";

/// What a file of the user's becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MergeResult {
    /// Our entry is there already.
    Unchanged,
    /// The whole file with our entry.
    Changed(String),
    /// Another entry of that name is there, which stays: the words say which.
    Conflict(String),
}

/// A `Cargo.toml` whose workspace has these members, and leaves out those of these directories that a glob of its members
/// would take for packages.
///
/// # Errors
/// A file that is no TOML, or whose `workspace` is not what cargo takes.
pub(super) fn add_workspace_entries(
    text: &str,
    members: &[&str],
    directories: &[String],
) -> Result<MergeResult, String> {
    let mut document = parse_toml(text)?;
    if members.is_empty() && !document.contains_key("workspace") {
        return Ok(MergeResult::Unchanged);
    }
    let workspace = document.entry("workspace").or_insert_with(|| Item::Table(Table::new()));
    let workspace = workspace.as_table_like_mut().ok_or("`workspace` is not a table")?;
    let known = string_list(workspace, "members")?;
    let new: Vec<&str> = members.iter().copied().filter(|name| !is_covered(&known, name)).collect();
    let excluded = string_list(workspace, "exclude")?;
    let taken = |directory: &&String| is_covered(&known, directory) && !is_covered(&excluded, directory);
    let taken: Vec<&str> = directories.iter().filter(taken).map(String::as_str).collect();
    if new.is_empty() && taken.is_empty() {
        return Ok(MergeResult::Unchanged);
    }
    add_names(workspace, "members", &new);
    add_names(workspace, "exclude", &taken);
    Ok(MergeResult::Changed(with_line_ends_of(text, &document.to_string())))
}

/// The strings of a list that may be absent.
fn string_list(workspace: &dyn TableLike, key: &str) -> Result<Vec<String>, String> {
    let Some(item) = workspace.get(key) else { return Ok(Vec::new()) };
    let list = item.as_array().ok_or_else(|| format!("`workspace.{key}` is not a list"))?;
    Ok(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn add_names(workspace: &mut dyn TableLike, key: &str, names: &[&str]) {
    if names.is_empty() {
        return;
    }
    let item = workspace.entry(key).or_insert_with(|| Item::Value(Value::Array(Array::new())));
    if let Some(list) = item.as_array_mut() {
        names.iter().for_each(|name| append_to_array(list, name));
    }
}

/// A cargo configuration with the alias `xtask`.
///
/// # Errors
/// A file that is no TOML, or whose `alias` is not what cargo takes.
pub(super) fn add_alias(text: &str) -> Result<MergeResult, String> {
    let mut document = parse_toml(text)?;
    let alias = document.entry("alias").or_insert_with(|| Item::Table(Table::new()));
    let alias: &mut dyn TableLike = alias.as_table_like_mut().ok_or("`alias` is not a table")?;
    match alias.get("xtask") {
        Some(known) if alias_words(known).iter().any(|word| names_xtask_package(word)) => {
            Ok(MergeResult::Unchanged)
        }
        Some(known) => {
            Ok(MergeResult::Conflict(format!("`cargo xtask` stands for {}", known.to_string().trim())))
        }
        None => {
            alias.insert("xtask", Item::Value(Value::String(Formatted::new(ALIAS.to_owned()))));
            Ok(MergeResult::Changed(with_line_ends_of(text, &document.to_string())))
        }
    }
}

/// Whether a word of `cargo run`'s options names the crate `xtask`, and not one whose name is only like it.
fn names_xtask_package(word: &str) -> bool {
    matches!(word, "xtask" | "-pxtask" | "--package=xtask" | "--bin=xtask")
        || word.ends_with("xtask/Cargo.toml")
}

fn parse_toml(text: &str) -> Result<DocumentMut, String> {
    normalize(text).parse::<DocumentMut>().map_err(|error| error.to_string().trim_end().to_owned())
}

/// Whether one of the entries, paths or globs of paths as cargo takes them, stands for a directory of the root.
fn is_covered(entries: &[String], directory: &str) -> bool {
    let clean = |path: &str| Utf8Path::new(path.trim_start_matches("./").trim_end_matches('/')).to_owned();
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    entries.iter().map(|entry| clean(entry)).any(|entry| {
        entry == directory
            || Pattern::new(entry.as_str()).is_ok_and(|pattern| pattern.matches_with(directory, options))
    })
}

/// Aliases are a string or a list (<https://doc.rust-lang.org/cargo/reference/config.html#alias>).
fn alias_words(item: &Item) -> Vec<String> {
    let list = item.as_array().into_iter().flatten().filter_map(Value::as_str);
    let text = item.as_str().into_iter().flat_map(str::split_whitespace);
    list.chain(text).map(str::to_owned).collect()
}

/// Adds to a list in the way in which it is written: on a line of its own where the others stand so, and without taking
/// a comment away from the entry that it stands behind.
fn append_to_array(list: &mut Array, text: &str) {
    let mut value = Value::from(text);
    let Some(last) = list.iter().last() else {
        list.push_formatted(value);
        return;
    };
    let indent = own_line_indent(last)
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
fn own_line_indent(value: &Value) -> Option<String> {
    let prefix = value.decor().prefix()?.as_str()?;
    let (_, last) = prefix.rsplit_once('\n')?;
    last.trim().is_empty().then(|| last.to_owned())
}

/// What everything here computes with, and what decides whether a file was edited.

/// `new`, computed from the plain form of `old`, as it belongs into the old file: its byte order mark and the end of each
/// line that stayed are kept, new lines end as most do.
pub(super) fn with_line_ends_of(old: &str, new: &str) -> String {
    let (mark, text) = old.strip_prefix('\u{feff}').map_or(("", old), |text| ("\u{feff}", text));
    let windows = text.matches("\r\n").count() * 2 > text.matches('\n').count();
    let before = normalize(old);
    let originals: Vec<&str> = text.split_inclusive('\n').collect();
    let mut result = mark.to_owned();
    for change in TextDiff::from_lines(before.as_str(), new).iter_all_changes() {
        let kept = change.old_index().and_then(|at| originals.get(at));
        match (change.tag(), kept) {
            (ChangeTag::Delete, _) => {}
            (ChangeTag::Equal, Some(original)) => result.push_str(original),
            _ if windows => result.push_str(&change.value().replace('\n', "\r\n")),
            _ => result.push_str(change.value()),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_member(text: &str) -> String {
        match add_workspace_entries(text, &["xtask"], &[]).unwrap() {
            MergeResult::Changed(merged) => {
                assert_eq!(
                    add_workspace_entries(&merged, &["xtask"], &[]),
                    Ok(MergeResult::Unchanged),
                    "{merged}"
                );
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

    fn member(text: &str) -> Result<MergeResult, String> {
        add_workspace_entries(text, &["xtask"], &[])
    }

    #[test]
    fn folders_that_a_glob_takes_for_packages_are_left_out() {
        let directories = [".github", "kubernetes"].map(str::to_owned);
        let text = "[workspace]\nmembers = [\"*\"]\nexclude = [\"target\"]\n";
        let left_out =
            "[workspace]\nmembers = [\"*\"]\nexclude = [\"target\", \".github\", \"kubernetes\"]\n";
        assert_eq!(
            add_workspace_entries(text, &["xtask"], &directories),
            Ok(MergeResult::Changed(left_out.to_owned()))
        );
        assert_eq!(add_workspace_entries(left_out, &["xtask"], &directories), Ok(MergeResult::Unchanged));
        for untouched in ["[package]\n", "[workspace]\nmembers = [\"crates/*\"]\n", "[workspace]\n"] {
            assert_eq!(add_workspace_entries(untouched, &[], &directories), Ok(MergeResult::Unchanged));
        }
    }

    #[test]
    fn what_covers_it_is_enough() {
        for entry in ["xtask", "./xtask", "xtask/", "*", "x*", "xta?k"] {
            assert_eq!(
                member(&format!("[workspace]\nmembers = [\"{entry}\"]\n")),
                Ok(MergeResult::Unchanged),
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
        assert!(add_alias("alias = []\n").unwrap_err().contains("not a table"));
    }

    #[test]
    fn an_alias_of_the_users_stays() {
        let ours = format!("[alias]\nxtask = \"{ALIAS}\"\n");
        assert_eq!(add_alias(""), Ok(MergeResult::Changed(ours.clone())));
        assert_eq!(add_alias(&ours), Ok(MergeResult::Unchanged));
        assert_eq!(
            add_alias("alias.xtask = [\"run\", \"-p\", \"xtask\", \"--\"]\n"),
            Ok(MergeResult::Unchanged)
        );
        assert_eq!(
            add_alias("[alias] # short\nb = \"build\"\n\n[build]\njobs = 1\n"),
            Ok(MergeResult::Changed(format!(
                "[alias] # short\nb = \"build\"\nxtask = \"{ALIAS}\"\n\n[build]\njobs = 1\n"
            )))
        );
        let like = add_alias("[alias]\nxtask = \"run -p my-xtask-tools --\"\n").unwrap();
        assert!(matches!(like, MergeResult::Conflict(_)), "{like:?}");
        let other = add_alias("[alias]\nxtask = \"run -p tools --\"\n").unwrap();
        assert!(matches!(other, MergeResult::Conflict(why) if why.contains("run -p tools --")));
    }

    #[test]
    fn every_line_keeps_its_end() {
        assert_eq!(with_line_ends_of("a\r\nb\r\n", "a\nx\nb\n"), "a\r\nx\r\nb\r\n");
        assert_eq!(with_line_ends_of("a\nb\r\nc\n", "a\nb\nx\nc\n"), "a\nb\r\nx\nc\n");
        assert_eq!(with_line_ends_of("\u{feff}a\n", "a\nb\n"), "\u{feff}a\nb\n");
        assert_eq!(with_line_ends_of("a", "a\nb\n"), "a\nb\n");
        assert_eq!(with_line_ends_of("", "a\n"), "a\n");
    }
}
