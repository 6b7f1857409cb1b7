//! Bad input gives a clear error with the right exit code, and loses nothing.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use crossdock_tests::{Layout, Outcome, Sandbox, fixture, outcome, program};

/// Creates a sandbox with a Go project.
fn go() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    (sandbox, project)
}

/// Creates a sandbox with a Rust project.
fn rust() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "hello");
    (sandbox, project)
}

/// Checks that a message is neither debug output nor a panic.
fn readable(outcome: Outcome) -> Outcome {
    for bad in ["panicked", "RUST_BACKTRACE", "Os {", "Error("] {
        assert!(!outcome.stderr.contains(bad), "{bad:?} in {outcome}");
    }
    assert_eq!(outcome.stdout, "", "an answer on standard output: {outcome}");
    outcome
}

#[test]
fn a_directory_without_a_project_is_an_error() {
    let sandbox = Sandbox::new();
    let outcome = readable(sandbox.crossdock(&sandbox.work(), &["dist"]).ends_with(2));
    outcome.complains("Cargo.toml").complains("go.mod");
}

#[test]
fn a_rust_library_without_a_binary_is_an_error() {
    let (sandbox, project) = rust();
    std::fs::rename(project.join("src/main.rs"), project.join("src/lib.rs")).unwrap();
    readable(sandbox.crossdock(&project, &["dist"]).ends_with(2)).complains("program");
}

#[test]
fn a_go_library_without_main_is_an_error() {
    let (sandbox, project) = go();
    fixture::write(project.join("main.go"), "package hello\n\nfunc Hello() string { return \"hello\" }\n");
    readable(sandbox.crossdock(&project, &["dist"]).ends_with(2)).complains("program");
}

#[test]
fn several_binaries_need_a_choice() {
    let (sandbox, project) = rust();
    fixture::write(project.join("src/bin/other.rs"), "fn main() {}\n");
    fixture::write(project.join("crossdock.toml"), "[image.one]\npath = \".\"\n");
    readable(sandbox.crossdock(&project, &["dist"]).ends_with(2)).complains("hello").complains("other");
}

#[test]
fn an_unknown_platform_names_the_nearest() {
    let (sandbox, project) = go();
    let unknown = sandbox.crossdock(&project, &["dist", "--platform", "linux/arm46"]).ends_with(2);
    readable(unknown).complains("linux/arm46").complains("arm64");
}

