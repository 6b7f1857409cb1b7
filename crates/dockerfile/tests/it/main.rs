//! Tests of the public interface, compared with BuildKit and hadolint.

mod bad_files;
mod compiled;
mod lint;
mod parser;
mod properties;
mod render;
mod support;
mod wild;
