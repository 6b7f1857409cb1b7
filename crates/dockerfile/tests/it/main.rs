//! The crate from outside, held against BuildKit and hadolint.

mod bad_files;
mod compiled;
mod lint;
mod parser;
mod properties;
mod render;
mod support;
mod wild;
