//! Spellings that plans, reports and file names share: sizes, dates, platforms, short hashes.

use crossdock_platform::Platform;

/// Formats a number of bytes in powers of 1000, as registries count: `812 B`, `4.1 kB`, `12.3 MB`.
///
/// ```
/// assert_eq!(crossdock_runner::bytes(4_100), "4.1 kB");
/// ```
pub fn bytes(count: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    // 999.95 is the smallest value that one decimal would round to 1000.0.
    while value >= 999.95 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}

/// Formats seconds since the Unix epoch as RFC 3339 in UTC: the nearest time that it can express.
///
/// ```
/// assert_eq!(crossdock_runner::rfc3339(1_700_000_000), "2023-11-14T22:13:20Z");
/// ```
pub fn rfc3339(seconds: i64) -> String {
    crossdock_oci::Timestamp::nearest(seconds).to_string()
}

/// Spells a platform as a part of a file name: `linux-arm-v7`.
///
/// ```
/// assert_eq!(crossdock_runner::platform_slug(&"linux/arm/v7".parse()?), "linux-arm-v7");
/// # Ok::<(), crossdock_platform::PlatformError>(())
/// ```
pub fn platform_slug(platform: &Platform) -> String {
    platform.to_string().replace('/', "-")
}

/// Returns 12 hexadecimal digits of the SHA-256 of a text: names that must differ only where the text does.
pub(crate) fn short_hash(text: &str) -> String {
    crossdock_oci::Digest::of(text.as_bytes()).hex().chars().take(12).collect()
}
