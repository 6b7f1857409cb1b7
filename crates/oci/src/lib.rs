//! Builds, stores and reads OCI images without a container engine.
//!
//! Files become deterministic layers ([`LayerBuilder`], [`LayerCache`]), layers become an image for one or more
//! platforms in an image layout ([`assemble`], [`Layout`]), and layouts and archives of any origin are read back to the
//! file system that a container sees ([`ImageSource`], [`RootView`]). The bytes written depend only on the input: the
//! same files, settings and times yield the same digests on every day, in every directory and with any number of
//! threads.
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::num::NonZeroUsize;
//! use crossdock_oci::{
//!     Compression, Content, Image, ImageSource, KeptContent, LayerBuilder, Layout, Owner, PlatformImage, PlatformObject,
//!     Pruning, RootLimits, RuntimeConfig, Timestamp, assemble,
//! };
//!
//! let directory = tempfile::tempdir()?;
//! let layout = Layout::create(directory.path().join("image"))?;
//! let lock = layout.lock()?;
//!
//! // One layer with one file.
//! let mut builder = LayerBuilder::new(Timestamp::EPOCH);
//! builder.add_file("/hello", 0o755, Owner::ROOT, Content::from("#!/bin/sh\necho hello\n"))?;
//! let mut blob = layout.blobs().writer()?;
//! let layer = builder.write(&mut blob, Compression::Gzip, NonZeroUsize::MIN)?;
//! blob.complete()?;
//!
//! // An image for one platform, named in the layout's index.json.
//! let config = RuntimeConfig { entrypoint: vec!["/hello".into()], ..RuntimeConfig::default() };
//! let platform = PlatformImage { platform: PlatformObject::new("linux", "amd64"), config, layers: vec![layer], history: Vec::new() };
//! let image = Image { created: Timestamp::EPOCH, annotations: BTreeMap::new(), platforms: vec![platform] };
//! let assembled = assemble(layout.blobs(), &image)?;
//! layout.publish(&lock, &assembled.index, &["registry.example/hello:1.0".parse()?], Pruning::ReplaceAll)?;
//!
//! // Read back as a container sees it.
//! let source = ImageSource::open(layout.path(), directory.path())?;
//! let platform = &source.images()[0].platforms[0];
//! let root = source.root(platform, RootLimits::default(), KeptContent::Programs, directory.path())?;
//! assert_eq!(root.lookup("/hello")?.mode, 0o755);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The terms are those of the [image-spec] and the [distribution-spec], which the documentation cites by file and
//! section.
//!
//! [distribution-spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
//! [image-spec]: https://github.com/opencontainers/image-spec/blob/main/spec.md

mod layer;
mod layout;
mod model;
mod rootfs;

// Part of the errors and results of this crate.
pub use crossdock_fs::{FileError, LockOwner};
pub use layer::base;
pub use layer::{Compression, Content, Fingerprint, Layer, LayerBuilder, LayerError, Owner, TarSource};
pub use layout::{
    ArchiveError, AssembleError, Assembled, BlobError, BlobStore, BlobWriter, CacheError, CacheInfo, Image,
    ImageSource, IndexEntry, LayerCache, Layout, LayoutError, LayoutLock, LoadForm, MergeError, MergePart,
    PlatformImage, PlatformManifest, PruneLimits, Pruned, Pruning, SourceError, SourceImage, SourcePlatform,
    SourceReferrer, assemble, convert_docker, is_own_archive, may_be_archive, merge, write_archive,
    write_index, write_load_archive, write_node_archive, write_oci_archive,
};
pub use model::{
    Algorithm, Blob, Descriptor, Digest, DigestError, Document, DocumentError, EncodeError, Hasher,
    Healthcheck, History, ImageConfig, ImageManifest, Index, PlatformObject, Reference, ReferenceError,
    RegistryReference, Repository, RootFs, RuntimeConfig, Tag, TimeError, Timestamp, media_type,
    merge_environment,
};
pub use rootfs::{
    Difference, Dispute, EntryKind, FileId, FileReader, KeptContent, LayerBlob, LayerSource, LookupError,
    ReadError, RefusedEntry, RootEntry, RootError, RootLimits, RootView,
};
