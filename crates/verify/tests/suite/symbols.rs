//! Compares the verdicts about symbols, versions and filters with the real loaders of glibc and musl, which start each
//! program next to its libraries.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::host::{GLIBC, LIBC, host_file};
use crate::support::{Recipe, summary};
use crossdock_platform::Platform;
use crossdock_verify::{Finding, ImageFacts, MemoryRoot, PlatformText, Target, verify_image};

const MUSL: &str = "/lib/ld-musl-x86_64.so.1";

/// The libraries by their names in the table.
const LIBRARIES: &[(&str, &str)] = &[
    ("data", "-nostdlib @data.c"),
    ("no-data", "-nostdlib @library.c"),
    ("no-function", "-nostdlib @other_library.c"),
    ("first", "@data.c @first.ld"),
    ("moved", "@moved.c @moved.ld"),
    ("hidden", "@hidden.c @moved.ld"),
    ("unversioned", "@uses_libc.c"),
    ("filter", "-nostdlib @data.c -Wl,-F,libfiltee.so"),
    ("auxiliary", "-nostdlib @data.c -Wl,-f,libfiltee.so"),
    ("empty-filter", "-nostdlib @bare.c -Wl,-F,libfiltee.so"),
    // A name that is longer than any real one, which is not read.
    ("long-name", "-nostdlib @data.c -Wl,--defsym,LONG=answer"),
    ("empty-auxiliary", "-nostdlib @bare.c -Wl,-f,libfiltee.so"),
];