#[test]
fn a_compile_error_is_shown_whole_and_keeps_the_old_image() {
    let (sandbox, project) = go();
    sandbox.crossdock(&project, &["dist"]).success();
    let old = Layout::open(project.join(".crossdock/hello")).digest().to_owned();
    fixture::write(project.join("main.go"), "package main\n\nfunc main() { undefined_thing() }\n");
    readable(sandbox.crossdock(&project, &["dist"]).ends_with(4)).complains("undefined: undefined_thing");
    assert_eq!(Layout::open(project.join(".crossdock/hello")).digest(), old);

    let (sandbox, project) = rust();
    fixture::write(project.join("src/main.rs"), "fn main() { let x: u8 = \"text\"; }\n");
    let outcome = readable(sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64"]).ends_with(4));
    outcome.complains("E0308").complains("src/main.rs:1:25");
}

#[test]
fn an_unknown_key_points_at_its_place_and_names_the_nearest() {
    let (sandbox, project) = go();
    fixture::write(project.join("crossdock.toml"), "[image.hello]\npath = \".\"\nexposes = [1]\n");
    for command in [&["dist"][..], &["plan"], &["config", "check"]] {
        let outcome = readable(sandbox.crossdock(&project, command).ends_with(2));
        outcome.complains("crossdock.toml:3:1").complains("exposes").complains("expose");
    }
}

#[test]
fn invalid_configuration_values_are_errors() {
    for (text, place, expected) in [
        ("[image.hello]\nexpose = [\"http\"]\n", "2:11", "http"),
        ("[image.hello]\nexpose = 70000\n", "2:10", "expose"),
        ("[image.hello]\ndeploy = [\"nowhere\"]\n", "2:", "nowhere"),
        ("[image.hello\n", "1:13", ""),
        ("[image.hello]\ntags = [\"not a tag!\"]\n", "", "not a tag!"),
        ("[image.hello]\nrepository = \"Registry.example/UPPER\"\n", "", "UPPER"),
        ("[image.hello]\nbase = \"debian\"\n", "2:8", "write `debian:trixie-slim`"),
    ] {
        let (sandbox, project) = go();
        fixture::write(project.join("crossdock.toml"), text);
        let outcome = readable(sandbox.crossdock(&project, &["plan"]).ends_with(2));
        let complaint = outcome.complains(expected);
        if !place.is_empty() {
            complaint.complains(&format!("crossdock.toml:{place}"));
        }
    }
}

#[test]
fn a_missing_toolchain_is_an_error_that_names_the_remedy() {
    let (mut sandbox, project) = go();
    sandbox.only(&["git", "sh"]);
    for call in ["dist", "plan", "doctor"] {
        let outcome = readable(sandbox.crossdock(&project, &[call]).ends_with(3));
        outcome.complains("`go` was not found").complains("install it with: apt-get install -y golang-go");
    }
}

#[test]
fn too_many_open_files_do_not_mean_that_a_tool_is_missing() {
    let (sandbox, project) = go();
    for call in ["dist", "plan", "doctor"] {
        let mut command = sandbox.command("sh", &project);
        command.arg("-c").arg(format!("ulimit -n 8 && exec {:?} {call}", program::crossdock()));
        let outcome = readable(outcome::run(&mut command, Duration::from_secs(60)).ends_with(5));
        let outcome = outcome.complains("`go` cannot be started: Too many open files");
        assert!(!outcome.stderr.contains("install"), "{outcome}");
    }
}

#[test]
fn an_unusable_tmpdir_does_not_mean_that_the_image_is_damaged() {
    let (mut sandbox, project) = go();
    // Scripts are kept for the verification, and only the first of them in memory.
    fixture::write(project.join("large"), format!("#!/bin/sh\n{}", "x".repeat(17 << 20)));
    let config = "[image.hello]\nfiles = [{ from = \"large\", to = \"/large\" }]\n";
    fixture::write(project.join("crossdock.toml"), config);
    sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64"]).success();
    let missing = sandbox.work().join("missing");
    sandbox.set("TMPDIR", &missing);
    let outcome = readable(sandbox.crossdock(&project, &["tag", "--platform", "linux/amd64"]).ends_with(5));
    let outcome = outcome
        .complains(&format!("cannot create a temporary file in `{}`", missing.display()))
        .complains("set TMPDIR to another directory");
    assert!(!outcome.stderr.contains("damaged"), "{outcome}");
}

/// Two entries of the cache name each other's blob. Each blob by itself is undamaged.
#[test]
fn a_layer_planted_in_the_cache_is_dropped() {
    let (sandbox, project) = go();
    let dist = || sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64"]);
    let good = dist().success().stdout;
    let entries = std::fs::read_dir(sandbox.cache().join("crossdock/layers/layers")).unwrap();
    let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    let mut layers: Vec<serde_json::Value> =
        paths.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect();
    assert_eq!(layers.len(), 2, "the base and the program");
    let first = layers[0]["descriptor"].take();
    layers[0]["descriptor"] = layers[1]["descriptor"].take();
    layers[1]["descriptor"] = first;
    for (path, layer) in paths.iter().zip(&layers) {
        fixture::write(path, layer.to_string());
    }
    let outcome = readable(dist().ends_with(5));
    outcome.complains("cannot be unpacked").complains("the layout is damaged; rebuild it with");
    assert_eq!(dist().success().stdout, good);
}

#[test]
fn an_output_that_is_a_file_and_a_missing_path_say_what_to_do() {
    let (sandbox, project) = go();
    fixture::write(project.join("file"), "");
    for output in ["file", "file/below"] {
        let outcome = readable(sandbox.crossdock(&project, &["dist", "--output", output]).ends_with(5));
        outcome.complains("file: it is not a directory").complains("pass another --output");
    }
    let outcome = readable(sandbox.crossdock(&project, &["verify", "nowhere"]).ends_with(5));
    outcome.complains("nowhere: No such file").complains("help: pass the path of an OCI layout");
}

#[test]
fn a_go_that_is_older_than_the_module_is_a_missing_toolchain() {
    let (mut sandbox, project) = go();
    sandbox.set("GOTOOLCHAIN", "local");
    fixture::write(project.join("go.mod"), "module example.com/hello\n\ngo 1.999\n");
    let outcome = readable(sandbox.crossdock(&project, &["dist"]).ends_with(3));
    outcome.complains("requires go >= 1.999").complains("go env -w GOTOOLCHAIN=auto");
}

#[test]
fn more_jobs_than_a_compiler_survives_are_refused() {
    let (mut sandbox, project) = go();
    readable(sandbox.crossdock(&project, &["dist", "--jobs", "4294967295"]).ends_with(2))
        .complains("1 to 4096");
    sandbox.set("CROSSDOCK_JOBS", "4097");
    readable(sandbox.crossdock(&project, &["dist"]).ends_with(2)).complains("1 to 4096");
}

#[test]
fn verify_needs_a_regular_file() {
    let (sandbox, project) = go();
    sandbox.tool(&project, "mkfifo", &["pipe"]).success();
    for subject in ["pipe", "/dev/zero"] {
        let verify = sandbox.crossdock(&project, &["verify", subject, "--for", "linux/amd64"]);
        readable(verify.ends_with(5)).complains("is a pipe, a socket or a device");
    }
}

#[test]
fn a_toolchain_that_rustup_lacks_is_reported_as_missing() {
    let (mut sandbox, project) = rust();
    sandbox.set("RUSTUP_AUTO_INSTALL", "0").set("RUST_BACKTRACE", "1");
    fixture::write(project.join("rust-toolchain.toml"), "[toolchain]\nchannel = \"1.50.0\"\n");
    for call in ["dist", "plan", "doctor"] {
        let outcome = readable(sandbox.crossdock(&project, &[call]).ends_with(3));
        let outcome = outcome.complains("1.50.0").complains("rustup toolchain install");
        assert!(!outcome.stderr.contains("rustup_init"), "{outcome}");
    }
}

#[test]
fn a_platform_without_a_toolchain_is_an_error() {
    let (sandbox, project) = rust();
    let outcome = readable(
        sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64,linux/s390x"]).ends_with(3),
    );
    outcome.complains("s390x");
    assert!(!project.join("target/crossdock/hello").exists(), "an image of half of what was asked");
}

#[test]
fn an_output_directory_that_cannot_be_created_is_an_error() {
    let (sandbox, project) = go();
    // Permission bits do not stop root; a file in place of a directory stops every user.
    fixture::write(sandbox.work().join("file"), "");
    let output = sandbox.work().join("file/below");
    let dist = ["dist", "--output", output.to_str().unwrap()];
    readable(sandbox.crossdock(&project, &dist).ends_with(5)).complains("file");
}

#[test]
fn a_full_disk_keeps_the_old_image() {
    let (sandbox, project) = go();
    let output = sandbox.work().join("full");
    std::fs::create_dir(&output).unwrap();
    let mount = ["-t", "tmpfs", "-o", "size=4m", "tmpfs", output.to_str().unwrap()];
    sandbox.tool(&sandbox.work(), "mount", &mount).success();
    let dist = ["dist", "--output", output.to_str().unwrap()];
    let before = sandbox.crossdock(&project, &dist).success();
    let old = Layout::open(output.join("hello")).digest().to_owned();
    // Another program, whose two platforms do not fit next to the old ones.
    fixture::write(
        project.join("main.go"),
        "package main\n\nimport (\n\t\"net/http\"\n)\n\nfunc main() { _ = http.ListenAndServe(\":0\", nil) }\n",
    );
    let full = sandbox.crossdock(&project, &dist);
    let left = Layout::open(output.join("hello")).digest().to_owned();
    sandbox.tool(&sandbox.work(), "umount", &[output.to_str().unwrap()]).success();
    // Either the compiler or crossdock fills the disk and reports it.
    assert!(matches!(full.code, Some(4 | 5)), "{full}");
    assert!(readable(full.clone()).stderr.to_lowercase().contains("no space left"), "{full}");
    assert_eq!(left, old, "{before}");
}

#[test]
fn a_corrupted_cache_entry_is_rebuilt() {
    let (sandbox, project) = go();
    let dist =
        || sandbox.crossdock(&project, &["dist", "--json"]).success().json()["images"][0]["digest"].clone();
    let digest = dist();
    let mut spoiled = 0;
    for entry in files(&sandbox.cache()) {
        if entry.metadata().unwrap().len() > 1000 {
            let mut bytes = std::fs::read(&entry).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
            std::fs::remove_file(&entry).unwrap();
            std::fs::write(&entry, bytes).unwrap();
            spoiled += 1;
        }
    }
    assert!(spoiled > 0, "the cache holds nothing to spoil");
    std::fs::remove_dir_all(project.join(".crossdock")).unwrap();
    assert_eq!(dist(), digest);
    Layout::open(project.join(".crossdock/hello"));
}

fn files(directory: &std::path::Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => found.extend(files(&path)),
            kind if kind.is_file() => found.push(path),
            _ => {}
        }
    }
    found
}

