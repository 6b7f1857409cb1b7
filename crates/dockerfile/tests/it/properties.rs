//! Properties of any input: parsing does not panic, and printing returns the original text.

use crossdock_dockerfile::lint::{Options, lint};
use crossdock_dockerfile::read::{Dockerfile, Scope, expand};
use proptest::prelude::*;

/// Fragments of Dockerfiles, so that random texts reach every branch.
const PIECES: &[&str] = &[
    "FROM",
    "RUN",
    "COPY",
    "ENV",
    "ARG",
    "LABEL",
    "ONBUILD",
    "HEALTHCHECK",
    "SHELL",
    "ENTRYPOINT",
    "run",
    " ",
    "\n",
    "\r\n",
    "\\\n",
    "`",
    "# escape=`\n",
    "# syntax=x\n",
    "#",
    "<<EOF",
    "<<-'E'",
    "EOF\n",
    "[\"a\"]",
    "[",
    "\"",
    "'",
    "${A:-",
    "}",
    "$A",
    "=",
    "--from=a",
    "--platform=$BUILDPLATFORM",
    "--mount=type=cache,target=/usr/local/cargo",
    "golang:1.26",
    "rust",
    "alpine:3",
    "scratch",
    "AS a",
    "go build",
    "cargo build --target",
    "GOARCH=amd64",
    "&&",
    ";",
    "$(",
    ")",
    "ä",
    "\u{feff}",
    "\u{a0}",
    "\t",
    "CMD x",
    "linux/arm64",
];

fn dockerfile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![4 => proptest::sample::select(PIECES).prop_map(str::to_owned), 1 => ".{0,6}"];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printing_a_parsed_file_returns_its_text(text in dockerfile()) {
        if let Ok(file) = Dockerfile::read(&text) {
            prop_assert_eq!(file.to_string(), text);
        }
    }

    #[test]
    fn lines_are_within_the_file_and_ascending(text in dockerfile()) {
        if let Ok(file) = Dockerfile::read(&text) {
            let mut last = 0;
            for instruction in file.instructions() {
                prop_assert!(instruction.lines.first > last && instruction.lines.last >= instruction.lines.first);
                last = instruction.lines.last;
            }
            prop_assert!(last <= text.split_inclusive('\n').count());
        }
    }

    #[test]
    fn findings_point_into_the_file(text in dockerfile()) {
        for finding in lint(&text, &Options::default()) {
            prop_assert!(finding.line >= 1 && finding.line <= text.lines().count().max(1), "{:?}", finding);
            prop_assert!(!finding.message.is_empty());
        }
    }
}

#[test]
fn expanded_values_never_exceed_their_limit() {
    let longest = 65_536;
    for (value, text) in
        [("xxxxxxxx", "$A$A"), ("xxxxxxxx", "$B$A"), ("x", "${C:-$B$A}"), ("x", "$A\"$B\"\\x")]
    {
        let of = |name: &str, value: String| (name.to_owned(), Some(value));
        let mut scope = Scope::from([of("A", value.to_owned()), of("B", "x".repeat(60_000))]);
        let mut rows = 0;
        while let Some(longer) = expand(text, &scope) {
            assert!(longer.len() <= longest, "{text}: {}", longer.len());
            scope.extend([of("A", longer)]);
            rows += 1;
        }
        assert!((1..20).contains(&rows), "{text}: {rows}");
    }
    let exact = Scope::from([("A".to_owned(), Some("x".repeat(longest)))]);
    assert_eq!(expand("$A", &exact).map(|value| value.len()), Some(longest));
}

#[test]
fn deep_and_long_inputs_are_parsed_or_refused() {
    for text in [
        format!("FROM a\nRUN cat <<{}", "${a:-".repeat(100_000 / 6)),
        format!("FROM {}x{}\n", "${a:-".repeat(5_000), "}".repeat(5_000)),
        format!("FROM a\n{}RUN x\n", "ONBUILD ".repeat(7_000)),
        format!("FROM a\nCMD {}{}\n", "[".repeat(30_000), "]".repeat(30_000)),
        format!("FROM a\nRUN {}\n", "(".repeat(60_000)),
        format!("FROM a\nRUN {}\n", "x \\\n".repeat(100_000)),
        format!("FROM a\nENV A=xxxxxxxx\n{}RUN go build\n", "ENV A=$A$A\n".repeat(100)),
        format!("ARG A=xxxxxxxx\n{}FROM $A\n", "ARG A=$A$A\n".repeat(100)),
        format!("ARG B={}\nARG A=x\n{}FROM $A\n", "x".repeat(65_000), "ARG A=$B$A\n".repeat(1_000)),
        format!("FROM golang:1.26\nRUN {}\n", "A=b; export B=c; go build; ".repeat(3_000)),
        format!("FROM golang:1.26\nRUN {}\n", "go build -o x; cp x y; ./x; ".repeat(2_000)),
        format!("FROM golang:1.26\nRUN {}cp {}\n", "go build -o x; ".repeat(2_000), "x ".repeat(10_000)),
        format!("FROM a\nRUN {}\n", "x$(".repeat(20_000)),
        format!("FROM a\nRUN $(case {}\n", ")".repeat(60_000)),
        (0..2_000)
            .map(|stage| format!("FROM s{stage} AS s{}\nARG V{stage}=x\nRUN go build\n", stage + 1))
            .collect(),
        (0..2_000)
            .map(|stage| format!("FROM a AS s{stage}\nCOPY --from={} a b\nCMD a\n", stage.max(1) - 1))
            .collect(),
        "FROM a\nFROM a AS a\nCOPY --from=a x y\nFROM a AS b\nFROM b AS a\nCOPY --from=b x y\n".to_owned(),
    ] {
        let findings = lint(&text, &Options::default());
        assert!(findings.iter().all(|finding| finding.line <= text.lines().count()));
    }
}
