//! The places in which credentials are looked for, in order.

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_system::environment::Environment;

use super::Secret;

/// The places of credentials, the first one first.
///
/// 1. The file that is given, such as by an option of the command line. No other place is searched.
/// 2. `REGISTRY_AUTH_FILE`, as podman and skopeo do. Files that are not named explicitly are then not searched.
/// 3. `DOCKER_AUTH_CONFIG`, whose value is the content of a file, as docker (from 28.3) and GitLab's runner do.
/// 4. `$XDG_RUNTIME_DIR/containers/auth.json` and `$XDG_CONFIG_HOME/containers/auth.json`, of podman and skopeo.
/// 5. `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`, of docker.
/// 6. `~/.dockercfg`, of docker before 1.7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    pub(super) places: Vec<Place>,
    /// The file that a new credential goes to.
    pub(super) written: Option<Written>,
}

/// A place that may have credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A file, and whether its absence is an error.
    File { path: Utf8PathBuf, format: Format, needed: Needed },
    /// The content of a file, in a variable.
    Variable { name: &'static str, content: Secret },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Config,
    Dockercfg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needed {
    /// A person named the file.
    Yes,
    No,
}

/// The file that a login writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) path: Utf8PathBuf,
    /// Docker Hub's key in this file: docker and podman look for different ones.
    pub(super) hub_key: &'static str,
}

impl Search {
    /// Returns the places that an environment names. `file` is the one that is given.
    pub fn new(environment: &Environment, file: Option<&Utf8Path>) -> Self {
        let named = |path: &Utf8Path| Self::named(&environment.directory.join(path));
        let docker_auth_config = environment
            .get("DOCKER_AUTH_CONFIG")
            .map(|content| Place::Variable { name: "DOCKER_AUTH_CONFIG", content: Secret::new(content) });
        match (file, environment.get("REGISTRY_AUTH_FILE")) {
            (Some(file), _) => named(file),
            (None, Some(file)) => {
                let mut search = named(Utf8Path::new(file));
                search.places.extend(docker_auth_config);
                search
            }
            (None, None) => Self::usual(environment, docker_auth_config),
        }
    }

    fn named(path: &Utf8Path) -> Self {
        let place = Place::File { path: path.to_owned(), format: Format::Config, needed: Needed::Yes };
        Self { places: vec![place], written: Some(Written { path: path.to_owned(), hub_key: "docker.io" }) }
    }

    fn usual(environment: &Environment, variable: Option<Place>) -> Self {
        let absolute = |path: &str| environment.directory.join(path);
        let home = environment.home();
        let runtime = match environment.get("XDG_RUNTIME_DIR") {
            Some(directory) => Some(absolute(directory)),
            // podman's, without a session: as root in a container or a pipeline.
            None => environment.user.map(|user| format!("/run/containers/{user}").into()),
        };
        let runtime = runtime.map(|directory| match environment.get("XDG_RUNTIME_DIR") {
            Some(_) => directory.join("containers/auth.json"),
            None => directory.join("auth.json"),
        });
        let config = environment.get("XDG_CONFIG_HOME").map(absolute).or_else(|| Some(home?.join(".config")));
        let docker = environment.get("DOCKER_CONFIG").map(absolute).or_else(|| Some(home?.join(".docker")));
        let docker = docker.map(|directory| directory.join("config.json"));
        let files = [
            (runtime, Format::Config),
            (config.map(|directory| directory.join("containers/auth.json")), Format::Config),
            (docker.clone(), Format::Config),
            (home.map(|home| home.join(".dockercfg")), Format::Dockercfg),
        ];
        let files = files
            .into_iter()
            .filter_map(|(path, format)| Some(Place::File { path: path?, format, needed: Needed::No }));
        Self {
            places: variable.into_iter().chain(files).collect(),
            written: docker.map(|path| Written { path, hub_key: super::key::HUB_URL }),
        }
    }
}
