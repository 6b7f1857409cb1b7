//! Programs that create, change, remove or read the files in their operands, as GNU coreutils and BusyBox do: when they
//! certainly fail, and what is certainly lost after them.

use std::collections::BTreeSet;

use crate::evaluate::machine::Evaluator;
use crate::evaluate::state::{State, Status};
use crate::outcome::{Reason, Trouble};
use crate::start::{Entry, Executable};

/// The certain failure of such a program.
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    /// Whether the status is 1 with GNU coreutils and BusyBox alike.
    is_one: bool,
}

impl Refusal {
    pub(crate) fn status(&self) -> Status {
        if self.is_one { Status::Known(1) } else { Status::Failure }
    }
}

/// The words of such a program.
struct Operands<'w> {
    name: &'w str,
    letters: String,
    files: Vec<&'w str>,
}

impl<'w> Operands<'w> {
    /// Reads the words. `None` for other programs, and for options that are not known here, which may take a value.
    fn read(words: &[&'w str]) -> Option<Operands<'w>> {
        let (program, rest) = words.split_first()?;
        let name = program.rsplit('/').next()?;
        let known = match name {
            "mkdir" => "pv",
            "touch" => "am",
            "cp" => "afpRrdvLPH",
            "mv" => "fv",
            "rm" => "frRv",
            "cat" => "uvAEnsTbet",
            "ls" => "alhdRrt1nF",
            "chmod" | "chown" => "Rvc",
            "ln" => "sfnv",
            "sed" => "inEr",
            "find" => return Operands::of_find(name, rest),
            "tar" => return Operands::of_tar(name, rest),
            _ => return None,
        };
        let mut operands = Operands { name, letters: String::new(), files: Vec::new() };
        let mut words = rest.iter();
        while let Some(word) = words.next() {
            match word.strip_prefix('-') {
                Some("-") => {
                    operands.files.extend(words);
                    break;
                }
                Some("-recursive") => operands.letters.push('R'),
                Some("-parents") if name == "mkdir" => operands.letters.push('p'),
                Some("-force") => operands.letters.push('f'),
                Some("-symbolic") => operands.letters.push('s'),
                Some("-verbose") => {}
                Some(letters) if !letters.is_empty() => {
                    if !letters.chars().all(|letter| known.contains(letter)) {
                        return None;
                    }
                    operands.letters.push_str(letters);
                }
                _ => operands.files.push(word),
            }
        }
        Some(operands)
    }

    /// Reads the directories of `find`, which come before its tests.
    fn of_find(name: &'w str, words: &[&'w str]) -> Option<Operands<'w>> {
        let words = words.iter().skip_while(|word| matches!(**word, "-H" | "-L" | "-P"));
        let is_operand = |word: &&&str| !word.starts_with('-') && !matches!(**word, "!" | "(");
        Some(Operands {
            name,
            letters: String::new(),
            files: words.take_while(is_operand).copied().collect(),
        })
    }

    /// Reads the directory of `tar -C`, the first of them: others may be relative to it.
    fn of_tar(name: &'w str, words: &[&'w str]) -> Option<Operands<'w>> {
        let takes_value = |word: &&str| {
            let letters = word.strip_prefix('-').filter(|letters| !letters.starts_with('-'));
            *word == "--directory" || letters.is_some_and(|letters| letters.ends_with('C'))
        };
        let directory = words.iter().enumerate().find_map(|(at, word)| match word {
            word if takes_value(word) => words.get(at + 1).copied(),
            word => word.strip_prefix("--directory="),
        });
        Some(Operands { name, letters: String::new(), files: directory.into_iter().collect() })
    }

    fn has(&self, letters: &[char]) -> bool {
        self.letters.contains(letters)
    }
}

