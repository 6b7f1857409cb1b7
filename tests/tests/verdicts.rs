//! The findings of verification, each reported once, and their consequences for an image: `unproven`, `--strict`, `--all`,
//! damaged subjects, and steps that were ended because another one failed.

use std::path::{Path, PathBuf};

use crossdock_tests::fixture::write;
use crossdock_tests::handmade::{Entry, EntryKind, Image};
use crossdock_tests::{Layout, Outcome, Sandbox, fixture};

const ONE: [&str; 3] = ["dist", "--platform", "linux/amd64"];

/// Creates a Rust project whose programs are compiled for an unknown processor.
fn unproven(sandbox: &mut Sandbox, cpu: &str) -> PathBuf {
    sandbox.set("RUSTFLAGS", format!("-Ctarget-cpu={cpu}"));
    fixture::rust_package(&sandbox.work(), "hello")
}

#[test]
fn an_unproven_image_is_tagged_with_a_warning_and_refused_under_strict() {
    let mut sandbox = Sandbox::new();
    let project = unproven(&mut sandbox, "native");
    let tagged = sandbox.crossdock(&project, &ONE).success().says("hello:0.1.0@sha256:");
    assert_eq!(tagged.stderr.matches("[level-unknown]").count(), 1, "{tagged}");
    tagged.complains("warning: hello on linux/amd64:").complains("ok  tag hello");
    let strict = [&ONE[..], &["--strict", "--tag", "strict"]].concat();
    let refused = sandbox.crossdock(&project, &strict).ends_with(1).complains("bad verify hello");
    refused.complains("image `hello` was not tagged: it is not proven to start on linux/amd64");
    let tags = Layout::open(project.join("target/crossdock/hello")).tags().to_vec();
    assert!(tags.iter().all(|tag| !tag.contains("strict")), "{tags:?}");
    // Verification of the built image on its own: each finding once, with its severity.
    let verify = ["verify", "--platform", "linux/amd64"];
    let verified = sandbox.crossdock(&project, &verify).success().says("unproven  hello");
    assert_eq!(verified.stdout.matches("warning[level-unknown]").count(), 1, "{verified}");
    assert!(!verified.stderr.contains("level-unknown"), "{verified}");
    let strict = sandbox.crossdock(&project, &[&verify[..], &["--strict"]].concat()).ends_with(1);
    assert!(!strict.stderr.contains("ok  verify"), "{strict}");
    strict.complains("bad verify hello  unproven");
}

#[test]
fn a_level_of_amd64_for_an_arm64_program_is_reported() {
    let mut sandbox = Sandbox::new();
    let project = unproven(&mut sandbox, "x86-64-v3");
    let outcome = sandbox.crossdock(&project, &["dist", "--platform", "linux/arm64"]).success();
    assert!(!outcome.stderr.contains("processor v3") && !outcome.stderr.contains("`native`"), "{outcome}");
    outcome
        .complains("target-cpu x86-64-v3, which names processors of amd64")
        .complains("[target.TRIPLE] rustflags");
}

/// Creates a Rust project with C code.
fn with_c_code(sandbox: &Sandbox) -> PathBuf {
    let project = fixture::rust_package(&sandbox.work(), "hello");
    fixture::write(project.join("build.rs"), "fn main() {\n    std::env::var(\"TARGET_CC\").ok();\n}\n");
    project
}

#[test]
fn a_level_of_the_c_compiler_is_verified() {
    let mut sandbox = Sandbox::new();
    let (project, without_c) = (with_c_code(&sandbox), fixture::rust_package(&sandbox.work(), "pure"));
    sandbox.set("CFLAGS", "-O3 -march=x86-64-v4");
    let refused = sandbox.crossdock(&project, &ONE).ends_with(1);
    refused
        .complains("[level-too-high]")
        .complains("has code compiled with `-march=x86-64-v4` in CFLAGS")
        .complains("image `hello` was not tagged");
    sandbox.crossdock(&without_c, &[&ONE[..], &["--strict"]].concat()).success();
    sandbox.set("CFLAGS", "-O3 -mtune=native");
    sandbox.crossdock(&project, &[&ONE[..], &["--strict"]].concat()).success();
    let config = "[env]\nCXXFLAGS_x86_64-unknown-linux-musl = \"-march=native\"\n";
    fixture::write(project.join(".cargo/config.toml"), config);
    let refused = sandbox.crossdock(&project, &[&ONE[..], &["--strict"]].concat()).ends_with(1);
    refused.complains("[level-unknown]").complains("(env.CXXFLAGS_x86_64-unknown-linux-musl)");
}

