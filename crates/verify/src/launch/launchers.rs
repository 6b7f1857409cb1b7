//! Programs that start the command in their arguments, and their options.
//!
//! Each option grammar is that of the program's source: `getopt` in tini, dumb-init, catatonit, coreutils and util-linux.

use super::applets::{self, Arguments};
use super::call::{BUSYBOX, Call};
use super::image_files::ImageFiles;
use super::next::{fails, no_command, refused, start, unknown_word};
use super::options::{Grammar, OptionError, Value, is_given};
use super::process::{Leads, Libc, Process, Word};
use super::{Next, environment, group, option_values, report, switch_user};
use crate::program::busybox::BusyBox;
use crossdock_shell::{Entry, Files};

/// A program that starts the command in its arguments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Launcher {
    names: &'static [&'static str],
    /// Texts of which the real program contains one. A program of the same name without them may do something else.
    marks: &'static [&'static str],
    reading: Reading,
}

/// The form of a launcher's arguments.
#[derive(Debug, PartialEq, Eq)]
enum Reading {
    /// Options, then a number of operands, then the command.
    Plain(Plain),
    Own(Own),
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Plain {
    short: &'static str,
    long: &'static [(&'static str, Value)],
    operands: usize,
    /// The options with which the program starts nothing.
    ends: &'static [&'static str],
    /// The behavior without a command.
    alone: Alone,
}

/// The behavior of a launcher without a command.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Alone {
    /// It prints something or starts a shell.
    Runs,
    /// It stops with its usage.
    Stops,
}

/// The launchers that need more than options and operands.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Own {
    Tini,
    Env,
    Nice,
    Flock,
    Chroot,
    /// `gosu USER COMMAND`, `su-exec USER COMMAND`.
    Gosu,
    SuExec,
    Chpst,
    SetUidGid,
    SetPriv,
    Su,
    Sudo,
    Xargs,
    SetArch,
    /// It starts a program that is not followed, in other surroundings or by rules of its own.
    Opaque,
}

const COREUTILS: &[&str] = &["GNU coreutils", BUSYBOX, "toybox", "uutils"];
const UTIL_LINUX: &[&str] = &["util-linux", BUSYBOX, "toybox"];

const fn plain(
    names: &'static [&'static str],
    marks: &'static [&'static str],
    short: &'static str,
    long: &'static [(&'static str, Value)],
) -> Launcher {
    let plain = Plain { short, long, operands: 0, ends: &["h", "V", "help", "version"], alone: Alone::Stops };
    Launcher { names, marks, reading: Reading::Plain(plain) }
}

const fn own(names: &'static [&'static str], marks: &'static [&'static str], own: Own) -> Launcher {
    Launcher { names, marks, reading: Reading::Own(own) }
}

impl Launcher {
    const fn after(self, operands: usize) -> Launcher {
        match self.reading {
            Reading::Plain(plain) => {
                Launcher { reading: Reading::Plain(Plain { operands, ..plain }), ..self }
            }
            Reading::Own(_) => self,
        }
    }

