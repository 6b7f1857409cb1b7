//! A command as data: built, compared, serialised, and printed as a shell line.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::group;
use crate::environment::Environment;

/// A process to run: program, arguments, working directory, and changes to the environment.
///
/// [`Display`](fmt::Display) gives a line for a POSIX shell that does the same.
///
/// ```
/// use crossdock_system::process::Command;
///
/// let command = Command::new("cargo", "/srv/a b").args(["build"]).env("CC", "zig cc").without_env("RUSTFLAGS");
/// assert_eq!(command.to_string(), "cd '/srv/a b' && env -u RUSTFLAGS CC='zig cc' cargo build");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Command {
    /// The program: a path, or a name that is looked up in `PATH`.
    pub program: String,
    /// The arguments, without the program's name.
    pub arguments: Vec<String>,
    /// The variables to set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// The variables to remove.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub removed: BTreeSet<String>,
    /// The file that it reads as standard input; `None` for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Utf8PathBuf>,
    /// The working directory. It is always given, so that a printed command does the same wherever it is run.
    pub directory: Utf8PathBuf,
}

/// Settings with which git runs nothing that a checkout names. They come before those of the checkout.
const GIT_SETTINGS: [(&str, &str); 4] = [
    // Only the command line, the environment and the user's own files count for this one (git-config(1)); git before 2.38
    // does not know it.
    ("safe.bareRepository", "explicit"),
    // It may name a program, which `git status` runs.
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.pager", "cat"),
];

impl Command {
    /// A command without arguments, in a working directory.
    pub fn new(program: impl Into<String>, directory: impl Into<Utf8PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            removed: BTreeSet::new(),
            input: None,
            directory: directory.into(),
        }
    }

    /// A question to git about the checkout around a directory: it runs nothing that the checkout names and writes nothing.
    ///
    /// A clone can bring a bare repository in one of its directories, with a configuration of its author's, and git
    /// reads the nearest one. Options of the command line come before that configuration. What they cannot replace are
    /// the filters of a `.git` directory that was unpacked instead of cloned.
    pub fn git(directory: impl Into<Utf8PathBuf>) -> Self {
        let settings = GIT_SETTINGS.map(|(name, value)| format!("{name}={value}"));
        Self::new("git", directory)
            .args(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]))
            .env("GIT_PAGER", "cat")
            .env("GIT_TERMINAL_PROMPT", "0")
            // `git status` would otherwise refresh the index, which is a write to the checkout.
            .env("GIT_OPTIONAL_LOCKS", "0")
            // A partial clone would fetch missing objects through a program that its configuration names. Git before
            // 2.45 does not know the first variable; without a permitted protocol it fetches nothing either.
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", "none")
    }

    /// Passes the settings of [`git`](Self::git) to the git processes that the command starts itself, as `go build` does.
    /// They follow those that the variables of its environment already pass. Git before 2.31 does not read them.
    ///
    /// Protocols stay allowed, because the command may fetch its dependencies by git.
    #[must_use]
    pub fn with_git_settings(mut self, environment: &BTreeMap<String, String>) -> Self {
        let passed = environment.get("GIT_CONFIG_COUNT").and_then(|count| count.parse::<usize>().ok());
        let first = passed.unwrap_or(0);
        for (index, (name, value)) in GIT_SETTINGS.into_iter().enumerate() {
            self = self
                .env(format!("GIT_CONFIG_KEY_{}", first.saturating_add(index)), name)
                .env(format!("GIT_CONFIG_VALUE_{}", first.saturating_add(index)), value);
        }
        self.env("GIT_CONFIG_COUNT", first.saturating_add(GIT_SETTINGS.len()).to_string())
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
    }

    /// Appends arguments.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Removes a variable.
    #[must_use]
    pub fn without_env(mut self, name: impl Into<String>) -> Self {
        self.removed.insert(name.into());
        self
    }

    /// Reads a file as standard input.
    #[must_use]
    pub fn input(self, file: impl Into<Utf8PathBuf>) -> Self {
        Self { input: Some(file.into()), ..self }
    }

    /// Formats the command with its environment, but without the change to its directory.
    pub fn without_directory(&self) -> impl fmt::Display + '_ {
        WithoutDirectory(self)
    }

    /// Formats only the program's name and the arguments, shell-quoted, for progress output.
    pub fn short(&self) -> String {
        let name = Utf8Path::new(&self.program).file_name().unwrap_or(&self.program);
        let words = std::iter::once(name).chain(self.arguments.iter().map(String::as_str));
        words.map(quote).collect::<Vec<_>>().join(" ")
    }

    /// Returns the command as an expression of duct, on top of the environment `base`.
    #[expect(clippy::disallowed_methods, reason = "this is the module that spawns processes")]
    pub(super) fn expression(&self, base: &Environment) -> duct::Expression {
        let is_removed = |name: &OsStr| self.removed.iter().any(|removed| name == removed.as_str());
        let mut variables: BTreeMap<OsString, OsString> = base.non_utf8_variables.clone();
        variables.extend(base.variables.iter().map(|(name, value)| (name.into(), value.into())));
        variables.retain(|name, _| !is_removed(name));
        // The command's own variables come after the removed ones, as in `env -u NAME NAME=value`, which `Display`
        // prints.
        variables.extend(self.environment.iter().map(|(name, value)| (name.into(), value.into())));
        // go and others take the directory from PWD, where it may be spelled through a symbolic link; that of this process
        // is of another directory.
        variables.entry("PWD".into()).and_modify(|pwd| *pwd = self.directory.as_str().into());
        // `full_env` replaces the environment of this process, whose variables a library caller may have left out on
        // purpose.
        let expression = duct::cmd(&self.program, &self.arguments).dir(&self.directory).full_env(variables);
        expression.before_spawn(group::lead_own_group)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cd {} && {}", quote(self.directory.as_str()), self.without_directory())
    }
}

