//! Verifies hand-written images, with contents that no compiler produces.

use std::collections::BTreeMap;

use crate::host::{GLIBC, LIBC, host_file};
use crate::support::{Recipe, summary, verify};
use crossdock_platform::Platform;
use crossdock_verify::{
    Entry, EntryKind, ImageFacts, MemoryRoot, Node, NodeLevel, PlatformText, ReadAt, Root, RootError, Target,
    Verdict, verify_image,
};

/// Builds the first 64 bytes of an ELF file, and one segment that loads all of it.
fn tiny(machine: u16, class: u8, order: u8, flags: u32) -> Vec<u8> {
    let half = |value: u16| if order == 1 { value.to_le_bytes() } else { value.to_be_bytes() };
    let word = |value: u32| if order == 1 { value.to_le_bytes() } else { value.to_be_bytes() };
    let long = |value: u64| match (class, order) {
        (1, _) => word(u32::try_from(value).expect("a short address")).to_vec(),
        (_, 1) => value.to_le_bytes().to_vec(),
        _ => value.to_be_bytes().to_vec(),
    };
    let (header, segment): (u64, u64) = if class == 1 { (52, 32) } else { (64, 56) };
    let length = header + segment + 16;
    let mut bytes = vec![0x7f, b'E', b'L', b'F', class, order, 1, 0];
    bytes.resize(16, 0);
    bytes.extend([half(2), half(machine)].concat());
    bytes.extend(word(1));
    bytes.extend(long(0x10000 + header + segment));
    bytes.extend(long(header));
    bytes.extend(long(0));
    bytes.extend(word(flags));
    let sizes = [u16::try_from(header), u16::try_from(segment)].map(|size| size.expect("a small size"));
    bytes.extend([half(sizes[0]), half(sizes[1]), half(1), half(0), half(0), half(0)].concat());
    bytes.extend(word(1));
    if class == 1 {
        bytes.extend([0, 0x10000, 0x10000, length, length].iter().flat_map(|value| long(*value)));
        bytes.extend([word(5), word(0x10000)].concat());
    } else {
        bytes.extend(word(5));
        bytes.extend([0, 0x10000, 0x10000, length, length, 0x10000].iter().flat_map(|value| long(*value)));
    }
    bytes.resize(usize::try_from(length).expect("a small size"), 0);
    bytes
}

fn found(bytes: &[u8], platform: &str) -> (String, Verdict) {
    summary(&verify(bytes, &Target::new(&Platform::parse(platform).expect("a platform")), None))
}

#[test]
fn abi_flags_are_read() {
    assert_eq!(found(&tiny(62, 2, 1, 0), "linux/amd64"), (String::new(), Verdict::Starts));
    assert_eq!(found(&tiny(62, 1, 1, 0), "linux/amd64"), ("wrong-abi".to_owned(), Verdict::Fails), "x32");
    assert_eq!(found(&tiny(21, 2, 1, 1), "linux/ppc64le"), ("wrong-abi".to_owned(), Verdict::Fails), "ELFv1");
    assert_eq!(found(&tiny(21, 2, 1, 2), "linux/ppc64le"), (String::new(), Verdict::Starts), "ELFv2");
    assert_eq!(
        found(&tiny(21, 2, 2, 1), "linux/ppc64"),
        (String::new(), Verdict::Starts),
        "ELFv1, big-endian"
    );
    assert_eq!(
        found(&tiny(40, 1, 1, 0x0500_0400), "linux/arm/v7"),
        (String::new(), Verdict::Starts),
        "hard float"
    );
    assert_eq!(found(&tiny(40, 1, 1, 0), "linux/arm/v7"), ("wrong-abi".to_owned(), Verdict::Fails), "OABI");
    assert_eq!(found(&tiny(243, 2, 1, 5), "linux/riscv64"), (String::new(), Verdict::Starts));
    assert_eq!(found(&tiny(243, 1, 1, 5), "linux/riscv64"), ("wrong-class".to_owned(), Verdict::Fails));
}

