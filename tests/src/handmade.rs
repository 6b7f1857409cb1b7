//! Images made of a few entries and any configuration, as archives that every engine loads.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tar::EntryType;

use crate::fixture::write;
use crate::layout::sha256;

/// An entry of an image's only layer.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The path, without a leading slash.
    pub path: String,
    /// The permission bits.
    pub mode: u32,
    /// The numeric owner and group.
    pub owner: u32,
    /// The kind of the entry.
    pub kind: EntryKind,
}

/// The kind of an entry.
#[derive(Debug, Clone)]
pub enum EntryKind {
    /// A regular file with its content.
    File(Vec<u8>),
    /// A directory.
    Directory,
    /// A symbolic link with its target.
    Link(String),
}

/// An image for linux/amd64.
#[derive(Debug, Clone)]
pub struct Image {
    /// The repository below `docker.io/t/`; its tag is `latest`.
    pub name: String,
    /// The entries of its layer, in order.
    pub entries: Vec<Entry>,
    /// The document of its configuration, to which the layer is added.
    pub configuration: Value,
    /// The platform in the index; `None` leaves it out.
    pub platform: Option<Value>,
}

impl Image {
    /// Writes an OCI layout that also holds docker's `manifest.json`, as an archive.
    pub fn archive(&self, to: &Path) -> PathBuf {
        let layer = tar(&self.entries);
        let digest = sha256(&layer);
        let mut configuration = self.configuration.clone();
        configuration["rootfs"] = json!({ "type": "layers", "diff_ids": [digest] });
        let configuration = configuration.to_string().into_bytes();
        let config = sha256(&configuration);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": configuration.len(),
            },
            "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": layer.len() }],
        });
        let manifest = manifest.to_string().into_bytes();
        let mut descriptor = json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": sha256(&manifest), "size": manifest.len(),
            "annotations": {
                "org.opencontainers.image.ref.name": "latest",
                "io.containerd.image.name": format!("docker.io/t/{}:latest", self.name),
            },
        });
        if let Some(platform) = &self.platform {
            descriptor["platform"] = platform.clone();
        }
        let index = json!({ "schemaVersion": 2, "manifests": [descriptor] });
        let blob = |digest: &str| format!("blobs/sha256/{}", &digest[7..]);
        let docker = json!([{
            "Config": blob(&config), "RepoTags": [format!("t/{}:latest", self.name)], "Layers": [blob(&digest)],
        }]);
        let manifest_blob = blob(&sha256(&manifest));
        let files = [
            ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
            ("index.json".to_owned(), index.to_string().into_bytes()),
            ("manifest.json".to_owned(), docker.to_string().into_bytes()),
            (blob(&digest), layer),
            (blob(&config), configuration),
            (manifest_blob, manifest),
        ];
        let files = files.map(|(path, content)| Entry {
            path,
            mode: 0o644,
            owner: 0,
            kind: EntryKind::File(content),
        });
        let archive = to.join(format!("{}.tar", self.name));
        write(&archive, tar(&files));
        archive
    }
}

/// Returns a tar of entries (POSIX ustar). Names have at most 100 bytes.
fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for entry in entries {
        let (kind, link, content): (_, _, &[u8]) = match &entry.kind {
            EntryKind::File(content) => (EntryType::Regular, "", content),
            EntryKind::Directory => (EntryType::Directory, "", &[]),
            EntryKind::Link(target) => (EntryType::Symlink, target.as_str(), &[]),
        };
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..entry.path.len()].copy_from_slice(entry.path.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(entry.mode);
        header.set_uid(entry.owner.into());
        header.set_gid(entry.owner.into());
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, content).expect("a vector takes any bytes");
    }
    tar.into_inner().expect("a vector takes any bytes")
}
