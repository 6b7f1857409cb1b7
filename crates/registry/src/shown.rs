//! Waiting until a registry shows what was written to it.

use std::time::{Duration, Instant};

use crate::error::RegistryError;
use crate::registry::Registry;
use crate::retry::wait_within;
use crate::settings::Notify;

/// The time within which a registry must show what was written to it.
const SETTLE: Duration = Duration::from_secs(30);

impl Registry {
    /// Repeats a request for something that was just written, of which `what` is the name: some registries show it only after a
    /// while, as from another copy of their data. A repository that does not exist ends it at once.
    ///
    /// # Errors
    /// That of the request, if it is another one or still the same after 30 seconds.
    pub fn once_shown<T>(
        &self,
        what: &str,
        mut request: impl FnMut() -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let settings = self.settings();
        let end = Instant::now() + SETTLE.min(settings.patience);
        let mut waits = 0;
        loop {
            let result = request();
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || !result.as_ref().is_err_and(RegistryError::may_appear) {
                return result;
            }
            let why = || format!("the registry does not show {what} yet");
            if let Some(Notify(tell)) = settings.notify.as_ref().filter(|_| waits == 0) {
                tell(&format!("{}; trying for {} s", why(), left.as_secs_f64().round()));
            }
            wait_within(left, waits, None, settings, &why)?;
            waits += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Refusal;
    use crate::settings::Settings;

    fn refused(status: u16, code: Option<&str>) -> RegistryError {
        RegistryError::Refused(Box::new(Refusal {
            action: "read `a`".to_owned(),
            host: "registry.example".to_owned(),
            status,
            code: code.map(str::to_owned),
            message: String::new(),
            hints: Vec::new(),
            mentioned: Vec::new(),
            retry_after: None,
        }))
    }

    #[test]
    fn only_what_may_appear_is_asked_for_again() {
        let registry = Registry::new(Settings::new()).unwrap();
        for (status, code, requests) in [
            (404, None, 2),
            (404, Some("MANIFEST_UNKNOWN"), 2),
            (404, Some("NAME_UNKNOWN"), 1),
            (403, None, 1),
        ] {
            let mut count = 0;
            let result = registry.once_shown("it", || {
                count += 1;
                if count == 2 { Ok(()) } else { Err(refused(status, code)) }
            });
            assert_eq!((count, result.is_ok()), (requests, requests == 2), "{status} {code:?}");
        }
    }

    #[test]
    fn what_does_not_appear_is_an_error_in_the_end() {
        let mut settings = Settings::new();
        settings.patience = Duration::from_millis(20);
        let result: Result<(), _> =
            Registry::new(settings).unwrap().once_shown("it", || Err(refused(404, None)));
        assert!(result.unwrap_err().is_not_found());
    }
}
