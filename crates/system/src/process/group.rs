//! Cancellation by process groups: each child leads one, so that ending a run also ends the compilers that a child started.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::watchdog::Watchdog;

/// A cancellation token. Cancelling it ends every running child with its process group, and prevents new ones.
///
/// Clones share the state.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    own: Arc<Mutex<State>>,
    parent: Option<Box<Cancel>>,
}

#[derive(Debug, Default)]
struct State {
    cancelled: bool,
    /// The ids of the running children, which are also those of their process groups.
    groups: Vec<u32>,
    /// Watches the children of this token and of all below it; used in a token without a parent.
    watchdog: Watchdog,
    /// The number of [`CleanUp`]s.
    clean_ups: usize,
}

/// Work that goes on after a cancellation, such as stopping a container, until this value is dropped.
#[derive(Debug)]
pub struct CleanUp(Cancel);

impl Drop for CleanUp {
    fn drop(&mut self) {
        self.0.lock().clean_ups -= 1;
    }
}

/// The time that a child has to clean up after SIGTERM, before SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

impl Cancel {
    /// Returns a token that is cancelled together with this one, and can be cancelled separately.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { own: Arc::default(), parent: Some(Box::new(self.clone())) }
    }

    /// Sends SIGTERM to every running child's process group, and SIGKILL to those left after two seconds. Does not return
    /// before.
    pub fn cancel(&self) {
        let groups = {
            let mut state = self.lock();
            state.cancelled = true;
            state.groups.clone()
        };
        groups.iter().for_each(|group| signal(*group, Ending::Terminate));
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline && !self.lock().groups.is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.lock().groups.iter().for_each(|group| signal(*group, Ending::Kill));
    }

    /// Announces work that goes on after a cancellation; see [`wait_for_clean_up`](Self::wait_for_clean_up).
    #[must_use]
    pub fn clean_up(&self) -> CleanUp {
        self.lock().clean_ups += 1;
        CleanUp(self.clone())
    }

    /// Blocks while announced work of this token goes on, but not longer than `limit`.
    pub fn wait_for_clean_up(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline && self.lock().clean_ups > 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns whether this token or one of its parents was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.lock().cancelled || self.parent.as_ref().is_some_and(|parent| parent.is_cancelled())
    }

    /// Starts a child; `None` if the run was cancelled. The locks are held from the check to the registration of the child, so
    /// that `cancel` misses no child.
    pub(super) fn spawn(
        &self,
        start: impl FnOnce() -> std::io::Result<duct::Handle>,
    ) -> Option<std::io::Result<Child>> {
        let mut locked: Vec<MutexGuard<'_, State>> = self.lineage().map(Self::lock).collect();
        if locked.iter().any(|state| state.cancelled) {
            return None;
        }
        Some(start().and_then(|handle| {
            // A command without a pipeline has exactly one process.
            let no_pid = || std::io::Error::other("internal error: a started process has no id");
            let pid = handle.pids().first().copied().ok_or_else(no_pid)?;
            locked.iter_mut().for_each(|state| state.groups.push(pid));
            locked.last_mut().into_iter().for_each(|root| root.watchdog.watch(pid));
            Ok(Child { handle, pid, cancel: self.clone() })
        }))
    }

    /// Returns this token, its parent and so on. Always locked in this order, so that two threads cannot deadlock.
    fn lineage(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |cancel| cancel.parent.as_deref())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic of another thread leaves the list of groups whole, and the children must be ended in any case.
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running child, registered with a [`Cancel`] until it is dropped.
pub(super) struct Child {
    handle: duct::Handle,
    pid: u32,
    cancel: Cancel,
}

impl Child {
    pub(super) fn wait(self) -> std::io::Result<std::process::ExitStatus> {
        self.handle.wait().map(|output| output.status)
    }

    /// Waits for its end until `limit` has passed, and then kills its process group; `None` if it was killed so.
    pub(super) fn wait_timeout(self, limit: Duration) -> std::io::Result<Option<std::process::ExitStatus>> {
        if let Some(output) = self.handle.wait_timeout(limit)? {
            return Ok(Some(output.status));
        }
        signal(self.pid, Ending::Kill);
        // For systems without process groups.
        self.handle.kill()?;
        Ok(None)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        for cancel in self.cancel.lineage() {
            let mut state = cancel.lock();
            state.groups.retain(|pid| *pid != self.pid);
            if cancel.parent.is_none() {
                state.watchdog.release(self.pid);
            }
        }
    }
}

enum Ending {
    Terminate,
    Kill,
}

/// Makes the process that is about to start the leader of a new process group.
#[cfg(unix)]
pub(super) fn lead_own_group(command: &mut std::process::Command) -> std::io::Result<()> {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn lead_own_group(_: &mut std::process::Command) -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn signal(group: u32, ending: Ending) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let signal = match ending {
        Ending::Terminate => Signal::TERM,
        Ending::Kill => Signal::KILL,
    };
    if let Some(pid) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        // ESRCH: the group has ended in the meantime.
        let _ended_already = kill_process_group(pid, signal);
    }
}

#[cfg(not(unix))]
fn signal(_: u32, _: Ending) {}
