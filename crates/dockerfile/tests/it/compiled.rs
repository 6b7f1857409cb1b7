//! Compile steps of rendered files, executed: their programs are for the platform that the engine would request, and
//! they start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crossdock_dockerfile::read::{Dockerfile, Instruction, Keyword, Scope, expand};
use crossdock_dockerfile::render::{Base, Linking, Mode, Program, Request, render};
use crossdock_platform::Platform;

/// The ELF `e_machine` of each platform, and the emulator that starts its programs on this machine.
const PLATFORMS: &[(&str, u16, &[&str])] =
    &[("linux/amd64", 62, &[]), ("linux/arm64", 183, &["qemu-aarch64-static"])];

#[test]
fn go_programs_start() {
    let directory = project(
        "go",
        &[
            ("go.mod", "module example.org/hello\n\ngo 1.24\n"),
            (
                "cmd/hello/main.go",
                "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello from Go\") }\n",
            ),
        ],
    );
    compile_and_start(Linking::GoStatic, "./cmd/hello", &directory, "hello from Go\n");
}

#[test]
fn rust_programs_start() {
    let directory = project(
        "rust",
        &[
            (
                "Cargo.toml",
                "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n",
            ),
            ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"hello\"\nversion = \"0.1.0\"\n"),
            ("src/main.rs", "fn main() { println!(\"hello from Rust\"); }\n"),
        ],
    );
    compile_and_start(Linking::RustMusl, "hello", &directory, "hello from Rust\n");
}

fn project(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let directory =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("compiled-{name}-{}", std::process::id()));
    for (path, text) in files {
        let path = directory.join("src").join(path);
        std::fs::create_dir_all(path.parent().expect("it has a parent"))
            .expect("the target directory is writable");
        let mut file = std::fs::File::create(path).expect("the target directory is writable");
        std::io::Write::write_all(&mut file, text.as_bytes()).expect("the target directory is writable");
    }
    directory
}

fn compile_and_start(linking: Linking, package: &str, directory: &Path, words: &str) {
    let platforms: Vec<Platform> = PLATFORMS
        .iter()
        .map(|(name, ..)| Platform::parse(name).expect("the test names real platforms"))
        .collect();
    let fixed = platforms.iter().cloned().map(Mode::Fixed);
    for mode in std::iter::once(Mode::Cross(platforms.clone())).chain(fixed) {
        let program = Program::new("hello", package);
        let mut request = Request::new(linking, "1", vec![program], mode);
        request.base = Base::Scratch;
        let rendered = render(&request).expect("it starts on every base");
        for platform in &rendered.platforms {
            let file = Dockerfile::read(&rendered.dockerfile).expect("what is rendered is read");
            run_compile_step(&file, platform, directory);
            check(&directory.join("out/usr/local/bin/hello"), &platform.to_string(), words);
        }
    }
    std::fs::remove_dir_all(directory).expect("the target directory is writable");
}

/// Runs the last `RUN` of the first stage in its stage's environment, with its absolute paths moved below `directory`.
fn run_compile_step(file: &Dockerfile, platform: &Platform, directory: &Path) {
    let stage = || file.instructions().skip_while(|one| one.keyword != Keyword::From).skip(1);
    let stage: Vec<&Instruction> = stage().take_while(|one| one.keyword != Keyword::From).collect();
    let moved = |text: &str| {
        let mut text = text.to_owned();
        for absolute in ["/out", "/var/cache/cargo", "/src/target"] {
            let here = format!("{}{absolute}", directory.display());
            text = text.replace(&format!(" {absolute}"), &format!(" {here}"));
            text = if text == absolute { here } else { text };
        }
        text
    };
    let mut env: BTreeMap<String, String> = BTreeMap::from([
        ("TARGETOS".to_owned(), platform.os().to_string()),
        ("TARGETARCH".to_owned(), platform.architecture().to_string()),
        ("TARGETVARIANT".to_owned(), platform.variant().unwrap_or_default().to_owned()),
    ]);
    for pair in stage.iter().filter(|one| one.keyword == Keyword::Env).flat_map(|one| one.arguments.pairs()) {
        let value = expand(&pair.value, &Scope::new()).expect("rendered values have no variables");
        env.insert(pair.name.clone(), moved(&value));
    }
    let run = stage.iter().rfind(|one| one.keyword == Keyword::Run).expect("the first stage compiles");
    let script = moved(run.argument_text());
    let output = spawn(command("sh").args(["-c", &script]).envs(env).current_dir(directory.join("src")));
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{platform}: {script}\n{out}{error}");
}

fn check(program: &Path, platform: &str, words: &str) {
    let (_, machine, emulator) =
        PLATFORMS.iter().find(|(name, ..)| *name == platform).expect("only these were asked for");
    let bytes = std::fs::read(program).expect("the compile step wrote it");
    assert_eq!(bytes.get(..4), Some(&b"\x7fELF"[..]));
    assert_eq!(bytes.get(18..20), Some(&machine.to_le_bytes()[..]), "{platform}");
    let path = program.display().to_string();
    let mut line = emulator.iter().map(ToString::to_string).chain([path]);
    let output = spawn(command(&line.next().expect("it has a program")).args(line));
    assert_eq!(String::from_utf8_lossy(&output.stdout), words, "{platform}");
    std::fs::remove_file(program).expect("the target directory is writable");
}

#[expect(clippy::disallowed_methods, reason = "the test compiles and starts programs")]
fn command(program: &str) -> Command {
    Command::new(program)
}

fn spawn(command: &mut Command) -> Output {
    let name = command.get_program().to_string_lossy().into_owned();
    command
        .output()
        .unwrap_or_else(|error| panic!("this test needs `{name}`, which cannot be started: {error}"))
}
