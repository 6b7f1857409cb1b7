//! The crate from outside, held against BuildKit and hadolint.

mod compiled;
mod lint;
mod parser;
mod properties;
mod render;
mod support;
