//! `crossdock target` and `crossdock env`, called by a person and by a program.

use std::io::Write;
use std::process::Stdio;

use crossdock_tests::{Sandbox, program};
use serde_json::{Value, json};

/// Returns the answers to lines on standard input, and the exit code.
fn answers_to(arguments: &[&str], lines: &str) -> (Vec<Value>, Option<i32>) {
    let sandbox = Sandbox::new();
    let mut command =
        sandbox.command(program::crossdock().to_str().expect("a path in UTF-8"), &sandbox.work());
    let mut child =
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut input = child.stdin.take().expect("standard input");
    let lines = lines.to_owned();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("a thread").expect("the input is read");
    let text = String::from_utf8(output.stdout).expect("text");
    (text.lines().map(|line| serde_json::from_str(line).expect(line)).collect(), output.status.code())
}

#[test]
fn a_machine_is_explained_for_both_languages() {
    let sandbox = Sandbox::new();
    let answer = sandbox.crossdock(&sandbox.work(), &["target", "--json", "m7g.large"]).success().json();
    assert_eq!(answer["vocabulary"], "ec2-instance-type");
    assert_eq!(
        (&answer["os"], &answer["architecture"], &answer["platform"]),
        (&Value::Null, &json!("arm64"), &Value::Null)
    );
    assert_eq!(answer["go"], json!({"GOOS": "linux", "GOARCH": "arm64", "GOARM64": "v8.0"}));
    assert_eq!(answer["rust"]["static"], "aarch64-unknown-linux-musl");
    assert_eq!(answer["rust"]["dynamic"], "aarch64-unknown-linux-gnu");
    assert_eq!(answer["node"]["highest"], "v8.4");
    assert!(answer["notes"].to_string().contains("linux is assumed"), "{answer:#}");
}

#[test]
fn unknown_and_ambiguous_names_exit_with_1_and_invalid_calls_with_2() {
    let sandbox = Sandbox::new();
    let code = |arguments: &[&str]| sandbox.crossdock(&sandbox.work(), arguments).code;
    assert_eq!(code(&["target", "armhf"]), Some(1));
    assert_eq!(code(&["target", "--json", "armhf"]), Some(1));
    assert_eq!(code(&["target", "linux/arm64", "nonsense"]), Some(1));
    assert_eq!(code(&["target", "armhf", "--as", "debian-arch"]), Some(0));
    assert_eq!(code(&["target", "armhf", "--as", "debian"]), Some(2));
    assert_eq!(code(&["target"]), Some(2));
    assert_eq!(code(&["target", "match", "linux/amd64"]), Some(2));
    assert_eq!(code(&["env", "linux/amd64"]), Some(2));
}

#[test]
fn lines_are_answered_in_order_and_an_invalid_line_ends_nothing() {
    let lines: String = (0..5000)
        .map(|index| match index % 3 {
            0 => "{\"vocabulary\": \"debian-arch\", \"input\": \"armhf\"}\n",
            1 => "{\"input\": \"m5.large\", \"more\": 1}\n",
            _ => "nonsense\n",
        })
        .collect();
    let (answers, code) = answers_to(&["target", "--stdin"], &lines);
    assert_eq!((answers.len(), code), (5000, Some(2)));
    assert_eq!((&answers[0]["variant"], &answers[1]["architecture"]), (&json!("v7"), &json!("amd64")));
    assert_eq!((&answers[4997]["result"], &answers[4997]["line"]), (&json!("unknown"), &json!(4998)));
    let (answers, code) =
        answers_to(&["target", "--stdin"], "{\"input\": \"linux/arm64\"}\n{\"input\": \"armhf\"}");
    assert_eq!((answers[1]["result"].as_str(), code), (Some("ambiguous"), Some(1)));
}

