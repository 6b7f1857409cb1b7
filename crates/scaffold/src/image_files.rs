//! The files of each image: its Dockerfile with its `.dockerignore`, and its Kubernetes manifest.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;
use crossdock_platform::Platform;
use serde::Serialize;

use super::desired_file::{DesiredFile, parse_generated, render_template};
use super::error::ScaffoldError;
use super::file_state::{OnDisk, read_on_disk};
use super::options::{EditedFiles, InitOptions, Part};
use crossdock_fs::is_marked_output;
use crossdock_project::Project;
use crossdock_project::config::{Config, DockerfileConfig, DockerfileInputs, Source, Sourced};
use crossdock_runner::planner::bake::file_name;
use crossdock_runner::planner::{
    self, DockerfileRequest, DockerfileSettings, MachineFlags, PlanError, Projects, dockerfile_requests,
    template_values,
};
use crossdock_system::availability::{Availability, Unavailable};

/// An image as manifests, pipelines and the README describe it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ImageSummary {
    pub(super) name: String,
    #[serde(skip)]
    pub(super) platforms: Vec<Platform>,
    /// The repository without a tag.
    pub(super) repository: String,
    /// A tag that stays the same from commit to commit.
    pub(super) tag: String,
    /// Numeric user and group; `None` for root and for a user that only the image's own passwd resolves.
    #[serde(skip)]
    pub(super) user: Option<(u32, u32)>,
    /// Ports as `8080` or `53/udp`.
    pub(super) ports: Vec<String>,
}

/// Returns a summary of each image.
///
/// Reuses the planner of Dockerfiles, on a copy of the configuration from which everything is removed that could keep a
/// Dockerfile from being rendered: manifests and pipelines do not depend on it.
///
/// # Errors
/// Fails if the configuration's targets or programs cannot be resolved.
pub(super) fn image_summaries(
    config: &Config,
    projects: &Projects,
    options: &InitOptions,
) -> Result<Vec<ImageSummary>, ScaffoldError> {
    let (mut config, mut projects) = (config.clone(), projects.clone());
    for project in projects.projects.values_mut() {
        match project {
            Project::Rust(workspace) => workspace.sources.outside.clear(),
            Project::Go(module) => module.sources.outside.clear(),
        }
    }
    let assumed = Source::Default("assumed by init".to_owned());
    for image in &mut config.images {
        image.remove_templates();
        image.files.clear();
        image.cgo.get_or_insert_with(|| Sourced::new(false, assumed.clone()));
        image.dockerfile = DockerfileConfig::default();
        image.dockerfile.toolchain = Some(Sourced::new("1".to_owned(), assumed.clone()));
        if let Some(user) = &mut image.user {
            user.value = numeric_user(&user.value);
        }
    }
    let without_templates = config.rendered(&BTreeMap::new())?;
    let mut settings = DockerfileSettings::default();
    settings.machine_flags = MachineFlags::LeftOut;
    let found = dockerfile_requests(&without_templates, &projects, &plan_request(options), &settings);
    let found = found.map_err(|error| match error {
        PlanError::Dockerfile(error) => {
            ScaffoldError::InvalidOption { option: "crossdock.toml".to_owned(), reason: error.to_string() }
        }
        error => ScaffoldError::Plan(error),
    })?;
    Ok(found.iter().map(|recipe| image_summary(recipe, &config)).collect())
}

/// Converts a user to numbers by the names of the built-in base image. Any other name becomes root: Kubernetes verifies
/// `runAsNonRoot` by number and refuses both.
fn numeric_user(user: &str) -> String {
    let name = user.split(':').next().unwrap_or(user);
    match name {
        "nonroot" => "65532:65532".to_owned(),
        "nobody" => "65534:65534".to_owned(),
        number if number.parse::<u32>().is_ok() => user.to_owned(),
        _ => "0:0".to_owned(),
    }
}

