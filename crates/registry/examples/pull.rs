//! Pulls an image with all its platforms into an OCI layout:
//! `cargo run -p crossdock-registry --example pull -- localhost:5000/team/app:1.0 LAYOUT`.

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::env;
use std::error::Error;
use std::sync::Arc;

use crossdock_oci::{Digest, Layout, RegistryReference};
use crossdock_registry::{Registry, Selector, Settings, Unobserved};
use crossdock_system::environment::Environment;

fn main() -> Result<(), Box<dyn Error>> {
    let environment = Arc::new(Environment::from_process()?);
    let settings = Settings::from_environment(&environment, Arc::new(|_| {}))?;
    let [reference, layout] =
        env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "usage: pull REFERENCE LAYOUT")?;
    println!("{}", pull(settings, &reference.parse()?, &layout)?);
    Ok(())
}

/// Pulls an image and returns its digest.
pub(crate) fn pull(
    settings: Settings,
    reference: &RegistryReference,
    layout: &str,
) -> Result<Digest, Box<dyn Error>> {
    let registry = Registry::new(settings)?;
    let layout = Layout::create(layout)?;
    Ok(registry.pull(&reference.repository, &Selector::from(reference), &layout, &Unobserved)?.digest)
}
