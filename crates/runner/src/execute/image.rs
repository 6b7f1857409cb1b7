//! Packs programs and files into layers, and assembles images of them.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crossdock_dockerfile::render::Health;
use crossdock_oci::base::{TimeZones, add_static};
use crossdock_oci::{
    Assembled, BlobStore, Compression, Content, Descriptor, Digest, Healthcheck, Image, Layer, LayerBuilder,
    Layout, Owner, PlatformImage, PlatformObject, RuntimeConfig, TarSource, Timestamp, assemble, media_type,
};
use crossdock_platform::Platform;
use crossdock_project::config::Base;

use super::base;
use super::compile::Compiled;
use super::error::{InternalError, image_error};
use super::observer::Reporter;
use super::sources::{BaseRoot, Placed, StaticBase};
use super::{ExecuteError, StepContext, lock, planned, too_early};
use crate::bytes;
use crate::plan::{Action, ImagePlan, ImageShape, PlatformPlan};
use crate::report::{ImageReport, PlatformReport};

/// The layers of each platform of each image.
type Layers = BTreeMap<(String, Platform), Vec<Layer>>;

impl StepContext<'_> {
    /// Packs the layers of one platform: the base, the configured files, the programs. Programs come last because they
    /// change most often, and a registry keeps equal layers once.
    pub(super) fn layers(
        &self,
        image: &ImagePlan,
        platform: &Platform,
        reporter: &Reporter<'_>,
    ) -> Result<String, ExecuteError> {
        let plan = image.platforms.iter().find(|plan| plan.platform == *platform);
        let plan = planned(image, "a platform", plan)?;
        let layout = Layout::create(image.layout.as_std_path()).map_err(image_error(image))?;
        let mut layers = Vec::new();
        // Each part is a layer of its own, so that a registry and a node transfer only the part that changed.
        let base = plan.base.as_ref().map(|base| BaseRoot { base, root: OnceCell::new() });
        let add = |files| self.layer_above(image, files, base.as_ref(), layout.blobs());
        if image.base == Base::Static {
            let base = self.static_base(image)?;
            layers.push(self.layer(image, &base, layout.blobs())?);
        }
        if !image.files.is_empty() {
            layers.push(add(self.files(image, reporter)?)?);
        }
        layers.push(add(self.programs(image, plan)?)?);
        let (plain, packed) = layers.iter().fold((0, 0), |(plain, packed), layer| {
            (plain + layer.uncompressed_size, packed + layer.descriptor.size)
        });
        if let Some(base) = &plan.base {
            layers.splice(0..0, self.base_layers(image, base, layout.blobs())?);
        }
        lock(&self.state).layers.insert((image.name.clone(), platform.clone()), layers);
        Ok(format!("{} → {}", bytes(plain), bytes(packed)))
    }

    /// Returns the files of the base `static`, which images share.
    fn static_base(&self, image: &ImagePlan) -> Result<StaticBase, ExecuteError> {
        let zones = if image.timezones { TimeZones::Include } else { TimeZones::Omit };
        if let Some(known) = lock(&self.state).static_bases.get(&image.timezones) {
            return Ok(known.clone());
        }
        let mut base = LayerBuilder::new(Timestamp::EPOCH);
        add_static(&mut base, zones).map_err(image_error(image))?;
        let base = StaticBase { identity: base.identity(), files: Arc::new(base) };
        lock(&self.state).static_bases.insert(image.timezones, base.clone());
        Ok(base)
    }

    /// Packs files as a layer above those of a base: a link of the base must lead where it led. The base is unpacked only if
    /// no earlier run packed these files above it.
    fn layer_above<'a>(
        &'a self,
        image: &ImagePlan,
        files: LayerBuilder,
        base: Option<&BaseRoot<'a>>,
        store: &BlobStore,
    ) -> Result<Layer, ExecuteError> {
        let Some(base) = base else { return self.layer(image, &files, store) };
        let known = base.identity(&files);
        if let Some(layer) = known.and_then(|known| self.cache.recall(&known, Compression::Gzip, store)) {
            return Ok(layer);
        }
        let root = match base.root.get() {
            Some(root) => root,
            None => {
                let root = self.base_root(image, base.base)?;
                base.root.get_or_init(|| root)
            }
        };
        let placed = files.clone().above(root).map_err(image_error(image))?;
        self.layer(image, &Placed { files, placed, base }, store)
    }

    fn layer(
        &self,
        image: &ImagePlan,
        builder: &dyn TarSource,
        store: &BlobStore,
    ) -> Result<Layer, ExecuteError> {
        if self.cancel.is_cancelled() {
            return Err(ExecuteError::Cancelled);
        }
        self.cache.provide(builder, Compression::Gzip, self.jobs, store).map_err(image_error(image))
    }

    fn programs(&self, image: &ImagePlan, plan: &PlatformPlan) -> Result<LayerBuilder, ExecuteError> {
        // Dated 1970, so that an unchanged program keeps its layer from commit to commit.
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        for program in &plan.programs {
            let Compiled { path, known } = self.compiled(image, program)?;
            let path = path.into_std_path_buf();
            let content = match known {
                Some((digest, stamp)) => Content::Known { path, digest, stamp },
                None => Content::File(path),
            };
            // Owned by root: the user that the container runs as cannot replace the program.
            builder.add_file(&program.path, 0o755, Owner::ROOT, content).map_err(image_error(image))?;
        }
        Ok(builder)
    }

    /// Writes the manifests and the index of an image whose layers are packed.
    pub(super) fn assemble(&self, image: &ImagePlan) -> Result<String, ExecuteError> {
        let layout = Layout::create(image.layout.as_std_path()).map_err(image_error(image))?;
        let parts = packed(image, &lock(&self.state).layers)?;
        // The planner dates no image before 1970.
        let created = Timestamp::from_unix(image.created.unsigned_abs()).map_err(image_error(image))?;
        let platforms = parts.iter().map(|(plan, layers)| {
            let base = plan.base.as_deref();
            let own: &[&str] = if image.files.is_empty() { &["programs"] } else { &["files", "programs"] };
            PlatformImage {
                platform: platform_object(&plan.platform),
                config: match base {
                    Some(base) => base::above(runtime_config(image), base),
                    None => runtime_config(image),
                },
                layers: layers.clone(),
                history: base.map(|base| base::history(base, created, own)).unwrap_or_default(),
            }
        });
        let assembled = assemble(
            layout.blobs(),
            &Image { created, annotations: image.annotations.clone(), platforms: platforms.collect() },
        )
        .map_err(image_error(image))?;
        let named = named_document(image, &assembled);
        let report = report(image, &parts, &assembled, named.digest)?;
        self.settle(image, &layout, &named, report)
    }

    /// Stores an image's report. Without a later step that tags the image, the layout keeps it untagged.
    pub(super) fn settle(
        &self,
        image: &ImagePlan,
        layout: &Layout,
        index: &Descriptor,
        report: ImageReport,
    ) -> Result<String, ExecuteError> {
        let size = report.platforms.iter().map(|platform| platform.size).sum();
        let digest = report.digest;
        lock(&self.state).images.insert(image.name.clone(), report);
        let tags = |action: &Action| matches!(action, Action::Tag { image: name } if *name == image.name);
        if !self.plan.steps.iter().any(|step| tags(&step.action)) {
            self.keep_untagged(image, layout, index)?;
        }
        // The report and the answer have the whole digest; here it would make the line wider than most terminals.
        let short: String = digest.to_string().chars().take("sha256:".len() + 12).collect();
        Ok(format!("{short}  {}", bytes(size)))
    }
}