fn image_summary(recipe: &DockerfileRequest, config: &Config) -> ImageSummary {
    let image = config.images.iter().find(|image| image.name.value == recipe.image);
    let repository = image.and_then(|image| image.repository.as_ref());
    let tags = image.and_then(|image| image.tags.as_ref()).map(|tags| tags.value.as_slice());
    // A template such as `{commit}` gives another tag for each commit; then a person or a pipeline fills in the tag.
    let tag = match tags {
        None => Some("latest"),
        Some(tags) => tags.iter().map(String::as_str).find(|tag| !tag.contains('{')),
    };
    ImageSummary {
        name: recipe.image.clone(),
        platforms: recipe.platforms.clone(),
        repository: repository.map_or_else(|| recipe.image.clone(), |name| name.value.clone()),
        tag: tag.unwrap_or("replace-this-tag").to_owned(),
        user: Some(recipe.file.container.user).filter(|(user, _)| *user != 0),
        ports: recipe.file.container.expose.clone(),
    }
}

/// Returns a plan request that depends neither on this machine nor on the commit, so that generated files do not either.
pub(super) fn plan_request(options: &InitOptions) -> planner::Request {
    let mut request = planner::Request::new(options.network, options.scratch_directory.clone());
    request.source_date_epoch = Some(0);
    request
}

/// Returns the Dockerfiles and `.dockerignore` files of the images whose build context is the project's directory, and a
/// note for each image without one.
///
/// Next to a Dockerfile of the user, which stays unless `edited_files` replaces it, no ignore file is written: it would
/// exclude files which that Dockerfile copies.
///
/// # Errors
/// Fails if a Dockerfile that exists cannot be read.
pub(super) fn docker_files(
    config: &Config,
    projects: &Projects,
    request: &planner::Request,
    edited_files: EditedFiles,
) -> Result<(Vec<DesiredFile>, Vec<String>), ScaffoldError> {
    // The settings leave out this machine's compilers: two machines must generate the same files.
    let inputs = match DockerfileInputs::read(config) {
        Ok(inputs) => inputs,
        Err(error) => return Ok((Vec::new(), vec![no_dockerfile_note(&error)])),
    };
    let mut settings = DockerfileSettings::default();
    settings.templates = inputs.templates;
    settings.digests = inputs.digests;
    settings.machine_flags = MachineFlags::LeftOut;
    let (config, varying) = match without_varying(config, projects, request) {
        Ok(found) => found,
        Err(error) => return Ok((Vec::new(), vec![no_dockerfile_note(&error)])),
    };
    let rendered = template_values(&config, projects, request).map(|values| config.rendered(&values));
    let found = match rendered {
        Ok(Ok(rendered)) => dockerfile_requests(&rendered, projects, request, &settings),
        Ok(Err(error)) => return Ok((Vec::new(), vec![no_dockerfile_note(&error)])),
        Err(error) => Err(error),
    };
    let found = match found {
        Ok(recipes) => recipes,
        Err(error) => return Ok((Vec::new(), vec![no_dockerfile_note(&error)])),
    };
    let (mut files, mut notes) = (Vec::new(), Vec::new());
    let here: Vec<&DockerfileRequest> = found.iter().filter(|recipe| recipe.context == config.root).collect();
    let elsewhere = found.iter().filter(|recipe| recipe.context != config.root);
    notes.extend(elsewhere.map(|recipe| {
        format!(
            "the build context of {} is {}: run `crossdock init` there for its Dockerfile",
            recipe.image, recipe.context
        )
    }));
    for recipe in &here {
        if let Some(values) = varying.get(&recipe.image) {
            notes.push(format!(
                "no Dockerfile for {}: a checked-in one would keep the values of one commit ({values}); build with \
                 `crossdock dist --builder`, or render it for each build with `crossdock render dockerfile`",
                recipe.image
            ));
            continue;
        }
        notes.extend(recipe.left_out.iter().cloned());
        let rendered = match recipe.render() {
            Ok(rendered) => rendered,
            Err(error) => {
                notes.push(no_dockerfile_note(&error));
                continue;
            }
        };
        let (dockerfile, ignore) = docker_file_names(recipe, &here);
        let is_kept = edited_files == EditedFiles::Keep && is_yours(&config.root, &dockerfile)?;
        let dockerfile = DesiredFile::generated(Part::Dockerfile, dockerfile, rendered.dockerfile);
        let ignore_file = (!is_kept)
            .then(|| DesiredFile::generated(Part::Dockerignore, ignore.clone(), rendered.dockerignore));
        if is_kept {
            notes.push(kept_dockerfile_note(&config.root, &dockerfile.path, &ignore)?);
        }
        files.push(dockerfile);
        files.extend(ignore_file);
    }
    Ok((files, notes))
}

