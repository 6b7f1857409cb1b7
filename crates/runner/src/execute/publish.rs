//! Publishes what was verified: tags, archives, release archives, and images in an engine.

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::project_path;
use crossdock_oci::{
    Compression, Content, Descriptor, Digest, ImageSource, LayerBuilder, Layout, Owner, Pruning, Reference,
    Repository, Tag, Timestamp, write_archive, write_node_archive,
};
use crossdock_platform::Platform;
use crossdock_project::project_boundary;
use crossdock_subjects::ProgramFile;
use crossdock_system::process::Command;
use crossdock_verify::{Program, Target, Verdict, Verification, verify_program};

use super::error::{file_error, image_error, not_built};
use super::image::platform_object;
use super::output::{create_marked_directory, remove_file, replace};
use super::verify::expectation;
use super::{ExecuteError, StepContext, commit, lock, owner, planned};
use crate::plan::{ClusterLoad, ImagePlan, Load, PlatformPlan, ReleaseArchive, ReleasePlan};

impl StepContext<'_> {
    /// Keeps an image that is built but not verified: without a tag, next to the tagged images of earlier runs.
    pub(super) fn keep_untagged(
        &self,
        image: &ImagePlan,
        layout: &Layout,
        index: &Descriptor,
    ) -> Result<(), ExecuteError> {
        let held = self.layout_lock(image)?;
        let mut entries = layout.index().map_err(image_error(image))?;
        // Only the newest untagged image is kept.
        entries.manifests.retain(|entry| !entry.annotations.is_empty());
        entries.manifests.push(index.clone());
        layout.write_index(held, &entries).map_err(image_error(image))?;
        layout.prune(held).map_err(image_error(image))?;
        Ok(())
    }

    /// Points the tags of an image at its digest.
    pub(super) fn tag(&self, image: &ImagePlan) -> Result<String, ExecuteError> {
        let layout = Layout::open(image.layout.as_std_path()).map_err(image_error(image))?;
        let index = self.index_descriptor(image, &layout)?;
        commit::check(image, &layout, &index)?;
        let names = references(image)?;
        let held = self.layout_lock(image)?;
        layout.publish(held, &index, &names, Pruning::ReplaceAll).map_err(image_error(image))?;
        // Only now: until the index names the new image, a killed run must leave the old one complete.
        layout.prune(held).map_err(image_error(image))?;
        self.update_report(image, |report| report.tagged(image))?;
        Ok(if image.tags.is_empty() { "by its digest".to_owned() } else { image.tags.join(", ") })
    }

    /// Returns the index that this run assembled, after its blob was read again and checked. A run that only verifies or
    /// tags takes the newest image of the layout.
    pub(super) fn index_descriptor(
        &self,
        image: &ImagePlan,
        layout: &Layout,
    ) -> Result<Descriptor, ExecuteError> {
        let digest = lock(&self.state).images.get(&image.name).map(|report| report.digest);
        match digest {
            Some(digest) => {
                let blob = layout.blobs().verify(&digest).map_err(image_error(image))?;
                Ok(Descriptor::new(image.shape.media_type(), blob))
            }
            None => {
                owner::check(image)?;
                newest(image, layout)
            }
        }
    }

    /// Writes the image as one archive, which engines load.
    pub(super) fn archive(&self, image: &ImagePlan) -> Result<String, ExecuteError> {
        let path = planned(image, "the archive", image.archive.as_ref())?;
        let layout = Layout::open(image.layout.as_std_path()).map_err(image_error(image))?;
        let index = self.index_descriptor(image, &layout)?;
        let single = manifest_of(image, &layout, &index, &image.single)?;
        let names = references(image)?;
        replace(path, |file| {
            write_archive(&layout, &index, &names, &single, file).map_err(image_error(image))
        })?;
        self.update_report(image, |report| report.archive = Some(path.clone()))?;
        Ok(path.to_string())
    }

    /// Loads the image into an engine, or into the nodes of a cluster.
    pub(super) fn load(&self, image: &ImagePlan) -> Result<String, ExecuteError> {
        match (&image.load, &image.cluster) {
            (None, Some(cluster)) => self.load_nodes(image, cluster),
            (Some(load), Some(cluster)) => {
                let loaded = self.load_engine(image, load)?;
                Ok(format!("{loaded}; {}", self.load_nodes(image, cluster)?))
            }
            (load, None) => {
                self.load_engine(image, planned(image, "the engine to load it into", load.as_ref())?)
            }
        }
    }

    /// Loads into every node the part of the image that it takes.
    fn load_nodes(&self, image: &ImagePlan, cluster: &ClusterLoad) -> Result<String, ExecuteError> {
        let layout = Layout::open(image.layout.as_std_path()).map_err(image_error(image))?;
        let index = self.index_descriptor(image, &layout)?;
        let names = references(image)?;
        let archives = image.node_archives();
        let load = || -> Result<(), ExecuteError> {
            for (platform, load) in &archives {
                let manifest = manifest_of(image, &layout, &index, platform)?;
                replace(&load.archive, |file| {
                    write_node_archive(&layout, &index, &names, &manifest, file).map_err(image_error(image))
                })?;
            }
            for load in &cluster.nodes {
                self.processes.stdout(&load.command)?;
                self.update_report(image, |report| report.nodes.push(load.node.clone()))?;
            }
            Ok(())
        };
        let loaded = load();
        // The layout holds all of it. They are removed after a failure too, whose error is the one to report.
        let removed = archives.values().try_for_each(|load| remove_file(&load.archive));
        loaded.and(removed)?;
        let count = cluster.nodes.len();
        let nodes = if count == 1 { "1 node" } else { &format!("{count} nodes") };
        Ok(format!("{nodes} of {} have {}@{}", cluster.cluster, image.repository, index.digest))
    }

    fn load_engine(&self, image: &ImagePlan, load: &Load) -> Result<String, ExecuteError> {
        let output = self.processes.stdout(&load.command)?;
        let name = loaded_name(&output).unwrap_or(output.trim()).to_owned();
        // A name can be moved to another image at any time; the ID cannot.
        let identity = self.processes.stdout(&inspect(load, &name))?.trim().to_owned();
        self.update_report(image, |report| report.loaded = Some(identity))?;
        Ok(format!("{} has {name} ({})", load.engine.as_str(), load.platform))
    }

    /// Writes the release archives of an image's programs, and SHA256SUMS for them.
    pub(super) fn release(&self, image: &ImagePlan) -> Result<String, ExecuteError> {
        let release = planned(image, "the release archives", image.release.as_ref())?;
        create_marked_directory(&release.folder)?;
        // Before the first archive is written: a release is complete or is not there.
        image.others.iter().try_for_each(|plan| self.verify_programs(image, plan))?;
        let project = project_boundary(&self.plan.root);
        for document in &release.documents {
            let target = project_path(document.as_std_path(), project.as_std_path());
            target.map_err(|error| file_error(document)(error.source))?;
        }
        let mut sums = String::new();
        for archive in &release.archives {
            let path = self.release_archive(image, release, archive)?;
            let file = std::fs::File::open(&path).map_err(file_error(&path))?;
            let (digest, _) = Digest::of_reader(file).map_err(file_error(&path))?;
            // The format of `sha256sum --check`.
            sums.push_str(&format!("{}  {}.tar.gz\n", digest.hex(), archive.name));
        }
        let path = release.folder.join("SHA256SUMS");
        crossdock_fs::write_atomically(&path, sums.as_bytes()).map_err(image_error(image))?;
        Ok(release.folder.to_string())
    }

    fn release_archive(
        &self,
        image: &ImagePlan,
        release: &ReleasePlan,
        archive: &ReleaseArchive,
    ) -> Result<Utf8PathBuf, ExecuteError> {
        // Unlike in images, the files have the date of the release: people see it when they unpack the archive.
        let created = Timestamp::from_unix(image.created.unsigned_abs()).map_err(image_error(image))?;
        let mut builder = LayerBuilder::new(created);
        let mut add = |from: &Utf8Path, mode: u32| {
            let name = planned(image, "a file name", from.file_name())?;
            // In a directory of the archive's name, so that unpacking scatters no files.
            let path = format!("{}/{name}", archive.name);
            builder.add_file(&path, mode, Owner::ROOT, Content::File(from.into())).map_err(image_error(image))
        };
        let platforms = image.platforms.iter().chain(&image.others);
        for plan in platforms.filter(|plan| plan.platform == archive.platform) {
            plan.programs.iter().try_for_each(|program| add(&self.compiled(image, program)?.path, 0o755))?;
        }
        release.documents.iter().try_for_each(|document| add(document, 0o644))?;
        let path = release.folder.join(format!("{}.tar.gz", archive.name));
        replace(&path, |file| {
            builder.write(file, Compression::Gzip, self.jobs).map(drop).map_err(image_error(image))
        })?;
        Ok(path)
    }

    /// Verifies the programs of a platform that has no image, as darwin: nothing else looks at them before they are
    /// published.
    fn verify_programs(&self, image: &ImagePlan, plan: &PlatformPlan) -> Result<(), ExecuteError> {
        for program in &plan.programs {
            let path = self.compiled(image, program)?.path;
            let file = std::fs::File::open(&path).and_then(ProgramFile::new).map_err(file_error(&path))?;
            let subject = Program::from_file(path.as_str(), &file);
            let target = Target::new(&plan.platform);
            let findings = verify_program(&subject, &target, Some(&expectation(plan, program)), None);
            let verification = Verification::new(path.as_str(), target.name(), findings);
            // Unproven is accepted: without an image there is nothing to search a loader or libraries in.
            if verification.verdict() == Verdict::Fails {
                return Err(ExecuteError::WrongProgram {
                    image: image.name.clone(),
                    verification: Box::new(verification),
                });
            }
        }
        Ok(())
    }
}