/// The variable that crossdock sets for each triple does not hide the user's.
#[test]
fn flags_of_the_user_for_a_triple_reach_the_compiler() {
    const NAME: &str = "CFLAGS_x86_64_unknown_linux_musl";
    let mut sandbox = Sandbox::new();
    let project = with_c_code(&sandbox);
    sandbox.set(NAME, "-DOWN=1 -march=x86-64-v3");
    let plan = sandbox.crossdock(&project, &["plan", "--json", "--platform", "linux/amd64"]).success().json();
    let mut calls =
        plan["steps"].as_array().unwrap().iter().filter_map(|step| step.pointer("/action/command"));
    let flags = calls.find_map(|call| call["environment"][NAME].as_str()).unwrap();
    assert!(
        flags.starts_with("-ffile-prefix-map=") && flags.ends_with(" -DOWN=1 -march=x86-64-v3"),
        "{flags}"
    );
    let expected = &plan["images"][0]["platforms"][0]["programs"][0]["expected"]["compiler_flags"];
    assert_eq!(*expected, serde_json::json!([{"flag": "-march=x86-64-v3", "place": NAME}]));
}

#[test]
fn the_flags_of_cgo_are_expected_only_with_cgo() {
    let mut sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    sandbox.set("CGO_CFLAGS", "-O2 -march=x86-64-v4");
    let expected = |sandbox: &Sandbox, cgo: bool| {
        fixture::write(project.join("crossdock.toml"), format!("[image.hello]\ncgo = {cgo}\n"));
        let arguments = ["plan", "--json", "--platform", "linux/amd64"];
        let mut plan = sandbox.crossdock(&project, &arguments).success().json();
        plan["images"][0]["platforms"][0]["programs"][0]["expected"]["compiler_flags"].take()
    };
    let flag = serde_json::json!([{"flag": "-march=x86-64-v4", "place": "CGO_CFLAGS"}]);
    assert_eq!(expected(&sandbox, true), flag);
    assert_eq!(expected(&sandbox, false), serde_json::Value::Null);
    sandbox.set("CGO_CFLAGS", "-O2 -mtune=native");
    assert_eq!(expected(&sandbox, true), serde_json::Value::Null);
}

/// Returns the flags that a plan expects in a program for linux/amd64, and the plan's warnings.
fn expected(sandbox: &Sandbox, project: &Path) -> (Vec<String>, String) {
    let plan = ["plan", "--json", "--platform", "linux/amd64"];
    let plan = sandbox.crossdock(project, &plan).success().json();
    let flags = &plan["images"][0]["platforms"][0]["programs"][0]["expected"]["compiler_flags"];
    let text = |flag: &serde_json::Value| {
        format!("{} in {}", flag["flag"].as_str().unwrap(), flag["place"].as_str().unwrap())
    };
    (
        flags.as_array().map(|flags| flags.iter().map(text).collect()).unwrap_or_default(),
        plan["warnings"].to_string(),
    )
}

#[test]
fn instructions_that_flags_enable_one_by_one_are_verified() {
    let mut sandbox = Sandbox::new();
    let project = with_c_code(&sandbox);
    sandbox.set("CFLAGS", "-O3 -mavx2 -mfma -mno-fma -msse2");
    let refused = sandbox.crossdock(&project, &ONE).ends_with(1);
    refused.complains("[level-too-high]").complains("has code compiled with `-mavx2` in CFLAGS");
    // `-mno-fma` removes FMA, but not what FMA implies.
    assert_eq!(expected(&sandbox, &project).0, ["-mavx2 in CFLAGS", "-mfma in CFLAGS"]);
    sandbox.unset("CFLAGS").set("RUSTFLAGS", "-C target-feature=+avx2,+aes,-aes,+sse2");
    let refused = sandbox.crossdock(&project, &ONE).ends_with(1);
    refused.complains("has code compiled with `-Ctarget-feature=+avx2` in RUSTFLAGS");
    // Every node of the level has them.
    let v3 = ["dist", "--platform", "linux/amd64/v3", "--for", "linux/amd64/v3", "--strict"];
    let mut sandbox = Sandbox::new();
    let project = with_c_code(&sandbox);
    sandbox.set("CFLAGS_x86_64-unknown-linux-musl", "-mavx2");
    sandbox
        .crossdock(&project, &v3)
        .ends_with(1)
        .complains("starts  hello on linux/amd64/v3")
        .complains("fails  hello on linux/amd64\n");
}

