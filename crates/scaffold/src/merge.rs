//! Merges entries into files that the user maintains: the workspace's members and the cargo alias. All else stays as it is.

use camino::{Utf8Path, Utf8PathBuf};
use glob::{MatchOptions, Pattern};
use similar::{ChangeTag, TextDiff};
use toml_edit::{Array, DocumentMut, Formatted, Item, Table, TableLike, Value};

use super::desired_file::normalize;
use super::options::Part;

/// An edit to a file that the user maintains.
#[derive(Debug, Clone)]
pub(super) struct UserFileEdit {
    /// The part to which the edit belongs.
    pub(super) part: Part,
    /// The path relative to the project's root.
    pub(super) path: Utf8PathBuf,
    /// The entries to add.
    pub(super) change: Change,
}

/// Entries to add to a file.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// The alias `cargo xtask`, in cargo's configuration.
    Alias,
    /// Members and exclusions of the workspace, in `Cargo.toml`.
    Workspace {
        /// Packages to add to `members`.
        members: Vec<&'static str>,
        /// Directories to add to `exclude` if a glob in `members` covers them.
        directories: Vec<String>,
    },
}

impl Change {
    /// Applies the change to the text of a file; an absent file is empty.
    ///
    /// # Errors
    /// Fails if the file cannot take the entry; the message follows the file's path.
    pub(super) fn apply(&self, text: &str) -> Result<MergeResult, String> {
        match self {
            Self::Alias => add_alias(text),
            Self::Workspace { members, directories } => add_workspace_entries(text, members, directories),
        }
    }

    /// Describes the change in words that follow the file's path.
    pub(super) fn description(&self) -> &'static str {
        match self {
            Self::Alias => "gets the alias `cargo xtask`",
            Self::Workspace { .. } => "gets entries in [workspace]",
        }
    }
}

/// The value of the alias `cargo xtask`. Without `--quiet`: the first run compiles for minutes, in which only cargo shows
/// progress. Later runs begin with two lines of cargo on standard error, which `cargo --quiet xtask` omits.
const ALIAS: &str = "run --package xtask --";

/// The result of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MergeResult {
    /// The file has the entry already.
    Unchanged,
    /// The whole file with the entry.
    Changed(String),
    /// The file has another entry of that name, which stays; the note says which.
    Conflict(String),
}

/// Adds members to the workspace of a `Cargo.toml`, and excludes those directories that a glob in `members` covers: cargo
/// fails if a directory that a glob matches holds no package.
///
/// # Errors
/// Fails if the file is not TOML or its `workspace` has a type that cargo refuses.
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
    let listed = string_list(workspace, "members")?;
    let new: Vec<&str> = members.iter().copied().filter(|name| !is_covered(&listed, name)).collect();
    let excluded = string_list(workspace, "exclude")?;
    let needs_exclusion =
        |directory: &&String| is_covered(&listed, directory) && !is_covered(&excluded, directory);
    let exclude: Vec<&str> = directories.iter().filter(needs_exclusion).map(String::as_str).collect();
    if new.is_empty() && exclude.is_empty() {
        return Ok(MergeResult::Unchanged);
    }
    add_names(workspace, "members", &new);
    add_names(workspace, "exclude", &exclude);
    Ok(MergeResult::Changed(with_line_ends_of(text, &document.to_string())))
}