#[test]
fn programs_of_systems_without_rules_remain_unproven() {
    assert_eq!(found(&tiny(62, 2, 1, 0), "plan9/amd64"), ("unknown-target".to_owned(), Verdict::Unproven));
}

#[test]
fn compressed_files_and_pointers_are_named() {
    assert_eq!(found(b"\x1f\x8b\x08\0\0\0\0\0", "linux/amd64").0, "compressed-file");
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    assert_eq!(found(pointer, "linux/amd64").0, "git-lfs-pointer");
    assert_eq!(found(b"#!/bin/sh\n", "linux/amd64"), ("script-unchecked".to_owned(), Verdict::Unproven));
}

/// Builds a dynamic program whose loader name is rewritten.
fn with_interpreter(to: &str) -> Vec<u8> {
    let from = GLIBC.as_bytes();
    let mut bytes = Recipe::parse("gcc @main.c").make();
    let at = bytes.windows(from.len()).position(|window| window == from).expect("the loader's name");
    let mut name = to.as_bytes().to_vec();
    name.resize(from.len(), 0);
    bytes[at..at + from.len()].copy_from_slice(&name);
    bytes
}

fn image() -> ImageFacts {
    ImageFacts::default()
        .with_config_platform(PlatformText::new("linux", "amd64", None))
        .with_entrypoint(["/app"])
}

fn in_root(root: &dyn Root) -> (String, Verdict) {
    summary(&verify_image(&image(), root, &Target::new(&Platform::LINUX_AMD64), &BTreeMap::new()))
}

#[test]
fn rewritten_loaders_are_verified() {
    let app = |name: &str| MemoryRoot::new().file("/app", 0o755, with_interpreter(name));
    assert_eq!(in_root(&app("")), ("interpreter-malformed".to_owned(), Verdict::Fails));
    let bsd = in_root(&app("/libexec/ld-elf.so.1"));
    assert_eq!(bsd, ("interpreter-missing wrong-system".to_owned(), Verdict::Fails));
    // A loader is known by its content, whatever its name.
    let own = app("/opt/loader").file("/opt/loader", 0o755, host_file(GLIBC));
    assert_eq!(in_root(&own), ("library-missing".to_owned(), Verdict::Fails));
    assert_eq!(in_root(&own.file(LIBC, 0o755, host_file(LIBC))), (String::new(), Verdict::Starts));
    let other = Recipe::parse("CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go").make();
    let unknown = app("/lib64/ld-linux").file("/lib64/ld-linux", 0o755, other);
    assert_eq!(in_root(&unknown), ("libraries-unchecked".to_owned(), Verdict::Unproven));
}

/// The note that `-march=x86-64-v3 -Wl,-z,x86-64-v3` writes.
#[test]
fn a_demand_on_the_loader_is_read() {
    let app = Recipe::parse("gcc -Wl,-z,x86-64-v3 @main.c").make();
    let target = |name: &str| Target::new(&Platform::parse(name).expect("a platform"));
    let (codes, _) = summary(&verify(&app, &target("linux/amd64"), None));
    assert_eq!(codes, "interpreter-unchecked loader-level-too-high");
    let (codes, _) = summary(&verify(&app, &target("linux/amd64/v3"), None));
    assert_eq!(codes, "interpreter-unchecked");
    // Without a loader the note has no effect.
    let app = Recipe::parse("gcc -static -Wl,-z,x86-64-v3 @main.c").make();
    assert_eq!(found(&app, "linux/amd64"), (String::new(), Verdict::Starts));
}

