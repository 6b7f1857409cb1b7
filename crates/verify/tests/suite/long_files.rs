//! Verifies that only the relevant parts of long programs are read, to bound memory.

use std::cell::Cell;
use std::collections::BTreeMap;

use crossdock_platform::Platform;
use crossdock_verify::{
    Entry, Expectation, Finding, ImageFacts, Language, MemoryRoot, PlatformText, ReadAt, Root, RootError,
    Target, verify_image,
};

use crate::host::{GLIBC, LIBC, host_file};
use crate::support::{Recipe, summary};

const LONG: usize = 40 << 20;

/// A root that counts the bytes that are read of its long files.
struct InParts {
    root: MemoryRoot,
    read: Cell<usize>,
}

impl Root for InParts {
    fn entry(&self, path: &str) -> Result<Option<Entry>, RootError> {
        self.root.entry(path)
    }

    fn open<'a>(&'a self, path: &str) -> Result<Box<dyn ReadAt + 'a>, RootError> {
        let file = self.root.open(path)?;
        Ok(if file.size() < LONG as u64 { file } else { Box::new(Counted { file, read: &self.read }) })
    }
}

/// A file that counts the bytes that are read of it.
struct Counted<'a> {
    file: Box<dyn ReadAt + 'a>,
    read: &'a Cell<usize>,
}

impl ReadAt for Counted<'_> {
    fn size(&self) -> u64 {
        self.file.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(offset, buffer)?;
        self.read.set(self.read.get() + read);
        Ok(read)
    }
}

fn verify(app: &[u8], settings: &str) -> (Vec<Finding>, usize) {
    let root = MemoryRoot::new()
        .file(GLIBC, 0o755, host_file(GLIBC))
        .file("/usr/lib/libc.so.6", 0o755, host_file(LIBC))
        .file("/app", 0o755, app);
    let image = ImageFacts::default()
        .with_config_platform(PlatformText::new("linux", "amd64", None))
        .with_entrypoint(["/app"]);
    let pairs = settings.split(';').filter_map(|pair| pair.split_once('='));
    let settings: BTreeMap<String, String> =
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let language =
        if settings.is_empty() { Language::Other } else { Language::Go { settings, version: None } };
    let expectation = Expectation::new(Platform::LINUX_AMD64).with_language(language);
    let planned = BTreeMap::from([("/app".to_owned(), expectation)]);
    let root = InParts { root, read: Cell::new(0) };
    (verify_image(&image, &root, &Target::new(&Platform::LINUX_AMD64), &planned), root.read.get())
}

#[test]
fn a_long_program_gets_the_same_findings_as_a_short_one() {
    let cases = [
        ("CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go", "GOAMD64=v1;GOOS=linux", ""),
        (
            "CGO_ENABLED=0 GOOS=linux GOARCH=amd64 GOAMD64=v3 go",
            "GOAMD64=v2",
            "go-setting-mismatch level-too-high",
        ),
        ("CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go", "GOARCH=arm64", "wrong-machine"),
        ("gcc @main.c", "", ""),
        ("gcc -Wl,-z,x86-64-v3 @main.c", "", "loader-level-too-high"),
        ("musl-gcc @main.c", "", "interpreter-missing"),
    ];
    for (recipe, settings, codes) in cases {
        let short = Recipe::parse(recipe).make();
        let mut long = short.clone();
        long.resize(LONG, 0);
        let (expected, _) = verify(&short, settings);
        let (found, read) = verify(&long, settings);
        assert_eq!(summary(&expected).0, codes, "{recipe}: {expected:#?}");
        assert_eq!(found, expected, "{recipe}");
        assert!(read < 1 << 20, "{recipe}: {read} bytes were read");
    }
}

/// Compilers record the processor version in a section at the end of the file, which the table of sections names.
#[test]
fn the_version_of_a_long_program_for_arm_is_read() {
    let recipe = "python3 -m ziglang cc -target arm-linux-musleabihf -mcpu=cortex_a7 -nostdlib @bare.c";
    let arm = PlatformText::new("linux", "arm", Some("v6"));
    let image = ImageFacts::default().with_config_platform(arm).with_entrypoint(["/app"]);
    let target = Target::new(&Platform::parse("linux/arm/v6").expect("a platform"));
    let mut app = Recipe::parse(recipe).make();
    app.resize(2 * LONG, 0);
    let root = InParts { root: MemoryRoot::new().file("/app", 0o755, app), read: Cell::new(0) };
    let findings = verify_image(&image, &root, &target, &BTreeMap::new());
    assert_eq!(summary(&findings).0, "level-risk");
    assert!(root.read.get() < 1 << 20, "{} bytes were read", root.read.get());
}

#[test]
fn versions_of_a_long_program_are_read() {
    let mut app =
        crate::support::damage(Recipe::parse("gcc @main.c").make(), "replace GLIBC_2.34 GLIBC_2.99");
    app.resize(LONG, 0);
    assert_eq!(summary(&verify(&app, "").0).0, "symbol-version-missing");
}

#[test]
fn a_long_file_that_is_not_a_program_is_named() {
    let mut text = b"just a text\n".to_vec();
    text.resize(LONG, b'\n');
    assert_eq!(summary(&verify(&text, "").0).0, "text-without-interpreter");
    let mut script = b"#!/bin/nothing\n".to_vec();
    script.resize(LONG, b'\n');
    assert_eq!(summary(&verify(&script, "").0).0, "script-interpreter-missing");
}
