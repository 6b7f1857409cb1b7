//! CPython's command line, and the search for the module of `python -m NAME` (`Modules/getpath.py`, `site.py`, `runpy.py`).

use std::collections::BTreeSet;

use super::call::Call;
use super::process::{Word, base_name};
use super::{Next, next, report, search, startup};
use crate::root::{EntryKind, Resolved, read_small, resolve};

/// The letters of options without a value, of all versions of Python 3.
const FLAGS: &str = "bBdEhiIOPqRsStuvVx?";
/// The letters that no version of Python 3 takes.
const REFUSED: &str = "ACDFGHKLMNTUYZaefgjklopryzw";
/// The directories below which an interpreter may have its own.
const PREFIXES: &[&str] = &["/usr", "/usr/local"];
/// The number of directories of modules that are searched.
const MAX_DIRECTORIES: usize = 64;
/// The size above which a `.pth` file is not read.
const MAX_PATH_FILE: u64 = 1 << 16;
/// The number of `.pth` files that are read.
const MAX_PATH_FILES: usize = 64;
/// The file of setuptools that adds no directory.
const SETUPTOOLS: &str = "distutils-precedence.pth";

/// The part of a command line that decides what runs.
#[derive(Debug, PartialEq, Eq)]
enum Line<'w> {
    Refused(String),
    Module { name: &'w str, is_safe: bool, ignores_environment: bool },
    Other,
}

/// Returns the result for a command line that CPython refuses, or for a module that it does not find; `None` if it may find
/// it, or if it runs something else.
pub(super) fn read(call: &Call<'_>) -> Option<Next> {
    let names = [base_name(&call.found.path), base_name(&call.program)];
    if !names.iter().any(|name| name.starts_with("python3")) {
        return None;
    }
    match line(call.arguments()) {
        Line::Refused(option) => {
            Some(next::fails(call, format!("it has no option `{option}`, or the option lacks its value")))
        }
        Line::Module { name, is_safe, ignores_environment } => {
            Search::of(call, is_safe, ignores_environment)?.find(call, name)
        }
        Line::Other => None,
    }
}

fn line(words: &[Word]) -> Line<'_> {
    let (mut is_safe, mut ignores_environment) = (false, false);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(text) = word.known() else { return Line::Other };
        let Some(letters) = text.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            return Line::Other;
        };
        if letters.starts_with('-') {
            return Line::Other;
        }
        for (at, letter) in letters.char_indices() {
            let attached = &letters[at + letter.len_utf8()..];
            match letter {
                'c' | 'm' | 'W' | 'X' => {
                    let value = if attached.is_empty() { words.next() } else { None };
                    let refused = || Line::Refused(format!("-{letter}"));
                    let value = match (attached, value) {
                        ("", None) => return refused(),
                        ("", Some(word)) => word.known(),
                        (text, _) => Some(text),
                    };
                    match (letter, value) {
                        ('m', Some(name)) => return Line::Module { name, is_safe, ignores_environment },
                        ('m' | 'c', _) => return Line::Other,
                        _ => break,
                    }
                }
                // It prints and ends.
                'h' | '?' | 'V' => return Line::Other,
                letter if FLAGS.contains(letter) => {
                    is_safe |= matches!(letter, 'I' | 'P');
                    ignores_environment |= matches!(letter, 'I' | 'E');
                }
                letter if REFUSED.contains(letter) => return Line::Refused(format!("-{letter}")),
                _ => return Line::Other,
            }
        }
    }
    Line::Other
}

/// The directories of the standard library below that of a version.
const STANDARD: [&str; 2] = ["", "/lib-dynload"];
/// The directory of installed modules below that of a version.
const PACKAGES: [&str; 1] = ["/site-packages"];
/// All of them, with those of Debian.
const ALL: [&str; 4] = ["", "/lib-dynload", "/site-packages", "/dist-packages"];

/// A virtual environment, by its `pyvenv.cfg` (`venv` in `site.py`).
struct Venv {
    /// Whether it hides the modules that are installed for the interpreter and for the user.
    is_isolated: bool,
    /// The prefix of the interpreter from which it was made.
    home: Option<String>,
}

impl Venv {
    /// Returns the virtual environment at a prefix; `None` if there is none.
    fn read(call: &Call<'_>, prefix: &str) -> Option<Venv> {
        let text = read_small(call.context.container.root, &format!("{prefix}/pyvenv.cfg"), MAX_PATH_FILE)?;
        let text = String::from_utf8_lossy(&text);
        let value = |name: &str| {
            let lines = text.lines().filter_map(|line| line.split_once('='));
            lines
                .filter(|(key, _)| key.trim().to_lowercase() == name)
                .map(|(_, value)| value.trim())
                .next_back()
        };
        let includes = value("include-system-site-packages");
        let is_isolated = includes.is_some_and(|value| value.to_lowercase() != "true");
        let home =
            value("home").and_then(|home| self::prefix(&format!("{}/python", home.trim_end_matches('/'))));
        Some(Venv { is_isolated, home })
    }
}