#[test]
fn a_machine_of_unknown_level_proves_nothing() {
    let app = Recipe::parse("CGO_ENABLED=0 GOOS=linux GOARCH=amd64 GOAMD64=v3 go").make();
    let on = |level: NodeLevel| {
        let node = Node::new(level);
        let target = Target::new(&Platform::LINUX_AMD64).on(node).described_as("t2.micro");
        verify(&app, &target, None)
    };
    let unknown = on(NodeLevel::Unknown);
    assert_eq!(summary(&unknown), ("node-level-unknown".to_owned(), Verdict::Unproven));
    assert!(unknown[0].message.contains("the level of t2.micro is unknown"), "{unknown:?}");
    assert_eq!(summary(&on(NodeLevel::OfPlatform)), ("level-too-high".to_owned(), Verdict::Fails));
    let at_least = |level: &str| summary(&on(NodeLevel::AtLeast(level.to_owned())));
    assert_eq!(at_least("v1"), ("level-too-high".to_owned(), Verdict::Fails));
    assert_eq!(at_least("v4"), (String::new(), Verdict::Starts));
}

#[test]
fn a_compiler_for_arm_records_its_version() {
    let compile = |cpu: &str| {
        let flags = format!("-m ziglang cc -target arm-linux-musleabihf -mcpu={cpu} -nostdlib @bare.c");
        Recipe::parse(&format!("python3 {flags}")).make()
    };
    let v7 = compile("cortex_a7");
    assert_eq!(found(&v7, "linux/arm/v7"), (String::new(), Verdict::Starts));
    // The attribute is the highest of all object files, of which some may run only on newer processors.
    assert_eq!(found(&v7, "linux/arm/v6"), ("level-risk".to_owned(), Verdict::Unproven));
    let findings = verify(&v7, &Target::new(&Platform::parse("linux/arm/v6").expect("a platform")), None);
    assert!(findings[0].help.contains("`--for linux/arm/v7`"), "{findings:?}");
    assert_eq!(found(&compile("arm1176jzf_s"), "linux/arm/v6"), (String::new(), Verdict::Starts));
}

/// Builds a dynamic program for ARM with this ABI and loader.
fn for_arm(abi: &str, loader: &str) -> Vec<u8> {
    let compile = format!("python3 -m ziglang cc -target arm-linux-{abi} -fno-unwind-tables -nostdlib");
    let made = Recipe::parse(&format!("{compile} -shared -fPIC -Wl,-soname,libanswer.so @library.c")).path();
    // zig identifies a library by its file name.
    let library = made.with_extension("so");
    std::fs::copy(made, &library).expect("the target directory is writable");
    let linked = format!("-Wl,--no-as-needed {} -Wl,--dynamic-linker={loader}", library.display());
    Recipe::parse(&format!("{compile} @bare.c {linked}")).make()
}

#[test]
fn hard_and_soft_float_do_not_mix() {
    let (glibc, hard) = ("/lib/ld-linux.so.3", "/lib/ld-linux-armhf.so.3");
    let (musl, musl_hard) = ("/lib/ld-musl-arm.so.1", "/lib/ld-musl-armhf.so.1");
    let unchecked = ("interpreter-unchecked".to_owned(), Verdict::Unproven);
    let wrong = ("interpreter-unchecked wrong-abi".to_owned(), Verdict::Fails);
    for (abi, fitting, other) in [
        ("gnueabi", glibc, hard),
        ("gnueabihf", hard, glibc),
        ("musleabi", musl, musl_hard),
        ("musleabihf", musl_hard, musl),
    ] {
        assert_eq!(found(&for_arm(abi, fitting), "linux/arm/v7"), unchecked, "{abi}");
        assert_eq!(found(&for_arm(abi, other), "linux/arm/v7"), wrong, "{abi}");
    }
    // In an image the loader's own header counts, not its name.
    let arm = PlatformText::new("linux", "arm", Some("v7"));
    let image = image().with_config_platform(arm);
    let in_image = |abi_of_loader: &str| {
        let library = for_arm(abi_of_loader, glibc);
        let root = MemoryRoot::new()
            .file("/app", 0o755, for_arm("gnueabihf", glibc))
            .file(glibc, 0o755, library.clone())
            .file("/usr/lib/libanswer.so", 0o644, library);
        let target = Target::new(&Platform::parse("linux/arm/v7").expect("a platform"));
        summary(&verify_image(&image, &root, &target, &BTreeMap::new())).0
    };
    assert!(!in_image("gnueabihf").contains("wrong-abi"), "{}", in_image("gnueabihf"));
    assert!(in_image("gnueabi").contains("wrong-abi"), "{}", in_image("gnueabi"));
}

