//! The templates of the files that crossdock renders, embedded in the program.
//!
//! [`DOCKERFILE`] holds those of Dockerfiles, which users extend block by block: a template of theirs begins with
//! `{% extends "crossdock/go.Dockerfile" %}` and replaces the blocks that it names. [`SCAFFOLD`] holds those of
//! `crossdock init`. The crate is only data, so that the file system is not read at run time.
//!
//! ```
//! let (_, text) = crossdock_templates::DOCKERFILE
//!     .iter()
//!     .find(|(name, _)| *name == "crossdock/go.Dockerfile")
//!     .expect("the template is embedded");
//! assert!(text.contains("{% block compile %}"));
//! ```

/// The templates of Dockerfiles and of `.dockerignore`: name and text of each.
pub const DOCKERFILE: &[(&str, &str)] = &[
    ("crossdock/base.Dockerfile", include_str!("../files/base.Dockerfile.j2")),
    ("crossdock/go.Dockerfile", include_str!("../files/go.Dockerfile.j2")),
    ("crossdock/rust.Dockerfile", include_str!("../files/rust.Dockerfile.j2")),
    ("crossdock/tools.Dockerfile", include_str!("../files/tools.Dockerfile.j2")),
    ("crossdock/root.Dockerfile", include_str!("../files/root.Dockerfile.j2")),
    ("crossdock/dockerignore", include_str!("../files/dockerignore.j2")),
];

/// The templates of `crossdock init`: name and text of each. Users do not extend them, as they edit the generated
/// files.
pub const SCAFFOLD: &[(&str, &str)] = &[
    ("crossdock.toml", include_str!("../files/scaffold/crossdock.toml.j2")),
    ("xtask.Cargo.toml", include_str!("../files/scaffold/xtask.Cargo.toml.j2")),
    ("xtask.main.rs", include_str!("../files/scaffold/xtask.main.rs.j2")),
    ("kubernetes.yaml", include_str!("../files/scaffold/kubernetes.yaml.j2")),
    ("github.yml", include_str!("../files/scaffold/github.yml.j2")),
    ("gitlab.yml", include_str!("../files/scaffold/gitlab.yml.j2")),
    ("crossdock.sh", include_str!("../files/scaffold/crossdock.sh.j2")),
    ("README.md", include_str!("../files/scaffold/README.md.j2")),
    ("go/main.go", include_str!("../files/scaffold/go/main.go.j2")),
    ("go/go.mod", include_str!("../files/scaffold/go/go.mod.j2")),
    ("go/gitignore", include_str!("../files/scaffold/go/gitignore.j2")),
    ("rust/Cargo.toml", include_str!("../files/scaffold/rust/Cargo.toml.j2")),
    ("rust/main.rs", include_str!("../files/scaffold/rust/main.rs.j2")),
    ("rust/gitignore", include_str!("../files/scaffold/rust/gitignore.j2")),
];
