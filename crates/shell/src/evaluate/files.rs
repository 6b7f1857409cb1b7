//! Programs that list files or run the files of a directory: `find`, `ls` and `run-parts`.

use crate::evaluate::expand::{LONGEST, MOST_WORDS};
use crate::evaluate::machine::Evaluator;
use crate::evaluate::order::{Order, sorted};
use crate::evaluate::state::State;
use crate::outcome::Position;
use crate::pattern::{Pattern, Source};
use crate::start::{Entry, Executable};
use crate::value::Value;

/// The deepest directory that `find` is followed into.
const DEEPEST: usize = 16;

/// The tests of `find` that are understood.
struct Tests {
    follows: bool,
    kind: Option<char>,
    is_executable: bool,
    pattern: Option<Pattern>,
    least: usize,
    most: usize,
    /// Whether it stops after the first file.
    quits: bool,
}

impl Tests {
    /// Reads the words after the paths. `None` for a test or an action that is not known.
    fn read(mut words: &[&str], follows: bool) -> Option<Self> {
        let mut tests = Self {
            follows,
            kind: None,
            is_executable: false,
            pattern: None,
            least: 0,
            most: usize::MAX,
            quits: false,
        };
        loop {
            words = match words {
                [] => return Some(tests),
                ["-follow", rest @ ..] => {
                    tests.follows = true;
                    rest
                }
                ["-print" | "-xdev" | "-mount", rest @ ..] => rest,
                ["-quit"] => {
                    tests.quits = true;
                    &[]
                }
                ["-executable", rest @ ..] => {
                    tests.is_executable = true;
                    rest
                }
                ["-type", kind @ ("f" | "d"), rest @ ..] => {
                    tests.kind = kind.chars().next();
                    rest
                }
                ["-name", pattern, rest @ ..] if tests.pattern.is_none() => {
                    let source: Vec<Source> = pattern.chars().map(Source::Plain).collect();
                    tests.pattern = Some(Pattern::read(&source));
                    rest
                }
                ["-mindepth", depth, rest @ ..] => {
                    tests.least = depth.parse().ok()?;
                    rest
                }
                ["-maxdepth", depth, rest @ ..] => {
                    tests.most = depth.parse().ok()?;
                    rest
                }
                _ => return None,
            };
        }
    }
}

