FROM --platform=$BUILDPLATFORM rust:1.95-bookworm AS build
ARG TARGETPLATFORM
RUN case "$TARGETPLATFORM" in \
      linux/amd64) echo x86_64-unknown-linux-gnu ;; \
      linux/arm64) echo aarch64-unknown-linux-gnu ;; \
    esac > /target && rustup target add "$(cat /target)"
RUN apt-get update && apt-get install -y --no-install-recommends gcc-aarch64-linux-gnu
ENV CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
COPY . /src
WORKDIR /src
RUN cargo build --release --workspace --target "$(cat /target)" && mkdir /out && cp target/*/release/api target/*/release/worker /out/
FROM debian:bookworm-slim AS base
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
FROM base AS api
COPY --from=build /out/api /api
ENTRYPOINT ["/api"]
FROM base AS worker
COPY --from=build /out/worker /worker
ENTRYPOINT ["/worker"]
