//! The linker and C compiler for a target on a host, and the settings of pkg-config, CMake and bindgen: a build script
//! finds the target's libraries and headers or none, but never the host's.

use std::fmt::Write;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::{Architecture, BuildTarget, Compiler, GlibcVersion, Libc, Linkage, Os, Tools};

use super::Wrapper;
use super::zig::Zig;
use crate::host::Host;
use crossdock_system::availability::Unavailable;

/// The cross-compilation tools for one target.
#[derive(Debug, Clone, Default)]
pub(super) struct CrossTools {
    pub(super) tools: Tools,
    pub(super) rustflags: Vec<String>,
    pub(super) wrappers: Vec<Wrapper>,
    /// Names of the host's tools that are called.
    pub(super) used: Vec<String>,
    /// The reason: `linked by …`, and the C compiler if there is C code.
    pub(super) why: String,
}

/// A search for the tools of a target.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToolSearch<'a> {
    pub(super) target: &'a BuildTarget,
    /// The linker that the Rust toolchain includes.
    pub(super) bundled_linker: BundledLinker,
    pub(super) c_code: CCode,
    pub(super) host: &'a Host,
    pub(super) cache: &'a Utf8Path,
}

/// The linker and C library that a Rust toolchain includes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BundledLinker {
    /// `rust-lld`, and musl with its start files next to std.
    LldAndMusl,
    /// musl with its start files, but no linker.
    Musl,
    /// Neither.
    None,
}

/// Whether the program has C code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CCode {
    /// Some C.
    Some,
    /// Some C++, whose library only a C++ compiler can link.
    Cplusplus,
    /// Only Rust.
    None,
}

