//! Plans for other machines, as snapshots: for an Apple M3, and for a Linux machine without tools.

use std::time::Duration;

use crossdock_tests::{Layout, Machine, Outcome, Sandbox, fixture};

/// Returns the plan of an example on a host, without the sandbox's paths. The exit code is 3 if the described host lacks a
/// tool, which the plan names.
fn plan(example: &str, arguments: &[&str]) -> String {
    let sandbox = Sandbox::new();
    let project = fixture::example(&sandbox.work(), example);
    fixture::commit(&sandbox, &project);
    let arguments: Vec<&str> = ["plan"].iter().chain(arguments).copied().collect();
    let outcome = sandbox.crossdock(&project, &arguments);
    assert!(matches!(outcome.code, Some(0 | 3)), "{outcome}");
    without_paths(&sandbox, &project, &outcome)
}

fn without_paths(sandbox: &Sandbox, project: &std::path::Path, outcome: &Outcome) -> String {
    let mut text = outcome.stdout.clone();
    let cargo_home = sandbox.cargo_home();
    for (path, name) in [
        (project.to_path_buf(), "[PROJECT]"),
        (sandbox.cache(), "[CACHE]"),
        (sandbox.work(), "[WORK]"),
        (cargo_home, "[CARGO_HOME]"),
    ] {
        text = text.replace(path.to_str().unwrap(), name);
    }
    let commit = sandbox.tool(project, "git", &["rev-parse", "--short", "HEAD"]).success().stdout;
    text = text.replace(commit.trim(), "[COMMIT]");
    // `go version go1.26.8 linux/amd64` and `rustc 1.95.0 (… 2026-03-21)`: the first word with a digit holds the version.
    for (tool, argument) in [("go", "version"), ("rustc", "--version")] {
        let output = sandbox.tool(project, tool, &[argument]).success().stdout;
        let version =
            output.split_whitespace().find(|word| word.contains(|c: char| c.is_ascii_digit())).unwrap();
        text = text.replace(version.trim_start_matches("go"), "[VERSION]");
    }
    without_hash(&text)
}

/// Removes the hash of the project's path from the name of its cache directory.
fn without_hash(text: &str) -> String {
    let mut parts = text.split("[CACHE]/crossdock/build/");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (directory, rest) = part.split_once('/').unwrap_or((part, ""));
        let name = directory.rsplit_once('-').map_or(directory, |(name, _hash)| name);
        result.push_str(&format!("[CACHE]/crossdock/build/{name}-[HASH]/{rest}"));
    }
    result
}

/// Checks that a plan for a Mac names nothing of Debian.
fn names_nothing_of_debian(text: &str) {
    let lower = text.to_lowercase();
    for word in ["apt", "dpkg", "debian", "linux-gnu-gcc", "/usr/lib/rustlib"] {
        assert!(
            !lower.split(|c: char| c.is_whitespace() || c == '`').any(|w| w.starts_with(word)),
            "{word}: {text}"
        );
    }
}

#[test]
fn the_go_example_can_be_planned_for_an_apple_m3() {
    let text = plan("k8s-ssh-server", &["--host", "darwin/arm64"]);
    names_nothing_of_debian(&text);
    insta::assert_snapshot!("go-darwin-arm64", text);
}

#[test]
fn the_rust_example_can_be_planned_for_an_apple_m3() {
    let text = plan("http-api", &["--host", "darwin/arm64"]);
    names_nothing_of_debian(&text);
    assert!(text.contains("zig") && text.contains("rustup"), "{text}");
    insta::assert_snapshot!("rust-darwin-arm64", text);
}

#[test]
fn the_rust_example_can_be_planned_as_a_graph() {
    insta::assert_snapshot!(
        "rust-mermaid",
        plan("http-api", &["--host", "darwin/arm64", "--graph", "mermaid"])
    );
    insta::assert_snapshot!("rust-dot", plan("http-api", &["--host", "darwin/arm64", "--graph", "dot"]));
}

