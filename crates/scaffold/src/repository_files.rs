//! The files of the repository: the pipelines of GitHub and GitLab, and `README.md`.

use camino::Utf8Path;
use crossdock_fs::read_text;
use serde::Serialize;

use super::desired_file::{CommentStyle, DesiredFile, Owner, parse_generated, render_template};
use super::error::ScaffoldError;
use super::image_files::ImageSummary;
use super::matrix::{Forge, MatrixJob, matrix_jobs};
use super::options::{CrossdockSource, Part, VERSION};
use super::resolved_options::{PipelineInstall, RememberedOptions};
use crossdock_project::Language;
use crossdock_runner::platform_slug;
use crossdock_system::process::quote;

#[derive(Serialize)]
struct PipelineValues<'a> {
    version: &'static str,
    /// The address of the archives; `None` if the pipeline builds crossdock from source.
    archives: Option<&'a str>,
    /// Whether the source is part of the project, so that every job needs a clone.
    source_is_inside: bool,
    /// The time in minutes that a job without a build of the project may take.
    short_timeout: u32,
    check: String,
    install: String,
    image: &'static str,
    builds: Vec<MatrixJob>,
    verify: Vec<String>,
    actions: Actions<'a>,
}

/// The GitHub actions that the workflow uses, pinned to commits: a tag can be moved.
#[derive(Serialize)]
struct Actions<'a> {
    checkout: &'a str,
    upload: &'a str,
    download: &'a str,
}

const ACTIONS: Actions<'static> = Actions {
    checkout: "11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2",
    upload: "ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2",
    download: "d3f86a106a0bac45b974a628896c90dbdf5c8093 # v4.3.0",
};

/// The path of the GitHub Actions workflow.
pub(super) const GITHUB_WORKFLOW: &str = ".github/workflows/crossdock.yml";
/// The path of the GitLab pipeline.
pub(super) const GITLAB_PIPELINE: &str = ".gitlab-ci.yml";

#[derive(Serialize)]
struct ArchiveValues {
    /// The shell command by which later steps find the program in PATH.
    path: String,
}

#[derive(Serialize)]
struct SourceValues {
    /// Whether the image lacks rustup.
    needs_rust: bool,
    /// The arguments of `cargo install` that name the source.
    arguments: String,
    /// The shell command by which later steps find the program in PATH.
    path: String,
}

/// Returns the GitHub Actions workflow.
pub(super) fn github_workflow(
    images: &[ImageSummary],
    remembered: &RememberedOptions,
    install: &PipelineInstall,
) -> Result<DesiredFile, ScaffoldError> {
    let path = |directory: &str| format!(r#"echo "{directory}" >> "$GITHUB_PATH""#);
    // The hosted runners have rustup.
    let script = install_script(install, path, false)?;
    let check = remembered.check_command(install);
    let values = pipeline_values(images, install, (check, script), Forge::Github, "layouts-", "");
    Ok(DesiredFile::generated(Part::Github, GITHUB_WORKFLOW, render_template("github.yml", &values)?))
}

/// Returns the GitLab pipeline.
pub(super) fn gitlab_pipeline(
    images: &[ImageSummary],
    remembered: &RememberedOptions,
    install: &PipelineInstall,
    language: Language,
) -> Result<DesiredFile, ScaffoldError> {
    let path = |directory: &str| format!(r#"export PATH="{directory}:$PATH""#);
    let image = match language {
        Language::Go => "golang:1",
        Language::Rust => "rust:1",
    };
    let script = install_script(install, path, language == Language::Go)?;
    let check = remembered.check_command(install);
    let values = pipeline_values(images, install, (check, script), Forge::Gitlab, ".crossdock/", image);
    Ok(DesiredFile::generated(Part::Gitlab, GITLAB_PIPELINE, render_template("gitlab.yml", &values)?))
}

/// Returns the shell script that installs crossdock; `path` gives the command that adds a directory to PATH.
fn install_script(
    install: &PipelineInstall,
    path: impl Fn(&str) -> String,
    needs_rust: bool,
) -> Result<String, ScaffoldError> {
    match install {
        PipelineInstall::Archives(_) => {
            render_template("install.sh", &ArchiveValues { path: path("$folder/$name") })
        }
        PipelineInstall::Source(source) => {
            let arguments = source.install_arguments();
            let values = SourceValues { needs_rust, arguments, path: path("$directory/bin") };
            render_template("install-source.sh", &values)
        }
    }
}

fn pipeline_values<'a>(
    images: &[ImageSummary],
    pipeline_install: &'a PipelineInstall,
    (check, install): (String, String),
    forge: Forge,
    above: &str,
    image: &'static str,
) -> PipelineValues<'a> {
    let builds = matrix_jobs(images.iter().flat_map(|image| &image.platforms), forge);
    let verify = images.iter().flat_map(|image| {
        image.platforms.iter().map(move |platform| {
            let directory = format!("{above}{}/{}", platform_slug(platform), image.name);
            format!("crossdock verify {directory} --for {platform} --strict")
        })
    });
    let (archives, source_is_inside, short_timeout) = match pipeline_install {
        PipelineInstall::Archives(url) => (Some(url.as_str()), false, 15),
        // A build of crossdock takes minutes.
        PipelineInstall::Source(source) => (None, matches!(source, CrossdockSource::Path(_)), 45),
    };
    PipelineValues {
        version: VERSION,
        archives,
        source_is_inside,
        short_timeout,
        check,
        install,
        image,
        verify: verify.collect(),
        builds,
        actions: ACTIONS,
    }
}

