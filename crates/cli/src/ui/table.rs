//! The table at the end of a run, and a suggestion for the next command.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use crossdock::doctor::{Availability, Tool, names_registry};
use crossdock::execute::{ImageReport, PlatformReport, Report};
use crossdock::verify::{Verdict, Verification};

use super::detail::Detail;
use super::style::{BAD, BOLD, DIM, GOOD, WARN, paint};
use super::text::{one_line, shown};
use super::width::{fold, width};
use super::{bytes, counted, duration};

/// The number of images of which a table has all.
const FEW: usize = 20;

/// Returns the images of a report that a person is shown: all of a few, and of many those that changed or were not completed,
/// up to the same number.
pub(crate) fn shown_images(report: &Report, detail: Detail) -> Vec<&ImageReport> {
    let all = report.images.iter();
    if detail == Detail::Whole || report.images.len() <= FEW {
        return all.collect();
    }
    let is_unfinished = |image: &ImageReport| report.unfinished.iter().any(|other| other.image == image.name);
    let (unfinished, finished): (Vec<_>, Vec<_>) = all.partition(|image| is_unfinished(image));
    let changed = finished.into_iter().filter(|image| !image.is_as_before);
    let room = FEW.max(unfinished.len());
    unfinished.iter().copied().chain(changed).take(room).collect()
}

/// Returns the table of a run, or paragraphs if it is wider than `columns`. Of many images it has what changed, and counts the
/// rest.
pub(crate) fn table(report: &Report, columns: usize, detail: Detail) -> String {
    let images = shown_images(report, detail);
    let header = ["image", "platform", "size", "digest", "verified", "tags", "time"].map(str::to_owned);
    let rows = images.iter().flat_map(|image| {
        image.platforms.iter().enumerate().map(|(place, platform)| row(image, platform, place))
    });
    let rows: Vec<[String; 7]> = std::iter::once(header).chain(rows).collect();
    let table = aligned(&rows, &[2, 6], columns).unwrap_or_else(|| {
        images.iter().map(|image| paragraph(image, columns)).collect::<Vec<_>>().join("\n")
    });
    let table = (!images.is_empty()).then_some(table);
    table.into_iter().chain(rest(report, &images)).collect::<Vec<_>>().join("\n")
}

/// Returns lines that count the images that are not shown.
fn rest(report: &Report, images: &[&ImageReport]) -> Vec<String> {
    let is_shown = |image: &&ImageReport| images.iter().any(|shown| shown.name == image.name);
    let hidden = report.images.iter().filter(|image| !is_shown(image));
    let (unchanged, changed): (Vec<_>, Vec<_>) = hidden.partition(|image| image.is_as_before);
    let line = |images: Vec<&ImageReport>, what: &str| {
        let verdicts = [Verdict::Starts, Verdict::Unproven, Verdict::Fails].map(|verdict| {
            let count = images.iter().filter(|image| image.verdict() == Some(verdict)).count();
            (count > 0).then(|| format!("{count} {verdict}"))
        });
        let verdicts = verdicts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let verdicts = if verdicts.is_empty() { "not verified".to_owned() } else { verdicts };
        let count = format!("{} {what}", counted(images.len(), "image"));
        (!images.is_empty()).then(|| format!(" {}  {}", paint(BOLD, count), paint(DIM, verdicts)))
    };
    let lines: Vec<String> =
        [line(changed, "more changed"), line(unchanged, "as before")].into_iter().flatten().collect();
    let hint = (!lines.is_empty()).then(|| paint(DIM, " -v lists all"));
    lines.into_iter().chain(hint).collect()
}

