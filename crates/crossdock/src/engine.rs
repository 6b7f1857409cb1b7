//! The engine that builds, and the options that are passed to it.

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_oci::{ImageSource, Reference, SourceImage};
use crossdock_project::config::grammar::normalized_path;
use crossdock_project::config::{Config, DockerfileInputs, Sourced};
use crossdock_runner::engine::{BaseFrom, Builder, Options, csv, probe};
use crossdock_runner::execute::ExecuteError;
use crossdock_runner::planner::{DockerfileSettings, EngineRequest};
use crossdock_system::environment::Environment;
use crossdock_toolchain::host;

use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::options::{BuildOptions, EngineOptions};

impl Context {
    /// Asks the engine that builds; `None` where crossdock builds itself.
    pub(crate) fn engine(
        &self,
        options: &BuildOptions,
        config: &Config,
    ) -> Result<Option<EngineRequest>, Error> {
        let passed = self.engine_options(&options.engine)?;
        let builder = self.chosen_builder(options, config);
        let Some(builder) = builder.filter(|builder| builder.value != Builder::Embedded) else {
            return match passed.given().first() {
                None => Ok(None),
                Some(option) => Err(usage(format!(
                    "{option} is handed on to a container engine, and crossdock builds this itself: add --builder docker, \
                     podman or buildx"
                ))),
            };
        };
        let mut asked =
            EngineRequest::new(builder, host::machine_name(), passed, dockerfile_settings(config)?);
        // A base that is given takes the place of what the lock file pins.
        let EngineRequest { options, settings, .. } = &mut asked;
        settings.digests.retain(|name, _| !options.base_from.iter().any(|base| base.name == *name));
        self.ask_again(&mut asked);
        // An engine that was interrupted while it was asked says nothing of itself: it is not missing.
        match self.cancel.is_cancelled() {
            true => Err(Error::new(ErrorKind::Interrupted, &ExecuteError::Cancelled)),
            false => Ok(Some(asked)),
        }
    }

    /// Asks the engine, whose answer may have changed.
    pub(crate) fn ask_again(&self, asked: &mut EngineRequest) {
        if let Some(engine) = probe(&asked.builder.value, &self.processes) {
            asked.engine = engine;
        }
    }

    fn chosen_builder(&self, options: &BuildOptions, config: &Config) -> Option<Sourced<Builder>> {
        let chosen = options.builder.clone().or_else(|| self.overrides.builder.clone());
        chosen.or_else(|| config.builder.clone())
    }

    /// Checks each option.
    pub(crate) fn engine_options(&self, given: &EngineOptions) -> Result<Options, Error> {
        let directory = &self.environment.directory;
        let base_from = each(&given.base_from, |text| base_from(&self.environment, text))?;
        refuse_two_of_one_name(&base_from)?;
        let mut options = Options::default();
        options.base_from = base_from;
        options.build_args = each(&given.build_args, build_arg)?;
        options.secrets = each(&given.secrets, |text| secret(directory, text))?;
        options.ssh = each(&given.ssh, |text| not_empty("--ssh", text))?;
        options.cache_from = each(&given.cache_from, |text| not_empty("--cache-from", text))?;
        options.cache_to = each(&given.cache_to, |text| not_empty("--cache-to", text))?;
        Ok(options)
    }
}

/// The user's own templates and the digests of base images.
fn dockerfile_settings(config: &Config) -> Result<DockerfileSettings, Error> {
    let inputs = DockerfileInputs::read(config).map_err(crate::error::usage)?;
    let mut settings = DockerfileSettings::default();
    settings.templates = inputs.templates;
    settings.digests = inputs.digests;
    Ok(settings)
}

fn usage(message: String) -> Error {
    Error::from_message(ErrorKind::Usage, message)
}

fn each<T>(texts: &[String], read: impl Fn(&str) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    texts.iter().map(|text| read(text)).collect()
}

fn not_empty(option: &str, text: &str) -> Result<String, Error> {
    match text.trim() {
        "" => Err(usage(format!("{option} is empty"))),
        _ => Ok(text.to_owned()),
    }
}

