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

mod archive;
mod assemble;
pub mod base;
mod blob;
mod cache;
mod config;
mod decode;
mod digest;
mod layer;
mod layout;
mod manifest;
pub mod media_type;
mod reference;
mod root;
mod source;
mod tar_reader;
mod time;

// Callers that predate crossdock-fs import these from here.
pub use crossdock_fs::{FileError, LockOwner, is_marked_output, is_temporary, mark_output, write_atomically};

pub use archive::{ArchiveError, write_archive};
pub use assemble::{AssembleError, Assembled, Image, PlatformImage, PlatformManifest, assemble};
pub use blob::{Blob, BlobError, BlobStore, BlobWriter};
pub use cache::{CacheError, CacheInfo, LayerCache, PruneLimits, Pruned};
pub use config::{Healthcheck, History, ImageConfig, RootFs, RuntimeConfig};
pub use digest::{Digest, DigestError, Hasher};
pub use layer::{Compression, Content, Fingerprint, Layer, LayerBuilder, LayerError, Owner, TarSource};
pub use layout::{Layout, LayoutError, LayoutLock, Pruning};
pub use manifest::{Descriptor, Document, DocumentError, ImageManifest, Index, Platform};
pub use reference::{Reference, ReferenceError, Repository, Tag};
pub use root::{
    EntryKind, FileReader, LayerSource, LookupError, ReadError, RootEntry, RootError, RootLimits, RootView,
};
pub use source::{ImageSource, SourceError, SourceImage, SourcePlatform, is_own_archive, may_be_archive};
pub use time::{TimeError, Timestamp};
