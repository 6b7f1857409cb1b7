//! zig as C compiler, linker and archiver, behind small scripts: cargo accepts a linker without arguments only, and
//! rustc and cc-rs pass arguments that zig does not accept.

use camino::Utf8Path;
use crossdock_oci::Digest;

use super::Wrapper;
use crate::host::Tool;
use crossdock_system::process::quote;

/// The scripts for one target.
pub(super) struct Zig {
    pub(super) cc: Wrapper,
    pub(super) cxx: Wrapper,
    pub(super) ar: Wrapper,
    pub(super) ranlib: Wrapper,
}

impl Zig {
    /// Creates scripts in `directory` that call `zig` for `target`, in zig's spelling. `cpu` is set if zig's default
    /// processor for the target differs from the platform's.
    pub(super) fn new(zig: &Tool, target: &str, cpu: Option<&str>, directory: &Utf8Path) -> Self {
        let call = zig.command.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        let cpu = cpu.map(|cpu| format!(" -mcpu={cpu}")).unwrap_or_default();
        let compiler = |command: &str| {
            let fixed = format!("{call} {command} -target {target}{cpu} -fno-sanitize=undefined");
            COMPILER.replace("@CALL@", &fixed).replace("@TARGET@", target)
        };
        let plain = |command: &str| format!("#!/bin/sh\nexec {call} {command} \"$@\"\n");
        Self {
            cc: Wrapper::new(directory, &format!("zig-cc-{target}"), compiler("cc")),
            cxx: Wrapper::new(directory, &format!("zig-c++-{target}"), compiler("c++")),
            ar: Wrapper::new(directory, "zig-ar", plain("ar")),
            ranlib: Wrapper::new(directory, "zig-ranlib", plain("ranlib")),
        }
    }

    pub(super) fn all(self) -> Vec<Wrapper> {
        vec![self.cc, self.cxx, self.ar, self.ranlib]
    }
}

impl Wrapper {
    /// Creates a file in `directory` whose name contains a hash of its content.
    pub(super) fn new(directory: &Utf8Path, name: &str, content: String) -> Self {
        let hash = Digest::of(content.as_bytes()).hex();
        Self { path: directory.join(format!("{name}-{}", &hash[..12])), content }
    }
}

/// The script around `zig cc`.
///
/// rustc and cc-rs name the target themselves, in another spelling than zig's. rustc also adds its own start files,
/// which zig has too, and flags that zig's linker does not know. zig has processors and features but no `-march`
/// levels: those of the baseline are dropped, as the call already names it, and higher ones are translated. cc-rs
/// compiles without optimization in development builds, in which zig would need the run-time library of its sanitizer.
///
/// The oldest macOS on which a program runs is part of zig's target. Its default is the oldest one that Apple
/// maintains, which is years newer than rustc's.
///
/// zig includes only libSystem of macOS's libraries, and crates name others from which a program often uses no symbol.
/// Without an SDK these are dropped, and the linker reports any symbol that is really used.
///
/// rustc passes very long argument lists in a file, with one argument on each line.
const COMPILER: &str = r#"#!/bin/sh
# Written by crossdock: zig without the arguments of rustc and cc-rs that it does not take.
case $SDKROOT:$* in
  :*-isysroot* | ?*:*) sdk=yes ;;
  *) sdk= ;;
