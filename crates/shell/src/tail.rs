//! The commands that take the place of a shell that runs the text of `-c`.

use crate::outcome::Position;
use crate::start::Dialect;
use crate::syntax::Lines;
use crate::syntax::tree::{Command, CommandKind, Item, List, RedirectionKind, Word};

/// Returns the places of the commands with which the text of `-c` may end and which the shell does not start in a child: it
/// calls `exec` for them, as if the text said so. Empty if there is none.
///
/// bash 5.2 does so for a simple command without redirections, also after `&&`; BusyBox 1.35 looks into compound commands, too,
/// if no newline follows; dash 0.5.12 never does. The rule holds as long as no trap is set.
pub fn replacing_commands(text: &[u8], dialect: Dialect) -> Vec<Position> {
    let text = String::from_utf8_lossy(text);
    let mut places = Vec::new();
    if dialect == Dialect::Dash || !ends_with_command(&text, dialect) {
        return places;
    }
    let mut lines = Lines::new(&text, dialect, Position::FIRST);
    let mut last = None;
    while let Ok(Some(line)) = lines.next_line() {
        last = Some(line);
    }
    if lines.finish().is_none() {
        of_list(&last.unwrap_or_default(), dialect, &mut places);
    }
    places
}

/// Whether the shell knows, when it has read the last command, that no other follows: it looks one newline ahead, or not at all.
fn ends_with_command(text: &str, dialect: Dialect) -> bool {
    let text = if dialect == Dialect::Bash { text.strip_suffix('\n').unwrap_or(text) } else { text };
    let last = text.rsplit('\n').next().unwrap_or_default().trim_start();
    !last.is_empty() && !last.starts_with('#')
}

fn of_list(list: &List, dialect: Dialect, places: &mut Vec<Position>) {
    let Some(Item { first, rest, background: false }) = list.last() else { return };
    // bash looks beyond `;`, `&&` and `||` only.
    if dialect == Dialect::Bash && list.iter().any(|item| item.background) {
        return;
    }
    let last = rest.last().map_or(first, |(_, pipeline)| pipeline);
    if let ([command], false) = (last.commands.as_slice(), last.negated) {
        of_command(command, dialect, places);
    }
}

fn of_command(command: &Command, dialect: Dialect, places: &mut Vec<Position>) {
    let is_here = command.redirections.iter().any(|one| matches!(one.kind, RedirectionKind::Here(_)));
    let is_redirected = !command.redirections.is_empty();
    match &command.kind {
        CommandKind::Simple { words, .. } => {
            let is_builtin = |word: &Word| matches!(word.plain(), Some("eval" | "." | "source" | "builtin"));
            let takes_redirections = dialect == Dialect::Ash && !is_here;
            if (!is_redirected || takes_redirections) && !words.first().is_some_and(is_builtin) {
                places.push(command.position);
            }
        }
        _ if dialect != Dialect::Ash || is_here => {}
        CommandKind::Subshell(list) => of_list(list, dialect, places),
        _ if is_redirected => {}
        CommandKind::Group(list) => of_list(list, dialect, places),
        CommandKind::If { clauses, otherwise } => {
            let bodies = clauses.iter().map(|(_, body)| body).chain(otherwise);
            bodies.for_each(|body| of_list(body, dialect, places));
        }
        CommandKind::Case { arms, .. } => arms.iter().for_each(|arm| of_list(&arm.body, dialect, places)),
        _ => {}
    }
}