/// The directories in which a module is searched.
struct Search {
    directories: Vec<String>,
    /// Whether the interpreter may search further directories.
    has_more: bool,
}

impl Search {
    /// Returns the directories of an interpreter; `None` if its standard library is in none that is known.
    fn of(call: &Call<'_>, is_safe: bool, ignores_environment: bool) -> Option<Search> {
        let environment = &call.process.environment;
        let variable =
            |name: &str| environment.get(name).filter(|value| !value.is_empty() && !ignores_environment);
        let is_unknown = |name: &str| environment.is_unknown(name) && !ignores_environment;
        let names = ["PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH", "PYTHONUSERBASE", "PYTHONPLATLIBDIR"];
        if names.into_iter().any(is_unknown)
            || variable("PYTHONHOME").is_some()
            || variable("PYTHONUSERBASE").is_some()
        {
            return None;
        }
        let mut search = Search { directories: Vec::new(), has_more: false };
        if !is_safe && variable("PYTHONSAFEPATH").is_none() {
            search.directories.push(call.process.directory.clone()?);
        }
        let container = call.process.within(call.context.container);
        if let Some(path) = variable("PYTHONPATH") {
            let parts = path.split(':').map(|part| if part.is_empty() { "." } else { part });
            search.directories.extend(parts.map(|part| container.seen_from_working_directory(part)));
        }
        let mut own = prefix(&call.found.path)?;
        // The path by which it is called decides whether it is that of a virtual environment.
        let called = search::called_path(call.process, call.context.container, call.found);
        let called = prefix(&container.seen_from_working_directory(&called));
        let venv = called.as_deref().and_then(|prefix| Venv::read(call, prefix));
        if let Some(Venv { home: Some(home), .. }) = venv.as_ref().filter(|_| called.as_ref() == Some(&own)) {
            own.clone_from(home);
        }
        match (&called, venv) {
            (Some(called), Some(Venv { is_isolated: true, .. })) => {
                search.add_libraries(call, &own, &STANDARD);
                search.add_libraries(call, called, &PACKAGES);
                search.has_more = true;
            }
            (_, venv) => {
                search.has_more |= venv.is_some();
                let of_user = format!("{}/.local", startup::home(call.context, call.process));
                let prefixes = PREFIXES.iter().map(ToString::to_string);
                let prefixes: BTreeSet<String> =
                    prefixes.chain(called.clone()).chain([own.clone(), of_user]).collect();
                prefixes.iter().for_each(|prefix| search.add_libraries(call, prefix, &ALL));
            }
        }
        let mut libraries = search.directories.iter().filter(|path| path.starts_with(&own));
        let has_library =
            libraries.any(|path| resolve(call.context.container.root, &format!("{path}/os.py")).is_ok());
        search.add_path_files(call);
        search.has_more |= search.directories.iter().any(|path| call.context.volumes.touch(path));
        has_library.then_some(search)
    }

    /// Adds the directories of modules below a prefix.
    fn add_libraries(&mut self, call: &Call<'_>, prefix: &str, below: &[&str]) {
        // The one of another version is not searched.
        let version = base_name(&call.found.path);
        let is_other = |name: &str| {
            version.starts_with("python3.")
                && name.starts_with("python3.")
                && name.trim_end_matches('t') != version.trim_end_matches('t')
        };
        for parent in ["lib", "lib64"].map(|name| format!("{prefix}/{name}")) {
            let names = list(call, &parent);
            for name in names.iter().filter(|name| name.starts_with("python3") && !is_other(name)) {
                self.has_more |= name.ends_with(".zip");
                self.directories.extend(below.iter().map(|directory| format!("{parent}/{name}{directory}")));
            }
        }
        self.has_more |= self.directories.len() > MAX_DIRECTORIES;
        self.directories.truncate(MAX_DIRECTORIES);
    }

