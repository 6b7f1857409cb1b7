use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::ArchiveFault;
use super::tar_file::TarFile;
use crate::blob::Blob;
use crate::digest::Digest;
use crate::manifest::{DOCUMENT_LIMIT, Descriptor, ImageManifest, null_as_default};
use crate::media_type;
use crate::root::FileReader;

/// An archive in docker's form before version 25: `manifest.json` names files, and no blob has a digest.
#[derive(Debug)]
pub(super) struct DockerArchive {
    tar: TarFile,
    paths: BTreeMap<Digest, String>,
    images: Vec<DockerImage>,
}

/// An image of such an archive, with the manifest that it would have.
#[derive(Debug)]
pub(super) struct DockerImage {
    pub(super) names: Vec<String>,
    pub(super) manifest: ImageManifest,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    #[serde(default, deserialize_with = "null_as_default")]
    repo_tags: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    layers: Vec<String>,
}

impl DockerArchive {
    pub(super) fn open(tar: TarFile) -> Result<Self, ArchiveFault> {
        let raw = tar.read("manifest.json", DOCUMENT_LIMIT)?.ok_or(ArchiveFault::NoImages)?;
        let entries: Vec<Entry> = serde_json::from_slice(&raw).map_err(ArchiveFault::DockerJson)?;
        let names: BTreeSet<&String> =
            entries.iter().flat_map(|entry| entry.layers.iter().chain([&entry.config])).collect();
        let mut blobs = BTreeMap::new();
        for name in names {
            let reader = tar.file(name).ok_or_else(|| ArchiveFault::Missing { name: name.clone() })?;
            let (digest, size) =
                Digest::of_reader(reader).map_err(|error| ArchiveFault::Tar(Box::new(error)))?;
            blobs.insert(name.clone(), Blob { digest, size });
        }
        let images = entries.iter().filter_map(|entry| image(entry, &blobs)).collect();
        let paths = blobs.into_iter().map(|(path, blob)| (blob.digest, path)).collect();
        Ok(Self { tar, paths, images })
    }

    pub(super) fn images(&self) -> &[DockerImage] {
        &self.images
    }

    pub(super) fn open_blob(&self, digest: &Digest) -> Option<FileReader<'_>> {
        self.tar.file(self.paths.get(digest)?)
    }
}

fn image(entry: &Entry, blobs: &BTreeMap<String, Blob>) -> Option<DockerImage> {
    let config = Descriptor::new(media_type::DOCKER_CONFIG, *blobs.get(&entry.config)?);
    let layer = |path| blobs.get(path).map(|blob| Descriptor::new(media_type::LAYER, *blob));
    let layers = entry.layers.iter().map(layer).collect::<Option<Vec<_>>>()?;
    let mut manifest = ImageManifest::new(config, layers, BTreeMap::new());
    manifest.media_type = Some(media_type::DOCKER_MANIFEST.to_owned());
    Some(DockerImage { names: entry.repo_tags.clone(), manifest })
}
