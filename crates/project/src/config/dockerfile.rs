//! `[image.NAME.dockerfile]`: how an image's Dockerfile is rendered.

use crossdock_dockerfile::render::{Base, Caching, Debian, Health};
use serde::{Deserialize, Serialize};

use super::Sourced;
use super::raw::{At, Scalar};
use super::reader::Reader;

/// How an image's Dockerfile is rendered. What is not configured follows from the image.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DockerfileConfig {
    /// One file for all platforms, or one pinned to each.
    pub mode: Option<Sourced<DockerfileMode>>,
    /// What lies below the programs, beyond the bases that crossdock has built in.
    pub base: Option<Sourced<Base>>,
    /// The release of Debian of the builder and of bases made from it.
    pub debian: Option<Sourced<Debian>>,
    /// The version of Alpine.
    pub alpine: Option<Sourced<String>>,
    /// The version of the compiler's image, as its tag has it.
    pub toolchain: Option<Sourced<String>>,
    /// How dependencies are kept from build to build.
    pub caching: Option<Sourced<Caching>>,
    /// Packages that the builder installs for C code.
    pub packages: Vec<String>,
    /// Packages that the base installs for the program.
    pub runtime_packages: Vec<String>,
    /// Files and folders that the build reads beside the sources, as `.dockerignore` patterns.
    pub context: Vec<String>,
    /// How private dependencies are fetched.
    pub private: PrivateConfig,
    /// The image of the Dockerfile frontend.
    pub syntax: Option<Sourced<String>>,
}

/// Where private dependencies come from.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PrivateConfig {
    /// Hosts that are asked over https, with a `.netrc` as a secret.
    pub netrc: Vec<String>,
    /// Hosts that are asked over ssh, with the agent of whoever builds.
    pub ssh: Vec<String>,
    /// Cargo registries, each with its token as a secret.
    pub registries: Vec<String>,
}

/// For which platforms a Dockerfile is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DockerfileMode {
    /// All of the image: compiled on the build machine's own platform.
    Cross,
    /// One, written into the file.
    Fixed,
}

/// `[image.NAME.dockerfile]` as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawDockerfile {
    mode: Option<At<DockerfileMode>>,
    base: Option<At<Base>>,
    debian: Option<At<Debian>>,
    alpine: Option<At<Scalar>>,
    toolchain: Option<At<Scalar>>,
    caching: Option<At<Caching>>,
    packages: Option<At<Vec<At<String>>>>,
    runtime_packages: Option<At<Vec<At<String>>>>,
    context: Option<At<Vec<At<String>>>>,
    private: Option<RawPrivate>,
    syntax: Option<At<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawPrivate {
    netrc: Option<At<Vec<At<String>>>>,
    ssh: Option<At<Vec<At<String>>>>,
    registries: Option<At<Vec<At<String>>>>,
}

/// `[image.NAME.health]` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawHealth {
    command: At<Vec<At<String>>>,
    interval: Option<At<i64>>,
    timeout: Option<At<i64>>,
    start_period: Option<At<i64>>,
    retries: Option<At<i64>>,
}

/// What is meant.
pub(super) fn dockerfile(reader: &mut Reader<'_>, raw: RawDockerfile) -> DockerfileConfig {
    let mut list = |key: &str, list: Option<At<Vec<At<String>>>>, check: fn(&str) -> Result<(), String>| {
        list.map(|list| reader.list(key, list, check).value).unwrap_or_default()
    };
    let packages = list("packages", raw.packages, package);
    let runtime_packages = list("runtime-packages", raw.runtime_packages, package);
    let context = list("context", raw.context, pattern);
    let private = raw.private.map(|private| PrivateConfig {
        netrc: list("netrc", private.netrc, name),
        ssh: list("ssh", private.ssh, name),
        registries: list("registries", private.registries, name),
    });
    let version = |reader: &mut Reader<'_>, key: &str, version: Option<At<Scalar>>| {
        version.and_then(|at| reader.checked(key, at, version_text))
    };
    DockerfileConfig {
        mode: raw.mode.map(|mode| reader.sourced(mode)),
        base: raw.base.map(|base| reader.sourced(base)),
        debian: raw.debian.map(|debian| reader.sourced(debian)),
        alpine: version(reader, "alpine", raw.alpine),
        toolchain: version(reader, "toolchain", raw.toolchain),
        caching: raw.caching.map(|caching| reader.sourced(caching)),
        packages,
        runtime_packages,
        context,
        private: private.unwrap_or_default(),
        syntax: raw.syntax.and_then(|syntax| reader.text("syntax", syntax, package)),
    }
}