/// The plan sets the compiler with the underscored triple, which the crate cc reads after the one with dashes and before
/// all others.
#[test]
fn flags_inside_the_compilers_variable_count_if_it_is_used() {
    let mut sandbox = Sandbox::new();
    let project = with_c_code(&sandbox);
    sandbox.set("CC_x86_64-unknown-linux-musl", "gcc -march=x86-64-v4");
    assert_eq!(expected(&sandbox, &project).0, ["-march=x86-64-v4 in CC_x86_64-unknown-linux-musl"]);
    sandbox.unset("CC_x86_64-unknown-linux-musl");
    for name in ["CC", "CC_x86_64_unknown_linux_musl"] {
        sandbox.set(name, "gcc -march=x86-64-v4");
        let (flags, warnings) = expected(&sandbox, &project);
        assert_eq!(flags, [""; 0]);
        assert!(
            warnings.contains(&format!("of {name} does not compile its C code for linux/amd64")),
            "{warnings}"
        );
        sandbox.unset(name);
    }
    // As set in many environments for the programs of the machine itself.
    sandbox.set("CC", "clang");
    assert_eq!(expected(&sandbox, &project), (Vec::new(), "[]".to_owned()));
    let module = fixture::go_module(&sandbox.work(), "server");
    fixture::write(module.join("crossdock.toml"), "[image.server]\ncgo = true\n");
    sandbox.set("CC", "gcc -march=x86-64-v4");
    let (flags, warnings) = expected(&sandbox, &module);
    assert!(
        flags.is_empty() && warnings.contains("of CC does not compile its C code"),
        "{flags:?} {warnings}"
    );
}

#[test]
fn flags_of_cgo_lines_are_verified_for_their_platform() {
    let mut sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let source = |line: &str| {
        format!(
            "package main\n\n// {line}\n// static int answer(void) {{ return 42; }}\nimport \"C\"\n\nfunc main() {{ println(C.answer()) }}\n"
        )
    };
    // gcc links glibc at once, where zig builds musl for minutes.
    let config =
        |cgo: bool| format!("[image.hello]\ncgo = {cgo}\n{}", if cgo { "libc = \"gnu\"\n" } else { "" });
    fixture::write(project.join("crossdock.toml"), config(true));
    fixture::write(project.join("main.go"), source("#cgo amd64 CFLAGS: -O2 -mavx2"));
    let place = "the #cgo lines of example.com/hello";
    assert_eq!(expected(&sandbox, &project).0, [format!("-mavx2 in {place}")]);
    let refused = sandbox.crossdock(&project, &ONE).ends_with(1);
    refused.complains("[level-too-high]").complains(&format!("compiled with `-mavx2` in {place}"));
    fixture::write(project.join("main.go"), source("#cgo arm64 CFLAGS: -march=armv8.2-a+sve"));
    assert_eq!(expected(&sandbox, &project).0, [""; 0]);
    fixture::write(project.join("main.go"), "package main\n\nfunc main() {}\n");
    fixture::write(
        project.join("cgo.go"),
        source("#cgo CFLAGS: -march=haswell")
            .replace("func main() { println(C.answer()) }", "var _ = C.answer()"),
    );
    fixture::write(project.join("crossdock.toml"), config(false));
    assert_eq!(expected(&sandbox, &project).0, [""; 0]);
    // A level of Go itself follows from the platform.
    sandbox.set("GOAMD64", "v3");
    let (_, warnings) = expected(&sandbox, &project);
    assert!(warnings.contains("`GOAMD64=v3` (GOAMD64) has no effect"), "{warnings}");
}

