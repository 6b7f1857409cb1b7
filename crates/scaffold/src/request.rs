use camino::Utf8PathBuf;

use super::choices::Selection;
use super::source::CrossdockSource;
use crossdock_project::{Language, Network};

/// What a call of `init` asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The project's folder; with `template` one that is empty or not there yet. Absolute.
    pub folder: Utf8PathBuf,
    /// Where paths on the command line are seen from. Absolute.
    pub directory: Utf8PathBuf,
    /// The parts.
    pub selection: Selection,
    /// `--template`: a program to begin with.
    pub template: Option<Language>,
    /// `--crossdock`: where the `xtask` crate takes crossdock from.
    pub source: Option<CrossdockSource>,
    /// `--archives`: where pipelines find crossdock's archives.
    pub archives: Option<String>,
    /// `--for`: where images will run.
    pub nodes: Vec<String>,
    /// `--expose`: ports of the program, as `8080` or `53/udp`.
    pub expose: Vec<String>,
    /// `--repository`.
    pub repository: Option<String>,
    /// What happens to files that were edited or written by hand.
    pub existing: Existing,
    /// Whether tools may reach the network.
    pub network: Network,
    /// A folder for what is thrown away again. Absolute.
    pub scratch: Utf8PathBuf,
}

/// What happens to files that were edited or written by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// They stay.
    #[default]
    Keep,
    /// They are replaced, and a backup is kept.
    Replace,
}
