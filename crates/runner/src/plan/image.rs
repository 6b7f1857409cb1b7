//! What an image says of itself: configuration, annotations, tags.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::cargo::{short_hash, slug};
use super::error::PlanError;
use super::request::{Pack, Projects, Request};
use super::select::Selected;
use super::{Container, FilePlan, PlatformPlan, ReleaseArchive, ReleasePlan, SkippedTag};
use crossdock_project::config::{Base, ImageConfig, Source, Sourced};
use crossdock_project::template::{self, Values};
use crossdock_project::{GoModule, PackageMetadata, Program, Project};

/// The user that images run as unless they say otherwise: numeric, as `runAsNonRoot` asks for, and the number that
/// distroless images made the convention.
pub(super) const NON_ROOT: &str = "65532:65532";

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where a program lies in an image.
pub(super) fn program_path(name: &str) -> String {
    format!("/usr/local/bin/{name}")
}

/// The folder that image layouts of a project are written below.
pub(super) fn output_folder(project: &Project, request: &Request) -> Utf8PathBuf {
    match (&request.output, project) {
        (Some(output), _) => output.value.clone(),
        (None, Project::Rust(workspace)) => workspace.target_directory.join("crossdock"),
        (None, Project::Go(module)) => module.root.join("dist"),
    }
}

/// Where `go build` writes the programs of a module: in the cache, so that a project's folder may be read-only, and kept
/// from run to run, so that Go does not link again what has not changed.
pub(super) fn go_build_folder(module: &GoModule, request: &Request) -> Utf8PathBuf {
    let name = module.root.file_name().unwrap_or("module");
    request.cache.join("build").join(format!("{name}-{}", short_hash(module.root.as_str())))
}

pub(super) fn container(selected: &Selected<'_>) -> Container {
    let image = &selected.config;
    let first = selected.programs.first().map_or("", Program::name);
    let mut env = BTreeMap::from([("PATH".to_owned(), PATH.to_owned())]);
    if image.base.value == Base::Static {
        env.insert("SSL_CERT_FILE".to_owned(), "/etc/ssl/certs/ca-certificates.crt".to_owned());
    }
    env.extend(image.env.clone());
    Container {
        entrypoint: image
            .entrypoint
            .as_ref()
            .map_or_else(|| vec![program_path(first)], |given| given.value.clone()),
        cmd: image.cmd.as_ref().map(|given| given.value.clone()).unwrap_or_default(),
        env,
        workdir: image.workdir.as_ref().map_or_else(|| "/".to_owned(), |given| given.value.clone()),
        user: image.user.as_ref().map_or_else(|| NON_ROOT.to_owned(), |given| given.value.clone()),
        expose: image.expose.iter().map(|port| port.value.clone()).collect(),
        labels: image.labels.clone(),
        stop_signal: image.stop_signal.as_ref().map(|signal| signal.value.clone()),
        health: image.health.as_ref().map(|health| health.value.clone()),
    }
}

pub(super) fn files(image: &ImageConfig) -> Vec<FilePlan> {
    let plan = |file: &crossdock_project::config::ExtraFile| FilePlan {
        from: file.from.clone(),
        to: file.to.clone(),
        mode: file.mode,
    };
    image.files.iter().map(|file| plan(&file.value)).collect()
}

/// The release archives, where they were asked for.
pub(super) fn release(
    selected: &Selected<'_>,
    platforms: &[PlatformPlan],
    others: &[PlatformPlan],
    projects: &Projects,
    request: &Request,
) -> Option<ReleasePlan> {
    if request.pack == Pack::None {
        return None;
    }
    let image = &selected.config;
    let version = version(selected, projects).map(|version| format!("-{version}")).unwrap_or_default();
    let archives = platforms.iter().chain(others).map(|plan| ReleaseArchive {
        platform: plan.platform.clone(),
        name: format!("{}{version}-{}", image.name.value, slug(&plan.platform)),
    });
    Some(ReleasePlan {
        folder: output_folder(selected.project, request).join(format!("{}.release", image.name.value)),
        archives: archives.collect(),
        documents: projects.documents.get(&image.path.value).cloned().unwrap_or_default(),
    })
}

/// SOURCE_DATE_EPOCH, else the commit's date, else the epoch itself: never the clock.
pub(super) fn created(folder: &Utf8Path, projects: &Projects, request: &Request) -> i64 {
    let commit = || projects.git(folder).map(|git| git.time);
    request.source_date_epoch.or_else(commit).unwrap_or(0).max(0)
}