impl Evaluator<'_> {
    /// Returns what `find` prints. `None` if it is not known.
    pub(crate) fn find_files(&mut self, state: &State, words: &[&str], position: Position) -> Option<String> {
        let (follows, words) = match words {
            ["-L", rest @ ..] => (true, rest),
            ["-P", rest @ ..] => (false, rest),
            words => (false, words),
        };
        let count = words.iter().take_while(|word| !word.starts_with(['-', '(', '!'])).count();
        let (paths, tests) = words.split_at(count);
        let tests = Tests::read(tests, follows)?;
        let paths = if paths.is_empty() { &["."] } else { paths };
        let mut work: Vec<(String, usize)> = paths.iter().rev().map(|path| ((*path).to_owned(), 0)).collect();
        let (mut printed, mut seen) = (String::new(), 0);
        while let Some((path, depth)) = work.pop() {
            let is_link = !tests.follows && self.files.is_link(&Self::absolute(state, &path)?)?;
            let entry = self.entry(state, &path);
            // Nothing depends on an output that is too long to keep.
            if entry == Entry::Unknown || depth > DEEPEST || printed.len() > LONGEST {
                return None;
            }
            if depth >= tests.least && passes(&tests, &path, entry, is_link)? {
                printed.push_str(&path);
                printed.push('\n');
                if tests.quits {
                    return Some(printed);
                }
            }
            if entry != Entry::Directory || is_link || depth >= tests.most {
                continue;
            }
            let mut names = self.entries(state, &path)?.likely()?;
            seen += names.len();
            if !self.pay(1 + names.len(), position) || seen > MOST_WORDS {
                return None;
            }
            names.sort_unstable_by(|one, other| other.cmp(one));
            let above = path.trim_end_matches('/');
            work.extend(names.into_iter().map(|name| (format!("{above}/{name}"), depth + 1)));
        }
        Some(printed)
    }

    /// Returns what `ls` prints for one directory, or for files. `None` if it is not known.
    pub(crate) fn listed(&mut self, state: &State, operands: &[&str], position: Position) -> Option<String> {
        let mut operands: Vec<&str> = operands.iter().copied().filter(|word| *word != "-1").collect();
        if operands.is_empty() {
            operands.push(".");
        }
        if operands.iter().any(|word| word.starts_with('-')) || !self.pay(operands.len(), position) {
            return None;
        }
        let is_file = |path: &&str| matches!(self.entry(state, path), Entry::File(_));
        let names: Vec<String> = match operands.as_slice() {
            [directory] if self.entry(state, directory) == Entry::Directory => {
                let names = self.entries(state, directory)?.likely()?;
                names.into_iter().filter(|name| !name.starts_with('.')).take(MOST_WORDS).collect()
            }
            files if files.iter().all(is_file) => files.iter().map(|path| (*path).to_owned()).collect(),
            _ => return None,
        };
        let text: String = names.iter().map(|name| format!("{name}\n")).collect();
        self.pay(names.len(), position).then(|| sorted(&text, Order::of_locale(state))).flatten()
    }

    /// Returns what `run-parts --list` and `--test` print. `None` if it is not known.
    pub(crate) fn listed_parts(
        &mut self,
        state: &State,
        operands: &[&str],
        position: Position,
    ) -> Option<String> {
        let call = Parts::read(operands)?;
        let lists = call.lists;
        let paths = self.paths_of_parts(state, &call, position)?;
        lists.then(|| paths.iter().map(|path| format!("{path}\n")).collect())
    }

    /// Returns commands that run what a call of `run-parts` runs. `None` if it is another program, or not known.
    pub(crate) fn parts(&mut self, state: &State, words: &[Value], position: Position) -> Option<String> {
        let words: Vec<&str> = words.iter().map(Value::text).collect::<Option<_>>()?;
        let (name, operands) = words.split_first()?;
        if name.rsplit('/').next() != Some("run-parts") {
            return None;
        }
        let call = Parts::read(operands).filter(|call| !call.lists)?;
        let mut paths = self.paths_of_parts(state, &call, position)?;
        paths.retain(|path| self.entry(state, path) == Entry::File(Executable::Yes));
        let is_plain = !paths.is_empty() && !paths.iter().any(|path| path.contains(['\'', '\n']));
        is_plain.then(|| paths.iter().map(|path| format!("'{path}'\n")).collect())
    }

    fn paths_of_parts(&mut self, state: &State, call: &Parts<'_>, position: Position) -> Option<Vec<String>> {
        let mut names = self.entries(state, call.directory)?.likely()?;
        if !self.pay(1 + names.len(), position) {
            return None;
        }
        names.retain(|name| call.takes(name));
        names.sort_unstable();
        names.truncate(MOST_WORDS);
        let above = call.directory.trim_end_matches('/');
        let paths = names.into_iter().map(|name| format!("{above}/{name}"));
        Some(paths.filter(|path| matches!(self.entry(state, path), Entry::File(_))).collect())
    }
}

fn passes(tests: &Tests, path: &str, entry: Entry, is_link: bool) -> Option<bool> {
    let is_kind = match tests.kind {
        Some(_) if is_link => false,
        Some('f') => matches!(entry, Entry::File(_)),
        Some(_) => entry == Entry::Directory,
        None => true,
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_named = tests.pattern.as_ref().map_or(Some(true), |pattern| pattern.matches(name))?;
    let is_executable = match entry {
        _ if !tests.is_executable => true,
        Entry::File(Executable::Yes) | Entry::Directory => true,
        Entry::File(Executable::Unknown) => return None,
        _ => false,
    };
    Some(is_kind && is_named && is_executable && entry != Entry::Absent)
}

/// A call of `run-parts`.
struct Parts<'w> {
    directory: &'w str,
    /// Whether it only lists the files.
    lists: bool,
    /// Whether it takes names of letters, digits, `_`, `-` and `.` that end in `.sh`, instead of names without a dot.
    takes_scripts: bool,
}

impl<'w> Parts<'w> {
    fn read(operands: &[&'w str]) -> Option<Self> {
        let (directory, options) = operands.split_last()?;
        let mut parts = Self { directory, lists: false, takes_scripts: false };
        let mut options = options.iter();
        while let Some(option) = options.next() {
            match *option {
                "--list" | "--test" => parts.lists = true,
                "-v" | "--verbose" | "--report" | "--exit-on-error" | "--" => {}
                // Debian's /etc/profile.
                "--regex" => match *options.next()? {
                    r"^[a-zA-Z0-9_][a-zA-Z0-9._-]*\.sh$" => parts.takes_scripts = true,
                    _ => return None,
                },
                _ => return None,
            }
        }
        (!directory.starts_with('-')).then_some(parts)
    }

    fn takes(&self, name: &str) -> bool {
        let is_letter = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-');
        match self.takes_scripts {
            true => {
                name.len() > 3
                    && name.ends_with(".sh")
                    && !name.starts_with(['.', '-'])
                    && name.chars().all(|char| is_letter(char) || char == '.')
            }
            false => name.chars().all(is_letter),
        }
    }
}
