//! Builds an image with a container engine: writes what the engine reads, runs its commands, and imports the result.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_oci::{
    Algorithm, BlobStore, Compression, Descriptor, Digest, Document, ImageManifest, ImageSource, LayerError,
    Layout, Reference, SourcePlatform, TarSource, media_type, write_archive, write_index,
};
use crossdock_platform::Platform;
use crossdock_subjects::parse_platform;
use crossdock_system::environment::Environment;
use crossdock_system::process::{Cancel, Command, OutputLine, Processes};

use super::build_context::copy_build_context;
use super::error::{EngineFailure, WrongPlatform, file_error, image_error, other_file_error};
use super::image::platform_object;
use super::observer::{Reporter, ToolLine};
use super::output::{create_marked_directory, remove_directory, remove_file, replace};
use super::{ExecuteError, StepContext, into_inner, lock, planned, too_early};
use crate::engine::{bake, failed_instruction};
use crate::plan::{Action, EngineBase, EngineCall, EnginePlan, ImagePlan, ImageShape, Purpose, Step, StepId};
use crate::report::{ImageReport, PlatformReport};

impl StepContext<'_> {
    /// Writes the files that the engine reads: Dockerfile, bake file, base images, and a copy of the build context for an
    /// engine that cannot be told what to leave out.
    pub(super) fn render(&self, image: &ImagePlan) -> Result<String, ExecuteError> {
        let engine = planned(image, "the engine", image.engine.as_ref())?;
        create_marked_directory(&engine.folder)?;
        for file in &engine.files {
            crossdock_fs::write_atomically(&file.path, file.content.as_bytes())
                .map_err(image_error(image))?;
        }
        engine.bases.iter().try_for_each(|base| write_base(image, base))?;
        if let Some(copied) = &engine.copied {
            copy_build_context(&engine.context, copied, &engine.folder, self.cancel)?;
        }
        Ok(engine.folder.to_string())
    }

    /// Runs one command of the engine.
    pub(super) fn engine(
        &self,
        image: &ImagePlan,
        call: &EngineCall,
        reporter: &Reporter<'_>,
    ) -> Result<String, ExecuteError> {
        match &call.purpose {
            Purpose::Load => self.processes.stdout(&call.command).map(drop)?,
            Purpose::Check { file } => self.check_bake_file(call, file)?,
            Purpose::Build { dockerfile, makes } => {
                let engine = planned(image, "the engine", image.engine.as_ref())?;
                self.build(engine, call, dockerfile, makes, reporter)?;
            }
            Purpose::Save { makes } => {
                remove_file(makes)?;
                self.processes.stdout(&call.command)?;
                check_made(call, makes)?;
            }
            // The image is safe in its archive by then, so that a name that stays behind is not worth failing for.
            Purpose::Forget => {
                if let Err(error) = self.processes.stdout(&call.command) {
                    reporter.warn(format!("{}: {error}", call.title));
                }
            }
        }
        Ok(String::new())
    }

    /// Compares the bake file with what bake understood of it: bake silently drops keys that its version does not know, and
    /// would build something else.
    fn check_bake_file(&self, call: &EngineCall, file: &Utf8Path) -> Result<(), ExecuteError> {
        let printed = self.processes.stdout(&call.command)?;
        let given = std::fs::read_to_string(file).map_err(file_error(file))?;
        let keys = bake::ignored(&given, &printed).map_err(|error| {
            other_file_error(file)(format!("`bake --print` did not answer with JSON: {error}"))
        })?;
        if keys.is_empty() { Ok(()) } else { Err(ExecuteError::IgnoredKeys { file: file.to_owned(), keys }) }
    }

    /// Runs a build. An engine's log is long and of no interest when all is well; after a failure all of it is shown.
    fn build(
        &self,
        engine: &EnginePlan,
        call: &EngineCall,
        dockerfile: &Utf8Path,
        makes: &[Utf8PathBuf],
        reporter: &Reporter<'_>,
    ) -> Result<(), ExecuteError> {
        makes.iter().try_for_each(|archive| remove_file(archive))?;
        let log: Mutex<Vec<String>> = Mutex::default();
        let status = self.processes.stream(&call.command, &|line| {
            let (OutputLine::Stdout(text) | OutputLine::Stderr(text)) = line;
            reporter.line(ToolLine::Verbose(text));
            lock(&log).push(text.to_owned());
        })?;
        if status.success() {
            return makes.iter().try_for_each(|archive| check_made(call, archive));
        }
        let log = into_inner(log);
        log.iter().for_each(|line| reporter.line(ToolLine::output(line)));
        let file = engine.files.iter().find(|file| file.path == dockerfile);
        Err(ExecuteError::Engine(Box::new(EngineFailure {
            builder: engine.builder.clone(),
            command: call.command.to_string(),
            loads: loaded_before(engine, call),
            status,
            dockerfile: dockerfile.to_owned(),
            failed: file.and_then(|file| failed_instruction(&file.content, &file.origins, &log)),
        })))
    }

    /// Puts the engine's result for each platform into our layout, under one index.
    pub(super) fn import(&self, image: &ImagePlan) -> Result<String, ExecuteError> {
        let engine = planned(image, "the engine", image.engine.as_ref())?;
        let layout = Layout::create(image.layout.as_std_path()).map_err(image_error(image))?;
        let mut imported = BTreeMap::new();
        for result in &engine.results {
            let source = ImageSource::open(result.archive.as_std_path(), &self.temporary)
                .map_err(image_error(image))?;
            for requested in &result.platforms {
                let found = find_platform(image, engine, &source, requested)?;
                let one = self.import_platform(image, layout.blobs(), &source, found, requested)?;
                imported.insert(requested.clone(), one);
            }
        }
        // In the order of the plan, as the report of an image that crossdock assembles.
        let in_order = image.platforms.iter().map(|plan| {
            imported
                .remove(&plan.platform)
                .ok_or_else(|| too_early(image, format!("the engine's image for {}", plan.platform)))
        });
        let in_order = in_order.collect::<Result<Vec<Imported>, _>>()?;
        let entries = in_order.iter().map(|one| one.manifest.clone()).collect();
        let index = match (image.shape, in_order.as_slice()) {
            (ImageShape::Manifest, [only]) => Descriptor::new(media_type::MANIFEST, only.manifest.blob()),
            _ => write_index(layout.blobs(), media_type::INDEX, entries, image.annotations.clone())
                .map_err(image_error(image))?,
        };
        let platforms = in_order.into_iter().map(|one| PlatformReport {
            digest: one.manifest.digest,
            platform: one.platform,
            size: one.size,
        });
        let report = ImageReport::new(image, index.digest, platforms.collect());
        let outcome = self.settle(image, &layout, &index, report)?;
        remove_intermediate(engine)?;
        Ok(outcome)
    }

    /// Puts one platform's image into our layout: the engine's own configuration, byte for byte, and its layers, of which
    /// uncompressed ones are compressed here.
    fn import_platform(
        &self,
        image: &ImagePlan,
        store: &BlobStore,
        source: &ImageSource,
        found: &SourcePlatform,
        requested: &Platform,
    ) -> Result<Imported, ExecuteError> {
        // Byte for byte: the configuration's digest is the image's ID, and fields that crossdock does not know would
        // be lost.
        let config = store.put(&found.config.raw).map_err(image_error(image))?;
        let config = Descriptor::new(media_type::CONFIG, config);
        let layers = found.manifest.value.layers.iter().zip(&found.config.value.rootfs.diff_ids);
        let layers = layers
            .map(|(layer, diff_id)| self.import_layer(image, store, source, layer, diff_id))
            .collect::<Result<Vec<Descriptor>, _>>()?;
        let size = layers.iter().map(|layer| layer.size).sum::<u64>() + config.size;
        let manifest = Document::new(ImageManifest::new(config, layers, image.annotations.clone()))
            .map_err(image_error(image))?;
        let manifest = store.put(&manifest.raw).map_err(image_error(image))?;
        let mut manifest = Descriptor::new(media_type::MANIFEST, manifest);
        // As it was requested: the engine's configuration may spell the same platform in another way.
        manifest.platform = Some(platform_object(requested));
        Ok(Imported { platform: requested.clone(), manifest, size })
    }

    fn import_layer(
        &self,
        image: &ImagePlan,
        store: &BlobStore,
        source: &ImageSource,
        layer: &Descriptor,
        diff_id: &Digest,
    ) -> Result<Descriptor, ExecuteError> {
        if self.cancel.is_cancelled() {
            return Err(ExecuteError::Cancelled);
        }
        // A diff ID is the digest of the uncompressed tar (OCI image-spec, config.md): only an uncompressed layer has it
        // for its own digest.
        if layer.digest != *diff_id || diff_id.algorithm() != Algorithm::Sha256 {
            let mut reader = source.blob(&layer.digest).map_err(image_error(image))?;
            let mut writer = store.writer_of(layer.digest.algorithm()).map_err(image_error(image))?;
            std::io::copy(&mut reader, &mut writer).map_err(image_error(image))?;
            let blob = writer.complete_as(layer.digest).map_err(image_error(image))?;
            return Ok(Descriptor::new(
                media_type::oci_layer(&layer.media_type).unwrap_or(&layer.media_type),
                blob,
            ));
        }
        let plain = PlainLayer { source, digest: layer.digest };
        let packed =
            self.cache.provide(&plain, Compression::Gzip, self.jobs, store).map_err(image_error(image))?;
        if packed.diff_id == *diff_id {
            Ok(packed.descriptor)
        } else {
            let (expected, found) = (*diff_id, packed.diff_id);
            Err(image_error(image)(crossdock_oci::BlobError::Corrupt { expected, found }))
        }
    }
}

