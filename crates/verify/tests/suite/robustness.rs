//! Verifies that no input panics.

use crate::host::{GLIBC, LIBC, host_file};
use crate::support::{Recipe, verify};
use crossdock_platform::Platform;
use crossdock_verify::{ImageFacts, Inspection, MemoryRoot, PlatformText, Target, inspect, verify_image};
use proptest::prelude::*;

fn programs() -> Vec<Vec<u8>> {
    [
        "CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go",
        "CGO_ENABLED=0 GOOS=linux GOARCH=arm go",
        "CGO_ENABLED=0 GOOS=linux GOARCH=s390x go",
        "gcc @main.c",
        "musl-gcc @main.c",
        "aarch64-linux-gnu-gcc @main.c",
        "CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 go",
        "CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go",
    ]
    .map(|recipe| Recipe::parse(recipe).make())
    .to_vec()
}

/// Verifies bytes in every role: as a file, an entry point, a loader and a library.
fn verify_everywhere(bytes: &[u8]) {
    for platform in
        ["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/s390x", "darwin/arm64", "windows/amd64"]
    {
        let target = Target::new(&Platform::parse(platform).expect("a platform"));
        verify(bytes, &target, None);
    }
    let mut root = MemoryRoot::new().file("/app", 0o755, bytes).file("/etc/ld.so.cache", 0o644, bytes);
    root = root.file("/etc/passwd", 0o644, bytes);
    if let Inspection::Elf(elf) = inspect(bytes) {
        if let Some(crossdock_verify::Interpreter::Path(path)) = &elf.interpreter {
            root = root.file(path, 0o755, bytes);
        }
        for name in elf.dynamic.iter().flat_map(|dynamic| &dynamic.needed) {
            root = root.file(&format!("/lib/{name}"), 0o755, bytes);
        }
    }
    let image = ImageFacts::default()
        .with_config_platform(PlatformText::new("linux", "amd64", None))
        .with_entrypoint(["/app"])
        .with_user("web");
    verify_image(&image, &root, &Target::new(&Platform::LINUX_AMD64), &Default::default());
}

/// Returns a position among the relevant bytes of a program: its headers, and the tables that the dynamic section
/// points to.
fn position(length: usize) -> impl Strategy<Value = usize> {
    prop_oneof![3 => 0..length.min(1024), 1 => 0..length.min(8192), 1 => 0..length]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn changed_programs_never_panic(
        which in 0..8usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), position(1 << 20), any::<u8>()), 1..24),
        cut in proptest::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        let mut bytes = programs().swap_remove(which);
        for (_, at, value) in changes {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            let length = cut.index(bytes.len());
            bytes.truncate(length);
        }
        verify_everywhere(&bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        magic in prop_oneof![
            Just(&b"\x7fELF\x02\x01\x01"[..]), Just(&b"\x7fELF\x01\x02\x01"[..]), Just(&b"#!"[..]), Just(&b"MZ"[..]),
            Just(&b"\xca\xfe\xba\xbe"[..]), Just(&b"\xcf\xfa\xed\xfe"[..]), Just(&b"glibc-ld.so.cache1.1"[..]), Just(&b""[..])
        ],
        rest in proptest::collection::vec(any::<u8>(), 0..512),
    ) {
        verify_everywhere(&[magic, rest.as_slice()].concat());
    }
}

/// Every entry names the same long strings. Copies of them would take more memory than any machine has.
#[test]
fn a_cache_with_overlapping_strings_is_bounded() {
    let image = ImageFacts::default()
        .with_config_platform(PlatformText::new("linux", "amd64", None))
        .with_entrypoint(["/app"]);
    for (entries, length) in [(1 << 20, 1 << 20), (1 << 17, 1 << 20), (1 << 17, 4000)] {
        let mut cache = b"glibc-ld.so.cache1.1".to_vec();
        cache.extend(u32::to_le_bytes(entries));
        cache.resize(48, 0);
        let name = 48 + entries * 24;
        for _ in 0..entries {
            cache.extend([0x0303, name, name, 0, 0, 0].map(u32::to_le_bytes).concat());
        }
        cache.resize(cache.len() + length, b'x');
        cache.push(0);
        let root = MemoryRoot::new()
            .file("/etc/ld.so.cache", 0o644, cache)
            .file(GLIBC, 0o755, host_file(GLIBC))
            .file(LIBC, 0o755, host_file(LIBC))
            .file("/app", 0o755, Recipe::parse("gcc @main.c").make());
        let findings = verify_image(&image, &root, &Target::new(&Platform::LINUX_AMD64), &Default::default());
        assert!(findings.is_empty(), "{entries} entries of {length} bytes: {findings:#?}");
    }
}

/// Sets every byte of the headers to its extremes.
#[test]
fn extreme_header_values_never_panic() {
    for program in programs().iter().take(6) {
        for at in 0..program.len().min(1200) {
            for value in [0x00, 0x7f, 0x80, 0xff] {
                let mut bytes = program[..program.len().min(4096)].to_vec();
                bytes[at] = value;
                inspect(&bytes);
            }
        }
    }
}
