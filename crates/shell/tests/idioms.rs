//! Follows the usual kinds of entry scripts.
//!
//! Each file in `idioms` is a script. Comments with `#:` tell how it starts: its arguments, user, environment, and the files of
//! its image, about which nothing is known if none is listed. Comments with `#=` at the end are what we say: each program and
//! each end, with `?` if it may not come to it. Comments with `#:` after these start the script again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crossdock_shell::{
    Dialect, EndKind, Entry, Environment, Executable, Files, Found, Outcome, Start, Value, follow,
    read_shell_arguments,
};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An image of which every file is listed, unless none is.
#[derive(Default)]
struct Image {
    files: BTreeSet<String>,
    directories: BTreeMap<String, Vec<String>>,
    texts: BTreeMap<String, String>,
}

impl Files for Image {
    fn entry(&self, path: &str) -> Entry {
        if self.files.contains(path) {
            return Entry::File(Executable::Yes);
        }
        if self.texts.contains_key(path) {
            return Entry::File(Executable::No);
        }
        if self.directories.contains_key(path) || ["/srv", "/", "/usr/lib"].contains(&path) {
            return Entry::Directory;
        }
        if self.files.is_empty() { Entry::Unknown } else { Entry::Absent }
    }

    fn entries(&self, directory: &str) -> Option<Vec<String>> {
        self.directories.get(directory).cloned()
    }

    fn text(&self, path: &str) -> Option<Vec<u8>> {
        self.texts.get(path).map(|text| text.clone().into_bytes())
    }
}

/// Returns the comments of each start of a script.
fn starts(text: &str) -> Vec<Vec<&str>> {
    let comments: Vec<&str> =
        text.lines().filter(|line| line.starts_with("#: ") || line.starts_with("#= ")).collect();
    let goes_on = |line: &&str, next: &&str| line.starts_with("#: ") || next.starts_with("#= ");
    comments.chunk_by(goes_on).map(<[&str]>::to_vec).collect()
}

fn case(text: &str, comments: &[&str]) -> (Start, Image, String) {
    let mut image = Image::default();
    let mut variables = vec![("PATH".to_owned(), PATH.to_owned())];
    let mut start = Start::new(text);
    let mut unknown = false;
    let mut expected = String::new();
    for line in comments {
        if let Some(line) = line.strip_prefix("#= ") {
            writeln!(expected, "{line}").unwrap();
        }
        let Some((what, rest)) = line.strip_prefix("#: ").and_then(|line| line.split_once(' ')) else {
            continue;
        };
        match what {
            "args" => {
                // The arguments are words of a shell: let our own reader split them.
                let outcome = follow(&Start::new(format!("a {rest}")), &Image::default());
                start.arguments = outcome.programs[0].words[1..].to_vec();
            }
            "user" => start.user = rest.parse().ok(),
            "file" => drop(image.files.insert(rest.to_owned())),
            "env" => {
                let (name, value) = rest.split_once('=').unwrap();
                variables.push((name.to_owned(), value.to_owned()));
            }
            "directory" => {
                let mut words = rest.split(' ').map(str::to_owned);
                image.directories.insert(words.next().unwrap(), words.collect());
            }
            "text" => {
                let (path, text) = rest.split_once(' ').unwrap();
                image.texts.insert(path.to_owned(), text.to_owned());
            }
            "unknown" if rest == "arguments" => start.arguments = vec![Value::many()],
            "unknown" => unknown = true,
            _ => panic!("{line}"),
        }
    }
    start.environment =
        if unknown { Environment::with_unknown_rest(variables) } else { Environment::only(variables) };
    start.dialect =
        if text.lines().next().unwrap().ends_with("bash") { Dialect::Bash } else { Dialect::Dash };
    start.name = Value::from("/entry.sh");
    (start, image, expected)
}

fn shown(word: &Value) -> String {
    if word.text() == Some("") { "''".to_owned() } else { word.to_string() }
}

fn told(outcome: &Outcome) -> String {
    let mut text = String::new();
    let maybe = |certain: bool| if certain { "" } else { "?" };
    for program in &outcome.programs {
        let words: Vec<String> = program.words.iter().map(shown).collect();
        let found = match &program.found {
            Found::Missing => " (missing)".to_owned(),
            Found::NotExecutable(_) => " (not executable)".to_owned(),
            Found::At(path) if Some(path.as_str()) != program.words[0].text() => format!(" ({path})"),
            Found::At(_) | Found::Unknown => String::new(),
        };
        let how = format!("{:?}{} {:?}", program.how, maybe(program.certain), program.failure).to_lowercase();
        write!(text, "{} {how}: {}{found}", program.position.line, words.join(" ")).unwrap();
        for (name, value) in &program.environment {
            write!(text, " {name}={}", value.as_ref().map_or("unset".to_owned(), Value::to_string)).unwrap();
        }
        text.push('\n');
    }
    for end in &outcome.ends {
        let kind = match &end.kind {
            EndKind::Exec(program) => format!("exec {}", outcome.programs[*program].words[0]),
            EndKind::Last(program) => format!("last {}", outcome.programs[*program].words[0]),
            kind => format!("{kind:?}"),
        };
        writeln!(text, "end{} {kind}", maybe(end.certain)).unwrap();
    }
    for unfollowed in &outcome.unfollowed {
        writeln!(
            text,
            "{} not followed: {:?} {}",
            unfollowed.position.line, unfollowed.cause, unfollowed.text
        )
        .unwrap();
    }
    if let Some(position) = outcome.carriage_return {
        writeln!(text, "carriage return in line {}", position.line).unwrap();
    }
    text
}

#[test]
fn entry_scripts_are_followed() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/idioms");
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 20);
    let mut wrong = String::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let starts = starts(&text);
        assert!(!starts.is_empty(), "{} expects nothing", path.display());
        for comments in starts {
            let (start, image, expected) = case(&text, &comments);
            let told = told(&follow(&start, &image));
            // Carriage returns do not survive the comments.
            let told = told.replace('\r', "\\r");
            if told != expected {
                let told: String = told.lines().map(|line| format!("#= {line}\n")).collect();
                writeln!(wrong, "{}:\n{told}", path.file_name().unwrap().display()).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "we say:\n{wrong}");
}

#[test]
fn command_lines_of_shells_are_read() {
    let read = |line: &str| {
        let words: Vec<Value> = line.split(' ').map(Value::from).collect();
        format!("{:?}", read_shell_arguments(&words))
    };
    assert!(read("-c text name one").contains("source: Command"), "{}", read("-c text name one"));
    assert!(read("-euo pipefail script one").contains("pipefail: true"));
    assert!(read("-euo pipefail script one").contains("File"));
    assert!(read("--login -c text").contains("Command"));
    assert!(read("-s one").contains("Input"));
    assert_eq!(read("-c"), "None");
    assert_eq!(read_shell_arguments(&[Value::many(), "x".into()]), None);
}
