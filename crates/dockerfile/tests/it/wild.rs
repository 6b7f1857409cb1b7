//! Forms that people's own files have, and what has to be said of them.

use crossdock_dockerfile::lint::{Finding, Severity, lint};

use crate::lint::options;

/// A program of Go: a builder, its lines, and the base of the image that copies `/app`.
fn go(builder: &str, lines: &str, base: &str) -> String {
    format!(
        "FROM {builder} AS b\nWORKDIR /src\nCOPY . .\n{lines}\nFROM {base}\nCOPY --from=b /app /app\nENTRYPOINT [\"/app\"]\n"
    )
}

/// The findings that are more than notes.
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

const TARGETED: &str = "RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /app .";

/// A builder on the build machine's platform, with steps before the one that compiles the program.
fn with_tool(steps: &str) -> String {
    let lines = format!("ARG TARGETOS TARGETARCH\n{steps}\n{TARGETED}");
    go("--platform=$BUILDPLATFORM golang:1.26", &lines, "scratch")
}

#[test]
fn tools_of_the_build_ship_nothing() {
    for steps in [
        "RUN go build -o /tmp/gen ./internal/gen && /tmp/gen",
        "RUN go build -o /usr/local/bin/tool ./tools/tool && tool generate",
        "RUN go build -o bin/gen ./gen\nRUN ./bin/gen",
        "RUN cd tools && go build ./gen && ./gen",
        "RUN go build -o=/tmp/ ./cmd/gen",
        "RUN go install ./cmd/protoc-gen-x\nRUN go generate ./...",
        "RUN cd tools && go install github.com/golang/mock/mockgen && cd .. && go generate ./...",
        "RUN GOBIN=/tools go install example.org/gen/v2 && cp /tools/gen /usr/bin/gen",
        "RUN go build std",
        "RUN CGO_ENABLED=0 go install std",
        "RUN go build ./... && go vet ./...",
        "RUN go build -o /dev/null ./...",
        "RUN go build -o /tmp/gen ./gen && apt-get install -y a1 a2 a3 a4 a5 a6 a7 a8 a9 b1 b2 b3 b4 b5 b6 b7 b8 b9 c1 c2 c3 c4 c5 c6 \
         c7 c8 c9 d1 d2 d3 d4 d5 d6 d7 d8 d9 e1 e2 e3 e4 e5 e6 e7 e8 e9 f1 f2 f3 f4 f5 f6 f7 f8 f9 g1 g2 g3 g4 g5 g6 g7 g8 g9 h1",
        "RUN go build ./a ./b",
    ] {
        assert_eq!(weighs(&with_tool(steps)), [], "{steps}");
    }
    let rust = "FROM --platform=$BUILDPLATFORM rust:1.95 AS b\nARG TARGETARCH\nWORKDIR /src\nCOPY . .\n\
                RUN cargo build --release -p codegen && ./target/release/codegen\n\
                RUN case $TARGETARCH in amd64) T=x86_64;; arm64) T=aarch64;; esac; T=$T-unknown-linux-musl; \
                cargo build --release -p server --target $T && cp target/$T/release/app /app\n\
                FROM scratch\nCOPY --from=b /app /app\nENTRYPOINT [\"/app\"]\n";
    assert_eq!(weighs(rust), []);
}