impl Evaluator<'_> {
    /// Returns why a program certainly fails because of its operands. `None` if it does not, or if that is not known.
    pub(crate) fn refusal(&self, state: &State, words: &[&str]) -> Option<Refusal> {
        let operands = Operands::read(words)?;
        let files = operands.files.as_slice();
        let (path, trouble) = match operands.name {
            "mkdir" if operands.has(&['p']) => files.iter().find_map(|path| self.blocks_parents(state, path)),
            "mkdir" => files.iter().find_map(|path| match self.entry(state, path) {
                Entry::Directory | Entry::File(_) | Entry::Other => {
                    Some(((*path).to_owned(), Trouble::Exists))
                }
                Entry::Absent => self.blocks_creation(state, path),
                Entry::Unknown => None,
            }),
            "touch" => files.iter().find_map(|path| self.blocks_new(state, path)),
            "cat" => files.iter().find_map(|path| match self.entry(state, path) {
                _ if *path == "-" => None,
                Entry::Directory => Some(((*path).to_owned(), Trouble::Directory)),
                entry => absent(entry, path),
            }),
            "ls" | "tar" => files.iter().find_map(|path| self.is_absent(state, path)),
            "sed" => {
                let [_, files @ ..] = files else { return None };
                let mut files = files.iter().filter(|path| **path != "-");
                files.find_map(|path| match self.is_absent(state, path) {
                    // It writes a new file next to the old one.
                    None if operands.has(&['i']) && self.entry(state, path) != Entry::Unknown => {
                        self.is_read_only(state, parent(path))
                    }
                    absent => absent,
                })
            }
            "find" => {
                let mut files = files.iter().filter(|path| !self.is_link(state, path));
                files.find_map(|path| self.is_absent(state, path))
            }
            "chmod" | "chown" => {
                let [_, files @ ..] = files else { return None };
                files.iter().find_map(|path| self.blocks_attributes(state, path))
            }
            "rm" => files.iter().find_map(|path| self.blocks_removal(state, &operands, path)),
            "cp" | "mv" => self.blocks_transfer(state, &operands),
            "ln" => match files {
                [_, link] => self.blocks_link(state, &operands, link),
                _ => None,
            },
            _ => None,
        }
        .filter(|(path, _)| !self.was_changed_before(state, path))?;
        let reason = Reason::File { program: words[0].to_owned(), path, trouble };
        Some(Refusal { reason, is_one: !matches!(operands.name, "ls" | "sed" | "tar") })
    }

    /// Whether programs before this script may have changed what is at a path.
    fn was_changed_before(&self, state: &State, path: &str) -> bool {
        Self::absolute(state, path).is_none_or(|path| self.files.may_have_changed(&path))
    }

    fn is_absent(&self, state: &State, path: &str) -> Option<(String, Trouble)> {
        absent(self.entry(state, path), path)
    }

    /// Whether a file cannot be created because its directory is absent or cannot be written to.
    fn blocks_creation(&self, state: &State, path: &str) -> Option<(String, Trouble)> {
        let parent = parent(path);
        match self.entry(state, parent) {
            Entry::Absent => Some((parent.to_owned(), Trouble::Absent)),
            Entry::Directory => self.is_read_only(state, parent),
            Entry::File(_) | Entry::Other => Some((parent.to_owned(), Trouble::NotDirectory)),
            Entry::Unknown => None,
        }
    }

    /// Whether the user may not create or write the file of a redirection.
    pub(crate) fn blocks_writing(&self, state: &State, path: &str) -> bool {
        let is_known = !path.is_empty() && !self.was_changed_before(state, path);
        is_known
            && match self.entry(state, path) {
                Entry::Absent => self.blocks_new(state, path).is_some(),
                Entry::File(_) => self.is_read_only(state, path).is_some(),
                Entry::Directory | Entry::Other | Entry::Unknown => false,
            }
    }

    fn blocks_new(&self, state: &State, path: &str) -> Option<(String, Trouble)> {
        let is_absent = self.entry(state, path) == Entry::Absent && !self.is_link(state, path);
        if is_absent { self.blocks_creation(state, path) } else { None }
    }

    /// Whether `mkdir -p` fails: the deepest directory that exists cannot be written to.
    fn blocks_parents(&self, state: &State, path: &str) -> Option<(String, Trouble)> {
        let mut path = path.trim_end_matches('/');
        match self.entry(state, path) {
            Entry::Absent => {}
            Entry::File(_) => return Some((path.to_owned(), Trouble::Exists)),
            Entry::Directory | Entry::Other | Entry::Unknown => return None,
        }
        loop {
            let above = parent(path);
            match self.entry(state, above) {
                Entry::Absent if above.len() < path.len() => path = above,
                Entry::Directory => return self.is_read_only(state, above),
                _ => return None,
            }
        }
    }

    fn blocks_attributes(&self, state: &State, path: &str) -> Option<(String, Trouble)> {
        let absolute = Self::absolute(state, path)?;
        if self.entry(state, path) == Entry::Absent && !self.is_link(state, path) {
            return Some((path.to_owned(), Trouble::Absent));
        }
        let is_refused =
            Self::is_original(state, &absolute) && self.files.may_change_mode(&absolute) == Some(false);
        is_refused.then(|| (path.to_owned(), Trouble::NotOwner))
    }

    fn blocks_removal(
        &self,
        state: &State,
        operands: &Operands<'_>,
        path: &str,
    ) -> Option<(String, Trouble)> {
        match self.entry(state, path) {
            Entry::Absent if operands.has(&['f']) || self.is_link(state, path) => None,
            Entry::Absent => Some((path.to_owned(), Trouble::Absent)),
            Entry::Directory if !operands.has(&['r', 'R']) && !self.is_link(state, path) => {
                Some((path.to_owned(), Trouble::Directory))
            }
            Entry::File(_) | Entry::Directory | Entry::Other => self.is_read_only(state, parent(path)),
            Entry::Unknown => None,
        }
    }

    fn blocks_transfer(&self, state: &State, operands: &Operands<'_>) -> Option<(String, Trouble)> {
        let (to, sources) = operands.files.split_last().filter(|(_, sources)| !sources.is_empty())?;
        let copies = operands.name == "cp";
        for source in sources {
            match self.entry(state, source) {
                Entry::Absent if !self.is_link(state, source) => {
                    return Some(((*source).to_owned(), Trouble::Absent));
                }
                Entry::Directory if copies && !operands.has(&['r', 'R', 'a']) => {
                    return Some(((*source).to_owned(), Trouble::Directory));
                }
                Entry::File(_) if !copies => {
                    if let Some(trouble) = self.is_read_only(state, parent(source)) {
                        return Some(trouble);
                    }
                }
                _ => {}
            }
        }
        if self.entry(state, to) != Entry::Directory {
            return self.blocks_new(state, to);
        }
        let name = sources[0]
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .filter(|name| !matches!(*name, "." | ".."))?;
        self.blocks_new(state, &format!("{}/{name}", to.trim_end_matches('/')))
    }

    fn blocks_link(&self, state: &State, operands: &Operands<'_>, link: &str) -> Option<(String, Trouble)> {
        match self.entry(state, link) {
            Entry::File(_) if !operands.has(&['f']) => Some((link.to_owned(), Trouble::Exists)),
            _ => self.blocks_new(state, link),
        }
    }

    /// Whether the user certainly may not write into a directory of the image, which the script has not changed.
    fn is_read_only(&self, state: &State, path: &str) -> Option<(String, Trouble)> {
        let absolute = Self::absolute(state, path)?;
        let is_refused =
            Self::is_original(state, &absolute) && self.files.may_write(&absolute) == Some(false);
        is_refused.then(|| (path.to_owned(), Trouble::ReadOnly))
    }

    /// Whether a symbolic link may be at a path.
    fn is_link(&self, state: &State, path: &str) -> bool {
        Self::absolute(state, path).is_none_or(|path| self.files.is_link(&path) != Some(false))
    }

    /// Returns the absolute paths that a program certainly removes, and those from which it takes all execute bits.
    pub(crate) fn lost(&self, state: &State, words: &[&str]) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut gone, mut closed) = Default::default();
        let Some(operands) = Operands::read(words) else { return (gone, closed) };
        match (operands.name, operands.files.as_slice()) {
            ("rm", files) => {
                gone = self.removed(state, files, operands.has(&['r', 'R']));
            }
            ("mv", [sources @ .., _]) => gone = self.removed(state, sources, true),
            ("chmod", [mode, files @ ..]) if takes_execution(mode) => {
                closed = self.closed(state, files, operands.has(&['R']));
            }
            _ => {}
        }
        (gone, closed)
    }

    /// Returns the copies and links that a program makes of what is in the image, each with its original, and those whose mode it
    /// changes.
    pub(crate) fn made(&self, state: &State, words: &[&str]) -> Vec<(String, String)> {
        let Some(operands) = Operands::read(words) else { return Vec::new() };
        let is_open = |source: &str| self.files.entry(source) == Entry::File(Executable::Yes);
        match (operands.name, operands.files.as_slice()) {
            ("cp", [source, copy]) => {
                let made = self.made_of(state, source, copy).into_iter();
                made.filter(|(copy, source)| self.is_same_elsewhere(copy, source)).collect()
            }
            ("ln", [target, link]) if operands.has(&['s']) && target.starts_with('/') => {
                let made = self.made_of(state, target, link).into_iter();
                // The name by which it is called is that of the link.
                made.filter(|(_, target)| !self.files.names_itself(target)).collect()
            }
            ("chmod", [mode, files @ ..]) if !takes_execution(mode) => {
                let paths = files.iter().filter_map(|path| Self::absolute(state, path));
                let made = paths.filter_map(|path| state.touched.made.get_key_value(&path));
                made.filter(|(_, source)| is_open(source)).map(cloned).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether a copy runs as its original does.
    fn is_same_elsewhere(&self, copy: &str, source: &str) -> bool {
        parent(copy) == parent(source) || !self.files.seeks_beside_itself(source)
    }

    /// Returns the path of a copy of one file, or of a link, and its original.
    fn made_of(&self, state: &State, source: &str, to: &str) -> Option<(String, String)> {
        let (source, to) = (Self::absolute(state, source)?, Self::absolute(state, to)?);
        let is_known = matches!(self.files.entry(&source), Entry::File(_) | Entry::Directory);
        let place = match self.files.entry(&to) {
            Entry::Directory if self.files.is_link(&to) == Some(false) => {
                format!("{}/{}", to.trim_end_matches('/'), source.rsplit('/').next()?)
            }
            Entry::Directory | Entry::Unknown => return None,
            _ => to,
        };
        (is_known && !state.touched.may_change(&source)).then_some((place, source))
    }

    /// Returns those of the files that the user may remove, and of the directories if they are removed too.
    fn removed(&self, state: &State, files: &[&str], takes_directories: bool) -> BTreeSet<String> {
        let is_removed = |path: &&&str| {
            let may = Self::absolute(state, parent(path)).and_then(|parent| self.files.may_write(&parent));
            let is_taken = match self.entry(state, path) {
                Entry::File(_) => true,
                Entry::Directory => takes_directories,
                _ => false,
            };
            is_taken && may == Some(true)
        };
        files.iter().filter(is_removed).filter_map(|path| Self::absolute(state, path)).collect()
    }

    fn closed(&self, state: &State, files: &[&str], takes_directories: bool) -> BTreeSet<String> {
        let absolute = files.iter().filter_map(|path| Self::absolute(state, path));
        let is_closed = |path: &String| {
            let is_taken = match self.entry(state, path) {
                Entry::File(Executable::Yes | Executable::No) => true,
                Entry::Directory => takes_directories,
                _ => false,
            };
            is_taken && self.files.may_change_mode(path) == Some(true)
        };
        absolute.filter(is_closed).collect()
    }
}

fn cloned((path, source): (&String, &String)) -> (String, String) {
    (path.clone(), source.clone())
}

fn absent(entry: Entry, path: &str) -> Option<(String, Trouble)> {
    (entry == Entry::Absent).then(|| (path.to_owned(), Trouble::Absent))
}

/// Whether a mode of `chmod` takes the execute bits from everyone.
fn takes_execution(mode: &str) -> bool {
    let is_octal = !mode.is_empty() && mode.len() < 6 && mode.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    match u32::from_str_radix(mode, 8) {
        Ok(bits) if is_octal => bits & 0o111 == 0,
        _ => matches!(mode, "a-x" | "a-wx" | "a=r" | "a=rw" | "=r" | "=rw" | "ugo-x"),
    }
}

fn parent(path: &str) -> &str {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some(("", _)) => "/",
        Some((parent, _)) => parent,
        None => ".",
    }
}