#[test]
fn a_link_loop_in_files_is_an_error() {
    let (sandbox, project) = go();
    std::fs::create_dir(project.join("assets")).unwrap();
    symlink("b", project.join("assets/a")).unwrap();
    symlink("a", project.join("assets/b")).unwrap();
    let config = "[image.hello]\npath = \".\"\nfiles = [{ from = \"assets/a\", to = \"/a\" }]\n";
    fixture::write(project.join("crossdock.toml"), config);
    let outcome = sandbox.crossdock(&project, &["dist"]);
    assert!(matches!(outcome.code, Some(2 | 5)), "{outcome}");
    readable(outcome).complains("assets/a");
}

#[test]
fn paths_may_hold_spaces_and_non_ascii_letters() {
    let sandbox = Sandbox::new();
    let directory = sandbox.work().join("mein Ordner/größe ✓");
    for project in
        [fixture::go_module(&directory, "hello"), fixture::rust_package(&directory.join("rust"), "hello")]
    {
        fixture::write(project.join("a file.txt"), "content");
        let config = "[image.hello]\npath = \".\"\nfiles = [{ from = \"a file.txt\", to = \"/srv/ein Name ü.txt\" }]\n";
        fixture::write(project.join("crossdock.toml"), config);
        let output = sandbox.work().join("out put");
        let arguments = ["dist", "--platform", "linux/amd64", "--output", output.to_str().unwrap()];
        sandbox.crossdock(&project, &arguments).success();
        let root = sandbox.work().join("root");
        let program = Layout::open(output.join("hello")).program("linux/amd64", &root);
        assert_eq!(std::fs::read_to_string(root.join("srv/ein Name ü.txt")).unwrap(), "content");
        sandbox.tool(&root, program.to_str().unwrap(), &[]).success();
        std::fs::remove_dir_all(&output).unwrap();
        std::fs::remove_dir_all(&root).unwrap();
    }
}

