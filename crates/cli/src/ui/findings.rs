//! Verdicts and findings as text for a person.

use std::fmt::Write;

use crossdock::verify::{Finding, Severity, Verification};

use super::colored;
use super::style::{BAD, BOLD, DIM, WARN, paint};
use super::text::one_line;

/// Returns the verdicts on one subject, each with its findings.
pub(crate) fn verdicts(subject: &str, targets: &[Verification]) -> String {
    let mut text = String::new();
    for target in targets {
        let taken = match &target.platform {
            Some(platform) if platform.to_string() != target.target => format!(" ({platform})"),
            _ => String::new(),
        };
        let _infallible = writeln!(
            text,
            "{}  {} on {}{taken}",
            colored(target.verdict()),
            paint(BOLD, one_line(subject)),
            one_line(&target.target)
        );
        target.findings.iter().for_each(|finding| show(&mut text, finding));
    }
    text.truncate(text.trim_end().len());
    text
}

fn show(text: &mut String, finding: &Finding) {
    let style = match finding.severity {
        Severity::Error => BAD,
        Severity::Warning => WARN,
        Severity::Note => DIM,
    };
    let _infallible = writeln!(
        text,
        "  {} {}\n    {}\n    help: {}",
        paint(style, format!("{}[{}]", finding.severity, finding.code)),
        one_line(&finding.path.to_string()),
        one_line(&finding.message),
        one_line(&finding.help)
    );
}
