//! The files that a Go program embeds (<https://pkg.go.dev/embed>): which patterns name them, and where these are written.

use std::collections::{BTreeSet, HashMap};

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::is_marked_output;
use glob::{MatchOptions, Pattern};
use serde::Serialize;

use super::ListedPackage;
use crate::config::Source;

/// A pattern of a `//go:embed` directive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct GoEmbed {
    /// The pattern as it is written, such as `all:web`.
    pub pattern: String,
    /// The directory of the package, which the pattern is relative to.
    pub directory: Utf8PathBuf,
    /// The place of the pattern.
    pub source: Source,
    /// A directory with crossdock's mark that the pattern takes files of; `None` if there is none.
    pub generated: Option<Utf8PathBuf>,
}

/// The matching of Go's `path.Match`, which reads a pattern component by component.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

impl GoEmbed {
    /// Returns whether the pattern takes a path, something in it if it is a directory, or would if it existed.
    ///
    /// A pattern that names a directory takes the whole tree, except for names that begin with `.` or `_`. With `all:` it
    /// takes these too, and so does a pattern that matches such a name itself, as `*` does.
    pub fn reaches(&self, path: &Utf8Path) -> bool {
        path.strip_prefix(&self.directory).is_ok_and(|below| embed_reaches(&self.pattern, below))
    }

    /// Returns the pattern with the directory that crossdock's mark is in, if it takes one of `files`, which are relative
    /// to the package. An unreadable mark counts as none: the compiler reports the file.
    fn with_generated(self, files: &[String]) -> Self {
        let directories: BTreeSet<&Utf8Path> =
            files.iter().flat_map(|file| Utf8Path::new(file).ancestors().skip(1)).collect();
        let is_taken = |directory: &Utf8PathBuf| {
            *directory != self.directory
                && self.reaches(directory)
                && is_marked_output(directory.as_std_path()).unwrap_or(false)
        };
        let generated = directories.into_iter().map(|below| self.directory.join(below)).find(is_taken);
        Self { generated, ..self }
    }
}

/// Returns whether a pattern takes a path below the directory of its package; see [`GoEmbed::reaches`].
pub(crate) fn embed_reaches(pattern: &str, below: &Utf8Path) -> bool {
    let parts: Vec<&str> = below.components().map(|part| part.as_str()).collect();
    let (takes_hidden, pattern) = match pattern.strip_prefix("all:") {
        Some(pattern) => (true, pattern),
        None => (false, pattern),
    };
    let wanted: Vec<&str> = pattern.split('/').collect();
    let matches = wanted.iter().zip(&parts).all(|(wanted, part)| matches(wanted, part));
    let rest = parts.get(wanted.len()..).unwrap_or_default();
    !parts.is_empty() && matches && (takes_hidden || !rest.iter().any(|part| part.starts_with(['.', '_'])))
}

/// Returns whether a component of a pattern matches a component of a path.
fn matches(pattern: &str, part: &str) -> bool {
    let pattern = Pattern::new(&pattern.replace("[^", "[!"));
    // Go rejects an invalid pattern, so that it takes nothing.
    pattern.is_ok_and(|pattern| pattern.matches_with(part, MATCHING))
}

/// Returns the patterns of the project's own packages that a program consists of, sorted.
pub(super) fn embeds(
    root: &Utf8Path,
    main: &ListedPackage,
    by_path: &HashMap<&str, &ListedPackage>,
) -> Vec<GoEmbed> {
    let packages = own_packages(main, by_path);
    let embeds = packages.into_iter().flat_map(|package| {
        let directory = below_root(root, &package.dir);
        let sources = package.go_files.iter().chain(&package.cgo_files).map(move |name| directory.join(name));
        sources.flat_map(|source| in_file(&source)).map(|embed| embed.with_generated(&package.embed_files))
    });
    let embeds: BTreeSet<GoEmbed> = embeds.collect();
    embeds.into_iter().collect()
}

