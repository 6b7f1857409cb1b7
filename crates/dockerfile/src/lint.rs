//! What in a Dockerfile ships a program that cannot start.
//!
//! Neither hadolint nor BuildKit's own checks look for it. The rules follow a program from the stage that compiles it
//! to the image that carries it, and compare: for which architecture it is compiled and for which the image is
//! labelled, which C library it is linked to and which the image has.

mod carries;
mod compile;
mod ended;
mod finding;
mod images;
mod model;
mod output;
mod releases;
mod rules;
mod shell;
mod ships;
mod source;

use std::collections::BTreeMap;

use crossdock_platform::Platform;

use crate::read::Dockerfile;
use model::Model;

pub use finding::{Code, Finding, Severity, catalogue_markdown, codes};
pub use images::Date;
pub use output::{Report, Reports, SCHEMA, github, sarif};

/// What is known beside the file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where the image will run. An image whose platform the file fixes is held against them; with the build machine,
    /// so is one that takes the builder's architecture.
    pub deploy: Vec<Platform>,
    /// The machine whose engine builds the file.
    pub build_host: Option<Platform>,
    /// The date that support periods are compared with; without it no base image is called outdated.
    pub today: Option<Date>,
}

/// Every finding, in the order of the lines.
///
/// ```
/// use crossdock_dockerfile::lint::{Options, lint};
///
/// let file = "FROM golang:1.26 AS build\n\
///             RUN CGO_ENABLED=0 GOARCH=amd64 go build -o /app .\n\
///             FROM scratch\n\
///             COPY --from=build /app /app\n\
///             ENTRYPOINT [\"/app\"]\n";
/// let findings = lint(file, &Options::default());
/// assert_eq!(findings[0].code.id(), "constant-architecture");
/// assert_eq!(findings[0].line, 2);
/// assert!(findings[0].corrected.as_deref().is_some_and(|line| line.contains("GOARCH=$TARGETARCH")));
/// ```
#[must_use]
pub fn lint(text: &str, options: &Options) -> Vec<Finding> {
    let file = match Dockerfile::read(text) {
        Ok(file) => file,
        Err(error) => {
            let line = error.line.clamp(1, text.lines().count().max(1));
            return vec![Finding::new(codes::UNREADABLE, line, error.problem.to_string(), None)];
        }
    };
    let model = Model::new(&file, text);
    let mut findings: Vec<Finding> = rules::ALL.iter().flat_map(|rule| rule(&model, options)).collect();
    findings.sort_by_key(|finding| (finding.line, finding.code.id()));
    findings.dedup();
    one_correction_for_a_line(&mut findings);
    findings
}

/// Of corrected lines that contradict each other, that of the gravest finding stays.
fn one_correction_for_a_line(findings: &mut [Finding]) {
    let mut best: BTreeMap<usize, (Severity, String)> = BTreeMap::new();
    for finding in findings.iter() {
        let Some(corrected) = &finding.corrected else { continue };
        let known = best.entry(finding.line).or_insert_with(|| (finding.severity, corrected.clone()));
        if finding.severity > known.0 {
            *known = (finding.severity, corrected.clone());
        }
    }
    for finding in findings {
        let kept = best.get(&finding.line).map(|(_, corrected)| corrected);
        finding.corrected = finding.corrected.take().filter(|corrected| kept == Some(corrected));
    }
}
