//! Programs and libraries: [`inspect`] and the checks of programs and images.

use std::collections::BTreeMap;

use crossdock_platform::Platform;
use crossdock_verify::{
    Finding, ImageFacts, Inspection, Interpreter, MemoryRoot, PlatformText, Program, ReadAt, Target,
    Verification, inspect, inspect_ranges, verify_image, verify_program,
};

/// A program, loader, library and loader cache in ELF. The magic is added, so that no mutation loses it.
pub(crate) fn elf(input: &[u8]) {
    let bytes = [b"\x7fELF", input].concat();
    let Inspection::Elf(facts) = inspect(&bytes) else {
        panic!("a file with the magic of ELF is not read as one")
    };
    verify_alone(&bytes, &["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/s390x"]);
    let mut root = MemoryRoot::new()
        .file("/app", 0o755, bytes.as_slice())
        .file("/etc/ld.so.cache", 0o644, input)
        .file("/etc/ld.so.conf", 0o644, input);
    if let Some(Interpreter::Path(path)) = &facts.interpreter {
        root = root.file(path, 0o755, bytes.as_slice());
    }
    // Its own libraries are copies of itself, so that their symbols and versions are searched too.
    for name in facts.dynamic.iter().flat_map(|dynamic| &dynamic.needed).take(4) {
        root = root.file(&format!("/lib/{name}"), 0o755, bytes.as_slice());
    }
    let platform = platform_of(facts.machine);
    let image = ImageFacts::default()
        .with_config_platform(PlatformText::new("linux", platform.trim_start_matches("linux/"), None))
        .with_entrypoint(["/app"]);
    let target = target(platform);
    check_findings(&verify_image(&image, &root, &target, &BTreeMap::new()));
}

/// A Mach-O program, of one architecture or universal.
pub(crate) fn mach_o(input: &[u8]) {
    if let Inspection::MachO(facts) = inspect(input) {
        // `fat_arch` has 20 bytes; a thin file has one architecture.
        assert!(
            facts.cpu_types.len() <= 1 + input.len() / 20,
            "more architectures than the file has room for"
        );
    }
    verify_alone(input, &["darwin/arm64", "darwin/amd64", "linux/arm64"]);
}

/// A Windows program.
pub(crate) fn pe(input: &[u8]) {
    verify_alone(input, &["windows/amd64", "windows/arm64", "linux/amd64"]);
}

/// Go build information: the input is what follows its magic, in the writable segment of a small program.
pub(crate) fn go_build_info(input: &[u8]) {
    let program = program_with(&[b"\xff Go buildinf:", input].concat());
    let Inspection::Elf(facts) = inspect(&program) else { panic!("the program is not read as an ELF file") };
    if let Some(info) = &facts.go {
        let settings = info.settings.iter().map(|(key, value)| key.len() + value.len());
        // A byte that is not UTF-8 becomes a replacement character of three bytes.
        assert!(settings.sum::<usize>() <= 3 * input.len(), "settings longer than the input");
    }
    verify_alone(&program, &["linux/amd64", "linux/amd64/v3"]);
}

/// Verifies the file by itself for each platform.
fn verify_alone(bytes: &[u8], platforms: &[&str]) {
    let in_parts = inspect_ranges(&ShortReads(bytes)).expect("bytes in memory are readable");
    assert_eq!(in_parts, inspect(bytes), "a file read in parts has other facts");
    for platform in platforms {
        let program = Program::new("/app", bytes).with_mode(0o755);
        check_findings(&verify_program(&program, &target(platform), None, None));
    }
}

/// A file whose reads are short, as those of an operating system may be.
struct ShortReads<'a>(&'a [u8]);

impl ReadAt for ShortReads<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let short = buffer.len().min(61);
        self.0.read_at(offset, &mut buffer[..short])
    }
}

/// A reader acts on a finding by its message, and JSON carries it.
fn check_findings(findings: &[Finding]) {
    for finding in findings {
        assert!(!finding.message.is_empty(), "{} has no message", finding.code);
    }
    let verification = Verification::new("/app", "target", findings.to_vec());
    assert!(verification.findings.len() <= findings.len());
}

fn target(platform: &str) -> Target {
    Target::new(&Platform::parse(platform).expect("a platform of this table"))
}

/// Returns the platform whose nodes run this `e_machine`, so that the checks go past the machine's.
fn platform_of(machine: u16) -> &'static str {
    match machine {
        183 => "linux/arm64",
        22 => "linux/s390x",
        3 => "linux/386",
        40 => "linux/arm",
        21 => "linux/ppc64le",
        243 => "linux/riscv64",
        _ => "linux/amd64",
    }
}

/// Returns a static program for amd64 with one writable segment, at a multiple of 16, that holds these bytes.
fn program_with(data: &[u8]) -> Vec<u8> {
    const HEADERS: u64 = 128;
    let size = HEADERS + data.len() as u64;
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    // ET_EXEC, EM_X86_64, version 1; the entry point, and one program header after this header.
    bytes.extend([2_u16, 62].map(u16::to_le_bytes).concat());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend([0x40_0000 + HEADERS, 64, 0].map(u64::to_le_bytes).concat());
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend([64_u16, 56, 1, 0, 0, 0].map(u16::to_le_bytes).concat());
    // PT_LOAD, readable, writable and executable.
    bytes.extend([1_u32, 7].map(u32::to_le_bytes).concat());
    bytes.extend([0, 0x40_0000, 0x40_0000, size, size, 4096].map(u64::to_le_bytes).concat());
    bytes.resize(HEADERS as usize, 0);
    [bytes.as_slice(), data].concat()
}
