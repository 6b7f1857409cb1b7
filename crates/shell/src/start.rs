//! The evaluator's input: the script, its arguments, its environment, and facts about the file system.

use std::collections::BTreeMap;

use crate::outcome::StandardInput;
use crate::value::Value;

/// The shell that reads a script. They differ in words, reserved words and builtins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// dash, `/bin/sh` of Debian and Ubuntu.
    #[default]
    Dash,
    /// BusyBox ash, `/bin/sh` of Alpine.
    Ash,
    /// bash, also as `/bin/sh` of Red Hat's and SUSE's distributions.
    Bash,
}

impl Dialect {
    /// Returns the dialect of a shell's program name, such as `dash` or `bash`. `sh` is dash: use the link's target to tell
    /// more.
    pub fn of_program(name: &str) -> Option<Self> {
        match name.rsplit('/').next().unwrap_or(name) {
            "sh" | "dash" => Some(Self::Dash),
            "ash" | "busybox" => Some(Self::Ash),
            "bash" | "rbash" => Some(Self::Bash),
            _ => None,
        }
    }
}

/// Options of the shell that change what runs, as `set` and the command line of the shell give them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// `-e`: a failed command ends the script.
    pub errexit: bool,
    /// `-u`: an unset variable ends the script.
    pub nounset: bool,
    /// `-f`: no file name patterns.
    pub noglob: bool,
    /// `-n`: commands are read and not run.
    pub noexec: bool,
    /// `-o pipefail`: a pipeline fails with any of its commands.
    pub pipefail: bool,
    /// `-a`: assigned variables are exported.
    pub allexport: bool,
}

impl Options {
    /// Returns the option of a letter. `None` if the letter is not one that changes what runs.
    pub(crate) fn of_letter(&mut self, letter: char) -> Option<&mut bool> {
        match letter {
            'e' => Some(&mut self.errexit),
            'u' => Some(&mut self.nounset),
            'f' => Some(&mut self.noglob),
            'n' => Some(&mut self.noexec),
            'a' => Some(&mut self.allexport),
            _ => None,
        }
    }

    /// Returns the option of a name after `-o`. `None` if the name is not one that changes what runs.
    pub(crate) fn of_name(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            "errexit" => Some(&mut self.errexit),
            "nounset" => Some(&mut self.nounset),
            "noglob" => Some(&mut self.noglob),
            "noexec" => Some(&mut self.noexec),
            "allexport" => Some(&mut self.allexport),
            "pipefail" => Some(&mut self.pipefail),
            _ => None,
        }
    }
}

/// The environment with which a shell starts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    pub(crate) values: BTreeMap<String, Value>,
    pub(crate) rest_is_unknown: bool,
}

impl Environment {
    /// Returns an environment of these variables and no others.
    pub fn only<K: Into<String>, V: Into<Value>>(values: impl IntoIterator<Item = (K, V)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { values, rest_is_unknown: false }
    }

    /// Returns an environment of these variables and perhaps others.
    pub fn with_unknown_rest<K: Into<String>, V: Into<Value>>(
        values: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self { rest_is_unknown: true, ..Self::only(values) }
    }
}

/// A script and everything that is known when its shell starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The bytes of the script, or the text of `-c`.
    pub text: Vec<u8>,
    /// The shell that reads it.
    pub dialect: Dialect,
    /// The shell's options.
    pub options: Options,
    /// `$0`.
    pub name: Value,
    /// `$1` and those that follow.
    pub arguments: Vec<Value>,
    /// The environment, in which PATH should be present: engines always set it.
    pub environment: Environment,
    /// The working directory as an absolute path.
    pub directory: Value,
    /// The user id for `id -u`. `None` if unknown.
    pub user: Option<u32>,
    /// The standard input.
    pub input: StandardInput,
    /// Whether the shell has the option `pipefail`, which dash lacks before 0.5.13.
    pub has_pipefail: bool,
}

impl Start {
    /// Returns a start of a script for dash without arguments, in `/`, with an empty environment.
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        Self {
            text: text.into(),
            dialect: Dialect::default(),
            options: Options::default(),
            name: Value::from("sh"),
            arguments: Vec::new(),
            environment: Environment::default(),
            directory: Value::from("/"),
            user: None,
            input: StandardInput::Inherited,
            has_pipefail: true,
        }
    }
}

/// Whether a file may be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Executable {
    /// The user that runs the script may execute it.
    Yes,
    /// The user may not.
    No,
    /// Unknown, for instance because the user is.
    Unknown,
}

/// The kind of file at a path, with symbolic links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Nothing, or a link to nothing.
    Absent,
    /// A regular file.
    File(Executable),
    /// A directory.
    Directory,
    /// A device, socket or pipe.
    Other,
    /// Unknown.
    Unknown,
}

/// Facts about the file system and the programs in it. Each method may answer that it does not know.
pub trait Files {
    /// Returns what is at an absolute path, which is not normalised.
    fn entry(&self, path: &str) -> Entry;

    /// Returns the names in a directory, none of them if it is absent. `None` if unknown.
    fn entries(&self, directory: &str) -> Option<Vec<String>> {
        let _ = directory;
        None
    }

    /// Returns the text of a file that the script sources. `None` if unknown.
    fn text(&self, path: &str) -> Option<Vec<u8>> {
        let _ = path;
        None
    }

    /// Whether a program may create or change files that the script then runs. Programs such as `id` and `grep` are not asked
    /// about.
    fn may_change_files(&self, words: &[&str]) -> bool {
        let _ = words;
        true
    }

    /// Returns an absolute path with all links resolved, for `readlink -f` and `realpath`. `None` if unknown or absent.
    fn canonical(&self, path: &str) -> Option<String> {
        let _ = path;
        None
    }

    /// Whether programs that ran before the script may have changed an absolute path or what is in it, so that its state in
    /// the image proves nothing about the programs that need it.
    fn may_have_changed(&self, path: &str) -> bool {
        let _ = path;
        false
    }

    /// Whether the user may write to a file or into a directory. `None` if unknown.
    fn may_write(&self, path: &str) -> Option<bool> {
        let _ = path;
        None
    }

    /// Whether the user may change the mode of a file or directory: root, or its owner. `None` if unknown.
    fn may_change_mode(&self, path: &str) -> Option<bool> {
        let _ = path;
        None
    }

    /// Whether a symbolic link is at an absolute path. `None` if unknown.
    fn is_link(&self, path: &str) -> Option<bool> {
        let _ = path;
        None
    }

    /// Whether a program is a shell script that asks for the name by which it is called.
    fn names_itself(&self, path: &str) -> bool {
        let _ = path;
        false
    }

    /// Whether a program looks for other files next to itself, so that a copy of it elsewhere does not find them.
    fn seeks_beside_itself(&self, path: &str) -> bool {
        let _ = path;
        false
    }

    /// Returns what a program prints, such as `uname -m`. `None` if unknown.
    fn output(&self, words: &[&str]) -> Option<String> {
        let _ = words;
        None
    }
}

/// A file system about which nothing is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn entry(&self, _: &str) -> Entry {
        Entry::Unknown
    }
}
