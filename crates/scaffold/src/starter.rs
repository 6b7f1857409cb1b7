//! `--template`: a small program in an empty folder.

use camino::Utf8Path;
use serde::Serialize;

use super::error::ScaffoldError;
use super::part::Part;
use super::sheet::{Owner, Sheet};
use super::text::fill;
use crate::header::{self, Comment};
use crossdock_project::Language;
use crossdock_project::config::grammar::component;

/// The port on which the programs listen.
pub(super) const PORT: &str = "8080";

/// What a folder may hold and still count as empty.
const NO_PROGRAM: [&str; 6] = [".git", ".github", ".gitignore", ".gitattributes", ".editorconfig", ".idea"];
const DOCUMENTS: [&str; 4] = ["README", "LICENSE", "LICENCE", "COPYING"];

#[derive(Serialize)]
struct Values {
    name: String,
}

/// The files of the program.
pub(super) fn sheets(language: Language, folder: &Utf8Path) -> Result<Vec<Sheet>, ScaffoldError> {
    let values = Values { name: name(folder) };
    let sheet = |template, path: &str, comment| {
        let body = fill(template, &values)?;
        Ok(Sheet { part: Part::Program, path: path.into(), body, comment, owner: Owner::Person })
    };
    match language {
        Language::Go => [
            sheet("go/go.mod", "go.mod", Comment::Slashes),
            sheet("go/main.go", "main.go", Comment::Slashes),
            sheet("go/gitignore", ".gitignore", Comment::Hash),
        ],
        Language::Rust => [
            sheet("rust/main.rs", "src/main.rs", Comment::Slashes),
            sheet("rust/gitignore", ".gitignore", Comment::Hash),
            sheet("rust/Cargo.toml", "Cargo.toml", Comment::Hash),
        ],
    }
    .into_iter()
    .collect()
}

/// Refuses a folder in which a program would be lost among other files. One that an earlier call wrote is no other file.
///
/// # Errors
/// A folder that holds something else, and one that cannot be listed.
pub(super) fn room(folder: &Utf8Path, language: Language) -> Result<(), ScaffoldError> {
    let manifests = [("Cargo.toml", Language::Rust), ("go.mod", Language::Go)];
    let ours = |name: &&(&str, Language)| {
        std::fs::read_to_string(folder.join(name.0)).is_ok_and(|text| header::read(&text).is_some())
    };
    if let Some((_, found)) = manifests.iter().find(ours) {
        let (folder, found, asked) = (folder.to_owned(), *found, language);
        return if found == asked {
            Ok(())
        } else {
            Err(ScaffoldError::OtherTemplate { folder, found, asked })
        };
    }
    let entries = match folder.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(ScaffoldError::Read { path: folder.to_owned(), source }),
    };
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name().to_owned());
    let matters = |name: &String| {
        let document = |start: &&str| name.to_ascii_uppercase().starts_with(*start);
        !NO_PROGRAM.contains(&name.as_str()) && !DOCUMENTS.iter().any(document)
    };
    match names.filter(matters).min() {
        None => Ok(()),
        Some(found) => Err(ScaffoldError::NotEmpty { folder: folder.to_owned(), found }),
    }
}

/// A name for program, package, module and image, from that of the folder.
pub(super) fn name(folder: &Utf8Path) -> String {
    /// Names that cargo refuses or warns of for a package, and the one that the chores have.
    const TAKEN: [&str; 8] = ["alloc", "core", "proc-macro", "std", "test", "deps", "build", "xtask"];
    let lower = folder.file_name().unwrap_or_default().to_lowercase();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let spelled: String = lower.chars().map(plain).collect();
    let words: Vec<&str> = spelled.split('-').filter(|word| !word.is_empty()).collect();
    let name = words.join("-");
    match name.as_str() {
        "" => "app".to_owned(),
        name if TAKEN.contains(&name) || is_keyword(name) => format!("{name}-app"),
        name if name.starts_with(|c: char| c.is_ascii_digit()) || component(name).is_err() => {
            format!("app-{name}")
        }
        name => name.to_owned(),
    }
}

/// Keywords of Rust, which cargo refuses as a package's name.
fn is_keyword(name: &str) -> bool {
    let keywords = "abstract as async await become box break const continue crate do dyn else enum extern false final fn \
                    for gen if impl in let loop macro match mod move mut override priv pub ref return self static struct \
                    super trait true try type typeof unsafe unsized use virtual where while yield";
    keywords.split_whitespace().any(|keyword| keyword == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_folder_has_a_name_that_cargo_go_and_registries_take() {
        for (folder, expected) in [
            ("/home/ann/Web Shop", "web-shop"),
            ("/srv/größe", "gr-e"),
            ("/srv/日本", "app"),
            ("/", "app"),
            ("/srv/2048", "app-2048"),
            ("/srv/test", "test-app"),
            ("/srv/match", "match-app"),
            ("/srv/__a__b..c", "a-b-c"),
        ] {
            assert_eq!(name(folder.into()), expected);
            assert_eq!(component(expected), Ok(()));
        }
    }

    #[test]
    fn only_an_empty_folder_has_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap();
        assert!(room(&path.join("new"), Language::Go).is_ok());
        std::fs::create_dir(path.join(".git")).unwrap();
        std::fs::File::create(path.join("README.md")).unwrap();
        assert!(room(path, Language::Go).is_ok());
        std::fs::File::create(path.join("main.c")).unwrap();
        assert!(room(path, Language::Go).unwrap_err().to_string().contains("main.c"));
        let manifest = header::stamp("module a\n", Comment::Slashes, "1");
        crossdock_fs::write_atomically(path.join("go.mod"), manifest.as_bytes()).unwrap();
        assert!(room(path, Language::Go).is_ok());
        assert!(matches!(room(path, Language::Rust), Err(ScaffoldError::OtherTemplate { .. })));
    }
}
