//! `[image.NAME]`: from what is written to what is meant.

use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_dockerfile::render::Health;

use super::contradictions::contradictions;
use super::raw::{At, RawDockerfile, RawFile, RawHealth, RawImage, Scalar};
use super::reader::{Reader, relative_to};
use super::{Defaults, DockerfileConfig, ExtraFile, FileKind, ImageConfig, PrivateConfig, Sourced, grammar};
use crate::language::Language;
use crate::template;

/// What a file says of one image; none when its name or directory is wrong, which the reader then holds.
pub(super) fn image(
    reader: &mut Reader<'_>,
    name: At<String>,
    mut raw: RawImage,
    defaults: &Defaults,
) -> Option<ImageConfig> {
    let place = place(&name, &raw);
    let name = reader.text("image", name, grammar::component)?;
    let directory = reader.directory;
    let path = match raw.path.take() {
        Some(path) => reader.checked("path", path, |path| relative_to(directory, path))?,
        None => Sourced::default_because(directory.to_owned(), "the directory of the configuration file"),
    };
    let language = language(reader, &place, &path.value, &raw);
    contradictions(reader, &raw, language);
    let mut image = ImageConfig::new(name, path, defaults);
    program(reader, &mut image, &mut raw);
    build(reader, &mut image, &mut raw);
    container(reader, &mut image, &mut raw);
    content(reader, &mut image, &mut raw);
    naming(reader, &mut image, &mut raw);
    image.dockerfile = dockerfile(reader, raw.dockerfile.take().unwrap_or_default());
    Some(image)
}

/// Where to point when the image's directory is wrong.
fn place(name: &At<String>, raw: &RawImage) -> Range<usize> {
    let stated = raw.language.as_ref().map(At::span);
    stated.or_else(|| raw.path.as_ref().map(At::span)).unwrap_or_else(|| name.span())
}

/// The language that the file states or the directory shows.
fn language(
    reader: &mut Reader<'_>,
    place: &Range<usize>,
    path: &Utf8Path,
    raw: &RawImage,
) -> Option<Language> {
    let stated = raw.language.as_ref().map(|language| *language.get_ref());
    match Language::detect(path, stated) {
        Ok(language) => Some(language),
        Err(error) => {
            reader.wrong(place, error.to_string(), "");
            None
        }
    }
}

/// Which program goes in.
fn program(reader: &mut Reader<'_>, image: &mut ImageConfig, raw: &mut RawImage) {
    image.language = raw.language.take().map(|language| reader.sourced(language));
    image.package =
        raw.package.take().and_then(|package| reader.text("package", package, grammar::not_empty));
    image.binaries = match (raw.binary.take(), raw.binaries.take()) {
        (Some(binary), _) => {
            reader.text("binary", binary, grammar::program).map(|binary| binary.map(|name| vec![name]))
        }
        (None, Some(list)) => Some(reader.list("binaries", list, grammar::program)),
        (None, None) => None,
    };
}

/// How it is built.
fn build(reader: &mut Reader<'_>, image: &mut ImageConfig, raw: &mut RawImage) {
    if let Some(linkage) = raw.linkage.take() {
        image.linkage = reader.sourced(linkage);
    }
    image.libc = raw.libc.take().map(|libc| reader.sourced(libc));
    if let Some(features) = raw.features.take() {
        let Sourced { value, source } = reader.list("features", features, grammar::feature);
        image.features.names = value;
        image.features_at = Some(source);
    }
    image.features.all = raw.all_features.take().is_some_and(At::into_inner);
    image.features.no_default = raw.no_default_features.take().is_some_and(At::into_inner);
    if let Some(profile) =
        raw.profile.take().and_then(|profile| reader.text("profile", profile, grammar::profile))
    {
        image.profile = profile;
    }
    image.ldflags = raw.ldflags.take().map(|flags| reader.sourced(flags));
    image.cgo = raw.cgo.take().map(|cgo| reader.sourced(cgo));
    if let Some(toolchain) = raw.toolchain.take() {
        image.toolchain = toolchain.into_iter().map(|route| reader.sourced(route)).collect();
    }
}

