//! The verdicts of all programs, counted.

use std::collections::BTreeMap;
use std::fmt;

use crossdock_platform::Platform;
use crossdock_verify::{
    Dynamic, Elf, EntryKind, Finding, ImageFacts, Inspection, PlatformText, Root, Target, Verdict, inspect,
    resolve, verify_others,
};

use crate::archive::Archive;
use crate::root::PackageRoot;

/// The counted verdicts of one architecture.
pub(crate) struct Sweep {
    target: Target,
    packages: usize,
    fine: Count,
    wrong: BTreeMap<&'static str, Count>,
    /// Every verdict that is not the expected one, with its findings.
    surprises: Vec<String>,
}

/// Verdicts, counted.
#[derive(Default)]
pub(crate) struct Count {
    pub(crate) starts: usize,
    pub(crate) unproven: usize,
    pub(crate) fails: usize,
}

impl Count {
    pub(crate) fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Starts => self.starts += 1,
            Verdict::Unproven => self.unproven += 1,
            Verdict::Fails => self.fails += 1,
        }
    }

    pub(crate) fn all(&self) -> usize {
        self.starts + self.unproven + self.fails
    }
}

impl Sweep {
    pub(crate) fn new(platform: &str) -> Self {
        let platform = Platform::parse(platform).expect("a platform of the table");
        let (fine, wrong) = (Count::default(), BTreeMap::new());
        Self { target: Target::new(&platform), packages: 0, fine, wrong, surprises: Vec::new() }
    }

    /// Verifies every program of a package.
    pub(crate) fn package(&mut self, archive: &Archive, package: &str) {
        let closure = archive.closure(package);
        let root = PackageRoot::new(archive, &closure);
        for path in archive.executables(package).filter(|path| is_program(path)) {
            let Ok(Some(entry)) = root.entry(path) else { continue };
            if entry.kind == EntryKind::File {
                self.program(&root, path);
            }
        }
        self.packages += 1;
    }

    fn program(&mut self, root: &PackageRoot<'_>, path: &str) {
        let bytes = root.content(path).expect("a file of the package");
        let facts = inspect(bytes);
        if is_library(&facts) {
            return;
        }
        let findings = self.verify(root, path);
        let verdict = Verdict::of(&findings);
        self.fine.add(verdict);
        if verdict != Verdict::Starts {
            self.surprise("in its own root", path, &findings);
        }
        let Inspection::Elf(elf) = facts else { return };
        let Some(dynamic) = &elf.dynamic else { return };
        for (kind, root) in wrong_roots(root, &elf, dynamic) {
            let findings = self.verify(&root, path);
            let verdict = Verdict::of(&findings);
            self.wrong.entry(kind).or_default().add(verdict);
            if verdict != Verdict::Fails {
                self.surprise(kind, path, &findings);
            }
        }
    }

    fn verify(&self, root: &PackageRoot<'_>, path: &str) -> Vec<Finding> {
        let platform = self.target.platform();
        let name = platform.to_string();
        let parts: Vec<&str> = name.split('/').collect();
        let platform = PlatformText::new(parts[0], parts[1], parts.get(2).copied());
        let image = ImageFacts::default().with_config_platform(platform);
        // Not as the image's entry point: a launcher without a command starts nothing.
        verify_others([path.to_owned()], &image, root, &self.target)
    }

    fn surprise(&mut self, root: &str, path: &str, findings: &[Finding]) {
        let found: Vec<String> =
            findings.iter().map(|finding| format!("{}: {}", finding.code, finding.message)).collect();
        self.surprises.push(format!("{path} {root}: {} {}", Verdict::of(findings), found.join(" | ")));
    }

    /// No alarm among the fine programs and at most 3 % unproven; at least 99 % of the wrong roots are found.
    pub(crate) fn assert_goals(&self) {
        assert!(self.packages == 100 && self.fine.all() >= 400, "too few programs: {self}");
        assert_eq!(self.fine.fails, 0, "alarms: {self}");
        assert!(self.fine.unproven * 100 <= 3 * self.fine.all(), "too many unproven: {self}");
        for (kind, count) in &self.wrong {
            assert!(count.fails * 100 >= 99 * count.all(), "too few found with {kind}: {self}");
            assert!(count.unproven * 100 <= 3 * count.all(), "too many unproven with {kind}: {self}");
        }
    }
}

impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Count { starts, unproven, fails } = self.fine;
        writeln!(f, "{} packages: {starts} start, {unproven} unproven, {fails} alarms", self.packages)?;
        for (kind, Count { starts, unproven, fails }) in &self.wrong {
            writeln!(f, "  {kind}: {fails} found, {unproven} unproven, {starts} missed")?;
        }
        self.surprises.iter().try_for_each(|surprise| writeln!(f, "  {surprise}"))
    }
}

/// Returns whether programs are in this directory. Documentation has examples, which no image starts.
fn is_program(path: &str) -> bool {
    ["/usr/bin/", "/usr/sbin/", "/usr/lib", "/usr/games/"].iter().any(|directory| path.starts_with(directory))
}

/// Returns whether the file is a library or data. Both may have execute bits; a library that is also a program has a
/// loader.
fn is_library(facts: &Inspection) -> bool {
    match facts {
        Inspection::Elf(elf) => {
            elf.interpreter.is_none() && elf.dynamic.as_ref().is_some_and(|dynamic| !dynamic.is_pie())
        }
        // Modules of interpreters may have execute bits too, and data.
        facts => !matches!(facts, Inspection::Script(_)),
    }
}