#[test]
fn hosts_select_an_image_as_containerd_does() {
    let question = json!({"host": "linux/arm64/v8.2", "platforms": ["linux/amd64", "linux/arm/v7", "linux/arm64", "linux/arm64/v8.2"]});
    let (answers, code) = answers_to(&["target", "match", "--stdin"], &format!("{question}\n"));
    assert_eq!(code, Some(0));
    assert_eq!(answers[0]["accepted"], json!(["linux/arm64/v8.2", "linux/arm64", "linux/arm/v7"]));
    assert_eq!(answers[0]["rejected"][0]["platform"], "linux/amd64");
    assert!(answers[0]["rejected"][0]["why"].as_str().is_some_and(|why| !why.is_empty()));
}

#[test]
fn an_unknown_platform_makes_match_exit_with_1() {
    let sandbox = Sandbox::new();
    let call = |arguments: &[&str]| sandbox.crossdock(&sandbox.work(), arguments);
    let text = call(&["target", "match", "linux/amd64", "nonsense", "linux/amd64"]).ends_with(1);
    assert_eq!(text.stdout, "linux/amd64\n");
    let json =
        call(&["target", "match", "linux/amd64", "nonsense", "linux/amd64", "--json"]).ends_with(1).json();
    assert_eq!((&json["accepted"], &json["unknown"]), (&json!(["linux/amd64"]), &json!(["nonsense"])));
    let json = call(&["target", "match", "nonsense", "linux/amd64", "--json"]).ends_with(1).json();
    assert!(json["error"].is_string() && json["accepted"] == json!([]), "{json:#}");
    call(&["target", "match", "linux/amd64", "linux/arm64", "unknown/unknown"]).ends_with(0);
}

#[test]
fn every_answer_has_every_key() {
    let keys = |value: &Value| {
        let object = value.as_object().expect("an object");
        let own = |key: &&String| !["line", "error"].contains(&key.as_str());
        object.keys().filter(own).cloned().collect::<Vec<_>>()
    };
    let (answers, code) = answers_to(
        &["target", "--stdin"],
        "{\"input\": \"linux/arm64\"}\n{\"input\": \"amd64\", \"vocabulary\": \"debian\"}\nnot JSON\n{\"input\": 5}\n",
    );
    assert_eq!((answers.len(), code), (4, Some(2)));
    for answer in &answers {
        assert_eq!(keys(answer), keys(&answers[0]), "{answer}");
    }
    assert_eq!((&answers[1]["input"], &answers[1]["result"]), (&json!("amd64"), &json!("unknown")));
    assert!(
        answers[1]["error"].as_str().is_some_and(|error| error.contains("debian-arch")),
        "{}",
        answers[1]
    );
    assert_eq!((&answers[2]["input"], &answers[2]["line"]), (&json!("not JSON"), &json!(3)));
    let (answers, code) = answers_to(
        &["target", "match", "--stdin"],
        "{\"host\": \"linux/arm64\", \"platforms\": [\"linux/nope\"]}\n{\"host\": \"nope\", \"platforms\": []}\nnot JSON\n",
    );
    assert_eq!((answers.len(), code), (3, Some(2)));
    assert_eq!(answers[0]["unknown"], json!(["linux/nope"]));
    for answer in &answers {
        assert!(
            ["schema", "host", "accepted", "rejected", "unknown", "error"]
                .iter()
                .all(|key| answer.get(key).is_some())
        );
    }
    assert_eq!(
        answers_to(
            &["target", "match", "--stdin"],
            "{\"host\": \"linux/arm64\", \"platforms\": [\"linux/nope\"]}\n"
        )
        .1,
        Some(1)
    );
}

