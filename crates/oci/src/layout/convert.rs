//! Turns images of docker's older archives, which have no manifests, into images of a layout.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, BufRead, BufReader};
use std::num::NonZeroUsize;

use crossdock_fs::FileError;

use super::{BlobStore, ImageSource, SourceError, SourcePlatform};
use crate::layer::decode::Coding;
use crate::layer::gzip;
use crate::model::{Blob, Descriptor, Document, ImageManifest, media_type};

/// Copies an image of docker's older archives into `store` and gives it an OCI manifest, as docker itself does since
/// version 25. The configuration keeps its bytes, and so the image its ID. Plain layers are compressed with gzip, as
/// skopeo does: docker writes them as they are on its disk, and registries would send them like that to every node.
///
/// The bytes depend only on the archive. The image in the store has no index and no annotations.
///
/// # Errors
/// If the archive cannot be read or the store not be written.
pub fn convert_docker(
    source: &ImageSource,
    image: &SourcePlatform,
    store: &BlobStore,
    threads: NonZeroUsize,
) -> Result<Descriptor, SourceError> {
    let layers = &image.manifest.value.layers;
    // An image may have the same layer more than once.
    let mut known: BTreeMap<_, Descriptor> = BTreeMap::new();
    for layer in layers {
        if let Entry::Vacant(new) = known.entry(layer.digest) {
            new.insert(copy_layer(source, layer, store, threads)?);
        }
    }
    let layers = layers.iter().filter_map(|layer| known.get(&layer.digest).cloned()).collect();
    let config = Descriptor::new(media_type::CONFIG, store.put(&image.config.raw)?);
    let manifest = Document::new(ImageManifest::new(config, layers, BTreeMap::new()))?;
    Ok(Descriptor::new(media_type::MANIFEST, store.put(&manifest.raw)?))
}

/// Copies a layer, compressed if it is not, and returns its descriptor.
fn copy_layer(
    source: &ImageSource,
    layer: &Descriptor,
    store: &BlobStore,
    threads: NonZeroUsize,
) -> Result<Descriptor, SourceError> {
    let failed = |error| SourceError::File(FileError::on("copy a layer of", source.path())(error));
    let mut reader = BufReader::with_capacity(128 * 1024, source.blob(&layer.digest)?);
    let coding = Coding::of(reader.fill_buf().map_err(failed)?);
    let mut writer = store.writer()?;
    let media_type = match coding {
        Coding::Plain => {
            let copied: Result<_, io::Error> =
                gzip::compress(&mut writer, threads, |sink| io::copy(&mut reader, sink));
            copied.map_err(failed)?;
            media_type::LAYER_GZIP
        }
        Coding::Gzip => copy(&mut reader, &mut writer, media_type::LAYER_GZIP).map_err(failed)?,
        Coding::Zstd => copy(&mut reader, &mut writer, media_type::LAYER_ZSTD).map_err(failed)?,
        // No engine reads it, and it is not made worse here.
        Coding::Unsupported(_) => copy(&mut reader, &mut writer, media_type::LAYER).map_err(failed)?,
    };
    let blob: Blob = writer.complete()?;
    Ok(Descriptor::new(media_type, blob))
}

fn copy(
    reader: &mut dyn io::Read,
    writer: &mut dyn io::Write,
    media_type: &'static str,
) -> io::Result<&'static str> {
    io::copy(reader, writer)?;
    Ok(media_type)
}