/// Returns the project's own packages with patterns that a program consists of.
fn own_packages<'a>(
    main: &'a ListedPackage,
    by_path: &HashMap<&str, &'a ListedPackage>,
) -> Vec<&'a ListedPackage> {
    let mut seen = BTreeSet::from([main.import_path.as_str()]);
    let mut pending = vec![main];
    let mut found = Vec::new();
    while let Some(package) = pending.pop() {
        if package.is_local() && !package.embed_patterns.is_empty() {
            found.push(package);
        }
        for import in &package.imports {
            let path = package.import_map.get(import).unwrap_or(import);
            let next = by_path.get(path.as_str()).filter(|next| !next.standard);
            if let Some(next) = next.filter(|next| seen.insert(&next.import_path)) {
                pending.push(next);
            }
        }
    }
    found
}

/// Returns a directory below the root as the root is spelled: go reports real paths, and the root may be reached through a
/// symbolic link.
fn below_root(root: &Utf8Path, directory: &Utf8Path) -> Utf8PathBuf {
    let real = |path: &Utf8Path| path.canonicalize_utf8().ok();
    let spelled = || Some(root.join(real(directory)?.strip_prefix(real(root)?).ok()?));
    if directory.starts_with(root) {
        return directory.to_owned();
    }
    spelled().unwrap_or_else(|| directory.to_owned())
}

/// Returns the patterns of a Go file. One that cannot be read has none: the compiler reports it.
fn in_file(path: &Utf8Path) -> Vec<GoEmbed> {
    let text = crossdock_fs::read_text(path.as_std_path()).unwrap_or_default();
    in_text(path, &text)
}

/// Returns the patterns of the text of a Go file.
fn in_text(path: &Utf8Path, text: &str) -> Vec<GoEmbed> {
    let directory = path.parent().unwrap_or(path);
    let mut embeds = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some(rest) = line.trim_start().strip_prefix("//go:embed") else { continue };
        if !rest.starts_with([' ', '\t']) {
            continue;
        }
        for pattern in patterns(rest) {
            let before = line.len() - pattern.rest.len();
            let column = line[..before].chars().count() + 1;
            let source = Source::File { path: path.to_owned(), line: number + 1, column };
            let directory = directory.to_owned();
            embeds.push(GoEmbed { pattern: pattern.text, directory, source, generated: None });
        }
    }
    embeds
}

/// A pattern, and the line from its first character on.
pub(in crate::discover) struct Written<'a> {
    pub(in crate::discover) text: String,
    rest: &'a str,
}

