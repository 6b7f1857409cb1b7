//! Several images of one project: each gets its own programs regardless of the others, and no image is tagged without being
//! verified.

use std::path::Path;

use crossdock_tests::{Layout, Sandbox, fixture};

/// Returns the output of an image's amd64 program, and the image's digest.
fn output_of(sandbox: &Sandbox, output: &Path, image: &str) -> (String, String) {
    let layout = Layout::open(output.join(image));
    let root = sandbox.work().join(format!("root-{image}"));
    let program = layout.program("linux/amd64", &root);
    let printed = sandbox.tool(&root, program.to_str().unwrap(), &[]).success().stdout;
    std::fs::remove_dir_all(&root).unwrap();
    (printed.trim().to_owned(), layout.digest().to_owned())
}

#[test]
fn two_images_of_one_rust_binary_keep_their_features() {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "hello");
    let manifest = std::fs::read_to_string(project.join("Cargo.toml")).unwrap();
    fixture::write(project.join("Cargo.toml"), format!("{manifest}\n[features]\nx = []\ny = []\n"));
    fixture::write(
        project.join("src/main.rs"),
        "fn main() {\n    println!(\"{}{}\", if cfg!(feature = \"x\") { \"x\" } else { \"\" }, if cfg!(feature = \"y\") { \"y\" } else { \"\" });\n}\n",
    );
    fixture::write(
        project.join("crossdock.toml"),
        "[image.ex]\nfeatures = [\"x\"]\n\n[image.why]\nfeatures = [\"y\"]\n",
    );
    let output = project.join("target/crossdock");
    sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64", "--jobs", "1"]).success();
    let (both_x, both_y) = (output_of(&sandbox, &output, "ex"), output_of(&sandbox, &output, "why"));
    assert_eq!((both_x.0.as_str(), both_y.0.as_str()), ("x", "y"));
    sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64", "--image", "ex"]).success();
    assert_eq!(output_of(&sandbox, &output, "ex"), both_x);
}

#[test]
fn two_images_of_one_go_program_keep_their_linker_flags() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(
        project.join("main.go"),
        "package main\n\nimport \"fmt\"\n\nvar word = \"none\"\n\nfunc main() { fmt.Println(word) }\n",
    );
    fixture::write(
        project.join("crossdock.toml"),
        "[image.one]\nldflags = \"-X main.word=one\"\n\n[image.two]\nldflags = \"-X main.word=two\"\n",
    );
    sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64"]).success();
    let output = project.join(".crossdock");
    let (one, two) = (output_of(&sandbox, &output, "one"), output_of(&sandbox, &output, "two"));
    assert_eq!((one.0.as_str(), two.0.as_str()), ("one", "two"));
    sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64", "--image", "two"]).success();
    assert_eq!(output_of(&sandbox, &output, "two"), two);
}

#[test]
fn every_built_platform_is_verified_whichever_nodes_are_named() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let arguments = ["dist", "--json", "--platform", "linux/amd64,linux/arm64", "--for", "linux/amd64"];
    let report = sandbox.crossdock(&project, &arguments).success().json();
    let verified: Vec<&str> = report["images"][0]["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|verdict| verdict["for"].as_str().unwrap())
        .collect();
    assert_eq!(verified, ["linux/amd64", "linux/arm64"]);
}

/// An image built for another kind of node: what EKS refused at run time is refused before it is tagged.
#[test]
fn an_image_without_a_program_for_the_named_node_is_not_tagged() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let arguments = ["dist", "--for", "m5.large", "--platform", "linux/arm64"];
    let refused = sandbox.crossdock(&project, &arguments).ends_with(1);
    let refused = refused.complains("platform-missing").complains("m5.large").complains("--platform");
    assert_eq!(refused.stdout, "", "{refused}");
    assert!(!project.join(".crossdock/hello/index.json").exists(), "an image that was refused has no index");
    let plan = [&["plan"], &arguments[1..]].concat();
    sandbox.crossdock(&project, &plan).success().says("has no program for m5.large");
    // An image with more platforms is verified for those that it holds.
    sandbox.crossdock(&project, &["dist"]).success();
    let verified = sandbox.crossdock(&project, &[&["verify"], &arguments[1..]].concat()).success();
    assert!(!verified.stderr.contains("no program"), "{verified}");
    // A node with a processor level runs programs that are built for every level.
    let arguments = ["dist", "--json", "--for", "linux/amd64/v3", "--platform", "linux/amd64"];
    let report = sandbox.crossdock(&project, &arguments).success().json();
    assert_eq!(report["images"][0]["verdicts"][0]["for"], "linux/amd64/v3");
}