/// Compiler | program | libraries that it is linked with | those in the image, `NAME=KIND` | environment | what the
/// loader says; empty if the program starts | verdict and codes.
const CASES: &str = "
gcc | -no-pie @reader.c | data | liba=data | | | starts
gcc | -no-pie @reader.c | data | liba=no-data | | undefined symbol: counter | fails symbol-missing
gcc | -no-pie @reader.c | first | liba=first | | | starts
gcc | -no-pie @reader.c | first | liba=moved | | undefined symbol: counter, version V1 | fails symbol-missing
gcc | -no-pie @reader.c | data | liba=moved | | | starts
gcc | @later.c -Wl,-z,lazy | first | liba=first | | | starts
gcc | @later.c -Wl,-z,lazy | first | liba=moved | | | unproven function-missing
gcc | @later.c -Wl,-z,now | first | liba=moved | | undefined symbol: answer, version V1 | fails symbol-missing
gcc | @later.c -Wl,-z,lazy | first | liba=moved | LD_BIND_NOW=1 | undefined symbol: answer, version V1 | fails symbol-missing
gcc | @later.c -Wl,-z,lazy | first | liba=moved | LD_BIND_NOW= | | unproven function-missing
gcc | @pointer.c -Wl,-z,lazy | first | liba=first | | | starts
gcc | @pointer.c -Wl,-z,lazy | first | liba=moved | | undefined symbol: answer, version V1 | fails symbol-missing
gcc | @later.c -Wl,-z,lazy | first | liba=data | | | unproven function-missing
gcc | @later.c -Wl,-z,now | first | liba=data | | Inconsistency detected by ld.so | fails symbol-missing
gcc | @pointer.c -Wl,-z,lazy | first | liba=data | | Inconsistency detected by ld.so | fails symbol-missing
gcc | @pointer.c -Wl,-z,now | first | liba=unversioned | | | starts
gcc | @later.c -Wl,-z,now | first | liba=unversioned | | | starts
gcc | @later.c -Wl,-z,lazy | first | liba=no-function | | | unproven function-missing
gcc | @later.c -Wl,-z,now | first | liba=no-function | | undefined symbol: answer, version V1 | fails symbol-missing
gcc | @later.c -Wl,-z,now | moved | liba=first | | version `V2' not found | fails symbol-version-missing
gcc | @later.c -Wl,-z,now | data | liba=first | | | starts
gcc | @later.c -Wl,-z,now | data | liba=moved | | | starts
gcc | @later.c -Wl,-z,now | data | liba=hidden | | undefined symbol: answer | fails symbol-missing
gcc | @later.c -Wl,-z,now | moved | liba=hidden | | | starts
gcc | @later.c -Wl,-z,now | data | liba=long-name | | | starts symbols-unchecked
gcc | @later.c -Wl,-z,now | data | liba=filter libfiltee=data | | | starts
gcc | @later.c -Wl,-z,now | data | liba=filter | | libfiltee.so: cannot open shared object file | fails library-missing
gcc | @later.c -Wl,-z,now | data | liba=auxiliary libfiltee=data | | | starts
gcc | @later.c -Wl,-z,now | data | liba=auxiliary | | | starts
gcc | @later.c -Wl,-z,now | data | liba=empty-filter libfiltee=data | | | starts
gcc | @later.c -Wl,-z,now | data | liba=empty-auxiliary libfiltee=data | | | starts
gcc | @later.c -Wl,-z,now | data | liba=empty-auxiliary | | undefined symbol: answer | fails symbol-missing
gcc | @later.c -Wl,-z,now | data | liba=empty-filter libfiltee=no-function | | undefined symbol: answer | fails symbol-missing
musl-gcc | -no-pie @reader.c | data | liba=data | | | starts
musl-gcc | -no-pie @reader.c | data | liba=no-data | | counter: symbol not found | fails symbol-missing
musl-gcc | -no-pie @reader.c | first | liba=moved | | | starts
musl-gcc | @later.c | first | liba=moved | | | starts
musl-gcc | @later.c | first | liba=data | | | starts
musl-gcc | @later.c | moved | liba=first | | | starts
musl-gcc | @later.c | moved | liba=hidden | | answer: symbol not found | fails symbol-missing
musl-gcc | @later.c -Wl,-z,lazy | data | liba=no-function | | answer: symbol not found | fails symbol-missing
musl-gcc | @later.c | data | liba=filter | | | starts
musl-gcc | @later.c | data | liba=empty-filter libfiltee=data | | answer: symbol not found | fails symbol-missing
";

struct Case<'a> {
    compiler: &'a str,
    app: PathBuf,
    /// The libraries of the image: file name and the file.
    libraries: Vec<(String, PathBuf)>,
    environment: &'a str,
    words: &'a str,
    expected: String,
}

fn library(compiler: &str, kind: &str) -> Recipe {
    let (_, flags) = LIBRARIES.iter().find(|(name, _)| *name == kind).expect("a library of the table");
    let compiler = if flags.contains("-nostdlib") { "gcc" } else { compiler };
    let flags = flags.replace("LONG", &"x".repeat(20_000));
    Recipe::parse(&format!("{compiler} -shared -fPIC -Wl,-soname,liba.so {flags}"))
}

impl<'a> Case<'a> {
    fn parse(line: &'a str) -> Case<'a> {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [compiler, program, linked, libraries, environment, words, expected] = columns.as_slice() else {
            panic!("a case has seven columns: {line}")
        };
        let linked = library(compiler, linked).path();
        let app = Recipe::parse(&format!("{compiler} {program} {}", linked.display())).path();
        let libraries = libraries.split(' ').map(|pair| {
            let (name, kind) = pair.split_once('=').expect("NAME=KIND");
            (format!("{name}.so"), library(compiler, kind).path())
        });
        let libraries = libraries.collect();
        Case { compiler, app, libraries, environment, words, expected: (*expected).to_owned() }
    }

    fn loader(&self) -> &'static str {
        if self.compiler == "gcc" { GLIBC } else { MUSL }
    }

    /// Verifies an image with the program and its libraries.
    fn verify(&self) -> Vec<Finding> {
        let mut root = MemoryRoot::new()
            .file(self.loader(), 0o755, host_file(self.loader()))
            .file(LIBC, 0o755, host_file(LIBC))
            .file("/app", 0o755, std::fs::read(&self.app).expect("a compiled program"));
        for (name, file) in &self.libraries {
            let bytes = std::fs::read(file).expect("a compiled library");
            root = root.file(&format!("/usr/lib/{name}"), 0o644, bytes);
        }
        let image = ImageFacts::default()
            .with_index_platform(PlatformText::new("linux", "amd64", None))
            .with_config_platform(PlatformText::new("linux", "amd64", None))
            .with_entrypoint(["/app"])
            .with_env(Some(self.environment).filter(|variable| !variable.is_empty()));
        verify_image(&image, &root, &Target::new(&Platform::LINUX_AMD64), &BTreeMap::new())
    }

    /// Starts the program by its loader; returns what the loader says if it stops.
    fn start(&self, directory: &Path) -> Option<String> {
        std::fs::create_dir_all(directory).expect("the target directory is writable");
        for (name, file) in &self.libraries {
            std::fs::copy(file, directory.join(name)).expect("the target directory is writable");
        }
        #[expect(clippy::disallowed_methods, reason = "the loader is the judge")]
        let mut command = Command::new(self.loader());
        if self.compiler == "gcc" {
            command.arg("--inhibit-cache");
        }
        command.arg("--library-path").arg(directory).arg(&self.app).env_clear();
        command.envs(self.environment.split_once('='));
        let output = command.output().expect("the loader of this machine starts");
        (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn symbols_are_looked_up_as_the_loaders_do() {
    let mut wrong = Vec::new();
    let lines = CASES.lines().filter(|line| !line.is_empty());
    for (number, line) in lines.enumerate() {
        let case = Case::parse(line);
        let directory = case.app.with_extension(format!("{number}.libraries"));
        let said = case.start(&directory);
        let agrees = match &said {
            None => case.words.is_empty(),
            Some(said) => !case.words.is_empty() && said.contains(case.words),
        };
        if !agrees {
            wrong.push(format!("{line}\n    the loader: {said:?}"));
        }
        let findings = case.verify();
        let (codes, verdict) = summary(&findings);
        let found = format!("{} {codes}", verdict.as_str());
        if found.trim() != case.expected {
            wrong.push(format!("{line}\n    found: {found}\n    {findings:#?}"));
        } else if !findings.iter().all(|finding| finding.message.contains(case.words)) {
            wrong.push(format!("{line}\n    the message has other words: {findings:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