/// Returns the configuration without the templates of images with values that vary from commit to commit, and these
/// values by image.
fn without_varying(
    config: &Config,
    projects: &Projects,
    request: &planner::Request,
) -> Result<(Config, BTreeMap<String, String>), PlanError> {
    let values = template_values(config, projects, request)?;
    let (mut config, mut varying) = (config.clone(), BTreeMap::new());
    for image in &mut config.images {
        let name = &image.name.value;
        if let Some(names) = values.get(name).and_then(|values| image.varying(values)) {
            varying.insert(name.clone(), names);
            image.remove_templates();
        }
    }
    Ok((config, varying))
}

/// Names the Dockerfile and its ignore file. A single image gets the usual names. For others, BuildKit reads
/// `NAME.dockerignore` next to the Dockerfile `NAME`, and for no other Dockerfile
/// (<https://docs.docker.com/build/concepts/context/#filename-and-location>): a project with several images, or with other
/// Dockerfiles of the user, gets such names.
fn docker_file_names(recipe: &DockerfileRequest, all: &[&DockerfileRequest]) -> (String, String) {
    let name = if all.len() == 1 { "Dockerfile".to_owned() } else { file_name(recipe) };
    let is_shared = all.len() > 1 || has_other_dockerfile(&recipe.context);
    let ignore = if is_shared { format!("{name}.dockerignore") } else { ".dockerignore".to_owned() };
    (name, ignore)
}

/// Returns whether a file exists and crossdock did not generate it, or may not touch it.
///
/// # Errors
/// Fails if the file cannot be read.
fn is_yours(root: &Utf8Path, path: &str) -> Result<bool, ScaffoldError> {
    Ok(match read_on_disk(root, path.into())? {
        OnDisk::Absent => false,
        OnDisk::Blocked(_) => true,
        OnDisk::File { text, .. } => parse_generated(&text).is_none(),
    })
}

/// The depth below the project's directory to which Dockerfiles are looked for, as `deploy/images/app/Dockerfile`.
const DOCKERFILE_DEPTH: usize = 6;

/// The number of directories that are looked into, so that a huge checkout does not delay the call.
const DIRECTORY_LIMIT: usize = 10_000;

/// Directories of other tools, with Dockerfiles of other projects.
const FOREIGN_DIRECTORIES: [&str; 4] = [".git", "node_modules", "target", "vendor"];

/// Returns whether the user has a Dockerfile other than `Dockerfile` in the project's directory: wherever it is, its build
/// context may be the project's directory, to whose builds `.dockerignore` applies.
fn has_other_dockerfile(root: &Utf8Path) -> bool {
    let mut level = vec![root.to_owned()];
    let mut read = 0;
    for _ in 0..=DOCKERFILE_DEPTH {
        let mut below = Vec::new();
        for directory in level {
            read += 1;
            if read > DIRECTORY_LIMIT {
                return false;
            }
            for entry in directory.read_dir_utf8().into_iter().flatten().flatten() {
                // The entry's own type: a symbolic link to a directory may lead out of the project, or in a circle.
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    if !is_foreign(entry.path()) {
                        below.push(entry.into_path());
                    }
                } else if is_other_dockerfile(root, entry.path()) {
                    return true;
                }
            }
        }
        level = below;
    }
    false
}