/// A health check with Docker's own values where none are given (Dockerfile reference, HEALTHCHECK).
pub(super) fn health(reader: &mut Reader<'_>, raw: RawHealth) -> Option<Sourced<Health>> {
    let mut seconds = |key: &str, at: Option<At<i64>>, least: i64, otherwise: u32| match at {
        None => Some(otherwise),
        Some(at) => reader.checked(key, at, |number| number_from(*number, least)).map(|number| number.value),
    };
    let interval = seconds("interval", raw.interval, 1, 30);
    let timeout = seconds("timeout", raw.timeout, 1, 30);
    let start_period = seconds("start-period", raw.start_period, 0, 0);
    let retries = seconds("retries", raw.retries, 1, 3);
    let span = raw.command.span();
    let command = reader.list("command", raw.command, line);
    if command.value.is_empty() {
        reader.wrong(&span, "`command` is empty", "name the program that checks, and its arguments");
    }
    let source = command.source;
    let mut health = Health::new(command.value);
    (health.interval, health.timeout) = (interval?, timeout?);
    (health.start_period, health.retries) = (start_period?, retries?);
    Some(Sourced::new(health, source))
}

fn number_from(number: i64, least: i64) -> Result<u32, String> {
    let number = u32::try_from(number).ok().filter(|number| i64::from(*number) >= least);
    number.ok_or_else(|| format!("it takes a whole number from {least}, as seconds or a count"))
}

/// `SIGINT`, `15`.
pub(super) fn stop_signal(signal: &Scalar) -> Result<String, String> {
    let text = signal.to_string();
    let number = text.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number));
    let named = text.strip_prefix("SIG").is_some_and(|name| {
        let known = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"+-".contains(&byte);
        !name.is_empty() && name.bytes().all(known)
    });
    match number || named {
        true => Ok(text),
        false => Err(format!("`{text}` is no signal: write its name, as SIGINT, or a number from 1 to 64")),
    }
}

/// `1`, `1.26`, `1.26.3`, `1.27rc1`: what tags of images begin with. The release that an image lies on follows from other
/// keys.
fn version_text(version: &Scalar) -> Result<String, String> {
    let text = version.to_string();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (numbers, preview) = text.split_at(end);
    let are_numbers = numbers.split('.').count() <= 3 && numbers.split('.').all(|number| !number.is_empty());
    let number = preview.strip_prefix("rc").or_else(|| preview.strip_prefix("beta"));
    let is_preview = |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    match are_numbers && (preview.is_empty() || number.is_some_and(is_preview)) {
        true => Ok(text),
        false => Err(format!(
            "`{text}` is no version alone, as `1.26` or `1.26.3`; the release that an image lies on follows from `base`, \
             `debian` and `alpine`"
        )),
    }
}

/// A host, a registry, a version: what stands in a Dockerfile without quotes.
fn name(text: &str) -> Result<(), String> {
    let begins = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    match begins && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        true => Ok(()),
        false => Err(format!(
            "`{text}` has more than letters, digits, `.`, `_` and `-`, or does not begin with a letter or digit"
        )),
    }
}

fn package(text: &str) -> Result<(), String> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".+-_/~:@=".contains(&byte);
    match !text.is_empty() && !text.starts_with('-') && text.bytes().all(known) {
        true => Ok(()),
        false => Err(format!("`{text}` is not one name: give each as an item of its own, as `libpq-dev`")),
    }
}

fn pattern(text: &str) -> Result<(), String> {
    let trouble = text.trim().is_empty() || text.starts_with(['!', '#', '/']) || text.contains("..");
    match trouble || text.chars().any(char::is_control) {
        true => {
            Err(format!("`{text}` is no path or pattern below the project's root, as `proto` or `assets/**`"))
        }
        false => Ok(()),
    }
}

fn line(text: &str) -> Result<(), String> {
    match text.chars().any(char::is_control) {
        true => Err("an argument of a Dockerfile is one line without control characters".into()),
        false => Ok(()),
    }
}
