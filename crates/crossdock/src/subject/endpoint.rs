//! The names of places of images.

use std::fmt;
use std::str::FromStr;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_oci::{Digest, RegistryReference};

use crate::destination::path_and_name;
use crate::error::{Error, ErrorKind, usage};
use crossdock_runner::plan::LoadEngine;

/// A place of an image. A name in a layout or an archive is a tag or `REPOSITORY:TAG`. A text without a transport is a
/// reference in a registry.
///
/// | text | place |
/// |---|---|
/// | `docker://REFERENCE` | a registry |
/// | `oci:DIRECTORY[:NAME]` | an image layout |
/// | `oci-archive:FILE[:NAME]` | an image layout in a tar |
/// | `docker-archive:FILE[:NAME]` | an archive as `docker save` writes it |
/// | `docker-daemon:NAME[:TAG]`, `docker-daemon:ID` | the store of docker's server |
/// | `podman:NAME[:TAG]`, `containers-storage:NAME[:TAG]` | podman's store |
///
/// ```
/// use crossdock::subject::Endpoint;
/// let layout: Endpoint = "oci:build/image:1.0".parse()?;
/// assert_eq!(layout.to_string(), "oci:build/image:1.0");
/// assert_eq!("app:1.0".parse::<Endpoint>()?.to_string(), "docker://app:1.0");
/// assert_eq!("docker-daemon:app".parse::<Endpoint>()?.to_string(), "docker-daemon:app:latest");
/// # Ok::<(), crossdock::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// An image in a registry.
    Registry(RegistryReference),
    /// An image in a layout.
    Layout {
        /// The directory.
        directory: Utf8PathBuf,
        /// The tag or the full name in the layout; `None` if it has one image.
        name: Option<String>,
    },
    /// An image in an archive.
    Archive {
        /// The file.
        file: Utf8PathBuf,
        /// The tag or the full name in the archive; `None` if it has one image.
        name: Option<String>,
        /// The form that is written. Reading tells the form of a file by its content.
        form: ArchiveForm,
    },
    /// An image in the store of a container engine.
    Engine {
        /// The engine.
        engine: LoadEngine,
        /// Its name with a tag or a digest, or its ID.
        name: String,
    },
}

/// The form of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArchiveForm {
    /// An image layout in a tar, which keeps every byte.
    Oci,
    /// As `docker save` writes it: the image of one platform, by its ID.
    Docker,
}

impl ArchiveForm {
    /// Returns the transport's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oci => "oci-archive",
            Self::Docker => "docker-archive",
        }
    }
}

/// A subject of a command that takes programs too: a path, or an image of a transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A layout, an archive or a program, which the content of the path tells.
    Path(Utf8PathBuf),
    /// An image.
    Image(Endpoint),
}

/// The transports of skopeo and other tools that crossdock does not have.
const OTHERS: [&str; 9] =
    ["dir:", "sif:", "ostree:", "atomic:", "tarball:", "oci-layout:", "oci-dir:", "ocidir:", "containerd:"];

/// The forms that a subject can have, for hints.
const FORMS: &str = "use `docker://REFERENCE`, `oci:DIRECTORY[:NAME]`, `oci-archive:FILE[:NAME]`, \
                     `docker-archive:FILE[:NAME]`, `docker-daemon:NAME:TAG` or `podman:NAME:TAG`";

impl Subject {
    /// Parses a subject: a text with a transport is an image. Without one it is the path of something that exists in
    /// `directory`, else a reference that names its registry's host, else a path.
    ///
    /// # Errors
    /// The text is empty, the name after a transport is invalid, or the transport is unknown.
    pub fn parse(directory: &Utf8Path, text: &str) -> Result<Self, Error> {
        check_empty(text)?;
        if let Some(endpoint) = of_transport(text)? {
            return Ok(Self::Image(endpoint));
        }
        let has_host = |reference: &RegistryReference| reference.repository.host().is_some();
        if !is_path(directory, text)
            && let Some(reference) = text.parse::<RegistryReference>().ok().filter(has_host)
        {
            return Ok(Self::Image(Endpoint::Registry(reference)));
        }
        Ok(Self::Path(text.into()))
    }
}

