#!/bin/sh
# The Rust example by hand: both targets in one call of cargo, static, linked by the toolchain's own lld.
# Usage: rust.sh PROJECT
set -eu
cd "$1"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=rust-lld
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUSTFLAGS='-Clink-self-contained=yes'
exec cargo build --quiet --release --locked \
    --target x86_64-unknown-linux-musl --target aarch64-unknown-linux-musl
