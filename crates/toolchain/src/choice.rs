//! Which compiler and linker build a program for a platform: a pure decision over host and target, with its own
//! explanation for every pair that it refuses.

mod candidate;
mod equip;
mod go;
mod helpers;
mod rust;
mod zig;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::{FloatAbi, Libc, Linkage, Platform};
use serde::Serialize;

use crate::host::ToolchainOrigin;
use crossdock_project::config::{Route, Sourced};
use crossdock_system::process::quote;

pub use candidate::{Built, possible};
pub use go::choose_go;
pub use go::go_settings;
pub use rust::choose_rust;

/// What a Rust program asks of a toolchain.
#[derive(Debug, Clone)]
pub struct RustRequest<'a> {
    /// The project's folder, which selects the toolchain.
    pub folder: &'a Utf8Path,
    /// The platforms of the image, which one toolchain should serve if one can.
    pub platforms: &'a [Platform],
    /// Static or dynamic.
    pub linkage: &'a Sourced<Linkage>,
    /// The C library, when the user decides it.
    pub libc: Option<&'a Sourced<Libc>>,
    /// The float ABI, where another than the platforms' usual one is asked for.
    pub float: Option<FloatAbi>,
    /// Why a C compiler is needed; see [`crossdock_project::CargoPackage::native_code`].
    pub native_code: &'a [Vec<String>],
    /// Routes beyond the project's own toolchain, in order of preference.
    pub routes: &'a [Sourced<Route>],
}

/// How one platform of a Rust program is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RustChoice {
    /// The platform.
    pub platform: Platform,
    /// The compiler's triple, `--target`.
    pub triple: String,
    /// The toolchain.
    pub origin: ToolchainOrigin,
    /// `cargo`.
    pub cargo: Utf8PathBuf,
    /// The compiler's release line: an input of the digest.
    pub release: String,
    /// Arguments of cargo before `build`'s own, as `-Zbuild-std=std,panic_unwind`.
    pub cargo_arguments: Vec<String>,
    /// The environment: linker, C compiler and helpers of this triple, `RUSTC` for the distribution's.
    pub environment: BTreeMap<String, String>,
    /// crossdock's own compiler flags for this triple, as `-Ctarget-feature=+crt-static`.
    pub rustflags: Vec<String>,
    /// Scripts that the environment names and that are written before the build.
    pub wrappers: Vec<Wrapper>,
    /// Names of the host's tools that it calls beside the toolchain, as [`crate::host::Host::tools`] has them.
    pub tools: Vec<String>,
    /// The C library that results; none outside Linux.
    pub libc: Option<Libc>,
    /// One sentence: why this toolchain, this triple, this linker.
    pub why: String,
}

impl RustChoice {
    /// Has C compilers write `to` wherever they would write a path below `from`, as rustc's `--remap-path-prefix` does:
    /// `__FILE__` would show where the project lies.
    pub fn remap_c<'a>(&mut self, paths: impl IntoIterator<Item = (&'a Utf8Path, &'a str)>) {
        let underscored = crossdock_platform::env_triple(&self.triple);
        if !self.environment.contains_key(&format!("CC_{underscored}")) {
            return;
        }
        let flags: Vec<String> =
            paths.into_iter().map(|(from, to)| format!("-ffile-prefix-map={from}={to}")).collect();
        let quoted = flags.iter().any(|flag| flag.contains(char::is_whitespace));
        for name in ["CFLAGS", "CXXFLAGS"] {
            let value = self.environment.entry(format!("{name}_{underscored}")).or_default();
            for flag in &flags {
                let flag = if quoted { crossdock_system::process::quote(flag) } else { flag.clone() };
                value.push_str(if value.is_empty() { "" } else { " " });
                value.push_str(&flag);
            }
        }
        if quoted {
            // cc-rs splits flags at every blank unless it is told to read them as a shell does.
            self.environment.insert("CC_SHELL_ESCAPED_FLAGS".to_owned(), "1".to_owned());
        }
    }
}

/// A small script that stands between a compiler and a tool that takes other arguments, or a file of settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wrapper {
    /// Where it is written; its name holds a hash of its content.
    pub path: Utf8PathBuf,
    /// A POSIX shell script, or a CMake toolchain file.
    pub content: String,
}

impl Wrapper {
    /// One line for a POSIX shell that writes the file as crossdock does.
    pub fn command(&self) -> String {
        // What `printf %b` takes for more than itself is a backslash, and a line end fits no line.
        let escaped = self.content.replace('\\', r"\\").replace('\n', r"\n");
        let folder = self.path.parent().map(|folder| quote(folder.as_str())).unwrap_or_default();
        let path = quote(self.path.as_str());
        format!("mkdir -p {folder} && printf %b {} > {path} && chmod 755 {path}", quote(&escaped))
    }
}

/// What a Go program asks of a toolchain.
#[derive(Debug, Clone)]
pub struct GoRequest<'a> {
    /// The module's folder, which selects the toolchain.
    pub folder: &'a Utf8Path,
    /// The platform.
    pub platform: &'a Platform,
    /// Whether the user decided about cgo.
    pub cgo: Option<&'a Sourced<bool>>,
    /// Packages that hold cgo files; see [`crossdock_project::GoMain::cgo_packages`].
    pub cgo_packages: &'a [String],
    /// Static or dynamic; without cgo every Go program for Linux is static.
    pub linkage: &'a Sourced<Linkage>,
    /// The C library of a program with cgo, when the user decides it.
    pub libc: Option<&'a Sourced<Libc>>,
    /// The float ABI, where another than the platform's usual one is asked for.
    pub float: Option<FloatAbi>,
}

/// How one platform of a Go program is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoChoice {
    /// The platform.
    pub platform: Platform,
    /// `go`.
    pub go: Utf8PathBuf,
    /// The toolchain's version: an input of the digest.
    pub release: String,
    /// GOOS, GOARCH, the level variable, CGO_ENABLED, and with cgo the C compiler and its flags.
    pub environment: BTreeMap<String, String>,
    /// Arguments of `go build` that the choice needs, as `-tags=netgo,osusergo`.
    pub arguments: Vec<String>,
    /// Linker flags that the choice needs, words of the one `-ldflags`.
    pub ldflags: Vec<String>,
    /// Scripts that the environment names and that are written before the build.
    pub wrappers: Vec<Wrapper>,
    /// Names of the host's tools that it calls beside the toolchain, as [`crate::host::Host::tools`] has them.
    pub tools: Vec<String>,
    /// One sentence: why.
    pub why: String,
}

#[cfg(test)]
mod tests;
