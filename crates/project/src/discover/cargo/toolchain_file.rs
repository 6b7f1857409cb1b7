//! `rust-toolchain.toml`: the toolchain that the project selects.

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::super::error::ProjectError;
use crate::boundary::project_text;

/// The nearest `rust-toolchain.toml` or `rust-toolchain` (The rustup book, "Overrides"). RUSTUP_TOOLCHAIN and
/// `rustup override` take precedence over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolchainFile {
    /// The file.
    pub path: Utf8PathBuf,
    /// `channel`, such as `stable`, `1.89` or `nightly-2026-01-01`.
    pub channel: Option<String>,
    /// `targets`: the triples that rustup installs with it.
    pub targets: Vec<String>,
    /// `components`, such as `rust-src`.
    pub components: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Raw {
    toolchain: RawToolchain,
}

#[derive(Debug, Deserialize)]
struct RawToolchain {
    channel: Option<String>,
    #[serde(default)]
    targets: Vec<String>,
    #[serde(default)]
    components: Vec<String>,
}

impl ToolchainFile {
    /// Finds the file that rustup obeys in a directory; `None` if there is none there or above.
    ///
    /// # Errors
    /// A file that cannot be read or is malformed.
    pub fn find(directory: &Utf8Path) -> Result<Option<Self>, ProjectError> {
        // If a directory has both, rustup takes the one without an extension.
        let names = ["rust-toolchain", "rust-toolchain.toml"];
        let paths = directory.ancestors().flat_map(|above| names.map(|name| above.join(name)));
        let found = paths.into_iter().find(|path| path.is_file());
        found.map(|path| Self::read(path, directory)).transpose()
    }

    fn read(path: Utf8PathBuf, directory: &Utf8Path) -> Result<Self, ProjectError> {
        let wrong = |reason: String| ProjectError::File { path: path.clone(), reason };
        let text = project_text(&path, directory).map_err(|error| wrong(error.source.to_string()))?;
        // The old format of `rust-toolchain` is the bare name of a channel.
        let plain =
            path.extension().is_none() && text.trim().lines().count() == 1 && !text.contains(['[', '=']);
        if plain {
            let channel = Some(text.trim().to_owned());
            return Ok(Self { path, channel, targets: Vec::new(), components: Vec::new() });
        }
        let raw: Raw = toml::from_str(&text).map_err(|error| wrong(error.to_string().trim().to_owned()))?;
        let RawToolchain { channel, targets, components } = raw.toolchain;
        Ok(Self { path, channel, targets, components })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDirectory;

    #[test]
    fn both_forms_are_found_upwards() {
        let text = "[toolchain]\nchannel = \"1.89\"\ntargets = [\"aarch64-unknown-linux-musl\"]\nprofile = \"minimal\"\n";
        let directory = TestDirectory::new(&[
            ("rust-toolchain.toml", text),
            ("a/b/c", ""),
            ("old/rust-toolchain", "nightly\n"),
        ]);
        let found = ToolchainFile::find(&directory.path().join("a/b")).unwrap().unwrap();
        assert_eq!(
            (found.path, found.channel.as_deref()),
            (directory.path().join("rust-toolchain.toml"), Some("1.89"))
        );
        assert_eq!(found.targets, ["aarch64-unknown-linux-musl"]);
        let old = ToolchainFile::find(&directory.path().join("old")).unwrap().unwrap();
        assert_eq!(old.channel.as_deref(), Some("nightly"));
    }

    #[test]
    fn a_malformed_file_is_named() {
        let directory = TestDirectory::new(&[("rust-toolchain.toml", "[toolchain]\nchannel = 1.89\n")]);
        insta::assert_snapshot!(directory.masked(ToolchainFile::find(&directory.path()).unwrap_err()), @r"
        /p/rust-toolchain.toml: TOML parse error at line 2, column 11
          |
        2 | channel = 1.89
          |           ^^^^
        invalid type: floating point `1.89`, expected a string
        ");
    }
}
