//! zig as C compiler, linker and archiver, behind small scripts: cargo takes a linker without arguments, and rustc and
//! cc-rs give arguments that zig does not take.

use camino::Utf8Path;
use crossdock_oci::Digest;

use super::Wrapper;
use crate::host::Tool;
use crate::process::quote;

/// Paths of the scripts for one target.
pub(super) struct Zig {
    pub(super) cc: Wrapper,
    pub(super) cxx: Wrapper,
    pub(super) ar: Wrapper,
    pub(super) ranlib: Wrapper,
}

impl Zig {
    /// The scripts that call `zig` for `target`, a target in zig's spelling, in `folder`.
    pub(super) fn new(zig: &Tool, target: &str, folder: &Utf8Path) -> Self {
        let call = zig.command.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        let compiler = |command: &str| compiler_script(&format!("{call} {command}"), target);
        let plain = |command: &str| format!("#!/bin/sh\nexec {call} {command} \"$@\"\n");
        Self {
            cc: Wrapper::new(folder, &format!("zig-cc-{target}"), compiler("cc")),
            cxx: Wrapper::new(folder, &format!("zig-c++-{target}"), compiler("c++")),
            ar: Wrapper::new(folder, "zig-ar", plain("ar")),
            ranlib: Wrapper::new(folder, "zig-ranlib", plain("ranlib")),
        }
    }

    pub(super) fn all(self) -> Vec<Wrapper> {
        vec![self.cc, self.cxx, self.ar, self.ranlib]
    }
}

impl Wrapper {
    fn new(folder: &Utf8Path, name: &str, content: String) -> Self {
        let hash = Digest::of(content.as_bytes()).hex();
        Self { path: folder.join(format!("{name}-{}", &hash[..12])), content }
    }
}

/// rustc and cc-rs name the target themselves, in a spelling that is not zig's; rustc adds its own start files, which
/// zig has too, and flags that zig's linker does not know. cc-rs compiles without optimisation in development builds,
/// where zig would want its sanitizer's run-time library.
fn compiler_script(call: &str, target: &str) -> String {
    format!(
        r#"#!/bin/sh
n=$#
while [ "$n" -gt 0 ]; do
  a=$1
  shift
  n=$((n - 1))
  case $a in
    --target=* | -Wl,--fix-cortex-a53-843419 | -Wl,-melf_i386 | -Wl,--no-undefined-version) ;;
    */self-contained/*crt*.o | -m64 | -m32 | -march=x86-64* | -march=i686 | -march=pentium4) ;;
    *) set -- "$@" "$a" ;;
  esac
done
exec {call} -target {target} -fno-sanitize=undefined "$@"
"#
    )
}