#[test]
fn the_printed_command_gives_the_program_that_dist_packs() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let plan = sandbox.crossdock(&project, &["plan", "--platform", "linux/arm64"]).success().stdout;
    let command =
        plan.lines().find(|line| line.contains("go build")).unwrap_or_else(|| panic!("no command: {plan}"));
    let printed = command.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let by_hand = sandbox.tool(&sandbox.work(), "sh", &["-c", printed]).success();
    let output = printed.split_whitespace().skip_while(|word| *word != "-o").nth(1).unwrap();
    let first = std::fs::read(std::path::Path::new(output).join("hello"))
        .unwrap_or_else(|e| panic!("{e}: {by_hand}"));
    sandbox.crossdock(&project, &["dist", "--platform", "linux/arm64"]).success();
    let layout = Layout::open(project.join(".crossdock/hello"));
    let packed = std::fs::read(layout.program("linux/arm64", &sandbox.work().join("root"))).unwrap();
    assert!(first == packed, "the printed command gives another program");
}

/// Returns the programs of an image in a plan, without the reasons.
fn programs(sandbox: &Sandbox, project: &std::path::Path, host: &[&str]) -> serde_json::Value {
    let arguments =
        [&["plan", "--json", "--platform", "linux/amd64/v3,linux/arm64,linux/riscv64"], host].concat();
    let outcome = sandbox.crossdock(project, &arguments);
    assert!(matches!(outcome.code, Some(0 | 3)), "{outcome}");
    let mut platforms = outcome.json()["images"][0]["platforms"].take();
    for program in platforms
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .flat_map(|platform| platform["programs"].as_array_mut().unwrap())
    {
        assert!(program.as_object_mut().unwrap().remove("why").is_some());
    }
    platforms
}

#[test]
fn expectations_of_a_program_do_not_depend_on_the_machine() {
    let sandbox = Sandbox::new();
    let bare = sandbox.work().join("bare.toml");
    fixture::write(&bare, "platform = \"linux/arm64\"\n");
    let bare = ["--host", bare.to_str().unwrap()];
    let go = fixture::go_module(&sandbox.work(), "server");
    let rust = fixture::rust_package(&sandbox.work(), "hello");
    for project in [&go, &rust] {
        let here = programs(&sandbox, project, &[]);
        assert_eq!(programs(&sandbox, project, &bare), here);
        assert_eq!(here.as_array().unwrap().len(), 4, "{here:#}");
    }
    let v3 = &programs(&sandbox, &rust, &bare)[1]["programs"][0];
    assert_eq!(v3["artifact"], "hello/hello@linux/amd64/v3#hello");
    assert_eq!(v3["expected"], serde_json::json!({"language": "rust", "static": true, "cpu": "x86-64-v3"}));
    let arm = &programs(&sandbox, &go, &bare)[2]["programs"][0];
    assert_eq!((&arm["name"], &arm["path"]), (&"server".into(), &"/usr/local/bin/server".into()));
    let settings =
        serde_json::json!({"CGO_ENABLED": "0", "GOARCH": "arm64", "GOARM64": "v8.0", "GOOS": "linux"});
    assert_eq!(arm["expected"], serde_json::json!({"language": "go", "settings": settings}));
}

/// Runs every command that a plan prints, in order, as a person would who copies them.
fn run_by_hand(sandbox: &Sandbox, project: &std::path::Path) -> usize {
    let plan = sandbox.crossdock(project, &["plan", "-v"]).success().stdout;
    let printed: Vec<&str> = plan.lines().filter_map(|line| line.strip_prefix("│    ")).collect();
    for command in &printed {
        sandbox.tool(&sandbox.work(), "sh", &["-c", command]).success();
    }
    printed.len()
}

/// Checks that the printed commands of a Rust project give the programs that `dist` packs.
fn gives_the_same_by_hand(package: &str, files: &[(&str, &str)], commands: std::ops::RangeInclusive<usize>) {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), package);
    files.iter().for_each(|(path, content)| fixture::write(project.join(path), content));
    let lock = project.join("Cargo.lock");
    if !files.is_empty() {
        // The lock file's entries of registry packages are left to cargo.
        std::fs::remove_file(&lock).unwrap();
        sandbox.tool(&project, "cargo", &["generate-lockfile"]).success();
    }
    let run = run_by_hand(&sandbox, &project);
    assert!(commands.contains(&run), "{run} commands");
    let platforms = ["linux/amd64", "linux/arm64"].into_iter().zip(["x86_64", "aarch64"]);
    let by_hand: Vec<Vec<u8>> = platforms
        .clone()
        .map(|(_, cpu)| {
            std::fs::read(project.join(format!("target/{cpu}-unknown-linux-musl/release/{package}"))).unwrap()
        })
        .collect();
    std::fs::remove_dir_all(project.join("target")).unwrap();
    std::fs::remove_dir_all(sandbox.cache()).unwrap();
    sandbox.crossdock(&project, &["dist"]).success();
    let layout = Layout::open(project.join("target/crossdock").join(package));
    for ((platform, cpu), by_hand) in platforms.zip(by_hand) {
        let packed = std::fs::read(layout.program(platform, &sandbox.work().join(cpu))).unwrap();
        assert!(packed == by_hand, "the printed commands give another program for {platform}");
    }
}

