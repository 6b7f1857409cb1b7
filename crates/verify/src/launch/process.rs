//! A process of the chain: a command, and what it gets from its starter.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use crossdock_shell::{Changes, Failure, StandardInput};

use crate::program::container::{ANYONE, Container, Credentials, last_assignment};
use crate::program::inspect::Script;
use crate::program::loader::Family;

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Word {
    Known(String),
    /// One word, as written, that depends on values that are only known when it runs.
    Unknown(String),
    /// Any number of words, as written, that depend on values that are only known when they run.
    Many(String),
}

impl Word {
    /// Returns the text; `None` if it is unknown.
    pub(super) fn known(&self) -> Option<&str> {
        match self {
            Word::Known(text) => Some(text),
            Word::Unknown(_) | Word::Many(_) => None,
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Known(text) | Word::Unknown(text) | Word::Many(text) => f.write_str(text),
        }
    }
}

/// Whether a process runs whenever the image starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Certainty {
    Certain,
    /// It depends on values that are only known at run time, or on a program whose behavior is not known for certain.
    Possible,
}

/// Whether a process leads its process group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Leads {
    Yes,
    Perhaps,
    No,
}

/// The part that a process has in the start of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// It may be the program for which the image is.
    Program,
    /// A script waits for it and goes on only if it succeeds.
    Step,
    /// A script runs it and goes on whatever happens.
    Aside,
}

impl Role {
    /// Returns the role of a program that a script of this role runs before its end.
    pub(super) fn of_helper(self, failure: Failure) -> Role {
        match (self, failure) {
            (Role::Program | Role::Step, Failure::Ends) => Role::Step,
            _ => Role::Aside,
        }
    }
}

/// A C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Libc {
    Glibc,
    Musl,
}

impl Libc {
    /// Returns the library of a loader; `None` for gcompat, which is both.
    pub(super) fn of(family: Family) -> Option<Libc> {
        match family {
            Family::Glibc => Some(Libc::Glibc),
            Family::Musl(_) => Some(Libc::Musl),
            Family::Gcompat(_) => None,
        }
    }
}

/// The way in which the starter of a process finds its program.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Search {
    /// As `execvp` of the C library does: in the directories of PATH, unless the name has a slash. The library decides the
    /// directories without PATH; `None` if it is unknown.
    Path(Option<Libc>),
    /// By the name as it is given.
    AsGiven,
    /// The starter found it here.
    At(String),
    /// The starter found it here, after commands that may have made it executable.
    Changed(String),
}

/// The starter's treatment of a program that is text without a `#!` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextFile {
    /// A shell runs it: those of shells, and `execvp` of glibc.
    Runs,
    /// It is an error: `execve` itself, Go, musl.
    Refused,
    Unknown,
}

impl TextFile {
    /// Returns the treatment by `execvp` of a C library; `None` if the library is unknown.
    pub(super) fn of_execvp(libc: Option<Libc>) -> TextFile {
        match libc {
            Some(Libc::Glibc) => TextFile::Runs,
            Some(Libc::Musl) => TextFile::Refused,
            None => TextFile::Unknown,
        }
    }
}

/// The environment of a process, which most processes share with their starter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Environment(Rc<Variables>);

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Variables {
    /// As `NAME=VALUE`; the last one of a name counts. Processes that differ in a few variables share the others.
    known: Vec<Rc<str>>,
    /// The names of those whose value is unknown.
    unknown: BTreeSet<String>,
}

/// The change of a variable.
pub(super) enum Change<'a> {
    Set(&'a str),
    Unset,
    /// To an unknown value.
    Forget,
}

impl Environment {
    /// Returns an environment of these variables, as `NAME=VALUE`.
    pub(super) fn of(known: Vec<Rc<str>>) -> Environment {
        Environment(Rc::new(Variables { known, unknown: BTreeSet::new() }))
    }

    /// Returns the variables whose value is known, as `NAME=VALUE`; the last one of a name counts.
    pub(super) fn known(&self) -> &[Rc<str>] {
        &self.0.known
    }

