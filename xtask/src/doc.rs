//! `cargo xtask doc`: generates parts of the documentation from tables in the code.
//!
//! A document marks a part with `<!-- generated: NAME -->` and `<!-- end -->`, each on its own line; the text between
//! them is replaced by the output of the generator with that name.

use std::path::{Path, PathBuf};

use crossdock_platform::{BuildTarget, Linkage, Vocabulary, known_names, known_platforms};

use crate::arguments::Doc;
use crate::shell::{Failure, repository, say};

/// The name of a part, and the function that returns its Markdown.
type Generator = (&'static str, fn() -> String);

/// The generators, each from the crate that owns the table.
const GENERATORS: &[Generator] = &[
    ("configuration", || crossdock::config::KEYS_MARKDOWN.to_owned()),
    ("template variables", || crossdock::template::MARKDOWN.to_owned()),
    ("environment", environment),
    ("exit codes", exit_codes),
    ("finding codes", crossdock_verify::catalogue_markdown),
    ("affinity codes", crossdock_kubernetes::codes::catalogue_markdown),
    ("lint codes", crossdock_dockerfile::lint::catalogue_markdown),
    ("platforms", platforms),
    ("vocabularies", vocabularies),
];

/// Lists the environment variables, from the table that the library reads.
fn environment() -> String {
    let rows =
        crossdock::config::VARIABLES.iter().map(|(name, meaning)| format!("| `{name}` | {meaning} |\n"));
    format!("| variable | meaning |\n|---|---|\n{}", rows.collect::<String>())
}

/// Lists the exit codes, from the table that `--help` shows.
fn exit_codes() -> String {
    let rows = crossdock_cli::EXIT_CODES.map(|(code, meaning)| format!("| {} | {meaning} |\n", code as i32));
    format!("| code | meaning |\n|---|---|\n{}", rows.concat())
}

/// Lists the names of each platform for compilers and tools, from the table that the library reads.
fn platforms() -> String {
    let rows = known_platforms().map(|platform| {
        let target = |linkage| BuildTarget::new(platform.clone(), linkage);
        let rust = |linkage| target(linkage).rust().map_or("", |rust| rust.triple);
        let go = target(Linkage::Static)
            .go()
            .map(|go| go.level.map_or("yes".to_owned(), |(name, value)| format!("{name}={value}")));
        let names = target(Linkage::Dynamic).names();
        let packages = [names.debian, names.alpine, names.rpm].map(|name| name.unwrap_or("–")).join(", ");
        let cells = [
            rust(Linkage::Static),
            rust(Linkage::Dynamic),
            &go.unwrap_or_default(),
            names.gcc.as_deref().unwrap_or_default(),
            names.zig.as_deref().unwrap_or_default(),
            names.qemu_user.unwrap_or_default(),
            packages.trim_matches(['–', ',', ' ']),
        ];
        format!("| {platform} | {} |\n", cells.join(" | "))
    });
    let head = "| platform | Rust, static | Rust, dynamic | Go | gcc | zig | emulator | Debian, Alpine, RPM |\n|---|---|---|---|---|---|---|---|\n";
    format!("{head}{}", rows.collect::<String>())
}

/// Lists the vocabularies with some of their names.
fn vocabularies() -> String {
    let rows = Vocabulary::ALL.iter().map(|vocabulary| {
        let names = known_names(*vocabulary);
        // Names spread over the list represent it better than its first ones.
        let step = names.len().div_ceil(4).max(1);
        let some: Vec<String> = names.iter().step_by(step).map(|name| format!("`{name}`")).collect();
        format!("| {vocabulary} | {} |\n", some.join(", "))
    });
    format!("| vocabulary | some of its names |\n|---|---|\n{}", rows.collect::<String>())
}

/// Returns the documents that may contain generated parts: README.md and every Markdown file in docs/.
fn documents() -> Result<Vec<PathBuf>, Failure> {
    let directory = repository().join("docs");
    let mut found = vec![repository().join("README.md")];
    if directory.is_dir() {
        for entry in std::fs::read_dir(&directory).map_err(Failure::file(&directory))? {
            found.push(entry.map_err(Failure::file(&directory))?.path());
        }
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "md") && path.is_file());
    found.sort();
    Ok(found)
}