/// Returns the manifest of one platform of an image.
fn manifest_of(
    image: &ImagePlan,
    layout: &Layout,
    index: &Descriptor,
    platform: &Platform,
) -> Result<Descriptor, ExecuteError> {
    let source = ImageSource::of_layout(layout, index).map_err(image_error(image))?;
    let wanted = platform_object(platform);
    let mut platforms = source.images().iter().flat_map(|image| &image.platforms);
    let found = platforms.find(|found| *found.platform() == wanted).map(|found| found.descriptor.clone());
    found.ok_or_else(|| not_built(image))
}

/// Returns the image to verify or tag: the one that was built last. A run that builds without tagging leaves it untagged, and
/// one that tags lists no other image. Another tool may have added more.
fn newest(image: &ImagePlan, layout: &Layout) -> Result<Descriptor, ExecuteError> {
    let mut entries = layout.index().map_err(image_error(image))?.manifests;
    if entries.iter().any(|entry| entry.annotations.is_empty()) {
        entries.retain(|entry| entry.annotations.is_empty());
    }
    let first = entries.first().cloned().ok_or_else(|| not_built(image))?;
    if entries.iter().all(|entry| entry.digest == first.digest) {
        return Ok(first);
    }
    let images = entries.iter().map(|entry| entry.digest.to_string()).collect();
    Err(ExecuteError::SeveralImages { layout: image.layout.clone(), image: image.name.clone(), images })
}

/// Reads the name that `docker load` and `podman load` print: `Loaded image: NAME`, `Loaded image ID: sha256:…`.
fn loaded_name(output: &str) -> Option<&str> {
    // From the end: both print the layers that they load first.
    output.lines().rev().find_map(|line| {
        let line = line.trim();
        line.strip_prefix("Loaded image ID: ").or_else(|| line.strip_prefix("Loaded image: "))
    })
}

fn inspect(load: &Load, name: &str) -> Command {
    let command = Command::new(load.engine.as_str(), load.command.directory.clone());
    command.args(["image", "inspect", "--format", "{{.Id}}", name])
}

fn references(image: &ImagePlan) -> Result<Vec<Reference>, ExecuteError> {
    let repository: Repository = image.repository.parse().map_err(image_error(image))?;
    let reference = |tag: &String| {
        let tag: Tag = tag.parse().map_err(image_error(image))?;
        Ok(Reference { repository: repository.clone(), tag })
    };
    image.tags.iter().map(reference).collect()
}
