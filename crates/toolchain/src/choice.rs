//! Which compiler and linker build a program for a platform: a pure decision over host and target, with its own
//! explanation for every pair that it refuses.

mod cross_tools;
mod go;
mod rust;
mod zig;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::{FloatAbi, Platform};
use serde::Serialize;

use crate::host::ToolchainOrigin;
use crossdock_project::config::{Libc, Linkage, Route, Sourced};
use crossdock_system::process::quote;

pub use go::{choose_go, go_settings};
pub use rust::{PossibleTarget, choose_rust, possible_targets};

/// What a Rust program asks of a toolchain.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RustRequest<'a> {
    /// The project's directory, which selects the toolchain.
    pub directory: &'a Utf8Path,
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

impl<'a> RustRequest<'a> {
    /// Creates a request without C code that leaves the C library, the float ABI and the routes open.
    pub fn new(directory: &'a Utf8Path, platforms: &'a [Platform], linkage: &'a Sourced<Linkage>) -> Self {
        Self { directory, platforms, linkage, libc: None, float: None, native_code: &[], routes: &[] }
    }

    /// Sets the C library that the user decided on.
    #[must_use]
    pub fn with_libc(self, libc: Option<&'a Sourced<Libc>>) -> Self {
        Self { libc, ..self }
    }

    /// Sets the float ABI; `None` is the platforms' usual one.
    #[must_use]
    pub fn with_float(self, float: Option<FloatAbi>) -> Self {
        Self { float, ..self }
    }

    /// Sets the chains of packages that need a C compiler.
    #[must_use]
    pub fn with_native_code(self, native_code: &'a [Vec<String>]) -> Self {
        Self { native_code, ..self }
    }

    /// Sets the routes that may be taken besides the project's own toolchain, in order of preference.
    #[must_use]
    pub fn with_routes(self, routes: &'a [Sourced<Route>]) -> Self {
        Self { routes, ..self }
    }
}

/// How one platform of a Rust program is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
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
        let directory = self.path.parent().map(|directory| quote(directory.as_str())).unwrap_or_default();
        let path = quote(self.path.as_str());
        format!("mkdir -p {directory} && printf %b {} > {path} && chmod 755 {path}", quote(&escaped))
    }
}

/// What a Go program asks of a toolchain.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GoRequest<'a> {
    /// The module's directory, which selects the toolchain.
    pub directory: &'a Utf8Path,
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

impl<'a> GoRequest<'a> {
    /// Creates a request without cgo packages that leaves cgo, the C library and the float ABI open.
    pub fn new(directory: &'a Utf8Path, platform: &'a Platform, linkage: &'a Sourced<Linkage>) -> Self {
        Self { directory, platform, cgo: None, cgo_packages: &[], linkage, libc: None, float: None }
    }

    /// Sets what the user decided about cgo.
    #[must_use]
    pub fn with_cgo(self, cgo: Option<&'a Sourced<bool>>) -> Self {
        Self { cgo, ..self }
    }

    /// Sets the packages that hold cgo files.
    #[must_use]
    pub fn with_cgo_packages(self, cgo_packages: &'a [String]) -> Self {
        Self { cgo_packages, ..self }
    }

    /// Sets the C library that the user decided on.
    #[must_use]
    pub fn with_libc(self, libc: Option<&'a Sourced<Libc>>) -> Self {
        Self { libc, ..self }
    }

    /// Sets the float ABI; `None` is the platform's usual one.
    #[must_use]
    pub fn with_float(self, float: Option<FloatAbi>) -> Self {
        Self { float, ..self }
    }
}

/// How one platform of a Go program is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
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
