//! Registries: clients with the context's credentials, and the jobs that use them.

mod copy;
mod followers;
mod index;
mod inspect;
mod login;
mod promote;
mod pull;
mod push;
mod rebase;
mod resolve;
mod verify;

pub use crate::client::{NewRepository, RegistryOptions, TransferProgress, registry};
pub use crate::subject::Endpoint;
pub use copy::{Copied, CopyOptions, copy};
pub use crossdock_registry::credentials::{Removed, Secret, Stored, host_of, usual_user};
pub use crossdock_registry::{
    Host, HostError, Manifest, Moved, Pushed, Registry, RegistryError, Selector, Settings, TransferEvent,
    TransferObserver, Unobserved,
};
pub use followers::LeftBehind;
pub use index::create_index;
pub use inspect::{InspectedEntry, InspectedPlatform, Inspection, inspect};
pub use login::{check_username, login, logout};
pub use promote::{
    Failure, PROMOTION_SCHEMA, PromoteOptions, Promoted, PromotedTag, TagStatus, TakenTags, cluster_targets,
    promote,
};
pub use pull::pull;
pub use push::{Naming, PushedImage, check_repositories, push, push_built};
pub use rebase::{InvalidReferrers, REBASE_SCHEMA, RebaseOptions, Rebased, RebasedPlatform, rebase};
pub use resolve::{
    Affinity, CheckedManifest, FileKind, ImagePath, KubernetesManifest, Others, Pinning, RESOLUTION_SCHEMA,
    Recursion, ResolveOptions, Resolved, ResolvedFile, ResolvedImage, ResolvedPod, Untouched,
    check_manifests, manifest_from, manifests, resolve, write_manifests,
};
pub use verify::{verify, verify_subject};

pub(crate) use crate::client::failed;
