//! The loaders of Debian's C library, started as programs: `ld.so /app`. The library's own file is the program, since it
//! prints its version, and the emulator tells whether it starts.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crossdock_platform::Platform;
use crossdock_tests::outcome::run;
use crossdock_tests::tools::need;
use crossdock_verify::{ImageFacts, MemoryRoot, PlatformText, Target, Verdict, verify_image};

const LIMIT: Duration = Duration::from_secs(300);

/// The C library of an architecture, in Debian's package for cross compilers.
struct Library {
    package: &'static str,
    platform: &'static str,
    emulator: &'static str,
    /// The directory in which the package has its files.
    directory: &'static str,
    /// The loader that programs of the architecture name.
    loader: &'static str,
}

const fn library([package, platform, emulator, directory, loader]: [&'static str; 5]) -> Library {
    Library { package, platform, emulator, directory, loader }
}

const LIBRARIES: [Library; 10] = [
    library(["arm64", "linux/arm64", "aarch64", "aarch64-linux-gnu", "/lib/ld-linux-aarch64.so.1"]),
    library(["armhf", "linux/arm/v7", "arm", "arm-linux-gnueabihf", "/lib/ld-linux-armhf.so.3"]),
    library(["armel", "linux/arm/v5", "arm", "arm-linux-gnueabi", "/lib/ld-linux.so.3"]),
    library(["i386", "linux/386", "i386", "i686-linux-gnu", "/lib/ld-linux.so.2"]),
    library(["mips64el", "linux/mips64le", "mips64el", "mips64el-linux-gnuabi64", "/lib64/ld.so.1"]),
    library(["mipsel", "linux/mipsle", "mipsel", "mipsel-linux-gnu", "/lib/ld.so.1"]),
    library(["ppc64el", "linux/ppc64le", "ppc64le", "powerpc64le-linux-gnu", "/lib64/ld64.so.2"]),
    library(["riscv64", "linux/riscv64", "riscv64", "riscv64-linux-gnu", "/lib/ld-linux-riscv64-lp64d.so.1"]),
    library(["s390x", "linux/s390x", "s390x", "s390x-linux-gnu", "/lib/ld64.so.1"]),
    library(["sparc64", "linux/sparc64", "sparc64", "sparc64-linux-gnu", "/lib64/ld-linux.so.2"]),
];

/// The program that every image has: the C library.
const PROGRAM: &str = "/lib/libc.so.6";

/// The words after the loader, and the code of the finding; empty if the program starts.
const CASES: [(&[&str], &str); 8] = [
    (&[PROGRAM], ""),
    (&["--library-path", "/none", PROGRAM], ""),
    (&["--inhibit-cache", PROGRAM], ""),
    // It prints the libraries and starts nothing.
    (&["--list", PROGRAM], "launch-refused"),
    (&["/none"], "launch-command-missing"),
    (&["--no-such", PROGRAM], "launch-refused"),
    (&["/foreign"], "wrong-machine interpreter-wrong"),
    (&["/script"], "launch-refused"),
];

/// The library that is preloaded, to compare its symbols with those of the C library.
const PRELOADED: &str = "/lib/libm.so.6";

/// A symbol that the preloaded library needs, replaced by one that nothing defines; variables; the verdict and the code.
/// `errno` is data, which the loader looks up at the start, and `__strtod_nan` a function, which it looks up at the first
/// call: the C library does not call it.
const SYMBOL_CASES: [(&str, &str, Verdict, &str); 6] = [
    ("", "", Verdict::Starts, ""),
    ("", "LD_BIND_NOW=1", Verdict::Starts, ""),
    ("errno", "", Verdict::Fails, "symbol-missing"),
    ("errno", "LD_BIND_NOW=1", Verdict::Fails, "symbol-missing"),
    ("__strtod_nan", "", Verdict::Unproven, "function-missing"),
    ("__strtod_nan", "LD_BIND_NOW=1", Verdict::Fails, "symbol-missing"),
];

/// Downloads the package and unpacks it into a directory of its own; returns that directory.
fn unpacked(library: &Library) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-loaders").join(library.package);
    let _absent = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).expect("a directory can be created");
    let package = format!("libc6-{}-cross", library.package);
    run(Command::new(need("apt-get")).args(["download", &package]).current_dir(&directory), LIMIT).success();
    let deb =
        std::fs::read_dir(&directory).expect("a directory").next().expect("a file").expect("a file").path();
    run(Command::new(need("dpkg-deb")).arg("--extract").args([&deb, &directory]), LIMIT).success();
    directory
}

