//! Which linker and which C compiler serve a target on a host.

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::{Architecture, BuildTarget, Compiler, GlibcVersion, Libc, Linkage, Os, Tools};

use super::zig::Zig;
use super::{Wrapper, helpers};
use crate::host::Host;
use crossdock_system::availability::Unavailable;

/// Tools for one target.
#[derive(Debug, Clone, Default)]
pub(super) struct Equipment {
    pub(super) tools: Tools,
    pub(super) rustflags: Vec<String>,
    pub(super) wrappers: Vec<Wrapper>,
    /// Names of the host's tools.
    pub(super) used: Vec<String>,
    /// `linked by …`, and who compiles C where that is asked for.
    pub(super) why: String,
}

/// What a target is equipped for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work<'a> {
    pub(super) target: &'a BuildTarget,
    /// What rustc brings to link with.
    pub(super) own_linker: OwnLinker,
    pub(super) c: CCode,
    pub(super) host: &'a Host,
    pub(super) cache: &'a Utf8Path,
}

/// What rustc brings to link with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnLinker {
    /// `rust-lld`, and musl with its start files beside std.
    LldAndMusl,
    /// musl with its start files, but no linker.
    Musl,
    /// Nothing.
    None,
}

/// Whether C code belongs to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CCode {
    /// Some is compiled.
    Some,
    /// Some is compiled from C++, whose library only a C++ compiler can link.
    Cplusplus,
    /// All is Rust.
    None,
}

impl Work<'_> {
    /// The linker and, where C is compiled, its compiler and what other helpers of build scripts are told.
    pub(super) fn equip(&self) -> Result<Equipment, Unavailable> {
        let mut equipment = self.linker_and_compiler()?;
        if self.c != CCode::None && self.target.platform().os() == Os::Linux {
            let tools = &mut equipment.tools;
            tools.pkg_config_libdir = Some(helpers::pkg_config_libdir(self.target, self.host));
            let cmake = helpers::cmake_toolchain(self.target, tools, &self.scripts());
            tools.cmake_toolchain_file = Some(cmake.path.to_string());
            equipment.wrappers.push(cmake);
        }
        Ok(equipment)
    }

    fn linker_and_compiler(&self) -> Result<Equipment, Unavailable> {
        match (self.target.platform().os(), self.target.libc()) {
            (Os::Linux, Libc::Musl) => self.musl(),
            (Os::Linux, Libc::Gnu { .. }) => self.gnu(),
            _ if self.is_native() => {
                Ok(Equipment { why: "linked by rustc's default linker".to_owned(), ..Default::default() })
            }
            _ => self.zig(),
        }
    }

    /// rustc's own linker is there at once, while zig's first link for a target builds musl for minutes: so C code is
    /// compiled by zig but linked by rust-lld.
    fn musl(&self) -> Result<Equipment, Unavailable> {
        if self.own_linker == OwnLinker::LldAndMusl
            && self.target.linkage() == Linkage::Static
            && self.c != CCode::Cplusplus
        {
            let mut equipment = match self.c {
                CCode::None => Equipment::default(),
                CCode::Some | CCode::Cplusplus => {
                    self.zig().or_else(|missing| self.native_musl_gcc().ok_or(missing))?
                }
            };
            let compiler = std::mem::take(&mut equipment.why);
            equipment.tools.linker = Some("rust-lld".to_owned());
            equipment.rustflags.push("-Clink-self-contained=yes".to_owned());
            equipment.why = match compiler.strip_prefix("linked") {
                Some(by) => format!("linked by its rust-lld, C code compiled{by}"),
                None => "linked by its rust-lld".to_owned(),
            };
            return Ok(equipment);
        }
        let native = || {
            let serves = self.target.linkage() == Linkage::Static && self.c != CCode::Cplusplus;
            self.native_musl_gcc().filter(|_| serves)
        };
        self.zig().or_else(|missing| native().ok_or(missing))
    }

    fn gnu(&self) -> Result<Equipment, Unavailable> {
        let gcc = self.gcc();
        match (gcc, self.target.linkage()) {
            (Ok(equipment), _) => Ok(equipment),
            (Err(missing), Linkage::Static) => Err(missing),
            (Err(missing), Linkage::Dynamic) => self.zig().map_err(|_| missing),
        }
    }

    /// The target's gcc, or the host's own compiler for the host's own platform.
    fn gcc(&self) -> Result<Equipment, Unavailable> {
        let names = self.target.names();
        let platform = self.target.platform();
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
        Ok(self.equipment_of_gcc(&path, &name))
    }

    fn native_musl_gcc(&self) -> Option<Equipment> {
        let gcc = self.host.tool("musl-gcc").ok().filter(|_| self.is_native())?;
        Some(self.equipment_of_gcc(&gcc.command.join(" "), "musl-gcc"))
    }

    /// Archives have no C library in them: where the target has no archiver of its own, the host's for the same
    /// processor serves.
    fn equipment_of_gcc(&self, gcc: &str, name: &str) -> Equipment {
        let beside = |tool: &str| {
            let other = name.strip_suffix("gcc").map(|prefix| format!("{prefix}{tool}"));
            let found = other.as_deref().and_then(|other| self.host.tool(other).ok());
            found.map(|tool| tool.command.join(" "))
        };
        let cc = (self.c != CCode::None).then(|| gcc.to_owned());
        let tools = Tools {
            linker: Some(gcc.to_owned()),
            cxx: cc.as_ref().and_then(|_| beside("g++")),
            ar: cc.as_ref().and_then(|_| beside("ar")),
            ranlib: cc.as_ref().and_then(|_| beside("ranlib")),
            cc,
            compiler: Compiler::Gcc,
            ..Tools::default()
        };
        Equipment {
            tools,
            used: vec![name.to_owned()],
            why: format!("linked by {name}"),
            ..Equipment::default()
        }
    }

    fn zig(&self) -> Result<Equipment, Unavailable> {
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
        Ok(Equipment {
            tools,
            wrappers: scripts.all(),
            used: vec!["zig".to_owned()],
            why,
            ..Equipment::default()
        })
    }

    /// The folder of scripts.
    fn scripts(&self) -> Utf8PathBuf {
        self.cache.join("toolchain")
    }

    /// Without a version zig links to its newest glibc, which few machines have. 2.28 is that of the oldest systems
    /// still served (RHEL 8), and two architectures came later.
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

    /// Whether the host runs programs of the target.
    fn is_native(&self) -> bool {
        self.host.platform.baseline() == self.target.platform().baseline()
    }
}