fn build_arg(text: &str) -> Result<String, Error> {
    let name = text.split_once('=').map(|(name, _)| name);
    let is_name = |name: &str| {
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    match name {
        Some(name) if is_name(name) => Ok(text.to_owned()),
        _ => Err(usage(format!("--build-arg takes NAME=VALUE, and `{text}` is none"))),
    }
}

/// What a person writes of a secret.
#[derive(Default)]
struct Secret {
    id: Option<String>,
    kind: Option<String>,
    source: Option<String>,
    variable: Option<String>,
}

/// The file's path is made absolute, because the engine's client runs in the project's folder. With `type=env` docker and
/// buildx read `src` as the name of a variable, and podman as that of a file: it is handed on as `env`.
fn secret(directory: &Utf8Path, text: &str) -> Result<String, Error> {
    let secret = read_secret(text)?;
    let Some(id) = secret.id else { return Err(usage(format!("--secret {text}: it has no id"))) };
    let (source, variable) = match secret.kind.as_deref() {
        None | Some("file") => (secret.source, secret.variable),
        Some("env") => (None, secret.variable.or(secret.source).or_else(|| Some(id.clone()))),
        Some(other) => {
            return Err(usage(format!(
                "--secret {text}: `{other}` is no type of a secret: it is file or env"
            )));
        }
    };
    let mut fields = vec![csv::field("id", &id)];
    if let Some(source) = source {
        let file = normalized_path(directory.join(source));
        if !file.is_file() {
            return Err(usage(format!("--secret {text}: there is no file {file}")));
        }
        fields.push(csv::field("src", file.as_str()));
    }
    fields.extend(variable.map(|variable| csv::field("env", &variable)));
    Ok(fields.join(","))
}

fn read_secret(text: &str) -> Result<Secret, Error> {
    let wrong = || usage(format!("--secret takes id=NAME[,src=FILE|,env=VARIABLE], and `{text}` is none"));
    let mut secret = Secret::default();
    for field in csv::fields(text).ok_or_else(wrong)? {
        let (key, value) = field.split_once('=').filter(|(_, value)| !value.is_empty()).ok_or_else(wrong)?;
        let part = match key.to_ascii_lowercase().as_str() {
            "id" => &mut secret.id,
            "src" | "source" => &mut secret.source,
            "env" => &mut secret.variable,
            "type" => &mut secret.kind,
            _ => return Err(usage(format!("--secret {text}: `{key}` is no part of a secret"))),
        };
        *part = Some(value.to_owned());
    }
    Ok(secret)
}

/// `golang:1.26-trixie=oci:PATH` or `…=oci:PATH:TAG`.
fn base_from(environment: &Environment, text: &str) -> Result<BaseFrom, Error> {
    let wrong = || usage(format!("--base-from takes NAME=oci:PATH, and `{text}` is none"));
    let (name, place) = text.split_once('=').ok_or_else(wrong)?;
    let place = place.strip_prefix("oci:").filter(|place| !place.is_empty()).ok_or_else(wrong)?;
    name.parse::<Reference>()
        .map_err(|error| usage(format!("--base-from {text}: `{name}` names no image: {error}")))?;
    let (layout, tag) = layout_and_tag(&environment.directory, place);
    let broken = |error: &dyn std::fmt::Display| {
        Error::from_message(ErrorKind::InputOutput, format!("--base-from {text}: {error}"))
    };
    let source = ImageSource::open(layout.as_std_path(), &environment.temporary_directory())
        .map_err(|error| broken(&error))?;
    let has_tag = |image: &&SourceImage| match &tag {
        Some(tag) => image.names.iter().any(|name| name == tag || name.ends_with(&format!(":{tag}"))),
        None => true,
    };
    let images: Vec<&SourceImage> = source.images().iter().filter(has_tag).collect();
    match images.as_slice() {
        [image] => Ok(BaseFrom {
            name: name.to_owned(),
            digest: image.descriptor.digest,
            layout,
            platforms: image.platforms.iter().map(|found| found.platform().to_string()).collect(),
        }),
        [] => Err(usage(format!("--base-from {text}: {layout} holds no such image"))),
        several => Err(usage(format!(
            "--base-from {text}: {layout} holds {} images; name one as oci:PATH:TAG",
            several.len()
        ))),
    }
}

/// An engine would take one of the two without a word.
fn refuse_two_of_one_name(bases: &[BaseFrom]) -> Result<(), Error> {
    let again = bases.iter().enumerate().find_map(|(place, base)| {
        let earlier = bases[..place].iter().find(|earlier| earlier.name == base.name)?;
        Some((earlier, base))
    });
    match again {
        None => Ok(()),
        Some((earlier, base)) => Err(usage(format!(
            "--base-from {} is given twice, as {} and as {}: an image for several platforms is one layout with an index",
            base.name, earlier.layout, base.layout
        ))),
    }
}

/// A path may hold colons: only what follows the last one, where the whole is no folder, is a tag.
fn layout_and_tag(directory: &Utf8Path, place: &str) -> (Utf8PathBuf, Option<String>) {
    let join = |path: &str| normalized_path(directory.join(path));
    let whole = join(place);
    match place.rsplit_once(':') {
        Some((path, tag)) if !whole.is_dir() => (join(path), Some(tag.to_owned())),
        _ => (whole, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
        result.unwrap_err().message().to_owned()
    }

    #[test]
    fn values_are_checked_before_an_engine_sees_them() {
        assert!(build_arg("A_1=").is_ok());
        for wrong in ["A", "=x", "1A=x", "A B=x", ""] {
            assert!(message(build_arg(wrong)).contains("NAME=VALUE"), "{wrong}");
        }
        let here = Utf8Path::new("/");
        assert_eq!(secret(here, "id=token,env=TOKEN").unwrap(), "id=token,env=TOKEN");
        for text in ["type=env,id=t,src=TOKEN", "id=t,Type=env,env=TOKEN"] {
            assert_eq!(secret(here, text).unwrap(), "id=t,env=TOKEN", "{text}");
        }
        assert_eq!(secret(here, "id=t,type=env").unwrap(), "id=t,env=t");
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        crossdock_fs::write_atomically(folder.join("a,b"), b"x").unwrap();
        assert_eq!(secret(folder, "id=n,\"src=a,b\"").unwrap(), format!("id=n,\"src={folder}/a,b\""));
        assert!(message(secret(here, "id=n,type=stdin")).contains("file or env"));
        assert!(message(secret(here, "id=n,\"src=a")).contains("takes id=NAME"));
        assert!(message(secret(here, "id=n,src=no/such/file")).contains("there is no file /no/such/file"));
        assert!(
            message(secret(here, "src=etc/hostname")).contains("no id")
                || !Utf8Path::new("/etc/hostname").exists()
        );
        assert!(message(secret(here, "token")).contains("takes id=NAME"));
        assert!(message(secret(here, "id=a,tmpfs=1")).contains("`tmpfs`"));
        for wrong in ["golang", "golang=/x", "golang=oci:", "=oci:/x"] {
            assert!(message(base_from(&Environment::default(), wrong)).contains("--base-from"), "{wrong}");
        }
    }

    #[test]
    fn one_name_has_one_base() {
        let base = |name: &str, layout: &str| BaseFrom {
            name: name.to_owned(),
            layout: layout.into(),
            digest: crossdock_oci::Digest::of(b"base"),
            platforms: vec!["linux/amd64".to_owned()],
        };
        assert!(refuse_two_of_one_name(&[base("golang:1", "/a"), base("rust:1", "/a")]).is_ok());
        let twice = message(refuse_two_of_one_name(&[base("golang:1", "/a"), base("golang:1", "/b")]));
        assert!(twice.contains("--base-from golang:1 is given twice, as /a and as /b"), "{twice}");
    }

    #[test]
    fn a_path_with_a_colon_is_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let here = Utf8Path::from_path(folder.path()).unwrap();
        std::fs::create_dir(here.join("a:b")).unwrap();
        assert_eq!(layout_and_tag(here, "a:b"), (here.join("a:b"), None));
        assert_eq!(layout_and_tag(here, "a:b:v1"), (here.join("a:b"), Some("v1".to_owned())));
        assert_eq!(layout_and_tag(here, "base"), (here.join("base"), None));
    }
}