/// A build script of the project may call the compiler itself: without its variables it would use the host's, and link the
/// host's code into a program for another machine.
#[test]
fn a_build_script_gets_the_compiler_of_the_target() {
    let script = r#"use std::{env::var, process::Command};

fn main() {
    let (target, out) = (var("TARGET").unwrap().replace('-', "_"), var("OUT_DIR").unwrap());
    let tool = |name: &str, default: &str| var(format!("{name}_{target}")).unwrap_or_else(|_| default.to_owned());
    let object = format!("{out}/add.o");
    let cc = var("CC").unwrap_or_else(|_| tool("CC", "cc"));
    assert!(Command::new(cc).args(["-c", "src/add.c", "-o", &object]).status().unwrap().success());
    assert!(Command::new(tool("AR", "ar")).args(["crs", &format!("{out}/libadd.a"), &object]).status().unwrap().success());
    println!("cargo:rustc-link-search=native={out}\ncargo:rustc-link-lib=static=add");
}
"#;
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "byhand");
    fixture::write(project.join("build.rs"), script);
    fixture::write(project.join("src/add.c"), "int add(int a, int b) { return a + b; }\n");
    fixture::write(
        project.join("src/main.rs"),
        "unsafe extern \"C\" {\n    fn add(a: i32, b: i32) -> i32;\n}\nfn main() {\n    println!(\"{}\", unsafe { add(3, 4) });\n}\n",
    );
    sandbox.crossdock(&project, &["dist"]).success();
    let layout = Layout::open(project.join("target/crossdock/byhand"));
    for machine in Machine::ALL {
        let program = layout.program(machine.platform(), &sandbox.work().join(machine.name()));
        assert_eq!(machine.run(&program, &[], Duration::from_secs(60)).success().stdout, "7\n");
    }
}

/// jemalloc of a cross build aborts on pages of more than 4 KiB, which nodes of arm64 may have.
#[test]
fn jemalloc_is_compiled_for_the_large_pages_of_arm64() {
    const NAME: &str = "JEMALLOC_SYS_WITH_LG_PAGE";
    let mut sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "app");
    let write = |path: &str, text: &str| fixture::write(project.join(path), text);
    let package =
        |name: &str| format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    let depends =
        format!("{}[dependencies]\ntikv-jemalloc-sys = {{ path = \"jemalloc\" }}\n", package("app"));
    write("Cargo.toml", &depends);
    write("jemalloc/Cargo.toml", &package("tikv-jemalloc-sys"));
    write("jemalloc/build.rs", "fn main() {\n    std::env::var(\"CC\").ok();\n}\n");
    write("jemalloc/src/lib.rs", "");
    std::fs::remove_file(project.join("Cargo.lock")).unwrap();
    let environments = |sandbox: &Sandbox| {
        let plan = sandbox.crossdock(&project, &["plan", "--json"]).success().json();
        let calls =
            plan["steps"].as_array().unwrap().iter().filter_map(|step| step.pointer("/action/command"));
        let calls = calls.filter(|command| command["arguments"][0] == "build");
        let triple = |command: &serde_json::Value| {
            let words: Vec<&str> =
                command["arguments"].as_array().unwrap().iter().filter_map(|word| word.as_str()).collect();
            let place = words.iter().position(|word| *word == "--target").unwrap();
            words[place + 1].to_owned()
        };
        calls.map(|call| (triple(call), call["environment"][NAME].clone())).collect::<Vec<_>>()
    };
    let (amd64, arm64) = ("x86_64-unknown-linux-musl".to_owned(), "aarch64-unknown-linux-musl".to_owned());
    assert_eq!(environments(&sandbox), [(amd64, serde_json::Value::Null), (arm64.clone(), "16".into())]);
    let printed = sandbox.crossdock(&project, &["plan"]).success().stdout;
    assert_eq!(printed.matches(&format!("{NAME}=16 ")).count(), 1, "{printed}");
    write(".cargo/config.toml", &format!("[env]\n{NAME} = \"14\"\n"));
    let unset = |sandbox: &Sandbox| environments(sandbox).iter().all(|(_, value)| value.is_null());
    assert!(unset(&sandbox), "the user's own value counts");
    std::fs::remove_file(project.join(".cargo/config.toml")).unwrap();
    sandbox.set(NAME, "14");
    assert!(unset(&sandbox), "the user's own value counts");
}