    const fn ending_with(self, ends: &'static [&'static str]) -> Launcher {
        match self.reading {
            Reading::Plain(plain) => Launcher { reading: Reading::Plain(Plain { ends, ..plain }), ..self },
            Reading::Own(_) => self,
        }
    }

    const fn running_alone(self) -> Launcher {
        match self.reading {
            Reading::Plain(plain) => {
                Launcher { reading: Reading::Plain(Plain { alone: Alone::Runs, ..plain }), ..self }
            }
            Reading::Own(_) => self,
        }
    }

    /// Returns whether the program is this launcher by its contents.
    pub(super) fn is_genuine(&self, call: &Call<'_>) -> bool {
        self.marks.iter().any(|mark| call.contains(mark))
    }

    /// Reads the arguments of the launcher.
    pub(super) fn read(&self, call: &Call<'_>) -> Next {
        match self.command(call) {
            Next::Start(child) => Next::Start(Box::new(group::of_child(call, self.names[0], *child))),
            next => next,
        }
    }

    fn command(&self, call: &Call<'_>) -> Next {
        match &self.reading {
            Reading::Plain(plain) => plain.read(call, self.names[0]),
            Reading::Own(Own::Tini) => tini(call),
            Reading::Own(Own::Env) => environment::read(call),
            Reading::Own(Own::Nice) => nice(call),
            Reading::Own(Own::Flock) => flock(call),
            Reading::Own(Own::Chroot) => switch_user::chroot(call),
            Reading::Own(Own::Gosu) => switch_user::gosu(call),
            Reading::Own(Own::SuExec) => switch_user::su_exec(call),
            Reading::Own(Own::Chpst) => switch_user::chpst(call),
            Reading::Own(Own::SetUidGid) => switch_user::setuidgid(call),
            Reading::Own(Own::SetPriv) => switch_user::setpriv(call),
            Reading::Own(Own::Su) => switch_user::su(call),
            Reading::Own(Own::Sudo) => switch_user::sudo(call),
            Reading::Own(Own::Xargs) => xargs(call),
            Reading::Own(Own::SetArch) => set_arch(call),
            Reading::Own(Own::Opaque) => opaque(call),
        }
    }
}

