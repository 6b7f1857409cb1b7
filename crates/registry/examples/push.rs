//! Pushes the image of an OCI layout under a tag, and shows the progress:
//! `cargo run -p crossdock-registry --example push -- LAYOUT localhost:5000/team/app 1.0`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to its user")]

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossdock_oci::{Layout, Repository, Tag};
use crossdock_registry::{PushOptions, Pushed, Registry, Settings, TransferEvent, TransferObserver};
use crossdock_system::environment::Environment;

fn main() -> Result<(), Box<dyn Error>> {
    let environment = Arc::new(Environment::from_process()?);
    let settings =
        Settings::from_environment(&environment, Arc::new(|warning| eprintln!("warning: {warning}")))?;
    let [layout, repository, tag] = env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "usage: push LAYOUT REPOSITORY TAG")?;
    let pushed = push(settings, &layout, &repository.parse()?, tag.parse()?)?;
    println!("{repository}:{tag}@{}", pushed.digest);
    Ok(())
}

/// Pushes the one image of a layout.
pub(crate) fn push(
    settings: Settings,
    layout: &str,
    repository: &Repository,
    tag: Tag,
) -> Result<Pushed, Box<dyn Error>> {
    let registry = Registry::new(settings)?;
    let layout = Layout::open(layout)?;
    let [image] =
        <[_; 1]>::try_from(layout.index()?.manifests).map_err(|_| "the layout has several images")?;
    let progress = Progress::default();
    Ok(registry.push(layout.blobs(), &image, repository, &PushOptions::new([tag]), &progress)?)
}

/// Prints the bytes that were sent. Events come from several threads.
#[derive(Default)]
struct Progress {
    sent: AtomicU64,
    total: AtomicU64,
}

impl TransferObserver for Progress {
    fn event(&self, event: TransferEvent<'_>) {
        match event {
            TransferEvent::Planned { bytes, .. } => self.total.store(bytes, Ordering::Relaxed),
            TransferEvent::Moved { bytes } => {
                let sent = self.sent.fetch_add(bytes, Ordering::Relaxed) + bytes;
                eprintln!("{sent} of {} bytes", self.total.load(Ordering::Relaxed));
            }
            TransferEvent::Finished { digest, by, .. } => eprintln!("{digest}: {by:?}"),
            TransferEvent::Warning(warning) => eprintln!("warning: {warning}"),
            _ => {}
        }
    }
}
