//! Findings in Dockerfiles as text for a person.

use std::fmt::Write;

use crossdock::lint::{Finding, Report, Severity};

use super::counted;
use super::style::{BAD, BOLD, DIM, GOOD, WARN, paint};

/// Returns the findings in one file: the place, the reason, the line and its correction.
pub(crate) fn lint(report: &Report<'_>, text: &str) -> String {
    let mut shown = String::new();
    let lines: Vec<&str> = text.lines().collect();
    for finding in report.findings {
        show(&mut shown, report.path, finding, &lines);
    }
    shown
}

/// Returns the number of findings of each severity, in one line.
pub(crate) fn lint_summary(reports: &[Report<'_>]) -> String {
    let count = |severity: Severity| {
        let all = reports.iter().flat_map(|report| report.findings);
        all.filter(|finding| finding.severity == severity).count()
    };
    let files = counted(reports.len(), "file");
    let counts =
        [Severity::Error, Severity::Warning, Severity::Note].map(|severity| (severity, count(severity)));
    let some: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| paint(style(*severity), counted(*count, severity.as_str())))
        .collect();
    let found = if some.is_empty() { paint(GOOD, "nothing found") } else { some.join(", ") };
    format!("{found} in {files}")
}

fn style(severity: Severity) -> anstyle::Style {
    match severity {
        Severity::Error => BAD,
        Severity::Warning => WARN,
        Severity::Note => DIM,
    }
}

fn show(shown: &mut String, path: &str, finding: &Finding, lines: &[&str]) {
    let number = finding.line.to_string();
    let margin = " ".repeat(number.len());
    let line = lines.get(finding.line.saturating_sub(1)).copied().unwrap_or_default();
    let mut put = |line: String| {
        let _infallible = writeln!(shown, "{line}");
    };
    put(format!(
        "{} {}",
        paint(style(finding.severity), format!("{}[{}]", finding.severity, finding.code)),
        paint(BOLD, format!("{}:{}", plain(path), finding.line)),
    ));
    put(format!("  {}", plain(&finding.message)));
    put(format!("{margin} {}", paint(DIM, "|")));
    put(format!("{} {} {}", paint(DIM, &number), paint(DIM, "|"), plain(line)));
    if let Some(corrected) = &finding.corrected {
        put(format!("{margin} {}", paint(DIM, "|")));
        for corrected in corrected.lines() {
            put(format!("{margin} {} {}", paint(GOOD, "+"), plain(corrected)));
        }
    }
    put(String::new());
}

/// Returns text of a file that is safe for a terminal: without control characters, and cut at a width.
fn plain(text: &str) -> String {
    const WIDTH: usize = 600;
    let visible = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    let mut shown: String = text.trim_end().chars().take(WIDTH).map(visible).collect();
    if text.trim_end().chars().nth(WIDTH).is_some() {
        shown.push('…');
    }
    shown
}
