//! Names what was judged: tags, archives, engines.

use std::io::BufWriter;
use std::io::Write;

use camino::Utf8Path;
use crossdock_oci::{
    Descriptor, ImageSource, Layout, Pruning, Reference, Repository, Tag, is_own_archive, media_type,
    write_archive,
};

use super::image::{about, oci_platform};
use super::{ExecuteError, StepContext, lock};
use crate::plan::{Action, ImagePlan, Load, Plan, Step};
use crossdock_system::process::Command;

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
        let single = self.single_manifest(image, &layout, &index)?;
        let names = references(image)?;
        replace(path, |file| write_archive(&layout, &index, &names, &single, file).map_err(about(image)))?;
        if let Some(report) = lock(&self.state).images.get_mut(&image.name) {
            report.archive = Some(path.clone());
        }
        Ok(path.to_string())
    }

    /// The manifest for engines that take one platform from an archive.
    fn single_manifest(
        &self,
        image: &ImagePlan,
        layout: &Layout,
        index: &Descriptor,
    ) -> Result<Descriptor, ExecuteError> {
        let source = ImageSource::of_layout(layout, index).map_err(about(image))?;
        let wanted = oci_platform(&image.single);
        let mut platforms = source.images().iter().flat_map(|image| &image.platforms);
        let found = platforms.find(|found| *found.platform() == wanted).map(|found| found.descriptor.clone());
        found
            .ok_or_else(|| ExecuteError::NotBuilt { image: image.name.clone(), layout: image.layout.clone() })
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

/// Nothing that somebody else made stands where the plan writes an archive.
pub(super) fn archives_are_free(plan: &Plan) -> Result<(), ExecuteError> {
    let writes = |image: &ImagePlan| {
        let archives =
            |step: &Step| matches!(&step.action, Action::Archive { image: name } if *name == image.name);
        plan.steps.iter().any(archives)
    };
    for image in plan.images.iter().filter(|image| writes(image)) {
        let Some(path) = &image.archive else { continue };
        if path.symlink_metadata().is_ok() && !is_own_archive(path.as_std_path()) {
            return Err(ExecuteError::InTheWay { image: image.name.clone(), path: path.clone() });
        }
    }
    Ok(())
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

/// Writes a file beside its place and moves it there when it is whole.
pub(super) fn replace(
    path: &Utf8Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), ExecuteError>,
) -> Result<(), ExecuteError> {
    let failed = |source: std::io::Error| ExecuteError::File { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Utf8Path::new("."));
    let temporary = tempfile::Builder::new().prefix(".crossdock-").tempfile_in(folder).map_err(failed)?;
    let mut file = BufWriter::with_capacity(1 << 20, temporary);
    write(&mut file)?;
    let temporary = file.into_inner().map_err(|error| failed(error.into_error()))?;
    readable_by_all(temporary.as_file()).map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// A temporary file is its owner's alone; an archive is read by engines that run as someone else.
#[cfg(unix)]
fn readable_by_all(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}