#[test]
fn unknown_arguments_name_the_nearest() {
    let (sandbox, project) = go();
    readable(sandbox.crossdock(&project, &["dits"]).ends_with(2)).complains("dist");
    readable(sandbox.crossdock(&project, &["dist", "--platfrom", "linux/amd64"]).ends_with(2))
        .complains("--platform");
    readable(sandbox.crossdock(&project, &["dist", "--image", "helo"]).ends_with(2)).complains("hello");
}

#[test]
fn go_files_that_would_be_dropped_silently_are_named() {
    let (sandbox, project) = go();
    fixture::write(
        project.join("native.go"),
        "package main\n\n// int answer(void) { return 42; }\nimport \"C\"\n\nfunc init() { println(C.answer()) }\n",
    );
    readable(sandbox.crossdock(&project, &["dist"]).ends_with(2))
        .complains("cgo = false")
        .complains("example.com/hello");
    fixture::write(project.join("crossdock.toml"), "[image.hello]\npath = \".\"\ncgo = false\n");
    sandbox.crossdock(&project, &["dist"]).success();
}

#[test]
fn user_settings_that_contradict_the_plan_are_named() {
    let (mut sandbox, project) = go();
    sandbox.set("GOFLAGS", "-buildmode=c-shared");
    let outcome = sandbox.crossdock(&project, &["dist"]);
    assert!(matches!(outcome.code, Some(2)), "{outcome}");
    readable(outcome).complains("GOFLAGS").complains("-buildmode");
}