impl ToolSearch<'_> {
    /// Finds the linker and, if there is C code, its compiler and the settings of build scripts' helpers.
    pub(super) fn find(&self) -> Result<CrossTools, Unavailable> {
        let mut cross_tools = self.linker_and_compiler()?;
        if self.c_code != CCode::None && self.target.platform().os() == Os::Linux {
            let tools = &mut cross_tools.tools;
            tools.pkg_config_libdir = Some(pkg_config_libdir(self.target, self.host));
            let cmake = cmake_toolchain(self.target, tools, &self.scripts());
            tools.cmake_toolchain_file = Some(cmake.path.to_string());
            cross_tools.wrappers.push(cmake);
        }
        Ok(cross_tools)
    }

    fn linker_and_compiler(&self) -> Result<CrossTools, Unavailable> {
        match (self.target.platform().os(), self.target.libc()) {
            (Os::Linux, Libc::Musl) => self.musl(),
            (Os::Linux, Libc::Gnu { .. }) => self.gnu(),
            _ if self.is_native() => {
                Ok(CrossTools { why: "linked by rustc's default linker".to_owned(), ..Default::default() })
            }
            _ => self.zig(),
        }
    }

    /// Finds tools for musl. rust-lld links even if zig compiles the C code: zig's first link for a target compiles
    /// musl, which takes minutes.
    fn musl(&self) -> Result<CrossTools, Unavailable> {
        if self.bundled_linker == BundledLinker::LldAndMusl
            && self.target.linkage() == Linkage::Static
            && self.c_code != CCode::Cplusplus
        {
            let mut cross_tools = match self.c_code {
                CCode::None => CrossTools::default(),
                CCode::Some | CCode::Cplusplus => {
                    self.zig().or_else(|missing| self.native_musl_gcc().ok_or(missing))?
                }
            };
            let compiler = std::mem::take(&mut cross_tools.why);
            cross_tools.tools.linker = Some("rust-lld".to_owned());
            // Without gcc, which knows where musl's start files are, rustc must pass its own.
            cross_tools.rustflags.push("-Clink-self-contained=yes".to_owned());
            cross_tools.why = match compiler.strip_prefix("linked") {
                Some(by) => format!("linked by its rust-lld, C code compiled{by}"),
                None => "linked by its rust-lld".to_owned(),
            };
            return Ok(cross_tools);
        }
        let native = || {
            let serves = self.target.linkage() == Linkage::Static && self.c_code != CCode::Cplusplus;
            self.native_musl_gcc().filter(|_| serves)
        };
        self.zig().or_else(|missing| native().ok_or(missing))
    }

    fn gnu(&self) -> Result<CrossTools, Unavailable> {
        let gcc = self.gcc();
        match (gcc, self.target.linkage()) {
            (Ok(cross_tools), _) => Ok(cross_tools),
            // zig has no static glibc: it links stubs of the shared libraries.
            (Err(missing), Linkage::Static) => Err(missing),
            (Err(missing), Linkage::Dynamic) => self.zig().map_err(|_| missing),
        }
    }

    /// Finds the target's gcc, or the host's own compiler for the host's own platform.
    fn gcc(&self) -> Result<CrossTools, Unavailable> {
        let names = self.target.names();
        let platform = self.target.platform();
        // A program with such start files is stopped by its first ARMv7 instruction on a v6 processor.
        if platform.architecture() == Architecture::Arm
            && platform.variant() == Some("v6")
            && !self.is_native()
        {
            return Err(Unavailable::because(
                "the packaged gcc for 32-bit ARM links start files of ARMv7, not of v6",
            ));
        }
        let name = names.gcc.unwrap_or_else(|| "cc".to_owned());
        let found = self.host.tool(&name);
        let (found, name) = match found {
            Err(_) if self.is_native() => (self.host.tool("cc"), "cc".to_owned()),
            found => (found, name),
        };
        let path = found?.command.join(" ");
        Ok(self.gcc_tools(&path, &name))
    }

    fn native_musl_gcc(&self) -> Option<CrossTools> {
        let gcc = self.host.tool("musl-gcc").ok().filter(|_| self.is_native())?;
        Some(self.gcc_tools(&gcc.command.join(" "), "musl-gcc"))
    }

    /// Returns gcc with its binutils. `None` for an archiver makes the host's serve: an archive does not depend on the
    /// C library.
    fn gcc_tools(&self, gcc: &str, name: &str) -> CrossTools {
        let sibling = |tool: &str| {
            let other = name.strip_suffix("gcc").map(|prefix| format!("{prefix}{tool}"));
            let found = other.as_deref().and_then(|other| self.host.tool(other).ok());
            found.map(|tool| tool.command.join(" "))
        };
        let cc = (self.c_code != CCode::None).then(|| gcc.to_owned());
        let tools = Tools {
            linker: Some(gcc.to_owned()),
            cxx: cc.as_ref().and_then(|_| sibling("g++")),
            ar: cc.as_ref().and_then(|_| sibling("ar")),
            ranlib: cc.as_ref().and_then(|_| sibling("ranlib")),
            cc,
            compiler: Compiler::Gcc,
            ..Tools::default()
        };
        CrossTools {
            tools,
            used: vec![name.to_owned()],
            why: format!("linked by {name}"),
            ..CrossTools::default()
        }
    }

    fn zig(&self) -> Result<CrossTools, Unavailable> {
        let zig = self.host.tool("zig")?;
        let target = self.target_with_floor();
        let names = target.names();
        let name = names
            .zig
            .ok_or_else(|| Unavailable::because(format!("zig has no target for {}", target.platform())))?;
        let scripts = Zig::new(zig, &name, names.zig_cpu.as_deref(), &self.scripts());
        let path = |wrapper: &Wrapper| Some(wrapper.path.to_string());
        let tools = Tools {
            linker: path(&scripts.cc),
            cc: path(&scripts.cc),
            cxx: path(&scripts.cxx),
            ar: path(&scripts.ar),
            ranlib: path(&scripts.ranlib),
            compiler: Compiler::Zig,
            ..Tools::default()
        };
        let version = zig.version.as_deref().unwrap_or("of unknown version");
        let why = format!("linked by zig {version} for {name}");
        Ok(CrossTools {
            tools,
            wrappers: scripts.all(),
            used: vec!["zig".to_owned()],
            why,
            ..CrossTools::default()
        })
    }

    /// Returns the directory for scripts.
    fn scripts(&self) -> Utf8PathBuf {
        self.cache.join("toolchain")
    }

    /// Returns the target with a minimum glibc. Without a version zig links its newest glibc, which few machines have.
    /// 2.28 is that of the oldest system still supported (RHEL 8); two architectures need a later one.
    fn target_with_floor(&self) -> BuildTarget {
        use crossdock_platform::Architecture::{Loong64, Ppc64le};
        let minor = match self.target.platform().architecture() {
            Ppc64le => 32,
            Loong64 => 36,
            _ => 28,
        };
        match self.target.libc() {
            Libc::Gnu { minimum: None } => {
                self.target.clone().with_libc(Libc::Gnu { minimum: Some(GlibcVersion::new(2, minor)) })
            }
            _ => self.target.clone(),
        }
    }

    /// Returns whether the host runs the target's programs natively.
    fn is_native(&self) -> bool {
        self.host.platform.baseline() == self.target.platform().baseline()
    }
}