/// Returns the platforms of an image, each with its layers.
fn packed<'p>(
    image: &'p ImagePlan,
    layers: &Layers,
) -> Result<Vec<(&'p PlatformPlan, Vec<Layer>)>, InternalError> {
    let part = |plan: &'p PlatformPlan| {
        let platform = &plan.platform;
        let layers = layers.get(&(image.name.clone(), platform.clone())).filter(|layers| !layers.is_empty());
        let layers = layers.ok_or_else(|| InternalError::NoLayers {
            image: image.name.clone(),
            platform: platform.clone(),
        })?;
        Ok((plan, layers.clone()))
    };
    image.platforms.iter().map(part).collect()
}

/// Returns the document that the tags of an image name: its index, or its only manifest.
fn named_document(image: &ImagePlan, assembled: &Assembled) -> Descriptor {
    match (image.shape, assembled.manifests.as_slice()) {
        (ImageShape::Manifest, [only]) => Descriptor::new(media_type::MANIFEST, only.manifest.blob()),
        _ => assembled.index.clone(),
    }
}

fn report(
    image: &ImagePlan,
    parts: &[(&PlatformPlan, Vec<Layer>)],
    assembled: &Assembled,
    digest: Digest,
) -> Result<ImageReport, InternalError> {
    let platforms = parts.iter().map(|(plan, layers)| {
        let platform = &plan.platform;
        let object = platform_object(platform);
        let made = assembled.manifests.iter().find(|made| made.platform == object);
        let made = made.ok_or_else(|| too_early(image, format!("the manifest for {platform}")))?;
        let size = layers.iter().map(|layer| layer.descriptor.size).sum::<u64>() + made.config.size;
        Ok(PlatformReport { platform: platform.clone(), digest: made.manifest.digest, size })
    });
    Ok(ImageReport::new(image, digest, platforms.collect::<Result<_, _>>()?))
}

fn runtime_config(image: &ImagePlan) -> RuntimeConfig {
    let container = &image.container;
    RuntimeConfig {
        entrypoint: container.entrypoint.clone(),
        cmd: container.cmd.clone(),
        env: container.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
        working_dir: container.workdir.clone(),
        user: container.user.clone(),
        exposed_ports: container
            .expose
            .iter()
            .map(|port| format!("{}/{}", port.number, port.protocol))
            .collect(),
        labels: container.labels.clone(),
        // Engines take an empty signal for SIGTERM, and it is not written.
        stop_signal: container.stop_signal.clone().unwrap_or_default(),
        healthcheck: container.health.as_ref().map(healthcheck),
        ..RuntimeConfig::default()
    }
}

/// Converts a health check as docker converts the `HEALTHCHECK` that crossdock renders for it.
fn healthcheck(health: &Health) -> Healthcheck {
    let nanoseconds = |seconds: u32| i64::from(seconds) * 1_000_000_000;
    Healthcheck {
        test: std::iter::once("CMD".to_owned()).chain(health.command.iter().cloned()).collect(),
        interval: nanoseconds(health.interval),
        timeout: nanoseconds(health.timeout),
        start_period: nanoseconds(health.start_period),
        retries: i64::from(health.retries),
    }
}

/// Converts a platform to its form in an index (OCI image-spec, image-index.md).
pub(super) fn platform_object(platform: &Platform) -> PlatformObject {
    PlatformObject {
        architecture: platform.architecture().as_str().to_owned(),
        os: platform.os().as_str().to_owned(),
        os_version: platform.os_version().map(str::to_owned),
        os_features: platform.os_features().to_vec(),
        variant: platform.variant().map(str::to_owned),
    }
}