#[test]
fn the_commands_of_a_rust_plan_give_the_programs_that_dist_packs() {
    gives_the_same_by_hand("plain", &[], 1..=1);
}

#[test]
fn the_commands_of_a_plan_with_c_code_give_the_programs_that_dist_packs() {
    let files = [
        (
            "Cargo.toml",
            "[package]\nname = \"withc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n\n[build-dependencies]\ncc = \"1\"\n",
        ),
        ("build.rs", "fn main() {\n    cc::Build::new().file(\"src/add.c\").compile(\"add\");\n}\n"),
        (
            "src/add.c",
            "#include <stdio.h>\nint add(int a, int b) { return puts(__FILE__) < 0 ? 0 : a + b; }\n",
        ),
        (
            "src/main.rs",
            "unsafe extern \"C\" {\n    fn add(a: i32, b: i32) -> i32;\n}\nfn main() {\n    println!(\"{}\", unsafe { add(3, 4) });\n}\n",
        ),
    ];
    // The wrapper scripts of zig and CMake's files for two platforms, and one call of cargo.
    gives_the_same_by_hand("withc", &files, 8..=12);
}

#[test]
fn nodes_of_included_files_are_shown_at_their_own_place() {
    let sandbox = Sandbox::new();
    let root = sandbox.work().join("both");
    fixture::write(root.join("crossdock.toml"), "include = [\"*\"]\n");
    for (name, lines) in [("one", ""), ("two", "\n\n")] {
        let project = fixture::go_module(&root, name);
        let config =
            format!("{lines}[deploy.eks]\nnodes = [\"m5.large\"]\n[image.{name}]\ndeploy = [\"eks\"]\n");
        fixture::write(project.join("crossdock.toml"), config);
    }
    let plan = sandbox.crossdock(&root, &["plan"]).success();
    assert!(plan.stdout.contains("one/crossdock.toml:2:10)"), "{plan}");
    assert!(plan.stdout.contains("two/crossdock.toml:4:10)"), "{plan}");
}

/// The C library of an image does not depend on what is installed.
#[test]
fn a_host_without_musl_is_told_two_ways() {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "hello");
    let host = |std: &str| {
        format!(
            "platform = \"linux/amd64\"\nsystem = \"debian\"\n[rust]\nstd = [{std}]\n[tools]\ncc = true\n\
             aarch64-linux-gnu-gcc = true\n"
        )
    };
    let gnu = r#""x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu""#;
    let some_musl = format!("{gnu}, \"x86_64-unknown-linux-musl\"");
    let plan = |std: &str, more: &[&str]| {
        fixture::write(sandbox.work().join("host.toml"), host(std));
        let file = sandbox.work().join("host.toml").display().to_string();
        sandbox.crossdock(&project, &[&["plan", "--host", &file], more].concat())
    };
    let missing = plan(&some_musl, &[]).ends_with(3);
    let missing = missing.says("missing:").says("run: rustup target add aarch64-unknown-linux-musl");
    let missing =
        missing.says("`libc = \"gnu\"` links the GNU C library instead, for which nothing is missing");
    assert!(!missing.stdout.contains("--target aarch64-unknown-linux-gnu"), "{missing}");
    fixture::write(project.join("crossdock.toml"), "[image.hello]\nlibc = \"gnu\"\n");
    let decided = plan(&some_musl, &["--json"]).success().json();
    assert_eq!(decided["missing"], serde_json::json!([]), "{decided}");
    let calls = decided["steps"].to_string();
    assert!(
        calls.contains("aarch64-unknown-linux-gnu") && calls.contains("x86_64-unknown-linux-gnu"),
        "{calls}"
    );
    assert!(!calls.contains("musl"), "{calls}");
}