/// Removes the names that a run which ended early left in an engine. These commands run even if the run was cancelled. One
/// whose name was never made fails, and its error is ignored.
pub(super) fn forget_rest(steps: &[Step], took: &BTreeMap<StepId, Duration>, environment: &Arc<Environment>) {
    let calls = steps.iter().filter_map(|step| match &step.action {
        Action::Engine { image, call } => Some((image, call, took.contains_key(&step.id))),
        _ => None,
    });
    let makes_names = |call: &EngineCall| matches!(call.purpose, Purpose::Load | Purpose::Build { .. });
    let started: BTreeSet<&String> =
        calls.clone().filter(|(_, call, ran)| *ran && makes_names(call)).map(|(image, ..)| image).collect();
    // The run's own token may be cancelled, and starts no process any more.
    let processes = Processes::new(environment.clone(), Cancel::default());
    for (image, call, ran) in calls {
        if !ran && call.purpose == Purpose::Forget && started.contains(image) {
            let _never_made = processes.stdout(&call.command);
        }
    }
}

/// Returns the commands that loaded the base images of a call. A later one replaces an earlier one of the same name.
fn loaded_before(engine: &EnginePlan, call: &EngineCall) -> Vec<String> {
    let before = engine.calls.iter().take_while(|earlier| *earlier != call);
    let has_argument = |command: &Command, name: &str| command.arguments.iter().any(|word| word == name);
    let mut loaded: Vec<(&str, String)> = Vec::new();
    for earlier in before {
        for base in &engine.bases {
            let name = base.own_name.as_str();
            match earlier.purpose {
                Purpose::Load if has_argument(&earlier.command, base.archive.as_str()) => {
                    loaded.push((name, earlier.command.to_string()));
                }
                Purpose::Forget if has_argument(&earlier.command, name) => {
                    loaded.retain(|(known, _)| *known != name);
                }
                _ => {}
            }
        }
    }
    loaded.into_iter().map(|(_, command)| command).collect()
}