/// Displays a command with its environment.
struct WithoutDirectory<'a>(&'a Command);

impl fmt::Display for WithoutDirectory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(command) = self;
        if !command.removed.is_empty() {
            write!(f, "env")?;
            for name in &command.removed {
                write!(f, " -u {}", quote(name))?;
            }
            write!(f, " ")?;
        }
        for (name, value) in &command.environment {
            write!(f, "{name}={} ", quote(value))?;
        }
        write!(f, "{}", quote(&command.program))?;
        command.arguments.iter().try_for_each(|argument| write!(f, " {}", quote(argument)))?;
        command.input.iter().try_for_each(|file| write!(f, " < {}", quote(file.as_str())))
    }
}

/// Quotes a word for a POSIX shell if it needs quotes.
///
/// Control characters become `printf` escapes, because copying from a terminal loses them: CARGO_ENCODED_RUSTFLAGS
/// separates flags by U+001F.
///
/// ```
/// use crossdock_system::process::quote;
///
/// assert_eq!(quote("plain"), "plain");
/// assert_eq!(quote("it's"), r"'it'\''s'");
/// ```
pub fn quote(word: &str) -> String {
    // Not among these is `~`, which a shell expands at the start of a word.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+^".contains(c);
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let is_control = |c: char| c.is_ascii_control() && c != '\n' && c != '\t';
    if word.contains(is_control) {
        let escape = |c: char| match c {
            '\\' => r"\\".to_owned(),
            // The octal escape of `%b` is `\0` and up to three digits (POSIX.1-2017, printf).
            c if is_control(c) => format!("\\0{:03o}", u32::from(c)),
            c => c.to_string(),
        };
        // A command substitution drops the line breaks at its end (POSIX.1-2017, 2.6.3), so they follow it.
        let text = word.trim_end_matches('\n');
        let breaks = &word[text.len()..];
        let breaks = if breaks.is_empty() { String::new() } else { quoted(breaks) };
        return format!("\"$(printf %b {})\"{breaks}", quoted(&text.chars().map(escape).collect::<String>()));
    }
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { quoted(word) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_command_prints_as_a_shell_line() {
        assert_eq!(Command::new("cat", "/").input("/a b").to_string(), "cd / && cat < '/a b'");
        let command = Command::new("/opt/a b/cargo", "/home/someone/it's")
            .args(["build", "--target", "x86_64-unknown-linux-musl", ""])
            .env("CC", "zig cc")
            .without_env("RUSTFLAGS");
        assert_eq!(
            command.to_string(),
            r"cd '/home/someone/it'\''s' && env -u RUSTFLAGS CC='zig cc' '/opt/a b/cargo' build --target x86_64-unknown-linux-musl ''"
        );
        assert_eq!(command.short(), "cargo build --target x86_64-unknown-linux-musl ''");
    }

    #[test]
    fn settings_of_git_follow_those_of_the_environment() {
        let count = |variables: &[(&str, &str)]| {
            let variables =
                variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            Command::new("go", "/").with_git_settings(&variables).environment
        };
        let own = count(&[]);
        assert_eq!(
            (own["GIT_CONFIG_COUNT"].as_str(), own["GIT_CONFIG_KEY_1"].as_str()),
            ("4", "core.fsmonitor")
        );
        let after = count(&[("GIT_CONFIG_COUNT", "2"), ("GIT_CONFIG_KEY_0", "safe.directory")]);
        assert_eq!(
            (after["GIT_CONFIG_COUNT"].as_str(), after["GIT_CONFIG_KEY_3"].as_str()),
            ("6", "core.fsmonitor")
        );
        assert_eq!(after["GIT_CONFIG_VALUE_3"], "false");
        assert!(
            !after.contains_key("GIT_CONFIG_KEY_0") && !after.contains_key("GIT_CONFIG_KEY_1"),
            "{after:?}"
        );
    }

    #[test]
    fn a_shell_reads_every_quoted_word_back() {
        let words = [
            "plain",
            "",
            "a b",
            "it's",
            "$HOME `x` \"y\" \\n",
            "--cfg\u{1f}a=\"it's\"\u{1f}\\0101\u{7f}",
            "a\nb\tc",
            "\u{1f}\na\n\n",
        ];
        let quoted = words.map(quote);
        assert!(quoted.iter().all(|word| !word.contains(['\u{1f}', '\u{7f}'])), "{quoted:?}");
        let environment = Arc::new(Environment::from_process().unwrap());
        let processes = crate::process::Processes::new(environment, crate::process::Cancel::default());
        let script = format!("for word in {}; do printf '<%s>' \"$word\"; done", quoted.join(" "));
        let echoed = processes.stdout(&Command::new("sh", "/").args(["-c", &script])).unwrap();
        assert_eq!(echoed, words.map(|word| format!("<{word}>")).concat());
    }
}
