//! Dynamic loaders that are started as programs: `ld-linux-x86-64.so.2 --library-path /opt/lib /app`.

use super::call::Call;
use super::options::{Given, Grammar, OptionError, Value, is_given};
use super::process::{Libc, Process, Role, Search, TextFile, Word, base_name};
use super::{Next, next};
use crate::program::inspect::{Inspection, Interpreter};
use crate::{Finding, codes};

/// The options of glibc's loader (`elf/rtld.c`). It takes a value only as the next word, and no beginnings of names.
const GLIBC: &[(&str, Value)] = &[
    ("--argv0", Value::Required),
    ("--audit", Value::Required),
    ("--glibc-hwcaps-mask", Value::Required),
    ("--glibc-hwcaps-prepend", Value::Required),
    ("--help", Value::None),
    ("--inhibit-cache", Value::None),
    ("--inhibit-rpath", Value::Required),
    ("--library-path", Value::Required),
    ("--list", Value::None),
    ("--list-diagnostics", Value::None),
    ("--list-tunables", Value::None),
    ("--preload", Value::Required),
    ("--verify", Value::None),
    ("--version", Value::None),
];

/// The options of musl's loader (`ldso/dynlink.c`).
const MUSL: Grammar = Grammar {
    short: "",
    long: &[
        ("argv0", Value::Required),
        ("library-path", Value::Required),
        ("list", Value::None),
        ("preload", Value::Required),
    ],
};

/// The variable with which glibc's loader lists the libraries of any program instead of starting it, whatever its value
/// (ld.so(8)).
const TRACE: &str = "LD_TRACE_LOADED_OBJECTS";

/// The directories in which glibc's loader looks for a name without a slash.
const LIBRARIES: &[&str] = &["/lib", "/lib64", "/usr/lib", "/usr/lib64"];

/// Returns the result for a static program that musl's loader is to load, which it refuses (`map_library` without
/// `PT_DYNAMIC`); `None` for others.
pub(super) fn refused(call: &Call<'_>) -> Option<Next> {
    let loader = call.process.loader.as_ref()?;
    let Inspection::Elf(elf) = call.facts else { return None };
    let is_refused = elf.dynamic.is_none() && call.libc_of_start() == Some(Libc::Musl);
    is_refused.then(|| {
        let message = format!("{loader} starts only dynamic programs, and {} is static: it shows `Not a valid dynamic program`.", call.program);
        let finding = Finding::new(codes::LAUNCH_REFUSED, call.context.target.name(), &call.found.path, message);
        Next::Fails(finding.with_help("Start a static program itself, without the loader."))
    })
}

/// Returns the result for a program that glibc's loader lists instead of starting it; `None` if it starts.
pub(super) fn traced(call: &Call<'_>) -> Option<Next> {
    call.process.environment.get(TRACE)?;
    let Inspection::Elf(elf) = call.facts else { return None };
    let is_dynamic = matches!(elf.interpreter, Some(Interpreter::Path(_)));
    // In the secure mode of set-user-ID programs the loader ignores the variable for all but root.
    let is_secure = call.found.entry.mode & 0o6000 != 0;
    (is_dynamic && !is_secure && call.libc_of_start() == Some(Libc::Glibc)).then(|| {
        lists(call, &format!("because of the variable {TRACE} its loader lists its libraries and ends"))
    })
}

/// Returns the result for a loader that prints something about the program and ends. A script may want just that.
fn lists(call: &Call<'_>, why: &str) -> Next {
    match call.process.role {
        Role::Program => next::fails(call, why.to_owned()),
        Role::Step | Role::Aside => Next::Nothing,
    }
}

/// Reads the arguments of a loader.
pub(super) fn read(call: &Call<'_>, libc: Libc) -> Next {
    let read = match libc {
        Libc::Glibc => glibc(call.arguments()),
        Libc::Musl => MUSL.read(call.arguments()),
    };
    let (options, rest) = match read {
        Ok(read) => read,
        Err(error) => return next::refused(call, error),
    };
    if is_given(&options, &["list", "verify"]) && !rest.is_empty() {
        return lists(call, "it only lists or checks the libraries of the program, and ends");
    }
    if options.iter().any(|option| option.value.is_none() && option.name != "inhibit-cache") {
        // It prints, and starts nothing.
        return Next::Nothing;
    }
    let Some(program) = rest.first() else { return next::no_command(call) };
    if libc == Libc::Musl && call.process.name().is_some_and(|name| base_name(name) == "ldd") {
        return Next::Unknown(
            "under the name ldd the loader only lists the libraries of a program".to_owned(),
        );
    }
    let mut process = call.process.starting(&call.program, rest.to_vec());
    for option in options {
        let variable = match option.name.as_str() {
            "library-path" => "LD_LIBRARY_PATH",
            "preload" => "LD_PRELOAD",
            _ => continue,
        };
        match option.value.as_ref().and_then(Word::known) {
            Some(value) => process.environment.set(variable, value),
            None => process.environment.forget(variable),
        }
    }
    if let Some(next) = program.known().and_then(|name| searched(call, libc, name, &process)) {
        return next;
    }
    let loader = Some(call.program.clone());
    Next::Start(Box::new(Process {
        search: Search::AsGiven,
        text_file: TextFile::Refused,
        loader,
        ..process
    }))
}

/// Returns the result for a name without a slash, which glibc's loader searches as a library and musl's opens as it is.
fn searched(call: &Call<'_>, libc: Libc, name: &str, process: &Process) -> Option<Next> {
    if libc == Libc::Musl || name.contains('/') {
        return None;
    }
    let container = call.process.within(call.context.container);
    let is_in = |directory: &&str| container.resolve(&format!("{directory}/{name}")).is_ok();
    let variable = "LD_LIBRARY_PATH";
    let has_directories =
        process.environment.is_unknown(variable) || process.environment.get(variable).is_some();
    // The cache of the loader may hold libraries in further directories.
    let may_be_library = name.contains(".so") || has_directories || LIBRARIES.iter().any(is_in);
    Some(if may_be_library {
        Next::Unknown(format!("{} searches {name}, a name without a slash, as a library", call.program))
    } else {
        let why = "a name without a slash is searched as a library, not on PATH or in the working directory";
        next::no_file(call, name, why)
    })
}

fn glibc(words: &[Word]) -> Result<(Vec<Given>, &[Word]), OptionError> {
    let (mut options, mut rest) = (Vec::new(), words);
    while let Some((word, after)) = rest.split_first() {
        let text = word.known().ok_or_else(|| OptionError::Unknown(word.to_string()))?;
        if !text.starts_with("--") {
            break;
        }
        let refused = || OptionError::Refused(text.to_owned());
        let (name, value) = GLIBC.iter().find(|(name, _)| *name == text).ok_or_else(refused)?;
        rest = after;
        let mut given = None;
        if *value == Value::Required {
            let (value, after) = rest.split_first().ok_or_else(refused)?;
            (given, rest) = (Some(value.clone()), after);
        }
        options.push(Given { name: name[2..].to_owned(), value: given });
    }
    Ok((options, rest))
}