#[derive(Serialize)]
struct ReadmeValues {
    title: String,
    command: &'static str,
    platforms: String,
    files: Vec<FileValues>,
}

#[derive(Serialize)]
struct FileValues {
    path: String,
    what: String,
}

/// Returns whether the project has a README that crossdock did not generate, with any ending.
pub(super) fn has_own_readme(root: &Utf8Path) -> bool {
    let entries = root.read_dir_utf8().into_iter().flatten().flatten();
    let mut readmes = entries.filter(|entry| entry.file_name().to_ascii_uppercase().starts_with("README"));
    readmes.any(|entry| {
        read_text(entry.path().as_std_path()).map_or(true, |text| parse_generated(&text).is_none())
    })
}

/// Returns the README, which describes the commands and the other files of the scaffold.
pub(super) fn readme(
    command: &'static str,
    images: &[ImageSummary],
    files: &[DesiredFile],
) -> Result<DesiredFile, ScaffoldError> {
    let mut platforms: Vec<String> = Vec::new();
    for platform in images.iter().flat_map(|image| &image.platforms).map(ToString::to_string) {
        if !platforms.contains(&platform) {
            platforms.push(platform);
        }
    }
    let files = files
        .iter()
        .filter_map(|file| Some(FileValues { path: file.path.to_string(), what: file_description(file)? }));
    let values = ReadmeValues {
        // Not the directory's name: every clone may have another, and the file would drift.
        title: readme_title(images),
        command,
        platforms: platforms.join(", "),
        files: files.collect(),
    };
    let body = render_template("README.md", &values)?;
    let (path, comment) = ("README.md".into(), CommentStyle::Angles);
    Ok(DesiredFile { part: Part::Readme, path, body, comment, owner: Owner::User })
}

/// Lists the names of the images, shortened after the third.
fn readme_title(images: &[ImageSummary]) -> String {
    let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
    match names.as_slice() {
        [] => "This project".to_owned(),
        [first, second, third, others @ ..] if !others.is_empty() => {
            format!("{first}, {second}, {third} and {} more", others.len())
        }
        few => few.join(", "),
    }
}

/// Describes a file in the README; `None` for files that need no description.
fn file_description(file: &DesiredFile) -> Option<String> {
    let words = match file.part {
        Part::Config => Some("what is built, and where it will run; the other files follow it"),
        Part::Dockerfile => {
            return Some(match file.path.as_str() {
                "Dockerfile" => "the same image by a container engine: `docker build .`".to_owned(),
                path => {
                    format!("one of the images by a container engine: `docker build -f {} .`", quote(path))
                }
            });
        }
        Part::Github => Some("builds on a runner of each architecture, verifies, hands the layouts on"),
        Part::Gitlab => Some("the same at GitLab"),
        Part::Kubernetes => Some("runs it on nodes of its platforms: `kubectl apply -f kubernetes`"),
        Part::Program | Part::Xtask | Part::Dockerignore | Part::Readme => None,
    };
    words.map(str::to_owned)
}
