//! What the rules say about the corpus, and the forms in which they say it.

use std::fmt::Write;

use crossdock_dockerfile::lint::{Code, Date, Finding, Options, Report, Severity, github, lint, sarif};
use crossdock_platform::Platform;

fn options() -> Options {
    Options { today: Some(Date { year: 2026, month: 11, day: 21 }), ..Options::default() }
}

/// A finding as a person reads it.
fn show(finding: &Finding) -> String {
    let corrected = finding.corrected.replace('\n', "\n      | ");
    format!(
        "{}: {} [{}] {}\n      | {corrected}\n",
        finding.line, finding.severity, finding.code, finding.message
    )
}

#[test]
fn the_corpus() {
    let mut text = String::new();
    for (name, file) in crate::support::corpus() {
        writeln!(text, "== {name}").unwrap();
        lint(&file, &options()).iter().for_each(|finding| text.push_str(&show(finding)));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn every_rule_has_a_file_that_it_finds() {
    let unknown = "FROM scratch\nCOPPY a b\n".to_owned();
    let composed = "FROM --platform=$BUILDPLATFORM rust:1.95 AS b\nARG TARGETARCH\nRUN cargo build --target ${TARGETARCH}-unknown-linux-musl\n\
                    FROM scratch\nCOPY --from=b /a /a\nENTRYPOINT [\"/a\"]\n";
    let files: Vec<String> = crate::support::corpus()
        .into_iter()
        .map(|(_, text)| text)
        .chain([unknown, composed.to_owned(), "RUN <<E".to_owned()])
        .collect();
    for code in Code::all() {
        let found =
            files.iter().any(|file| lint(file, &options()).iter().any(|finding| finding.code == *code));
        assert!(found, "no file shows {code}");
    }
}

/// Each corrected line, put in its place, makes its finding go away. A second stage is more than a line.
#[test]
fn corrected_lines_are_right() {
    let mut corrected = 0;
    for (name, file) in crate::support::corpus() {
        for finding in lint(&file, &options()) {
            if finding.code.id() == "single-stage" {
                continue;
            }
            let lines = file.lines().enumerate().map(|(index, line)| {
                if index + 1 == finding.line { finding.corrected.as_str() } else { line }
            });
            let text = lines.collect::<Vec<_>>().join("\n");
            let same = |other: &Finding| other.code == finding.code && other.message == finding.message;
            let count = |text: &str| lint(text, &options()).iter().filter(|other| same(other)).count();
            assert!(count(&text) < count(&file), "{name}: {}in\n{text}", show(&finding));
            corrected += 1;
        }
    }
    assert!(corrected > 10);
}

/// Files that start, in forms that a careless rule would take for trouble.
#[test]
fn good_files_have_no_errors() {
    let files = [
        // A tool for the builder itself is of the build machine's platform, as it must be.
        "FROM --platform=$BUILDPLATFORM golang:1.26 AS tool\nRUN go build -o /gen ./cmd/gen\n\
         FROM --platform=$BUILDPLATFORM golang:1.26 AS build\nCOPY --from=tool /gen /gen\nARG TARGETARCH\n\
         RUN /gen && CGO_ENABLED=0 GOARCH=$TARGETARCH go build -o /app .\nFROM scratch\nCOPY --from=build /app /app\nENTRYPOINT [\"/app\"]\n",
        "FROM --platform=$BUILDPLATFORM golang:1.26 AS build\nRUN go install example.org/tool@v1\nARG TARGETOS TARGETARCH\n\
         ENV CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH\nRUN go build -o /app .\nFROM scratch\nCOPY --from=build /app /app\nENTRYPOINT [\"/app\"]\n",
        "FROM --platform=linux/arm64 golang:1.26 AS b\nRUN CGO_ENABLED=0 go build -o /app .\n\
         FROM --platform=linux/arm64 scratch\nCOPY --from=b /app /app\nENTRYPOINT [\"/app\"]\n",
        "FROM rust:1.95-alpine AS b\nRUN cargo build --release\nFROM scratch\nCOPY --from=b /target/release/a /a\nENTRYPOINT [\"/a\"]\n",
        "FROM gcr.io/distroless/base-debian12:debug\nENTRYPOINT /app\n",
        "FROM golang:1.26 AS b\nRUN GOOS=darwin GOARCH=arm64 go build -o /app .\nFROM scratch AS release\nCOPY --from=b /app /\n",
        "FROM scratch\nADD rootfs.tar.gz /\nCMD echo hello\n",
        "FROM --platform=$BUILDPLATFORM golang:1.26 AS b\nARG TARGETARCH\nRUN if [ \"$TARGETARCH\" = arm64 ]; then export GOARCH=arm64; \
         else export GOARCH=amd64; fi; CGO_ENABLED=0 go build -o /app .\nFROM scratch\nCOPY --from=b /app /app\nENTRYPOINT [\"/app\"]\n",
    ];
    for file in files {
        let errors: Vec<Finding> = lint(file, &options())
            .into_iter()
            .filter(|finding| finding.severity == Severity::Error)
            .collect();
        assert_eq!(errors, [], "{file}");
    }
}

/// The origin story: an Apple machine builds for x86-64 nodes without a target.
#[test]
fn a_native_build_for_other_nodes_is_an_error() {
    let (_, file) = crate::support::corpus().into_iter().find(|(name, _)| name == "go-origin").unwrap();
    let known = Options {
        deploy: vec![Platform::LINUX_AMD64],
        build_host: Some(Platform::parse("darwin/arm64").unwrap()),
        ..options()
    };
    let found = lint(&file, &known);
    let finding = found.iter().find(|finding| finding.code.id() == "platform-of-the-builder").unwrap();
    assert_eq!(finding.severity, Severity::Error);
    assert_eq!(finding.corrected, "FROM --platform=linux/amd64 alpine:3.22");
    let same = Options { build_host: Some(Platform::LINUX_AMD64), ..known };
    assert!(lint(&file, &same).iter().all(|finding| finding.severity != Severity::Error));
}

#[test]
fn machines_read_the_same_findings() {
    let (_, file) =
        crate::support::corpus().into_iter().find(|(name, _)| name == "go-constant-arch").unwrap();
    let findings = lint(&file, &options());
    let report = Report::new("a folder/Dockerfile", &findings);
    assert!(report.fails());
    insta::assert_snapshot!("github", github(&report));
    let log = sarif(std::slice::from_ref(&report), "1.2.3");
    assert_eq!(log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().len(), Code::all().len());
    insta::assert_snapshot!(
        "sarif_results",
        serde_json::to_string_pretty(&log["runs"][0]["results"]).unwrap()
    );
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&report).unwrap());
}
