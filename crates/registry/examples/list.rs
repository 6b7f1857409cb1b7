//! Lists the tags of a repository, each with its digest and what refers to it:
//! `cargo run -p crossdock-registry --example list -- localhost:5000/team/app`.

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::env;
use std::error::Error;
use std::sync::Arc;

use crossdock_oci::{Digest, Repository};
use crossdock_registry::{Referrer, Registry, Selector, Settings};
use crossdock_system::environment::Environment;

fn main() -> Result<(), Box<dyn Error>> {
    let environment = Arc::new(Environment::from_process()?);
    let settings = Settings::from_environment(&environment, Arc::new(|_| {}))?;
    let repository = env::args().nth(1).ok_or("usage: list REPOSITORY")?;
    for listed in list(settings, &repository.parse()?)? {
        println!("{} {}", listed.tag, listed.digest);
        for referrer in listed.referrers {
            println!("  {} {}", referrer.descriptor.digest, referrer.artifact_type);
        }
    }
    Ok(())
}

/// A tag of a repository.
pub(crate) struct Listed {
    /// The tag.
    pub(crate) tag: String,
    /// The digest of its image.
    pub(crate) digest: Digest,
    /// The signatures, attestations and the like about the image.
    pub(crate) referrers: Vec<Referrer>,
}

/// Looks up each tag of a repository.
pub(crate) fn list(settings: Settings, repository: &Repository) -> Result<Vec<Listed>, Box<dyn Error>> {
    let registry = Registry::new(settings)?;
    let mut listed = Vec::new();
    for tag in registry.tags(repository)? {
        let image = registry.manifest(repository, &Selector::Tag(tag.parse()?))?;
        let digest = image.descriptor.digest;
        listed.push(Listed { tag, digest, referrers: registry.referrers(repository, &digest)? });
    }
    Ok(listed)
}
