//! The files that crossdock renders, embedded: the crate reads nothing when it runs.
//!
//! Users extend them block by block: a template of theirs begins with
//! `{% extends "crossdock/go.Dockerfile" %}` and replaces the blocks that it names.

/// The templates of Dockerfiles and of `.dockerignore`, as name and text.
pub const DOCKERFILE: &[(&str, &str)] = &[
    ("crossdock/base.Dockerfile", include_str!("../files/base.Dockerfile.j2")),
    ("crossdock/go.Dockerfile", include_str!("../files/go.Dockerfile.j2")),
    ("crossdock/rust.Dockerfile", include_str!("../files/rust.Dockerfile.j2")),
    ("crossdock/tools.Dockerfile", include_str!("../files/tools.Dockerfile.j2")),
    ("crossdock/root.Dockerfile", include_str!("../files/root.Dockerfile.j2")),
    ("crossdock/dockerignore", include_str!("../files/dockerignore.j2")),
];
