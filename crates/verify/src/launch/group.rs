//! Process groups: the leader of one cannot leave it, so that setsid starts its command in a child then.

use super::call::Call;
use super::process::{Process, Word};

/// The launchers that their command replaces (`execve`). Others start it in a child, which is in their group.
const REPLACED: [&str; 14] = [
    "chpst",
    "chroot",
    "chrt",
    "env",
    "gosu",
    "ionice",
    "nice",
    "nohup",
    "s6-setuidgid",
    "setpriv",
    "setuidgid",
    "stdbuf",
    "su-exec",
    "taskset",
];

/// Returns the process that a launcher of this name starts, with what is known of its group.
pub(super) fn of_child(call: &Call<'_>, launcher: &str, child: Process) -> Process {
    let leads_group = match launcher {
        // Their child gets a group of its own.
        "catatonit" | "setsid" | "tini" => true,
        "dumb-init" => has_own_group(call),
        name => call.process.leads_group && REPLACED.contains(&name),
    };
    Process { leads_group, ..child }
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
