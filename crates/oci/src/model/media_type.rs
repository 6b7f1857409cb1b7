//! The media types that crossdock writes, and Docker's equivalents, which it reads too (image-spec, media-types.md
//! § Compatibility Matrix).

/// An OCI image index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An OCI image manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI image configuration.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A layer as a plain tar.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// A layer as a tar compressed with gzip.
pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// A layer as a tar compressed with zstd.
pub const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// Docker's manifest list, its form of an index.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's image configuration.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// Docker's layer, a plain tar.
pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
/// Docker's layer, a tar compressed with gzip.
pub const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// Returns whether `media_type` is that of an index, OCI's or Docker's.
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, INDEX | DOCKER_INDEX)
}

/// Returns whether `media_type` is that of an image manifest, OCI's or Docker's.
pub fn is_manifest(media_type: &str) -> bool {
    matches!(media_type, MANIFEST | DOCKER_MANIFEST)
}

/// Returns OCI's media type for a layer, whose bytes are the same in Docker's form; `None` for anything else, and for a layer that
/// only some registries distribute. Docker's own name for zstd is of its image store.
pub fn oci_layer(media_type: &str) -> Option<&'static str> {
    match media_type {
        LAYER | DOCKER_LAYER => Some(LAYER),
        LAYER_GZIP | DOCKER_LAYER_GZIP => Some(LAYER_GZIP),
        LAYER_ZSTD | "application/vnd.docker.image.rootfs.diff.tar.zstd" => Some(LAYER_ZSTD),
        _ => None,
    }
}

/// Returns Docker's media type for a layer; `None` for one that its manifests do not name, as with zstd.
pub fn docker_layer(media_type: &str) -> Option<&'static str> {
    match oci_layer(media_type)? {
        LAYER => Some(DOCKER_LAYER),
        LAYER_GZIP => Some(DOCKER_LAYER_GZIP),
        _ => None,
    }
}
