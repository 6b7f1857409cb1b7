//! Copies an image from one repository to another, with the signatures and attestations about it:
//! `cargo run -p crossdock-registry --example copy -- localhost:5000/team/app localhost:5000/prod/app 1.0`.

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::env;
use std::error::Error;
use std::sync::Arc;

use crossdock_oci::{Repository, Tag};
use crossdock_registry::{
    Carried, PushOptions, Pushed, Registry, Remote, Selector, Settings, Unobserved, copy_options,
};
use crossdock_system::environment::Environment;

fn main() -> Result<(), Box<dyn Error>> {
    let environment = Arc::new(Environment::from_process()?);
    let settings = Settings::from_environment(&environment, Arc::new(|_| {}))?;
    let [from, to, tag] =
        env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "usage: copy FROM TO TAG")?;
    let (copied, carried) = copy(settings, &from.parse()?, &to.parse()?, &tag.parse()?)?;
    println!("{to}:{tag}@{}", copied.digest);
    println!("{} signatures and attestations came with it", carried.referrers.len());
    for (digest, reason) in carried.left {
        println!("{digest} did not: {reason}");
    }
    Ok(())
}

/// Copies the image of a tag. Its bytes, and so its digest, stay the same.
pub(crate) fn copy(
    settings: Settings,
    from: &Repository,
    to: &Repository,
    tag: &Tag,
) -> Result<(Pushed, Carried), Box<dyn Error>> {
    let registry = Registry::new(settings)?;
    let image = registry.manifest(from, &Selector::Tag(tag.clone()))?.descriptor;
    let source = Remote::new(&registry, from)?;
    let options = copy_options(PushOptions::new([tag.clone()]), from);
    let copied = registry.push(&source, &image, to, &options, &Unobserved)?;
    let carried = registry.copy_referrers(&image.digest, from, to, &Unobserved)?;
    Ok((copied, carried))
}
