//! The base image, `base`: one that is built in, one of a registry, or one in a layout of the project.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_dockerfile::render;
use crossdock_fs::is_marked_output;
use crossdock_oci::RegistryReference;
use crossdock_platform::nearest;
use serde::{Serialize, Serializer};

use super::resolver::directory_in_project;
use crate::boundary::project_boundary;

/// The image to which the programs are added.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Base {
    /// Built in: CA certificates, `passwd` and `group` with a numeric non-root user, and /tmp.
    Static,
    /// Built in: an empty image.
    Scratch,
    /// Another image, whose layers are taken as they are.
    Image(BaseImage),
}

/// A base image that is not built in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum BaseImage {
    /// An image of a registry, with a tag or a digest.
    Registry(RegistryReference),
    /// An image of an OCI image layout, `oci:DIRECTORY` or `oci:DIRECTORY:NAME`.
    Layout {
        /// The directory as written.
        text: String,
        /// The directory. Absolute.
        directory: Utf8PathBuf,
        /// The image's name in the layout; `None` for the only image.
        name: Option<String>,
    },
}

/// References with a tag that are proposed for a repository without one. The tags are those of Docker's and distroless's
/// current releases.
const PROPOSALS: [(&str, &str); 5] = [
    ("alpine", "alpine:3.22"),
    ("debian", "debian:trixie-slim"),
    ("ubuntu", "ubuntu:24.04"),
    ("busybox", "busybox:1.37"),
    ("gcr.io/distroless/static-debian13", "gcr.io/distroless/static-debian13:nonroot"),
];

impl Base {
    /// Returns the base image; `None` if it is built in.
    pub fn image(&self) -> Option<&BaseImage> {
        match self {
            Self::Image(image) => Some(image),
            Self::Static | Self::Scratch => None,
        }
    }

    /// Parses a base. Paths are relative to `directory`.
    pub(super) fn parse(text: &str, directory: &Utf8Path) -> Result<Self, String> {
        match text {
            "static" => return Ok(Self::Static),
            "scratch" => return Ok(Self::Scratch),
            _ => {}
        }
        if let Some(place) = text.strip_prefix("oci:") {
            return layout(place, directory).map(Self::Image);
        }
        let reference = text.strip_prefix("docker://").unwrap_or(text);
        let reference: RegistryReference = reference.parse().map_err(|error| format!("{error}"))?;
        if reference.tag.is_none() && reference.digest.is_none() {
            return Err(without_tag(reference.repository.as_str()));
        }
        Ok(Self::Image(BaseImage::Registry(reference)))
    }
}

/// Returns the error for a name without a tag, which proposes one.
fn without_tag(name: &str) -> String {
    let is_word = |base: &&render::Base| base.to_string() == name;
    if let Some(word) = render::Base::ALL.iter().find(is_word).filter(|_| name != "alpine") {
        return format!(
            "`{word}` is a base of Dockerfiles, `[image.NAME.dockerfile] base`; name an image with its tag here, such as \
             `debian:trixie-slim`"
        );
    }
    if let Some(meant) = nearest(name, ["static", "scratch"]) {
        return format!("`{name}` has no tag; did you mean `{meant}`?");
    }
    match PROPOSALS.iter().find(|(repository, _)| *repository == name) {
        Some((_, proposal)) => format!("`{name}` has no tag: write `{proposal}`"),
        None => {
            format!("`{name}` has neither a tag nor a digest: write `{name}:TAG`, such as `{name}:latest`")
        }
    }
}

fn layout(place: &str, directory: &Utf8Path) -> Result<BaseImage, String> {
    // As in skopeo's names, the path ends at the first colon.
    let (path, name) = place.split_once(':').map_or((place, None), |(path, name)| (path, Some(name)));
    if path.is_empty() || name.is_some_and(str::is_empty) {
        return Err(format!("`oci:{place}` is incomplete: write `oci:DIRECTORY` or `oci:DIRECTORY:NAME`"));
    }
    let absolute = directory_in_project(directory, path)?;
    let boundary = project_boundary(directory);
    let is_output = |above: &Utf8Path| is_marked_output(above.as_std_path()).unwrap_or(false);
    if absolute.ancestors().skip(1).take_while(|above| above.starts_with(boundary)).any(is_output) {
        return Err(format!(
            "`{path}` is crossdock's own output, which no build reads: copy the layout elsewhere"
        ));
    }
    Ok(BaseImage::Layout { text: path.to_owned(), directory: absolute, name: name.map(str::to_owned) })
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static => f.write_str("static"),
            Self::Scratch => f.write_str("scratch"),
            Self::Image(image) => image.fmt(f),
        }
    }
}

impl fmt::Display for BaseImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => reference.fmt(f),
            Self::Layout { text, name, .. } => {
                write!(f, "oci:{text}")?;
                name.iter().try_for_each(|name| write!(f, ":{name}"))
            }
        }
    }
}

/// As text, such as `static` or `alpine:3.22`.
impl Serialize for Base {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_word_a_reference_or_a_layout() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let pinned = format!("alpine:3.22@{digest}");
        for text in
            ["static", "scratch", "alpine:3.22", &pinned, "r.example:5000/a/b:1", "oci:base", "oci:a/b:v1"]
        {
            assert_eq!(Base::parse(text, "/p".into()).unwrap().to_string(), text);
        }
        assert_eq!(Base::parse("docker://alpine:3", "/p".into()).unwrap().to_string(), "alpine:3");
        for (text, part) in [
            ("alpine", "write `alpine:3.22`"),
            ("debian-slim", "`[image.NAME.dockerfile] base`"),
            ("distroless-cc", "`[image.NAME.dockerfile] base`"),
            ("statik", "did you mean `static`?"),
            ("registry.example/team/base", "write `registry.example/team/base:TAG`"),
            ("Alpine:3", "capital"),
            ("alpine:3 22", "3 22"),
            ("oci:", "incomplete"),
            ("oci:base:", "incomplete"),
            ("oci:/base", "absolute"),
            ("", "empty"),
        ] {
            let error = Base::parse(text, "/p".into()).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
