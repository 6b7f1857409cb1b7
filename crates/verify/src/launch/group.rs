//! Process groups: the leader of one cannot leave it, so that setsid starts its command in a child then.

use crossdock_shell::{Dialect, How, Position, Program, replacing_commands};

use super::call::Call;
use super::process::{Leads, Process, Word};

/// The launchers that their command replaces (`execve`). Others start it in a child, which is in their group.
const REPLACED: [&str; 16] = [
    "chpst",
    "chroot",
    "chrt",
    "env",
    "gosu",
    "ionice",
    "nice",
    "nohup",
    "prlimit",
    "s6-setuidgid",
    "setarch",
    "setpriv",
    "setuidgid",
    "stdbuf",
    "su-exec",
    "taskset",
];

/// Returns the process that a launcher of this name starts, with what is known of its group.
pub(super) fn of_child(call: &Call<'_>, launcher: &str, child: Process) -> Process {
    let leads = match launcher {
        // Their child gets a group of its own.
        "catatonit" | "setsid" | "tini" => Leads::Yes,
        "dumb-init" if has_own_group(call) => Leads::Yes,
        name if REPLACED.contains(&name) => call.process.leads,
        _ => Leads::No,
    };
    Process { leads, ..child }
}

/// The commands that a shell runs in its own place without being told to.
#[derive(Default)]
pub(super) struct Tail {
    places: Vec<Position>,
    /// Whether the shell surely does so. Another shell than the known ones may, and none does while it has a trap.
    is_certain: bool,
}

impl Tail {
    /// Returns the commands of a text of `-c`.
    pub(super) fn of(text: &[u8], call: &Call<'_>, dialect: Dialect) -> Tail {
        let is_known = match dialect {
            Dialect::Ash => call.is_busybox(),
            Dialect::Bash => call.contains("GNU bash"),
            Dialect::Dash => call.contains("Illegal option -%c"),
        };
        let has_trap = text.windows(4).any(|word| word == b"trap");
        let rules = if is_known { dialect } else { Dialect::Bash };
        Tail { places: replacing_commands(text, rules), is_certain: is_known && !has_trap }
    }

    /// Returns whether a program leads the group of the shell that runs it.
    pub(super) fn leads(&self, shell: Leads, program: &Program) -> Leads {
        let is_last = program.file.is_none() && self.places.contains(&program.position);
        match program.how {
            How::Exec => shell,
            How::Foreground if is_last && shell != Leads::No => {
                if self.is_certain {
                    shell
                } else {
                    Leads::Perhaps
                }
            }
            _ => Leads::No,
        }
    }
}

/// Returns whether dumb-init starts its command in a session of its own: not with `--single-child`.
fn has_own_group(call: &Call<'_>) -> bool {
    let options = call.arguments().iter().map_while(Word::known).take_while(|word| word.starts_with('-'));
    let is_single = |option: &str| match option.strip_prefix("--") {
        Some(long) => "single-child".starts_with(long) && !long.is_empty(),
        None => option.contains('c'),
    };
    let is_told = call.process.environment.get("DUMB_INIT_SETSID").is_none();
    is_told && !options.into_iter().any(is_single)
}
