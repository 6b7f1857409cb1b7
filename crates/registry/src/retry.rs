//! Waiting before another attempt.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use crossdock_system::process::Cancel;

use crate::error::RegistryError;
use crate::settings::{Notify, Settings};

/// The number of attempts at a request.
pub(crate) const ATTEMPTS: u32 = 6;

/// Returns whether the same request may succeed later (RFC 9110 § 15.5.9, 15.5.19, 15.6).
pub(crate) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// Waits before the attempt after `attempt`, which counts from 0: twice as long each time, with jitter, at most `patience`.
/// `why` is told if the wait is one that a person notices.
pub(crate) fn wait(
    attempt: u32,
    asked: Option<Duration>,
    settings: &Settings,
    why: &dyn Fn() -> String,
) -> Result<(), RegistryError> {
    wait_within(settings.patience, attempt, asked, settings, why)
}

/// Waits as [`wait`] does, for another limit.
pub(crate) fn wait_within(
    limit: Duration,
    attempt: u32,
    asked: Option<Duration>,
    settings: &Settings,
    why: &dyn Fn() -> String,
) -> Result<(), RegistryError> {
    let step = Duration::from_millis(250) * 2_u32.pow(attempt.min(10));
    let jittered = step.mul_f64(0.5 + 0.5 * chance());
    let pause = asked.unwrap_or_default().max(jittered).min(limit);
    if let Some(Notify(notify)) = settings.notify.as_ref().filter(|_| pause >= NOTICED) {
        notify(&format!("{}; trying again in {} s", why(), pause.as_secs_f64().round()));
    }
    sleep(pause, &settings.cancel)
}

/// The shortest wait that is told.
const NOTICED: Duration = Duration::from_secs(1);

/// Waits, unless it is cancelled.
pub(crate) fn sleep(pause: Duration, cancel: &Cancel) -> Result<(), RegistryError> {
    let end = Instant::now() + pause;
    loop {
        if cancel.is_cancelled() {
            return Err(RegistryError::Cancelled);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(100)));
    }
}

/// Returns a number between 0 and 1 that differs from call to call. The standard library's hash keys are random.
pub(crate) fn chance() -> f64 {
    f64::from(RandomState::new().build_hasher().finish() as u32) / f64::from(u32::MAX)
}
