//! The environment variables of a cross build.

use std::collections::BTreeMap;

use super::rust::{RustTarget, cargo_env_triple, env_triple};
use super::{BuildTarget, Unsupported};
use crate::architecture::Architecture;
use crate::os::Os;

/// The tools of a cross build, as paths or names.
///
/// A compiler may be followed by arguments (`zig cc -target …`). The linker may not: cargo takes only a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tools {
    /// The linker for rustc.
    pub linker: Option<String>,
    /// The program that runs a built program, with arguments.
    pub runner: Option<String>,
    /// The C compiler.
    pub cc: Option<String>,
    /// The C++ compiler.
    pub cxx: Option<String>,
    /// The archiver.
    pub ar: Option<String>,
    /// The indexer of archives.
    pub ranlib: Option<String>,
    /// Flags for C and C++, in addition to those that the target needs.
    pub cflags: Vec<String>,
    /// The kind of flags the C compiler takes.
    pub compiler: Compiler,
    /// The directories of the target's `.pc` files, separated by colons.
    pub pkg_config_libdir: Option<String>,
    /// The directory that replaces `/` when headers and libraries are looked up.
    pub sysroot: Option<String>,
    /// The CMake toolchain file.
    pub cmake_toolchain_file: Option<String>,
}

/// The variable from which the crates `tikv-jemalloc-sys` and `jemalloc-sys` read the largest page size that jemalloc
/// supports, as a binary logarithm. `tikv-jemalloc-sys` reads the variable with the prefix `TRIPLE_` first.
pub const JEMALLOC_LG_PAGE: &str = "JEMALLOC_SYS_WITH_LG_PAGE";

/// The kind of flags a C compiler takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compiler {
    /// The flags of gcc and clang: a level is `-march`.
    #[default]
    Gcc,
    /// The flags of zig: a level is `-mcpu`.
    Zig,
}

impl BuildTarget {
    /// Returns every variable that cargo and the crates cc, pkg-config, cmake and bindgen read only for this target.
    ///
    /// Each name contains the triple, so that the variables do not affect build scripts, which are built for the host.
    /// Cargo ignores `CARGO_TARGET_…_RUSTFLAGS` if `RUSTFLAGS` or `CARGO_ENCODED_RUSTFLAGS` is set.
    ///
    /// # Errors
    /// [`Unsupported`] under the conditions of [`BuildTarget::rust`].
    ///
    /// ```
    /// use crossdock_platform::{BuildTarget, Linkage, Platform, Tools};
    ///
    /// let target = BuildTarget::new(Platform::LINUX_ARM64, Linkage::Dynamic);
    /// let gcc = target.names().gcc;
    /// let env = target.cross_env(&Tools { linker: gcc.clone(), cc: gcc, ..Tools::default() })?;
    /// assert_eq!(env["CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER"], "aarch64-linux-gnu-gcc");
    /// assert_eq!(env["CC_aarch64_unknown_linux_gnu"], "aarch64-linux-gnu-gcc");
    /// # Ok::<(), crossdock_platform::Unsupported>(())
    /// ```
    pub fn cross_env(&self, tools: &Tools) -> Result<BTreeMap<String, String>, Unsupported> {
        let rust = self.rust()?;
        let (low, high) = (env_triple(rust.triple), cargo_env_triple(rust.triple));
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
        // The pkg-config crate answers nothing in a cross build unless it is told that the packages are the target's.
        let cross_packages =
            tools.pkg_config_libdir.as_ref().or(tools.sysroot.as_ref()).map(|_| "1".to_owned());
        set(format!("PKG_CONFIG_ALLOW_CROSS_{low}"), cross_packages);
        // LIBDIR replaces pkg-config's own directories. PATH would only come before them, and the host's packages
        // would be found for the target.
        set(format!("PKG_CONFIG_LIBDIR_{low}"), tools.pkg_config_libdir.clone());
        set(format!("PKG_CONFIG_SYSROOT_DIR_{low}"), tools.sysroot.clone());
        set(format!("CMAKE_TOOLCHAIN_FILE_{low}"), tools.cmake_toolchain_file.clone());
        set(format!("BINDGEN_EXTRA_CLANG_ARGS_{low}"), Some(self.clang_args(tools, &rust)));
        Ok(env)
    }

    /// Returns the value of [`JEMALLOC_LG_PAGE`] with which jemalloc runs on every node of the platform; `None` if its
    /// default does.
    ///
    /// arm64 kernels have pages of 4, 16 or 64 KiB. A cross build of jemalloc supports pages of 4 KiB only, and a native
    /// one those of the build machine; on larger pages the program aborts with `Unsupported system page size`. jemalloc
    /// that is built for large pages also runs on small ones.
    ///
    /// ```
    /// use crossdock_platform::{BuildTarget, Linkage, Platform};
    ///
    /// let lg_page = |platform| BuildTarget::new(platform, Linkage::Static).jemalloc_lg_page();
    /// assert_eq!((lg_page(Platform::LINUX_ARM64), lg_page(Platform::LINUX_AMD64)), (Some(16), None));
    /// ```
    #[must_use]
    pub fn jemalloc_lg_page(&self) -> Option<u32> {
        let is_arm64 = self.platform.architecture() == Architecture::Arm64 && self.platform.os() == Os::Linux;
        is_arm64.then(|| self.page_size().ilog2())
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