/// The version: the Cargo package's, or the git tag on the very commit.
pub(super) fn version(selected: &Selected<'_>, projects: &Projects) -> Option<String> {
    match selected.programs.first()? {
        Program::Rust { package, .. } => Some(package.version.clone()),
        Program::Go(_) => projects.git(&selected.config.path.value)?.version.clone(),
    }
}

/// The pre-defined annotation keys of the OCI image specification (annotations.md).
pub(super) fn annotations(
    selected: &Selected<'_>,
    projects: &Projects,
    created: i64,
) -> BTreeMap<String, String> {
    let image = &selected.config;
    let git = projects.git(&image.path.value);
    let about = match selected.programs.first() {
        Some(Program::Rust { package, .. }) => package.metadata.clone(),
        _ => PackageMetadata::default(),
    };
    let revision = git.map(|git| if git.dirty { format!("{}-dirty", git.sha) } else { git.sha.clone() });
    let base = || format!("crossdock/static:{}", crossdock_oci::base::CA_CERTIFICATES_DATE);
    let base = (image.base.value == Base::Static).then(base);
    let found = [
        ("title", Some(image.name.value.clone())),
        ("created", Some(rfc3339(created))),
        ("version", version(selected, projects)),
        ("revision", revision),
        ("source", about.repository.or_else(|| git.and_then(|git| git.source.clone()))),
        ("description", about.description),
        ("licenses", about.license),
        ("url", about.homepage),
        ("base.name", base),
    ];
    let found = found
        .into_iter()
        .filter_map(|(key, value)| Some((format!("org.opencontainers.image.{key}"), value?)));
    found.chain(image.annotations.clone()).collect()
}

/// Seconds since the Unix epoch as RFC 3339 in UTC.
pub fn rfc3339(seconds: i64) -> String {
    let since = std::time::Duration::from_secs(seconds.max(0).unsigned_abs());
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + since).to_string()
}

/// Tags and those that have no value here.
pub(super) fn tags(
    selected: &Selected<'_>,
    projects: &Projects,
    request: &Request,
) -> Result<(Vec<String>, Vec<SkippedTag>), PlanError> {
    let image = &selected.config;
    let version = version(selected, projects);
    let why = "the version, where there is one, and latest";
    let ours = |tag: &str| Sourced::default_because(tag.to_owned(), why);
    let templates: Vec<Sourced<String>> = match (&request.tags[..], &image.tags) {
        ([], Some(configured)) => {
            let source = &configured.source;
            configured.value.iter().map(|tag| Sourced::new(tag.clone(), source.clone())).collect()
        }
        ([], None) if version.is_some() => vec![ours("{{ version | slug }}"), ours("latest")],
        ([], None) => vec![ours("latest")],
        (given, _) => given.to_vec(),
    };
    let variables = request.variables.iter().filter(|(name, _)| image.tag_env.contains(name));
    let values = Values {
        version,
        git: projects.git(&image.path.value).cloned(),
        git_unavailable: projects
            .git_unavailable(&image.path.value)
            .map(|unavailable| unavailable.why.clone()),
        env: variables.map(|(name, value)| (name.clone(), value.clone())).collect(),
    };
    let (mut tags, mut skipped) = (Vec::new(), Vec::new());
    for Sourced { value: template, source } in templates {
        match template::tag(&template, &values).map_err(|error| refused(image, &source, &error))? {
            template::Tag::Value(tag) if tags.contains(&tag) => {}
            template::Tag::Value(tag) => tags.push(tag),
            template::Tag::Skipped { why } => skipped.push(SkippedTag { template, why }),
        }
    }
    Ok((tags, skipped))
}

/// The repository that references carry; several images share a `--repository` as a prefix.
pub(super) fn repository(image: &ImageConfig, request: &Request, images: usize) -> Result<String, PlanError> {
    let name = &image.name.value;
    let (repository, source) = match (&request.repository, &image.repository) {
        (Some(prefix), _) if images > 1 => {
            (format!("{}/{name}", prefix.value.trim_end_matches('/')), &prefix.source)
        }
        (Some(given), _) | (None, Some(given)) => (given.value.clone(), &given.source),
        (None, None) => (name.clone(), &image.name.source),
    };
    repository.parse::<crossdock_oci::Repository>().map_err(|error| refused(image, source, &error))?;
    Ok(repository)
}

fn refused(image: &ImageConfig, at: &Source, error: &dyn std::error::Error) -> PlanError {
    PlanError::Reference { image: image.name.value.clone(), at: at.clone(), why: error.to_string() }
}