/// How the container runs.
fn container(reader: &mut Reader<'_>, image: &mut ImageConfig, raw: &mut RawImage) {
    image.deploy = std::mem::take(&mut raw.deploy).into_iter().map(|name| reader.sourced(name)).collect();
    image.env = reader.table("env", std::mem::take(&mut raw.env), grammar::variable);
    image.labels = reader.table("labels", std::mem::take(&mut raw.labels), grammar::not_empty);
    image.annotations = reader.table("annotations", std::mem::take(&mut raw.annotations), grammar::not_empty);
    image.entrypoint = raw.entrypoint.take().map(|list| reader.list("entrypoint", list, grammar::argument));
    image.cmd = raw.cmd.take().map(|list| reader.list("cmd", list, grammar::argument));
    image.workdir = raw
        .workdir
        .take()
        .and_then(|path| reader.checked("workdir", path, |path: &String| grammar::image_path(path)));
    image.user = raw.user.take().and_then(|user| scalar(reader, "user", user, grammar::user));
    let ports = std::mem::take(&mut raw.expose).into_iter();
    image.expose = ports
        .filter_map(|port| reader.checked("expose", port, |port| grammar::port(&port.to_string())))
        .collect();
    image.stop_signal =
        raw.stop_signal.take().and_then(|signal| scalar(reader, "stop-signal", signal, grammar::stop_signal));
    image.health = raw.health.take().and_then(|raw| health(reader, raw));
}

/// What lies in the image beside the program.
fn content(reader: &mut Reader<'_>, image: &mut ImageConfig, raw: &mut RawImage) {
    if let Some(base) = raw.base.take() {
        image.base = reader.sourced(base);
    }
    if let Some(timezones) = raw.timezones.take() {
        image.timezones = reader.sourced(timezones);
    }
    let project = image.path.value.clone();
    let files = std::mem::take(&mut raw.files).into_iter().enumerate();
    image.files = files
        .filter_map(|(index, file)| {
            let key = format!("image.{}.files[{index}]", image.name.value);
            extra_file(reader, &project, &key, file)
        })
        .collect();
}

/// How the image is called.
fn naming(reader: &mut Reader<'_>, image: &mut ImageConfig, raw: &mut RawImage) {
    image.repository =
        raw.repository.take().and_then(|name| reader.text("repository", name, grammar::repository));
    if let Some(names) = raw.tag_env.take() {
        image.tag_env = variables(reader, names);
    }
    if let Some(tags) = raw.tags.take() {
        image.tags = Some(reader.list("tags", tags, |tag| template::check(tag, &image.tag_env)));
    }
}

/// Names of environment variables.
pub(super) fn variables(reader: &mut Reader<'_>, names: Vec<At<String>>) -> Vec<String> {
    let names = names.into_iter();
    names.filter_map(|name| reader.text("tag-env", name, grammar::variable)).map(|name| name.value).collect()
}

/// One of the image's `files`, which errors call by its key.
fn extra_file(
    reader: &mut Reader<'_>,
    project: &Utf8Path,
    key: &str,
    file: At<RawFile>,
) -> Option<Sourced<ExtraFile>> {
    let source = reader.document.source(&file.span());
    let RawFile { from, to, mode } = file.into_inner();
    let directory = reader.directory;
    let into_directory = to.get_ref().ends_with('/');
    let from = reader.checked(&format!("{key}.from"), from, |path| existing(directory, project, path));
    let to = reader.checked(&format!("{key}.to"), to, |path: &String| grammar::image_path(path));
    let mode = match mode {
        Some(at) => {
            let written = reader.document.text.get(at.span()).unwrap_or_default().to_owned();
            let mode = reader.checked(&format!("{key}.mode"), at, |mode| mode_of(mode, &written));
            Some(mode?.value)
        }
        None => None,
    };
    let (from, mut to) = (from?.value, to?.value);
    if let Some(name) = from.file_name().filter(|_| into_directory) {
        to = format!("{}/{name}", to.trim_end_matches('/'));
    }
    let kind = if from.is_dir() { FileKind::Directory } else { FileKind::File };
    Some(Sourced::new(ExtraFile { from, to, mode, kind }, source))
}

