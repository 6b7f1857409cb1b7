//! The table at the end of a run, and a suggestion for the next command.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use crossdock::execute::{ImageReport, PlatformReport, Report};
use crossdock::verify::{Verdict, Verification};

use super::style::{BAD, DIM, GOOD, WARN, paint};
use super::text::{one_line, shown};
use super::{bytes, duration};

/// Returns the table of a run.
pub(crate) fn table(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["image", "platform", "size", "digest", "verified", "tags", "time"]);
    for image in &report.images {
        for (place, platform) in image.platforms.iter().enumerate() {
            table.add_row(row(image, platform, place));
        }
    }
    for right in [2, 6] {
        if let Some(column) = table.column_mut(right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

fn row(image: &ImageReport, platform: &PlatformReport, place: usize) -> [String; 7] {
    let first = place == 0;
    let only_first = |text: String| if first { text } else { String::new() };
    [
        only_first(image.name.clone()),
        platform.platform.to_string(),
        bytes(platform.size),
        short(&platform.digest.to_string()),
        verified(image, platform),
        only_first(tags(image)),
        only_first(duration(Duration::from_millis(image.milliseconds))),
    ]
    // Before the columns get their widths.
    .map(|cell| shown(&one_line(&cell)))
}

/// Returns the gravest verdict of the targets that take this platform, and the targets' names: `starts: m5.large`.
fn verified(image: &ImageReport, platform: &PlatformReport) -> String {
    let verified: Vec<&Verification> =
        image.verdicts.iter().filter(|target| target.platform.as_ref() == Some(&platform.platform)).collect();
    let Some(verdict) = verified.iter().map(|target| target.verdict()).max() else {
        return "not verified".to_owned();
    };
    let named: Vec<&str> = verified
        .iter()
        .map(|target| target.target.as_str())
        .filter(|name| *name != platform.platform.to_string())
        .collect();
    if named.is_empty() { verdict.to_string() } else { format!("{verdict}: {}", named.join(", ")) }
}

/// Returns a verdict in its color.
pub(crate) fn colored(verdict: Verdict) -> String {
    let style = match verdict {
        Verdict::Starts => GOOD,
        Verdict::Unproven => WARN,
        Verdict::Fails => BAD,
    };
    paint(style, verdict)
}

fn tags(image: &ImageReport) -> String {
    let tags: Vec<&str> = image.references.iter().filter_map(|reference| tag(reference)).collect();
    tags.join(", ")
}

/// Returns the tag of `repository:tag@digest`. A colon before a slash belongs to a registry's port.
fn tag(reference: &str) -> Option<&str> {
    let name = reference.split('@').next()?;
    let (_, tag) = name.rsplit_once(':')?;
    (!tag.contains('/')).then_some(tag)
}

fn short(digest: &str) -> String {
    digest.chars().take("sha256:".len() + 12).collect()
}

/// Suggests the next command, with paths relative to the working directory.
pub(crate) fn next(report: &Report, program: &str, directory: &Utf8Path) -> Option<String> {
    let image = report.images.first()?;
    let reference = image.references.first()?;
    let name = reference.split('@').next().unwrap_or(reference);
    let near = |path: &Utf8PathBuf| path.strip_prefix(directory).unwrap_or(path).to_string();
    let command = match (&image.loaded, &image.archive) {
        (Some(loaded), _) => return Some(format!("next: docker run --rm {loaded}")),
        (None, Some(archive)) => format!("docker load --input {}", near(archive)),
        (None, None) if names_registry(name) => {
            format!("skopeo copy --all oci:{}{} docker://{name}", near(&image.layout), layout_tag(reference))
        }
        // A name without a registry means Docker Hub's official images, which the project cannot push to.
        (None, None) => {
            let here = format!("next: {program} dist --load docker");
            let push = format!("to push it, name its registry: --repository registry.example/{}", image.name);
            return Some(format!("{here}\n      {}", paint(DIM, push)));
        }
    };
    let here = paint(DIM, format!("or to run it here: {program} dist --load docker"));
    Some(format!("next: {command}\n      {here}"))
}

/// Whether a reference contains a registry, or an organization on Docker Hub.
fn names_registry(name: &str) -> bool {
    name.contains('/')
}

fn layout_tag(reference: &str) -> String {
    tag(reference).map(|tag| format!(":{tag}")).unwrap_or_default()
}