/// Writes or checks the generated parts.
pub(crate) fn run(options: &Doc) -> Result<(), Failure> {
    if options.check { check() } else { changed()?.iter().try_for_each(|(path, text)| write(path, text)) }
}

/// Fails with the names of the documents whose generated parts are out of date.
fn check() -> Result<(), Failure> {
    let changed = changed()?;
    if changed.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = changed.iter().map(|(path, _)| path.display().to_string()).collect();
    Err(Failure::Answer(format!("out of date: {}; run `cargo xtask doc` and commit", names.join(", "))))
}

/// Returns the documents whose text would change, with their new text. An unused generator is an error.
fn changed() -> Result<Vec<(PathBuf, String)>, Failure> {
    let (mut changed, mut used) = (Vec::new(), Vec::new());
    for path in documents()? {
        let old = std::fs::read_to_string(&path).map_err(Failure::file(&path))?;
        let new = render(&old, GENERATORS, &mut used)
            .map_err(|reason| Failure::Answer(format!("{}: {reason}", path.display())))?;
        if new != old {
            changed.push((path, new));
        }
    }
    match GENERATORS.iter().find(|(name, _)| !used.contains(name)) {
        Some((name, _)) => Err(Failure::Answer(format!("no document has the generated part {name:?}"))),
        None => Ok(changed),
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    say(&format!("writing {}", path.display()));
    let parent = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(parent).map_err(Failure::file(path))?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(Failure::file(path))?;
    file.persist(path).map(drop).map_err(|error| Failure::File { path: path.to_owned(), source: error.error })
}

/// Returns a text with its generated parts replaced.
fn render(text: &str, generators: &[Generator], used: &mut Vec<&'static str>) -> Result<String, String> {
    let (mut output, mut inside) = (String::with_capacity(text.len()), false);
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if let Some(name) =
            trimmed.strip_prefix("<!-- generated: ").and_then(|rest| rest.strip_suffix(" -->"))
        {
            let known = generators.iter().find(|(known, _)| *known == name);
            let (name, generate) = known.ok_or_else(|| format!("unknown generator {name:?}"))?;
            used.push(name);
            inside = true;
            output.push_str(line);
            output.push_str(&format!("\n{}\n\n", generate().trim()));
        } else if trimmed == "<!-- end -->" && inside {
            inside = false;
            output.push_str(line);
        } else if !inside {
            output.push_str(line);
        }
    }
    if inside { Err("a generated part has no `<!-- end -->`".to_owned()) } else { Ok(output) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Generator = ("table", || "| a |\n".to_owned());

    #[test]
    fn a_part_is_replaced_and_a_second_run_changes_nothing() {
        let text = "# T\n<!-- generated: table -->\nold\n<!-- end -->\nafter\n";
        let mut used = Vec::new();
        let new = render(text, &[TABLE], &mut used).unwrap();
        assert_eq!(new, "# T\n<!-- generated: table -->\n\n| a |\n\n<!-- end -->\nafter\n");
        assert_eq!(used, ["table"]);
        assert_eq!(render(&new, &[TABLE], &mut used).unwrap(), new);
    }

    #[test]
    fn every_generator_writes_a_table_of_several_rows() {
        for (name, generate) in GENERATORS {
            let text = generate();
            let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
            assert!(rows.len() > 4 && rows.iter().all(|row| row.ends_with('|')), "{name}");
        }
    }

    #[test]
    fn unknown_generators_and_unclosed_parts_are_errors() {
        for text in ["<!-- generated: nothing -->\n<!-- end -->\n", "<!-- generated: table -->\nno end\n"] {
            assert!(render(text, &[TABLE], &mut Vec::new()).is_err(), "{text}");
        }
    }
}
