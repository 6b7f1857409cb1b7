//! Findings about entries of layers that engines refuse, or unpack in different ways.

use crossdock_oci::{Descriptor, Difference, Dispute, EntryKind, RefusedEntry, RootEntry, RootError};
use crossdock_verify::{Code, Finding, Target, codes};

use crate::root::MergedRoot;

/// The number of entries that a finding names.
const MAX_NAMED: usize = 8;

const DIFFERENCES: [Difference; 5] = [
    Difference::Refused,
    Difference::RefusedByPodman,
    Difference::TrustedAttribute,
    Difference::ImpliedDirectory,
    Difference::LinkReplaced,
];

/// Returns at most one finding for each difference: about every entry that an engine refuses, and about the others if
/// the checks looked them up so far.
pub(crate) fn dispute_findings(
    root: &MergedRoot<'_>,
    layers: &[Descriptor],
    target: &Target,
) -> Vec<Finding> {
    let of_difference = |difference| {
        let disputed = root.view.disputed().iter().filter(|dispute| dispute.difference == difference);
        let places: Vec<Place<'_>> =
            disputed.map(|dispute| Place::new(dispute, root, layers)).filter(|it| it.matters(root)).collect();
        finding(&places, target)
    };
    DIFFERENCES.into_iter().filter_map(of_difference).collect()
}

/// Returns the finding about a link at `/etc`, which Docker replaces by a directory, in an image that needs other files
/// there.
pub(crate) fn linked_etc_finding(target: &Target) -> Finding {
    let message = "/etc is a symbolic link: Docker replaces it by a directory with its own `hosts` and `resolv.conf`, and the image \
                   does not start the same way without its other files there; containerd follows the link.";
    let finding = Finding::new(codes::ENGINES_DIFFER, target.name(), "/etc", message);
    finding.with_help("Let /etc be a directory of the image.")
}

/// Returns the finding about a layer's entry of the root directory, which closes it to the user in storage without overlays.
pub(crate) fn own_entry_finding(
    root: &MergedRoot<'_>,
    layers: &[Descriptor],
    target: &Target,
) -> Option<Finding> {
    let entry = root.view.own_entry()?;
    let layer = layer_name(entry.layer, layers);
    let message = format!(
        "The layer {layer} has an entry of the root directory itself with {}: Docker and podman with the storage driver `vfs` give these to \
         the container's root and refuse the image with `permission denied`; containerd and overlays ignore the entry, podman's only if its \
         name is `./` and not `/`.",
        owner_and_mode(&entry)
    );
    let finding = Finding::new(codes::ENGINES_DIFFER, target.name(), "/", message);
    Some(
        finding
            .with_help("Build the layer from a directory of the mode 0755, e.g. after `chmod 0755` of the one that `mktemp -d` made.")
            .with_evidence(format!("layer {layer}"), "/"),
    )
}

/// Returns the finding about a layer that every engine refuses.
pub(crate) fn refused_finding(error: &RootError, refused: &RefusedEntry, target: &Target) -> Finding {
    let RefusedEntry { path, reason, .. } = refused;
    let path = in_root(path);
    let message =
        format!("Docker, containerd and podman refuse the layer {}: its entry {path} {reason}.", error.layer);
    Finding::new(codes::LAYER_REFUSED, target.name(), &path, message)
        .with_evidence(format!("layer {}", error.layer), path)
}

/// A disputed entry, its layer, and the entry that the image shows at its path.
struct Place<'a> {
    dispute: &'a Dispute,
    /// The digest of the layer.
    layer: String,
    /// `None` if a later layer removes the entry.
    entry: Option<RootEntry>,
}