    /// Returns the names of the variables whose value is unknown.
    pub(super) fn unknown(&self) -> &BTreeSet<String> {
        &self.0.unknown
    }

    /// Returns the value of a variable; `None` if it is unset or unknown.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        last_assignment(&self.0.known, name)
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.change(&BTreeMap::from([(name, Change::Set(value))]));
    }

    pub(super) fn unset(&mut self, name: &str) {
        self.change(&BTreeMap::from([(name, Change::Unset)]));
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.change(&BTreeMap::from([(name, Change::Forget)]));
    }

    /// Changes variables, all at once: a script may change thousands of as many.
    pub(super) fn change(&mut self, changes: &BTreeMap<&str, Change<'_>>) {
        if changes.is_empty() {
            return;
        }
        let Variables { known, unknown } = Rc::make_mut(&mut self.0);
        known.retain(|line| !changes.contains_key(line.split('=').next().unwrap_or_default()));
        for (name, change) in changes {
            unknown.remove(*name);
            match change {
                Change::Set(value) => known.push(format!("{name}={value}").into()),
                Change::Unset => {}
                Change::Forget => drop(unknown.insert((*name).to_owned())),
            }
        }
    }

    /// Returns whether the value of a variable is unknown.
    pub(super) fn is_unknown(&self, name: &str) -> bool {
        self.0.unknown.contains(name)
    }

    /// Returns the number of variables.
    pub(super) fn len(&self) -> usize {
        self.0.known.len() + self.0.unknown.len()
    }
}

/// A process that the image starts, directly or through others.
#[derive(Debug, Clone)]
pub(super) struct Process {
    pub(super) words: Vec<Word>,
    pub(super) environment: Environment,
    /// The working directory; `None` if unknown.
    pub(super) directory: Option<String>,
    /// The user; `None` if unknown.
    pub(super) user: Option<Credentials>,
    /// The word that names an unknown user to the launcher, as written; empty without one.
    pub(super) user_word: String,
    pub(super) certainty: Certainty,
    pub(super) role: Role,
    /// Whether only variables that a deployment sets lead to this start, or give it its arguments, and the start with the
    /// environment as the image sets it is known: what this one leaves unknown is not told. The verdict is about the image
    /// as it is set; a start that surely fails is told even so.
    pub(super) is_covered: bool,
    pub(super) search: Search,
    pub(super) text_file: TextFile,
    /// Whether a command before it, `ldconfig`, writes the loader's cache anew: the image's own tells nothing then.
    pub(super) has_new_cache: bool,
    /// Its standard input; inherited if it is the container's own, which is empty unless it runs with `-i`.
    pub(super) input: StandardInput,
    /// Whether it leads its process group, as the first process of a container does.
    pub(super) leads: Leads,
    /// The dynamic loader that starts the program instead of the one that the program names.
    pub(super) loader: Option<String>,
    /// The number of links, from this one, that the check of the script before them verified already.
    pub(super) checked: usize,
    /// The changes that the scripts before it may have made to files.
    pub(super) changes: Vec<Changes>,
    /// The chain before it, e.g. `tini starts /entry.sh, of which line 12 runs /app`; empty for the image's own program.
    pub(super) story: String,
    /// The identities of the processes before it.
    pub(super) trail: Vec<u64>,
}

