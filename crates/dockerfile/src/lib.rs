//! Dockerfiles: reading, linting and rendering them.
//!
//! The crate is pure: text and values in, text and values out. It reads no file, environment or clock and spawns
//! nothing.

pub mod lint;
pub mod read;
pub mod render;