/// Returns the files of an image with the library, by their paths.
fn files(library: &Library, unpacked: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    let directory = unpacked.join("usr").join(library.directory);
    let read =
        |path: PathBuf| std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let foreign = std::fs::read("/bin/true").expect("a program of this machine");
    BTreeMap::from([
        (library.loader, read(directory.join(&library.loader[1..]))),
        (PROGRAM, read(directory.join(&PROGRAM[1..]))),
        ("/foreign", foreign),
        ("/script", b"#!/bin/sh\nexec /lib/libc.so.6\n".to_vec()),
    ])
}

/// Returns the verdict and the codes of an image that starts these words.
fn verified(
    library: &Library,
    files: &BTreeMap<&str, Vec<u8>>,
    words: &[&str],
    variables: &[&str],
) -> (Verdict, String) {
    let root =
        files.iter().fold(MemoryRoot::new(), |root, (path, content)| root.file(path, 0o755, content.clone()));
    let platform = Platform::parse(library.platform).expect("a platform of the table");
    let mut parts = library.platform.split('/');
    let (os, architecture, variant) =
        (parts.next().expect("a part"), parts.next().expect("a part"), parts.next());
    let text = PlatformText::new(os, architecture, variant);
    let image = ImageFacts::default().with_config_platform(text).with_entrypoint(words.iter().copied());
    let image = image.with_env(variables.iter().copied());
    let findings = verify_image(&image, &root, &Target::new(&platform), &BTreeMap::new());
    let codes: Vec<&str> = findings.iter().map(|finding| finding.code.id()).collect();
    (Verdict::of(&findings), codes.join(" "))
}

/// Returns what the words print in the image under the emulator.
fn started(
    library: &Library,
    files: &BTreeMap<&str, Vec<u8>>,
    root: &Path,
    words: &[&str],
    variables: &[&str],
) -> String {
    let emulator = format!("qemu-{}-static", library.emulator);
    for (path, content) in files {
        let path = root.join(&path[1..]);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory can be created");
        std::fs::write(&path, content).expect("a file can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode can be set");
    }
    let copy = root.join("emulator");
    if !copy.exists() {
        std::fs::copy(need(&emulator), copy).expect("a file can be copied");
    }
    let mut command = Command::new(need("chroot"));
    command.arg(root).arg("/emulator");
    // For the emulated program, not for the emulator.
    command.args(variables.iter().flat_map(|variable| ["-E", variable]));
    let outcome = run(command.args(words), LIMIT);
    format!("{}{}", outcome.stdout, outcome.stderr)
}

/// Returns the files with the preloaded library, in which a symbol has another name.
fn with_preloaded(
    library: &Library,
    unpacked: &Path,
    files: &BTreeMap<&'static str, Vec<u8>>,
    symbol: &str,
) -> BTreeMap<&'static str, Vec<u8>> {
    let file = unpacked.join("usr").join(library.directory).join(&PRELOADED[1..]);
    let mut bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    if !symbol.is_empty() {
        let name = format!("\0{symbol}\0").into_bytes();
        let at =
            bytes.windows(name.len()).position(|part| part == name).expect("the library needs the symbol");
        bytes[at + 1] = b'X';
    }
    files.iter().map(|(path, bytes)| (*path, bytes.clone())).chain([(PRELOADED, bytes)]).collect()
}

/// Verifies and starts the words; returns a line about each difference.
fn compare(
    library: &Library,
    files: &BTreeMap<&str, Vec<u8>>,
    root: &Path,
    words: &[&str],
    variables: &[&str],
    (expected, code): (Verdict, &str),
) -> Option<String> {
    let (verdict, codes) = verified(library, files, words, variables);
    let printed = started(library, files, root, words, variables);
    let has_started = printed.contains("GNU C Library") || printed.contains("statically linked");
    let is_right =
        (verdict, codes.as_str()) == (expected, code) && has_started == (expected != Verdict::Fails);
    let place = library.platform;
    (!is_right).then(|| format!("{place} {variables:?} {words:?}: {verdict} ({codes}); {printed}"))
}

pub(crate) fn verify_loaders() {
    let mut wrong = Vec::new();
    for library in &LIBRARIES {
        let unpacked = unpacked(library);
        let (files, root) = (files(library, &unpacked), unpacked.join("root"));
        for (more, code) in CASES {
            let words = [&[library.loader], more].concat();
            let verdict = if code.is_empty() { Verdict::Starts } else { Verdict::Fails };
            wrong.extend(compare(library, &files, &root, &words, &[], (verdict, code)));
        }
        let preload = format!("LD_PRELOAD={PRELOADED}");
        for (symbol, variable, verdict, code) in SYMBOL_CASES {
            let files = with_preloaded(library, &unpacked, &files, symbol);
            let variables: Vec<&str> =
                [&*preload, variable].into_iter().filter(|variable| !variable.is_empty()).collect();
            let words = [library.loader, PROGRAM];
            wrong.extend(compare(library, &files, &root, &words, &variables, (verdict, code)));
        }
        std::fs::remove_dir_all(&unpacked).expect("the test's own directory");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
