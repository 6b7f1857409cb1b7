//! Values of options and operands that launchers refuse.
//!
//! Each value was given to tini 0.19, dumb-init 1.2.5, coreutils 9.1 and BusyBox 1.35.

use super::call::Call;
use super::options::{Given, value_of};
use super::process::Word;

/// Returns the value that the launcher surely refuses, with its option; `None` if it takes all.
pub(super) fn refused(call: &Call<'_>, name: &str, options: &[Given], operands: &[Word]) -> Option<String> {
    let values = |names: &[&'static str]| -> Vec<(String, String)> {
        let given = options.iter().filter(|option| names.contains(&&*option.name));
        let known = given
            .filter_map(|option| Some((option.name.clone(), option.value.as_ref()?.known()?.to_owned())));
        known.collect()
    };
    let is_busybox = call.is_busybox();
    let first = |names: &[&'static str], is_bad: &dyn Fn(&str) -> bool| {
        let bad = values(names).into_iter().find(|(_, value)| is_bad(value));
        bad.map(|(option, value)| format!("{}{option} {value}", if option.len() == 1 { "-" } else { "--" }))
    };
    match name {
        "tini" => first(&["e"], &|value| !is_exit_status(value))
            .or_else(|| first(&["p"], &|value| !value.starts_with("SIG") || !call.contains(value))),
        "dumb-init" => first(&["r", "rewrite"], &|value| !is_rewrite(value)),
        "timeout" if is_busybox || call.contains("GNU coreutils") => {
            let is_bad = |value: &str| !is_duration(value, is_busybox);
            let signal = first(&["s", "signal"], &|value| !is_signal(value, is_busybox));
            // Before 1.31, BusyBox took the time as a value.
            let old = first(&["t"], &is_bad);
            let operand = operands.first().and_then(Word::known).filter(|value| is_bad(value));
            let last =
                value_of(options, &["k", "kill-after"]).and_then(Word::known).filter(|value| is_bad(value));
            signal.or(old).or(operand.or(last).map(str::to_owned))
        }
        "ionice" if is_busybox => first(&["c", "n"], &|value| value.parse::<i64>().is_err()).or_else(|| {
            first(&["c"], &|value| value.parse::<i64>().is_ok_and(|class| !(0..=3).contains(&class)))
        }),
        _ => None,
    }
}

/// tini reads the number with `strtol`, which takes an empty text as 0.
fn is_exit_status(text: &str) -> bool {
    let text = text.trim_start();
    text.is_empty() || text.parse::<i64>().is_ok_and(|status| (0..=255).contains(&status))
}

/// dumb-init reads `15:3` with `sscanf`, which ignores what follows.
fn is_rewrite(text: &str) -> bool {
    let number = |text: &str| {
        let text = text.trim_start();
        let text = text.strip_prefix('+').unwrap_or(text);
        let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        Some((text[..end].parse::<u32>().ok()?, text[end..].to_owned()))
    };
    let Some((from, rest)) = number(text) else { return false };
    let to = rest.strip_prefix(':').and_then(number);
    (1..=31).contains(&from) && to.is_some_and(|(to, _)| to <= 31)
}

/// coreutils reads a number with `strtod`, BusyBox digits and at most one dot; both take a unit after it.
fn is_duration(text: &str, is_busybox: bool) -> bool {
    let number = text.strip_suffix(['s', 'm', 'h', 'd']).unwrap_or(text);
    if is_busybox {
        return !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    }
    let number = number.trim_start().to_ascii_lowercase();
    let number = number.strip_prefix('+').unwrap_or(&number);
    // Hexadecimal numbers are left to the program.
    number.starts_with("0x") || number.parse::<f64>().is_ok_and(|seconds| seconds >= 0.0)
}

/// The names of signals that coreutils and BusyBox know on some machine.
const SIGNALS: [&str; 38] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "EMT", "EXIT", "FPE", "HUP", "ILL", "INFO", "INT", "IO",
    "IOT", "KILL", "LOST", "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM",
    "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
];

/// Both take names in any case, with or without `SIG`, and numbers; coreutils also those of real-time signals, which few
/// builds of BusyBox know, and statuses of programs that a signal ended.
fn is_signal(text: &str, is_busybox: bool) -> bool {
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    if text.starts_with(|letter: char| letter.is_ascii_digit()) {
        return text.parse::<u32>().is_ok_and(|number| number <= 64 || (!is_busybox && number >= 128));
    }
    SIGNALS.contains(&name) || name.starts_with("RTMIN") || name.starts_with("RTMAX")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each value was given to the launchers.
    #[test]
    fn values_are_read_as_the_launchers_do() {
        for (value, expected) in [
            ("143", true),
            ("255", true),
            ("", true),
            (" 3", true),
            ("256", false),
            ("-1", false),
            ("abc", false),
            ("3x", false),
        ] {
            assert_eq!(is_exit_status(value), expected, "tini -e {value}");
        }
        for (value, expected) in [
            ("15:3", true),
            ("15:31", true),
            ("15:0", true),
            ("15:3x", true),
            (" 15:  3", true),
            ("+15: +3", true),
            ("15:32", false),
            ("15:99", false),
            ("0:3", false),
            ("99:3", false),
            ("15:-1", false),
            ("15", false),
            ("x", false),
            ("SIGTERM:3", false),
        ] {
            assert_eq!(is_rewrite(value), expected, "dumb-init -r {value}");
        }
        for (value, coreutils, busybox) in [
            ("SIGTERM", true, true),
            ("term", true, true),
            ("sigterm", true, true),
            ("9", true, true),
            ("0", true, true),
            ("EXIT", true, true),
            ("64", true, true),
            ("IOT", true, true),
            ("POLL", true, true),
            ("RTMIN+1", true, true),
            ("137", true, false),
            ("256", true, false),
            ("65", false, false),
            ("99", false, false),
            ("9x", false, false),
            ("", false, false),
            ("SIG", false, false),
            ("NOSUCH", false, false),
            ("TERMx", false, false),
            (" TERM", false, false),
            ("SIGsigterm", false, false),
            ("-9", false, false),
            ("UNUSED", false, false),
        ] {
            assert_eq!(is_signal(value, false), coreutils, "timeout -s {value}");
            assert_eq!(is_signal(value, true), busybox, "busybox timeout -s {value}");
        }
        for (value, coreutils, busybox) in [
            ("5", true, true),
            ("1d", true, true),
            ("0.5", true, true),
            ("1e2", true, false),
            ("inf", true, false),
            ("0x10", true, false),
            ("+3", true, false),
            ("3.", true, true),
            (".5", true, true),
            ("10x", false, false),
            ("", false, false),
            ("1ms", false, false),
            ("1e", false, false),
            ("nan", false, false),
            ("-1", false, false),
            ("5S", false, false),
        ] {
            assert_eq!(is_duration(value, false), coreutils, "timeout {value}");
            assert_eq!(is_duration(value, true), busybox, "busybox timeout {value}");
        }
    }
}
