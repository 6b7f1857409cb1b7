//! `chown` to a user or group that the image does not have, which ends a script with `set -e`.

use super::accounts::{Accounts, Lookup};
use super::process::{Process, Word, base_name};
use super::{Context, report};
use crate::program::container::ANYONE;
use crate::{Finding, codes};

/// Words of a script that may give the image another user.
const MAY_ADD: [&str; 6] = ["passwd", "adduser", "useradd", "group", "usermod", "eval"];

/// Returns whether the users of the image may be others when the commands of a script run.
pub(super) fn may_add_users(text: &[u8]) -> bool {
    MAY_ADD.iter().any(|word| memchr::memmem::find(text, word.as_bytes()).is_some())
}

/// Returns the finding about `chown OWNER…` if the image has no such user or group.
pub(super) fn check(context: Context<'_>, process: &Process) -> Option<Finding> {
    let words: Vec<&str> = process.words.iter().map(Word::known).collect::<Option<_>>()?;
    let (name, operands) = words.split_first()?;
    let is_reference = |word: &&&str| word.starts_with("--reference") || word.starts_with("--from");
    if base_name(name) != "chown" || operands.iter().any(|word| is_reference(&word)) {
        return None;
    }
    let owner = operands.iter().find(|word| !word.starts_with('-'))?;
    let (user, group) = owner.split_once(':').map_or((*owner, ""), |(user, group)| (user, group));
    let accounts = Accounts::read(context.container.root, process.user.as_ref().unwrap_or(&ANYONE));
    let is_name = |name: &str| name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
    let missing = if is_name(user) && accounts.user(user) == Lookup::Absent {
        format!("user `{user}`")
    } else if is_name(group) && accounts.group(group) == Lookup::Absent {
        format!("group `{group}`")
    } else {
        return None;
    };
    let message = format!(
        "chown is given the {missing}, which the image does not have, and with `set -e` the script ends."
    );
    let finding = Finding::new(codes::LAUNCH_USER_UNKNOWN, context.target.name(), "/etc/passwd", message);
    Some(if process.user.is_some() { finding } else { report::weakened(finding) })
}