fn is_foreign(directory: &Utf8Path) -> bool {
    directory.file_name().is_some_and(|name| FOREIGN_DIRECTORIES.contains(&name))
        || is_marked_output(directory.as_std_path()).unwrap_or(true)
}

fn is_other_dockerfile(root: &Utf8Path, path: &Utf8Path) -> bool {
    let below = path.strip_prefix(root).unwrap_or(path);
    let is_named = below != "Dockerfile" && path.file_name().is_some_and(is_dockerfile_name);
    // A file that cannot be read is the user's.
    is_named && is_yours(root, below.as_str()).unwrap_or(true)
}

/// Returns whether a file has one of the names by which engines and editors know Dockerfiles: `Dockerfile`,
/// `Dockerfile.dev`, `dev.Dockerfile`, and the same with `Containerfile`. Ignore files and backups have other names.
fn is_dockerfile_name(name: &str) -> bool {
    let words: Vec<String> = name.split('.').map(str::to_ascii_lowercase).collect();
    let is_other = |word: &String| ["dockerignore", "containerignore", "orig"].contains(&word.as_str());
    let is_kind = |word: Option<&String>| {
        word.is_some_and(|word| ["dockerfile", "containerfile"].contains(&word.as_str()))
    };
    (is_kind(words.first()) || is_kind(words.last())) && !words.iter().any(is_other)
}

/// Words why neither file is written, and names an ignore file that an earlier call left next to the user's Dockerfile.
///
/// # Errors
/// Fails if the ignore file cannot be read.
fn kept_dockerfile_note(
    root: &Utf8Path,
    dockerfile: &Utf8Path,
    ignore: &str,
) -> Result<String, ScaffoldError> {
    let earlier = match read_on_disk(root, ignore.into())? {
        OnDisk::File { text, .. } => parse_generated(&text).is_some(),
        OnDisk::Absent | OnDisk::Blocked(_) => false,
    };
    let end = if earlier {
        format!(
            "; {ignore} was generated by crossdock and may exclude files that {dockerfile} copies: delete the file, \
             or only its first line to maintain it yourself"
        )
    } else {
        String::new()
    };
    Ok(format!("{dockerfile} is yours: neither it nor {ignore} is written{end}"))
}

/// Words an error, with its causes, as a note.
fn no_dockerfile_note(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let why: Vec<String> =
        std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect();
    format!("no Dockerfile is written: {}", why.join(": "))
}

#[derive(Serialize)]
struct KubernetesValues<'a> {
    image: &'a ImageSummary,
    name: String,
    user: u32,
    group: u32,
    architectures: Vec<String>,
    repository: &'a str,
    reference: String,
    ports: Vec<KubernetesPort>,
}

#[derive(Serialize)]
struct KubernetesPort {
    name: String,
    number: String,
    protocol: String,
}

/// Returns the Deployment of an image with a Service for its ports; unavailable if Kubernetes would refuse its user.
///
/// # Errors
/// Fails if the template does not fit, which is a bug in crossdock.
pub(super) fn kubernetes_manifest(image: &ImageSummary) -> Result<Availability<DesiredFile>, ScaffoldError> {
    let Some((user, group)) = image.user.filter(|(user, _)| *user != 0) else {
        return Ok(Availability::Unavailable(Unavailable::because(format!(
            "kubernetes/{}.yaml is left out: its pods would run as root or as a user without a number, and \
             runAsNonRoot refuses both; set `user = \"65532:65532\"`",
            image.name
        ))));
    };
    // https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-arch: GOARCH, as in an image.
    let architectures: BTreeSet<&str> =
        image.platforms.iter().map(|platform| platform.architecture().as_str()).collect();
    let values = KubernetesValues {
        name: dns_label(&image.name),
        user,
        group,
        architectures: architectures.into_iter().map(str::to_owned).collect(),
        repository: &image.repository,
        reference: format!("{}:{}", image.repository, image.tag),
        ports: image.ports.iter().map(|port| kubernetes_port(port)).collect(),
        image,
    };
    let path = format!("kubernetes/{}.yaml", image.name);
    let body = render_template("kubernetes.yaml", &values)?;
    Ok(Availability::Available(DesiredFile::generated(Part::Kubernetes, path, body)))
}

