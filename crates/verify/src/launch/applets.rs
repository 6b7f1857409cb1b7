//! The options of applets of BusyBox and toybox, which differ from those of the programs whose names they have.
//!
//! Each was given to BusyBox 1.35 and toybox 0.8.9.

use super::call::Call;
use super::options::{Grammar, Value};
use super::process::Word;

/// A text that every toybox contains.
const TOYBOX: &str = "landley.net/toybox";
/// The options of the timeout of BusyBox as it hands them to `getopt32` since 1.31.
const BUSYBOX_TIMEOUT: &str = "+s:k:";
/// Those before 1.31, which took the time as the value of `-t`.
const OLD_BUSYBOX_TIMEOUT: &str = "+s:t:";

/// The arguments of an applet.
pub(super) enum Arguments {
    /// They are those of the program of its name.
    Usual,
    /// It has these options, and this number of operands before the command.
    Own(Grammar, usize),
    /// Its options are not known.
    Unknown,
}

/// Returns the arguments of the applet of this name, if the program is BusyBox or toybox.
pub(super) fn arguments(call: &Call<'_>, name: &str, operands: usize) -> Arguments {
    const fn short(short: &'static str) -> Grammar {
        Grammar { short, long: &[] }
    }
    if call.is_busybox() {
        return match name {
            "timeout" if call.contains(BUSYBOX_TIMEOUT) => Arguments::Own(short("s:k:"), operands),
            "timeout" if call.contains(OLD_BUSYBOX_TIMEOUT) => Arguments::Own(short("s:t:p:"), 0),
            "setsid" => Arguments::Own(short("c"), operands),
            "ionice" => Arguments::Own(short("n:c:p:t"), operands),
            "taskset" => Arguments::Own(short("pca"), operands),
            _ => Arguments::Usual,
        };
    }
    if !call.contains(TOYBOX) {
        return Arguments::Usual;
    }
    const TIMEOUT: Grammar = Grammar {
        short: "ik:s:v",
        long: &[("foreground", Value::None), ("preserve-status", Value::None), ("signal", Value::Required)],
    };
    let is_option = |word: &Word| word.known().is_none_or(|text| text.starts_with('-'));
    match name {
        "timeout" => Arguments::Own(TIMEOUT, operands),
        "setsid" => Arguments::Own(short("cdw"), operands),
        "ionice" => Arguments::Own(short("tn:c:p:"), operands),
        "taskset" => Arguments::Own(short("ap"), operands),
        _ if call.arguments().first().is_some_and(is_option) => Arguments::Unknown,
        _ => Arguments::Usual,
    }
}