/// The same steps where the program does come into the image, whatever way it takes there.
#[test]
fn programs_that_ship_are_followed() {
    let builder = "--platform=$BUILDPLATFORM golang:1.26";
    for lines in [
        "RUN CGO_ENABLED=0 go build -o /app .",
        "RUN CGO_ENABLED=0 go build -o /app . && /app --version",
        "RUN CGO_ENABLED=0 go build -o /out/ ./cmd/app && mv /out/app /app",
        "RUN CGO_ENABLED=0 go build -o bin/app .\nRUN cp bin/app /app",
        "RUN CGO_ENABLED=0 go build -o bin/x .\nRUN install -m 755 /src/bin/* /app",
        "ENV CGO_ENABLED=0\nRUN go build ./cmd/tool && ./tool && go build -o /app .",
        "RUN CGO_ENABLED=0 go build && mv example /app",
        "RUN CGO_ENABLED=0 go build -o $OUT .",
        "RUN CGO_ENABLED=0 go build ./... && cp simple /app",
        "RUN CGO_ENABLED=0 go install . && ln -s /go/bin/simple /app",
        "RUN CGO_ENABLED=0 go build -o b.bin . && upx -o /app b.bin",
        "RUN pushd cmd && CGO_ENABLED=0 go build -o b . && popd && cp cmd/b /app",
        "RUN (cd cmd && CGO_ENABLED=0 go build -o b .) && cp cmd/b /app",
        "RUN CGO_ENABLED=0 go build -C cmd -o b . && cp cmd/b /app",
    ] {
        let found = weighs(&go(builder, lines, "scratch"));
        assert!(found.iter().any(|one| one.code.id() == "host-program"), "{lines}: {found:#?}");
    }
    let copies = |sources: &str| {
        go(builder, "RUN CGO_ENABLED=0 go build -o bin/app ./cmd/app", "scratch")
            .replace("/app /app", sources)
    };
    for sources in ["/src/bin/ /bin/", "/ /", "/src/bin/app /app", "/src/$NAME/app /app", "/src/*/app /app"] {
        assert!(!weighs(&copies(sources)).is_empty(), "{sources}");
    }
    assert_eq!(weighs(&copies("/etc/ssl/certs /etc/ssl/certs")), []);
}

#[test]
fn wrappers_and_written_settings_give_the_target() {
    let builder = "--platform=$BUILDPLATFORM golang:1.26-alpine";
    for lines in [
        "COPY --from=xx / /\nENV CGO_ENABLED=0\nARG TARGETPLATFORM\nRUN xx-go --wrap && go build -o /app . && xx-verify --static /app",
        "COPY --from=xx / /\nARG TARGETPLATFORM\nRUN xx-go --wrap\nRUN CGO_ENABLED=1 go build -o /app .",
        "ARG TARGETARCH\nARG TARGETOS\nRUN go env -w GOARCH=$TARGETARCH GOOS=$TARGETOS CGO_ENABLED=0\nRUN go build -o /app .",
        "ARG TARGETARCH\nRUN case $TARGETARCH in arm64) go env -w GOARCH=arm64 ;; *) go env -w GOARCH=amd64 ;; esac\nRUN CGO_ENABLED=0 go build -o /app .",
    ] {
        assert_eq!(weighs(&go(builder, lines, "scratch")), [], "{lines}");
    }
    let constant = "RUN go env -w GOARCH=amd64 CGO_ENABLED=0\nRUN go build -o /app .";
    let found = weighs(&go(builder, constant, "scratch"));
    assert!(found.iter().any(|one| one.code.id() == "constant-architecture" && one.line == 4), "{found:#?}");
    let unwrapped = "RUN xx-go --wrap && xx-go --unwrap && CGO_ENABLED=0 go build -o /app .";
    assert!(!weighs(&go(builder, unwrapped, "scratch")).is_empty());
}

#[test]
fn images_with_a_loader_of_their_own_are_not_judged() {
    let root = "FROM debian:bookworm-slim AS r\nRUN apt-get update\n";
    for image in [
        "FROM alpine:3.23\nRUN apk add --no-cache gcompat libgcc\n",
        "FROM alpine:3.23\nRUN apk add --no-cache libc6-compat\n",
        "FROM alpine:3.23 AS base\nRUN apk add --no-cache libc6-compat\nFROM base\n",
        "FROM alpine:3.23\nRUN mkdir /lib64 && ln -s /lib/libc.musl-x86_64.so.1 /lib64/ld-linux-x86-64.so.2\n",
        "FROM alpine:3.23\nRUN wget https://example.org/glibc-2.35-r1.apk && apk add glibc-2.35-r1.apk\n",
        "FROM frolvlad/alpine-glibc:alpine-3.20\n",
        "FROM busybox:glibc\n",
        "FROM scratch\nCOPY --from=r / /\n",
        "FROM scratch\nCOPY --from=debian:bookworm-slim / /\n",
        "FROM scratch\nADD rootfs.tar.xz /\n",
        "FROM scratch\nCOPY --from=b /lib64/ld-linux-x86-64.so.2 /lib64/\nCOPY --from=b /lib/x86_64-linux-gnu/ /lib/x86_64-linux-gnu/\n",
    ] {
        for (builder, step) in [
            ("rust:1.90-bookworm", "RUN cargo build --release && cp target/release/app /app"),
            ("golang:1.26-bookworm", "RUN CGO_ENABLED=1 go build -o /app ."),
        ] {
            let file = format!(
                "{root}FROM {builder} AS b\nWORKDIR /src\nCOPY . .\n{step}\n{image}COPY --from=b /app /app\nENTRYPOINT [\"/app\"]\n"
            );
            assert_eq!(weighs(&file), [], "{file}");
        }
    }
    let comment = "FROM rust:1.90-bookworm AS b\nRUN cargo build --release && cp target/release/app /app\nFROM alpine:3.23\n\
                   RUN apk add --no-cache ca-certificates \\\n    # glibc is not needed\n    tzdata\nCOPY --from=b /app /app\nCMD [\"/app\"]\n";
    assert!(!weighs(comment).is_empty());
    // A root that has no such library is none, and one of an older release is an older one.
    for (root, code) in [("alpine:3.23", "libc-mismatch"), ("ubuntu:22.04", "glibc-too-old")] {
        let file = format!(
            "FROM {root} AS r\nFROM rust:1.90-bookworm AS b\nRUN cargo build --release && cp target/release/app /app\n\
             FROM scratch\nCOPY --from=r / /\nCOPY --from=b /app /app\nENTRYPOINT [\"/app\"]\n"
        );
        let found = weighs(&file);
        assert!(found.iter().any(|one| one.code.id() == code), "{root}: {found:#?}");
    }
}

