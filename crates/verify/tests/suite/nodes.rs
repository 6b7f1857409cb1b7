//! Compares the verdicts about processors and pages with qemu, which starts each program on such a node.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::collections::BTreeMap;
use std::process::Command;

use crate::host::{GLIBC, LIBC, host_file};
use crate::support::{Recipe, summary, verify};
use crossdock_platform::Platform;
use crossdock_verify::{
    Finding, ImageFacts, MemoryRoot, Node, NodeLevel, PlatformText, Target, Verdict, verify_image,
};

const MUSL: &str = "/lib/ld-musl-x86_64.so.1";

/// Starts a program by qemu; returns what it says if it stops.
fn start(qemu: &str, arguments: &[&str]) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "qemu is the judge")]
    let output = Command::new(qemu).args(arguments).env_clear().output();
    let output = output.unwrap_or_else(|error| panic!("this test needs {qemu}: {error}"));
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Verifies an image with `/app` and its library.
fn verify_app(app: &Recipe, library: &Recipe, loader: &str, target: &Target) -> Vec<Finding> {
    let root = MemoryRoot::new()
        .file(loader, 0o755, host_file(loader))
        .file(LIBC, 0o755, host_file(LIBC))
        .file("/usr/lib/liba.so", 0o644, library.make())
        .file("/app", 0o755, app.make());
    let variant = target.platform().variant();
    let image = ImageFacts::default()
        .with_index_platform(PlatformText::new("linux", "amd64", variant))
        .with_config_platform(PlatformText::new("linux", "amd64", variant))
        .with_entrypoint(["/app"]);
    verify_image(&image, &root, target, &BTreeMap::new())
}

/// Level of the library | the platform's or the node's level | a processor of that level | verdict and codes. Debian's
/// glibc is newer than 2.33, so it checks the level.
const LEVELS: &str = "
v3 | linux/amd64 | Nehalem | fails loader-level-too-high
v3 | linux/amd64/v2 | Nehalem | fails loader-level-too-high
v3 | linux/amd64/v3 | Haswell | starts
v2 | linux/amd64 | core2duo | starts old-node-risk
v2 | linux/amd64/v2 | Nehalem | starts
v2 | v1 | core2duo | fails loader-level-too-high
v3 | unknown | Nehalem | unproven node-level-unknown
";

fn target_of(text: &str) -> Target {
    let amd64 = || Target::new(&Platform::LINUX_AMD64);
    match text {
        "v1" => amd64().on(Node::new(NodeLevel::AtLeast("v1".to_owned()))),
        "unknown" => amd64().on(Node::new(NodeLevel::Unknown)),
        platform => Target::new(&Platform::parse(platform).expect("a platform")),
    }
}

#[test]
fn a_library_demands_a_level_of_glibc() {
    let plain = Recipe::parse("gcc -shared -fPIC -nostdlib -Wl,-soname,liba.so @data.c");
    let app = Recipe::parse(&format!("gcc @reader.c {}", plain.path().display()));
    let lines = LEVELS.lines().filter(|line| !line.is_empty());
    for line in lines {
        let columns: Vec<&str> = line.split(" | ").collect();
        let [level, target, processor, expected] = columns.as_slice() else { panic!("four columns: {line}") };
        let flags = format!("-Wl,-soname,liba.so -Wl,-z,x86-64-{level}");
        let library = Recipe::parse(&format!("gcc -shared -fPIC -nostdlib {flags} @data.c"));
        let findings = verify_app(&app, &library, GLIBC, &target_of(target));
        let (codes, verdict) = summary(&findings);
        assert_eq!(format!("{} {codes}", verdict.as_str()).trim(), *expected, "{line}\n{findings:#?}");
        let directory = app.path().with_extension(format!("{level}.libraries"));
        std::fs::create_dir_all(&directory).expect("the target directory is writable");
        std::fs::copy(library.path(), directory.join("liba.so")).expect("the target directory is writable");
        let (directory, app) = (directory.display().to_string(), app.path().display().to_string());
        let said = start(
            "qemu-x86_64-static",
            &["-cpu", processor, GLIBC, "--inhibit-cache", "--library-path", &directory, &app],
        );
        match said {
            None => assert!(findings.is_empty(), "{line}: qemu starts it"),
            Some(said) => {
                assert!(said.contains("CPU ISA level is lower than required"), "{line}: {said}");
                assert!(findings[0].message.contains("/usr/lib/liba.so"), "{findings:#?}");
                assert!(findings[0].message.contains(level), "{findings:#?}");
            }
        }
    }
}

