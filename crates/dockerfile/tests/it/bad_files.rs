//! Files that do not start, with what has to be said of them.

/// The nodes of a Graviton instance.
const ARM: &[&str] = &["linux/arm64"];

/// Files that do not start, each with the nodes it is for, a code that must be found, its line, and that line as it
/// should read; nothing where no line is right.
pub(crate) type Bad = (&'static str, &'static [&'static str], &'static str, usize, Option<&'static str>);

pub(crate) const BAD: &[Bad] = &[
    (
        "FROM golang:1.26 AS b\nRUN CGO_ENABLED=0 GOARCH=amd64 go build -o /app .\n\
         FROM --platform=linux/amd64 alpine:3.23\nCOPY --from=b /app /app\nCMD [\"/app\"]\n",
        ARM,
        "platform-against-nodes",
        3,
        Some("FROM --platform=linux/arm64 alpine:3.23"),
    ),
    (
        "FROM --platform=linux/amd64 alpine:3.23\nCOPY app /app\nCMD [\"/app\"]\n",
        &["linux/arm64", "linux/amd64"],
        "platform-against-nodes",
        1,
        Some("FROM alpine:3.23"),
    ),
    (
        "FROM --platform=$BUILDPLATFORM golang:1.26 AS b\nARG TARGETARCH\nRUN CGO_ENABLED=0 GOARCH=$TARGETARCH go build -o /app .\n\
         FROM --platform=$BUILDPLATFORM alpine:3.23\nCOPY --from=b /app /app\nCMD [\"/app\"]\n",
        &[],
        "architecture-against-platform",
        4,
        Some("FROM alpine:3.23"),
    ),
    (
        "FROM golang:1.26 AS b\nRUN CGO_ENABLED=0 go build -o /app .\nFROM --platform=$BUILDPLATFORM alpine:3.23\n\
         COPY --from=b /app /app\nCMD [\"/app\"]\n",
        &[],
        "architecture-against-platform",
        3,
        Some("FROM alpine:3.23"),
    ),
    (
        "FROM golang:1.26 AS b\nARG TARGETARCH\nENV CGO_ENABLED=0\nRUN GOARCH=amd64 go build ./a && GOARCH=amd64 go build ./b\n\
         FROM scratch\nCOPY --from=b /a /a\nCMD [\"/a\"]\n",
        &[],
        "constant-architecture",
        4,
        Some("RUN GOARCH=$TARGETARCH go build ./a && GOARCH=$TARGETARCH go build ./b"),
    ),
    (
        "FROM golang:1.26 AS b\nENV GOARCH=amd64 CGO_ENABLED=0\nRUN make all\nFROM scratch\nCOPY --from=b /app /app\nCMD [\"/app\"]\n",
        &[],
        "constant-architecture",
        2,
        Some("ARG TARGETARCH\nENV GOARCH=$TARGETARCH CGO_ENABLED=0"),
    ),
    (
        "FROM golang:1.26 AS b\nRUN make -j4 GOARCH=amd64\nFROM scratch\nCOPY --from=b /app /app\nCMD [\"/app\"]\n",
        &[],
        "constant-architecture",
        2,
        Some("ARG TARGETARCH\nRUN make -j4 GOARCH=$TARGETARCH"),
    ),
    (
        "FROM golang:1.26 AS b\nRUN CGO_ENABLED=0 GOARCH=amd64 go build -o /app .\nFROM scratch\nCOPY --from=b /app /app\n",
        &[],
        "constant-architecture",
        2,
        Some("ARG TARGETARCH\nRUN CGO_ENABLED=0 GOARCH=$TARGETARCH go build -o /app ."),
    ),
    (
        "FROM rust:1.95-bookworm AS b\nRUN cargo build --release\nFROM gcr.io/distroless/base-debian12:nonroot\n\
         COPY --from=b /src/target/release/app /app\nCMD [\"/app\"]\n",
        &[],
        "libgcc-missing",
        3,
        Some("FROM gcr.io/distroless/cc-debian12:nonroot"),
    ),
    (
        "FROM rust:1.95-bookworm AS b\nRUN cargo build --release\nFROM scratch\nCOPY --from=b /src/target/release/app /app\nCMD [\"/app\"]\n",
        &[],
        "libc-mismatch",
        3,
        Some("FROM gcr.io/distroless/cc-debian12"),
    ),
    // Packages of an Alpine base are refused by every other base.
    (
        "FROM rust:1.95-bookworm AS b\nRUN cargo build --release\nFROM alpine:3.23\nRUN apk add --no-cache curl=8\n\
         COPY --from=b /src/target/release/app /app\nCMD [\"/app\"]\n",
        &[],
        "libc-mismatch",
        2,
        None,
    ),
    (
        "FROM rust:1.95-trixie AS b\nRUN cargo build --release\nFROM ubuntu:22.04\nCOPY --from=b /src/target/release/app /app\nCMD [\"/app\"]\n",
        &[],
        "glibc-too-old",
        3,
        None,
    ),
    (
        "FROM rust:1.95-bookworm AS b\nRUN cargo build --release\nFROM ubuntu:22.04\nCOPY --from=b /src/target/release/app /app\nCMD [\"/app\"]\n",
        &[],
        "glibc-too-old",
        3,
        Some("FROM ubuntu:24.04"),
    ),
    ("FROM centos:7\nCMD [\"/bin/true\"]\n", &[], "end-of-life-base", 1, None),
    ("FROM rust:1.60-bullseye\nCMD [\"/bin/true\"]\n", &[], "end-of-life-base", 1, None),
    (
        "FROM rust:1.75-slim-bullseye\nCMD [\"/bin/true\"]\n",
        &[],
        "end-of-life-base",
        1,
        Some("FROM rust:1.75-slim-bookworm"),
    ),
    (
        "FROM debian:10@sha256:0000000000000000000000000000000000000000000000000000000000000000\nCMD [\"/bin/true\"]\n",
        &[],
        "end-of-life-base",
        1,
        Some("FROM debian:13"),
    ),
    (
        "FROM golang:1.26-alpine3.18 AS b\nRUN CGO_ENABLED=0 go build -o /a .\nFROM alpine:3.18.4\nCOPY --from=b /a /a\nCMD [\"/a\"]\n",
        &[],
        "end-of-life-base",
        3,
        Some("FROM alpine:3.23"),
    ),
    (
        "FROM golang:1.26 AS b\nRUN <<EOF\nexport CGO_ENABLED=0\nexport GOARCH=amd64\ngo build -o /app .\nEOF\n\
         FROM scratch\nCOPY --from=b /app /app\nCMD [\"/app\"]\n",
        &[],
        "constant-architecture",
        4,
        Some("export GOARCH=$TARGETARCH"),
    ),
    (
        "FROM golang:1.26 AS b\nARG TARGETARCH\nRUN CGO_ENABLED=0 \\\n    GOARCH=\"amd64\" \\\n    go build -o /app .\n\
         FROM scratch\nCOPY --from=b /app /app\nCMD [\"/app\"]\n",
        &[],
        "constant-architecture",
        4,
        Some("    GOARCH=$TARGETARCH \\"),
    ),
    (
        "FROM --platform=$BUILDPLATFORM golang:1.26 AS b\nRUN cd /go/src && GOOS=linux CGO_ENABLED=0 go build -o /app .\n\
         FROM scratch\nCOPY --from=b /app /app\nCMD [\"/app\"]\n",
        &[],
        "host-program",
        2,
        Some(
            "ARG TARGETARCH\nRUN cd /go/src && GOOS=linux CGO_ENABLED=0 GOARCH=$TARGETARCH go build -o /app .",
        ),
    ),
    // cargo would put the program elsewhere.
    (
        "FROM --platform=$BUILDPLATFORM rust:1.95-alpine AS b\nRUN cargo build --release\nFROM scratch\n\
         COPY --from=b /target/release/app /app\nCMD [\"/app\"]\n",
        &[],
        "host-program",
        2,
        None,
    ),
    (
        "FROM rust:1.95 AS b\nRUN cargo install --path . --root /out --target x86_64-unknown-linux-musl\nFROM scratch\n\
         COPY --from=b /out/bin/app /app\nCMD [\"/app\"]\n",
        &[],
        "constant-architecture",
        2,
        Some(
            "ARG TARGETARCH\nRUN cargo install --path . --root /out --target \"$(case $TARGETARCH in amd64) echo x86_64 ;; \
             arm64) echo aarch64 ;; esac)-unknown-linux-musl\"",
        ),
    ),
    (
        "FROM golang:1.26-bookworm AS b\nRUN CGO_ENABLED=0 go build -buildmode=pie -o /app .\nFROM scratch\n\
         COPY --from=b /app /app\nCMD [\"/app\"]\n",
        &[],
        "libc-mismatch",
        2,
        Some("RUN CGO_ENABLED=0 go build -o /app ."),
    ),
    (
        "FROM golang:1.26-bookworm AS b\nENV CGO_ENABLED=1\nRUN go build -o /app .\nFROM scratch\nCOPY --from=b /app /app\nCMD [\"/app\"]\n",
        &[],
        "libc-mismatch",
        3,
        None,
    ),
    (
        "FROM scratch\nCOPY app /app\nRUN chmod 755 /app\nCMD [\"/app\"]\n",
        &[],
        "shell-form-without-shell",
        3,
        None,
    ),
    ("FROM scratch\nCOPY app /app\nCMD /migrate && /app\n", &[], "shell-form-without-shell", 3, None),
    ("FROM scratch\nCOPY app /app\nCMD /app --port $PORT\n", &[], "shell-form-without-shell", 3, None),
    (
        "FROM scratch\nCOPY app /app\nENTRYPOINT exec /app --name \"a b\"\n",
        &[],
        "shell-form-without-shell",
        3,
        Some("ENTRYPOINT [\"/app\", \"--name\", \"a b\"]"),
    ),
    (
        "FROM rust:1.95\nRUN --mount=type=cache,id=a,target=/src/target,sharing=shared cargo build\nCMD [\"/x\"]\n",
        &[],
        "cargo-cache-race",
        2,
        Some(
            "ARG TARGETPLATFORM\nRUN --mount=type=cache,target=/src/target,id=target-$TARGETPLATFORM,sharing=locked cargo build",
        ),
    ),
    ("FROM golang:1.26\nRUN go build -o /app .\nCMD [\"/app\"]\n", &[], "single-stage", 1, None),
];

/// Images that exist, as their publishers list them. A corrected file names no other ones than these and those that it
/// named before.
pub(crate) const IMAGES: &[&str] = &[
    "debian:trixie-slim",
    "debian:bookworm-slim",
    "debian:13",
    "debian:13-slim",
    "ubuntu:24.04",
    "alpine:3.23",
    "golang:1.26-alpine3.23",
    "rust:1.95-trixie",
    "rust:1.75-slim-bookworm",
    "gcr.io/distroless/cc-debian12",
    "gcr.io/distroless/cc-debian13",
    "gcr.io/distroless/cc-debian12:nonroot",
];