#[test]
fn a_target_in_cargos_configuration_is_seen_where_its_folder_is() {
    for (step, source) in [
        ("RUN cargo build --release", "/src/target/x86_64-unknown-linux-musl/release/app"),
        ("RUN cargo build --release && cp target/x86_64-unknown-linux-musl/release/app /app", "/app"),
    ] {
        let file = format!(
            "FROM rust:1.90-bookworm AS b\nWORKDIR /src\nCOPY . .\n{step}\nFROM scratch\nCOPY --from=b {source} /app\nENTRYPOINT [\"/app\"]\n"
        );
        assert_eq!(weighs(&file), []);
        assert!(!weighs(&file.replace("x86_64-unknown-linux-musl/", "")).is_empty());
        assert_eq!(weighs(&file.replace("x86_64-unknown-linux-musl/", "*/")), []);
    }
    let configured = "FROM --platform=$BUILDPLATFORM rust:1.95 AS b\nARG TARGETARCH\nCOPY . .\n\
                      RUN cp .cargo/config.$TARGETARCH.toml .cargo/config.toml\nRUN cargo build --release && cp out/app /app\n\
                      FROM debian:trixie-slim\nCOPY --from=b /app /app\nCMD [\"/app\"]\n";
    assert_eq!(weighs(configured), []);
}

#[test]
fn programs_of_other_systems_are_downloads() {
    let wasm = "ARG TARGETARCH\nRUN GOOS=js GOARCH=wasm go build -o web/main.wasm ./wasm\nRUN CGO_ENABLED=0 GOARCH=$TARGETARCH go build -o /app .";
    let builder = "--platform=$BUILDPLATFORM golang:1.26";
    assert_eq!(weighs(&go(builder, wasm, "scratch").replace("/app /app", "/src/web /app /")), []);
    let many = "FROM --platform=$BUILDPLATFORM golang:1.26 AS b\nENV CGO_ENABLED=0\n\
                RUN GOOS=windows GOARCH=amd64 go build -o /out/app.exe . && GOOS=linux GOARCH=amd64 go build -o /out/app-linux . && \
                GOOS=darwin GOARCH=arm64 go build -o /out/app-mac .\nFROM nginx:alpine\nCOPY --from=b /out /usr/share/nginx/html\n";
    assert_eq!(weighs(many), []);
    // One of them, taken for the image, is its program.
    let one = many.replace("COPY --from=b /out /usr/share/nginx/html", "COPY --from=b /out/app-linux /app");
    assert!(weighs(&one).iter().any(|found| found.code.id() == "constant-architecture"));
    let rust = "FROM rust:1.95-bookworm AS b\nRUN cargo build --target x86_64-pc-windows-gnu\nFROM scratch\nCOPY --from=b /target /\n";
    assert_eq!(weighs(rust), []);
}

