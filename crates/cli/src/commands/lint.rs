//! `crossdock lint`: mistakes in existing Dockerfiles that ship a program that cannot start.

use camino::Utf8Path;
use crossdock::lint::{
    Finding, Options, Report, Reports, day, github, lint, read_dockerfile, read_text, sarif,
};
use crossdock::platform::Platform;
use crossdock::verify::targets;

use crate::arguments::{LintCommand, LintFormat, SelectionArgs, StrictnessArgs};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui;

pub(crate) fn run(session: &Session, arguments: &LintCommand) -> Result<Exit, CommandError> {
    let options = Options {
        deploy: deploy(session, arguments)?,
        build_host: arguments.host.as_deref().map(host).transpose()?,
        today: day(&session.context)?,
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
        LintFormat::Github => output::data(&reports.iter().map(github).collect::<String>())?,
    }
    Ok(if reports.iter().any(Report::fails) { Exit::Rejected } else { Exit::Done })
}

fn shown(path: &Utf8Path) -> &str {
    match path.as_str() {
        "-" => "<stdin>",
        other => other,
    }
}

fn text(session: &Session, path: &Utf8Path) -> Result<String, CommandError> {
    Ok(match path.as_str() {
        "-" => read_text(shown(path), std::io::stdin().lock())?,
        _ => read_dockerfile(&session.context, path)?,
    })
}

fn deploy(session: &Session, arguments: &LintCommand) -> Result<Vec<Platform>, CommandError> {
    if arguments.nodes.is_empty() {
        return Ok(Vec::new());
    }
    let selection = SelectionArgs { nodes: arguments.nodes.clone(), ..SelectionArgs::default() };
    let options = session.verify_options(&selection, StrictnessArgs::default());
    Ok(targets(&session.context, &options)?.into_iter().map(|target| target.platform).collect())
}

fn host(text: &str) -> Result<Platform, CommandError> {
    Platform::parse(text).map_err(|error| {
        CommandError::new(Exit::Usage, &error)
            .hint("pass --host a platform, e.g. darwin/arm64 or linux/amd64")
    })
}
