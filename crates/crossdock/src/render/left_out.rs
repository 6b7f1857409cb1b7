//! Files that a Rust program reads at compile time and a rendered `.dockerignore` excludes.
//!
//! For a package in the project's root only `src` and `build.rs` are included, because the root contains everything
//! else as well.

use camino::{Utf8Path, Utf8PathBuf};

use crossdock_project::config::grammar::normalized_path;
use crossdock_runner::planner::DockerfileRequest;

/// The macros with a path relative to the file that contains the call.
const MACROS: [&str; 3] = ["include_str!(", "include_bytes!(", "include!("];

/// The limit of nested directories: deeper than any sources, and low enough that a loop of links ends.
const MAX_DEPTH: usize = 32;

/// Returns a sentence for each file to add to `context`.
pub(super) fn notes(request: &DockerfileRequest) -> Vec<String> {
    let (sources, context) = (&request.file.sources, &request.file.context);
    let mut notes = Vec::new();
    if context.is_empty() && sources.iter().any(|source| source == "build.rs") {
        notes.push(format!(
            "build.rs can read only files that the .dockerignore includes: add the other files it reads to `context` in \
             [image.{}.dockerfile].",
            request.image
        ));
    }
    let included_paths: Vec<Utf8PathBuf> = sources
        .iter()
        .chain(context)
        .map(|pattern| request.context.join(pattern.split('*').next().unwrap_or(pattern)))
        .collect();
    let mut files = Vec::new();
    sources.iter().for_each(|source| add_files(&request.context.join(source), &mut files, 0));
    for file in files {
        let Ok(text) = crossdock_fs::read_text(file.as_std_path()) else { continue };
        let directory = file.parent().unwrap_or(&request.context);
        for path in included(&text).map(|path| normalized_path(directory.join(path))) {
            let Ok(below) = path.strip_prefix(&request.context) else { continue };
            let is_manifest = matches!(below.file_name(), Some("Cargo.toml" | "Cargo.lock"));
            if is_manifest || !path.is_file() || included_paths.iter().any(|known| path.starts_with(known)) {
                continue;
            }
            let name = file.strip_prefix(&request.context).unwrap_or(&file);
            notes.push(format!(
                "{name} includes {below}, which the .dockerignore excludes: add it to `context` in \
                 [image.{}.dockerfile].",
                request.image
            ));
        }
    }
    notes
}

fn add_files(path: &Utf8Path, files: &mut Vec<Utf8PathBuf>, depth: usize) {
    if path.extension() == Some("rs") && path.is_file() {
        files.push(path.to_owned());
    }
    // An unreadable directory cannot be sent to the builder either, and fails there.
    let below = path.read_dir_utf8().into_iter().flatten().flatten().filter(|_| depth < MAX_DEPTH);
    let mut below: Vec<Utf8PathBuf> = below.map(|entry| entry.into_path()).collect();
    below.sort();
    below.iter().for_each(|path| add_files(path, files, depth + 1));
}

/// Returns the paths that a file's macros contain as string literals, outside of line comments.
fn included(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| {
        MACROS
            .iter()
            .flat_map(move |name| line.match_indices(name).map(move |(at, _)| (line, at + name.len())))
    })
    .filter_map(|(line, at)| line[at..].trim_start().strip_prefix('"')?.split('"').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_literals_of_macros_outside_comments_are_found() {
        let text = "#![doc = include_str!(\"../README.md\")]\n// include_str!(\"no\")\nlet a = (include_bytes!( \"a.bin\" ), include!(concat!(env!(\"OUT_DIR\"), \"/b.rs\")));\n";
        assert_eq!(included(text).collect::<Vec<_>>(), ["../README.md", "a.bin"]);
    }
}