/// Creates a Go project whose image has a missing entry point, built and not tagged.
fn refused(sandbox: &Sandbox) -> PathBuf {
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(project.join("crossdock.toml"), "[image.hello]\nentrypoint = [\"/nowhere\"]\n");
    sandbox.crossdock(&project, &["build", "--platform", "linux/amd64"]).success();
    project
}

#[test]
fn a_refused_image_is_reported_once_and_its_step_fails() {
    let sandbox = Sandbox::new();
    let project = refused(&sandbox);
    let outcome = sandbox.crossdock(&project, &["verify", "--platform", "linux/amd64"]).ends_with(1);
    let all = format!("{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(all.matches("[entry-point-missing]").count(), 1, "{outcome}");
    assert!(!all.contains("warning:") && !all.contains("ok  verify"), "{outcome}");
    outcome.says("error[entry-point-missing]").complains("bad verify hello  fails");
    let dist = sandbox.crossdock(&project, &ONE).ends_with(1).complains("bad verify hello");
    assert_eq!(dist.stderr.matches("[entry-point-missing]").count(), 1, "{dist}");
}

#[test]
fn a_node_with_a_known_level_fails_and_without_is_unproven() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let mut command = sandbox.command("go", &project);
    command
        .envs([("GOAMD64", "v3"), ("GOARCH", "amd64"), ("CGO_ENABLED", "0")])
        .args(["build", "-o", "v3", "."]);
    crossdock_tests::outcome::run(&mut command, std::time::Duration::from_secs(600)).success();
    let nodes = [
        ("c5.large", "starts"),
        ("c6a.large", "starts"),
        ("i4i.large", "starts"),
        ("p5.48xlarge", "starts"),
        ("Standard_D2s_v5", "starts"),
        ("Standard_D2as_v5", "starts"),
        ("c3-standard-4", "starts"),
        ("e2-medium", "starts"),
        ("VM.Standard.E4.Flex", "starts"),
        ("linux/amd64/v3", "starts"),
        ("linux/amd64", "fails"),
        ("n1-standard-1", "fails"),
        ("t2.micro", "unproven"),
        ("ubuntu-24.04", "unproven"),
        ("m9i.large", "unproven"),
    ];
    let named = nodes.map(|(name, _)| name).join(",");
    let lines = sandbox.crossdock(&project, &["verify", "v3", "--for", &named, "--json"]).json_lines();
    for (line, (name, verdict)) in lines.iter().zip(nodes) {
        assert_eq!((&line["for"], &line["verdict"]), (&name.into(), &verdict.into()), "{line:#}");
    }
    assert_eq!(lines.len(), nodes.len());
}

#[test]
fn all_verifies_the_other_programs_of_an_image() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    sandbox.crossdock(&project, &["dist", "--platform", "linux/arm64", "--output", "arm"]).success();
    let foreign =
        Layout::open(project.join("arm/hello")).program("linux/arm64", &sandbox.work().join("root"));
    std::fs::copy(foreign, project.join("helper")).unwrap();
    let config =
        "[image.hello]\nfiles = [{ from = \"helper\", to = \"/usr/local/bin/helper\", mode = \"0755\" }]\n";
    fixture::write(project.join("crossdock.toml"), config);
    sandbox.crossdock(&project, &ONE).success();
    let plain = sandbox.crossdock(&project, &["verify", "--platform", "linux/amd64"]).success();
    assert!(!plain.stdout.contains("/usr/local/bin/helper"), "{plain}");
    let all =
        sandbox.crossdock(&project, &["verify", "--platform", "linux/amd64", "--all", "--json"]).ends_with(1);
    let line = all.json_lines().remove(0);
    let findings = line["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["path"] == "/usr/local/bin/helper");
    assert!(found.is_some_and(|found| found["code"] == "wrong-machine"), "{line:#}");
    sandbox.crossdock(&project, &[&ONE[..], &["--all", "--tag", "all"]].concat()).ends_with(1);
    assert!(Layout::open(project.join(".crossdock/hello")).tags().iter().all(|tag| !tag.ends_with("all")));
}