#[test]
fn match_reads_the_requested_vocabulary() {
    let sandbox = Sandbox::new();
    let call = |arguments: &[&str]| sandbox.crossdock(&sandbox.work(), arguments);
    call(&["target", "match", "armhf", "linux/arm/v7"]).ends_with(1).complains("--as VOCABULARY");
    let debian = call(&["target", "match", "armhf", "linux/arm/v7", "--as", "debian-arch"]).success();
    assert_eq!(debian.stdout, "linux/arm/v7\n");
    call(&["target", "match", "armhf", "linux/arm/v7", "--as", "debian"])
        .ends_with(2)
        .complains("debian-arch");
    let machine = call(&["target", "match", "m7g.large", "linux/arm64", "--json"]).success().json();
    assert!(machine["notes"].to_string().contains("linux is assumed"), "{machine}");
    let line = "{\"host\": \"armhf\", \"vocabulary\": \"alpine-arch\", \"platforms\": [\"linux/arm/v6\"]}\n";
    let (answers, code) = answers_to(&["target", "match", "--stdin"], line);
    assert_eq!((&answers[0]["accepted"], code), (&json!(["linux/arm/v6"]), Some(0)));
}

#[test]
fn an_unknown_vocabulary_names_the_nearest() {
    let sandbox = Sandbox::new();
    let call =
        |name: &str| sandbox.crossdock(&sandbox.work(), &["target", "amd64", "--as", name]).ends_with(2);
    call("debian").complains("debian-arch, debian-multiarch-tuple");
    call("nope").complains("rust-triple").complains("target list");
}

#[test]
fn go_builds_for_the_machine_that_env_names() {
    let sandbox = Sandbox::new();
    let project = crossdock_tests::fixture::go_module(&sandbox.work(), "hello");
    let mut command = sandbox.command("sh", &project);
    let env =
        format!("eval \"$({:?} env m7g.large --lang go)\" && go build -o hello .", program::crossdock());
    command.args(["-c", &env]);
    crossdock_tests::outcome::run(&mut command, std::time::Duration::from_secs(600)).success();
    let elf = std::fs::read(project.join("hello")).expect("a program");
    assert_eq!((&elf[..4], elf[18]), (&b"\x7fELF"[..], 183), "an arm64 program");
}

#[test]
fn env_in_json_has_a_schema_and_keeps_the_float_abi() {
    let sandbox = Sandbox::new();
    let call = |arguments: &[&str]| sandbox.crossdock(&sandbox.work(), arguments);
    for options in [&["--json"][..], &["--shell", "json"], &["--json", "--shell", "json"]] {
        let arguments = [&["env", "GOARM=7,softfloat", "--lang", "go"], options].concat();
        let answer = call(&arguments).success().json();
        assert_eq!(answer["schema"], 1, "{answer}");
        assert_eq!(answer["GOARM"], "7,softfloat", "{answer}");
    }
    let both = call(&["env", "linux/amd64", "--lang", "go", "--json", "--shell", "sh"]).ends_with(2);
    assert_eq!(both.stdout, "false\n");
    both.complains("--json");
    let soft = call(&["env", "GOMIPS=softfloat", "--lang", "go"]).success();
    assert!(soft.stdout.contains("GOMIPS='softfloat'"), "{soft}");
}

#[test]
fn an_error_makes_the_evaluation_fail_in_every_shell() {
    let sandbox = Sandbox::new();
    for (shell, printed) in [
        ("sh", "false\n"),
        ("fish", "false\n"),
        ("powershell", "throw 'crossdock env failed'\n"),
        ("dotenv", ""),
    ] {
        let outcome =
            sandbox.crossdock(&sandbox.work(), &["env", "nonsense", "--lang", "rust", "--shell", shell]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), printed), "{shell}");
    }
    let mut command = sandbox.command("sh", &sandbox.work());
    command
        .arg("-c")
        .arg(format!("eval \"$({:?} env armhf --lang go)\" && echo built", program::crossdock()));
    let outcome = crossdock_tests::outcome::run(&mut command, std::time::Duration::from_secs(60));
    assert!(!outcome.stdout.contains("built"), "{outcome}");
}