static LAUNCHERS: &[Launcher] = &[
    own(&["tini", "tini-static", "docker-init"], &["TINI_SUBREAPER"], Own::Tini),
    plain(
        &["dumb-init"],
        &["[dumb-init]"],
        "hvVcr:",
        &[
            ("help", Value::None),
            ("rewrite", Value::Required),
            ("single-child", Value::None),
            ("verbose", Value::None),
            ("version", Value::None),
        ],
    ),
    plain(&["catatonit"], &["catatonit"], "ghLPV", &[("version", Value::None)])
        .ending_with(&["h", "L", "P", "V", "version"]),
    own(&["env"], COREUTILS, Own::Env),
    own(&["nice"], COREUTILS, Own::Nice),
    plain(&["nohup"], COREUTILS, "", &[("help", Value::None), ("version", Value::None)]),
    plain(
        &["stdbuf"],
        COREUTILS,
        "i:o:e:",
        &[
            ("error", Value::Required),
            ("help", Value::None),
            ("input", Value::Required),
            ("output", Value::Required),
            ("version", Value::None),
        ],
    ),
    plain(
        &["timeout"],
        COREUTILS,
        "fk:ps:v",
        &[
            ("foreground", Value::None),
            ("help", Value::None),
            ("kill-after", Value::Required),
            ("preserve-status", Value::None),
            ("signal", Value::Required),
            ("verbose", Value::None),
            ("version", Value::None),
        ],
    )
    .after(1),
    plain(
        &["setsid"],
        UTIL_LINUX,
        "cfwVh",
        &[
            ("ctty", Value::None),
            ("fork", Value::None),
            ("help", Value::None),
            ("version", Value::None),
            ("wait", Value::None),
        ],
    ),
    plain(
        &["ionice"],
        UTIL_LINUX,
        "n:c:p:P:u:tVh",
        &[
            ("class", Value::Required),
            ("classdata", Value::Required),
            ("help", Value::None),
            ("ignore", Value::None),
            ("pgid", Value::Required),
            ("pid", Value::Required),
            ("uid", Value::Required),
            ("version", Value::None),
        ],
    )
    .ending_with(&["p", "P", "u", "V", "h", "pid", "pgid", "uid", "version", "help"])
    .running_alone(),
    plain(
        &["taskset"],
        UTIL_LINUX,
        "pchVa",
        &[
            ("all-tasks", Value::None),
            ("cpu-list", Value::None),
            ("help", Value::None),
            ("pid", Value::None),
            ("version", Value::None),
        ],
    )
    .after(1)
    .ending_with(&["p", "h", "V", "pid", "help", "version"]),
    plain(
        &["chrt"],
        UTIL_LINUX,
        "abdD:efiomP:prRT:vhV",
        &[
            ("all-tasks", Value::None),
            ("batch", Value::None),
            ("deadline", Value::None),
            ("ext", Value::None),
            ("fifo", Value::None),
            ("help", Value::None),
            ("idle", Value::None),
            ("max", Value::None),
            ("other", Value::None),
            ("pid", Value::None),
            ("reset-on-fork", Value::None),
            ("rr", Value::None),
            ("sched-deadline", Value::Required),
            ("sched-period", Value::Required),
            ("sched-runtime", Value::Required),
            ("verbose", Value::None),
            ("version", Value::None),
        ],
    )
    .after(1)
    .ending_with(&["m", "p", "h", "V", "max", "pid", "help", "version"]),
    own(&["flock"], UTIL_LINUX, Own::Flock),
    own(&["chroot"], COREUTILS, Own::Chroot),
    own(&["gosu"], &["tianon/gosu"], Own::Gosu),
    own(&["su-exec"], &["getpwnam(%s)"], Own::SuExec),
    own(&["chpst"], &["chpst: fatal: ", BUSYBOX], Own::Chpst),
    own(&["setuidgid"], &["setuidgid: fatal: ", BUSYBOX], Own::SetUidGid),
    own(&["s6-setuidgid"], &["s6-applyuidgid", "s6-setuidgid"], Own::SetUidGid),
    own(&["setpriv"], UTIL_LINUX, Own::SetPriv),
    own(&["su", "runuser"], UTIL_LINUX, Own::Su),
    own(&["xargs"], &["GNU findutils", BUSYBOX, "toybox"], Own::Xargs),
    plain(
        &["prlimit"],
        UTIL_LINUX,
        "p:o:c::d::e::f::i::l::m::n::q::r::s::t::u::v::x::y::hV",
        &[
            ("as", Value::Attached),
            ("core", Value::Attached),
            ("cpu", Value::Attached),
            ("data", Value::Attached),
            ("fsize", Value::Attached),
            ("help", Value::None),
            ("locks", Value::Attached),
            ("memlock", Value::Attached),
            ("msgqueue", Value::Attached),
            ("nice", Value::Attached),
            ("nofile", Value::Attached),
            ("noheadings", Value::None),
            ("nproc", Value::Attached),
            ("output", Value::Required),
            ("pid", Value::Required),
            ("raw", Value::None),
            ("rss", Value::Attached),
            ("rtprio", Value::Attached),
            ("rttime", Value::Attached),
            ("sigpending", Value::Attached),
            ("stack", Value::Attached),
            ("verbose", Value::None),
            ("version", Value::None),
        ],
    )
    .ending_with(&["p", "pid", "h", "V", "help", "version"])
    .running_alone(),
    plain(
        &["time"],
        &["GNU Time", BUSYBOX, "toybox"],
        "af:o:pqvV",
        &[
            ("append", Value::None),
            ("format", Value::Required),
            ("help", Value::None),
            ("output", Value::Required),
            ("portability", Value::None),
            ("quiet", Value::None),
            ("verbose", Value::None),
            ("version", Value::None),
        ],
    ),
    own(&["setarch", "linux32", "linux64", "i386", "x86_64"], UTIL_LINUX, Own::SetArch),
    own(
        &[
            "bwrap",
            "capsh",
            "nsenter",
            "proot",
            "run-parts",
            "script",
            "start-stop-daemon",
            "strace",
            "unshare",
            "valgrind",
            "watch",
        ],
        &["\u{7f}ELF"],
        Own::Opaque,
    ),
    own(&["sudo", "doas"], &["sudoers", "doas.conf"], Own::Sudo),
];

/// Returns the launcher of this name.
pub(super) fn named(name: &str) -> Option<&'static Launcher> {
    LAUNCHERS.iter().find(|launcher| launcher.names.contains(&name))
}

