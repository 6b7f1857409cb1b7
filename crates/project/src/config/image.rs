//! Resolves `[image.NAME]`: raw keys become a checked [`ImageConfig`].

use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_dockerfile::render::Health;
use crossdock_fs::has_git_directory;
use toml::Spanned;

use super::contradictions::contradictions;
use super::env;
use super::raw::{RawDockerfile, RawFile, RawHealth, RawImage, Scalar};
use super::resolver::{Resolver, directory_in_project, relative_to};
use super::templated::Templated;
use super::{
    Base, Defaults, DockerfileConfig, ExtraFile, FileKind, FileTemplate, ImageConfig, PrivateConfig, Sourced,
    grammar,
};
use crate::git::VersionTag;
use crate::language::Language;
use crate::template;

/// Resolves an image. Returns `None` if its name or directory is wrong; the problem is then in the resolver.
pub(super) fn image(
    resolver: &mut Resolver<'_>,
    name: Spanned<String>,
    mut raw: RawImage,
    defaults: &Defaults,
) -> Option<ImageConfig> {
    let place = place(&name, &raw);
    let name = resolver.text("image", name, grammar::component)?;
    let directory = resolver.directory;
    let path = match raw.path.take() {
        Some(path) => resolver.checked("path", path, |path| directory_in_project(directory, path))?,
        None => Sourced::default_because(directory.to_owned(), "the directory of the configuration file"),
    };
    let language = language(resolver, &place, &path.value, &raw);
    contradictions(resolver, &raw, language);
    let mut image = ImageConfig::new(name, path, defaults);
    if let Some(names) = raw.tag_env.take() {
        image.tag_env = variables(resolver, names);
    }
    let mut templated = Templated::new(image.tag_env.clone());
    program(resolver, &mut image, &mut raw);
    build(resolver, &mut templated, &mut image, &mut raw);
    container(resolver, &mut templated, &mut image, &mut raw);
    content(resolver, &mut templated, &mut image, &mut raw);
    naming(resolver, &mut image, &mut raw);
    image.places = templated.places;
    image.dockerfile = dockerfile(resolver, raw.dockerfile.take().unwrap_or_default());
    Some(image)
}

/// Returns the place that a problem with the image's directory points at.
fn place(name: &Spanned<String>, raw: &RawImage) -> Range<usize> {
    let stated = raw.language.as_ref().map(Spanned::span);
    stated.or_else(|| raw.path.as_ref().map(Spanned::span)).unwrap_or_else(|| name.span())
}

/// Returns the language that the file states or that the manifests in the directory show.
fn language(
    resolver: &mut Resolver<'_>,
    place: &Range<usize>,
    path: &Utf8Path,
    raw: &RawImage,
) -> Option<Language> {
    let stated = raw.language.as_ref().map(|language| *language.get_ref());
    match Language::detect(path, stated) {
        Ok(language) => Some(language),
        Err(error) => {
            resolver.report(place, error.to_string(), "");
            None
        }
    }
}

/// Resolves the keys that choose the programs.
fn program(resolver: &mut Resolver<'_>, image: &mut ImageConfig, raw: &mut RawImage) {
    image.language = raw.language.take().map(|language| resolver.sourced(language));
    image.package =
        raw.package.take().and_then(|package| resolver.text("package", package, grammar::not_empty));
    image.binaries = match (raw.binary.take(), raw.binaries.take()) {
        (Some(binary), _) => {
            resolver.text("binary", binary, grammar::program).map(|binary| binary.map(|name| vec![name]))
        }
        (None, Some(list)) => Some(resolver.list("binaries", list, grammar::program)),
        (None, None) => None,
    };
}

