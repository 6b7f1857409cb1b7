//! Instructions that BuildKit parses and then refuses (`frontend/dockerfile/instructions`): wrong arguments and flags.

use super::Dockerfile;
use super::error::{Problem, ReadError};
use super::expand::{Scope, expand, variables};
use super::instruction::{Arguments, Flag, Instruction};
use super::keyword::Keyword;

/// Returns every instruction that BuildKit refuses before it builds anything, in order, with its line: wrong arguments,
/// unknown flags, a malformed name or platform of a stage, an image that is empty for any build argument.
///
/// Mistakes that depend on build arguments or on the image that the engine finds are not reported, nor are those inside
/// the value of `--mount`. Unknown instructions are [`Keyword::Unknown`].
///
/// ```
/// use crossdock_dockerfile::read::{Dockerfile, refused};
///
/// let file = Dockerfile::read("FROM alpine foo\nCOPY --foo=1 a b\n")?;
/// let lines: Vec<usize> = refused(&file).iter().map(|error| error.line).collect();
/// assert_eq!(lines, [1, 2]);
/// # Ok::<(), crossdock_dockerfile::read::ReadError>(())
/// ```
pub fn refused(file: &Dockerfile) -> Vec<ReadError> {
    let globals = file.global_arguments();
    let refuse = |instruction: &Instruction| {
        let problem =
            arguments(instruction).or_else(|| flags(instruction)).or_else(|| stage(instruction, &globals))?;
        Some(ReadError { line: instruction.lines.first, problem })
    };
    file.instructions().filter_map(refuse).collect()
}

fn arguments(instruction: &Instruction) -> Option<Problem> {
    let keyword = instruction.keyword.clone();
    let words = instruction.arguments.words();
    let needs = |what| Some(Problem::Arguments(keyword.clone(), what));
    let nothing =
        instruction.arguments == Arguments::None || (words.is_empty() && is_list(&instruction.arguments));
    match instruction.keyword {
        Keyword::From => from(words),
        Keyword::Add | Keyword::Copy if words.len() < 2 => needs("a source and a destination"),
        Keyword::Workdir | Keyword::User | Keyword::Stopsignal | Keyword::Maintainer if nothing => {
            needs("one argument")
        }
        Keyword::Expose
        | Keyword::Volume
        | Keyword::Arg
        | Keyword::Env
        | Keyword::Label
        | Keyword::Onbuild
            if nothing =>
        {
            needs("at least one argument")
        }
        Keyword::Volume if words.iter().any(|word| word.trim().is_empty()) => {
            needs("directories with a name")
        }
        Keyword::Arg if words.iter().any(|word| word.starts_with('=')) => needs("a name before ="),
        Keyword::Env | Keyword::Label
            if instruction.arguments.pairs().iter().any(|pair| pair.name.is_empty()) =>
        {
            needs("a name before =")
        }
        Keyword::Shell if nothing || !instruction.arguments.is_exec() => {
            needs("a JSON array: [\"/bin/bash\", \"-c\"]")
        }
        Keyword::Healthcheck => health(instruction),
        Keyword::Onbuild => trigger(&instruction.arguments),
        _ => None,
    }
}

fn from(words: &[String]) -> Option<Problem> {
    match words {
        [_] => None,
        [_, between, name] if between.eq_ignore_ascii_case("as") => {
            (!is_stage_name(&name.to_lowercase())).then(|| Problem::StageName(name.clone()))
        }
        _ => Some(Problem::Arguments(Keyword::From, "one image, or an image, AS and a name")),
    }
}

fn trigger(arguments: &Arguments) -> Option<Problem> {
    let Arguments::Trigger(inner) = arguments else { return None };
    matches!(inner.keyword, Keyword::Onbuild | Keyword::From | Keyword::Maintainer).then_some(
        Problem::Arguments(Keyword::Onbuild, "an instruction other than ONBUILD, FROM and MAINTAINER"),
    )
}

fn is_list(arguments: &Arguments) -> bool {
    matches!(arguments, Arguments::Words(_) | Arguments::Exec(_))
}

fn health(instruction: &Instruction) -> Option<Problem> {
    let needs = |what| Some(Problem::Arguments(Keyword::Healthcheck, what));
    let Arguments::Kind(kind, rest) = &instruction.arguments else {
        return needs("CMD and a command, or NONE");
    };
    let empty = match &**rest {
        Arguments::Text(text) => text.is_empty(),
        Arguments::Exec(words) => words.is_empty(),
        _ => true,
    };
    match kind.to_ascii_uppercase().as_str() {
        "NONE" if !empty => needs("nothing after NONE"),
        "CMD" if empty => needs("a command after CMD"),
        "NONE" | "CMD" => None,
        _ => needs("CMD and a command, or NONE"),
    }
}

/// Matches `^[a-z][a-z0-9-_.]*$`, BuildKit's pattern.
fn is_stage_name(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(inside)
}

/// The way a flag is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// With a value, once.
    Value,
    /// With a value, repeatable.
    Values,
    /// Without a value, or with `true` or `false`.
    Switch,
}