/// Returns the strings of a list, which may be absent.
fn string_list(workspace: &dyn TableLike, key: &str) -> Result<Vec<String>, String> {
    let Some(item) = workspace.get(key) else { return Ok(Vec::new()) };
    let list = item.as_array().ok_or_else(|| format!("`workspace.{key}` is not a list"))?;
    Ok(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Adds names to a list of the workspace, which is created if absent.
fn add_names(workspace: &mut dyn TableLike, key: &str, names: &[&str]) {
    if names.is_empty() {
        return;
    }
    let item = workspace.entry(key).or_insert_with(|| Item::Value(Value::Array(Array::new())));
    if let Some(list) = item.as_array_mut() {
        names.iter().for_each(|name| append_to_array(list, name));
    }
}

/// Adds the alias `xtask` to a cargo configuration.
///
/// # Errors
/// Fails if the file is not TOML or its `alias` has a type that cargo refuses.
pub(super) fn add_alias(text: &str) -> Result<MergeResult, String> {
    let mut document = parse_toml(text)?;
    let alias = document.entry("alias").or_insert_with(|| Item::Table(Table::new()));
    let alias: &mut dyn TableLike = alias.as_table_like_mut().ok_or("`alias` is not a table")?;
    match alias.get("xtask") {
        Some(known) if alias_words(known).iter().any(|word| names_xtask_package(word)) => {
            Ok(MergeResult::Unchanged)
        }
        Some(known) => Ok(MergeResult::Conflict(format!(
            "`cargo xtask` is already an alias for {}",
            known.to_string().trim()
        ))),
        None => {
            alias.insert("xtask", Item::Value(Value::String(Formatted::new(ALIAS.to_owned()))));
            Ok(MergeResult::Changed(with_line_ends_of(text, &document.to_string())))
        }
    }
}

/// Returns whether an argument of `cargo run` selects the package `xtask`, as opposed to one with a similar name.
fn names_xtask_package(word: &str) -> bool {
    matches!(word, "xtask" | "-pxtask" | "--package=xtask" | "--bin=xtask")
        || word.ends_with("xtask/Cargo.toml")
}

fn parse_toml(text: &str) -> Result<DocumentMut, String> {
    normalize(text).parse::<DocumentMut>().map_err(|error| error.to_string().trim_end().to_owned())
}

/// Returns whether one of the entries, which are paths or globs as in `workspace.members`, covers a directory of the root.
fn is_covered(entries: &[String], directory: &str) -> bool {
    let clean = |path: &str| Utf8Path::new(path.trim_start_matches("./").trim_end_matches('/')).to_owned();
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    entries.iter().map(|entry| clean(entry)).any(|entry| {
        entry == directory
            || Pattern::new(entry.as_str()).is_ok_and(|pattern| pattern.matches_with(directory, options))
    })
}

/// Splits an alias into words. It is a string or a list (<https://doc.rust-lang.org/cargo/reference/config.html#alias>).
fn alias_words(item: &Item) -> Vec<String> {
    let list = item.as_array().into_iter().flatten().filter_map(Value::as_str);
    let text = item.as_str().into_iter().flat_map(str::split_whitespace);
    list.chain(text).map(str::to_owned).collect()
}

/// Appends to an array in its own style: on a new line if the other values are on lines of their own, and with a comment
/// after the last value left where it is.
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
    // toml_edit stores the text after the last value as the array's trailing text if a comma follows the value, else as the
    // value's suffix.
    let trailing = list.trailing().as_str().unwrap_or_default();
    let after_last = if list.trailing_comma() {
        trailing.to_owned()
    } else {
        let suffix = list.iter().last().and_then(|value| value.decor().suffix()?.as_str());
        format!("{}{trailing}", suffix.unwrap_or_default())
    };
    if !list.trailing_comma()
        && let Some(last) = list.len().checked_sub(1).and_then(|at| list.get_mut(at))
    {
        last.decor_mut().set_suffix("");
    }
    let (comments, end) = after_last.rsplit_once('\n').unwrap_or(("", ""));
    value.decor_mut().set_prefix(format!("{}\n{indent}", comments.trim_end()));
    list.push_formatted(value);
    list.set_trailing_comma(true);
    list.set_trailing(format!("\n{end}"));
}

/// Returns the indentation of a value on a line of its own; `None` for a value on the same line as others.
fn own_line_indent(value: &Value) -> Option<String> {
    let prefix = value.decor().prefix()?.as_str()?;
    let (_, last) = prefix.rsplit_once('\n')?;
    last.trim().is_empty().then(|| last.to_owned())
}

/// Gives `new` the line ends and the byte order mark of `old`. `new` was computed from `old` with Unix line ends: lines that
/// stayed keep their own ends, and new lines get the ends of the majority.
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
    fn merged_files_keep_their_line_ends() {
        let text = "[workspace]\r\nmembers = [\r\n  \"a\", # b\r\n]\r\n";
        assert_eq!(with_member(text), "[workspace]\r\nmembers = [\r\n  \"a\", # b\r\n  \"xtask\",\r\n]\r\n");
    }

    fn member(text: &str) -> Result<MergeResult, String> {
        add_workspace_entries(text, &["xtask"], &[])
    }

    #[test]
    fn directories_covered_by_a_glob_are_excluded() {
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
    fn a_covered_member_is_not_added() {
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
    fn types_that_cargo_refuses_are_errors() {
        assert!(member("[workspace]\nmembers = \"xtask\"\n").unwrap_err().contains("not a list"));
        assert!(member("workspace = 1\n").unwrap_err().contains("not a table"));
        assert!(member("[package\n").is_err());
        assert!(add_alias("alias = []\n").unwrap_err().contains("not a table"));
    }

    #[test]
    fn an_alias_of_the_user_stays() {
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
    fn each_line_keeps_its_own_end() {
        assert_eq!(with_line_ends_of("a\r\nb\r\n", "a\nx\nb\n"), "a\r\nx\r\nb\r\n");
        assert_eq!(with_line_ends_of("a\nb\r\nc\n", "a\nb\nx\nc\n"), "a\nb\r\nx\nc\n");
        assert_eq!(with_line_ends_of("\u{feff}a\n", "a\nb\n"), "\u{feff}a\nb\n");
        assert_eq!(with_line_ends_of("a", "a\nb\n"), "a\nb\n");
        assert_eq!(with_line_ends_of("", "a\n"), "a\n");
    }
}
