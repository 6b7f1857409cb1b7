//! The choice of the compiler and linker that build a program for a platform: a pure function of host and target, which
//! explains every pair that it refuses.

mod cross_tools;
mod go;
mod rust;
mod zig;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::{FloatAbi, Libc, Linkage, Platform};
use serde::Serialize;

use crate::host::ToolchainOrigin;
use crossdock_project::NativeCode;
use crossdock_project::config::{Route, Sourced};
use crossdock_system::availability::Unavailable;
use crossdock_system::process::quote;

pub use go::{choose_go, go_settings};
pub use rust::{PossibleTarget, choose_rust, possible_targets};

/// A request for the toolchain of a Rust program.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RustRequest<'a> {
    /// The project's directory, which selects the toolchain.
    pub directory: &'a Utf8Path,
    /// The platforms of the image. One toolchain builds all of them if any can: programs of one image should not differ
    /// in their compiler.
    pub platforms: &'a [Platform],
    /// Static or dynamic linkage.
    pub linkage: &'a Sourced<Linkage>,
    /// The C library; `None` if the user did not decide on one.
    pub libc: Option<&'a Sourced<Libc>>,
    /// The float ABI; `None` for the platforms' usual one.
    pub float: Option<FloatAbi>,
    /// The C code of the programs; `None` if everything is Rust.
    pub native_code: Option<&'a NativeCode>,
    /// Routes beyond the project's own toolchain, in order of preference.
    pub routes: &'a [Sourced<Route>],
}

impl<'a> RustRequest<'a> {
    /// Creates a request without C code that leaves the C library, the float ABI and the routes open.
    pub fn new(directory: &'a Utf8Path, platforms: &'a [Platform], linkage: &'a Sourced<Linkage>) -> Self {
        Self { directory, platforms, linkage, libc: None, float: None, native_code: None, routes: &[] }
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

    /// Sets the C code of the programs.
    #[must_use]
    pub fn with_native_code(self, native_code: &'a NativeCode) -> Self {
        Self { native_code: Some(native_code), ..self }
    }

    /// Sets the routes that may be taken besides the project's own toolchain, in order of preference.
    #[must_use]
    pub fn with_routes(self, routes: &'a [Sourced<Route>]) -> Self {
        Self { routes, ..self }
    }
}

/// The tools that build one platform of a Rust program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RustChoice {
    /// The platform.
    pub platform: Platform,
    /// The target triple, as in `--target`.
    pub triple: String,
    /// The origin of the toolchain.
    pub origin: ToolchainOrigin,
    /// The path of `cargo`.
    pub cargo: Utf8PathBuf,
    /// The first line of `rustc --version`, an input of the image's digest.
    pub release: String,
    /// Arguments of cargo before those of `build`, such as `-Zbuild-std=std,panic_unwind`.
    pub cargo_arguments: Vec<String>,
    /// The environment: linker, C compiler and helpers for this triple, and `RUSTC` for the distribution's compiler.
    pub environment: BTreeMap<String, String>,
    /// crossdock's own compiler flags for this triple, such as `-Ctarget-feature=+crt-static`.
    pub rustflags: Vec<String>,
    /// Scripts that the environment refers to, to be written before the build.
    pub wrappers: Vec<Wrapper>,
    /// Names of the host's tools that it calls besides the toolchain, as in [`crate::host::Host::tools`].
    pub tools: Vec<String>,
    /// The C library of the program; `None` outside Linux.
    pub libc: Option<Libc>,
    /// The reason for this toolchain, triple and linker, in one sentence.
    pub why: String,
}

impl RustChoice {
    /// Makes C compilers write `to` in place of `from` at the start of paths, as rustc's `--remap-path-prefix` does.
    /// Without it `__FILE__` would put the project's path into the program, and its digest would depend on that path.
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
            // cc-rs splits flags at every blank unless this variable makes it parse them as a shell does.
            self.environment.insert("CC_SHELL_ESCAPED_FLAGS".to_owned(), "1".to_owned());
        }
    }
}

/// A script between a compiler and a tool that takes other arguments, or a file of settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wrapper {
    /// The path to write it to. Its name contains a hash of its content, so that an existing file never has to change.
    pub path: Utf8PathBuf,
    /// A POSIX shell script, or a CMake toolchain file.
    pub content: String,
}

impl Wrapper {
    /// Returns one line for a POSIX shell that writes the file as crossdock does.
    pub fn command(&self) -> String {
        // `printf %b` interprets only backslashes, and the command has to be one line.
        let escaped = self.content.replace('\\', r"\\").replace('\n', r"\n");
        let directory = self.path.parent().filter(|directory| !directory.as_str().is_empty());
        let make = directory.map(|directory| format!("mkdir -p {} && ", quote(directory.as_str())));
        let path = quote(self.path.as_str());
        format!("{}printf %b {} > {path} && chmod 755 {path}", make.unwrap_or_default(), quote(&escaped))
    }
}

/// A request for the toolchain of a Go program.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GoRequest<'a> {
    /// The module's directory, which selects the toolchain.
    pub directory: &'a Utf8Path,
    /// The platform.
    pub platform: &'a Platform,
    /// Whether to use cgo; `None` if the user did not decide.
    pub cgo: Option<&'a Sourced<bool>>,
    /// Packages that lose a part of themselves without cgo; see [`crossdock_project::GoFacts::cgo_losses`].
    pub cgo_packages: &'a [String],
    /// Static or dynamic linkage. Without cgo every Go program for Linux is static.
    pub linkage: &'a Sourced<Linkage>,
    /// The C library of a program with cgo; `None` if the user did not decide on one.
    pub libc: Option<&'a Sourced<Libc>>,
    /// The float ABI; `None` for the platform's usual one.
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

    /// Sets the packages that lose a part of themselves without cgo.
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

/// The tools that build one platform of a Go program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GoChoice {
    /// The platform.
    pub platform: Platform,
    /// The path of `go`.
    pub go: Utf8PathBuf,
    /// The toolchain's version, an input of the image's digest.
    pub release: String,
    /// GOOS, GOARCH, the level variable, CGO_ENABLED, and with cgo the C compiler and its flags.
    pub environment: BTreeMap<String, String>,
    /// Arguments of `go build` that the choice needs, such as `-tags=netgo,osusergo`.
    pub arguments: Vec<String>,
    /// Linker flags that the choice needs, as words of the single `-ldflags`.
    pub ldflags: Vec<String>,
    /// Scripts that the environment refers to, to be written before the build.
    pub wrappers: Vec<Wrapper>,
    /// Names of the host's tools that it calls besides the toolchain, as in [`crate::host::Host::tools`].
    pub tools: Vec<String>,
    /// The reason, in one sentence.
    pub why: String,
}

/// Returns the end of a sentence about what is missing for musl, which suggests the GNU C library; `None` if that could
/// not be linked for one of the platforms either.
fn gnu_hint<'a>(answers: impl Iterator<Item = Result<(), &'a Unavailable>>) -> Option<&'static str> {
    let missing: Vec<&Unavailable> = answers.filter_map(Result::err).collect();
    if missing.is_empty() {
        Some("; `libc = \"gnu\"` links the GNU C library instead, for which nothing is missing")
    } else if missing.iter().all(|missing| !missing.remedies.is_empty()) {
        Some("; `libc = \"gnu\"` links the GNU C library instead")
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