/// The architecture that a variable of the file holds, whatever way it takes to the compiler.
#[test]
fn a_constant_in_a_variable_is_constant() {
    for (globals, lines, line, corrected) in [
        (
            "",
            "ARG GOARCH=amd64\nRUN CGO_ENABLED=0 GOARCH=${GOARCH} go build -o /app .",
            4,
            Some("ARG TARGETARCH\nARG GOARCH=$TARGETARCH"),
        ),
        ("ARG GOARCH=amd64\n", "ARG GOARCH\nRUN CGO_ENABLED=0 GOARCH=$GOARCH go build -o /app .", 1, None),
        (
            "",
            "ARG TARGETARCH=amd64\nRUN CGO_ENABLED=0 GOARCH=$TARGETARCH go build -o /app .",
            4,
            Some("ARG TARGETARCH"),
        ),
        (
            "ARG TARGETARCH=amd64\n",
            "ARG TARGETARCH\nRUN CGO_ENABLED=0 GOARCH=$TARGETARCH go build -o /app .",
            1,
            Some("ARG TARGETARCH"),
        ),
        (
            "",
            "ARG TARGETOS=linux TARGETARCH=arm64\nRUN make ARCH=${TARGETARCH}",
            4,
            Some("ARG TARGETOS=linux TARGETARCH"),
        ),
    ] {
        let file = globals.to_owned() + &go("--platform=$BUILDPLATFORM golang:1.26", lines, "scratch");
        let found = weighs(&file);
        let [finding] = found.as_slice() else { panic!("{file}{found:#?}") };
        assert_eq!((finding.code.id(), finding.line), ("constant-architecture", line), "{file}");
        assert_eq!(finding.corrected.as_deref(), corrected, "{file}");
        // On an image that the file fixes to the same platform it is in order.
        let fixed = file.replace("FROM scratch", "FROM --platform=linux/amd64 scratch");
        assert!(lines.contains("arm64") || weighs(&fixed).is_empty(), "{fixed}");
    }
    for lines in [
        "ARG GOARCH\nRUN CGO_ENABLED=0 GOARCH=$GOARCH go build -o /app .",
        "ARG TARGETARCH\nARG GOARCH=$TARGETARCH\nRUN CGO_ENABLED=0 GOARCH=$GOARCH go build -o /app .",
        "ARG TARGETARCH\nENV GOARCH=${TARGETARCH:-amd64}\nRUN CGO_ENABLED=0 GOARCH=$GOARCH go build -o /app .",
        "ARG TARGETARCH=amd64\nRUN CGO_ENABLED=0 GOARCH=$(./arch) go build -o /app .",
    ] {
        assert_eq!(weighs(&go("--platform=$BUILDPLATFORM golang:1.26", lines, "scratch")), [], "{lines}");
    }
}

#[test]
fn asking_for_the_builder_is_no_target() {
    for (value, argument) in [
        ("$BUILDARCH", "ARG BUILDARCH TARGETARCH\n"),
        ("${BUILDARCH}", "ARG BUILDARCH TARGETARCH\n"),
        ("$(go env GOHOSTARCH)", "ARG TARGETARCH\n"),
        ("$(uname -m | sed s/aarch64/arm64/ | sed s/x86_64/amd64/)", "ARG TARGETARCH\n"),
        ("\"$(dpkg --print-architecture)\"", "ARG TARGETARCH\n"),
    ] {
        let lines = format!("{argument}RUN GOARCH={value} CGO_ENABLED=0 go build -o /app .");
        let found = weighs(&go("--platform=$BUILDPLATFORM golang:1.26", &lines, "scratch"));
        let [finding] = found.as_slice() else { panic!("{value}: {found:#?}") };
        assert_eq!(finding.code.id(), "host-program");
        let corrected = "RUN GOARCH=$TARGETARCH CGO_ENABLED=0 go build -o /app .";
        assert_eq!(finding.corrected.as_deref(), Some(corrected), "{value}");
        let native = weighs(&go("golang:1.26", &lines, "scratch"));
        assert!(native.is_empty() || value.contains("BUILDARCH"), "{value}: {native:#?}");
    }
}

