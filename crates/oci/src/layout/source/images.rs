//! Follows the descriptors of a source to the images for platforms, within limits.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use crossdock_fs::FileError;

use super::docker::DockerImage;
use super::{
    DOCUMENTS_LIMIT, ImageSource, IndexEntry, MAX_IMAGES, SourceError, SourceImage, SourcePlatform,
    SourceReferrer,
};
use crate::layout::blob::BlobError;
use crate::layout::{IMAGE_NAME, LayoutError, MAX_DEPTH, REF_NAME};
use crate::model::{
    Blob, DOCUMENT_LIMIT, Descriptor, Digest, Document, ImageConfig, ImageManifest, Index, PlatformObject,
    VALUES_LIMIT, count_values, media_type,
};

/// The number of values in all documents of a source, enough for more than a thousand images with long histories.
const MAX_VALUES: usize = 10 * VALUES_LIMIT;

/// Reads the images of one source and counts them against the limits.
pub(super) struct Images<'a> {
    source: &'a ImageSource,
    images: usize,
    bytes: u64,
    /// The number of values in all documents.
    values: usize,
}

impl<'a> Images<'a> {
    pub(super) fn of(source: &'a ImageSource) -> Self {
        Self { source, images: 0, bytes: 0, values: 0 }
    }

    /// Returns the images that an index lists, each once with all its names. One manifest that is listed for two
    /// platforms is two images, since nodes of both pull it. A manifest without a name that is about another one does not
    /// count as an image.
    pub(super) fn listed(
        mut self,
        index: &Index,
    ) -> Result<(Vec<SourceImage>, Vec<SourceReferrer>), SourceError> {
        let (mut images, mut referrers): (Vec<SourceImage>, Vec<SourceReferrer>) = Default::default();
        let mut known: BTreeMap<(Digest, Option<PlatformObject>), usize> = BTreeMap::new();
        for entry in &index.manifests {
            let name = entry.annotations.get(IMAGE_NAME).or_else(|| entry.annotations.get(REF_NAME)).cloned();
            let key = (entry.digest, entry.platform.clone());
            if let Some(image) = known.get(&key).and_then(|place| images.get_mut(*place)) {
                image.names.extend(name);
                continue;
            }
            if name.is_none()
                && let Some(subject) = self.subject(entry)
            {
                referrers.push(SourceReferrer { descriptor: entry.clone(), subject });
                continue;
            }
            let mut image = SourceImage {
                names: name.into_iter().collect(),
                descriptor: entry.clone(),
                platforms: Vec::new(),
                absent: Vec::new(),
                skipped: Vec::new(),
            };
            self.add(entry, &mut Vec::new(), &mut image, &mut BTreeSet::new())?;
            known.insert(key, images.len());
            images.push(image);
        }
        Ok((images, referrers))
    }

    /// Returns the digest of the manifest that an entry is about. An entry that cannot be read has none: it is
    /// reported as a damaged image.
    fn subject(&mut self, entry: &Descriptor) -> Option<Digest> {
        if !media_type::is_manifest(&entry.media_type) {
            return None;
        }
        let counted = (self.bytes, self.values);
        let manifest = self.document::<ImageManifest>(entry, "image manifest").ok();
        let subject = manifest.and_then(|manifest| manifest.value.subject);
        if subject.is_none() {
            // An image is read again, and counts once.
            (self.bytes, self.values) = counted;
        }
        subject.map(|subject| subject.digest)
    }

    /// Returns the images of an archive in docker's older form.
    pub(super) fn of_docker(mut self, images: &[DockerImage]) -> Result<Vec<SourceImage>, SourceError> {
        images.iter().map(|image| self.docker_image(image)).collect()
    }