#[test]
fn variables_that_are_not_utf_8_reach_the_compiler_or_are_refused() {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let latin = |text: &[u8]| std::ffi::OsString::from_vec(text.to_vec());
    let (mut sandbox, project) = go();
    let seen = sandbox.work().join("seen");
    sandbox.shim("go", &format!("printf %s \"$LATIN\" > '{}'\nexec \"$REAL\" \"$@\"", seen.display()));
    sandbox.set("LATIN", latin(b"caf\xe9"));
    let path = std::env::var_os("PATH").unwrap();
    let shims = sandbox.work().with_file_name("shims");
    sandbox.set("PATH", latin(&[shims.as_os_str().as_bytes(), b":/caf\xe9:", path.as_bytes()].concat()));
    sandbox.crossdock(&project, &["build", "--platform", "linux/amd64"]).success();
    assert_eq!(std::fs::read(&seen).unwrap(), b"caf\xe9");
    sandbox.set("CROSSDOCK_TAG", latin(b"caf\xe9"));
    readable(sandbox.crossdock(&project, &["plan"]).ends_with(2)).complains("CROSSDOCK_TAG");
}

#[test]
fn files_that_would_replace_something_are_refused_in_the_plan() {
    let (sandbox, project) = go();
    fixture::write(project.join("a file"), "content");
    fixture::write(project.join("other"), "content");
    for (places, expected) in [
        (&["/etc"][..], "files[0].to = `/etc` would replace the directory"),
        (&["/usr/local/bin/hello"], "is the path of the program"),
        (&["/srv/x", "/usr/local/bin"], "files[1].to = `/usr/local/bin` would replace the directory"),
        (&["/usr/local/bin/hello/x"], "is below the program"),
        (&["/srv", "/srv/x"], "is below the file /srv"),
        (&["/srv/", "/srv//a file"], "is the path of another file"),
    ] {
        let files = places.iter().map(|to| format!("{{ from = \"a file\", to = \"{to}\" }}"));
        let files: Vec<String> = files.collect();
        fixture::write(
            project.join("crossdock.toml"),
            format!("[image.hello]\nfiles = [{}]\n", files.join(", ")),
        );
        let refused = readable(sandbox.crossdock(&project, &["plan"]).ends_with(2));
        refused.complains(expected).complains("crossdock.toml:2:").complains("image `hello`");
    }
    // Paths that neither the base nor a program uses are allowed.
    fixture::write(
        project.join("crossdock.toml"),
        "[image.hello]\nfiles = [{ from = \"a file\", to = \"/etc/\" }, { from = \"other\", to = \"/etc/passwd\" }]\n",
    );
    sandbox.crossdock(&project, &["plan"]).success();
}

#[test]
fn images_with_the_same_name_or_path_are_refused_in_the_plan() {
    let (sandbox, project) = go();
    let images = |text: &str| fixture::write(project.join("crossdock.toml"), text);
    images(
        "[image.a]\nrepository = \"r.example/x\"\ntags = [\"one\"]\n\n\
         [image.b]\nrepository = \"r.example/x\"\ntags = [\"one\"]\n",
    );
    let refused = readable(sandbox.crossdock(&project, &["dist"]).ends_with(2));
    refused.complains("r.example/x:one").complains("crossdock.toml:1:8").complains("crossdock.toml:5:8");
    sandbox.crossdock(&project, &["plan", "--image", "a"]).success();
    images("[image.a]\n\n[image.\"a.tar\"]\n");
    sandbox.crossdock(&project, &["plan"]).success();
    let refused = readable(sandbox.crossdock(&project, &["plan", "--archive"]).ends_with(2));
    refused
        .complains("`a`")
        .complains("`a.tar`")
        .complains(".crossdock/a.tar")
        .complains("crossdock.toml:3:8");
}