/// Parses a port such as `8080` or `53/udp`. Kubernetes allows 15 characters for its name; `sctp-65535` has 10.
fn kubernetes_port(text: &str) -> KubernetesPort {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    KubernetesPort {
        name: format!("{protocol}-{number}"),
        number: number.to_owned(),
        protocol: protocol.to_ascii_uppercase(),
    }
}

/// Converts a name to an RFC 1035 label, which a Service requires: at most 63 lower-case letters, digits and hyphens that
/// begin with a letter.
fn dns_label(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let begins = plain.starts_with(|c: char| c.is_ascii_alphabetic());
    let whole = if begins { plain } else { format!("app-{plain}") };
    let short: String = whole.to_ascii_lowercase().chars().take(63).collect();
    short.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired_file::{CommentStyle, stamp_header};

    #[test]
    fn dockerfile_names_are_recognised() {
        for name in ["Dockerfile", "Containerfile", "Dockerfile.dev", "dev.Dockerfile", "api.dockerfile"] {
            assert!(is_dockerfile_name(name), "{name}");
        }
        for name in
            [".dockerignore", "Dockerfile.dockerignore", "Dockerfile.orig", "Dockerfile.orig.1", "docker"]
        {
            assert!(!is_dockerfile_name(name), "{name}");
        }
    }

    #[test]
    fn only_dockerfiles_of_the_user_count_as_others() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let write = |path: &str, text: &str| {
            std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            crossdock_fs::write_atomically(root.join(path), text.as_bytes()).unwrap();
        };
        let generated = stamp_header("FROM scratch\n", CommentStyle::Hash, "0.1.0");
        write("Dockerfile", "FROM alpine\n");
        write("api.Dockerfile", &generated);
        assert!(!has_other_dockerfile(root), "`Dockerfile` itself counts as another one");
        assert!(is_yours(root, "Dockerfile").unwrap() && !is_yours(root, "api.Dockerfile").unwrap());
        assert!(!is_yours(root, "absent").unwrap());
        let note = |ignore| kept_dockerfile_note(root, "Dockerfile".into(), ignore).unwrap();
        assert!(!note(".dockerignore").contains("delete"));
        write(".dockerignore", &generated);
        assert!(note(".dockerignore").ends_with("or only its first line to maintain it yourself"));
        for foreign in ["vendor", "web/node_modules/a", "a/target", "out"] {
            write(&format!("{foreign}/Dockerfile"), "FROM alpine\n");
        }
        crossdock_fs::mark_output(root.join("out").as_std_path()).unwrap();
        write("a/b/c/d/e/f/g/Dockerfile", "FROM alpine\n");
        write("images/api/Dockerfile", &generated);
        assert!(!has_other_dockerfile(root));
        for directory in ["docker", "build/package", "images/app", ".docker", "a/b/c/d/e/f"] {
            write(&format!("{directory}/Dockerfile"), "FROM alpine\n");
            assert!(has_other_dockerfile(root), "{directory}");
            std::fs::remove_file(root.join(directory).join("Dockerfile")).unwrap();
        }
    }

    #[test]
    fn kubernetes_names_are_dns_labels() {
        assert_eq!(dns_label("web_shop.api"), "web-shop-api");
        assert_eq!(dns_label("2048"), "app-2048");
        let long = dns_label(&"a-".repeat(60));
        assert!(long.len() <= 63 && long.ends_with('a'), "{long}");
    }
}