/// Returns roots in which the program certainly does not start, each with its kind.
fn wrong_roots<'a>(
    root: &PackageRoot<'a>,
    elf: &Elf,
    dynamic: &Dynamic,
) -> Vec<(&'static str, PackageRoot<'a>)> {
    let mut roots = Vec::new();
    for name in dynamic.needed.iter().filter(|name| !name.contains('/')) {
        let Some((path, content)) = library(root, elf, name) else { continue };
        roots.push(("a library removed", root.without(&path)));
        roots.push(("a library of another machine", root.with(&path, of_another_machine(&content))));
        let mut versions = dynamic.version_needs.iter().filter(|need| need.library == *name && !need.is_weak);
        if let Some(need) = versions.next_back() {
            roots.push(("an older library", root.with(&path, without_version(&content, &need.version))));
            // Otherwise the loader looks a function up only when it is called.
            if dynamic.binds_at_once && MACHINES_WITH_SYMBOLS.contains(&elf.machine) {
                roots.push(("a library without symbols", root.with(&path, without_symbols(&content))));
            }
        }
    }
    roots
}

/// Returns the path without links and the content of the library of this name in the directory of its architecture.
fn library(root: &PackageRoot<'_>, elf: &Elf, name: &str) -> Option<(String, Vec<u8>)> {
    let candidates = TRIPLETS.iter().map(|triplet| format!("/usr/lib/{triplet}/{name}"));
    let found = candidates.filter_map(|path| resolve(root, &path).ok()).next()?;
    let content = root.content(&found.path).ok()?.to_vec();
    let Inspection::Elf(library) = inspect(&content) else { return None };
    (library.machine == elf.machine).then_some((found.path, content))
}

const TRIPLETS: [&str; 9] = [
    "x86_64-linux-gnu",
    "aarch64-linux-gnu",
    "arm-linux-gnueabi",
    "arm-linux-gnueabihf",
    "i386-linux-gnu",
    "mips64el-linux-gnuabi64",
    "mipsel-linux-gnu",
    "powerpc64le-linux-gnu",
    "s390x-linux-gnu",
];

/// The machines whose symbols are looked up: 386, ARM, amd64, arm64, ppc64le and s390x. Programs for MIPS bind through their
/// global offset table, which is not read.
const MACHINES_WITH_SYMBOLS: [u16; 6] = [3, 40, 62, 183, 21, 22];

/// The numbers of an ELF file in its own word size and byte order.
struct Numbers {
    is_64_bit: bool,
    is_big_endian: bool,
}

impl Numbers {
    fn of(library: &[u8]) -> Self {
        Self { is_64_bit: library[4] == 2, is_big_endian: library[5] == 2 }
    }

    /// Returns the number of this many bytes.
    fn read(&self, bytes: &[u8], at: usize, length: usize) -> usize {
        let bytes = bytes[at..at + length].iter();
        let add = |sum, byte: &u8| sum << 8 | usize::from(*byte);
        if self.is_big_endian { bytes.fold(0, add) } else { bytes.rev().fold(0, add) }
    }

    /// Returns one of two layouts: that of 64-bit files, or that of 32-bit files.
    fn layout<T>(&self, of_64_bit: T, of_32_bit: T) -> T {
        if self.is_64_bit { of_64_bit } else { of_32_bit }
    }
}

/// Returns the library as one of the same word size and byte order for IA-64, on which no Debian runs.
fn of_another_machine(library: &[u8]) -> Vec<u8> {
    const E_MACHINE: usize = 18;
    const EM_IA_64: u16 = 50;
    let mut library = library.to_vec();
    let numbers = Numbers::of(&library);
    let machine = if numbers.is_big_endian { EM_IA_64.to_be_bytes() } else { EM_IA_64.to_le_bytes() };
    library[E_MACHINE..E_MACHINE + 2].copy_from_slice(&machine);
    library
}

/// Returns the library with an empty table of dynamic symbols, as if another library had its name.
fn without_symbols(library: &[u8]) -> Vec<u8> {
    const SHT_DYNSYM: usize = 11;
    let numbers = Numbers::of(library);
    let word = numbers.layout(8, 4);
    // Elf64_Ehdr and Elf32_Ehdr: e_shoff, e_shnum.
    let (sections, count) = numbers.layout((0x28, 0x3c), (0x20, 0x30));
    // Elf64_Shdr and Elf32_Shdr: the length of an entry, sh_offset, sh_size.
    let (step, offset, size) = numbers.layout((64, 0x18, 0x20), (40, 0x10, 0x14));
    let first = numbers.read(library, sections, word);
    let mut stub = library.to_vec();
    for number in 0..numbers.read(library, count, 2) {
        let section = first + number * step;
        if numbers.read(library, section + 4, 4) == SHT_DYNSYM {
            let from = numbers.read(library, section + offset, word);
            let length = numbers.read(library, section + size, word);
            stub[from..from + length].fill(0);
        }
    }
    assert!(stub != library, "the library has no table of dynamic symbols");
    stub
}

/// Returns the library without this version of its symbols: the name of the version, which the loader compares, is another.
fn without_version(library: &[u8], version: &str) -> Vec<u8> {
    let name = [b"\0", version.as_bytes(), b"\0"].concat();
    let mut older = library.to_vec();
    let mut from = 0;
    while let Some(at) = older[from..].windows(name.len()).position(|window| window == name) {
        older[from + at + 1] ^= 0x20;
        from += at + name.len();
    }
    older
}