/// The header of a Windows program can mark it as a DLL (`Characteristics`, bit 0x2000).
#[test]
fn a_windows_library_is_not_a_program() {
    let mut bytes = Recipe::parse("CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go").make();
    let header = u32::from_le_bytes(bytes[0x3c..0x40].try_into().expect("four bytes"));
    let characteristics = usize::try_from(header).expect("a place in the file") + 22;
    bytes[characteristics + 1] |= 0x20;
    assert_eq!(found(&bytes, "windows/amd64"), ("shared-library".to_owned(), Verdict::Fails));
    assert_eq!(found(&bytes, "windows/arm64"), ("wrong-machine".to_owned(), Verdict::Fails));
    assert_eq!(found(&bytes, "linux/amd64"), ("windows-program".to_owned(), Verdict::Fails));
}

/// A root whose layers cannot be read.
struct Torn;

impl Root for Torn {
    fn entry(&self, path: &str) -> Result<Option<Entry>, RootError> {
        let kind = if matches!(path, "/" | "/etc") { EntryKind::Directory } else { EntryKind::File };
        Ok(Some(Entry { kind, mode: 0o755, uid: 0, gid: 0, size: 1 }))
    }

    fn open<'a>(&'a self, path: &str) -> Result<Box<dyn ReadAt + 'a>, RootError> {
        Err(RootError::new(path, "the layer is cut short"))
    }
}

#[test]
fn unreadable_files_are_unproven() {
    assert_eq!(in_root(&Torn), ("unreadable".to_owned(), Verdict::Unproven));
}

/// `go build` of a package without a main function writes an archive, and succeeds.
#[test]
fn a_go_package_is_not_a_program() {
    let bytes = Recipe::parse("go:package").make();
    assert_eq!(found(&bytes, "linux/amd64"), ("go-archive".to_owned(), Verdict::Fails));
}

#[test]
fn an_error_page_is_not_a_program() {
    for page in [
        "<!DOCTYPE html><html>",
        "<?xml version=\"1.0\"?><Error/>",
        "{\"message\":\"Not Found\"}",
        "Not Found",
    ] {
        assert_eq!(
            found(page.as_bytes(), "linux/amd64"),
            ("download-failed".to_owned(), Verdict::Fails),
            "{page}"
        );
    }
}

/// UPX leaves no `PT_INTERP`. The unit tests of `packed.rs` have blocks of real programs.
#[test]
fn a_packed_program_hides_its_loader() {
    let packed = |headers: &[u8], method: u8| {
        let mut app = tiny(62, 2, 1, 0);
        app.truncate(64 + 56);
        app.extend([0; 4]);
        app.extend(b"UPX!");
        app.resize(64 + 56 + 24, 0);
        let size = u32::try_from(headers.len()).expect("a small size").to_le_bytes();
        app.extend([size, size, [method, 0, 0, 0]].concat());
        app.extend(headers);
        found(&app, "linux/amd64")
    };
    assert_eq!(packed(&[0; 20], 14), ("packed-program".to_owned(), Verdict::Unproven));
    assert_eq!(packed(&[], 8), ("packed-program".to_owned(), Verdict::Unproven));
    let mut other = tiny(62, 2, 1, 0);
    other.extend(b"UPX!");
    assert_eq!(found(&other, "linux/amd64"), (String::new(), Verdict::Starts));
}
