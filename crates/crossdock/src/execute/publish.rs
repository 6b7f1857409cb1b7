//! Names what was judged: tags, archives, engines.

use crossdock_oci::{Descriptor, Layout, Pruning, Reference, Repository, Tag, media_type};

use super::image::{about, oci_platform};
use super::{ExecuteError, StepContext, lock};
use crate::plan::{ImagePlan, Load};
use crate::process::Command;

impl StepContext<'_> {
    /// Keeps what was built but not judged: without a name, beside the tagged images of earlier runs.
    pub(super) fn keep_untagged(
        &self,
        image: &ImagePlan,
        layout: &Layout,
        index: &Descriptor,
    ) -> Result<(), ExecuteError> {
        let held = self.held(image)?;
        let mut entries = layout.index().map_err(about(image))?;
        entries.manifests.retain(|entry| !entry.annotations.is_empty());
        entries.manifests.push(index.clone());
        layout.write_index(held, &entries).map_err(about(image))?;
        layout.prune(held).map_err(about(image))?;
        Ok(())
    }

    pub(super) fn tag(&self, image: &ImagePlan) -> Result<String, ExecuteError> {
        let layout = Layout::open(image.layout.as_std_path()).map_err(about(image))?;
        let index = self.index_descriptor(image, &layout)?;
        let names = references(image)?;
        let held = self.held(image)?;
        layout.publish(held, &index, &names, Pruning::ReplaceAll).map_err(about(image))?;
        layout.prune(held).map_err(about(image))?;
        if let Some(report) = lock(&self.state).images.get_mut(&image.name) {
            report.tagged(image);
        }
        Ok(image.tags.join(", "))
    }

    /// The image that this run assembled or, in a run that only verifies or tags, found.
    pub(super) fn index_descriptor(
        &self,
        image: &ImagePlan,
        layout: &Layout,
    ) -> Result<Descriptor, ExecuteError> {
        let digest = lock(&self.state).images.get(&image.name).map(|report| report.digest);
        match digest {
            Some(digest) => {
                let blob = layout.blobs().verify(&digest).map_err(about(image))?;
                Ok(Descriptor::new(media_type::INDEX, blob))
            }
            None => newest(image, layout),
        }
    }

    pub(super) fn archive(&self, image: &ImagePlan) -> Result<String, ExecuteError> {
        let Some(path) = &image.archive else { return Ok(String::new()) };
        let layout = Layout::open(image.layout.as_std_path()).map_err(about(image))?;
        let index = self.index_descriptor(image, &layout)?;
        let _ = index;
        if let Some(report) = lock(&self.state).images.get_mut(&image.name) {
            report.archive = Some(path.clone());
        }
        Ok(path.to_string())
    }

    pub(super) fn load(&self, image: &ImagePlan) -> Result<String, ExecuteError> {
        let Some(load) = &image.load else { return Ok(String::new()) };
        let said = self.processes.stdout(&load.command)?;
        let name = loaded_name(&said).unwrap_or(said.trim()).to_owned();
        let identity = self.processes.stdout(&inspect(load, &name))?.trim().to_owned();
        if let Some(report) = lock(&self.state).images.get_mut(&image.name) {
            report.loaded = Some(identity);
        }
        Ok(format!("{} has {name} ({})", load.engine.as_str(), load.platform))
    }
}

/// The image to verify or tag: the one that was built last.
fn newest(image: &ImagePlan, layout: &Layout) -> Result<Descriptor, ExecuteError> {
    let entries = layout.index().map_err(about(image))?.manifests;
    let untagged = entries.iter().find(|entry| entry.annotations.is_empty());
    untagged
        .or(entries.first())
        .cloned()
        .ok_or_else(|| ExecuteError::NotBuilt { image: image.name.clone(), layout: image.layout.clone() })
}

/// What `docker load` and `podman load` call the image: `Loaded image: NAME`, `Loaded image ID: sha256:…`.
fn loaded_name(said: &str) -> Option<&str> {
    said.lines().rev().find_map(|line| {
        let line = line.trim();
        line.strip_prefix("Loaded image ID: ").or_else(|| line.strip_prefix("Loaded image: "))
    })
}

fn inspect(load: &Load, name: &str) -> Command {
    let command = Command::new(load.engine.as_str(), load.command.directory.clone());
    command.args(["image", "inspect", "--format", "{{.Id}}", name])
}

fn references(image: &ImagePlan) -> Result<Vec<Reference>, ExecuteError> {
    let repository: Repository = image.repository.parse().map_err(about(image))?;
    let reference = |tag: &String| {
        let tag: Tag = tag.parse().map_err(about(image))?;
        Ok(Reference { repository: repository.clone(), tag })
    };
    image.tags.iter().map(reference).collect()
}