    /// Notes whether `.pth` files of the directories may add others.
    fn add_path_files(&mut self, call: &Call<'_>) {
        let root = call.context.container.root;
        let mut left = MAX_PATH_FILES;
        let mut added = Vec::new();
        for directory in self.directories.iter().filter(|directory| directory.ends_with("-packages")) {
            for name in
                list(call, directory).iter().filter(|name| name.ends_with(".pth") && *name != SETUPTOOLS)
            {
                let text = (left > 0)
                    .then(|| read_small(root, &format!("{directory}/{name}"), MAX_PATH_FILE))
                    .flatten();
                left = left.saturating_sub(1);
                let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
                self.has_more |=
                    text.as_ref().is_none_or(|text| text.lines().any(|line| line.starts_with("import")));
                let lines = text.unwrap_or_default();
                let lines = lines
                    .lines()
                    .map(str::trim)
                    .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("import"));
                added.extend(lines.take(MAX_DIRECTORIES).map(|line| {
                    if line.starts_with('/') { line.to_owned() } else { format!("{directory}/{line}") }
                }));
            }
        }
        self.has_more |= added.len() > MAX_DIRECTORIES;
        self.directories.extend(added.into_iter().take(MAX_DIRECTORIES));
    }

    /// Returns the result for a module that is in none of the directories, or for a package that cannot run; `None` if it may
    /// be there.
    fn find(&self, call: &Call<'_>, name: &str) -> Option<Next> {
        let root = call.context.container.root;
        let is_name = |part: &str| !part.is_empty() && !part.contains(['/', '\0']);
        let mut parts = name.split('.');
        let top = parts.next().filter(|part| is_name(part))?;
        let has = |directory: &&String| {
            let is_start = |file: &String| {
                file == top || file.strip_prefix(top).is_some_and(|rest| rest.starts_with('.'))
            };
            list(call, directory).iter().any(is_start)
        };
        let mut places = self.directories.iter().filter(has);
        let (place, is_single) = (places.next(), places.next().is_none());
        let why = match place {
            // A module of the interpreter itself.
            None if top.starts_with('_') => return None,
            None => format!("no directory in which it searches modules has {top}: `No module named {top}`"),
            Some(place) if is_single && parts.next().is_none() => {
                let package = format!("{place}/{top}");
                let is_package = resolve(root, &package)
                    .is_ok_and(|found: Resolved| found.entry.kind == EntryKind::Directory);
                let names = list(call, place);
                let is_module = names.iter().any(|file| file != top && file.starts_with(&format!("{top}.")));
                let runs = list(call, &package).iter().any(|file| file.starts_with("__main__."));
                if !is_package || is_module || runs {
                    return None;
                }
                format!("the package {package} has no module `__main__`, so that it cannot run")
            }
            Some(_) => return None,
        };
        let next = next::no_file(call, &format!("the module {name}"), &why);
        Some(match next {
            // A script may install the module before.
            Next::Fails(finding) if self.has_more || call.process.is_from_script() => {
                Next::Fails(report::weakened(finding))
            }
            next => next,
        })
    }
}

/// Returns the result for a directory that CPython is to run and that has no `__main__` module; `None` if it may run.
pub(super) fn cannot_run(call: &Call<'_>, name: &str, directory: &Resolved) -> Option<Next> {
    let names = call.context.container.root.list(&directory.path).ok().flatten()?;
    let runs =
        names.iter().any(|file| file.starts_with("__main__.")) || call.context.volumes.touch(&directory.path);
    (!runs).then(|| next::no_file(call, name, "it is a directory without a module `__main__`"))
}

/// Returns the directory above the one of a program.
fn prefix(program: &str) -> Option<String> {
    let (directory, _) = program.rsplit_once('/')?;
    let (prefix, _) = directory.rsplit_once('/')?;
    Some(prefix.to_owned())
}

/// Returns the names in a directory; none if it is not there or cannot be read.
fn list(call: &Call<'_>, directory: &str) -> Vec<String> {
    let root = call.context.container.root;
    let Ok(found) = resolve(root, directory) else { return Vec::new() };
    root.list(&found.path).ok().flatten().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_read_as_cpython_does() {
        let module = |name, is_safe, ignores_environment| Line::Module { name, is_safe, ignores_environment };
        let refused = |option: &str| Line::Refused(option.to_owned());
        for (text, expected) in [
            ("-m app", module("app", false, false)),
            ("-um app -Z", module("app", false, false)),
            ("-mapp", module("app", false, false)),
            ("-I -m app", module("app", true, true)),
            ("-P -E -W ignore -Xdev -m app", module("app", true, true)),
            ("-P -m app", module("app", true, false)),
            ("-Z app.py", refused("-Z")),
            ("-m", refused("-m")),
            ("-X", refused("-X")),
            ("app.py -Z", Line::Other),
            ("-V", Line::Other),
            ("-c text", Line::Other),
            ("--help", Line::Other),
            ("-", Line::Other),
        ] {
            let words: Vec<Word> = text.split(' ').map(|word| Word::Known(word.to_owned())).collect();
            assert_eq!(line(&words), expected, "{text}");
        }
    }
}
