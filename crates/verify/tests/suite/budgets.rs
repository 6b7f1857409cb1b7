//! Images that are made to cost much: whatever the chain of an entry point contains, its work has one limit.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::collections::BTreeMap;
use std::time::Duration;

use crate::host::{GLIBC, LIBC, host_file};
use crate::support::Recipe;
use crossdock_platform::Platform;
use crossdock_verify::{ImageFacts, MemoryRoot, PlatformText, Target, Verdict, verify_image};

/// Far above what it takes, 3 s at most in an optimized build: what is not bounded takes hours. It is time of the processor,
/// so that other programs of the machine do not count.
const LONGEST: Duration = Duration::from_secs(120);

fn root() -> MemoryRoot {
    let program = |root: MemoryRoot, path: &str| root.file(path, 0o755, host_file(path));
    [GLIBC, LIBC, "/bin/dash"].into_iter().fold(MemoryRoot::new(), program).link("/bin/sh", "dash")
}

fn image() -> ImageFacts {
    ImageFacts::default()
        .with_config_platform(PlatformText::new("linux", "amd64", None))
        .with_env(["PATH=/usr/bin:/bin"])
        .with_entrypoint(["/entry.sh"])
}

fn script(root: MemoryRoot, path: &str, text: &str) -> MemoryRoot {
    root.file(path, 0o755, format!("#!/bin/sh\n{text}"))
}

/// Returns a script that runs one of these commands, depending on the deployment.
fn choosing(commands: impl Iterator<Item = String>) -> String {
    let branches: String =
        commands.enumerate().map(|(number, command)| format!("{number}) {command};;\n")).collect();
    format!("case $CHOICE in\n{branches}esac\n")
}

/// Scripts of nearly the largest size, each of which may be the one that runs.
fn long_scripts(count: usize) -> (ImageFacts, MemoryRoot) {
    let root = script(root(), "/entry.sh", &choosing((0..count).map(|number| format!("exec /s{number}"))));
    let text = ":\n".repeat(90_000) + "exec /bin/dash -c ls $X\n";
    (image(), (0..count).fold(root, |root, number| script(root, &format!("/s{number}"), &text)))
}

fn many_scripts() -> (ImageFacts, MemoryRoot) {
    long_scripts(250)
}

fn two_scripts() -> (ImageFacts, MemoryRoot) {
    long_scripts(2)
}

/// Scripts that run each other, one after the other.
fn a_long_chain() -> (ImageFacts, MemoryRoot) {
    let next = |number: usize| {
        format!("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done\nexec /s{} \"$@\" $X\n", number + 1)
    };
    let root = script(root(), "/entry.sh", "exec /s0\n");
    (image(), (0..40).fold(root, |root, number| script(root, &format!("/s{number}"), &next(number))))
}

/// A program with many libraries, started with a search path of its own in each branch.
fn many_library_paths() -> (ImageFacts, MemoryRoot) {
    let library = Recipe::parse("gcc -shared -fPIC @library.c").make();
    let app = Recipe::parse("gcc @main.c").make();
    let names: Vec<String> = (0..200).map(|number| format!("/lib/x86_64-linux-gnu/p{number}.so")).collect();
    let commands = (0..250).map(|number| format!("LD_LIBRARY_PATH=/{number} LD_PRELOAD=$P exec /app"));
    let text = format!("P=\"{}\"\n{}", names.join(" "), choosing(commands));
    let root = script(root(), "/entry.sh", &text).file("/app", 0o755, app);
    (image(), names.iter().fold(root, |root, name| root.file(name, 0o755, library.clone())))
}

/// A directory of half a million names, listed again and again.
fn a_large_directory() -> (ImageFacts, MemoryRoot) {
    let text = "for f in /data/*.sh /data/*a*b*c* /data/?[a-z]*x; do :; done\n".repeat(2_000);
    let root = script(root(), "/entry.sh", &format!("{text}exec /bin/dash -c ls\n"));
    (image(), (0..500_000).fold(root, |root, number| root.file(&format!("/data/n{number}"), 0o644, *b"")))
}

/// Variables that each of many programs gets, some of them changed.
fn many_variables() -> (ImageFacts, MemoryRoot) {
    let variables = (0..20_000).map(|number| format!("V{number}=x"));
    let exports: String = (0..1_000).map(|number| format!("export V{number}=y\n")).collect();
    let programs: String = (0..1_500).map(|number| format!("/bin/dash -c 'a{number}'\n")).collect();
    let root = script(root(), "/entry.sh", &format!("{exports}{programs}exec /bin/dash -c ls\n"));
    (image().with_env(variables.chain(["PATH=/usr/bin:/bin".to_owned()])), root)
}

/// A hundred thousand volumes, and paths outside them.
fn many_volumes() -> (ImageFacts, MemoryRoot) {
    let tests: String = (0..20_000).map(|number| format!("[ -e /absent{number} ]\n")).collect();
    let root = script(root(), "/entry.sh", &format!("{tests}exec /bin/dash -c :\n"));
    (image().with_volumes((0..100_000).map(|number| format!("/v{number}"))), root)
}