#[test]
fn a_deployed_node_whose_platform_is_not_built_is_named() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let config = "[deploy.eks]\nnodes = [\"m5.large\", \"m7g.large\"]\n\n[image.hello]\ndeploy = [\"eks\"]\n";
    fixture::write(project.join("crossdock.toml"), config);
    let arguments = ["--platform", "linux/arm64"];
    sandbox.crossdock(&project, &[&["dist"], &arguments[..]].concat()).success();
    let plan = sandbox.crossdock(&project, &[&["plan"], &arguments[..]].concat()).success();
    plan.says("is not verified for m5.large (deploy eks), a node of linux/amd64");
}

/// A name without a registry belongs to Docker Hub's official images, to which nobody else can push.
#[test]
fn the_next_command_pushes_only_to_a_repository_that_was_named() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let plain = sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64"]).success();
    let plain = plain.complains("next: crossdock dist --load docker").complains("--repository");
    assert!(!plain.stderr.contains("docker://"), "{plain}");
    let named = ["dist", "--platform", "linux/amd64", "--repository", "r.example/team/hello", "--tag", "v1"];
    let named = sandbox.crossdock(&project, &named).success();
    named.complains("next: crossdock push r.example/team/hello:v1 .crossdock/hello");
}

#[test]
fn a_project_without_images_is_an_error() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    sandbox.crossdock(&project, &["tag"]).ends_with(2);
    let empty = sandbox.crossdock(&project, &["verify", ".crossdock/hello"]).ends_with(5);
    assert!(empty.stderr.contains("contains no image"), "{empty}");
}

#[test]
fn two_images_may_share_a_program() {
    for project in [fixture::go_module, fixture::rust_package] {
        let sandbox = Sandbox::new();
        let project = project(&sandbox.work(), "hello");
        fixture::write(project.join("crossdock.toml"), "[image.one]\n\n[image.two]\nexpose = [80]\n");
        let arguments = ["dist", "--json", "--platform", "linux/amd64"];
        let report = sandbox.crossdock(&project, &arguments).success().json();
        let compiled: Vec<&String> =
            report["steps"].as_object().unwrap().keys().filter(|step| step.starts_with("compile")).collect();
        assert_eq!(compiled.len(), 1, "{compiled:?}");
        let layers = ["one", "two"].map(|image| {
            let layout =
                report["images"].as_array().unwrap().iter().find(|found| found["name"] == image).unwrap();
            let layout = Layout::open(layout["layout"].as_str().unwrap());
            layout.manifest("linux/amd64")["layers"].clone()
        });
        assert_eq!(layers[0], layers[1]);
    }
}

/// A machine that cannot build a platform still verifies another machine's image of it against the plan.
#[test]
fn a_machine_without_the_toolchain_verifies_against_the_plan() {
    let mut sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "hello");
    fixture::write(project.join("crossdock.toml"), "[image.hello]\nlinkage = \"dynamic\"\n");
    sandbox.crossdock(&project, &["build", "--platform", "linux/amd64"]).success();
    fixture::write(project.join("crossdock.toml"), "[image.hello]\nlinkage = \"static\"\n");
    let empty = sandbox.work().join("sysroot");
    std::fs::create_dir_all(&empty).unwrap();
    sandbox.shim(
        "rustc",
        &format!(
            "case \"$*\" in '--print sysroot') echo '{}' ;; *) exec \"$REAL\" \"$@\" ;; esac",
            empty.display()
        ),
    );
    sandbox.crossdock(&project, &["build", "--platform", "linux/amd64"]).ends_with(3);
    let verdict =
        sandbox.crossdock(&project, &["verify", "--json", "--platform", "linux/amd64"]).ends_with(1);
    let findings = verdict.json_lines()[0]["findings"].clone();
    let codes: Vec<&str> =
        findings.as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"dynamic-not-planned"), "{codes:?}");
}

