//! Rust made from `data/` by `cargo run -p crossdock-platform --example generate`.

#[rustfmt::skip]
pub(crate) mod platforms;
#[rustfmt::skip]
pub(crate) mod rust_targets;
#[rustfmt::skip]
pub(crate) mod vocabulary;
