//! `crossdock lint` on Dockerfiles of users, and the origin story built the old way.

use std::path::Path;
use std::time::Duration;

use crossdock_tests::tools::need;
use crossdock_tests::{Sandbox, fixture};

/// A first Dockerfile as many people write it: right on the machine where it was tried.
const OLD_WAY: &str = "FROM golang:1.26-alpine AS builder\nWORKDIR /src\nCOPY . .\n\
                       RUN CGO_ENABLED=0 go build -o /server .\n\nFROM alpine:3.23\n\
                       COPY --from=builder /server /server\nEXPOSE 2222\nENTRYPOINT [\"/server\"]\n";

/// Host Apple M3, nodes on EKS with x86-64: the file without GOARCH is reported before anything is built.
#[test]
fn lint_finds_the_origin_story_in_the_dockerfile() {
    let sandbox = Sandbox::new();
    let project = fixture::example(&sandbox.work(), "k8s-ssh-server");
    fixture::write(project.join("Dockerfile"), OLD_WAY);
    for nodes in ["m5.large", "deploy:eks"] {
        let arguments = ["lint", "Dockerfile", "--for", nodes, "--host", "darwin/arm64"];
        let outcome = sandbox.crossdock(&project, &arguments).ends_with(1);
        assert!(outcome.stdout.contains("error[platform-of-the-builder] Dockerfile:6"), "{outcome}");
        assert!(outcome.stdout.contains("+ FROM --platform=linux/amd64 alpine:3.23"), "{outcome}");
    }
    // The same file gives a correct image if it is built on the architecture of the nodes.
    let same = ["lint", "Dockerfile", "--for", "m5.large", "--host", "linux/amd64"];
    sandbox.crossdock(&project, &same).success();
}

/// A file that fixes a platform is verified for the nodes, whatever it compiles for.
#[test]
fn a_fixed_platform_is_verified_for_the_nodes() {
    let sandbox = Sandbox::new();
    let directory = sandbox.work();
    fixture::write(
        directory.join("Dockerfile"),
        "FROM golang:1.26 AS build\nRUN CGO_ENABLED=0 GOARCH=amd64 go build -o /app .\n\
         FROM --platform=linux/amd64 alpine:3.23\nCOPY --from=build /app /app\nENTRYPOINT [\"/app\"]\n",
    );
    let graviton = sandbox.crossdock(&directory, &["lint", "Dockerfile", "--for", "m7g.large"]).ends_with(1);
    assert!(graviton.stdout.contains("error[platform-against-nodes] Dockerfile:3"), "{graviton}");
    assert!(graviton.stdout.contains("+ FROM --platform=linux/arm64 alpine:3.23"), "{graviton}");
    sandbox.crossdock(&directory, &["lint", "Dockerfile", "--for", "m5.large"]).success();
}

/// The same project, compiled on a builder of the other architecture and labelled for the nodes: buildah makes the image as
/// an engine on an Apple machine would, from a program that Go compiled for the machine's own architecture.
#[test]
fn verification_finds_the_origin_story_in_the_image() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "server");
    let mut go = sandbox.command(need("go"), &project);
    go.envs([("GOOS", "linux"), ("GOARCH", "arm64"), ("CGO_ENABLED", "0")])
        .args(["build", "-o", "server", "."]);
    crossdock_tests::outcome::run(&mut go, Duration::from_secs(300)).success();
    fixture::write(
        project.join("Dockerfile"),
        "FROM --platform=linux/amd64 scratch\nCOPY server /server\nEXPOSE 2222\nENTRYPOINT [\"/server\"]\n",
    );
    let layout = buildah(&sandbox, &project, "linux/amd64");
    // The engine trusts the file and labels a program of the other architecture.
    let label = sandbox.tool(
        &project,
        "skopeo",
        &["inspect", "--raw", "--config", &format!("oci:{}:v1", layout.display())],
    );
    assert_eq!(label.success().json()["architecture"], "amd64");
    let verify = ["verify", layout.to_str().unwrap(), "--for", "m5.large"];
    let outcome = sandbox.crossdock(&project, &verify).ends_with(1);
    assert!(outcome.stdout.contains("fails") && outcome.stdout.contains("m5.large"), "{outcome}");
    assert!(outcome.stdout.contains("arm64") || outcome.stdout.contains("AArch64"), "{outcome}");
}

/// Builds the directory's Dockerfile without running anything in it, and returns the layout.
fn buildah(sandbox: &Sandbox, project: &Path, platform: &str) -> std::path::PathBuf {
    let (root, run, layout) =
        (sandbox.work().join("storage"), sandbox.work().join("run"), sandbox.work().join("layout"));
    let storage =
        ["--root", root.to_str().unwrap(), "--runroot", run.to_str().unwrap(), "--storage-driver", "vfs"];
    let build = ["build", "--isolation", "chroot", "--platform", platform, "--tag", "server", "."];
    sandbox.tool(project, "buildah", &[&storage[..], &build].concat()).success();
    let to = format!("oci:{}:v1", layout.display());
    sandbox.tool(project, "buildah", &[&storage[..], &["push", "server", &to]].concat()).success();
    layout
}

