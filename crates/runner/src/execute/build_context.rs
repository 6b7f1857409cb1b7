//! Copies the build context of an image, as the rules of its `.dockerignore` select it.

use std::fs::Metadata;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_system::process::Cancel;
use glob::{MatchOptions, Pattern};

use super::ExecuteError;
use super::error::{InternalError, file_error, other_file_error};
use super::output::{create_directory, remove_directory};
use crate::plan::CopiedContext;

/// The matching of Go's `filepath.Match`, which docker uses: `*` does not match `/`, and it matches a leading dot.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// Copies the selected files of a build context. `except` is the directory in which the copy is made: nothing in it is
/// copied.
pub(super) fn copy_build_context(
    context: &Utf8Path,
    copied: &CopiedContext,
    except: &Utf8Path,
    cancel: &Cancel,
) -> Result<(), ExecuteError> {
    // Files that an earlier run copied may be excluded or removed by now.
    remove_directory(&copied.to)?;
    create_directory(&copied.to)?;
    let copy = Copy { context, to: &copied.to, except, rules: Rules::read(context, &copied.rules)?, cancel };
    let included = copied.rules.iter().filter_map(|rule| rule.strip_prefix('!'));
    for pattern in included {
        for path in matching(context, pattern)? {
            copy.root(&path)?;
        }
    }
    Ok(())
}

/// The lines of a `.dockerignore` in their order. The last one that matches a path or a directory above it decides.
struct Rules(Vec<(Rule, Pattern)>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Exclude,
    Include,
}

impl Rules {
    fn read(context: &Utf8Path, lines: &[String]) -> Result<Self, ExecuteError> {
        let rule = |line: &String| {
            let (rule, text) = match line.strip_prefix('!') {
                Some(text) => (Rule::Include, text),
                None => (Rule::Exclude, line.as_str()),
            };
            let pattern = Pattern::new(&glob_of(text)).map_err(other_file_error(&context.join(text)))?;
            Ok((rule, pattern))
        };
        lines.iter().map(rule).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the rules exclude a path, which is relative to the context.
    fn exclude(&self, path: &Utf8Path) -> bool {
        let matches = |pattern: &Pattern| {
            let mut ancestors = path.ancestors().filter(|path| !path.as_str().is_empty());
            ancestors.any(|path| pattern.matches_with(path.as_str(), MATCHING))
        };
        let last = self.0.iter().rev().find(|(_, pattern)| matches(pattern));
        last.is_some_and(|(rule, _)| *rule == Rule::Exclude)
    }
}

/// Converts a pattern of Go's `filepath.Match` to a glob with the same meaning.
fn glob_of(pattern: &str) -> String {
    // A slash at the start or the end means nothing in a `.dockerignore`, whose patterns all begin at the context's
    // root. Go negates a class of characters by `^`, the glob crate by `!`.
    pattern.trim_matches('/').replace("[^", "[!")
}

/// Returns the existing paths that a pattern matches, as `cmd` or `*.go`.
fn matching(context: &Utf8Path, pattern: &str) -> Result<Vec<Utf8PathBuf>, ExecuteError> {
    let failed = context.join(pattern);
    // The directory of the project may itself hold `[` or `*`.
    let glob = format!("{}/{}", Pattern::escape(context.as_str()), glob_of(pattern));
    let paths = glob::glob_with(&glob, MATCHING).map_err(other_file_error(&failed))?;
    let utf8 = |path: glob::GlobResult| {
        Utf8PathBuf::from_path_buf(path.map_err(other_file_error(&failed))?)
            .map_err(|path| other_file_error(&failed)(format!("{} is not UTF-8", path.display())))
    };
    paths.map(utf8).collect()
}

struct Copy<'a> {
    context: &'a Utf8Path,
    to: &'a Utf8Path,
    except: &'a Utf8Path,
    rules: Rules,
    cancel: &'a Cancel,
}

