use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

/// A time in whole seconds since 1970-01-01T00:00:00Z, between then and the year 9999.
///
/// The caller gives every time in an image, for example from `SOURCE_DATE_EPOCH` or a commit: this crate never writes
/// the clock's time, which would change the digest on every run. Displayed and serialized as RFC 3339 in UTC.
///
/// ```
/// let time = crossdock_oci::Timestamp::from_unix(1_700_000_000)?;
/// assert_eq!(time.to_string(), "2023-11-14T22:13:20Z");
/// # Ok::<(), crossdock_oci::TimeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z, for images whose sources have no date.
    pub const EPOCH: Self = Self(0);

    /// The last second of the year 9999: RFC 3339 years have four digits.
    const LAST: u64 = 253_402_300_799;

    /// Creates a time from seconds since the epoch.
    ///
    /// # Errors
    /// If the time is after the year 9999.
    pub fn from_unix(seconds: u64) -> Result<Self, TimeError> {
        if seconds > Self::LAST { Err(TimeError { seconds }) } else { Ok(Self(seconds)) }
    }

    /// Creates the time that is nearest to seconds since the epoch, which may be before it or after the year 9999, as the
    /// date of a commit may.
    ///
    /// ```
    /// assert_eq!(crossdock_oci::Timestamp::nearest(-1).to_string(), "1970-01-01T00:00:00Z");
    /// assert_eq!(crossdock_oci::Timestamp::nearest(i64::MAX).to_string(), "9999-12-31T23:59:59Z");
    /// ```
    pub fn nearest(seconds: i64) -> Self {
        Self(seconds.max(0).unsigned_abs().min(Self::LAST))
    }

    /// Returns the seconds since the epoch.
    pub fn as_unix(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(self.0);
        humantime::format_rfc3339_seconds(time).fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An error of a time after the year 9999.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{seconds} seconds since 1970 are after the year 9999; give seconds, not milliseconds")]
pub struct TimeError {
    seconds: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_after_the_year_9999_are_rejected() {
        assert_eq!(Timestamp::EPOCH.to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_unix(Timestamp::LAST).unwrap().to_string(), "9999-12-31T23:59:59Z");
        assert!(Timestamp::from_unix(Timestamp::LAST + 1).unwrap_err().to_string().contains("milliseconds"));
    }
}