#[test]
fn findings_have_every_output_format() {
    let sandbox = Sandbox::new();
    let directory = sandbox.work();
    fixture::write(
        directory.join("a b.Dockerfile"),
        "FROM golang:1.26 AS build\nRUN CGO_ENABLED=0 GOARCH=amd64 go build -o /app .\nFROM scratch\n\
         COPY --from=build /app /app\nENTRYPOINT [\"/app\"]\n",
    );
    fixture::write(directory.join("good"), "FROM scratch\nCOPY app /app\nENTRYPOINT [\"/app\"]\n");
    let lint = |arguments: &[&str]| {
        sandbox.crossdock(&directory, &[&["lint", "a b.Dockerfile", "good"], arguments].concat()).ends_with(1)
    };
    insta::assert_snapshot!(lint(&[]).stdout);
    let json = lint(&["--format", "json"]).json();
    assert_eq!(json["schema"], "crossdock.lint/1");
    assert_eq!(json["files"][0]["findings"][0]["code"], "constant-architecture");
    assert_eq!(json["files"][1]["findings"].as_array().unwrap().len(), 0);
    assert_eq!(lint(&["--json"]).json(), json);
    let sarif = lint(&["--format", "sarif"]).json();
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(
        (&sarif["version"], &place["artifactLocation"]["uri"], &place["region"]["startLine"]),
        (&"2.1.0".into(), &"a%20b.Dockerfile".into(), &2.into())
    );
    let github = lint(&["--format", "github"]).stdout;
    assert!(
        github.starts_with("::error file=a b.Dockerfile,line=2,title=constant-architecture::"),
        "{github}"
    );
    sandbox.crossdock(&directory, &["lint", "good"]).success();
}

#[test]
fn hostile_files_do_not_crash_lint() {
    let sandbox = Sandbox::new();
    let directory = sandbox.work();
    let long = format!("FROM scratch\nRUN {}\n", "x".repeat(1 << 20));
    let cases: [(&str, Vec<u8>, i32); 8] = [
        ("crlf", b"FROM scratch\r\nCOPY a /a\r\nENTRYPOINT [\"/a\"]\r\n".to_vec(), 0),
        ("bom", b"\xef\xbb\xbfFROM scratch\nCOPY a /a\nENTRYPOINT [\"/a\"]\n".to_vec(), 0),
        ("empty", Vec::new(), 1),
        ("no-from", b"RUN true\n".to_vec(), 1),
        ("long", long.into_bytes(), 1),
        ("unknown", b"FROM scratch\nFORM x\n".to_vec(), 1),
        ("latin1", b"FROM scratch\n# caf\xe9\nCOPY a /a\n".to_vec(), 0),
        ("escape", b"FROM scratch\nLABEL a=\"\x1b[31mred\"\nFRMO x\n".to_vec(), 1),
    ];
    for (name, bytes, code) in cases {
        fixture::write(directory.join(name), bytes);
        let outcome = sandbox.crossdock(&directory, &["lint", name]).ends_with(code);
        assert!(!outcome.stderr.contains("panicked") && outcome.stdout.len() < 4000, "{outcome}");
        assert!(!outcome.stdout.contains('\u{1b}'), "a terminal would obey it: {outcome}");
    }
    for call in
        [vec!["lint"], vec!["lint", "nowhere"], vec!["lint", "."], vec!["lint", "crlf", "--host", "amiga"]]
    {
        sandbox.crossdock(&directory, &call).ends_with(2);
    }
    sandbox.crossdock(&directory, &["lint", "crlf", "--for", "linux/arm46"]).ends_with(2).complains("arm64");
}

/// The current day decides, and SOURCE_DATE_EPOCH replaces it: an old commit gets the findings of its time.
#[test]
fn a_base_is_outdated_from_its_end_of_life_on() {
    let mut sandbox = Sandbox::new();
    let directory = sandbox.work();
    fixture::write(directory.join("Dockerfile"), "FROM debian:bullseye-slim\nCMD [\"/bin/true\"]\n");
    let found = |sandbox: &Sandbox| sandbox.crossdock(&directory, &["lint", "Dockerfile"]).success().stdout;
    sandbox.set("SOURCE_DATE_EPOCH", "1767225600");
    assert!(!found(&sandbox).contains("end-of-life-base"));
    sandbox.set("SOURCE_DATE_EPOCH", "1798761600");
    assert!(found(&sandbox).contains("end-of-life-base"));
}