/// Splits the arguments of a directive: patterns between spaces, each plain, or a Go string in `"` or `` ` ``.
pub(in crate::discover) fn patterns(arguments: &str) -> Vec<Written<'_>> {
    let mut found = Vec::new();
    let mut rest = arguments.trim_start();
    while let Some(first) = rest.chars().next() {
        let (text, end) = if matches!(first, '"' | '`') {
            match rest[1..].find(first) {
                Some(length) => (&rest[1..=length], length + 2),
                None => (&rest[1..], rest.len()),
            }
        } else {
            let end = rest.find([' ', '\t']).unwrap_or(rest.len());
            (&rest[..end], end)
        };
        found.push(Written { text: text.to_owned(), rest });
        rest = rest[end..].trim_start();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::{DiscoverOptions, Network, Project, discover};
    use crate::testing::{TestDirectory, processes};

    fn embed(pattern: &str) -> GoEmbed {
        let source = Source::Default("a test".to_owned());
        GoEmbed { pattern: pattern.to_owned(), directory: "/p/web".into(), source, generated: None }
    }

    /// The answers are those of `go list -f '{{.EmbedFiles}}'`, with which the next test compares them.
    const REACHED: [(&str, &str, bool); 16] = [
        ("dist", "dist/app", true),
        ("dist", "dist/.hidden/app", false),
        ("dist", "distant/app", false),
        ("all:dist", "dist/.hidden/app", true),
        ("dist/*", "dist/.hidden/app", true),
        ("dist/*", "dist/app", true),
        ("dist/*.js", "dist/app", false),
        ("dist/app", "dist/app", true),
        ("dist/app/blobs", "dist/app", true),
        ("*", ".crossdock/app", true),
        ("*.html", ".crossdock/app", false),
        ("dist", ".crossdock/app", false),
        ("all:*", ".crossdock/app", true),
        ("d[a-k]st", "dist/app", true),
        ("d[^a-k]st", "dist/app", false),
        ("dist", "dist/_build/app", false),
    ];

    #[test]
    fn a_pattern_reaches_what_go_would_embed() {
        for (pattern, path, expected) in REACHED {
            assert_eq!(
                embed(pattern).reaches(&Utf8Path::new("/p/web").join(path)),
                expected,
                "{pattern} {path}"
            );
        }
        assert!(!embed("all:*").reaches("/p/other/app".into()), "outside of the package");
        assert!(!embed("all:*").reaches("/p/web".into()), "the package itself");
    }

    #[test]
    fn go_embeds_what_a_pattern_reaches() {
        for (pattern, path, expected) in REACHED {
            let main = format!(
                "package main\n\nimport \"embed\"\n\n//go:embed {pattern}\nvar files embed.FS\n\nfunc main() {{ _ = files }}\n"
            );
            let content = format!("{path}/blobs/content");
            let files = [
                ("go.mod", "module example.com/web\n\ngo 1.24\n"),
                ("main.go", main.as_str()),
                (content.as_str(), "x"),
            ];
            let directory = TestDirectory::new(&files);
            let format = ["list", "-e", "-f", "{{.EmbedFiles}}", "."];
            let command = crossdock_system::process::Command::new("go", directory.path()).args(format);
            let listed = processes().stdout(&command).unwrap();
            assert_eq!(listed.contains(&content), expected, "{pattern} {path}: {listed}");
        }
    }

    #[test]
    fn patterns_have_their_places() {
        let text = "package main\n//go:embed a  \"b c\"\t`d`\n\t//go:embed all:é x\n//go:embedded no\n// go:embed no\n";
        let found = in_text("/p/main.go".into(), text);
        let found: Vec<String> =
            found.iter().map(|embed| format!("{} {}", embed.pattern, embed.source)).collect();
        let expected = [
            "a /p/main.go:2:12",
            "b c /p/main.go:2:15",
            "d /p/main.go:2:21",
            "all:é /p/main.go:3:13",
            "x /p/main.go:3:19",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_program_has_the_patterns_of_its_own_packages_only() {
        let library = |pattern: &str| {
            format!("package lib\n\nimport _ \"embed\"\n\n//go:embed {pattern}\nvar X string\n")
        };
        let main = "package main\n\nimport _ \"example.com/app/used\"\n\nfunc main() {}\n";
        let mark = "# Written by crossdock: nothing below this folder is anybody's source.\n*\n";
        let directory = TestDirectory::new(&[
            ("go.mod", "module example.com/app\n\ngo 1.24\n"),
            ("main.go", main),
            ("used/lib.go", &library("dist/old/index.json")),
            ("used/dist/.gitignore", mark),
            ("used/dist/old/index.json", "{}"),
            ("unused/lib.go", &library("lib.go")),
        ]);
        let options = DiscoverOptions { network: Network::Offline, ..DiscoverOptions::default() };
        let Project::Go(module) = discover(&directory.path(), &options, &processes()).unwrap() else {
            panic!("a Go module")
        };
        let [embed] = module.mains[0].embeds.as_slice() else { panic!("{:?}", module.mains) };
        assert_eq!(directory.masked(&embed.source), "/p/used/lib.go:5:12");
        assert_eq!(embed.generated.as_deref(), Some(directory.path().join("used/dist").as_path()));
    }
}