/// Returns the largest blob of a layout.
fn largest(layout: &Path) -> PathBuf {
    let blobs = std::fs::read_dir(layout.join("blobs/sha256")).unwrap().map(|blob| blob.unwrap().path());
    blobs.max_by_key(|blob| blob.metadata().unwrap().len()).unwrap()
}

#[test]
fn a_damaged_subject_is_named_with_the_cause() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    sandbox.crossdock(&project, &[&ONE[..], &["--archive"]].concat()).success();
    let archive = std::fs::read(project.join(".crossdock/hello.tar")).unwrap();
    for (name, length) in [("short.tar", 5000), ("long.tar", archive.len() - 5000)] {
        fixture::write(project.join(name), &archive[..length]);
        for more in [&[][..], &["--for", "linux/amd64"]] {
            let outcome = sandbox.crossdock(&project, &[&["verify", name][..], more].concat()).ends_with(5);
            assert!(outcome.stdout.is_empty(), "{outcome}");
            outcome.complains(name).complains("cut off").complains("copy or write it again");
        }
    }
    let layout = project.join(".crossdock/hello");
    let blob = largest(&layout);
    let mut bytes = std::fs::read(&blob).unwrap();
    bytes[5000..5100].fill(0xff);
    fixture::write(&blob, bytes);
    let damaged = |outcome: Outcome| outcome.ends_with(5).complains("cannot be unpacked: ");
    damaged(sandbox.crossdock(&project, &["verify", ".crossdock/hello"]))
        .complains("build, pull or copy it again");
    damaged(sandbox.crossdock(&project, &["verify"]))
        .complains("rebuild it with `crossdock dist --image hello`");
    sandbox.crossdock(&project, &ONE).success();
    sandbox.crossdock(&project, &["verify", ".crossdock/hello"]).success();
}

/// The head of the frame decides: nothing after it is read. Another copy of the image would not help.
#[test]
fn a_zstd_window_beyond_the_limit_is_named_with_that_of_the_engines() {
    let sandbox = Sandbox::new();
    let image = Image {
        name: "window".to_owned(),
        entries: Vec::new(),
        configuration: serde_json::json!({ "os": "linux", "architecture": "amd64", "config": { "Cmd": ["/app"] } }),
        platform: None,
    };
    let layout = sandbox.work().join("layout");
    let archive = std::fs::File::open(image.archive(&sandbox.work())).unwrap();
    tar::Archive::new(archive).unpack(&layout).unwrap();
    let mut frame = b"\x28\xb5\x2f\xfd\x04\x90".to_vec();
    frame.resize(largest(&layout).metadata().unwrap().len() as usize, 0);
    write(largest(&layout), frame);
    let outcome =
        sandbox.crossdock(&sandbox.work(), &["verify", "layout", "--for", "linux/amd64"]).ends_with(5);
    let outcome = outcome
        .complains("a window of 268435456 bytes")
        .complains("the limit is 134217728, and 536870912 of");
    let outcome = outcome.complains("compress it without `--long`");
    assert!(!outcome.stderr.contains("damaged"), "{outcome}");
}

#[test]
fn a_step_ended_by_the_failure_of_another_is_not_reported_as_failed() {
    let mut sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let config = "[image.hello]\nfiles = [{ from = \"assets\", to = \"/assets\" }]\n";
    fixture::write(project.join("crossdock.toml"), config);
    std::fs::create_dir(project.join("assets")).unwrap();
    std::os::unix::fs::symlink("nowhere", project.join("assets/link")).unwrap();
    sandbox.shim("go", "[ \"$GOARCH$1\" != arm64build ] || exec sleep 300\nexec \"$REAL\" \"$@\"");
    let platforms = ["dist", "--jobs", "2", "--platform", "linux/amd64,linux/arm64"];
    let outcome = sandbox.crossdock(&project, &platforms).ends_with(2);
    assert_eq!(outcome.stderr.matches("  bad ").count(), 1, "{outcome}");
    outcome.complains("bad pack hello for linux/amd64").complains("end compile hello for linux/arm64 (go)");
}