/// Refuses an empty name: joined to a directory, it would be that directory.
fn check_empty(text: &str) -> Result<(), Error> {
    match text.trim().is_empty() {
        false => Ok(()),
        true => {
            let message = "the name of an image is empty; is a variable of the shell unset?";
            Err(Error::from_message(ErrorKind::Usage, message))
        }
    }
}

/// Returns whether a text is a path: `./app` and `../app` are, and `..` cannot be a host.
fn is_path(directory: &Utf8Path, text: &str) -> bool {
    text.starts_with(['.', '/']) || directory.join(text).exists()
}

impl Endpoint {
    /// Finds an image by its name: of a transport, else as the path of a layout or an archive in `directory`, else as a
    /// reference in a registry.
    ///
    /// # Errors
    /// The text is neither.
    pub fn find(directory: &Utf8Path, text: &str) -> Result<Self, Error> {
        check_empty(text)?;
        if let Some(endpoint) = of_transport(text)? {
            return Ok(endpoint);
        }
        if is_path(directory, text) {
            return Ok(Self::of_path(directory, text.into()));
        }
        text.parse()
    }

    /// Returns the layout or archive at a path.
    pub(crate) fn of_path(directory: &Utf8Path, path: Utf8PathBuf) -> Self {
        match directory.join(&path).is_dir() {
            true => Self::Layout { directory: path, name: None },
            false => Self::Archive { file: path, name: None, form: ArchiveForm::Oci },
        }
    }

    /// Returns the path of a layout or an archive.
    pub(crate) fn path(&self) -> Option<&Utf8Path> {
        match self {
            Self::Registry(_) | Self::Engine { .. } => None,
            Self::Layout { directory, .. } => Some(directory),
            Self::Archive { file, .. } => Some(file),
        }
    }

    /// Returns the tag or full name in a layout or an archive.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Registry(_) | Self::Engine { .. } => None,
            Self::Layout { name, .. } | Self::Archive { name, .. } => name.as_deref(),
        }
    }
}

/// Parses a text with a transport; `None` if it has none.
fn of_transport(text: &str) -> Result<Option<Endpoint>, Error> {
    let file = |rest: &str, form| {
        let (file, name) = path_and_name(rest);
        Endpoint::Archive { file: file.into(), name: name.map(str::to_owned), form }
    };
    if let Some(reference) = text.strip_prefix("docker://") {
        return Ok(Some(Endpoint::Registry(reference.parse().map_err(usage)?)));
    }
    let Some((transport, rest)) = text.split_once(':') else { return Ok(None) };
    let endpoint = match transport {
        "oci" => {
            let (directory, name) = path_and_name(rest);
            Endpoint::Layout { directory: directory.into(), name: name.map(str::to_owned) }
        }
        "oci-archive" => file(rest, ArchiveForm::Oci),
        "docker-archive" => file(rest, ArchiveForm::Docker),
        "docker-daemon" => stored(LoadEngine::Docker, rest).map_err(|error| error.at(text))?,
        "podman" | "containers-storage" => {
            stored(LoadEngine::Podman, rest).map_err(|error| error.at(text))?
        }
        _ => {
            return match OTHERS.iter().find(|other| text.starts_with(**other)) {
                None => Ok(None),
                Some(other) => {
                    let message = format!("`{other}` is a transport that crossdock does not have");
                    Err(Error::from_message(ErrorKind::Usage, message).hint(FORMS))
                }
            };
        }
    };
    if endpoint.path().is_some_and(|path| path.as_str().is_empty()) {
        let message = format!("`{text}` names no path");
        return Err(Error::from_message(ErrorKind::Usage, message).hint(FORMS));
    }
    Ok(Some(endpoint))
}

/// Returns an image in an engine's store. Without a tag it is `latest`: `docker save NAME` would take every tag.
fn stored(engine: LoadEngine, text: &str) -> Result<Endpoint, Error> {
    if let Some(rest) = text.strip_prefix("//") {
        return Err(Error::from_message(ErrorKind::Usage, "the name of an image in an engine has no `//`")
            .hint(format!("write `{}`", Endpoint::Engine { engine, name: rest.to_owned() })));
    }
    if text.starts_with('[') {
        let message =
            "a store in brackets is for skopeo; crossdock asks `podman`, which has its own settings";
        return Err(Error::from_message(ErrorKind::Usage, message)
            .hint("set CONTAINERS_STORAGE_CONF to the configuration of another store"));
    }
    if is_id(text) {
        return Ok(Endpoint::Engine { engine, name: text.to_owned() });
    }
    let reference: RegistryReference = text.parse().map_err(usage)?;
    let name = match reference.tag_or_latest() {
        Some(tag) if reference.digest.is_none() => format!("{}:{tag}", reference.repository),
        _ => reference.to_string(),
    };
    Ok(Endpoint::Engine { engine, name })
}

