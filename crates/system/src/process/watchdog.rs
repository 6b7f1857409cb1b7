//! Ends the children of a run that was killed: SIGKILL, or a crash, leaves a process no time to do it itself.

use std::io::Write;
use std::process::{Child, ChildStdin};

/// A shell that ends process groups as soon as this process is gone.
///
/// The shell reads the groups from a pipe whose other end only this process holds, so that the kernel tells it of any end.
/// Linux can signal a child by itself (`PR_SET_PDEATHSIG`), but not what that child started, and the child would have to ask
/// for it between fork(2) and execve(2), where safe Rust runs no code.
#[derive(Debug, Default)]
pub(super) enum Watchdog {
    /// No child was started yet.
    #[default]
    Idle,
    /// It watches.
    Running { shell: Child, groups: Option<ChildStdin> },
    /// It cannot be started, as in a container without a shell. Children of a killed run then go on to their end.
    Unavailable,
}

/// Keeps the running groups, and kills those that are left at the end of the input.
const SCRIPT: &str = r#"groups=' '
while read -r change group; do
    case $change in
        +) groups="$groups$group " ;;
        -) groups="${groups%% $group *} ${groups#* $group }" ;;
    esac
done
for group in $groups; do kill -KILL "-$group"; done"#;

impl Watchdog {
    /// Ends a process group if this process ends before [`release`](Self::release) is called.
    pub(super) fn watch(&mut self, group: u32) {
        if matches!(self, Self::Idle) {
            *self = start();
        }
        self.tell('+', group);
    }

    /// Forgets a group whose leader has ended.
    pub(super) fn release(&mut self, group: u32) {
        self.tell('-', group);
    }

    fn tell(&mut self, change: char, group: u32) {
        if let Self::Running { groups: Some(pipe), .. } = self {
            // Somebody may have killed the shell, which then watches nothing any more.
            let _ended = pipe.write_all(format!("{change} {group}\n").as_bytes());
        }
    }
}

#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "this is the module that spawns processes")]
fn start() -> Watchdog {
    use std::os::unix::process::CommandExt;
    use std::process::Stdio;
    let shell = std::process::Command::new("/bin/sh")
        .args(["-c", SCRIPT, "crossdock-watchdog"])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A signal to this process's group must not end it first.
        .process_group(0)
        .spawn();
    shell.map_or(Watchdog::Unavailable, |mut shell| Watchdog::Running { groups: shell.stdin.take(), shell })
}

#[cfg(not(unix))]
fn start() -> Watchdog {
    Watchdog::Unavailable
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Self::Running { shell, groups } = self {
            drop(groups.take());
            let _status = shell.wait();
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::process::{CommandExt, ExitStatusExt};

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "the groups that are watched")]
    fn sleeper() -> Child {
        std::process::Command::new("sleep").arg("600").process_group(0).spawn().unwrap()
    }

    #[test]
    fn groups_that_were_not_released_are_killed() {
        let mut watchdog = Watchdog::default();
        let mut children: Vec<Child> = (0..5).map(|_| sleeper()).collect();
        children.iter().for_each(|child| watchdog.watch(child.id()));
        // The first, one in the middle and the last.
        let released = [0, 2, 4];
        released.iter().for_each(|at| watchdog.release(children[*at].id()));
        drop(watchdog);
        for (at, child) in children.iter_mut().enumerate() {
            if released.contains(&at) {
                assert!(child.try_wait().unwrap().is_none(), "{at}");
                child.kill().unwrap();
                child.wait().unwrap();
            } else {
                assert_eq!(child.wait().unwrap().signal(), Some(9), "{at}");
            }
        }
    }

    #[test]
    fn a_run_whose_children_have_ended_leaves_no_group() {
        let mut watchdog = Watchdog::default();
        let mut child = sleeper();
        watchdog.watch(child.id());
        watchdog.release(child.id());
        drop(watchdog);
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