#[test]
fn an_invalid_call_makes_the_evaluation_fail() {
    let sandbox = Sandbox::new();
    let evaluated = |arguments: &str| {
        let script = format!("eval \"$({:?} {arguments})\" && echo RAN", program::crossdock());
        let mut command = sandbox.command("sh", &sandbox.work());
        crossdock_tests::outcome::run(command.args(["-c", &script]), std::time::Duration::from_secs(60))
    };
    for arguments in [
        "env m7g.large --lng rust",
        "env m7g.large",
        "env",
        "env m7g.large more --lang rust",
        "env m7g.large --lang rust --shell bsh",
        "env m7g.large --lang cobol",
        "--bogus env m7g.large --lang rust",
        "--color never -C plan env m7g.large",
        "env m7g.large --lang go -q -v",
    ] {
        let outcome = evaluated(arguments);
        assert!(!outcome.stdout.contains("RAN") && !outcome.stderr.is_empty(), "{arguments}: {outcome}");
    }
    assert!(evaluated("env m7g.large --lang go").stdout.contains("RAN"));

    let call = |arguments: &[&str]| sandbox.crossdock(&sandbox.work(), arguments);
    for (shell, printed) in [
        ("sh", "false\n"),
        ("fish", "false\n"),
        ("bsh", "false\n"),
        ("json", "false\n"),
        ("powershell", "throw 'crossdock env failed'\n"),
        ("pwsh", "throw 'crossdock env failed'\n"),
        ("dotenv", ""),
    ] {
        let outcome = call(&["env", "m7g.large", "--lng", "go", "--shell", shell]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), printed), "{shell}");
    }
    assert_eq!(call(&["plan", "--bogus", "env"]).stdout, "");
    let help = call(&["env", "--help"]).success().stdout;
    assert!(help.contains("Usage:") && !help.starts_with("false"), "{help}");
}

#[test]
fn a_directory_that_is_not_utf_8_makes_the_evaluation_fail() {
    use std::os::unix::ffi::OsStrExt;
    let sandbox = Sandbox::new();
    let directory = sandbox.work().join(std::ffi::OsStr::from_bytes(b"not\xffutf8"));
    std::fs::create_dir(&directory).expect("a directory can be created");
    let outcome = sandbox.crossdock(&directory, &["env", "m7g.large", "--lang", "go"]).ends_with(5);
    assert_eq!(outcome.stdout, "false\n");
}

#[test]
fn a_platform_without_static_programs_gets_dynamic_ones_with_a_note() {
    let mut sandbox = Sandbox::new();
    sandbox.only(&["sh"]);
    let call = |arguments: &[&str]| sandbox.crossdock(&sandbox.work(), arguments);
    for platform in ["darwin/arm64", "windows/amd64"] {
        // The sandbox has no compiler; that message differs from the one about the linkage.
        let outcome = call(&["env", platform, "--lang", "rust"]).ends_with(3);
        let outcome = outcome.complains("--linkage dynamic is assumed");
        assert!(!outcome.stderr.contains("cd /") && !outcome.stderr.contains("toolchain ="), "{outcome}");
        call(&["env", platform, "--lang", "rust", "--linkage", "static"])
            .ends_with(1)
            .complains("ask for dynamic linkage");
    }
    let linux = call(&["env", "linux/arm64", "--lang", "rust"]).ends_with(3);
    assert!(!linux.stderr.contains("--linkage"), "{linux}");
    call(&["env", "x86_64-pc-windows-msvc", "--lang", "rust"]).ends_with(1).complains("MinGW");
    call(&["env", "plan9/amd64", "--lang", "rust"]).ends_with(1).complains("Rust cannot build");
}

#[test]
fn target_host_describes_process_kernel_userland_and_servers() {
    let sandbox = Sandbox::new();
    let answer = sandbox.crossdock(&sandbox.work(), &["target", "host", "--json"]).success().json();
    for part in ["process", "kernel", "userland"] {
        assert!(answer[part].as_str().is_some_and(|platform| platform.starts_with("linux/")), "{answer:#}");
    }
    assert_eq!(answer["servers"].as_array().map(Vec::len), Some(2));
}