/// Resolves the keys of compilers and linkers.
fn build(
    resolver: &mut Resolver<'_>,
    templated: &mut Templated,
    image: &mut ImageConfig,
    raw: &mut RawImage,
) {
    if let Some(linkage) = raw.linkage.take() {
        image.linkage = resolver.sourced(linkage);
    }
    image.libc = raw.libc.take().map(|libc| resolver.sourced(libc));
    if let Some(features) = raw.features.take() {
        let Sourced { value, source } = resolver.list("features", features, grammar::feature);
        image.features.names = value;
        image.features_at = Some(source);
    }
    image.features.all = raw.all_features.take().is_some_and(Spanned::into_inner);
    image.features.no_default = raw.no_default_features.take().is_some_and(Spanned::into_inner);
    if let Some(profile) =
        raw.profile.take().and_then(|profile| resolver.text("profile", profile, grammar::profile))
    {
        image.profile = profile;
    }
    image.ldflags = raw.ldflags.take().map(|flags| {
        templated.check(resolver, "ldflags", &flags);
        resolver.sourced(flags)
    });
    image.cgo = raw.cgo.take().map(|cgo| resolver.sourced(cgo));
    image.buildvcs = raw.buildvcs.take().map(|buildvcs| resolver.sourced(buildvcs));
    if let Some(toolchain) = raw.toolchain.take() {
        image.toolchain = toolchain.into_iter().map(|route| resolver.sourced(route)).collect();
    }
}

/// Resolves the keys of the container's configuration.
fn container(
    resolver: &mut Resolver<'_>,
    templated: &mut Templated,
    image: &mut ImageConfig,
    raw: &mut RawImage,
) {
    image.deploy = std::mem::take(&mut raw.deploy).into_iter().map(|name| resolver.sourced(name)).collect();
    if let Some(base) = raw.base.take() {
        resolver.refuse_template("`base`", &base);
        let directory = resolver.directory;
        if let Some(base) = resolver.checked("base", base, |text| Base::parse(text, directory)) {
            image.base = base;
        }
    }
    env::check(resolver, &raw.env, &image.base.value);
    image.env = templated.table(resolver, "env", std::mem::take(&mut raw.env), grammar::variable);
    image.labels = templated.table(resolver, "labels", std::mem::take(&mut raw.labels), grammar::not_empty);
    let annotations = std::mem::take(&mut raw.annotations);
    image.annotations = templated.table(resolver, "annotations", annotations, grammar::not_empty);
    let mut list = |key, list| templated.list(resolver, key, list, grammar::argument);
    image.entrypoint = raw.entrypoint.take().map(|words| list("entrypoint", words));
    image.cmd = raw.cmd.take().map(|words| list("cmd", words));
    image.workdir = raw.workdir.take().and_then(|path| {
        resolver.refuse_template("`workdir`", &path);
        resolver.checked("workdir", path, |path: &String| grammar::image_path(path))
    });
    image.user = raw.user.take().and_then(|user| scalar(resolver, "user", user, grammar::user));
    let ports = std::mem::take(&mut raw.expose).into_iter();
    image.expose = ports
        .filter_map(|port| resolver.checked("expose", port, |port| grammar::port(&port.to_string())))
        .collect();
    image.stop_signal = raw
        .stop_signal
        .take()
        .and_then(|signal| scalar(resolver, "stop-signal", signal, grammar::stop_signal));
    image.health = raw.health.take().and_then(|raw| health(resolver, templated, raw));
}

/// Resolves the keys of the content besides the programs.
fn content(
    resolver: &mut Resolver<'_>,
    templated: &mut Templated,
    image: &mut ImageConfig,
    raw: &mut RawImage,
) {
    if let Some(timezones) = raw.timezones.take() {
        image.timezones = resolver.sourced(timezones);
    }
    let project = image.path.value.clone();
    let files = std::mem::take(&mut raw.files).into_iter().enumerate();
    image.files = files
        .filter_map(|(index, file)| {
            let key = format!("image.{}.files[{index}]", image.name.value);
            templated.check(resolver, &format!("files[{index}].from"), &file.get_ref().from);
            templated.check(resolver, &format!("files[{index}].to"), &file.get_ref().to);
            extra_file(resolver, &project, &key, file)
        })
        .collect();
}

/// Resolves the keys of repository and tags.
fn naming(resolver: &mut Resolver<'_>, image: &mut ImageConfig, raw: &mut RawImage) {
    image.repository =
        raw.repository.take().and_then(|name| resolver.text("repository", name, grammar::repository));
    if let Some(pattern) = raw.version_tag.take() {
        image.version_tag = version_tag(resolver, pattern);
    }
    if let Some(tags) = raw.tags.take() {
        image.tags = Some(resolver.list("tags", tags, |tag| template::check(tag, &image.tag_env)));
    }
}