impl Plain {
    fn read(&self, call: &Call<'_>, name: &str) -> Next {
        let (grammar, operands) = match applets::arguments(call, name, self.operands) {
            Arguments::Usual => (Grammar { short: self.short, long: self.long }, self.operands),
            Arguments::Own(grammar, operands) => (grammar, operands),
            Arguments::Unknown => return Next::Unknown(format!("the options of its {name} are not known")),
        };
        let (options, rest) = match grammar.read(call.arguments()) {
            Ok(read) => read,
            Err(error) => return refused(call, error),
        };
        if is_given(&options, self.ends) {
            return Next::Nothing;
        }
        let (operands, command) = rest.split_at(operands.min(rest.len()));
        if let Some(word) = operands.iter().find(|word| matches!(word, Word::Many(_))) {
            return unknown_word(word);
        }
        if let Some(value) = option_values::refused(call, name, &options, operands) {
            return refused(call, OptionError::Refused(value));
        }
        if name == "setsid" && !is_given(&options, &["w", "wait"]) {
            match (call.process.leads, leaves_container(call)) {
                (Leads::Yes, next) => return next,
                (Leads::Perhaps, Next::Fails(finding)) => return Next::Fails(report::weakened(finding)),
                _ => {}
            }
        }
        if name == "stdbuf" && lacks_stdbuf_library(call) {
            return fails(call, "it cannot find `libstdbuf.so`, which the image does not have".to_owned());
        }
        match (command, self.alone) {
            ([], Alone::Runs) => Next::Nothing,
            ([], Alone::Stops) => no_command(call),
            (command, _) => start(call, command),
        }
    }
}

/// The leader of a group cannot make a new one, so that setsid starts the command in a child and does not wait for it.
fn leaves_container(call: &Call<'_>) -> Next {
    let why = "as the leader of its process group it starts its command in a child and ends at once, and the container with it: \
               `setsid -w` of util-linux waits, and such a process needs no setsid";
    fails(call, why.to_owned())
}

/// Returns whether stdbuf of GNU coreutils finds its library neither next to itself nor in its package's directory
/// (`set_LD_PRELOAD`).
fn lacks_stdbuf_library(call: &Call<'_>) -> bool {
    const PACKAGED: [&str; 3] =
        ["/usr/libexec/coreutils", "/usr/lib/coreutils", "/usr/local/libexec/coreutils"];
    let packaged = || PACKAGED.into_iter().filter(|directory| call.contains(directory));
    if !call.contains("libstdbuf.so") || packaged().next().is_none() {
        return false;
    }
    let files = ImageFiles::of(call.context, call.process);
    let own = call.found.path.rsplit_once('/').map(|(directory, _)| directory);
    let is_absent = |directory: &str| {
        let path = format!("{directory}/libstdbuf.so");
        files.entry(&path) == Entry::Absent && !files.may_have_changed(&path)
    };
    packaged().chain(own).all(is_absent)
}

/// Without `--` before the command, tini takes options after it as its own: the `getopt` of glibc looks for them in all words,
/// and that of musl stops at the command.
fn tini(call: &Call<'_>) -> Next {
    const GRAMMAR: Grammar = Grammar { short: "p:hvwgle:s", long: &[] };
    let (options, command) = match GRAMMAR.read(call.arguments()) {
        Ok(read) => read,
        Err(error) => return refused(call, error),
    };
    if is_given(&options, &["h", "l"]) {
        return Next::Nothing;
    }
    if let Some(value) = option_values::refused(call, "tini", &options, &[]) {
        return refused(call, OptionError::Refused(value));
    }
    let before = call.arguments().len() - command.len();
    let is_separator = |word: &Word| word.known() == Some("--");
    let is_separated = call.arguments()[..before].last().is_some_and(is_separator);
    let is_option = |word: &&Word| word.known().is_some_and(|text| text.len() > 1 && text.starts_with('-'));
    let mut words = command.iter().take_while(|word| !is_separator(word));
    match words.find(is_option).filter(|_| !is_separated) {
        _ if command.is_empty() => no_command(call),
        None => start(call, command),
        Some(option) => match (call.libc(), GRAMMAR.read(std::slice::from_ref(option))) {
            (Some(Libc::Musl), _) => start(call, command),
            (Some(Libc::Glibc), Err(error)) => refused(call, error),
            _ => Next::Unknown(format!(
                "tini may take `{option}` as its own option without `--` before the command"
            )),
        },
    }
}

