# syntax=docker/dockerfile:1
FROM --platform=$BUILDPLATFORM rust:1.95-bookworm AS build
ARG TARGETARCH
WORKDIR /src
RUN rustup target add x86_64-unknown-linux-musl aarch64-unknown-linux-musl
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/usr/local/cargo/git \
    --mount=type=cache,target=/src/target \
    case "$TARGETARCH" in \
      # comments are allowed here
      amd64) t=x86_64-unknown-linux-musl ;; \

      arm64) t=aarch64-unknown-linux-musl ;; \
    esac && cargo build --release --target "$t" && cp "target/$t/release/app" /app
FROM scratch
COPY --from=build /app /app
ENTRYPOINT ["/app"]
