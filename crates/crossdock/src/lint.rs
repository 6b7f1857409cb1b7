//! Checks of existing Dockerfiles.

pub use crossdock_dockerfile::lint::{
    Code, Date, Finding, Options, Report, Reports, Severity, catalogue_markdown, github, sarif,
};

use crossdock_runner::rfc3339;

use crate::context::Context;
use crate::error::Error;

/// Returns the mistakes in a Dockerfile that ship a program that cannot start, in the order of the lines.
///
/// ```
/// use crossdock::lint::{Options, lint};
///
/// let dockerfile = "FROM golang:1.26 AS build\n\
///                   RUN CGO_ENABLED=0 GOARCH=amd64 go build -o /app .\n\
///                   FROM scratch\n\
///                   COPY --from=build /app /app\n\
///                   ENTRYPOINT [\"/app\"]\n";
/// let findings = lint(dockerfile, &Options::default());
/// assert_eq!(findings[0].code.id(), "constant-architecture");
/// ```
#[must_use]
pub fn lint(dockerfile: &str, options: &Options) -> Vec<Finding> {
    crossdock_dockerfile::lint::lint(dockerfile, options)
}

/// Returns the day with which support periods are compared: that of `SOURCE_DATE_EPOCH`, so that an old commit gets the
/// findings of its time, else today in UTC. `None` if the clock is before 1970.
///
/// # Errors
/// `SOURCE_DATE_EPOCH` has an invalid value.
pub fn day(context: &Context) -> Result<Option<Date>, Error> {
    let now = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    };
    let seconds = context.source_date_epoch()?.or_else(now);
    Ok(seconds.and_then(|seconds| date(&rfc3339(seconds))))
}

/// Parses the day of an RFC 3339 date.
fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('T').next()?.split('-');
    Some(Date {
        year: parts.next()?.parse().ok()?,
        month: parts.next()?.parse().ok()?,
        day: parts.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_parsed_from_a_date() {
        assert_eq!(date(&rfc3339(1_750_000_000)), Some(Date { year: 2025, month: 6, day: 15 }));
    }
}
