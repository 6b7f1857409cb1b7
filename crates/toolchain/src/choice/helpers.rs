//! What pkg-config, CMake and bindgen are told, so that a build script finds the target's libraries and headers or
//! none, but never the host's.

use std::fmt::Write;

use camino::Utf8Path;
use crossdock_platform::{Architecture, BuildTarget, Compiler, Libc, Linkage, Tools};

use super::Wrapper;
use crate::host::Host;

/// A folder that no system has.
const NOWHERE: &str = "/nonexistent";

/// Where pkg-config may look. A static program takes the libraries that its crates bundle: those of the machine would
/// make it another program on another machine.
pub(super) fn pkg_config_libdir(target: &BuildTarget, host: &Host) -> String {
    let folder =
        target.names().multiarch.filter(|_| host.system.is_debian() && target.linkage() == Linkage::Dynamic);
    match (folder, target.libc()) {
        (Some(folder), Libc::Gnu { .. }) => format!("/usr/lib/{folder}/pkgconfig:/usr/share/pkgconfig"),
        _ => NOWHERE.to_owned(),
    }
}

/// A CMake toolchain file (cmake-toolchains(7)).
pub(super) fn cmake_toolchain(target: &BuildTarget, tools: &Tools, folder: &Utf8Path) -> Wrapper {
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
    for kind in ["LIBRARY", "INCLUDE", "PACKAGE"] {
        let _: std::fmt::Result = writeln!(content, "set(CMAKE_FIND_ROOT_PATH_MODE_{kind} ONLY)");
    }
    let _: std::fmt::Result = writeln!(content, "set(CMAKE_FIND_ROOT_PATH {NOWHERE})");
    let name = format!("cmake-{}", target.names().llvm.unwrap_or(platform.architecture().as_str()));
    Wrapper::new(folder, &name, content)
}

/// Arguments that make libclang find the target's headers: zig's lie beside it, a cross gcc's below `/usr`.
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

/// zig's libc headers by its own search order; a folder that a version has not is passed over by clang.
fn zig_includes(zig: &str, target: &str) -> Vec<String> {
    let Some(folder) = Utf8Path::new(zig).parent().map(|folder| folder.join("lib/libc/include")) else {
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
    names.iter().flat_map(|name| ["-isystem".to_owned(), folder.join(name).into_string()]).collect()
}