/// A file or directory that is there and lies below the project's directory or the file's own, also when all symbolic links
/// are followed.
fn existing(directory: &Utf8Path, project: &Utf8Path, path: &str) -> Result<Utf8PathBuf, String> {
    let whole = relative_to(directory, path)?;
    if !whole.starts_with(directory) && !whole.starts_with(project) {
        return Err(format!("`{path}` leaves the project's directory, {project}"));
    }
    let real = |path: &Utf8Path| {
        path.canonicalize_utf8().map_err(|error| format!("`{path}` cannot be read: {error}"))
    };
    let target = real(&whole)?;
    match target.starts_with(real(directory)?) || target.starts_with(real(project)?) {
        true => Ok(whole),
        false => Err(format!("`{path}` is a symbolic link to {target}, outside of the project's directory")),
    }
}

/// A value that is text, though a number may be written for it.
fn scalar(
    reader: &mut Reader<'_>,
    key: &str,
    at: At<Scalar>,
    check: impl FnOnce(&str) -> Result<(), String>,
) -> Option<Sourced<String>> {
    reader.checked(key, at, |scalar| {
        let text = scalar.to_string();
        check(&text).map(|()| text)
    })
}

fn mode_of(mode: &Scalar, written: &str) -> Result<u32, String> {
    match mode {
        Scalar::Text(text) => grammar::mode(text),
        Scalar::Number(_) if written.starts_with("0o") => grammar::mode(&written.replace('_', "")),
        Scalar::Number(number) => Err(format!(
            "{number} is a decimal number, and a mode is octal: write \"{number:04}\" or 0o{number}"
        )),
    }
}

/// What is meant.
fn dockerfile(reader: &mut Reader<'_>, raw: RawDockerfile) -> DockerfileConfig {
    let mut list = |key: &str, list: Option<At<Vec<At<String>>>>, check: fn(&str) -> Result<(), String>| {
        list.map(|list| reader.list(key, list, check).value).unwrap_or_default()
    };
    let packages = list("packages", raw.packages, grammar::package);
    let runtime_packages = list("runtime-packages", raw.runtime_packages, grammar::package);
    let context = list("context", raw.context, grammar::context_pattern);
    let private = raw.private.map(|private| PrivateConfig {
        netrc: list("netrc", private.netrc, grammar::host),
        ssh: list("ssh", private.ssh, grammar::host),
        registries: list("registries", private.registries, grammar::host),
    });
    let version = |reader: &mut Reader<'_>, key: &str, version: Option<At<Scalar>>| {
        version.and_then(|at| scalar(reader, key, at, grammar::version))
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
        syntax: raw.syntax.and_then(|syntax| reader.text("syntax", syntax, grammar::package)),
    }
}

/// A health check with Docker's own values where none are given (Dockerfile reference, HEALTHCHECK).
fn health(reader: &mut Reader<'_>, raw: RawHealth) -> Option<Sourced<Health>> {
    let mut seconds = |key: &str, at: Option<At<i64>>, least: i64, otherwise: u32| match at {
        None => Some(otherwise),
        Some(at) => {
            reader.checked(key, at, |number| grammar::at_least(*number, least)).map(|number| number.value)
        }
    };
    let interval = seconds("interval", raw.interval, 1, 30);
    let timeout = seconds("timeout", raw.timeout, 1, 30);
    let start_period = seconds("start-period", raw.start_period, 0, 0);
    let retries = seconds("retries", raw.retries, 1, 3);
    let span = raw.command.span();
    let command = reader.list("command", raw.command, grammar::line);
    if command.value.is_empty() {
        reader.wrong(&span, "`command` is empty", "name the program that checks, and its arguments");
    }
    let source = command.source;
    let health = Health {
        command: command.value,
        interval: interval?,
        timeout: timeout?,
        start_period: start_period?,
        retries: retries?,
    };
    Some(Sourced::new(health, source))
}
