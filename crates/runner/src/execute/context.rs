//! Copies what belongs to a build into a folder of its own, by the rules of a `.dockerignore`.

use std::fs::Metadata;

use camino::{Utf8Path, Utf8PathBuf};
use glob::{MatchOptions, Pattern};

use super::engine::remove_folder;
use super::{ExecuteError, create_folder};
use crate::plan::CopiedContext;
use crossdock_system::process::Cancel;

/// `*` stands for a part of a path and not for several, also for those that begin with a dot.
const PARTS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// Copies from the context. Nothing of `except` is copied, where the copy is made.
pub(super) fn copy_context(
    context: &Utf8Path,
    copied: &CopiedContext,
    except: &Utf8Path,
    cancel: &Cancel,
) -> Result<(), ExecuteError> {
    remove_folder(&copied.to)?;
    create_folder(&copied.to)?;
    let copy = Copy { context, to: &copied.to, except, rules: Rules::read(context, &copied.rules)?, cancel };
    let roots = copied.rules.iter().filter_map(|rule| rule.strip_prefix('!'));
    for root in roots {
        for whole in matching(context, root)? {
            copy.root(&whole)?;
        }
    }
    Ok(())
}

/// The lines of a `.dockerignore`, in their order: the last one that names a path or a folder above it decides.
struct Rules(Vec<(Rule, Pattern)>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    LeaveOut,
    LetIn,
}

impl Rules {
    fn read(context: &Utf8Path, lines: &[String]) -> Result<Self, ExecuteError> {
        let rule = |line: &String| {
            let (rule, text) = match line.strip_prefix('!') {
                Some(text) => (Rule::LetIn, text),
                None => (Rule::LeaveOut, line.as_str()),
            };
            let pattern = Pattern::new(&spelled(text)).map_err(|error| failed(&context.join(text), error))?;
            Ok((rule, pattern))
        };
        lines.iter().map(rule).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a path below the context stays out.
    fn leave_out(&self, path: &Utf8Path) -> bool {
        let names = |pattern: &Pattern| {
            let mut above = path.ancestors().filter(|path| !path.as_str().is_empty());
            above.any(|path| pattern.matches_with(path.as_str(), PARTS))
        };
        let last = self.0.iter().rev().find(|(_, pattern)| names(pattern));
        last.is_some_and(|(rule, _)| *rule == Rule::LeaveOut)
    }
}

/// A pattern of Go's `filepath.Match` as the glob that means the same.
fn spelled(pattern: &str) -> String {
    pattern.trim_matches('/').replace("[^", "[!")
}

/// What a pattern of `.dockerignore` names, as `cmd` or `*.go`.
fn matching(context: &Utf8Path, pattern: &str) -> Result<Vec<Utf8PathBuf>, ExecuteError> {
    let whole = format!("{}/{}", Pattern::escape(context.as_str()), spelled(pattern));
    let paths = glob::glob_with(&whole, PARTS).map_err(|error| failed(&context.join(pattern), error))?;
    let utf8 = |path: glob::GlobResult| {
        let path = path.map_err(|error| failed(&context.join(pattern), error))?;
        Utf8PathBuf::from_path_buf(path)
            .map_err(|path| failed(&context.join(pattern), format!("{} is not UTF-8", path.display())))
    };
    paths.map(utf8).collect()
}

fn failed(path: &Utf8Path, why: impl std::fmt::Display) -> ExecuteError {
    ExecuteError::File { path: path.to_owned(), source: std::io::Error::other(why.to_string()) }
}

struct Copy<'a> {
    context: &'a Utf8Path,
    to: &'a Utf8Path,
    except: &'a Utf8Path,
    rules: Rules,
    cancel: &'a Cancel,
}