impl Copy<'_> {
    /// Copies a path that a rule includes. A directory that a later rule excludes is searched all the same: a rule after
    /// that one may include a part of it.
    fn root(&self, from: &Utf8Path) -> Result<(), ExecuteError> {
        match metadata(from)? {
            Some(metadata) if metadata.is_dir() && self.is_excluded(from)? => self.directory(from),
            _ => self.entry(from),
        }
    }

    /// Copies a file or a directory. A link to a file stays a link, as in every engine's context, so that files outside of
    /// the project do not get into it. Broken links, pipes, sockets and devices are skipped: there is nothing to compile
    /// in them.
    fn entry(&self, from: &Utf8Path) -> Result<(), ExecuteError> {
        if self.cancel.is_cancelled() {
            return Err(ExecuteError::Cancelled);
        }
        if from.starts_with(self.except) || self.is_excluded(from)? {
            return Ok(());
        }
        match metadata(from)? {
            Some(metadata) if metadata.is_dir() => {
                create_directory(&self.destination(from)?)?;
                self.directory(from)
            }
            Some(metadata) if metadata.is_file() => self.file(from),
            _ => Ok(()),
        }
    }

    fn directory(&self, from: &Utf8Path) -> Result<(), ExecuteError> {
        for entry in from.read_dir_utf8().map_err(file_error(from))? {
            let entry = entry.map_err(file_error(from))?;
            // A link to a directory may lead to one above it, and the copy would have no end.
            let is_link = entry.file_type().map_err(file_error(from))?.is_symlink();
            if !(is_link && entry.path().is_dir()) {
                self.entry(entry.path())?;
            }
        }
        Ok(())
    }

    fn file(&self, from: &Utf8Path) -> Result<(), ExecuteError> {
        let to = self.destination(from)?;
        to.parent().map_or(Ok(()), create_directory)?;
        let copied = if from.is_symlink() {
            from.read_link_utf8().and_then(|target| std::os::unix::fs::symlink(target, &to))
        } else {
            std::fs::copy(from, &to).map(drop)
        };
        copied.map_err(file_error(from))
    }

    /// Returns a path relative to the context. An absolute one must never get further: its destination would be the file
    /// itself, which copying empties.
    fn relative<'p>(&self, path: &'p Utf8Path) -> Result<&'p Utf8Path, InternalError> {
        path.strip_prefix(self.context).map_err(|_| InternalError::OutsideContext {
            path: path.to_owned(),
            context: self.context.to_owned(),
        })
    }

    fn destination(&self, from: &Utf8Path) -> Result<Utf8PathBuf, InternalError> {
        Ok(self.to.join(self.relative(from)?))
    }

    fn is_excluded(&self, path: &Utf8Path) -> Result<bool, InternalError> {
        Ok(self.rules.exclude(self.relative(path)?))
    }
}

/// Returns the metadata of a path's target; `None` for a link without a target or to itself.
fn metadata(path: &Utf8Path) -> Result<Option<Metadata>, ExecuteError> {
    match path.metadata() {
        Ok(metadata) => Ok(Some(metadata)),
        Err(_) if path.is_symlink() => Ok(None),
        Err(source) => Err(file_error(path)(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> (tempfile::TempDir, Utf8PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
        (directory, path)
    }

    fn write(path: &Utf8Path) {
        create_directory(path.parent().unwrap()).unwrap();
        crossdock_fs::write_atomically(path, b"x").unwrap();
    }

    fn copied(context: &Utf8Path, rules: &[&str], cancel: &Cancel) -> Result<Vec<String>, ExecuteError> {
        let except = context.join("dist/app.engine");
        let to = except.join("context");
        let rules = rules.iter().map(|&rule| rule.to_owned()).collect();
        copy_build_context(context, &CopiedContext { to: to.clone(), rules }, &except, cancel)?;
        let all = glob::glob(&format!("{to}/**/*")).unwrap().map(Result::unwrap);
        let files = all.filter(|path| path.is_file());
        let below = |path: std::path::PathBuf| path.strip_prefix(&to).unwrap().to_str().unwrap().to_owned();
        let mut files: Vec<String> = files.map(below).collect();
        files.sort();
        Ok(files)
    }

    #[test]
    fn the_last_matching_rule_decides() {
        let (_guard, context) = directory();
        for file in [
            "go.mod",
            "README",
            "cmd/a.go",
            "cmd/a.md",
            "cmd/.env",
            "cmd/secret/key",
            "cmd/secret/open",
            "dist/x",
        ] {
            write(&context.join(file));
        }
        let copied = |rules: &[&str]| copied(&context, rules, &Cancel::default()).unwrap();
        assert_eq!(
            copied(&["*", "!go.mod", "!cmd", "**/*.md", "cmd/secret", "**/.env"]),
            ["cmd/a.go", "go.mod"]
        );
        assert_eq!(copied(&["*", "!cmd", "cmd/*", "!cmd/secret/open"]), ["cmd/secret/open"]);
        assert_eq!(copied(&["*", "!*.mod"]), ["go.mod"]);
        assert_eq!(copied(&["*", "!dist"]), ["dist/x"], "the copy does not copy itself");
        assert_eq!(copied(&["*", "!nowhere"]), Vec::<String>::new());
    }

    #[cfg(unix)]
    #[test]
    fn dangling_links_sockets_and_links_to_directories_are_skipped() {
        use std::os::unix::fs::symlink;
        use std::os::unix::net::UnixListener;

        let (_guard, context) = directory();
        write(&context.join("src/main.rs"));
        symlink("nowhere", context.join("src/dangling")).unwrap();
        symlink("circle", context.join("src/circle")).unwrap();
        symlink("..", context.join("src/up")).unwrap();
        symlink("main.rs", context.join("src/link.rs")).unwrap();
        let _socket = UnixListener::bind(context.join("src/socket")).unwrap();
        let all = ["*", "!src", "!src/dangling"];
        let (_other, outside) = directory();
        write(&outside.join("key"));
        symlink(outside.join("key"), context.join("src/outside")).unwrap();
        let files = copied(&context, &all, &Cancel::default()).unwrap();
        assert_eq!(files, ["src/link.rs", "src/main.rs", "src/outside"]);
        let copy = context.join("dist/app.engine/context/src");
        for link in ["link.rs", "outside"] {
            assert!(copy.join(link).is_symlink(), "{link} was replaced by its target");
        }
        let cancel = Cancel::default();
        cancel.cancel();
        assert!(matches!(copied(&context, &all, &cancel), Err(ExecuteError::Cancelled)));
    }
}
