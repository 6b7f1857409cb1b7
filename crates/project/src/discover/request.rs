use camino::Utf8Path;

use super::error::{ProjectError, ToolError};
use crate::config::{Features, ImageConfig};
use crate::language::Language;
use crossdock_system::process::ProcessError;

/// What is asked of a project.
#[derive(Debug, Clone)]
pub struct Discovery {
    /// The language, where a folder may hold both.
    pub language: Option<Language>,
    /// Whether cargo and go may fetch what they miss.
    pub network: Network,
    /// The Cargo features that the images ask for, taken together: they decide what is compiled.
    pub features: Features,
    /// Rust triples whose dependencies count.
    pub triples: Vec<String>,
    /// Go platforms whose files count.
    pub go_platforms: Vec<GoPlatform>,
    /// `cargo`: a path, or a name that PATH finds.
    pub cargo: String,
    /// `go`.
    pub go: String,
}

/// Whether tools may use the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// They may.
    #[default]
    Online,
    /// They make do with what this machine has (`--offline`).
    Offline,
}

/// A pair of GOOS and GOARCH.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoPlatform {
    /// GOOS.
    pub os: String,
    /// GOARCH.
    pub architecture: String,
}

impl Default for Discovery {
    /// Everything for Linux on amd64 and arm64.
    fn default() -> Self {
        let triples = ["x86_64", "aarch64"].iter();
        let triples =
            triples.flat_map(|cpu| ["musl", "gnu"].map(|libc| format!("{cpu}-unknown-linux-{libc}")));
        let linux = |architecture: &str| GoPlatform { os: "linux".into(), architecture: architecture.into() };
        Self {
            language: None,
            network: Network::default(),
            features: Features::default(),
            triples: triples.collect(),
            go_platforms: vec![linux("amd64"), linux("arm64")],
            cargo: "cargo".into(),
            go: "go".into(),
        }
    }
}

impl Discovery {
    /// What images of one folder ask for, taken together: a feature that one of them turns on counts, and the default
    /// features count unless all images turn them off.
    pub fn of_images<'a>(images: impl IntoIterator<Item = &'a ImageConfig>, network: Network) -> Self {
        let mut asked = Self { network, ..Self::default() };
        let mut off = None;
        for image in images {
            asked.language = asked.language.or(image.language.as_ref().map(|language| language.value));
            asked.features.all |= image.features.all;
            asked.features.names.extend(image.features.names.iter().cloned());
            off = Some(off.unwrap_or(true) && image.features.no_default);
        }
        asked.features.no_default = off.unwrap_or(false);
        asked.features.names.sort();
        asked.features.names.dedup();
        asked
    }
}

/// Names a tool that could not be started; other failures are the tool's own.
pub(super) fn tool_error(folder: &Utf8Path, language: Language, error: ProcessError) -> ProjectError {
    let folder = folder.to_owned();
    match error {
        ProcessError::Start { program, source } => ProjectError::NoTool { folder, language, program, source },
        process => {
            let tool = match language {
                Language::Rust => "cargo".to_owned(),
                Language::Go => "go".to_owned(),
            };
            ProjectError::Tool(ToolError { folder, tool, process })
        }
    }
}
