//! OCI images without a container engine.
//!
//! The crate writes and reads what the [image-spec] describes: [`Digest`]s and [`Descriptor`]s, deterministic
//! layers ([`LayerBuilder`]) with a content-addressed [`LayerCache`], image layouts on disk ([`Layout`]), and
//! [`assemble`] which turns platforms' settings and layers into manifests under one index.
//!
//! Everything written is a function of its input alone: the same files, settings and times give the same bytes
//! on another day, in another folder and with another number of threads.
//!
//! [image-spec]: https://github.com/opencontainers/image-spec/blob/main/spec.md

mod layer;
mod layout;
mod model;
mod rootfs;

// Callers that predate crossdock-fs import these from here.
pub use crossdock_fs::{FileError, LockOwner, is_marked_output, is_temporary, mark_output, write_atomically};

pub use layer::base;
pub use layer::{Compression, Content, Fingerprint, Layer, LayerBuilder, LayerError, Owner, TarSource};
pub use layout::{
    ArchiveError, AssembleError, Assembled, BlobError, BlobStore, BlobWriter, CacheError, CacheInfo, Image,
    ImageSource, LayerCache, Layout, LayoutError, LayoutLock, PlatformImage, PlatformManifest, PruneLimits,
    Pruned, Pruning, SourceError, SourceImage, SourcePlatform, assemble, is_own_archive, may_be_archive,
    write_archive,
};
pub use model::{
    Blob, Descriptor, Digest, DigestError, Document, DocumentError, EncodeError, Hasher, Healthcheck,
    History, ImageConfig, ImageManifest, Index, PlatformObject, Reference, ReferenceError, Repository,
    RootFs, RuntimeConfig, Tag, TimeError, Timestamp, media_type,
};
pub use rootfs::{
    EntryKind, FileReader, LayerSource, LookupError, ReadError, RootEntry, RootError, RootLimits, RootView,
};