/// musl does not read the note, so that only the library's instructions count.
#[test]
fn musl_ignores_the_level_that_a_library_demands() {
    let flags = "-shared -fPIC -nostdlib -Wl,-soname,liba.so -Wl,-z,x86-64-v3";
    let library = Recipe::parse(&format!("gcc {flags} @data.c"));
    let app = Recipe::parse(&format!("musl-gcc @reader.c {}", library.path().display()));
    let findings = verify_app(&app, &library, MUSL, &target_of("linux/amd64"));
    assert_eq!(summary(&findings), ("level-risk".to_owned(), Verdict::Unproven), "{findings:#?}");
    let directory = app.path().with_extension("musl.libraries");
    std::fs::create_dir_all(&directory).expect("the target directory is writable");
    std::fs::copy(library.path(), directory.join("liba.so")).expect("the target directory is writable");
    let (directory, app) = (directory.display().to_string(), app.path().display().to_string());
    let arguments = ["-cpu", "Nehalem", MUSL, "--library-path", &directory, &app];
    assert_eq!(start("qemu-x86_64-static", &arguments), None);
}

/// The page size of jemalloc's build is a constant in its code, whatever compiler made it.
#[test]
fn jemalloc_supports_the_pages_of_its_build() {
    let arm64 = |pages: &[u32]| {
        Target::new(&Platform::LINUX_ARM64).on(Node::default().with_page_sizes(pages.iter().copied()))
    };
    let compilers = [
        ("aarch64-linux-gnu-gcc -static -O2", &[4096, 16384, 65536][..]),
        ("aarch64-linux-gnu-gcc -static -O0", &[16384]),
        ("aarch64-linux-gnu-gcc -static-pie -O3", &[65536]),
        ("python3 -m ziglang cc -target aarch64-linux-musl -O2", &[4096]),
        ("python3 -m ziglang cc -target aarch64-linux-musl -O0", &[65536]),
    ];
    for (compiler, sizes) in compilers {
        for size in sizes.iter().copied() {
            let recipe = Recipe::parse(&format!("{compiler} -DPAGE={size} @page_size.c"));
            let (bytes, path) = (recipe.make(), recipe.path().display().to_string());
            for page in [4096, 16384, 65536] {
                let findings = verify(&bytes, &arm64(&[page]), None);
                let said = start("qemu-aarch64-static", &["-p", &page.to_string(), &path]);
                let expected = if said.is_some() { "allocator-page-size" } else { "" };
                assert_eq!(summary(&findings).0, expected, "{compiler}, {size} on {page}: {findings:#?}");
                assert!(said.is_none_or(|said| said.contains("Unsupported system page size")));
            }
            // Nodes of the plain platform may have pages of any size.
            let (codes, verdict) = summary(&verify(&bytes, &arm64(&[]), None));
            let expected = if size == 65536u32 { Verdict::Starts } else { Verdict::Unproven };
            assert_eq!(verdict, expected, "{compiler}, {size}: {codes}");
        }
    }
}

/// A message without a comparison that is understood: the size of the build is unknown.
#[test]
fn an_unknown_page_size_is_no_error() {
    let recipe = "aarch64-linux-gnu-gcc -static -O2 -DPAGE=(unsigned)getppid() @page_size.c";
    let bytes = Recipe::parse(recipe).make();
    let findings = verify(&bytes, &Target::new(&Platform::LINUX_ARM64), None);
    assert_eq!(summary(&findings), ("allocator-page-size".to_owned(), Verdict::Unproven));
    assert!(findings[0].help.contains("JEMALLOC_SYS_WITH_LG_PAGE=16"), "{findings:#?}");
    let small = Target::new(&Platform::LINUX_ARM64).on(Node::default().with_page_sizes([4096]));
    assert_eq!(summary(&verify(&bytes, &small, None)), (String::new(), Verdict::Starts));
}