/// Returns whether a text is an ID: a digest, or the part of it that `docker images` shows.
pub(crate) fn is_id(text: &str) -> bool {
    text.parse::<Digest>().is_ok()
        || (12..=64).contains(&text.len())
            && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => write!(f, "docker://{reference}"),
            Self::Layout { directory, .. } => write!(f, "oci:{directory}"),
            Self::Archive { file, form, .. } => write!(f, "{}:{file}", form.as_str()),
            Self::Engine { engine: LoadEngine::Docker, name } => write!(f, "docker-daemon:{name}"),
            Self::Engine { engine: LoadEngine::Podman, name } => write!(f, "podman:{name}"),
        }?;
        self.name().iter().try_for_each(|name| write!(f, ":{name}"))
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(endpoint) = of_transport(text)? {
            return Ok(endpoint);
        }
        let reference = text.parse::<RegistryReference>().map_err(usage);
        let is_path = text.starts_with(['.', '/']);
        Ok(Self::Registry(reference.map_err(|error| match is_path {
            true => {
                error.hint(format!("name a layout as `oci:{text}`, or an archive as `oci-archive:{text}`"))
            }
            false => error,
        })?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_skopeo_reads_them() {
        let digest = Digest::of(b"x");
        for (text, shown) in [
            ("app:1.0", "docker://app:1.0"),
            ("docker://registry.example:5000/team/app", "docker://registry.example:5000/team/app"),
            // An image of Docker Hub.
            ("docker:27", "docker://docker:27"),
            ("oci:a/b", "oci:a/b"),
            ("oci:/a:registry.example:5000/app:v1", "oci:/a:registry.example:5000/app:v1"),
            ("oci-archive:a.tar:v1", "oci-archive:a.tar:v1"),
            ("docker-archive:a.tar", "docker-archive:a.tar"),
            ("docker-daemon:app", "docker-daemon:app:latest"),
            ("docker-daemon:registry.example:5000/app", "docker-daemon:registry.example:5000/app:latest"),
            ("docker-daemon:0123456789ab", "docker-daemon:0123456789ab"),
            (&format!("docker-daemon:{digest}"), &format!("docker-daemon:{digest}")),
            (&format!("podman:app@{digest}"), &format!("podman:app@{digest}")),
            ("containers-storage:localhost/app:1", "podman:localhost/app:1"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), shown, "{text}");
        }
        for (text, part) in [
            ("dir:a", "`dir:`"),
            ("oci:", "names no path"),
            ("oci::v1", "names no path"),
            ("docker-archive:", "names no path"),
            ("docker-daemon:", "empty"),
            ("docker-daemon:--output", "--output"),
            ("docker-daemon://app:1", "write `docker-daemon:app:1`"),
            ("podman:App", "capital letter"),
            ("containers-storage:[vfs@/x]app", "CONTAINERS_STORAGE_CONF"),
            ("./layout", "name a layout as `oci:./layout`"),
        ] {
            let message = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn a_subject_is_a_path_unless_it_names_a_host_or_a_transport() {
        let temporary = tempfile::tempdir().unwrap();
        let here = Utf8Path::from_path(temporary.path()).unwrap();
        std::fs::create_dir_all(here.join("registry.example/app")).unwrap();
        for path in ["registry.example/app", "./a.example/app", "../a.example/app", "app", "app:1"] {
            assert_eq!(Subject::parse(here, path).unwrap(), Subject::Path(path.into()));
        }
        for image in ["registry.example/other", "localhost/app:1", "docker-daemon:app", "oci:app"] {
            assert!(matches!(Subject::parse(here, image).unwrap(), Subject::Image(_)), "{image}");
        }
        assert!(Subject::parse(here, "").is_err() && Endpoint::find(here, " ").is_err());
        assert_eq!(
            Endpoint::find(here, "registry.example/app").unwrap().to_string(),
            "oci:registry.example/app"
        );
        assert_eq!(Endpoint::find(here, "app:1").unwrap().to_string(), "docker://app:1");
    }
}