    /// Adds the images that `entry` leads to. An index is followed only once: a few small indexes that list one another
    /// many times would otherwise expand to an endless list.
    fn add(
        &mut self,
        entry: &Descriptor,
        way: &mut Vec<IndexEntry>,
        image: &mut SourceImage,
        seen: &mut BTreeSet<Digest>,
    ) -> Result<(), SourceError> {
        if entry.platform.as_ref().is_some_and(PlatformObject::is_unknown) {
            image.skipped.push(entry.clone());
        } else if media_type::is_index(&entry.media_type) {
            if way.len() >= MAX_DEPTH as usize {
                return Err(LayoutError::TooDeep { digest: entry.digest }.into());
            }
            if seen.insert(entry.digest) {
                let index: Document<Index> = self.document(entry, "image index")?;
                for (position, below) in index.value.manifests.iter().enumerate() {
                    way.push(IndexEntry { position, platform: below.platform.clone() });
                    self.add(below, way, image, seen)?;
                    way.pop();
                }
            }
        } else if media_type::is_manifest(&entry.media_type) {
            return self.add_manifest(entry, way, image);
        } else {
            image.skipped.push(entry.clone());
        }
        Ok(())
    }

    fn add_manifest(
        &mut self,
        entry: &Descriptor,
        way: &[IndexEntry],
        image: &mut SourceImage,
    ) -> Result<(), SourceError> {
        // Only entries of an index may be absent; an image without its own manifest is broken.
        if self.source.blob(&entry.digest).is_err() && *entry != image.descriptor {
            image.absent.push(entry.clone());
            return Ok(());
        }
        let manifest: Document<ImageManifest> = self.document(entry, "image manifest")?;
        let config = &manifest.value.config;
        // An artifact, such as a Helm chart, is a manifest whose config has another type (image-spec, manifest.md §
        // Guidelines for Artifact Usage).
        if !matches!(&config.media_type[..], media_type::CONFIG | media_type::DOCKER_CONFIG) {
            image.skipped.push(entry.clone());
            return Ok(());
        }
        self.count_image()?;
        let config = self.document(config, "image configuration")?;
        image.platforms.push(SourcePlatform {
            descriptor: entry.clone(),
            manifest,
            config,
            way: way.to_vec(),
        });
        Ok(())
    }

    fn docker_image(&mut self, image: &DockerImage) -> Result<SourceImage, SourceError> {
        self.count_image()?;
        let config: Document<ImageConfig> = self.document(&image.manifest.config, "image configuration")?;
        let manifest = Document::new(image.manifest.clone())?;
        let blob = Blob { digest: manifest.digest(), size: manifest.raw.len() as u64 };
        let descriptor = Descriptor::new(media_type::DOCKER_MANIFEST, blob);
        Ok(SourceImage {
            names: image.names.clone(),
            descriptor: descriptor.clone(),
            platforms: vec![SourcePlatform { descriptor, manifest, config, way: Vec::new() }],
            absent: Vec::new(),
            skipped: Vec::new(),
        })
    }

    fn count_image(&mut self) -> Result<(), SourceError> {
        self.images += 1;
        if self.images > MAX_IMAGES {
            return Err(SourceError::TooMany { path: self.source.path.clone() });
        }
        Ok(())
    }

    /// Reads a document and compares it with its descriptor.
    pub(super) fn document<T: serde::de::DeserializeOwned>(
        &mut self,
        descriptor: &Descriptor,
        expected: &'static str,
    ) -> Result<Document<T>, SourceError> {
        let Descriptor { digest, size, .. } = *descriptor;
        let mut raw = Vec::new();
        let (limit, path) = (DOCUMENT_LIMIT, &self.source.path);
        let read = self.source.blob(&digest)?.take(limit + 1).read_to_end(&mut raw);
        read.map_err(FileError::on("read", path))?;
        self.bytes += raw.len() as u64;
        self.values += count_values(&raw);
        if self.bytes > DOCUMENTS_LIMIT {
            return Err(SourceError::TooLong { path: path.clone() });
        }
        if self.values > MAX_VALUES {
            return Err(SourceError::TooManyValues { path: path.clone(), limit: MAX_VALUES });
        }
        let blob = Blob { digest: digest.of_other(&raw), size: raw.len() as u64 };
        if blob.size > limit {
            // Reading stopped at the limit, so the declared length is the better estimate.
            return Err(BlobError::TooLong { digest, size: size.max(blob.size), limit }.into());
        }
        if blob.digest != digest {
            return Err(BlobError::Corrupt { expected: digest, found: blob.digest }.into());
        }
        if blob.size != size {
            return Err(SourceError::Size { digest, declared: size, found: blob.size });
        }
        Document::parse(raw, expected).map_err(|source| SourceError::Document { digest, source })
    }
}