impl Copy<'_> {
    /// What a rule names is looked through even where a later one leaves it out: another may let in a part of it.
    fn root(&self, from: &Utf8Path) -> Result<(), ExecuteError> {
        match metadata(from)? {
            Some(metadata) if metadata.is_dir() && self.is_left_out(from) => self.folder(from),
            _ => self.entry(from),
        }
    }

    /// Copies a file or a folder. A link to a file stays one, as in every engine's context: what lies outside of the project
    /// is not handed on. One that leads nowhere, a pipe, a socket and a device are nothing to compile.
    fn entry(&self, from: &Utf8Path) -> Result<(), ExecuteError> {
        if self.cancel.is_cancelled() {
            return Err(ExecuteError::Cancelled);
        }
        if from.starts_with(self.except) || self.is_left_out(from) {
            return Ok(());
        }
        match metadata(from)? {
            Some(metadata) if metadata.is_dir() => {
                create_folder(&self.target(from))?;
                self.folder(from)
            }
            Some(metadata) if metadata.is_file() => self.file(from),
            _ => Ok(()),
        }
    }

    fn folder(&self, from: &Utf8Path) -> Result<(), ExecuteError> {
        let failed = |source| ExecuteError::File { path: from.to_owned(), source };
        for entry in from.read_dir_utf8().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // A link to a folder may lead back to one above it; what is compiled lies in none.
            let is_link = entry.file_type().map_err(failed)?.is_symlink();
            if !(is_link && entry.path().is_dir()) {
                self.entry(entry.path())?;
            }
        }
        Ok(())
    }

    fn file(&self, from: &Utf8Path) -> Result<(), ExecuteError> {
        let to = self.target(from);
        to.parent().map_or(Ok(()), create_folder)?;
        let copied = match from.is_symlink() {
            true => from.read_link_utf8().and_then(|leads| std::os::unix::fs::symlink(leads, &to)),
            false => std::fs::copy(from, &to).map(drop),
        };
        copied.map_err(|source| ExecuteError::File { path: from.to_owned(), source })
    }

    fn below<'p>(&self, path: &'p Utf8Path) -> &'p Utf8Path {
        path.strip_prefix(self.context).unwrap_or(path)
    }

    fn target(&self, from: &Utf8Path) -> Utf8PathBuf {
        self.to.join(self.below(from))
    }

    fn is_left_out(&self, path: &Utf8Path) -> bool {
        self.rules.leave_out(self.below(path))
    }
}

/// What a path leads to; none for a link that leads nowhere or in a circle.
fn metadata(path: &Utf8Path) -> Result<Option<Metadata>, ExecuteError> {
    match path.metadata() {
        Ok(metadata) => Ok(Some(metadata)),
        Err(_) if path.is_symlink() => Ok(None),
        Err(source) => Err(ExecuteError::File { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        (folder, path)
    }

    fn write(path: &Utf8Path) {
        create_folder(path.parent().unwrap()).unwrap();
        crossdock_fs::write_atomically(path, b"x").unwrap();
    }

    fn copied(context: &Utf8Path, rules: &[&str], cancel: &Cancel) -> Result<Vec<String>, ExecuteError> {
        let except = context.join("dist/app.engine");
        let to = except.join("context");
        let rules = rules.iter().map(|&rule| rule.to_owned()).collect();
        copy_context(context, &CopiedContext { to: to.clone(), rules }, &except, cancel)?;
        let all = glob::glob(&format!("{to}/**/*")).unwrap().map(Result::unwrap);
        let files = all.filter(|path| path.is_file());
        let below = |path: std::path::PathBuf| path.strip_prefix(&to).unwrap().to_str().unwrap().to_owned();
        let mut files: Vec<String> = files.map(below).collect();
        files.sort();
        Ok(files)
    }

    #[test]
    fn the_last_rule_that_names_a_path_decides() {
        let (_guard, context) = folder();
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
        assert_eq!(copied(&["*", "!dist"]), ["dist/x"], "not the copy itself");
        assert_eq!(copied(&["*", "!nowhere"]), Vec::<String>::new());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_nothing_to_compile_is_passed_by() {
        use std::os::unix::fs::symlink;
        use std::os::unix::net::UnixListener;

        let (_guard, context) = folder();
        write(&context.join("src/main.rs"));
        symlink("nowhere", context.join("src/dangling")).unwrap();
        symlink("circle", context.join("src/circle")).unwrap();
        symlink("..", context.join("src/up")).unwrap();
        symlink("main.rs", context.join("src/link.rs")).unwrap();
        let _socket = UnixListener::bind(context.join("src/socket")).unwrap();
        let all = ["*", "!src", "!src/dangling"];
        let (_other, outside) = folder();
        write(&outside.join("key"));
        symlink(outside.join("key"), context.join("src/outside")).unwrap();
        let files = copied(&context, &all, &Cancel::default()).unwrap();
        assert_eq!(files, ["src/link.rs", "src/main.rs", "src/outside"]);
        let copy = context.join("dist/app.engine/context/src");
        for link in ["link.rs", "outside"] {
            assert!(copy.join(link).is_symlink(), "{link} is handed on as what it leads to");
        }
        let cancel = Cancel::default();
        cancel.cancel();
        assert!(matches!(copied(&context, &all, &cancel), Err(ExecuteError::Cancelled)));
    }
}