/// An error names the origin of the value: an option, or line and column of a file.
#[test]
fn errors_name_the_origin_of_a_value() {
    let (sandbox, project) = go();
    fixture::write(project.join("cmd/other/main.go"), "package main\n\nfunc main() {}\n");
    let plan = |config: &str, arguments: &[&str], code| {
        fixture::write(project.join("crossdock.toml"), config);
        readable(sandbox.crossdock(&project, &[&["plan"], arguments].concat()).ends_with(code))
    };
    let image = "[deploy.eks]\nnodes = [\"m5.large\"]\n\n[image.hello]\n";
    plan(image, &["--tag", "a:b"], 2).complains("--tag on the command line").complains("a:b");
    plan(image, &["--repository", "A/B"], 2).complains("--repository on the command line").complains("A/B");
    plan(image, &["--for", "deploy:ek"], 2).complains("`eks`").complains("--for on the command line");
    let tags =
        format!("{image}tags = [\"{{{{ git.short | upper }}}}/x\", \"{{% if true %}}a b{{% endif %}}\"]\n");
    plan(&tags, &[], 2).complains("crossdock.toml:5:");
    plan("[image.web]\n", &[], 2).complains("crossdock.toml:1:8").complains("needs one program");
    let (sandbox, project) = rust();
    fixture::write(project.join("crossdock.toml"), "[image.hello]\nfeatures = [\"nope\"]\n");
    let unknown = sandbox.crossdock(&project, &["plan"]).ends_with(4);
    readable(unknown).complains("nope").complains("crossdock.toml:2:12");
}

#[test]
fn config_check_verifies_nodes_tags_and_programs() {
    let (sandbox, project) = go();
    let check = |config: &str| {
        fixture::write(project.join("crossdock.toml"), config);
        sandbox.crossdock(&project, &["config", "check"])
    };
    readable(check("[deploy.eks]\nnodes = [\"linux/arm46\"]\n").ends_with(2))
        .complains("crossdock.toml:2:10")
        .complains("linux/arm64");
    readable(check("[image.hello]\ntags = [\"a b\"]\n").ends_with(2)).complains("crossdock.toml:2:9");
    readable(check("[image.hello]\npackage = \"nope\"\n").ends_with(2))
        .complains("crossdock.toml:2:11")
        .complains("example.com/hello");
    readable(check("[image.hello]\nbinary = \"helo\"\n").ends_with(2)).complains("did you mean `hello`?");
    let right = "[deploy.eks]\nnodes = [\"m5.large\"]\n\n[image.hello]\ndeploy = [\"eks\"]\n";
    check(right).success().says("m5.large → linux/amd64").says("hello of example.com/hello");
    // Only go can list the modules of a workspace, and it is not asked: this command runs no tool.
    fixture::write(project.join("inner/go.mod"), "module example.com/inner\n\ngo 1.22\n");
    fixture::write(project.join("inner/main.go"), "package main\n\nfunc main() {}\n");
    fixture::write(project.join("go.work"), "go 1.22\n\nuse ./inner\n");
    let module = std::fs::read_to_string(project.join("go.mod")).unwrap();
    std::fs::remove_file(project.join("go.mod")).unwrap();
    check("[image.inner]\n").success().complains("not checked");
    std::fs::remove_file(project.join("go.work")).unwrap();
    fixture::write(project.join("go.mod"), module);
    // Without a project names cannot be verified, and the output says so.
    fixture::write(project.join("go.mod"), "this is not a module\n");
    let unchecked = check("[image.hello]\npackage = \"nope\"\n");
    unchecked.complains("not checked");
}