/// Resolves the pattern of the git tags that give a version.
pub(super) fn version_tag(
    resolver: &mut Resolver<'_>,
    pattern: Spanned<String>,
) -> Option<Sourced<VersionTag>> {
    resolver
        .checked("version-tag", pattern, |text| text.parse::<VersionTag>().map_err(|error| error.to_string()))
}

/// Resolves the names of environment variables.
pub(super) fn variables(resolver: &mut Resolver<'_>, names: Vec<Spanned<String>>) -> Vec<String> {
    let names = names.into_iter();
    names
        .filter_map(|name| resolver.text("tag-env", name, grammar::variable))
        .map(|name| name.value)
        .collect()
}

/// Resolves an entry of `files`. Messages name it by its key, such as `image.web.files[0].to`.
fn extra_file(
    resolver: &mut Resolver<'_>,
    project: &Utf8Path,
    key: &str,
    file: Spanned<RawFile>,
) -> Option<Sourced<ExtraFile>> {
    let source = resolver.document.source(&file.span());
    let RawFile { from, to, mode } = file.into_inner();
    let directory = resolver.directory;
    let template =
        [&from, &to].iter().any(|text| template::is_template(text.get_ref())).then(|| FileTemplate {
            directory: directory.to_owned(),
            from: from.get_ref().clone(),
            to: to.get_ref().clone(),
        });
    let placed = match &template {
        Some(template) => Some(Placed::unknown(template)),
        None => {
            let from =
                resolver.checked(&format!("{key}.from"), from, |path| existing(directory, project, path));
            let into_directory = to.get_ref().ends_with('/');
            let to = resolver.checked(&format!("{key}.to"), to, |path: &String| grammar::image_path(path));
            from.zip(to).map(|(from, to)| Placed::new(from.value, to.value, into_directory))
        }
    };
    let mode = match mode {
        Some(at) => {
            // TOML reads `0o755` and `755` as integers; only the text shows which one is octal.
            let written = resolver.document.text.get(at.span()).unwrap_or_default().to_owned();
            let mode = resolver.checked(&format!("{key}.mode"), at, |mode| mode_of(mode, &written));
            Some(mode?.value)
        }
        None => None,
    };
    let Placed { from, to, kind } = placed?;
    Some(Sourced::new(ExtraFile { from, to, mode, kind, template }, source))
}

/// Where a file comes from and where it is in the image.
pub(super) struct Placed {
    pub(super) from: Utf8PathBuf,
    pub(super) to: String,
    pub(super) kind: FileKind,
}

impl Placed {
    /// As with cp(1), a trailing slash of the destination keeps the name of the file.
    fn new(from: Utf8PathBuf, to: String, into_directory: bool) -> Self {
        let to = match from.file_name().filter(|_| into_directory) {
            Some(name) => format!("{}/{name}", to.trim_end_matches('/')),
            None => to,
        };
        let kind = if from.is_dir() { FileKind::Directory } else { FileKind::File };
        Self { from, to, kind }
    }

    /// Returns the place as written, before the templates have values.
    fn unknown(template: &FileTemplate) -> Self {
        let FileTemplate { directory, from, to } = template;
        Self { from: directory.join(from), to: to.clone(), kind: FileKind::Unknown }
    }

    /// Checks the two paths of a file whose templates have values. The error names the key of the path.
    pub(super) fn rendered(
        directory: &Utf8Path,
        project: &Utf8Path,
        from: &str,
        to: &str,
    ) -> Result<Self, (&'static str, String)> {
        let source = existing(directory, project, from).map_err(|why| ("from", why))?;
        let place = grammar::image_path(to).map_err(|why| ("to", why))?;
        Ok(Self::new(source, place, to.ends_with('/')))
    }
}

