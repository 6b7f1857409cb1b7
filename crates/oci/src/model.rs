//! An image's documents (manifests, indexes, configurations) and the values in them.

mod config;
mod descriptor;
mod digest;
mod document;
mod manifest;
pub mod media_type;
mod reference;
mod time;

pub use config::{Healthcheck, History, ImageConfig, RootFs, RuntimeConfig, merge_environment};
pub use descriptor::{Blob, Descriptor, PlatformObject};
pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub(crate) use document::{DOCUMENT_LIMIT, VALUES_LIMIT, canonical_bytes, count_values, null_as_default};
pub use document::{Document, DocumentError, EncodeError};
pub use manifest::{ImageManifest, Index};
pub use reference::{Reference, ReferenceError, RegistryReference, Repository, Tag};
pub use time::{TimeError, Timestamp};
