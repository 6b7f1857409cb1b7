//! `README.md`, where there is none.

use camino::Utf8Path;
use serde::Serialize;

use super::error::ScaffoldError;
use super::outline::Outline;
use super::part::Part;
use super::sheet::{Owner, Sheet};
use super::text::fill;
use crate::header::{self, Comment};
use crossdock_system::process::quote;

#[derive(Serialize)]
struct Values {
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

/// Whether the project has a README of its own, under any name.
pub(super) fn has_own(root: &Utf8Path) -> bool {
    let entries = root.read_dir_utf8().into_iter().flatten().flatten();
    let mut readmes = entries.filter(|entry| entry.file_name().to_ascii_uppercase().starts_with("README"));
    readmes
        .any(|entry| std::fs::read_to_string(entry.path()).map_or(true, |text| header::read(&text).is_none()))
}

/// What the project is built with, and by which commands. `sheets` are the other files.
pub(super) fn sheet(
    command: &'static str,
    images: &[Outline],
    sheets: &[Sheet],
) -> Result<Sheet, ScaffoldError> {
    let mut platforms: Vec<String> = Vec::new();
    for platform in images.iter().flat_map(|image| &image.platforms).map(ToString::to_string) {
        if !platforms.contains(&platform) {
            platforms.push(platform);
        }
    }
    let files = sheets
        .iter()
        .filter_map(|sheet| Some(FileValues { path: sheet.path.to_string(), what: what(sheet)? }));
    let values = Values {
        // The folder's name is another one in the next clone.
        title: title(images),
        command,
        platforms: platforms.join(", "),
        files: files.collect(),
    };
    let body = fill("README.md", &values)?;
    let (path, comment) = ("README.md".into(), Comment::Angles);
    Ok(Sheet { part: Part::Readme, path, body, comment, owner: Owner::Person })
}

/// The images' names.
fn title(images: &[Outline]) -> String {
    let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
    match names.as_slice() {
        [] => "This project".to_owned(),
        [first, second, third, others @ ..] if !others.is_empty() => {
            format!("{first}, {second}, {third} and {} more", others.len())
        }
        few => few.join(", "),
    }
}

fn what(sheet: &Sheet) -> Option<String> {
    let words = match sheet.part {
        Part::Config => Some("what is built, and where it will run; the other files follow it"),
        Part::Dockerfile => {
            return Some(match sheet.path.as_str() {
                "Dockerfile" => "the same image by a container engine: `docker build .`".to_owned(),
                // One of several images, each of which has a file.
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