/// Returns the time that the processor has given to this thread (proc_pid_schedstat(5)).
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a kernel with schedstat");
    Duration::from_nanos(stat.split(' ').next().and_then(|first| first.parse().ok()).expect("nanoseconds"))
}

#[test]
#[expect(clippy::print_stderr, reason = "the figures are the result")]
fn the_work_for_an_image_has_a_limit() {
    let unproven = Some((Verdict::Unproven, "launch-unknown"));
    let images = [
        ("many scripts", many_scripts as fn() -> _, unproven),
        ("a long chain", a_long_chain, unproven),
        ("many library paths", many_library_paths, unproven),
        ("a large directory", a_large_directory, unproven),
        ("many variables", many_variables, None),
        ("many volumes", many_volumes, None),
    ];
    for (name, make, expected) in images {
        let (image, root) = make();
        let before = processor_time();
        let findings = verify_image(&image, &root, &Target::new(&Platform::LINUX_AMD64), &BTreeMap::new());
        let took = processor_time() - before;
        eprintln!("{name}: {took:?} {:?}", Verdict::of(&findings));
        assert!(took < LONGEST, "{name}: {took:?}");
        if let Some((verdict, code)) = expected {
            assert_eq!(Verdict::of(&findings), verdict, "{name}: {findings:#?}");
            assert!(findings.iter().any(|finding| finding.code.id() == code), "{name}: {findings:#?}");
        }
    }
}

/// The most memory for the verification of an image, besides its files: the whole program takes at most 64 MiB.
const MOST: u64 = 24 << 20;

/// A command of so many words that each copy counts.
fn many_words() -> (ImageFacts, MemoryRoot) {
    let words = (0..50_000).map(|number| format!("w{number}"));
    (image().with_cmd(words), script(root(), "/entry.sh", "set -e\nexec /bin/dash -c : \"$@\"\n"))
}

/// A long variable in the environments of many programs, each of which differs in another one.
fn a_long_variable() -> (ImageFacts, MemoryRoot) {
    let long = format!("LONG={}", "x".repeat(500_000));
    let branches = choosing((0..100).map(|number| format!("V={number} exec /bin/dash -c :")));
    (image().with_env([long.as_str(), "PATH=/usr/bin:/bin"]), script(root(), "/entry.sh", &branches))
}

/// A PATH whose directories are looked up, and shown, again and again.
fn a_long_path() -> (ImageFacts, MemoryRoot) {
    let path: Vec<String> = (0..900).map(|number| format!("/{number}{}", "p".repeat(160))).collect();
    let branches = choosing((0..40).map(|number| format!("exec absent{number}")));
    (image().with_env([format!("PATH={}:/bin", path.join(":"))]), script(root(), "/entry.sh", &branches))
}

/// A script with as many commands as fit, all of them in one function.
fn a_large_function() -> (ImageFacts, MemoryRoot) {
    let commands = ":\n".repeat(500_000);
    (image(), script(root(), "/entry.sh", &format!("main() {{\n{commands}}}\nexec /bin/dash -c ls $X\n")))
}

/// Functions, which stay in memory, as many as fit.
fn many_functions() -> (ImageFacts, MemoryRoot) {
    let functions: String =
        (0..9_000).map(|number| format!("f{number}() {{ {}}}\n", ": `:`;".repeat(16))).collect();
    (image(), script(root(), "/entry.sh", &format!("{functions}exec /bin/dash -c ls $X\n")))
}

/// A command of as many words as fit.
fn a_long_command() -> (ImageFacts, MemoryRoot) {
    let words = " a".repeat(500_000);
    (image(), script(root(), "/entry.sh", &format!("f() {{\n:{words}\n}}\nexec /bin/dash -c ls $X\n")))
}

#[test]
fn the_memory_for_an_image_has_a_limit() {
    for (name, make) in [
        ("long scripts", two_scripts as fn() -> (ImageFacts, MemoryRoot)),
        ("a large function", a_large_function),
        ("many functions", many_functions),
        ("a long command", a_long_command),
        ("many words", many_words),
        ("a long variable", a_long_variable),
        ("a long path", a_long_path),
    ] {
        let (image, root) = make();
        let used = allocation_counter::measure(|| {
            verify_image(&image, &root, &Target::new(&Platform::LINUX_AMD64), &BTreeMap::new());
        });
        assert!(used.bytes_max < MOST, "{name}: {} MiB", used.bytes_max >> 20);
    }
}

/// A PATH with too many directories for a search in all of them, each of which has many parts.
#[test]
fn a_search_has_a_limit() {
    let path: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
    let (deep, path) = ("/d".repeat(1_900), path.join(":"));
    let verify = |path: String| {
        let image = image().with_working_directory(&*deep).with_env([format!("PATH={path}")]);
        verify_image(
            &image.with_entrypoint(["dash"]),
            &root(),
            &Target::new(&Platform::LINUX_AMD64),
            &BTreeMap::new(),
        )
    };
    let findings = verify(format!("{path}:/bin"));
    assert_eq!(Verdict::of(&findings), Verdict::Unproven, "{findings:#?}");
    // The same directory again and again counts once.
    let findings = verify(format!("{}/bin", "a:".repeat(60_000)));
    assert_eq!(Verdict::of(&findings), Verdict::Starts, "{findings:#?}");
}
