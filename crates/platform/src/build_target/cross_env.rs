//! Every variable of a cross build.

use std::collections::BTreeMap;

use super::rust::RustTarget;
use super::{BuildTarget, Unsupported};

/// The tools of a cross build, as paths or names. A compiler may be followed by arguments (`zig cc -target …`); the
/// linker may not, because cargo takes a path alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tools {
    /// The linker that rustc calls.
    pub linker: Option<String>,
    /// The program that starts a built program, with arguments.
    pub runner: Option<String>,
    /// The C compiler.
    pub cc: Option<String>,
    /// The C++ compiler.
    pub cxx: Option<String>,
    /// The archiver.
    pub ar: Option<String>,
    /// The archive indexer.
    pub ranlib: Option<String>,
    /// Flags for C and C++, beside those that the target needs.
    pub cflags: Vec<String>,
    /// Whose flags the compiler understands.
    pub compiler: Compiler,
    /// The folders of the target's `.pc` files, separated by colons.
    pub pkg_config_libdir: Option<String>,
    /// The folder that stands for `/` when headers and libraries are looked up.
    pub sysroot: Option<String>,
    /// A CMake toolchain file.
    pub cmake_toolchain_file: Option<String>,
}

/// Whose flags a C compiler understands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compiler {
    /// gcc's and clang's: levels are `-march`.
    #[default]
    Gcc,
    /// zig's: levels are `-mcpu`.
    Zig,
}

impl BuildTarget {
    /// Every variable that cargo and the crates cc, pkg-config, cmake and bindgen read for this target alone.
    ///
    /// Each name ends in the triple, so that build scripts, which are built for the host, see none of them. Cargo
    /// ignores `CARGO_TARGET_…_RUSTFLAGS` while `RUSTFLAGS` or `CARGO_ENCODED_RUSTFLAGS` is set.
    ///
    /// # Errors
    /// As [`BuildTarget::rust`].
    pub fn cross_env(&self, tools: &Tools) -> Result<BTreeMap<String, String>, Unsupported> {
        let rust = self.rust()?;
        let (low, high) = (rust.underscored(), rust.upper());
        let mut env = BTreeMap::new();
        let mut set = |name: String, value: Option<String>| value.map(|value| env.insert(name, value));
        set(format!("CARGO_TARGET_{high}_LINKER"), tools.linker.clone());
        set(format!("CARGO_TARGET_{high}_RUNNER"), tools.runner.clone());
        set(format!("CARGO_TARGET_{high}_RUSTFLAGS"), joined(&rust.rustflags));
        set(format!("CC_{low}"), tools.cc.clone());
        set(format!("CXX_{low}"), tools.cxx.clone());
        set(format!("AR_{low}"), tools.ar.clone());
        set(format!("RANLIB_{low}"), tools.ranlib.clone());
        let cflags = joined(&self.cflags(tools));
        set(format!("CFLAGS_{low}"), cflags.clone());
        set(format!("CXXFLAGS_{low}"), cflags);
        let cross_packages =
            tools.pkg_config_libdir.as_ref().or(tools.sysroot.as_ref()).map(|_| "1".to_owned());
        set(format!("PKG_CONFIG_ALLOW_CROSS_{low}"), cross_packages);
        set(format!("PKG_CONFIG_LIBDIR_{low}"), tools.pkg_config_libdir.clone());
        set(format!("PKG_CONFIG_SYSROOT_DIR_{low}"), tools.sysroot.clone());
        set(format!("CMAKE_TOOLCHAIN_FILE_{low}"), tools.cmake_toolchain_file.clone());
        set(format!("BINDGEN_EXTRA_CLANG_ARGS_{low}"), Some(self.clang_args(tools, &rust)));
        Ok(env)
    }

    fn cflags(&self, tools: &Tools) -> Vec<String> {
        let names = self.names();
        let level = match tools.compiler {
            Compiler::Gcc => names.march.map(|march| format!("-march={march}")),
            Compiler::Zig => names.zig_cpu.map(|cpu| format!("-mcpu={cpu}")),
        };
        level.into_iter().chain(tools.cflags.iter().cloned()).collect()
    }

    fn clang_args(&self, tools: &Tools, rust: &RustTarget) -> String {
        let target = self.names().llvm.unwrap_or(rust.triple);
        let sysroot =
            tools.sysroot.as_ref().map(|sysroot| format!(" --sysroot={sysroot}")).unwrap_or_default();
        format!("--target={target}{sysroot}")
    }
}

fn joined(flags: &[String]) -> Option<String> {
    (!flags.is_empty()).then(|| flags.join(" "))
}
