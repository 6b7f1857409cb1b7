//! `crossdock lint`: what in people's own Dockerfiles ships a program that cannot start.

use std::io::Read;

use camino::Utf8Path;
use crossdock_dockerfile::lint::{Date, Finding, Options, Report, Reports, github, lint, sarif};
use crossdock_platform::Platform;

use super::arguments::{LintArguments, LintFormat, Selection};
use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;
use crate::ui;
use crossdock_runner::plan::rfc3339;

pub(super) fn run(session: &Session, arguments: &LintArguments) -> Result<Exit, CommandError> {
    let options = Options {
        deploy: deploy(session, arguments)?,
        build_host: arguments.host.as_deref().map(host).transpose()?,
        today: today(session)?,
    };
    let read = arguments.files.iter().map(|path| Ok((shown(path), text(session, path)?)));
    let files = read.collect::<Result<Vec<(&str, String)>, CommandError>>()?;
    let findings: Vec<Vec<Finding>> = files.iter().map(|(_, text)| lint(text, &options)).collect();
    let reports: Vec<Report<'_>> =
        files.iter().zip(&findings).map(|((path, _), findings)| Report::new(path, findings)).collect();
    let format =
        arguments.format.unwrap_or(if session.json() { LintFormat::Json } else { LintFormat::Human });
    match format {
        LintFormat::Human => {
            for (report, (_, text)) in reports.iter().zip(&files) {
                output::answer(&ui::lint(report, text))?;
            }
            if !session.quiet() {
                output::say(&ui::lint_summary(&reports));
            }
        }
        LintFormat::Json => output::json(&Reports::new(&reports))?,
        LintFormat::Sarif => output::json(&sarif(&reports, env!("CARGO_PKG_VERSION")))?,
        LintFormat::Github => output::answer(&reports.iter().map(github).collect::<String>())?,
    }
    Ok(if reports.iter().any(Report::fails) { Exit::No } else { Exit::Done })
}

fn shown(path: &Utf8Path) -> &str {
    match path.as_str() {
        "-" => "<stdin>",
        other => other,
    }
}

/// A file's text. What is not UTF-8 is read all the same: it stands in comments and in quoted words.
fn text(session: &Session, path: &Utf8Path) -> Result<String, CommandError> {
    let mut bytes = Vec::new();
    let read = match path.as_str() {
        "-" => std::io::stdin().lock().take(LIMIT + 1).read_to_end(&mut bytes),
        _ => std::fs::File::open(session.environment.directory.join(path))
            .and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes)),
    };
    let unreadable = |why: String| {
        CommandError::message(Exit::Usage, format!("{} cannot be read: {why}", shown(path)))
            .hint("name an existing Dockerfile, or - for standard input")
    };
    read.map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() as u64 > LIMIT {
        return Err(unreadable(format!("it has more than {} MB and is no Dockerfile", LIMIT >> 20)));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// More than any Dockerfile has: BuildKit itself reads lines of up to 64 kB.
const LIMIT: u64 = 16 << 20;

fn deploy(session: &Session, arguments: &LintArguments) -> Result<Vec<Platform>, CommandError> {
    if arguments.nodes.is_empty() {
        return Ok(Vec::new());
    }
    let selection = Selection { nodes: arguments.nodes.clone(), ..Selection::default() };
    let targets = session.targets(&selection)?;
    Ok(targets.into_iter().map(|target| target.platform).collect())
}

fn host(text: &str) -> Result<Platform, CommandError> {
    Platform::parse(text).map_err(|error| {
        CommandError::new(Exit::Usage, &error).hint("--host takes a platform, as darwin/arm64 or linux/amd64")
    })
}

/// The day that support periods are compared with: SOURCE_DATE_EPOCH's, so that an old commit is judged as it was, or
/// today.
fn today(session: &Session) -> Result<Option<Date>, CommandError> {
    let now = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    };
    let seconds = session.source_date_epoch()?.or_else(now);
    Ok(seconds.and_then(|seconds| date(&rfc3339(seconds))))
}

/// The day of an RFC 3339 date.
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
    fn a_day_is_read_off_a_date() {
        assert_eq!(date(&rfc3339(1_750_000_000)), Some(Date { year: 2025, month: 6, day: 15 }));
    }
}
