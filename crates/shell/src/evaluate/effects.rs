//! Which files well-known programs change.
//!
//! A program that is missing in an image may have been created by the script itself. Only programs that are known to change
//! nothing, or nothing but their operands, let later look-ups trust the image.

use crate::touched::Reach;
use crate::value::Value;

/// The changes that a program may make to the file system.
pub(crate) enum Effect {
    None,
    Paths {
        changed: Vec<String>,
        removed: Vec<String>,
        modes: Modes,
        reach: Reach,
    },
    /// It gives files and what is in them to another user.
    Owners(Vec<String>),
    Anything,
}

/// Whether a program may change the modes of files that exist.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Modes {
    Kept,
    Changed,
}

/// Programs that change no file, or none that a script then runs.
const READERS: &[&str] = &[
    "[",
    "arch",
    "awk",
    "base64",
    "basename",
    "cat",
    "cmp",
    "cut",
    "date",
    "df",
    "diff",
    "dirname",
    "du",
    "echo",
    "egrep",
    "env",
    "expr",
    "fgrep",
    "file",
    "find",
    "free",
    "gawk",
    "getconf",
    "getent",
    "grep",
    "groups",
    "head",
    "hostname",
    "id",
    "jq",
    "kill",
    "ldd",
    "locale",
    "logger",
    "logname",
    "ls",
    "mawk",
    "md5sum",
    "mountpoint",
    "nc",
    "nl",
    "nproc",
    "od",
    "pgrep",
    "pidof",
    "pkill",
    "printenv",
    "printf",
    "ps",
    "pwd",
    "readlink",
    "realpath",
    "renice",
    "seq",
    "sha1sum",
    "sha256sum",
    "sleep",
    "sort",
    "stat",
    "stty",
    "sync",
    "tac",
    "tail",
    "test",
    "tput",
    "tr",
    "true",
    "false",
    "tty",
    "umask",
    "uname",
    "uniq",
    "wc",
    "which",
    "who",
    "whoami",
    "xxd",
    "yes",
    "sysctl",
    "ulimit",
    "nice",
    "cksum",
    "comm",
    "fold",
    "join",
    "paste",
    "rev",
    "strings",
    "tsort",
    "pg_isready",
    "redis-cli",
];

/// Programs that create or change their operands only.
const WRITERS: &[&str] = &[
    "chmod", "cp", "install", "ln", "mkdir", "mkfifo", "mknod", "mktemp", "tee", "touch", "truncate", "dd",
    "setfacl", "sed", "envsubst",
];

/// Programs that create files, or write to them, and keep the modes of those that exist.
const KEEPERS: &[&str] =
    &["dd", "envsubst", "mkdir", "mkfifo", "mknod", "mktemp", "sed", "tee", "touch", "truncate"];

/// Programs that change their operands, and nothing in them if they are directories.
const SINGLE: &[&str] = &["chmod", "dd", "mkdir", "mkfifo", "mknod", "sed", "tee", "touch", "truncate"];

/// Programs that remove operands.
const REMOVERS: &[&str] = &["mv", "rm", "rmdir", "unlink"];

/// Returns what a program does to files.
pub(crate) fn of(words: &[Value]) -> Effect {
    let Some((name, operands)) = words.split_first().and_then(|(name, rest)| Some((name.text()?, rest)))
    else {
        return Effect::Anything;
    };
    let name = name.rsplit('/').next().unwrap_or(name);
    if asks_for_facts(name, operands) || (name == "tar" && packs_to_output(operands)) {
        return Effect::None;
    }
    if name == "find"
        && let Some(effect) = of_found_files(operands)
    {
        return effect;
    }
    if matches!(name, "chown" | "chgrp") {
        let directory = |word: &Value| word.text().map_or("/", |text| text).to_owned();
        let files = operands.iter().filter(|word| !word.prefix().starts_with('-')).skip(1);
        return Effect::Owners(files.map(directory).collect());
    }
    if READERS.contains(&name) {
        // `find -exec`, `awk 'system(…)'` and `env prog` may do anything.
        let runs = matches!(name, "find" | "env" | "nice")
            && operands.iter().any(|word| word.text().is_none_or(|text| is_exec(name, text)));
        return if runs { Effect::Anything } else { Effect::None };
    }
    let removes = REMOVERS.contains(&name);
    if !removes && !WRITERS.contains(&name) {
        return Effect::Anything;
    }
    let mut paths = Vec::new();
    let mut reach = if SINGLE.contains(&name) { Reach::Itself } else { Reach::Below };
    for operand in operands {
        match operand.text() {
            Some(text) if text.starts_with("--r") || (text.starts_with('-') && text.contains('R')) => {
                reach = Reach::Below;
            }
            Some(text) if text.starts_with('-') => {}
            // `mkdir -p` creates the directories above, too.
            Some(text) if name == "mkdir" => {
                let above = text.match_indices('/').filter(|(at, _)| *at > 0);
                paths.extend(above.map(|(at, _)| text[..at].to_owned()).chain([text.to_owned()]));
            }
            Some(text) => paths.push(text.split_once('=').map_or(text, |(_, path)| path).to_owned()),
            None => match known_directory(operand) {
                Some(directory) => {
                    paths.push(directory);
                    reach = Reach::Below;
                }
                None => return Effect::Anything,
            },
        }
    }
    // `mv a b` and `cp a b` create the name of `a` in the directory `b`. Copies change nothing else.
    let names_directory = |word: &Value| word.prefix().starts_with("-t") || word.prefix().starts_with("--t");
    if matches!(name, "cp" | "ln") && !operands.iter().any(names_directory) {
        paths.drain(..paths.len().saturating_sub(1));
    }
    let removed = if removes { paths.clone() } else { Vec::new() };
    let modes = if KEEPERS.contains(&name) { Modes::Kept } else { Modes::Changed };
    Effect::Paths { changed: paths, removed, modes, reach }
}