impl Process {
    /// Returns the process that a runtime starts.
    pub(super) fn of_image<'a>(
        container: Container<'_>,
        words: impl IntoIterator<Item = &'a str>,
    ) -> Process {
        let mut environment = Environment::of(container.environment.to_vec());
        // Docker and containerd set a PATH if the image has none.
        if environment.get("PATH").is_none() {
            environment.set("PATH", &container.search_path().join(":"));
        }
        Process {
            words: words.into_iter().map(|word| Word::Known(word.to_owned())).collect(),
            environment,
            directory: Some(container.working_directory.to_owned()),
            user: Some(container.user.clone()),
            user_word: String::new(),
            certainty: Certainty::Certain,
            role: Role::Program,
            is_covered: false,
            search: Search::AsGiven,
            text_file: TextFile::Refused,
            has_new_cache: false,
            input: StandardInput::Inherited,
            leads: Leads::Yes,
            loader: None,
            checked: 1,
            changes: Vec::new(),
            story: String::new(),
            trail: Vec::new(),
        }
    }

    /// Returns the process of a command that this process, found at `program`, starts in its own place.
    pub(super) fn starting(&self, program: &str, words: Vec<Word>) -> Process {
        let first = words.first().map(ToString::to_string).unwrap_or_default();
        let story = match self.story.as_str() {
            "" => format!("{program} starts {first}"),
            story => format!("{story}, which starts {first}"),
        };
        let checked = self.checked.saturating_sub(1);
        Process { words, story, checked, loader: None, ..self.clone() }
    }

    /// Returns the process that the kernel makes of a script: the interpreter gets the script's path, as it was called, as an
    /// argument (`load_script`).
    pub(super) fn interpreted(&self, script: &Script, path: &str) -> Process {
        let argument = script.argument.iter();
        let words = std::iter::once(&script.interpreter).chain(argument).cloned().map(Word::Known);
        let words = words.chain([Word::Known(path.to_owned())]);
        let words = words.chain(self.words.iter().skip(1).cloned()).collect();
        let checked = if script.env_target().is_some() { 2 } else { 1 };
        let search = Search::AsGiven;
        Process { words, checked, search, loader: None, ..self.clone() }
    }

    /// Adds the identity of this process to those before the processes that it starts.
    pub(super) fn after(mut self, identity: u64) -> Process {
        self.trail.push(identity);
        self
    }

    /// Returns whether the process is the interpreter in a script's `#!` line, whose check verified it.
    pub(super) fn is_interpreter(&self) -> bool {
        // The image's own program is verified before too.
        self.checked > 0 && self.trail.len() > 1
    }

    /// Marks the process as one that may not run, or not like this.
    pub(super) fn doubtful(mut self) -> Process {
        self.certainty = Certainty::Possible;
        self
    }

    /// Returns whether a shell's commands lead to this process: commands before it may have changed files.
    pub(super) fn is_from_script(&self) -> bool {
        self.story.contains(" runs ")
    }

    /// Returns whether commands of scripts before this process may have created the file of this name.
    pub(super) fn may_be_made(&self, name: &str) -> bool {
        let directory = self.directory.as_deref().unwrap_or("/").trim_end_matches('/');
        let path = if name.starts_with('/') { name.to_owned() } else { format!("{directory}/{name}") };
        self.changes.iter().any(|changes| changes.may_concern(&path))
    }

    /// Returns the first word, if it is known.
    pub(super) fn name(&self) -> Option<&str> {
        self.words.first().and_then(Word::known)
    }

    /// Returns a number that is the same for processes that go on alike.
    pub(super) fn identity(&self, program: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.circumstances(program), &self.words, &self.environment).hash(&mut hasher);
        (self.certainty, self.role, self.is_covered, self.leads, &self.input).hash(&mut hasher);
        hasher.finish()
    }

    /// Returns a number that is the same for processes that start the same program in the same way.
    pub(super) fn way(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.words, &self.search, &self.directory, &self.environment, &self.input).hash(&mut hasher);
        hasher.finish()
    }

    /// Returns a text that is the same for processes whose program is verified alike.
    pub(super) fn circumstances(&self, program: &str) -> String {
        let [path, preload] = ["LD_LIBRARY_PATH", "LD_PRELOAD"].map(|name| self.environment.get(name));
        format!("{program}\0{path:?}\0{preload:?}\0{:?}\0{:?}\0{:?}", self.directory, self.user, self.loader)
    }

    /// Returns the container as this process sees it. An unknown directory is that of the image; an unknown user has the
    /// rights that everyone has.
    pub(super) fn within<'a>(&'a self, image: Container<'a>) -> Container<'a> {
        Container {
            environment: self.environment.known(),
            working_directory: self.directory.as_deref().unwrap_or(image.working_directory),
            user: self.user.as_ref().unwrap_or(&ANYONE),
            ..image
        }
    }
}

/// Returns the part of a path after its last slash.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
