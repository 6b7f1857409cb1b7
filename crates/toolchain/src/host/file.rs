//! Host files: the format that `plan --host FILE` reads and that JSON output has.
//!
//! ```toml
//! platform = "linux/arm64"
//! system = "debian"
//! [rust]
//! version = "1.95.0"
//! std = ["aarch64-unknown-linux-musl"]
//! [go]
//! version = "1.26.8"
//! [tools]
//! zig = "0.17.0"
//! ```

mod form;

use camino::{Utf8Path, Utf8PathBuf};

use super::Host;

pub(super) use form::HostFile;

/// An error in a host file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostFileError {
    /// The file cannot be read.
    #[error("the host file {path} cannot be read: {source}")]
    Read {
        /// The file.
        path: Utf8PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// The file does not describe a host.
    #[error("{path}:{line}:{column}: {message}")]
    Invalid {
        /// The file.
        path: Utf8PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1, in characters.
        column: usize,
        /// The mistake.
        message: String,
    },
}

impl Host {
    /// Reads a host from a file: JSON if its name ends in `.json`, TOML otherwise.
    ///
    /// Only `platform` is required. A tool that is not listed is absent; `system` defaults to the platform's usual one.
    /// A Rust toolchain is rustup's unless the file has `rustup = false`.
    ///
    /// # Errors
    /// [`HostFileError`], with line and column for a mistake in the file.
    pub fn from_file(path: &Utf8Path) -> Result<Self, HostFileError> {
        let text = crossdock_fs::read_text(path.as_std_path())
            .map_err(|error| HostFileError::Read { path: path.to_owned(), source: error.source })?;
        let parsed = if path.extension() == Some("json") { of_json(&text) } else { of_toml(&text) };
        parsed.map_err(|Invalid { line, column, message }| HostFileError::Invalid {
            path: path.to_owned(),
            line,
            column,
            message,
        })
    }
}

#[derive(Debug)]
struct Invalid {
    line: usize,
    column: usize,
    message: String,
}

fn of_toml(text: &str) -> Result<Host, Invalid> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Invalid { line, column, message: error.message().to_owned() }
    })
}

fn of_json(text: &str) -> Result<Host, Invalid> {
    serde_json::from_str(text).map_err(|error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        // serde_json ends its message with the position, which the error names already.
        let place = format!(" at line {line} column {column}");
        let message = error.to_string();
        Invalid { line, column, message: message.strip_suffix(&place).unwrap_or(&message).to_owned() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossdock_system::availability::Availability;

    const FILE: &str = r#"
platform = "linux/arm64"
system = "debian"
codename = "bookworm"
[rust]
version = "1.90.0"
std = ["aarch64-unknown-linux-gnu"]
[projects."/old".rust]
missing = "toolchain 1.60 is not installed"
[go]
version = "1.24.0"
[tools]
zig = "0.17.0"
git = true
podman = { missing = "it was removed" }
qemu-x86_64-static = { command = ["/opt/qemu"], version = "9.1" }
"#;

    #[test]
    fn a_file_lists_tools_and_versions() {
        let host = of_toml(FILE).unwrap();
        let rust = host.rust_toolchain("/anywhere".into()).unwrap();
        assert_eq!((rust.version.as_str(), rust.host.as_str()), ("1.90.0", "aarch64-unknown-linux-gnu"));
        assert!(rust.addable.contains("aarch64-unknown-linux-musl"));
        assert!(host.rust_toolchain("/old/member".into()).unwrap_err().why.contains("1.60"));
        assert_eq!(host.tool("zig").unwrap().version.as_deref(), Some("0.17.0"));
        assert_eq!(host.tool("podman").unwrap_err().why, "it was removed");
        assert_eq!(
            host.tool("cmake").unwrap_err().remedies[0].commands[0].arguments,
            ["install", "-y", "cmake"]
        );
        assert!(matches!(host.rustup, Availability::Available(_)));
    }

    #[test]
    fn serializing_and_parsing_are_inverse() {
        let platform = |text: &str| crossdock_platform::Platform::parse(text).unwrap();
        let hosts = ["darwin/arm64", "windows/amd64", "linux/riscv64"]
            .map(|text| Host::hypothetical(&platform(text)));
        for host in hosts.into_iter().chain([of_toml(FILE).unwrap()]) {
            let json = serde_json::to_string(&host).unwrap();
            assert_eq!(serde_json::to_string(&of_json(&json).unwrap()).unwrap(), json);
            let toml = toml::to_string(&host).unwrap();
            assert_eq!(serde_json::to_string(&of_toml(&toml).unwrap()).unwrap(), json);
        }
    }

    #[test]
    fn errors_point_at_line_and_column() {
        let wrong = |text: &str| of_toml(text).unwrap_err();
        let unknown = wrong("platform = \"linux/amd64\"\n[rust]\nversio = \"1\"\n");
        assert_eq!((unknown.line, unknown.column), (3, 1));
        assert!(unknown.message.contains("versio"), "{unknown:?}");
        let platform = wrong("\n platform = \"linux/amd46\"\n");
        assert_eq!((platform.line, platform.column), (2, 13));
        let tool = wrong("platform = \"linux/amd64\"\ntools.zig = 17\n");
        assert!(tool.line == 2 && tool.message.contains("a version"), "{tool:?}");
        let json = of_json("{\"platform\": \"linux/amd64\",\n \"rust\": 3}").unwrap_err();
        assert_eq!(json.line, 2);
        assert!(!json.message.contains(" at line"), "{json:?}");
    }
}