fn check_made(call: &EngineCall, archive: &Utf8Path) -> Result<(), ExecuteError> {
    if archive.is_file() {
        Ok(())
    } else {
        Err(ExecuteError::NotMade { output: archive.to_string(), command: call.command.to_string() })
    }
}

/// Writes one platform of a base image as an archive that the engine loads under a name of ours.
fn write_base(image: &ImagePlan, base: &EngineBase) -> Result<(), ExecuteError> {
    let layout = Layout::open(base.from.layout.as_std_path()).map_err(image_error(image))?;
    let entries = layout.index().map_err(image_error(image))?.manifests;
    let changed = || ExecuteError::BaseChanged {
        name: base.from.name.clone(),
        layout: base.from.layout.clone(),
        digest: base.from.digest,
    };
    let entry: &Descriptor =
        entries.iter().find(|entry| entry.digest == base.from.digest).ok_or_else(changed)?;
    let source = ImageSource::of_layout(&layout, entry).map_err(image_error(image))?;
    let platforms: Vec<&SourcePlatform> = source.images().iter().flat_map(|one| &one.platforms).collect();
    // The plan refused a base without such a platform, and the digest is still the same.
    let single =
        base.from.choose(&base.platform).and_then(|place| platforms.get(place)).ok_or_else(changed)?;
    let name: Reference = base.own_name.parse().map_err(image_error(image))?;
    replace(&base.archive, |file| {
        write_archive(&layout, &single.descriptor, std::slice::from_ref(&name), &single.descriptor, file)
            .map_err(image_error(image))
    })
}

/// Removes what the layout or the engine's store holds by now. The files that a user may want to read stay.
fn remove_intermediate(engine: &EnginePlan) -> Result<(), ExecuteError> {
    let archives = engine.results.iter().map(|result| &result.archive);
    let bases = engine.bases.iter().map(|base| &base.archive);
    archives.chain(bases).try_for_each(|archive| remove_file(archive))?;
    engine.copied.as_ref().map_or(Ok(()), |copied| remove_directory(&copied.to))
}

/// One platform's image in our layout.
struct Imported {
    platform: Platform,
    manifest: Descriptor,
    /// The bytes that a node pulls: compressed layers and configuration.
    size: u64,
}

/// An uncompressed layer in an archive.
struct PlainLayer<'a> {
    source: &'a ImageSource,
    digest: Digest,
}

impl TarSource for PlainLayer<'_> {
    fn write_tar(&self, out: &mut dyn Write) -> Result<(), LayerError> {
        let mut reader = self.source.blob(&self.digest).map_err(std::io::Error::other)?;
        std::io::copy(&mut reader, out)?;
        Ok(())
    }
}

/// Returns the image whose configuration names the requested platform. The configuration is what a node reads; the index
/// of an archive only repeats it.
fn find_platform<'a>(
    image: &ImagePlan,
    engine: &EnginePlan,
    source: &'a ImageSource,
    requested: &Platform,
) -> Result<&'a SourcePlatform, ExecuteError> {
    let all = || source.images().iter().flat_map(|image| &image.platforms);
    let is_it = |found: &&SourcePlatform| {
        parse_platform(&found.config.value.platform) == Some(requested.normalized())
    };
    all().find(is_it).ok_or_else(|| {
        ExecuteError::WrongPlatform(Box::new(WrongPlatform {
            image: image.name.clone(),
            builder: engine.builder.clone(),
            requested: requested.clone(),
            found: all().map(|found| found.config.value.platform.to_string()).collect(),
        }))
    })
}
