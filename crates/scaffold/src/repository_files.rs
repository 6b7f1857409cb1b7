//! The README of the repository, which describes the commands and the other files of the scaffold.

use camino::Utf8Path;
use crossdock_fs::read_text;
use serde::Serialize;

use super::desired_file::{CommentStyle, DesiredFile, Owner, parse_generated, render_template};
use super::error::ScaffoldError;
use super::image_files::ImageSummary;
use super::options::Part;
use super::pipelines::{GITHUB_WORKFLOW, GITLAB_PIPELINE};
use crossdock_system::process::quote;

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
        Part::Github if file.path == GITHUB_WORKFLOW => Some(
            "builds on a runner of each architecture, and pushes one index that is verified before it is tagged",
        ),
        Part::Gitlab if file.path == GITLAB_PIPELINE => Some("the same at GitLab"),
        Part::Github | Part::Gitlab => Some("the pipeline's crossdock: installs it and runs it"),
        Part::Kubernetes => Some("runs it on nodes of its platforms: `kubectl apply -f kubernetes`"),
        Part::Program | Part::Xtask | Part::Dockerignore | Part::Readme => None,
    };
    words.map(str::to_owned)
}
