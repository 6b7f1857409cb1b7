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

const LIBRARIES: [Library; 9] = [
    library(["arm64", "linux/arm64", "aarch64", "aarch64-linux-gnu", "/lib/ld-linux-aarch64.so.1"]),
    library(["armhf", "linux/arm/v7", "arm", "arm-linux-gnueabihf", "/lib/ld-linux-armhf.so.3"]),
    library(["armel", "linux/arm/v5", "arm", "arm-linux-gnueabi", "/lib/ld-linux.so.3"]),
    library(["i386", "linux/386", "i386", "i686-linux-gnu", "/lib/ld-linux.so.2"]),
    library(["mips64el", "linux/mips64le", "mips64el", "mips64el-linux-gnuabi64", "/lib64/ld.so.1"]),
    library(["mipsel", "linux/mipsle", "mipsel", "mipsel-linux-gnu", "/lib/ld.so.1"]),
    library(["ppc64el", "linux/ppc64le", "ppc64le", "powerpc64le-linux-gnu", "/lib64/ld64.so.2"]),
    library(["riscv64", "linux/riscv64", "riscv64", "riscv64-linux-gnu", "/lib/ld-linux-riscv64-lp64d.so.1"]),
    library(["s390x", "linux/s390x", "s390x", "s390x-linux-gnu", "/lib/ld64.so.1"]),
];

/// The program that every image has: the C library.
const PROGRAM: &str = "/lib/libc.so.6";

/// The words after the loader, and the code of the finding; empty if the program starts.
const CASES: [(&[&str], &str); 8] = [
    (&[PROGRAM], ""),
    (&["--library-path", "/none", PROGRAM], ""),
    (&["--inhibit-cache", PROGRAM], ""),
    (&["--list", PROGRAM], ""),
    (&["/none"], "launch-command-missing"),
    (&["--no-such", PROGRAM], "launch-refused"),
    (&["/foreign"], "wrong-machine interpreter-wrong"),
    (&["/script"], "launch-refused"),
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
fn verified(library: &Library, files: &BTreeMap<&str, Vec<u8>>, words: &[&str]) -> (Verdict, String) {
    let root =
        files.iter().fold(MemoryRoot::new(), |root, (path, content)| root.file(path, 0o755, content.clone()));
    let platform = Platform::parse(library.platform).expect("a platform of the table");
    let mut parts = library.platform.split('/');
    let (os, architecture, variant) =
        (parts.next().expect("a part"), parts.next().expect("a part"), parts.next());
    let text = PlatformText::new(os, architecture, variant);
    let image = ImageFacts::default().with_config_platform(text).with_entrypoint(words.iter().copied());
    let findings = verify_image(&image, &root, &Target::new(&platform), &BTreeMap::new());
    let codes: Vec<&str> = findings.iter().map(|finding| finding.code.id()).collect();
    (Verdict::of(&findings), codes.join(" "))
}

/// Returns what the words print in the image under the emulator.
fn started(library: &Library, files: &BTreeMap<&str, Vec<u8>>, root: &Path, words: &[&str]) -> String {
    let emulator = format!("qemu-{}-static", library.emulator);
    for (path, content) in files {
        let path = root.join(&path[1..]);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory can be created");
        std::fs::write(&path, content).expect("a file can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode can be set");
    }
    std::fs::copy(need(&emulator), root.join("emulator")).expect("a file can be copied");
    let outcome = run(Command::new(need("chroot")).arg(root).arg("/emulator").args(words), LIMIT);
    format!("{}{}", outcome.stdout, outcome.stderr)
}

pub(crate) fn verify_loaders() {
    let mut wrong = Vec::new();
    for library in &LIBRARIES {
        let unpacked = unpacked(library);
        let files = files(library, &unpacked);
        for (more, code) in CASES {
            let words = [&[library.loader], more].concat();
            let expected = if code.is_empty() { Verdict::Starts } else { Verdict::Fails };
            let (verdict, codes) = verified(library, &files, &words);
            let printed = started(library, &files, &unpacked.join("root"), &words);
            let has_started = printed.contains("GNU C Library") || printed.contains("statically linked");
            let is_list = more.contains(&"--list") && printed.contains("(0x");
            if (verdict, codes.as_str()) != (expected, code)
                || (has_started || is_list) != (expected == Verdict::Starts)
            {
                wrong.push(format!("{} {words:?}: {verdict} ({codes}); {printed}", library.platform));
            }
        }
        std::fs::remove_dir_all(&unpacked).expect("the test's own directory");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
