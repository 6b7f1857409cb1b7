//! Checks that every date of a configuration is one that engines parse.

use crate::image::ImageFacts;
use crate::{Finding, Target, codes};

pub(super) fn check(image: &ImageFacts, target: &Target, findings: &mut Vec<Finding>) {
    let Some(date) = image.dates.iter().find(|date| !is_rfc_3339(date)) else { return };
    let message = format!(
        "The image was created at {date:?}, which is not a date of RFC 3339: Docker, containerd and podman refuse the whole image: `parsing \
         time … as \"2006-01-02T15:04:05Z07:00\"`."
    );
    let help = "Write `created` like `2006-01-02T15:04:05Z`, or leave it out.";
    findings.push(Finding::new(codes::CONFIG_INVALID, target.name(), "", message).with_help(help));
}

/// Returns whether Go's `time.Time.UnmarshalJSON` takes the text, with which every engine reads a configuration. Go
/// takes one digit for the hour and a comma before the fraction too.
fn is_rfc_3339(date: &str) -> bool {
    parse(date.as_bytes()).is_some()
}

fn parse(text: &[u8]) -> Option<()> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(expect(rest, b"-")?, 2)?;
    let (day, rest) = number(expect(rest, b"-")?, 2)?;
    let rest = expect(rest, b"T")?;
    let (hour, rest) = number(rest, 2).or_else(|| number(rest, 1))?;
    let (minute, rest) = number(expect(rest, b":")?, 2)?;
    let (second, rest) = number(expect(rest, b":")?, 2)?;
    let is_time = hour < 24 && minute < 60 && second < 60;
    let is_day = (1..=12).contains(&month) && (1..=days(year, month)).contains(&day);
    (is_time && is_day && is_zone(fraction(rest)?)).then_some(())
}

/// Returns the number of this many digits, and what follows.
fn number(text: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let value = |sum: u32, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0'));
    Some((number.iter().try_fold(0, value)?, rest))
}

fn expect<'a>(text: &'a [u8], what: &[u8]) -> Option<&'a [u8]> {
    text.strip_prefix(what)
}

/// Returns what follows the fraction of a second, if there is one.
fn fraction(text: &[u8]) -> Option<&[u8]> {
    let Some(digits) = text.strip_prefix(b".").or_else(|| text.strip_prefix(b",")) else { return Some(text) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count > 0).then(|| &digits[count..])
}

/// Returns whether the text is `Z` or an offset such as `+02:00`. Go before version 1.20 limits no offset.
fn is_zone(text: &[u8]) -> bool {
    let offset = |rest| {
        let (_, rest) = number(rest, 2)?;
        let (_, rest) = number(expect(rest, b":")?, 2)?;
        rest.is_empty().then_some(())
    };
    match text {
        b"Z" => true,
        [b'+' | b'-', rest @ ..] => offset(rest).is_some(),
        _ => false,
    }
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::is_rfc_3339;

    #[test]
    fn dates_are_those_of_go() {
        for date in [
            "2024-01-01T00:00:00Z",
            "2024-02-29T23:59:59.123456789+02:00",
            "0001-01-01T00:00:00Z",
            "2024-01-01T0:00:00Z",
            "2024-01-01T00:00:00,5+25:00",
        ] {
            assert!(is_rfc_3339(date), "{date}");
        }
        for date in [
            "",
            "yesterday",
            "2024-01-01",
            "2024-01-01 00:00:00Z",
            "10000-01-01T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:60Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.Z",
            "2024-01-01t00:00:00z",
            "2024-01-01T00:00:00Zx",
            "2024-01-01T00:00:00+0200",
            "2024-01-01T00:00:00\u{e9}",
        ] {
            assert!(!is_rfc_3339(date), "{date}");
        }
    }
}