impl<'a> Place<'a> {
    fn new(dispute: &'a Dispute, root: &MergedRoot<'_>, layers: &[Descriptor]) -> Place<'a> {
        let layer = layer_name(dispute.layer, layers);
        Place { dispute, layer, entry: root.view.lookup_link(&dispute.path).ok() }
    }

    /// Returns the path with links resolved; the layer's own path if the image does not show the entry.
    fn path(&self) -> String {
        match &self.entry {
            Some(entry) => entry.path.clone(),
            None => in_root(&self.dispute.path),
        }
    }

    /// Returns whether the entry may decide if the image starts.
    fn matters(&self, root: &MergedRoot<'_>) -> bool {
        let Some(entry) = &self.entry else { return self.is_refused() };
        match self.dispute.difference {
            // Attributes of overlayfs replace the content of a directory or file.
            Difference::TrustedAttribute => {
                root.has_looked_up(&entry.path) || root.has_looked_below(&entry.path)
            }
            // An entry of a later layer describes the directory anew, for all engines.
            Difference::ImpliedDirectory => {
                entry.layer <= self.dispute.layer && root.has_looked_up(&entry.path)
            }
            // Until a later layer replaces the directory.
            Difference::LinkReplaced => entry.kind == EntryKind::Dir,
            _ => self.is_refused(),
        }
    }

    /// Returns whether an engine refuses the layer, whatever later layers have.
    fn is_refused(&self) -> bool {
        matches!(self.dispute.difference, Difference::Refused | Difference::RefusedByPodman)
    }

    /// Returns the code, the message and the remedy.
    fn texts(&self) -> (Code, String, &'static str) {
        let (path, layer) = (self.path(), &self.layer);
        match self.dispute.difference {
            Difference::RefusedByPodman => (
                codes::REFUSED_BY_ONE_ENGINE,
                format!(
                    "podman refuses the layer {layer}, because the symbolic link {path} has an extended attribute of the name space `user`; \
                     containerd and Docker start the image."
                ),
                "Build the layer again without extended attributes of links.",
            ),
            Difference::TrustedAttribute => (
                codes::ENGINES_DIFFER,
                format!(
                    "The entry {path} of the layer {layer} has an extended attribute of the name space `trusted`: Docker and podman keep it, so \
                     that overlayfs may show other files there, and containerd omits it."
                ),
                "Build the layer again without such attributes; remove files of lower layers by whiteouts.",
            ),
            Difference::ImpliedDirectory => (
                codes::DIRECTORY_DIFFERS,
                format!(
                    "The layer {layer} has files in {path} but no entry of the directory: containerd keeps {}, Docker and podman give it to \
                     root with the mode 0755.",
                    self.entry.as_ref().map_or_else(|| "its owner and mode".to_owned(), owner_and_mode)
                ),
                "Add an entry of the directory to the layer, with its owner and mode.",
            ),
            Difference::LinkReplaced => (
                codes::LINK_REPLACED,
                format!(
                    "The layer {layer} has entries below {path}, which is a link in a lower layer, but no entry of the directory: with the usual \
                     storage `overlay` a directory takes the place of the link, and what the link leads to is not seen there; with `vfs` the entries \
                     go where the link leads."
                ),
                "Let the layer have its files where the link leads.",
            ),
            _ => (
                codes::ENGINES_DIFFER,
                format!(
                    "Docker and podman refuse the layer {layer} because of its entry {path}, and containerd starts the image: the layer has the \
                     name twice, removes its own entry, or has the entry below a link whose target it lacks."
                ),
                "Build the layer again with each name once, and with entries below directories instead of links.",
            ),
        }
    }
}

/// Returns the path of an entry as one in the image.
fn in_root(path: &str) -> String {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    format!("/{}", parts.collect::<Vec<_>>().join("/"))
}

/// Returns the digest of a layer, by which a reader finds it.
fn layer_name(number: u32, layers: &[Descriptor]) -> String {
    layers.get(number as usize).map_or_else(|| number.to_string(), |layer| layer.digest.to_string())
}

fn owner_and_mode(entry: &RootEntry) -> String {
    format!("the owner {}:{} and the mode {:04o}", entry.uid, entry.gid, entry.mode)
}

/// Returns the finding about entries of one difference; `None` if there are none.
fn finding(places: &[Place<'_>], target: &Target) -> Option<Finding> {
    let first = places.first()?;
    let (code, message, help) = first.texts();
    let mut finding = Finding::new(code, target.name(), &first.path(), message).with_help(help);
    for place in places.iter().take(MAX_NAMED) {
        finding = finding.with_evidence(format!("layer {}", place.layer), place.path());
    }
    if places.len() > MAX_NAMED {
        finding = finding.with_evidence("further entries", (places.len() - MAX_NAMED).to_string());
    }
    Some(finding)
}
