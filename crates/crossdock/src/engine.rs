//! The container engine that builds, and the options for it.

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
    /// Queries the engine that builds; `None` if crossdock builds itself.
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
                    "{option} is an option for container engines, and crossdock itself builds here: add --builder docker, \
                     podman or buildx"
                ))),
            };
        };
        check_inherited(&self.environment, &passed.build_args)?;
        let mut request =
            EngineRequest::new(builder, host::machine_name(), passed, dockerfile_settings(config)?);
        // A base image given by --base-from replaces the one that the lock file pins.
        let EngineRequest { options, settings, .. } = &mut request;
        settings.digests.retain(|name, _| !options.base_from.iter().any(|base| base.name == *name));
        self.query_engine(&mut request);
        // The query of an engine fails when it is interrupted, which does not mean that the engine is missing.
        if self.cancel.is_cancelled() {
            return Err(Error::new(ErrorKind::Interrupted, &ExecuteError::Cancelled));
        }
        Ok(Some(request))
    }

    /// Updates a request with the engine's present state. The state may have changed since the last query.
    pub(crate) fn query_engine(&self, request: &mut EngineRequest) {
        if let Some(engine) = probe(&request.builder.value, &self.processes) {
            request.engine = engine;
        }
    }

    fn chosen_builder(&self, options: &BuildOptions, config: &Config) -> Option<Sourced<Builder>> {
        let chosen = options.builder.clone().or_else(|| self.overrides.builder.clone());
        chosen.or_else(|| config.builder.clone())
    }

    /// Parses and checks each option.
    pub(crate) fn engine_options(&self, given: &EngineOptions) -> Result<Options, Error> {
        let directory = &self.environment.directory;
        let base_from = each(&given.base_from, |text| base_from(&self.environment, text))?;
        reject_duplicate_names(&base_from)?;
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

/// Reads the project's own templates and the pinned digests of base images.
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

/// Checks a build argument. `NAME` without a value takes that of the environment, which the engine's client reads: it is then
/// in no command line and no file. No message repeats what may be a secret.
fn build_arg(text: &str) -> Result<String, Error> {
    let name = text.split_once('=').map_or(text, |(name, _)| name);
    let is_name = |name: &str| {
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    if !is_name(name) {
        return Err(usage(
            "the name of a build argument must consist of letters, digits and `_`; pass --build-arg NAME=VALUE, or \
             --build-arg NAME for the value of an environment variable"
                .to_owned(),
        ));
    }
    Ok(text.to_owned())
}

/// Refuses a build argument that takes its value from a variable that is not set: engines leave it out silently.
fn check_inherited(environment: &Environment, build_args: &[String]) -> Result<(), Error> {
    match build_args.iter().find(|argument| !argument.contains('=') && !environment.is_set(argument)) {
        Some(name) => Err(usage(format!(
            "--build-arg {name}: the environment has no variable {name}; set it, or pass --build-arg {name}=VALUE"
        ))),
        None => Ok(()),
    }
}

/// The fields of `--secret`.
#[derive(Default)]
struct Secret {
    id: Option<String>,
    kind: Option<String>,
    source: Option<String>,
    variable: Option<String>,
}

/// Returns a secret in the form that all engines read alike. No message repeats more of it than its id: whoever mistakes the
/// syntax may have written the secret itself. The file's path becomes absolute, because the engine's client runs in the
/// project's directory. With `type=env` docker and buildx read `src` as the name of a variable, and
/// podman as that of a file, so a variable is always passed as `env`.
fn secret(directory: &Utf8Path, text: &str) -> Result<String, Error> {
    let secret = read_secret(text)?;
    let Some(id) = secret.id else {
        return Err(usage("a secret has no id; pass --secret id=NAME[,src=FILE|,env=VARIABLE]".to_owned()));
    };
    let (source, variable) = match secret.kind.as_deref() {
        None | Some("file") => (secret.source, secret.variable),
        Some("env") => (None, secret.variable.or(secret.source).or_else(|| Some(id.clone()))),
        Some(_) => {
            return Err(usage(format!("--secret id={id}: unknown type; use type=file or type=env")));
        }
    };
    let mut fields = vec![csv::field("id", &id)];
    if let Some(source) = source {
        let file = normalized_path(directory.join(source));
        if !file.is_file() {
            return Err(usage(format!(
                "--secret id={id}: `src` names no existing file; give its path, relative to {directory} or absolute"
            )));
        }
        fields.push(csv::field("src", file.as_str()));
    }
    fields.extend(variable.map(|variable| csv::field("env", &variable)));
    Ok(fields.join(","))
}

fn read_secret(text: &str) -> Result<Secret, Error> {
    let invalid =
        || usage("a secret has a wrong form; pass --secret id=NAME[,src=FILE|,env=VARIABLE]".to_owned());
    let mut secret = Secret::default();
    for field in csv::fields(text).ok_or_else(invalid)? {
        let (key, value) =
            field.split_once('=').filter(|(_, value)| !value.is_empty()).ok_or_else(invalid)?;
        let part = match key.to_ascii_lowercase().as_str() {
            "id" => &mut secret.id,
            "src" | "source" => &mut secret.source,
            "env" => &mut secret.variable,
            "type" => &mut secret.kind,
            _ => {
                let secret = secret.id.map(|id| format!(" id={id}")).unwrap_or_default();
                return Err(usage(format!("--secret{secret}: unknown key; use id, src, env and type")));
            }
        };
        *part = Some(value.to_owned());
    }
    Ok(secret)
}

/// Parses `NAME=oci:PATH` or `NAME=oci:PATH:TAG`, e.g. `golang:1.26-trixie=oci:base`, and opens the layout.
fn base_from(environment: &Environment, text: &str) -> Result<BaseFrom, Error> {
    let invalid = || usage(format!("`{text}` is not a base image; pass --base-from NAME=oci:PATH"));
    let (name, place) = text.split_once('=').ok_or_else(invalid)?;
    let place = place.strip_prefix("oci:").filter(|place| !place.is_empty()).ok_or_else(invalid)?;
    name.parse::<Reference>()
        .map_err(|error| usage(format!("--base-from {text}: `{name}` is not an image reference: {error}")))?;
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
        [] => Err(usage(format!("--base-from {text}: {layout} does not contain this image"))),
        several => Err(usage(format!(
            "--base-from {text}: {layout} contains {} images; choose one with oci:PATH:TAG",
            several.len()
        ))),
    }
}

/// Rejects two base images of one name: an engine silently takes one of them.
fn reject_duplicate_names(bases: &[BaseFrom]) -> Result<(), Error> {
    let again = bases.iter().enumerate().find_map(|(place, base)| {
        let earlier = bases[..place].iter().find(|earlier| earlier.name == base.name)?;
        Some((earlier, base))
    });
    match again {
        None => Ok(()),
        Some((earlier, base)) => Err(usage(format!(
            "--base-from {} is given twice, as {} and as {}; pass one layout whose index has all platforms",
            base.name, earlier.layout, base.layout
        ))),
    }
}

/// Splits `PATH:TAG`. A path may contain colons, so the part after the last colon is a tag only if the whole is not a
/// directory.
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
    fn options_are_checked_before_an_engine_receives_them() {
        for right in ["A_1=", "A=b=c", "TOKEN"] {
            assert_eq!(build_arg(right).unwrap(), right);
        }
        for wrong in ["=hunter2", "1A=hunter2", "A B=hunter2", "hunter-2", ""] {
            let message = message(build_arg(wrong));
            assert!(message.contains("NAME=VALUE") && !message.contains("hunter"), "{message}");
        }
        let environment = Environment::new("/").with_variable("EMPTY", "");
        let inherited = |name: &str| check_inherited(&environment, &["A=b".to_owned(), name.to_owned()]);
        assert!(inherited("EMPTY").is_ok());
        assert!(message(inherited("ABSENT")).contains("the environment has no variable ABSENT"));
        let here = Utf8Path::new("/");
        assert_eq!(secret(here, "id=token,env=TOKEN").unwrap(), "id=token,env=TOKEN");
        for text in ["type=env,id=t,src=TOKEN", "id=t,Type=env,env=TOKEN"] {
            assert_eq!(secret(here, text).unwrap(), "id=t,env=TOKEN", "{text}");
        }
        assert_eq!(secret(here, "id=t,type=env").unwrap(), "id=t,env=t");
        let temporary = tempfile::tempdir().unwrap();
        let directory = Utf8Path::from_path(temporary.path()).unwrap();
        crossdock_fs::write_atomically(directory.join("a,b"), b"x").unwrap();
        assert_eq!(secret(directory, "id=n,\"src=a,b\"").unwrap(), format!("id=n,\"src={directory}/a,b\""));
        for (wrong, why) in [
            ("id=n,type=hunter2", "type=file or type=env"),
            ("id=n,\"src=hunter2", "--secret id=NAME"),
            ("id=n,src=hunter2", "--secret id=n: `src` names no existing file"),
            ("src=hunter2", "--secret id=NAME"),
            ("hunter2", "--secret id=NAME"),
            ("hunter2==", "unknown key"),
            ("id=a,hunter2=1", "--secret id=a: unknown key"),
        ] {
            let message = message(secret(here, wrong));
            assert!(message.contains(why) && !message.contains("hunter"), "{wrong}: {message}");
        }
        for wrong in ["golang", "golang=/x", "golang=oci:", "=oci:/x"] {
            assert!(message(base_from(&Environment::default(), wrong)).contains("--base-from"), "{wrong}");
        }
    }

    #[test]
    fn a_name_has_one_base_image() {
        let base = |name: &str, layout: &str| BaseFrom {
            name: name.to_owned(),
            layout: layout.into(),
            digest: crossdock_oci::Digest::of(b"base"),
            platforms: vec!["linux/amd64".to_owned()],
        };
        assert!(reject_duplicate_names(&[base("golang:1", "/a"), base("rust:1", "/a")]).is_ok());
        let twice = message(reject_duplicate_names(&[base("golang:1", "/a"), base("golang:1", "/b")]));
        assert!(twice.contains("--base-from golang:1 is given twice, as /a and as /b"), "{twice}");
    }

    #[test]
    fn an_existing_directory_with_a_colon_is_a_path() {
        let temporary = tempfile::tempdir().unwrap();
        let here = Utf8Path::from_path(temporary.path()).unwrap();
        std::fs::create_dir(here.join("a:b")).unwrap();
        assert_eq!(layout_and_tag(here, "a:b"), (here.join("a:b"), None));
        assert_eq!(layout_and_tag(here, "a:b:v1"), (here.join("a:b"), Some("v1".to_owned())));
        assert_eq!(layout_and_tag(here, "base"), (here.join("base"), None));
    }
}