#[test]
fn images_without_a_shell_are_known() {
    for base in [
        "gcr.io/distroless/base-debian12:debug",
        "gcr.io/distroless/static-debian12:debug-nonroot",
        "cgr.dev/chainguard/static",
        "cgr.dev/chainguard/glibc-dynamic:latest",
    ] {
        let file = format!("FROM {base}\nCOPY app /app\nENTRYPOINT /app\n");
        let found = weighs(&file);
        assert_eq!(found.len(), 1, "{base}");
        assert_eq!(found[0].corrected.as_deref(), Some("ENTRYPOINT [\"/app\"]"), "{base}");
    }
    for file in [
        "FROM gcr.io/distroless/base-debian12:debug\nSHELL [\"/busybox/sh\", \"-c\"]\nENTRYPOINT /app --port $PORT\n",
        "FROM gcr.io/distroless/base-debian12:debug\nENTRYPOINT [\"/busybox/sh\", \"-c\", \"/app $X\"]\n",
        "FROM cgr.dev/chainguard/static:latest-dev\nENTRYPOINT /app\n",
        "FROM cgr.dev/chainguard/wolfi-base\nENTRYPOINT /app\n",
    ] {
        assert_eq!(weighs(file), [], "{file}");
    }
    let cgo = go("golang:1.26", "RUN CGO_ENABLED=1 go build -o /app .", "cgr.dev/chainguard/static");
    assert!(weighs(&cgo).iter().any(|one| one.code.id() == "libc-mismatch"));
    let chef = "FROM lukemathwalker/cargo-chef:latest-rust-1 AS b\nRUN cargo build --release && cp target/release/app /app\n\
                FROM debian:bookworm-slim\nCOPY --from=b /app /app\nCMD [\"/app\"]\n";
    assert!(weighs(chef).iter().any(|one| one.code.id() == "glibc-too-old"));
}

#[test]
fn versions_that_have_ended_are_found_without_a_row_of_their_own() {
    for base in
        ["alpine:3.10", "node:16", "python:3.8", "golang:1.17", "fedora:30", "centos:6", "ubuntu:23.10"]
    {
        let found = weighs(&format!("FROM {base}\nCMD [\"/bin/true\"]\n"));
        let [finding] = found.as_slice() else { panic!("{base}: {found:#?}") };
        assert_eq!((finding.code.id(), finding.severity), ("end-of-life-base", Severity::Warning));
    }
    // The compiler's end is said, and not that of the system below it, whose newer release holds the same compiler.
    let found = weighs("FROM golang:1.16-stretch\nCMD [\"/bin/true\"]\n");
    assert_eq!((found.len(), found[0].corrected.as_deref()), (1, None));
}

#[test]
fn a_line_has_one_correction() {
    let file = "FROM rust:1.75-bookworm AS b\nRUN cargo build --release && cp target/release/app /app\n\
                FROM debian:bullseye-slim\nCOPY --from=b /app /app\nCMD [\"/app\"]\n";
    let corrected: Vec<_> =
        weighs(file).into_iter().filter(|one| one.line == 3).map(|one| one.corrected).collect();
    assert_eq!(
        corrected,
        [Some("FROM debian:trixie-slim".to_owned()), Some("FROM debian:trixie-slim".to_owned())]
    );
}

/// Another architecture takes another C compiler, which no line here brings, and does not start in the build.
#[test]
fn a_target_is_no_correction_where_it_stops_the_build() {
    for (builder, lines) in [
        ("golang:1.26", "ENV CGO_ENABLED=1 GOARCH=arm64 CC=aarch64-linux-gnu-gcc\nRUN go build -o /app ."),
        ("--platform=$BUILDPLATFORM golang:1.26", "RUN CGO_ENABLED=1 go build -o /app ."),
        ("--platform=$BUILDPLATFORM golang:1.26", "RUN CGO_ENABLED=1 GOARCH=amd64 go build -o /app ."),
        // The build starts the program itself.
        (
            "--platform=$BUILDPLATFORM golang:1.26",
            "RUN CGO_ENABLED=0 go build -o /app . && /app --version > /version",
        ),
    ] {
        let found = weighs(&go(builder, lines, "debian:trixie-slim"));
        assert!(!found.is_empty() && found.iter().all(|one| one.corrected.is_none()), "{lines}: {found:#?}");
    }
    let native = go("golang:1.26", "RUN CGO_ENABLED=1 GOARCH=amd64 go build -o /app .", "debian:trixie-slim");
    assert!(weighs(&native).iter().any(|one| one.corrected.is_some()));
    let linked = "FROM gcr.io/distroless/base-debian12:debug\n\
                  RUN [\"/busybox/ln\", \"-s\", \"/busybox/sh\", \"/bin/sh\"]\nENTRYPOINT /app --port $PORT\n";
    assert_eq!(weighs(linked), []);
}
