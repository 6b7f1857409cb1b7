//! Checks of existing Dockerfiles.

pub use crossdock_dockerfile::lint::{
    Code, Date, Finding, Options, Report, Reports, Severity, catalogue_markdown, github, sarif,
};

use std::io::Read;

use camino::Utf8Path;
use crossdock_fs::{TEXT_LIMIT, open_project_file};
use crossdock_project::project_boundary;
use crossdock_runner::rfc3339;

use crate::context::Context;
use crate::error::{Error, ErrorKind};

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

/// Reads a Dockerfile for [`lint`](lint()). The path is relative to the working directory of the context.
///
/// # Errors
/// The file is not a regular one, is a link that leads out of the project around it, or is longer than 16 MiB.
pub fn read_dockerfile(context: &Context, path: &Utf8Path) -> Result<String, Error> {
    let whole = context.environment.directory.join(path);
    let project = project_boundary(whole.parent().unwrap_or(&whole));
    let file = open_project_file(whole.as_std_path(), project.as_std_path());
    read_text(path.as_str(), file.map_err(|error| unreadable(path.as_str(), &error.source.to_string()))?)
}

/// Reads the text of a Dockerfile, which messages call `name`. Bytes that are not UTF-8 are replaced: they occur in comments
/// and quoted words.
///
/// # Errors
/// Reading fails, or the text is longer than 16 MiB, which is far above any real file: BuildKit reads lines of up to 64 kB.
pub fn read_text(name: &str, from: impl Read) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let read = from.take(TEXT_LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(name, &error.to_string()))?;
    if bytes.len() as u64 > TEXT_LIMIT {
        let why = format!("it is larger than {} MiB, which no Dockerfile is", TEXT_LIMIT >> 20);
        return Err(unreadable(name, &why));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unreadable(name: &str, why: &str) -> Error {
    Error::from_message(ErrorKind::Usage, format!("{name} cannot be read: {why}"))
        .hint("name an existing Dockerfile, or - for standard input")
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
