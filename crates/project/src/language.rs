//! The language of a project, as the manifests in its directory show it.

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

/// A language that crossdock builds. It is exhaustive on purpose: the compiler finds every place that decides by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// Rust, built by cargo.
    Rust,
    /// Go, built by go.
    Go,
}

/// The error for a directory whose language cannot be determined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LanguageError {
    /// The path does not exist or is not a directory.
    #[error("{directory} is not a directory")]
    NotADirectory {
        /// The path.
        directory: Utf8PathBuf,
    },
    /// The directory has neither Cargo.toml nor go.mod nor go.work.
    #[error("{directory} is not a project: it has no Cargo.toml, go.mod or go.work{}", nearest_above(.above.as_deref()))]
    NotAProject {
        /// The directory.
        directory: Utf8PathBuf,
        /// The nearest directory above that has one of them.
        above: Option<Utf8PathBuf>,
    },
    /// The directory has no project of the stated language.
    #[error("{directory} is not a {language} project: it has no {manifest}")]
    OtherLanguage {
        /// The directory.
        directory: Utf8PathBuf,
        /// The stated language.
        language: Language,
        /// The missing manifest.
        manifest: &'static str,
    },
    /// The directory has projects of both languages, and none is stated.
    #[error(
        "{directory} has both a Rust project (Cargo.toml) and a Go project (go.mod); choose one in crossdock.toml: \
         [image.NAME] with `language = \"rust\"` or `language = \"go\"`"
    )]
    TwoLanguages {
        /// The directory.
        directory: Utf8PathBuf,
    },
}

impl Language {
    /// Returns the language of the project in a directory. `stated` decides where the directory has both.
    ///
    /// # Errors
    /// The directory has no project, projects of both languages while none is stated, or none of the stated language.
    pub fn detect(directory: &Utf8Path, stated: Option<Self>) -> Result<Self, LanguageError> {
        let owned = || directory.to_owned();
        if !directory.is_dir() {
            return Err(LanguageError::NotADirectory { directory: owned() });
        }
        match (stated, has_rust(directory), has_go(directory)) {
            (Some(Self::Rust) | None, true, false) | (Some(Self::Rust), true, true) => Ok(Self::Rust),
            (Some(Self::Go) | None, false, true) | (Some(Self::Go), true, true) => Ok(Self::Go),
            (Some(language @ Self::Rust), false, true) => {
                Err(LanguageError::OtherLanguage { directory: owned(), language, manifest: "Cargo.toml" })
            }
            (Some(language @ Self::Go), true, false) => {
                Err(LanguageError::OtherLanguage { directory: owned(), language, manifest: "go.mod" })
            }
            (None, true, true) => Err(LanguageError::TwoLanguages { directory: owned() }),
            (_, false, false) => {
                let mut above = directory.ancestors().skip(1);
                let above = above.find(|above| has_rust(above) || has_go(above)).map(Into::into);
                Err(LanguageError::NotAProject { directory: owned(), above })
            }
        }
    }
}

fn has_rust(directory: &Utf8Path) -> bool {
    directory.join("Cargo.toml").is_file()
}

fn has_go(directory: &Utf8Path) -> bool {
    directory.join("go.mod").is_file() || directory.join("go.work").is_file()
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::Go => "Go",
        })
    }
}

fn nearest_above(directory: Option<&Utf8Path>) -> String {
    directory.map(|directory| format!("; the nearest one above is {directory}")).unwrap_or_default()
}