/// Runs in parallel, and shows the results in the order of the subjects. The exit code is the gravest.
#[test]
fn one_unreadable_subject_does_not_stop_the_others() {
    let sandbox = Sandbox::new();
    let work = sandbox.work();
    fixture::write(work.join("text"), "echo hello\n");
    std::fs::create_dir(work.join("empty")).unwrap();
    let verify = |subjects: &[&str]| {
        let more = ["--for", "linux/amd64", "--json"];
        sandbox.crossdock(&work, &[&["verify"], subjects, &more].concat())
    };
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["absent", "/bin/true", "empty", "text"], 5, &["/bin/true", "text"]),
        (&["text", "absent"], 5, &["text"]),
        (&["/bin/true", "text"], 1, &["/bin/true", "text"]),
        (&["text", "/bin/true"], 1, &["text", "/bin/true"]),
        (&["/bin/true", "/bin/false"], 0, &["/bin/true", "/bin/false"]),
        (&["absent", "empty"], 5, &[]),
        (&["absent"], 5, &[]),
    ];
    for (subjects, exit, shown) in cases {
        let outcome = verify(subjects).ends_with(*exit);
        let lines = outcome.json_lines();
        let names = lines.iter().map(|line| line["subject"].as_str().unwrap().rsplit('/').next().unwrap());
        let expected = shown.iter().map(|path| path.rsplit('/').next().unwrap());
        assert!(names.eq(expected), "{subjects:?}: {outcome}");
        for unread in subjects.iter().filter(|subject| !shown.contains(*subject)) {
            assert!(outcome.stderr.contains(*unread), "{unread}: {outcome}");
        }
    }
}

/// A file of any length is read by ranges. With 64 MiB for its data, crossdock could not hold this one.
#[test]
fn a_long_program_takes_little_memory() {
    let sandbox = Sandbox::new();
    let program = sandbox.work().join("long");
    std::fs::copy("/bin/true", &program).unwrap();
    std::fs::File::options().write(true).open(&program).unwrap().set_len(2 << 30).unwrap();
    let limited = "ulimit -d 65536 && exec \"$0\" verify long --for linux/amd64";
    let crossdock = crossdock_tests::program::crossdock();
    let mut command = sandbox.command("sh", &sandbox.work());
    let outcome = crossdock_tests::outcome::run(
        command.args(["-c", limited]).arg(crossdock),
        std::time::Duration::from_secs(60),
    );
    outcome.success().says("long on linux/amd64");
}

/// The root of one platform is in memory at a time, and takes little. Two roots of 100,000 files each would not fit.
#[test]
fn an_image_of_several_platforms_takes_little_memory() {
    let sandbox = Sandbox::new();
    let file = |path: String| Entry { path, mode: 0o644, owner: 0, kind: EntryKind::File(Vec::new()) };
    let files = (0..100_000).map(|number| file(format!("srv/package-{}/module-{number}.js", number / 50)));
    let image = Image {
        name: "many".to_owned(),
        entries: files.collect(),
        configuration: serde_json::json!({ "os": "linux", "config": { "Entrypoint": ["/absent"] } }),
        platform: None,
    };
    let layout = sandbox.work().join("layout");
    let archive = std::fs::File::open(image.archive(&sandbox.work())).unwrap();
    tar::Archive::new(archive).unpack(&layout).unwrap();
    let index = layout.join("index.json");
    let mut value: serde_json::Value = serde_json::from_slice(&std::fs::read(&index).unwrap()).unwrap();
    let on = |architecture: &&str| {
        let mut entry = value["manifests"][0].clone();
        entry["platform"] = serde_json::json!({ "os": "linux", "architecture": architecture });
        entry
    };
    let platforms: Vec<_> = ["amd64", "arm64", "riscv64", "s390x"].iter().map(on).collect();
    value["manifests"] = platforms.into();
    write(&index, value.to_string());
    let limited = "ulimit -d 40960 && exec \"$0\" verify layout";
    let mut command = sandbox.command("sh", &sandbox.work());
    let command = command.args(["-c", limited]).arg(crossdock_tests::program::crossdock());
    let outcome = crossdock_tests::outcome::run(command, std::time::Duration::from_secs(60));
    outcome.ends_with(1).says("on linux/s390x");
}