/// Programs that write other contents to their operands.
const REWRITERS: &[&str] = &[
    "cp", "curl", "dd", "dos2unix", "gunzip", "install", "ln", "mv", "patch", "patchelf", "perl", "rsync",
    "sed", "strip", "tar", "tee", "truncate", "unix2dos", "unzip", "wget",
];

/// Returns the paths to which a program may write another content.
pub(crate) fn written(words: &[Value]) -> Vec<&str> {
    let Some(name) = words.first().and_then(Value::text) else { return Vec::new() };
    let name = name.rsplit('/').next().unwrap_or(name);
    let texts = || words[1..].iter().filter_map(Value::text);
    let edits = || texts().any(|word| word.starts_with("-i") || word.starts_with("--in-place"));
    if !REWRITERS.contains(&name) || (matches!(name, "sed" | "perl") && !edits()) {
        return Vec::new();
    }
    let operands = texts().map(|word| word.rsplit_once('=').map_or(word, |(_, path)| path));
    operands.filter(|word| !word.starts_with('-')).collect()
}

/// Whether a program only prints what it is, as in `java -version` and `mysqld --verbose --help`.
fn asks_for_facts(name: &str, operands: &[Value]) -> bool {
    let has = |options: &[&str]| {
        operands.iter().any(|word| word.text().is_some_and(|text| options.contains(&text)))
    };
    // Among other words, `--version` may be an option of a subcommand: `helm pull CHART --version 1.2`.
    let are_options = operands.iter().all(|word| word.text().is_some_and(|text| text.starts_with('-')));
    (are_options && has(&["--version", "--help"]))
        || (operands.len() == 1 && has(&["-version", "-V", "version"]))
        || (matches!(name, "dpkg" | "dpkg-query")
            && has(&["--print-architecture", "--show", "-W", "-s", "-l"]))
}

/// Whether `tar` writes an archive to its standard output, as in `tar -cf - .`.
fn packs_to_output(operands: &[Value]) -> bool {
    let texts = || operands.iter().filter_map(Value::text);
    let is_cluster = |at: usize, word: &str| match word.strip_prefix('-') {
        Some(letters) => !letters.starts_with('-'),
        None => at == 0,
    };
    let has = |letter| texts().enumerate().any(|(at, word)| is_cluster(at, word) && word.contains(letter));
    let creates = has('c') || texts().any(|word| word == "--create");
    creates && !has('x') && texts().any(|word| matches!(word, "-" | "--file=-"))
}

/// Returns what `find PATH… -exec COMMAND` does if the command changes nothing, or only the files that are found.
fn of_found_files(operands: &[Value]) -> Option<Effect> {
    let texts: Vec<&str> = operands.iter().map(Value::text).collect::<Option<_>>()?;
    let is_exec = |word: &&str| matches!(*word, "-exec" | "-execdir");
    let at = texts.iter().position(is_exec)?;
    let name = texts.get(at + 1)?.rsplit('/').next()?;
    let is_single = texts.iter().filter(|word| is_exec(word)).count() == 1 && !texts.contains(&"-delete");
    let count = texts.iter().take_while(|word| !word.starts_with(['-', '(', '!', '\\'])).count();
    let paths: Vec<String> = texts[..count].iter().map(|path| (*path).to_owned()).collect();
    let reach = Reach::Below;
    match name {
        _ if !is_single || paths.is_empty() => None,
        "chown" | "chgrp" => Some(Effect::Owners(paths)),
        "chmod" => Some(Effect::Paths { changed: paths, removed: Vec::new(), modes: Modes::Changed, reach }),
        "touch" => Some(Effect::Paths { changed: paths, removed: Vec::new(), modes: Modes::Kept, reach }),
        "rm" => Some(Effect::Paths { changed: paths.clone(), removed: paths, modes: Modes::Kept, reach }),
        _ => None,
    }
}

fn is_exec(name: &str, text: &str) -> bool {
    match name {
        "find" => matches!(text, "-exec" | "-execdir" | "-ok" | "-delete" | "-fprint"),
        _ => !text.starts_with('-') && !text.contains('='),
    }
}

/// Returns the directory of a path whose last part is not known, as in `"/tmp/app.$$"`.
fn known_directory(operand: &Value) -> Option<String> {
    let (directory, _) = operand.prefix().rsplit_once('/')?;
    let is_simple = !operand.suffix().contains("..") && !directory.is_empty();
    is_simple.then(|| directory.to_owned())
}
