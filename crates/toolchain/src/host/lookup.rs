//! What a host answers to the planner.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::{GoToolchain, Host, RustToolchain, Tool, remedies};
use crossdock_system::availability::{Availability, Unavailable};

impl Host {
    /// The Rust toolchain that the project in `folder` selects.
    pub fn rust_of(&self, folder: &Utf8Path) -> Result<&RustToolchain, Unavailable> {
        nearest(&self.rust, folder).unwrap_or_else(|| Err(self.absent("rustc")))
    }

    /// The Go toolchain that the module in `folder` selects.
    pub fn go_of(&self, folder: &Utf8Path) -> Result<&GoToolchain, Unavailable> {
        nearest(&self.go, folder).unwrap_or_else(|| Err(self.absent("go")))
    }

    /// A tool by name. What was not looked for counts as absent.
    pub fn tool(&self, name: &str) -> Result<&Tool, Unavailable> {
        match self.tools.get(name) {
            Some(Availability::Available(tool)) => Ok(tool),
            Some(Availability::Unavailable(unavailable)) => Err(unavailable.clone()),
            None => Err(self.absent(name)),
        }
    }

    /// The same host once rustup was seen not to reach its server: it can add nothing, so that the next plan names the
    /// next route.
    #[must_use]
    pub fn without_rustup_server(mut self) -> Self {
        for toolchain in self.rust.values_mut() {
            if let Availability::Available(toolchain) = toolchain {
                toolchain.addable.clear();
            }
        }
        self
    }

    /// The absence of a tool, with what installs it on this host.
    pub(crate) fn absent(&self, name: &str) -> Unavailable {
        let remedies = remedies::install(name, &self.system);
        Unavailable { why: format!("`{name}` is not installed"), remedies }
    }
}

/// The entry of the folder itself or of the nearest folder above it.
fn nearest<'a, T>(
    by_folder: &'a BTreeMap<Utf8PathBuf, Availability<T>>,
    folder: &Utf8Path,
) -> Option<Result<&'a T, Unavailable>> {
    let above = by_folder.iter().filter(|(key, _)| folder.starts_with(key));
    let (_, found) = above.max_by_key(|(key, _)| key.components().count())?;
    Some(match found {
        Availability::Available(thing) => Ok(thing),
        Availability::Unavailable(unavailable) => Err(unavailable.clone()),
    })
}
