//! Each child leads a process group of its own, so that ending a run ends the compilers that a child started too.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Ends a run: every running child and what it started, and every later one before it starts.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    own: Arc<Mutex<State>>,
    parent: Option<Box<Cancel>>,
}

#[derive(Debug, Default)]
struct State {
    cancelled: bool,
    groups: Vec<u32>,
}

/// How long a child may clean up after itself before it is killed.
const GRACE: Duration = Duration::from_secs(2);

impl Cancel {
    /// Ends with this one, and can be ended alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { own: Arc::default(), parent: Some(Box::new(self.clone())) }
    }

    /// Asks every running child to end and kills what is left after two seconds.
    pub fn cancel(&self) {
        let groups = {
            let mut state = self.lock();
            state.cancelled = true;
            state.groups.clone()
        };
        groups.iter().for_each(|group| signal(*group, Ending::Asked));
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline && !self.lock().groups.is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.lock().groups.iter().for_each(|group| signal(*group, Ending::Killed));
    }

    /// Whether the run was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.lock().cancelled || self.parent.as_ref().is_some_and(|parent| parent.is_cancelled())
    }

    /// Starts a child unless the run was cancelled; there is no moment at which a child runs unknown to `cancel`.
    pub(super) fn spawn(
        &self,
        start: impl FnOnce() -> std::io::Result<duct::Handle>,
    ) -> Option<std::io::Result<Child>> {
        let mut locked: Vec<MutexGuard<'_, State>> = self.lineage().map(Self::lock).collect();
        if locked.iter().any(|state| state.cancelled) {
            return None;
        }
        Some(start().map(|handle| {
            let pid = handle.pids().first().copied().unwrap_or_default();
            locked.iter_mut().for_each(|state| state.groups.push(pid));
            Child { handle, pid, cancel: self.clone() }
        }))
    }

    /// This one, its parent, and so on; always locked in this order.
    fn lineage(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |cancel| cancel.parent.as_deref())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running child, known to a [`Cancel`] until it is waited for.
pub(super) struct Child {
    handle: duct::Handle,
    pid: u32,
    cancel: Cancel,
}

impl Child {
    pub(super) fn wait(self) -> std::io::Result<std::process::ExitStatus> {
        self.handle.wait().map(|output| output.status)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.cancel.lineage().for_each(|cancel| cancel.lock().groups.retain(|pid| *pid != self.pid));
    }
}

enum Ending {
    Asked,
    Killed,
}

#[cfg(unix)]
pub(super) fn own(command: &mut std::process::Command) -> std::io::Result<()> {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn own(_: &mut std::process::Command) -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn signal(group: u32, ending: Ending) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let signal = match ending {
        Ending::Asked => Signal::TERM,
        Ending::Killed => Signal::KILL,
    };
    if let Some(pid) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        // The group may have ended by itself in the meantime: then there is nothing left to signal.
        let _ended_already = kill_process_group(pid, signal);
    }
}

#[cfg(not(unix))]
fn signal(_: u32, _: Ending) {}
