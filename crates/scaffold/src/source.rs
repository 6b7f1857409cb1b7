//! Where the `xtask` crate takes crossdock from.

use std::fmt;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crossdock_project::config::grammar::normalized_path;

/// The version of this crate, which is the version that a scaffold uses.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `path:DIR`, `git:URL` or `registry[:VERSION]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "from", content = "place")]
pub enum CrossdockSource {
    /// A folder: absolute, or relative to the project's root.
    Path(Utf8PathBuf),
    /// A git repository.
    Git(String),
    /// The registry, in a version or one that is compatible.
    Registry(String),
}

impl Default for CrossdockSource {
    fn default() -> Self {
        Self::Registry(VERSION.to_owned())
    }
}

impl CrossdockSource {
    /// Reads what `--crossdock` takes.
    ///
    /// # Errors
    /// Another form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let plain = |place: &str| !place.is_empty() && !place.chars().any(|c| c.is_control() || c == '"');
        match text.split_once(':') {
            Some(("path", place)) if plain(place) => Ok(Self::Path(place.into())),
            Some(("git", place)) if plain(place) && !place.contains(' ') => Ok(Self::Git(place.to_owned())),
            Some(("registry", version)) if is_version(version) => Ok(Self::Registry(version.to_owned())),
            None if text == "registry" => Ok(Self::default()),
            _ => Err(format!("`{text}` is none of `path:DIR`, `git:URL`, `registry` and `registry:VERSION`")),
        }
    }

    /// A path seen from `root`, where it was given as seen from `directory`; it may be the folder of the crate or of
    /// the repository that holds it. What is absolute stays absolute.
    #[must_use]
    pub fn seen_from(self, root: &Utf8Path, directory: &Utf8Path) -> Self {
        let Self::Path(path) = self else { return self };
        let whole = directory.join(&path);
        let inner = Utf8Path::new("crates/cli");
        let inside = whole.join(inner).join("Cargo.toml").is_file();
        let path = if inside { path.join(inner) } else { path };
        match path.is_absolute() {
            true => Self::Path(path),
            false => Self::Path(relative(root, &directory.join(path))),
        }
    }

    /// The right side of `crossdock = …` in a manifest in `folder`, where paths are relative to `root`.
    pub(super) fn dependency(&self, root: &Utf8Path, folder: &Utf8Path) -> String {
        match self {
            Self::Path(path) if path.is_absolute() => format!("{{ path = {} }}", quoted(path.as_str())),
            Self::Path(path) => {
                format!("{{ path = {} }}", quoted(relative(folder, &root.join(path)).as_str()))
            }
            Self::Git(url) => format!("{{ git = {} }}", quoted(url)),
            Self::Registry(version) => quoted(version),
        }
    }
}

impl fmt::Display for CrossdockSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "path:{path}"),
            Self::Git(url) => write!(f, "git:{url}"),
            Self::Registry(version) => write!(f, "registry:{version}"),
        }
    }
}

/// A version requirement of cargo, roughly: cargo itself says the rest.
fn is_version(text: &str) -> bool {
    text.chars().any(|c| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-+=^~<>*, ".contains(c))
}

/// A string of TOML: JSON's escapes are TOML's too.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `to` as seen from the folder `from`; both absolute.
fn relative(from: &Utf8Path, to: &Utf8Path) -> Utf8PathBuf {
    let (from, to) = (normalized_path(from), normalized_path(to));
    let same = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(same).map(|_| Utf8Component::ParentDir);
    let path: Utf8PathBuf = up.chain(to.components().skip(same)).collect();
    if path.as_str().is_empty() { ".".into() } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms_and_no_other() {
        for text in ["path:../crossdock", "git:https://git.example/crossdock", "registry:0.1"] {
            assert_eq!(CrossdockSource::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(CrossdockSource::parse("registry"), Ok(CrossdockSource::default()));
        for text in ["", "path:", "git:", "../crossdock", "registry:", "registry:new", "svn:x", "path:a\"b"] {
            assert!(CrossdockSource::parse(text).unwrap_err().contains("path:DIR"), "{text}");
        }
    }

    #[test]
    fn paths_are_seen_from_where_they_stand() {
        let source = CrossdockSource::parse("path:../tools/crossdock").unwrap();
        let source = source.seen_from("/home/ann/app".into(), "/home/ann/other".into());
        assert_eq!(source, CrossdockSource::Path("../tools/crossdock".into()));
        assert_eq!(
            source.dependency("/home/ann/app".into(), "/home/ann/app/xtask".into()),
            r#"{ path = "../../tools/crossdock" }"#
        );
        let absolute = CrossdockSource::Path("/opt/a b".into());
        assert_eq!(absolute.dependency("/a".into(), "/a/xtask".into()), r#"{ path = "/opt/a b" }"#);
    }
}