/// Creates a Go module with three programs. The entry point of one of the images does not exist.
fn three_images_of_which_one_is_refused(sandbox: &Sandbox) -> std::path::PathBuf {
    let project = fixture::go_module(&sandbox.work(), "hello");
    for name in ["first", "third"] {
        fixture::write(project.join(format!("cmd/{name}/main.go")), "package main\n\nfunc main() {}\n");
    }
    fixture::write(
        project.join("crossdock.toml"),
        "[image.first]\nbinary = \"first\"\n\n[image.second]\nbinary = \"hello\"\nentrypoint = [\"/nowhere\"]\n\n\
         [image.third]\nbinary = \"third\"\n",
    );
    project
}

#[test]
fn a_refused_image_does_not_prevent_the_tags_of_others() {
    let sandbox = Sandbox::new();
    let project = three_images_of_which_one_is_refused(&sandbox);
    let arguments = ["dist", "--platform", "linux/amd64", "--tag", "v1", "--metadata-file", "report.json"];
    let outcome = sandbox.crossdock(&project, &[&arguments[..], &["--json"]].concat()).ends_with(1);
    let report = outcome.json();
    let file = std::fs::read_to_string(project.join("report.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&file).unwrap(), report);
    let images: Vec<(&str, &str, &str)> = report["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| {
            let word = |value: &'_ serde_json::Value| value.as_str().unwrap().to_owned().leak() as &str;
            (word(&image["name"]), word(&image["status"]), word(&image["verdicts"][0]["verdict"]))
        })
        .collect();
    let expected =
        [("first", "tagged", "starts"), ("second", "refused", "fails"), ("third", "tagged", "starts")];
    assert_eq!(images, expected);
    let unfinished = report["unfinished"].as_array().unwrap();
    assert_eq!(unfinished.len(), 1, "{unfinished:?}");
    assert_eq!((&unfinished[0]["image"], &unfinished[0]["reason"]), (&"second".into(), &"refused".into()));
    let plain =
        sandbox.crossdock(&project, &arguments).ends_with(1).complains("image `second` was not tagged");
    let answers: Vec<&str> = plain.stdout.lines().filter_map(|line| line.split('@').next()).collect();
    assert_eq!(answers, ["first:v1", "third:v1"]);
    assert!(Layout::open(project.join(".crossdock/third")).tags().iter().any(|tag| tag.ends_with("v1")));
    // The refused image has no earlier version: verification says so, and verifies the others all the same.
    let verified =
        sandbox.crossdock(&project, &["verify", "--json", "--platform", "linux/amd64"]).ends_with(2);
    let verdicts: Vec<serde_json::Value> =
        verified.json_lines().into_iter().map(|line| line["verdict"].clone()).collect();
    assert_eq!(verdicts, ["starts", "starts"], "{verified}");
}

#[test]
fn an_image_that_a_failed_run_did_not_reach_is_named_with_the_reason() {
    let sandbox = Sandbox::new();
    let project = three_images_of_which_one_is_refused(&sandbox);
    fixture::write(project.join("cmd/third/main.go"), "package main\n\nfunc main() { broken }\n");
    let report = sandbox.crossdock(&project, &["dist", "--json", "--jobs", "1"]).ends_with(4).json();
    let unfinished = report["unfinished"].as_array().unwrap();
    assert_eq!(unfinished.len(), 3, "{report:#}");
    for image in unfinished {
        let why = image["why"].as_str().unwrap();
        assert!(image["reason"] == "ended" && why.contains("the compiler failed"), "{image:#}");
    }
    // An image that was never built does not prevent the others from being verified.
    sandbox.crossdock(&project, &["dist", "--image", "first"]).success();
    let outcome = sandbox.crossdock(&project, &["tag", "--json", "--image", "first,third"]).ends_with(2);
    let report = outcome.json();
    assert_eq!(report["images"][0]["status"], "tagged");
    assert_eq!(report["unfinished"][0]["reason"], "not-built");
}
