//! The language of a project, as the files of its directory show it.

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

/// A language that crossdock builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// Rust, built by cargo.
    Rust,
    /// Go.
    Go,
}

/// Why the language of a directory cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum LanguageError {
    /// The folder itself is missing.
    #[error("{folder} is not a folder")]
    NoFolder {
        /// The folder.
        folder: Utf8PathBuf,
    },
    /// Neither Cargo.toml nor go.mod.
    #[error("{folder} is not a project: it has no Cargo.toml, go.mod or go.work{}", nearest_above(.above))]
    NotAProject {
        /// The folder.
        folder: Utf8PathBuf,
        /// The nearest folder above that has one.
        above: Option<Utf8PathBuf>,
    },
    /// A stated language that the folder does not hold.
    #[error("{folder} holds no {language} project: it has no {manifest}")]
    OtherLanguage {
        /// The folder.
        folder: Utf8PathBuf,
        /// The language.
        language: Language,
        /// What it would have.
        manifest: &'static str,
    },
    /// Both Cargo.toml and go.mod.
    #[error(
        "{folder} holds both a Rust project (Cargo.toml) and a Go project (go.mod); decide in crossdock.toml: \
         [image.NAME] with `language = \"rust\"` or `language = \"go\"`"
    )]
    TwoLanguages {
        /// The folder.
        folder: Utf8PathBuf,
    },
}

/// The language of the project in a folder.
///
/// # Errors
/// No project there, projects of two languages of which none is `stated`, or not the stated one.
pub fn language_of(folder: &Utf8Path, stated: Option<Language>) -> Result<Language, LanguageError> {
    if !folder.is_dir() {
        return Err(LanguageError::NoFolder { folder: folder.to_owned() });
    }
    let other =
        |language, manifest| LanguageError::OtherLanguage { folder: folder.to_owned(), language, manifest };
    match (stated, is_rust(folder), is_go(folder)) {
        (Some(Language::Rust) | None, true, false) | (Some(Language::Rust), true, true) => Ok(Language::Rust),
        (Some(Language::Go) | None, false, true) | (Some(Language::Go), true, true) => Ok(Language::Go),
        (Some(Language::Rust), false, true) => Err(other(Language::Rust, "Cargo.toml")),
        (Some(Language::Go), true, false) => Err(other(Language::Go, "go.mod")),
        (None, true, true) => Err(LanguageError::TwoLanguages { folder: folder.to_owned() }),
        (_, false, false) => Err(LanguageError::NotAProject {
            folder: folder.to_owned(),
            above: folder.ancestors().skip(1).find(|above| is_rust(above) || is_go(above)).map(Into::into),
        }),
    }
}

fn is_rust(folder: &Utf8Path) -> bool {
    folder.join("Cargo.toml").is_file()
}

fn is_go(folder: &Utf8Path) -> bool {
    folder.join("go.mod").is_file() || folder.join("go.work").is_file()
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::Go => "Go",
        })
    }
}

fn nearest_above(folder: &Option<Utf8PathBuf>) -> String {
    match folder {
        Some(folder) => format!("; the nearest is above it, in {folder}"),
        None => String::new(),
    }
}
