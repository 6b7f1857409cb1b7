//! What a Rust program reads while it is compiled and a rendered `.dockerignore` leaves out.
//!
//! Of a package in the project's root `src` and `build.rs` are let in, because the root holds everything else too.

use camino::{Utf8Path, Utf8PathBuf};

use crossdock_project::config::grammar::normalized_path;
use crossdock_runner::planner::DockerfileRequest;

/// The macros that take a file's path from the file in which they stand.
const MACROS: [&str; 3] = ["include_str!(", "include_bytes!(", "include!("];

/// Deeper than any folder of sources, and shallow enough for a loop of links to end.
const MAX_DEPTH: usize = 32;

/// What to name as `context`, as sentences.
pub(super) fn notes(recipe: &DockerfileRequest) -> Vec<String> {
    let (sources, context) = (&recipe.file.sources, &recipe.file.context);
    let mut notes = Vec::new();
    if context.is_empty() && sources.iter().any(|source| source == "build.rs") {
        notes.push(format!(
            "build.rs finds only what the .dockerignore lets in: name what else it reads as `context` in \
             [image.{}.dockerfile].",
            recipe.image
        ));
    }
    let let_in: Vec<Utf8PathBuf> = sources
        .iter()
        .chain(context)
        .map(|pattern| recipe.context.join(pattern.split('*').next().unwrap_or(pattern)))
        .collect();
    let mut files = Vec::new();
    sources.iter().for_each(|source| add_files(&recipe.context.join(source), &mut files, 0));
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let folder = file.parent().unwrap_or(&recipe.context);
        for path in included(&text).map(|path| normalized_path(folder.join(path))) {
            let Ok(below) = path.strip_prefix(&recipe.context) else { continue };
            let is_manifest = matches!(below.file_name(), Some("Cargo.toml" | "Cargo.lock"));
            if is_manifest || !path.is_file() || let_in.iter().any(|known| path.starts_with(known)) {
                continue;
            }
            let name = file.strip_prefix(&recipe.context).unwrap_or(&file);
            notes.push(format!(
                "{name} includes {below}, which the .dockerignore leaves out: add it to `context` in \
                 [image.{}.dockerfile].",
                recipe.image
            ));
        }
    }
    notes
}

fn add_files(path: &Utf8Path, files: &mut Vec<Utf8PathBuf>, depth: usize) {
    if path.extension() == Some("rs") && path.is_file() {
        files.push(path.to_owned());
    }
    // What cannot be read is not sent either, and says so when it is compiled.
    let below = path.read_dir_utf8().into_iter().flatten().flatten().filter(|_| depth < MAX_DEPTH);
    let mut below: Vec<Utf8PathBuf> = below.map(|entry| entry.into_path()).collect();
    below.sort();
    below.iter().for_each(|path| add_files(path, files, depth + 1));
}

/// The paths that a file's macros name as plain texts, comments apart.
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
    fn plain_paths_in_code_are_found() {
        let text = "#![doc = include_str!(\"../README.md\")]\n// include_str!(\"no\")\nlet a = (include_bytes!( \"a.bin\" ), include!(concat!(env!(\"OUT_DIR\"), \"/b.rs\")));\n";
        assert_eq!(included(text).collect::<Vec<_>>(), ["../README.md", "a.bin"]);
    }
}