/// Returns the flags that an instruction takes. `None` if BuildKit ignores them.
fn known_flags(instruction: &Instruction) -> Option<&'static [(&'static str, Kind)]> {
    use Kind::{Switch, Value, Values};
    match &instruction.keyword {
        Keyword::Add => Some(&[
            ("chown", Value),
            ("chmod", Value),
            ("link", Switch),
            ("keep-git-dir", Switch),
            ("checksum", Value),
            ("unpack", Switch),
            ("exclude", Values),
        ]),
        Keyword::Copy => Some(&[
            ("chown", Value),
            ("from", Value),
            ("chmod", Value),
            ("link", Switch),
            ("exclude", Values),
            ("parents", Switch),
        ]),
        Keyword::From => Some(&[("platform", Value)]),
        Keyword::Run => {
            Some(&[("mount", Values), ("network", Value), ("security", Value), ("device", Values)])
        }
        // BuildKit parses the flags of a health check only after it has dealt with `NONE`.
        Keyword::Healthcheck => match &instruction.arguments {
            Arguments::Kind(kind, _) if kind.eq_ignore_ascii_case("NONE") => None,
            _ => Some(&[
                ("interval", Value),
                ("timeout", Value),
                ("start-period", Value),
                ("start-interval", Value),
                ("retries", Value),
            ]),
        },
        Keyword::Arg | Keyword::Stopsignal | Keyword::Unknown(_) => None,
        _ => Some(&[]),
    }
}

fn flags(instruction: &Instruction) -> Option<Problem> {
    let known = known_flags(instruction)?;
    let mut seen: Vec<&str> = Vec::new();
    instruction.flags.iter().find_map(|flag| {
        let kind = known.iter().find(|(name, _)| *name == flag.name).map(|(_, kind)| *kind);
        let Some(kind) = kind else {
            return Some(Problem::UnknownFlag(instruction.keyword.clone(), flag.name.clone()));
        };
        if kind != Kind::Values && seen.contains(&flag.name.as_str()) {
            return Some(Problem::FlagTwice(flag.name.clone()));
        }
        seen.push(&flag.name);
        value(flag, kind)
    })
}

fn value(flag: &Flag, kind: Kind) -> Option<Problem> {
    let right = match (kind, flag.value.as_deref()) {
        (Kind::Switch, None) => true,
        (Kind::Switch, Some(value)) => ["true", "false"].iter().any(|one| value.eq_ignore_ascii_case(one)),
        (_, None) => false,
        (_, Some(value)) if flag.name == "retries" && !value.is_empty() => {
            value.parse::<i32>().is_ok_and(|retries| retries >= 0)
        }
        (_, Some(mode)) if flag.name == "network" => ["default", "none", "host"].contains(&mode),
        (_, Some(mode)) if flag.name == "security" => ["sandbox", "insecure"].contains(&mode),
        (_, Some(time)) if TIMES.contains(&flag.name.as_str()) => is_duration(time),
        (_, Some(_)) => true,
    };
    (!right).then(|| Problem::FlagValue(flag.name.clone()))
}

/// Flags whose value is a duration.
const TIMES: &[&str] = &["interval", "timeout", "start-period", "start-interval"];

/// Returns whether a text is a duration that BuildKit takes: Go's `time.ParseDuration` (`1m30s`), and either zero or at
/// least a millisecond.
fn is_duration(text: &str) -> bool {
    const UNITS: [(&str, f64); 8] = [
        ("ns", 1e-6),
        ("us", 1e-3),
        ("µs", 1e-3),
        ("μs", 1e-3),
        ("ms", 1.0),
        ("s", 1e3),
        ("m", 6e4),
        ("h", 3.6e6),
    ];
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut milliseconds = 0.0;
    if matches!(text, "" | "0" | "+0" | "-0") {
        return true;
    }
    while !rest.is_empty() {
        let number = rest.find(|one: char| !one.is_ascii_digit() && one != '.').unwrap_or(rest.len());
        let unit = rest[number..]
            .find(|one: char| one.is_ascii_digit() || one == '.')
            .unwrap_or(rest.len() - number);
        let (value, name) = (&rest[..number], &rest[number..number + unit]);
        let Some((_, factor)) = UNITS.iter().find(|(known, _)| *known == name) else { return false };
        let Ok(value) = value.parse::<f64>() else { return false };
        milliseconds += value * factor;
        rest = &rest[number + unit..];
    }
    milliseconds == 0.0 || milliseconds >= 1.0
}

/// Checks the image and the platform of a stage, as far as the file determines them.
fn stage(instruction: &Instruction, globals: &Scope) -> Option<Problem> {
    if instruction.keyword != Keyword::From {
        return None;
    }
    let base = instruction.arguments.words().first()?;
    if is_blank(base, globals) {
        return Some(Problem::BlankImage(base.clone()));
    }
    let platform = instruction.flag("platform")?.value.as_deref().filter(|value| !value.is_empty())?;
    let malformed =
        expand(platform, globals).is_some_and(|platform| !platform.is_empty() && !is_platform(&platform));
    (malformed || is_blank(platform, globals)).then(|| Problem::Platform(platform.to_owned()))
}

/// Returns whether a text is empty for any build arguments: none of its variables is declared by an `ARG` before the
/// first `FROM` or set by the engine.
fn is_blank(text: &str, globals: &Scope) -> bool {
    let names = variables(text);
    let unset = |name: &str| {
        let set_by_engines = ["BUILD", "TARGET"].iter().any(|part| name.starts_with(part));
        !globals.contains_key(name) && !set_by_engines
    };
    if !names.iter().all(|(_, name)| unset(name)) {
        return false;
    }
    let empty = names.iter().map(|(_, name)| ((*name).to_owned(), Some(String::new()))).collect();
    expand(text, &empty).is_some_and(|text| text.is_empty())
}

/// Returns whether containerd's `platforms.Parse` takes a text: one to three parts, the first of which may have a
/// version in parentheses (`windows(10.0.17763)/amd64`).
fn is_platform(text: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    };
    let mut parts = text.split('/');
    let system = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    (plain(system) || system.contains('(')) && rest.len() < 3 && rest.iter().all(|part| plain(part))
}
