//! Where an image is, in the words of containers-transports(5): `oci:DIRECTORY[:NAME]`, `oci-archive:FILE[:NAME]`.

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_oci::{Reference, Repository, Tag};

use crate::destination::path_and_name;
use crate::error::{Error, ErrorKind, usage};

/// A layout or archive, and one of its images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    /// As it was named.
    pub(crate) text: String,
    /// The directory or file. Absolute.
    pub(crate) path: Utf8PathBuf,
    /// The tag or full name of the image; `None` if the place holds only one.
    pub(crate) name: Option<String>,
}

const TRANSPORTS: [&str; 2] = ["oci", "oci-archive"];

impl Location {
    /// Parses a source relative to a directory.
    pub(crate) fn parse(directory: &Utf8Path, text: &str) -> Result<Self, Error> {
        let text = text.to_owned();
        let (path, name) = match transport(&text) {
            Some((transport, rest)) if TRANSPORTS.contains(&transport) => path_and_name(rest),
            _ if directory.join(&text).exists() => (text.as_str(), None),
            _ => {
                let message = format!("source `{text}` is neither an existing path nor of a known transport");
                let hint = "name an image layout as `oci:DIRECTORY`, an archive as `oci-archive:FILE`, an image in an engine as \
                            `docker-daemon:NAME`, or one in a registry as `REPOSITORY@sha256:…`";
                return Err(Error::from_message(ErrorKind::Usage, message).hint(hint));
            }
        };
        Ok(Self { path: directory.join(path), name: name.map(str::to_owned), text })
    }
}

/// Returns the directory of the layout to write, and the name of the image in it.
pub(crate) fn target(directory: &Utf8Path, text: &str) -> Result<(Utf8PathBuf, Option<Reference>), Error> {
    let Some(("oci", rest)) = transport(text) else {
        let message = format!("the index cannot be written to `{text}`");
        let hint = "name an image layout, as `oci:DIRECTORY:TAG`";
        return Err(Error::from_message(ErrorKind::Usage, message).hint(hint));
    };
    let (path, name) = path_and_name(rest);
    let path = directory.join(path);
    let name = match name {
        Some(name) if name.contains(['/', ':']) => Some(name.parse::<Reference>().map_err(usage)?),
        Some(tag) => {
            Some(Reference { repository: repository(&path)?, tag: tag.parse::<Tag>().map_err(usage)? })
        }
        None => None,
    };
    Ok((path, name))
}

/// Returns the repository of an image that is named only by its tag: the name of its layout, as `dist` gives it.
fn repository(layout: &Utf8Path) -> Result<Repository, Error> {
    let name = layout.file_name().unwrap_or_default();
    name.parse::<Repository>()
        .map_err(|error| usage(error).hint("name the image in full: `oci:DIRECTORY:REPOSITORY:TAG`"))
}

fn transport(text: &str) -> Option<(&str, &str)> {
    text.split_once(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_read_as_skopeo_reads_them() {
        for (text, path, name) in [
            ("oci:a/b", "/w/a/b", None),
            ("oci:/a:v1", "/a", Some("v1")),
            ("oci:a:registry.example:5000/team/app:v1", "/w/a", Some("registry.example:5000/team/app:v1")),
            ("oci-archive:a.tar:v1", "/w/a.tar", Some("v1")),
        ] {
            let parsed = Location::parse("/w".into(), text).unwrap();
            assert_eq!((parsed.path.as_str(), parsed.name.as_deref()), (path, name), "{text}");
        }
        for text in ["nowhere", "docker://registry.example/app", "dir:a"] {
            Location::parse("/w".into(), text).unwrap_err();
        }
    }

    #[test]
    fn the_index_is_named_as_dist_names_images() {
        let named = |text: &str| target("/w".into(), text).map(|(_, name)| name.map(|name| name.to_string()));
        assert_eq!(named("oci:out/hello:v1").unwrap().as_deref(), Some("hello:v1"));
        assert_eq!(named("oci:out:team/app:v1").unwrap().as_deref(), Some("team/app:v1"));
        assert_eq!(named("oci:out").unwrap(), None);
        for text in
            ["oci:Out/Hello:v1", "oci:out:v 1", "oci:out:", "registry.example/app:v1", "oci-archive:a.tar"]
        {
            named(text).unwrap_err();
        }
    }
}