esac
framework=
keep() {
  case @TARGET@$sdk in
    *-macos)
      if [ "$framework" ]; then framework=; return 1; fi
      case $1 in
        -framework) framework=yes; return 1 ;;
        -liconv | -lobjc) return 1 ;;
      esac
      ;;
  esac
  case $1 in
    --target=* | -m32 | -m64 | -mabi=lp64* | -Wl,-melf_i386) return 1 ;;
    -Wl,--fix-cortex-a53-843419 | -Wl,--no-undefined-version) return 1 ;;
    */self-contained/*crt*.o | crt[1in].o | [rS]crt1.o | crtbegin*.o | crtend*.o) return 1 ;;
    -march=rv* | -march=armv[4-7]* | -march=x86-64 | -march=i?86 | -march=pentium*) return 1 ;;
  esac
}
level() {
  number=${1#-march=armv}
  features=${number#*-a}
  number=${number%%-a*}
  case $number in *.*) number=${number%%.*}_${number#*.} ;; esac
  case $features in *+simd*) features=${features%%+simd*}+neon${features#*+simd} ;; esac
  echo "-mcpu=generic+v${number}a$features"
}
count=$#
while [ "$count" -gt 0 ]; do
  argument=$1
  shift
  count=$((count - 1))
  keep "$argument" || continue
  case $argument in
    -march=x86-64-v[234]) argument=-mcpu=x86_64_v${argument##*v} ;;
    -march=armv[89]*-a*) argument=$(level "$argument") ;;
    -mmacosx-version-min=*)
      set -- "$@" -target
      argument=@TARGET@.${argument#*=}
      ;;
    @*)
      list=${argument#@}
      while IFS= read -r line || [ -n "$line" ]; do
        case $line in
          -mmacosx-version-min=*) printf '%s\n' -target "@TARGET@.${line#*=}" ;;
          *) if keep "$line"; then printf '%s\n' "$line"; fi ;;
        esac
      done <"$list" >"$list.zig"
      argument=@$list.zig
      ;;
  esac
  set -- "$@" "$argument"
done
exec @CALL@ "$@"
"#;

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    /// Returns the arguments that a script forwards to a zig that prints them, one on each line, and the content of
    /// lists.
    fn forwarded(target: &str, sdk: &str, arguments: &[&str]) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(directory.path()).unwrap();
        let print = "for word; do case $word in @*) cat \"${word#@}\" ;; *) echo \"$word\" ;; esac; done";
        let zig = Tool { command: ["sh", "-c", print, "zig"].map(str::to_owned).into(), version: None };
        let scripts = Zig::new(&zig, target, Some("generic"), directory);
        let list = directory.join("a list");
        std::fs::File::create(&list)
            .and_then(|mut file| {
                std::io::Write::write_all(&mut file, b"--target=x\na b.o\n-lm\n-mmacosx-version-min=11.0")
            })
            .unwrap();
        let list = format!("@{list}");
        let arguments =
            arguments.iter().map(|argument| if *argument == "@" { list.as_str() } else { argument });
        let environment = crossdock_system::environment::Environment::from_process().unwrap();
        let processes = crossdock_system::process::Processes::new(
            environment.into(),
            crossdock_system::process::Cancel::default(),
        );
        let command = crossdock_system::process::Command::new("sh", directory)
            .args(["-c", scripts.cc.content.as_str(), "cc"])
            .env("SDKROOT", sdk)
            .args(arguments);
        let mut lines = processes.stdout(&command).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines[..5], ["cc", "-target", target, "-mcpu=generic", "-fno-sanitize=undefined"]);
        lines.drain(..5);
        lines
    }

    #[test]
    fn arguments_that_zig_lacks_are_dropped_or_translated() {
        for (given, expected) in [
            (&["--target=aarch64-unknown-linux-musl", "-c", "a b.c", ""][..], &["-c", "a b.c", ""][..]),
            (
                &["/x/self-contained/rcrt1.o", "crt1.o", "crti.o", "crtbegin.o", "main.o", "crtn.o"],
                &["main.o"],
            ),
            (
                &["-Wl,--fix-cortex-a53-843419", "-Wl,--as-needed", "-m64", "-mavx2"],
                &["-Wl,--as-needed", "-mavx2"],
            ),
            (&["-march=armv7-a", "-march=rv64gc", "-march=x86-64", "-march=haswell"], &["-march=haswell"]),
            (&["-march=x86-64-v3"], &["-mcpu=x86_64_v3"]),
            (&["-march=armv8-a"], &["-mcpu=generic+v8a"]),
            (&["-march=armv8.2-a+simd+crypto"], &["-mcpu=generic+v8_2a+neon+crypto"]),
            (&["@", "-o", "$(echo x)"], &["a b.o", "-lm", "-target", "t.11.0", "-o", "$(echo x)"]),
            (&["-arch", "arm64", "-mmacosx-version-min=11.0.0"], &["-arch", "arm64", "-target", "t.11.0.0"]),
            (&[], &[]),
        ] {
            assert_eq!(forwarded("t", "", given), expected, "{given:?}");
        }
        let given = ["-lobjc", "-framework", "Foundation", "-liconv", "-lSystem", "-o", "x"];
        assert_eq!(forwarded("aarch64-macos", "", &given), ["-lSystem", "-o", "x"]);
        assert_eq!(forwarded("aarch64-macos", "/sdk", &given), given);
        assert_eq!(forwarded("t", "", &given), given);
        let with_sysroot = ["-isysroot", "/sdk", "-liconv"];
        assert_eq!(forwarded("aarch64-macos", "", &with_sysroot), with_sysroot);
    }

    #[test]
    fn the_printed_command_writes_the_same_script() {
        let directory = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(directory.path()).unwrap().join("it's new");
        let zig = Tool { command: vec!["/opt/it's \\0101 %s/zig".to_owned()], version: None };
        for script in Zig::new(&zig, "aarch64-linux-musl", Some("generic"), &directory).all() {
            let environment = crossdock_system::environment::Environment::from_process().unwrap();
            let processes = crossdock_system::process::Processes::new(
                environment.into(),
                crossdock_system::process::Cancel::default(),
            );
            let command =
                crossdock_system::process::Command::new("sh", "/").args(["-c".to_owned(), script.command()]);
            processes.stdout(&command).unwrap();
            assert_eq!(std::fs::read_to_string(&script.path).unwrap(), script.content);
            let mode = std::os::unix::fs::PermissionsExt::mode(
                &std::fs::metadata(&script.path).unwrap().permissions(),
            );
            assert_eq!(mode & 0o777, 0o755);
        }
    }

    #[test]
    fn the_name_of_a_script_depends_on_its_content() {
        let tool = |path: &str| Tool { command: vec![path.to_owned()], version: None };
        let scripts = |path, target| Zig::new(&tool(path), target, None, Utf8Path::new("/cache"));
        assert_eq!(scripts("/zig", "a").cc, scripts("/zig", "a").cc);
        assert_ne!(scripts("/zig", "a").cc.path, scripts("/other", "a").cc.path);
        assert!(scripts("/it's", "a").cc.content.contains(r"exec '/it'\''s' cc -target a"));
    }
}