/// `nice -5` is an older form of `nice -n 5`.
fn nice(call: &Call<'_>) -> Next {
    const GRAMMAR: Grammar = Grammar {
        short: "n:",
        long: &[("adjustment", Value::Required), ("help", Value::None), ("version", Value::None)],
    };
    let is_number = |word: &Word| {
        let digits = word.known().and_then(|text| text.strip_prefix('-'));
        let digits = digits.map(|digits| digits.strip_prefix(['-', '+']).unwrap_or(digits));
        digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
    };
    let skipped = call.arguments().iter().take_while(|word| is_number(word)).count();
    match GRAMMAR.read(&call.arguments()[skipped..]) {
        Ok((_, [])) => Next::Nothing,
        Ok((_, command)) => start(call, command),
        Err(error) => refused(call, error),
    }
}

/// Why a file cannot be opened for writing.
enum Unwritable {
    /// The image does not have its directory.
    NoDirectory,
    /// It is absent, and the user may not write to its directory.
    ReadOnly,
}

/// Returns why a file of the image cannot be opened for writing, by an absolute path. `None` if it can, or if it is not
/// known: commands before may have changed its directory, and runtimes mount others.
fn unwritable(call: &Call<'_>, path: &str) -> Option<Unwritable> {
    let (parent, _) = path.rsplit_once('/').filter(|_| path.starts_with('/'))?;
    let parent = if parent.is_empty() { "/" } else { parent };
    let files = ImageFiles::of(call.context, call.process);
    if files.may_have_changed(parent) {
        return None;
    }
    let is_often_mounted = ["/run", "/tmp"].iter().any(|mount| parent.starts_with(mount));
    if files.entry(parent) == Entry::Absent && !is_often_mounted {
        return Some(Unwritable::NoDirectory);
    }
    let is_absent = files.entry(path) == Entry::Absent && files.is_link(path) == Some(false);
    (is_absent && files.may_write(parent) == Some(false)).then_some(Unwritable::ReadOnly)
}

/// `flock FILE COMMAND`, `flock FILE -c TEXT`; `flock NUMBER` only locks.
fn flock(call: &Call<'_>) -> Next {
    const GRAMMAR: Grammar = Grammar {
        short: "sexnoFuw:E:c:hV",
        long: &[
            ("close", Value::None),
            ("command", Value::Required),
            ("conflict-exit-code", Value::Required),
            ("exclusive", Value::None),
            ("fcntl", Value::None),
            ("help", Value::None),
            ("nb", Value::None),
            ("no-fork", Value::None),
            ("nonblocking", Value::None),
            ("shared", Value::None),
            ("timeout", Value::Required),
            ("unlock", Value::None),
            ("verbose", Value::None),
            ("version", Value::None),
            ("wait", Value::Required),
        ],
    };
    let rest = match GRAMMAR.read(call.arguments()) {
        Ok((_, rest)) => rest,
        Err(error) => return refused(call, error),
    };
    if let [Word::Known(file), _, ..] = rest
        && let Some(reason) = unwritable(call, file)
    {
        return no_lock(call, file, &reason);
    }
    match rest {
        [] => no_command(call),
        [word @ Word::Many(_), ..] => unknown_word(word),
        [_] => Next::Nothing,
        [_, option, text, ..] if matches!(option.known(), Some("-c" | "--command")) => {
            let shell = call.process.environment.get("SHELL").unwrap_or("/bin/sh");
            let words = [Word::Known(shell.to_owned()), Word::Known("-c".to_owned()), text.clone()];
            start(call, &words)
        }
        [_, command @ ..] => start(call, command),
    }
}

fn no_lock(call: &Call<'_>, file: &str, reason: &Unwritable) -> Next {
    let why = match reason {
        Unwritable::NoDirectory => {
            format!("it cannot open the lock file {file}, whose directory the image does not have")
        }
        Unwritable::ReadOnly => {
            format!("it cannot create the lock file {file}, because its user may not write to the directory")
        }
    };
    match (fails(call, why), reason) {
        (Next::Fails(finding), Unwritable::ReadOnly) => Next::Fails(report::weakened(finding)),
        (next, _) => next,
    }
}

