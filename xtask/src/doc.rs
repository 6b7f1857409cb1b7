//! `cargo xtask doc`: the parts of the documentation that are generated from the code's own tables.
//!
//! A document marks a part with `<!-- generated: NAME -->` and `<!-- end -->`, each on a line of its own; what stands
//! between them is replaced by what the generator of that name writes.

use std::path::{Path, PathBuf};

use crossdock_platform::{BuildTarget, Linkage, Vocabulary, known_names, known_platforms};

use crate::chore::Doc;
use crate::shell::{Failure, repository, say};

/// A named part and the function that writes it, as Markdown.
type Generator = (&'static str, fn() -> String);

/// The generators, each from the crate that owns the table.
const GENERATORS: &[Generator] = &[
    ("configuration", || crossdock::config::KEYS_MARKDOWN.to_owned()),
    ("template variables", || crossdock::template::MARKDOWN.to_owned()),
    ("environment", environment),
    ("exit codes", exit_codes),
    ("finding codes", crossdock_verify::catalogue_markdown),
    ("lint codes", crossdock_dockerfile::lint::catalogue_markdown),
    ("platforms", platforms),
    ("vocabularies", vocabularies),
];

/// The environment variables, from the list that the library reads.
fn environment() -> String {
    let rows =
        crossdock::config::VARIABLES.iter().map(|(name, meaning)| format!("| `{name}` | {meaning} |\n"));
    format!("| variable | what it means |\n|---|---|\n{}", rows.collect::<String>())
}

/// The exit codes, from the table that `--help` shows.
fn exit_codes() -> String {
    let rows = crossdock_cli::EXIT_CODES.map(|(code, meaning)| format!("| {} | {meaning} |\n", code as i32));
    format!("| code | meaning |\n|---|---|\n{}", rows.concat())
}

/// What each platform becomes, from the table that the library reads.
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

/// The vocabularies with some of their names.
fn vocabularies() -> String {
    let rows = Vocabulary::ALL.iter().map(|vocabulary| {
        let names = known_names(*vocabulary);
        // Names from all over the list show it better than its beginning.
        let step = names.len().div_ceil(4).max(1);
        let some: Vec<String> = names.iter().step_by(step).map(|name| format!("`{name}`")).collect();
        format!("| {vocabulary} | {} |\n", some.join(", "))
    });
    format!("| vocabulary | some of its names |\n|---|---|\n{}", rows.collect::<String>())
}

/// The documents that may hold generated parts: README.md and every Markdown file below docs/.
fn documents() -> Result<Vec<PathBuf>, Failure> {
    let folder = repository().join("docs");
    let mut found = vec![repository().join("README.md")];
    if folder.is_dir() {
        for entry in std::fs::read_dir(&folder).map_err(Failure::file(&folder))? {
            found.push(entry.map_err(Failure::file(&folder))?.path());
        }
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "md") && path.is_file());
    found.sort();
    Ok(found)
}

/// Writes or checks.
pub(crate) fn run(options: &Doc) -> Result<(), Failure> {
    if options.check { check() } else { changed()?.iter().try_for_each(|(path, text)| write(path, text)) }
}

/// Fails, and names the documents, when a generated part is out of date.
fn check() -> Result<(), Failure> {
    let changed = changed()?;
    if changed.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = changed.iter().map(|(path, _)| path.display().to_string()).collect();
    Err(Failure::Answer(format!("out of date: {}; run `cargo xtask doc` and commit", names.join(", "))))
}

/// The documents whose text would change, with their new text. Every generator must be used somewhere.
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

/// The text with its generated parts replaced.
fn render(text: &str, generators: &[Generator], used: &mut Vec<&'static str>) -> Result<String, String> {
    let (mut output, mut inside) = (String::with_capacity(text.len()), false);
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if let Some(name) =
            trimmed.strip_prefix("<!-- generated: ").and_then(|rest| rest.strip_suffix(" -->"))
        {
            let known = generators.iter().find(|(known, _)| *known == name);
            let (name, generate) = known.ok_or_else(|| format!("there is no generator {name:?}"))?;
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
    fn a_part_is_replaced_and_the_second_time_changes_nothing() {
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
    fn what_cannot_be_written_is_an_error() {
        for text in ["<!-- generated: nothing -->\n<!-- end -->\n", "<!-- generated: table -->\nno end\n"] {
            assert!(render(text, &[TABLE], &mut Vec::new()).is_err(), "{text}");
        }
    }
}