/// A directory that does not exist on any system.
const NOWHERE: &str = "/nonexistent";

/// Returns the directories in which pkg-config may look. A static program uses the libraries that its crates bundle:
/// with the machine's libraries, its bytes would depend on the machine.
fn pkg_config_libdir(target: &BuildTarget, host: &Host) -> String {
    let directory =
        target.names().multiarch.filter(|_| host.system.is_debian() && target.linkage() == Linkage::Dynamic);
    match (directory, target.libc()) {
        (Some(directory), Libc::Gnu { .. }) => format!("/usr/lib/{directory}/pkgconfig:/usr/share/pkgconfig"),
        _ => NOWHERE.to_owned(),
    }
}

/// Returns a CMake toolchain file (cmake-toolchains(7)).
fn cmake_toolchain(target: &BuildTarget, tools: &Tools, directory: &Utf8Path) -> Wrapper {
    let platform = target.platform();
    let processor = match (platform.architecture(), platform.variant()) {
        (Architecture::Arm, Some(variant)) => format!("arm{variant}l"),
        _ => target.names().rpm.unwrap_or(platform.architecture().as_str()).to_owned(),
    };
    let mut content = format!("set(CMAKE_SYSTEM_NAME Linux)\nset(CMAKE_SYSTEM_PROCESSOR {processor})\n");
    let set = [
        ("CMAKE_C_COMPILER", &tools.cc),
        ("CMAKE_CXX_COMPILER", &tools.cxx),
        ("CMAKE_AR", &tools.ar),
        ("CMAKE_RANLIB", &tools.ranlib),
    ];
    for (variable, tool) in set {
        if let Some(tool) = tool {
            // Writing to a String cannot fail.
            let _: std::fmt::Result = writeln!(content, "set({variable} [==[{tool}]==])");
        }
    }
    // Searching only below a root that does not exist, CMake finds nothing of the host.
    for kind in ["LIBRARY", "INCLUDE", "PACKAGE"] {
        let _: std::fmt::Result = writeln!(content, "set(CMAKE_FIND_ROOT_PATH_MODE_{kind} ONLY)");
    }
    let _: std::fmt::Result = writeln!(content, "set(CMAKE_FIND_ROOT_PATH {NOWHERE})");
    let name = format!("cmake-{}", target.names().llvm.unwrap_or(platform.architecture().as_str()));
    Wrapper::new(directory, &name, content)
}

/// Returns arguments with which libclang finds the target's headers: zig's are next to its program, a cross gcc's below
/// `/usr`.
pub(super) fn clang_includes(target: &BuildTarget, tools: &Tools, host: &Host) -> Vec<String> {
    let names = target.names();
    if tools.compiler == Compiler::Zig {
        let Some((zig, target)) = host.tool("zig").ok().zip(names.zig) else { return Vec::new() };
        return zig_includes(zig.command.first().map_or("zig", String::as_str), &target);
    }
    let prefix = names.gnu_prefix.filter(|prefix| {
        tools.cc.as_deref().and_then(|cc| Utf8Path::new(cc).file_name()) == Some(&format!("{prefix}-gcc"))
    });
    prefix.map(|prefix| format!("--sysroot=/usr/{prefix}")).into_iter().collect()
}

/// Returns zig's libc headers in its own search order. clang ignores a directory that a version of zig lacks.
fn zig_includes(zig: &str, target: &str) -> Vec<String> {
    let Some(directory) = Utf8Path::new(zig).parent().map(|directory| directory.join("lib/libc/include"))
    else {
        return Vec::new();
    };
    let architecture = target.split('-').next().unwrap_or_default();
    let generic = match architecture {
        "x86_64" => "x86",
        "powerpc64le" => "powerpc",
        "loongarch64" => "loongarch",
        "riscv64" => "riscv",
        "mips64el" => "mips",
        other => other,
    };
    let abi = if target.contains("musl") { "generic-musl" } else { "generic-glibc" };
    let plain = target.split('.').next().unwrap_or(target);
    let sibling = plain.replacen(architecture, generic, 1);
    let names = [
        plain.to_owned(),
        sibling,
        abi.to_owned(),
        format!("{generic}-linux-any"),
        "any-linux-any".to_owned(),
    ];
    names.iter().flat_map(|name| ["-isystem".to_owned(), directory.join(name).into_string()]).collect()
}