/// Returns rows, of which the first is the header, as aligned columns; `None` if they do not fit into `columns` of the
/// terminal. `right` are the columns of numbers.
pub(crate) fn aligned<const N: usize>(
    rows: &[[String; N]],
    right: &[usize],
    columns: usize,
) -> Option<String> {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.add_rows(rows.iter().map(|row| row.each_ref().map(|text| cell(text))));
    for place in right {
        if let Some(column) = table.column_mut(*place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    lines.iter().all(|line| width(line) <= columns).then(|| lines.join("\n"))
}

/// Returns text for a cell. It is escaped before the columns get their widths.
pub(crate) fn cell(text: &str) -> String {
    shown(&one_line(text))
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
}

/// Returns an image in one paragraph: what all platforms share, and below it each platform.
fn paragraph(image: &ImageReport, columns: usize) -> String {
    let time = duration(Duration::from_millis(image.milliseconds));
    let head = [format!(" {}", paint(BOLD, cell(&image.name))), cell(&tags(image)), time];
    let mut lines = vec![fold(head.iter().map(String::as_str), columns, 4)];
    // The last cell is not padded, so that only what is before it makes columns.
    let cells = image.platforms.iter().map(|platform| {
        let [_, platform, size, digest, verified, ..] = row(image, platform, 1).map(|text| cell(&text));
        [platform, size, digest, verified]
    });
    let cells: Vec<[String; 4]> = cells.collect();
    let widest = |place: usize| cells.iter().map(|row| width(&row[place])).max().unwrap_or(0);
    let (platforms, sizes) = (widest(0), widest(1));
    for [platform, size, digest, verified] in &cells {
        let pad = |text: &str, to: usize| " ".repeat(to.saturating_sub(width(text)));
        let first = format!("   {platform}{}", pad(platform, platforms));
        let size = format!("{}{size}", pad(size, sizes));
        lines.push(fold([first.as_str(), &size, digest, verified], columns, 5));
    }
    lines.join("\n")
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

/// Suggests the next command, with paths relative to the working directory. `engine` is the one into which images were loaded,
/// and `engine_to_run` finds the one that `doctor` lists too.
pub(crate) fn next(
    report: &Report,
    program: &str,
    directory: &Utf8Path,
    engine: Option<&str>,
    engine_to_run: &dyn Fn() -> (&'static str, Availability<Tool>),
) -> Option<String> {
    let image = report.images.first()?;
    let reference = image.references.first()?;
    let name = reference.split('@').next().unwrap_or(reference);
    if !image.nodes.is_empty() {
        // With the digest, a kubelet that has the image pulls nothing.
        return Some(format!("next: kubectl run {} --image {reference}", image.name));
    }
    let near = |path: &Utf8PathBuf| path.strip_prefix(directory).unwrap_or(path).to_string();
    let (runs, engine_found) = engine_to_run();
    let mut lines = match (&image.loaded, &image.archive) {
        (Some(loaded), _) => vec![format!("next: {} run --rm {loaded}", engine.unwrap_or(runs))],
        (None, Some(archive)) => {
            let load = format!("next: {runs} load --input {}", near(archive));
            vec![load, format!("or to run it here: {program} dist --load {runs}")]
        }
        (None, None) if names_registry(name) => {
            let mut lines = vec![format!("next: {program} push {name} {}", near(&image.layout))];
            if engine_found.available().is_some() {
                lines.push(format!("or to run it here: {program} dist --load {runs}"));
            }
            return Some(joined(&lines));
        }
        (None, None) => {
            let push = format!("to push it, name its registry: --repository registry.example/{}", image.name);
            vec![format!("next: {program} dist --load {runs}"), push]
        }
    };
    if image.loaded.is_none() {
        lines.extend(how_to_install(runs, &engine_found));
    }
    Some(joined(&lines))
}

/// Joins a suggestion and what there is to say about it.
fn joined(lines: &[String]) -> String {
    let lines = lines.iter().enumerate().map(|(place, line)| match place {
        0 => line.clone(),
        _ => format!("      {}", paint(DIM, line)),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns how to get a tool that a suggested command needs; `None` if it is installed.
fn how_to_install(name: &str, tool: &Availability<Tool>) -> Option<String> {
    match tool {
        Availability::Available(_) => None,
        Availability::Unavailable(missing) => Some(match missing.remedies.first() {
            Some(remedy) => format!("{name} is not installed; to install it: {remedy}"),
            None => format!("{name} is not installed"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_if_they_fit() {
        let rows = [["file", "bytes"], ["Cargo.toml", "7"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows, &[1], 20).unwrap(), " file        bytes\n Cargo.toml      7");
        assert_eq!(aligned(&rows, &[1], 17), None);
    }
}
