//! Forms that people's own files have, and what has to be said of them.

use crossdock_dockerfile::lint::{Finding, Severity, lint};

use crate::lint::options;

/// A program of Go: a builder, its lines, and the base of the image that copies `/app`.
fn go(builder: &str, lines: &str, base: &str) -> String {
    format!(
        "FROM {builder} AS b\nWORKDIR /src\nCOPY . .\n{lines}\nFROM {base}\nCOPY --from=b /app /app\nENTRYPOINT [\"/app\"]\n"
    )
}

/// What is more than a note.
fn weighs(file: &str) -> Vec<Finding> {
    lint(file, &options()).into_iter().filter(|finding| finding.severity > Severity::Note).collect()
}

#[test]
fn every_spelling_of_a_static_link_is_seen() {
    for flags in [
        r#"-ldflags '-linkmode external -extldflags "-static"'"#,
        r#"-ldflags "-extldflags '-static'""#,
        r#"-ldflags="-w -s -linkmode external -extldflags \"-static\"""#,
        r#"-ldflags '-extldflags "-fno-PIC -static"'"#,
        r#"-ldflags="-linkmode=external -extldflags=-static -s""#,
        "-ldflags=-extldflags=-static",
        r#"-ldflags "${LDFLAGS}""#,
        r#"-ldflags="-s $LDFLAGS""#,
    ] {
        let lines = format!(
            "ARG LDFLAGS=\"-linkmode external -extldflags -static\"\nRUN CGO_ENABLED=1 go build {flags} -o /app ."
        );
        for builder in ["golang:1.26-alpine", "golang:1.26"] {
            assert_eq!(weighs(&go(builder, &lines, "scratch")), [], "{flags}");
        }
    }
    let environment =
        "ENV CGO_ENABLED=1 GOFLAGS=\"-trimpath -ldflags=-extldflags=-static\"\nRUN go build -o /app .";
    assert_eq!(weighs(&go("golang:1.26-alpine", environment, "scratch")), []);
    // Flags that the file does not tell may say so too.
    let unknown = "ARG LDFLAGS\nRUN CGO_ENABLED=1 go build -ldflags \"$LDFLAGS\" -o /app .";
    assert_eq!(weighs(&go("golang:1.26-alpine", unknown, "scratch")), []);
}

#[test]
fn a_dynamic_program_with_cgo_is_not_told_to_do_without() {
    for flags in
        ["-ldflags '-s -w -X main.version=-static1'", "-ldflags '-extldflags \"-static-libgcc\"'", "-o $APP"]
    {
        let lines = format!("RUN CGO_ENABLED=1 go build {flags} -o /app .");
        let found = weighs(&go("golang:1.26-alpine", &lines, "scratch"));
        assert!(found.iter().any(|one| one.code.id() == "libc-mismatch"), "{flags}: {found:#?}");
        assert!(found.iter().all(|one| one.corrected.is_none()), "{flags}: {found:#?}");
    }
}

/// Go's linker takes musl's loader where there is no other.
#[test]
fn position_independent_programs_have_the_loader_of_their_builder() {
    let lines = "RUN CGO_ENABLED=0 go build -buildmode=pie -o /app .";
    assert_eq!(weighs(&go("golang:1.26-alpine", lines, "alpine:3.23")), []);
    assert!(!weighs(&go("golang:1.26", lines, "alpine:3.23")).is_empty());
    assert!(!weighs(&go("golang:1.26-alpine", &lines.replace("=pie", " pie"), "scratch")).is_empty());
}