/// `xargs COMMAND` starts the command with words from the standard input, at least once unless `-r` or `-I` is given.
fn xargs(call: &Call<'_>) -> Next {
    const GRAMMAR: Grammar = Grammar {
        short: "+0a:d:E:e::I:i::L:l::n:oP:prs:tx",
        long: &[
            ("arg-file", Value::Required),
            ("delimiter", Value::Required),
            ("eof", Value::Attached),
            ("exit", Value::None),
            ("help", Value::None),
            ("interactive", Value::None),
            ("max-args", Value::Required),
            ("max-chars", Value::Required),
            ("max-lines", Value::Attached),
            ("max-procs", Value::Required),
            ("no-run-if-empty", Value::None),
            ("null", Value::None),
            ("open-tty", Value::None),
            ("process-slot-var", Value::Required),
            ("replace", Value::Attached),
            ("show-limits", Value::None),
            ("verbose", Value::None),
            ("version", Value::None),
        ],
    };
    const BUSYBOX: Grammar = Grammar { short: "+0a:e::E:i::I:n:ps:P:rtx", long: &[] };
    let grammar = if call.is_busybox() { BUSYBOX } else { GRAMMAR };
    match grammar.read(call.arguments()) {
        Ok((options, _)) if is_given(&options, &["help", "version"]) => Next::Nothing,
        Ok((_, [])) => Next::Nothing,
        Ok((_, [word, ..])) if word.known().is_none() => Next::Nothing,
        Ok((_, command)) => match start(call, command) {
            Next::Start(process) if is_own_applet(call, &process) => Next::Nothing,
            Next::Start(process) => Next::Start(Box::new(process.doubtful())),
            next => next,
        },
        Err(error) => refused(call, error),
    }
}

/// `setarch [ARCH] COMMAND`; by another name, that is the architecture.
fn set_arch(call: &Call<'_>) -> Next {
    const GRAMMAR: Grammar = Grammar {
        short: "+hVv3BFILRSTXZ",
        long: &[
            ("32bit", Value::None),
            ("3gb", Value::None),
            ("4gb", Value::None),
            ("addr-compat-layout", Value::None),
            ("addr-no-randomize", Value::None),
            ("fdpic-funcptrs", Value::None),
            ("help", Value::None),
            ("list", Value::None),
            ("mmap-page-zero", Value::None),
            ("read-implies-exec", Value::None),
            ("short-inode", Value::None),
            ("sticky-timeouts", Value::None),
            ("uname-2.6", Value::None),
            ("verbose", Value::None),
            ("version", Value::None),
            ("whole-seconds", Value::None),
        ],
    };
    let words = call.arguments();
    let takes_name = call.program.ends_with("setarch");
    let is_name = |word: &&Word| word.known().is_none_or(|text| !text.starts_with('-'));
    let skipped = usize::from(takes_name && words.first().filter(is_name).is_some());
    match GRAMMAR.read(&words[skipped..]) {
        Ok((options, _)) if is_given(&options, &["h", "V", "help", "list", "version"]) => Next::Nothing,
        // It starts a shell.
        Ok((_, [])) => Next::Nothing,
        Ok((_, command)) => start(call, command),
        Err(error) => refused(call, error),
    }
}

fn opaque(call: &Call<'_>) -> Next {
    match call.arguments() {
        [] => Next::Nothing,
        [word] if matches!(word.known(), Some("-h" | "-V" | "--help" | "--version")) => Next::Nothing,
        _ => Next::Unknown(format!("the programs that {} starts are not followed", call.program)),
    }
}

/// Returns whether the command of a launcher may be an applet of the BusyBox that the launcher is, which its xargs starts
/// itself (`spawn_and_wait`).
fn is_own_applet(call: &Call<'_>, process: &Process) -> bool {
    let Some(name) = process.name().filter(|name| !name.contains('/') && call.is_busybox()) else {
        return false;
    };
    let busybox = BusyBox::read(call.context.container.root, call.found);
    busybox.is_some_and(|busybox| busybox.has(name) != Some(false))
}
