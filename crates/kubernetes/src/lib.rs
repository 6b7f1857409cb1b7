//! Finds the images in Kubernetes manifests, kustomizations and Helm values, with their byte positions, and pins them to
//! digests by inserting bytes: every other byte of a file is kept, comments and line ends among them.
//!
//! [`read`] finds the images of one file, [`Image::pin`] returns the [`Edit`] that adds a digest to one of them, and [`apply`]
//! makes the edits. The crate touches no file and no registry: the caller looks references up.
//!
//! ```
//! use crossdock_kubernetes::{Pinning, ReadOptions, apply, read};
//!
//! let text = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - {name: a, image: \"app:1\"} # one\n";
//! let file = read("pod.yaml", text, &ReadOptions::default())?;
//! assert_eq!(file.images[0].reference, "app:1");
//!
//! let digest = format!("sha256:{}", "1".repeat(64));
//! let pinned = apply(text, &[file.images[0].pin(&digest, Pinning::KeepTag)]);
//! assert_eq!(pinned, text.replace("app:1", &format!("app:1@{digest}")));
//! # Ok::<(), crossdock_kubernetes::ManifestError>(())
//! ```
//!
//! # Images
//!
//! - In any object: `image` of `containers`, `initContainers` and `ephemeralContainers` where `containers` is a list, which
//!   makes the mapping a pod specification, and `image.reference` of its `volumes`; so pods, workloads, lists of them, and the
//!   pod templates of custom resources are found. [`ReadOptions::paths`] adds fields of custom resources.
//! - In a kustomization: the entries of `images`. [`link_kustomizations`] finds the images that they replace.
//! - In Helm values: mappings with `repository` and `tag` or `digest`.
//!
//! Other texts that look like images are not touched, and are listed in [`ManifestFile::untouched`].
//!
//! # Node affinity
//!
//! A specification that excludes them is a finding, with a code of [`codes::CATALOGUE`].
//!
//! [`Pod::require`] returns the edits that keep the pods of a specification on nodes for which all of their images are.
//!
//! # Why saphyr-parser
//!
//! It is the YAML 1.2 parser of saphyr, is maintained, passes the YAML test suite, reports the start of each event, and limits
//! nesting. serde_yaml and its successors have no positions of values. yaml-edit keeps comments, too, but accepts text that is
//! not YAML. The ends that saphyr-parser reports include what follows a scalar, so that this crate finds them itself.

pub mod codes;
mod edit;
mod error;
mod pod;
mod read;
mod stream;
mod yaml;

pub use edit::{Edit, Pinning, apply};
pub use error::{ManifestError, Problem};
pub use pod::{NodePlatform, Pod};
pub use read::{
    FileKind, Image, Kustomization, ManifestFile, Path, ReadOptions, Untouched, link_kustomizations, read,
};
pub use stream::stream;