/// Returns the path of an existing file or directory below the project's directory or the file's own. A symbolic link
/// that leads out of them is an error: an image must not depend on the machine that builds it.
fn existing(directory: &Utf8Path, project: &Utf8Path, path: &str) -> Result<Utf8PathBuf, String> {
    let whole = relative_to(directory, path)?;
    if !whole.starts_with(directory) && !whole.starts_with(project) {
        return Err(format!("`{path}` is outside of the project's directory, {project}"));
    }
    let real = |path: &Utf8Path| {
        path.canonicalize_utf8().map_err(|error| format!("`{path}` cannot be read: {error}"))
    };
    let target = real(&whole)?;
    let roots = [real(directory)?, real(project)?];
    match roots.iter().find_map(|root| target.strip_prefix(root).ok()) {
        Some(below) if has_git_directory(below.as_std_path()) => Err(format!(
            "`{path}` belongs to git, whose configuration may hold credentials; name other files"
        )),
        Some(_) => Ok(whole),
        None => Err(format!("`{path}` is a symbolic link to {target}, outside of the project's directory")),
    }
}

/// Resolves text that may also be written as a number.
fn scalar(
    resolver: &mut Resolver<'_>,
    key: &str,
    at: Spanned<Scalar>,
    check: impl FnOnce(&str) -> Result<(), String>,
) -> Option<Sourced<String>> {
    resolver.checked(key, at, |scalar| {
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

/// Resolves `[image.NAME.dockerfile]`.
fn dockerfile(resolver: &mut Resolver<'_>, raw: RawDockerfile) -> DockerfileConfig {
    let mut list =
        |key: &str, list: Option<Spanned<Vec<Spanned<String>>>>, check: fn(&str) -> Result<(), String>| {
            list.map(|list| resolver.list(key, list, check).value).unwrap_or_default()
        };
    let packages = list("packages", raw.packages, grammar::package);
    let runtime_packages = list("runtime-packages", raw.runtime_packages, grammar::package);
    let context = list("context", raw.context, grammar::context_pattern);
    let private = raw.private.map(|private| PrivateConfig {
        netrc: list("netrc", private.netrc, grammar::host),
        ssh: list("ssh", private.ssh, grammar::host),
        registries: list("registries", private.registries, grammar::host),
    });
    let version = |resolver: &mut Resolver<'_>, key: &str, version: Option<Spanned<Scalar>>| {
        version.and_then(|at| scalar(resolver, key, at, grammar::version))
    };
    DockerfileConfig {
        mode: raw.mode.map(|mode| resolver.sourced(mode)),
        base: raw.base.map(|base| resolver.sourced(base)),
        debian: raw.debian.map(|debian| resolver.sourced(debian)),
        alpine: version(resolver, "alpine", raw.alpine),
        toolchain: version(resolver, "toolchain", raw.toolchain),
        caching: raw.caching.map(|caching| resolver.sourced(caching)),
        packages,
        runtime_packages,
        context,
        private: private.unwrap_or_default(),
        syntax: raw.syntax.and_then(|syntax| resolver.text("syntax", syntax, grammar::package)),
    }
}

/// Resolves `[image.NAME.health]`. Unset values are Docker's own (Dockerfile reference, HEALTHCHECK).
fn health(resolver: &mut Resolver<'_>, templated: &mut Templated, raw: RawHealth) -> Option<Sourced<Health>> {
    let mut seconds = |key: &str, at: Option<Spanned<i64>>, least: i64, otherwise: u32| match at {
        None => Some(otherwise),
        Some(at) => {
            resolver.checked(key, at, |number| grammar::at_least(*number, least)).map(|number| number.value)
        }
    };
    let interval = seconds("interval", raw.interval, 1, 30);
    let timeout = seconds("timeout", raw.timeout, 1, 30);
    let start_period = seconds("start-period", raw.start_period, 0, 0);
    let retries = seconds("retries", raw.retries, 1, 3);
    let span = raw.command.span();
    let command = templated.list(resolver, "health.command", raw.command, grammar::line);
    if command.value.is_empty() {
        resolver.report(&span, "`command` is empty", "name the program that checks, with its arguments");
    }
    let source = command.source;
    let mut health = Health::new(command.value);
    (health.interval, health.timeout) = (interval?, timeout?);
    (health.start_period, health.retries) = (start_period?, retries?);
    Some(Sourced::new(health, source))
}
