//! The modules that a Go build reads, from `go.mod` and `go.work`.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::read_text;
use serde::Serialize;

use crate::config::grammar::lexical;

/// The modules of a build, as directories.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GoModules {
    /// Directories with a `go.mod` that go reads: the module itself, those of the workspace, and local replacements.
    pub directories: BTreeSet<Utf8PathBuf>,
    /// The directory of `go.work`.
    pub workspace: Option<Utf8PathBuf>,
    /// Whether the dependencies are in the project itself, in `vendor`.
    pub vendored: bool,
}

impl GoModules {
    /// Reads the directives of the files (Go Modules Reference, "go.work files" and "replace directive"). An unreadable
    /// file counts as empty: go reports it. `go.work` is absent if the user turned it off.
    pub(in crate::discover) fn read(directory: &Utf8Path, ignores_workspace: bool) -> Self {
        let workspace = directory.ancestors().find(|above| above.join("go.work").is_file());
        let workspace = workspace.filter(|_| !ignores_workspace).map(Utf8Path::to_owned);
        let mut pending: Vec<Utf8PathBuf> = vec![directory.to_owned()];
        if let Some(workspace) = &workspace {
            let text = read_text(workspace.join("go.work").as_std_path()).unwrap_or_default();
            pending.extend(
                directives(&text, "use").iter().filter_map(|path| lexical(&workspace.join(unquoted(path)))),
            );
            pending.extend(replacements(workspace, &text));
        }
        let mut directories = BTreeSet::new();
        while let Some(next) = pending.pop() {
            let Ok(text) = read_text(next.join("go.mod").as_std_path()) else { continue };
            if directories.insert(next.clone()) {
                pending.extend(replacements(&next, &text));
            }
        }
        let vendored = directory.join("vendor/modules.txt").is_file();
        Self { directories, workspace, vendored }
    }
}

/// Returns the directories that replace modules: `replace example.com/a => ../a`.
fn replacements(directory: &Utf8Path, text: &str) -> Vec<Utf8PathBuf> {
    let lines = directives(text, "replace");
    let targets =
        lines.iter().filter_map(|line| line.split_once("=>")).map(|(_, target)| unquoted(target.trim()));
    let local = targets
        .filter(|target| target.starts_with("./") || target.starts_with("../") || target.starts_with('/'));
    local.filter_map(|target| lexical(&directory.join(target))).collect()
}

/// Returns the arguments of a directive, on its own line or in its parentheses, without comments.
fn directives<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let (mut found, mut inside) = (Vec::new(), false);
    for line in text.lines().map(|line| line.split("//").next().unwrap_or_default().trim()) {
        let rest = line.strip_prefix(name).filter(|rest| rest.starts_with([' ', '\t', '(']));
        match rest.map(str::trim) {
            _ if inside && line == ")" => inside = false,
            _ if inside && !line.is_empty() => found.push(line),
            Some("(") => inside = true,
            Some(rest) if !inside => found.push(rest),
            _ => {}
        }
    }
    found
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '`'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDirectory;

    #[test]
    fn workspaces_and_replacements_are_followed() {
        let directory = TestDirectory::new(&[
            ("go.work", "go 1.26\n\nuse (\n\t./a // here\n\t\"./b c\"\n)\nuse ./d\n"),
            (
                "a/go.mod",
                "module a\nreplace (\n\texample.com/x v1.0.0 => ../x\n\texample.com/y => example.com/z v1.0.0\n)\n",
            ),
            ("b c/go.mod", "module b\n"),
            ("d/go.mod", "module d\n"),
            ("x/go.mod", "module x\nreplace a => ../a\n"),
            ("e/go.mod", "module e\n"),
            ("a/vendor/modules.txt", ""),
        ]);
        let root = directory.path();
        let found = GoModules::read(&root.join("a"), false);
        let directories: Vec<&str> =
            found.directories.iter().map(|path| path.strip_prefix(&root).unwrap().as_str()).collect();
        assert_eq!(directories, ["a", "b c", "d", "x"]);
        assert_eq!((found.workspace, found.vendored), (Some(root.clone()), true));
        let found = GoModules::read(&root.join("a"), true);
        assert_eq!((found.workspace, found.directories.len()), (None, 2), "a and its replacement x");
    }
}
