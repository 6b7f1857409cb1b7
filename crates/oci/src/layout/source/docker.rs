use std::collections::BTreeMap;

use serde::Deserialize;

use super::tar_file::{Place, TarFile};
use super::{ArchiveFault, MAX_IMAGES};
use crate::model::{
    Blob, DOCUMENT_LIMIT, Descriptor, Digest, ImageManifest, count_values, media_type, null_as_default,
};
use crate::rootfs::FileReader;

/// An archive in docker's form before version 25 (docker's image/spec v1.2): `manifest.json` names files, and nothing
/// states the digests of blobs.
#[derive(Debug)]
pub(super) struct DockerArchive {
    tar: TarFile,
    places: BTreeMap<Digest, Place>,
}

/// The number of layers in one archive, repeated ones included, beyond which it is rejected. Docker's limit for an
/// image is 127.
const MAX_LAYERS: usize = 100_000;

/// The number of values of `manifest.json`: its layers, and some for each image.
const MAX_VALUES: usize = MAX_LAYERS + 16 * MAX_IMAGES;

/// An image of a [`DockerArchive`], with a manifest derived from `manifest.json`.
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
    /// Reads `manifest.json` and returns the archive with the images that it lists.
    pub(super) fn open(tar: TarFile) -> Result<(Self, Vec<DockerImage>), ArchiveFault> {
        let raw = tar.read("manifest.json", DOCUMENT_LIMIT)?.ok_or(ArchiveFault::NoImages)?;
        if count_values(&raw) > MAX_VALUES {
            return Err(ArchiveFault::TooMany { items: "names", limit: MAX_LAYERS });
        }
        let entries: Vec<Entry> = serde_json::from_slice(&raw).map_err(ArchiveFault::DockerJson)?;
        if entries.len() > MAX_IMAGES {
            return Err(ArchiveFault::TooMany { items: "images", limit: MAX_IMAGES });
        }
        if entries.iter().map(|entry| entry.layers.len()).sum::<usize>() > MAX_LAYERS {
            return Err(ArchiveFault::TooMany { items: "layers", limit: MAX_LAYERS });
        }
        let names = entries.iter().flat_map(|entry| entry.layers.iter().chain([&entry.config]));
        let blobs = blobs(&tar, names)?;
        let images = entries.iter().map(|entry| image(entry, &blobs)).collect::<Result<_, _>>()?;
        let places = blobs.values().map(|(place, blob)| (blob.digest, *place)).collect();
        Ok((Self { tar, places }, images))
    }

    pub(super) fn open_blob(&self, digest: &Digest) -> Option<FileReader<'_>> {
        self.places.get(digest).map(|place| self.tar.reader(*place))
    }
}

type Blobs<'a> = BTreeMap<&'a str, (Place, Blob)>;

/// Computes the digests of files. Each file is read once, however many links lead to it: a hostile archive may have
/// thousands of links to one large file.
fn blobs<'a>(tar: &TarFile, names: impl Iterator<Item = &'a String>) -> Result<Blobs<'a>, ArchiveFault> {
    let mut of_places: BTreeMap<Place, Blob> = BTreeMap::new();
    let mut blobs = Blobs::new();
    for name in names {
        let place = tar.place(name).ok_or_else(|| ArchiveFault::Missing { name: name.clone() })?;
        let blob = match of_places.get(&place) {
            Some(blob) => *blob,
            None => {
                let read = Digest::of_reader(tar.reader(place));
                let (digest, size) = read.map_err(|error| ArchiveFault::Tar(Box::new(error)))?;
                *of_places.entry(place).or_insert(Blob { digest, size })
            }
        };
        blobs.insert(name, (place, blob));
    }
    Ok(blobs)
}

fn image(entry: &Entry, blobs: &Blobs<'_>) -> Result<DockerImage, ArchiveFault> {
    let blob = |path: &String| match blobs.get(path.as_str()) {
        Some((_, blob)) => Ok(*blob),
        None => Err(ArchiveFault::Missing { name: path.clone() }),
    };
    let config = Descriptor::new(media_type::DOCKER_CONFIG, blob(&entry.config)?);
    // The media type is nominal: older dockers write plain tars, other tools compressed ones, and readers look at the
    // bytes.
    let layer = |path| blob(path).map(|blob| Descriptor::new(media_type::LAYER, blob));
    let layers = entry.layers.iter().map(layer).collect::<Result<Vec<_>, _>>()?;
    let mut manifest = ImageManifest::new(config, layers, BTreeMap::new());
    manifest.media_type = Some(media_type::DOCKER_MANIFEST.to_owned());
    Ok(DockerImage { names: entry.repo_tags.clone(), manifest })
}
