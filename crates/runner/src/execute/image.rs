//! Packs layers and assembles them.

use std::num::NonZeroUsize;

use crossdock_dockerfile::render::Health;
use crossdock_oci::base::{TimeZones, add_static};
use crossdock_oci::{
    Assembled, BlobStore, Compression, Content, Descriptor, Healthcheck, Image, Layer, LayerBuilder, Layout,
    Owner, PlatformImage, RuntimeConfig, Timestamp, assemble,
};
use crossdock_platform::Platform;

use super::files::is_executable;
use super::report_lines::Reporter;
use super::{ExecuteError, StepContext, lock};
use crate::bytes;
use crate::plan::{Action, ImagePlan, PlatformPlan};
use crate::report::{ImageReport, PlatformReport};
use crossdock_project::config::Base;
use crossdock_toolchain::choice::Wrapper;

/// Makes any error of the image crate one about this image.
pub(super) fn about<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    image: &ImagePlan,
) -> impl Fn(E) -> ExecuteError {
    let image = image.name.clone();
    move |source| ExecuteError::Image { image: image.clone(), source: source.into() }
}

impl StepContext<'_> {
    pub(super) fn write(&self, wrapper: &Wrapper) -> Result<String, ExecuteError> {
        if let Some(folder) = wrapper.path.parent() {
            super::create_folder(folder)?;
        }
        let path = &wrapper.path;
        // Its name holds a hash of its content: what is there already may be in use by another run and stays.
        if std::fs::read(path).is_ok_and(|known| known == wrapper.content.as_bytes())
            && std::fs::metadata(path).is_ok_and(|metadata| is_executable(&metadata) || cfg!(not(unix)))
        {
            return Ok(String::new());
        }
        let failed = |source: std::io::Error| ExecuteError::File { path: path.clone(), source };
        crossdock_fs::write_atomically(path, wrapper.content.as_bytes())
            .and_then(|()| crossdock_fs::make_executable(path))
            .map_err(|error| failed(std::io::Error::other(error)))?;
        Ok(String::new())
    }

    pub(super) fn layers(
        &self,
        image: &ImagePlan,
        platform: &Platform,
        reporter: &Reporter<'_>,
    ) -> Result<String, ExecuteError> {
        let plan = image.platforms.iter().find(|plan| plan.platform == *platform);
        let layout = Layout::create(image.layout.as_std_path()).map_err(about(image))?;
        let mut layers = Vec::new();
        if image.base == Base::Static {
            let zones = if image.timezones { TimeZones::Include } else { TimeZones::Omit };
            let mut base = LayerBuilder::new(Timestamp::EPOCH);
            add_static(&mut base, zones).map_err(about(image))?;
            layers.push(self.layer(image, &base, layout.blobs())?);
        }
        if !image.files.is_empty() {
            layers.push(self.layer(image, &self.files(image, reporter)?, layout.blobs())?);
        }
        let programs = self.programs(image, plan)?;
        layers.push(self.layer(image, &programs, layout.blobs())?);
        let (plain, packed) = layers.iter().fold((0, 0), |(plain, packed), layer| {
            (plain + layer.uncompressed_size, packed + layer.descriptor.size)
        });
        lock(&self.state).layers.insert((image.name.clone(), platform.clone()), layers);
        Ok(format!("{} → {}", bytes(plain), bytes(packed)))
    }

    fn layer(
        &self,
        image: &ImagePlan,
        builder: &LayerBuilder,
        store: &BlobStore,
    ) -> Result<Layer, ExecuteError> {
        if self.cancel.is_cancelled() {
            return Err(ExecuteError::Cancelled);
        }
        let threads = NonZeroUsize::new(self.jobs).unwrap_or(NonZeroUsize::MIN);
        self.cache.provide(builder, Compression::Gzip, threads, store).map_err(about(image))
    }

    fn programs(&self, image: &ImagePlan, plan: Option<&PlatformPlan>) -> Result<LayerBuilder, ExecuteError> {
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        for program in plan.iter().flat_map(|plan| &plan.programs) {
            let content = Content::File(self.made(program)?.into_std_path_buf());
            builder.add_file(&program.path, 0o755, Owner::ROOT, content).map_err(about(image))?;
        }
        Ok(builder)
    }

    pub(super) fn assemble(&self, image: &ImagePlan) -> Result<String, ExecuteError> {
        let layout = Layout::create(image.layout.as_std_path()).map_err(about(image))?;
        let platforms = image.platforms.iter().map(|plan| PlatformImage {
            platform: oci_platform(&plan.platform),
            config: runtime(image),
            layers: lock(&self.state)
                .layers
                .get(&(image.name.clone(), plan.platform.clone()))
                .cloned()
                .unwrap_or_default(),
        });
        let assembled = assemble(
            layout.blobs(),
            &Image {
                created: Timestamp::from_unix(image.created.unsigned_abs()).map_err(about(image))?,
                annotations: image.annotations.clone(),
                platforms: platforms.collect(),
            },
        )
        .map_err(about(image))?;
        let report = self.assembled(image, &assembled);
        self.settle(image, &layout, &assembled.index, report)
    }

    /// Remembers what was made, and keeps it in the layout where no later step names it.
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
        Ok(format!("{digest} {}", bytes(size)))
    }

    fn assembled(&self, image: &ImagePlan, assembled: &Assembled) -> ImageReport {
        let state = lock(&self.state);
        let platforms = image.platforms.iter().filter_map(|plan| {
            let platform = oci_platform(&plan.platform);
            let made = assembled.manifests.iter().find(|made| made.platform == platform)?;
            let layers = state.layers.get(&(image.name.clone(), plan.platform.clone()))?;
            let size = layers.iter().map(|layer| layer.descriptor.size).sum::<u64>() + made.config.size;
            Some(PlatformReport { platform: plan.platform.clone(), digest: made.manifest.digest, size })
        });
        ImageReport::new(image, assembled.index.digest, platforms.collect())
    }
}

fn runtime(image: &ImagePlan) -> RuntimeConfig {
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
        stop_signal: container.stop_signal.clone().unwrap_or_default(),
        healthcheck: container.health.as_ref().map(healthcheck),
        ..RuntimeConfig::default()
    }
}

/// What docker makes of the `HEALTHCHECK` that crossdock renders.
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

/// A platform as it stands in an index.
pub(super) fn oci_platform(platform: &Platform) -> crossdock_oci::PlatformObject {
    crossdock_oci::PlatformObject {
        architecture: platform.architecture().as_str().to_owned(),
        os: platform.os().as_str().to_owned(),
        os_version: platform.os_version().map(str::to_owned),
        os_features: platform.os_features().to_vec(),
        variant: platform.variant().map(str::to_owned),
    }
}
